"""Leave-one-out audit: which single entries change a prediction, exactly, from one top-(k+1) search.

A memory entry is private, in the sense of leave-one-out, if removing it changes no prediction on the query set (a
deterministic count, not differential privacy; "Separating Knowledge and Perception with Procedural Data", 2025,
section 6). Only the first k neighbours of a query vote, so only they can matter to it: each is removed in turn, the
(k+1)-th moves in, ranks shift, and the rest vote again with the rule, the order of additions and the tie tolerance
of `memory.voting`. The result therefore equals rebuilding the memory without each entry, to the last bit.

Cost: Q k (k + 1) additions, in blocks of bounded memory. Rejected: a closed-form threshold on score differences, as
in the published script, which is faster but disagrees with the definition in a third of the cases.

Letters: Q queries, K = k + 1 neighbours, F flips, M = (queries of a block) x k removals.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from memory.voting import Protocol, Rule, Voting, decide, tally
from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 64 << 20
_BYTES_PER_VOTE = 48  # label, weight, score, running score and temporaries of one neighbour in one removal


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveOneOutResult:
    """Every (entry, query) pair in which removing the entry changes the prediction.

    Attributes:
        entry_ids: (F,) int64, the removed entry of each flip, ordered by query, then by rank of the entry.
        query_rows: (F,) int64, the query whose prediction changes.
        from_classes: (F,) int64, prediction with the entry.
        to_classes: (F,) int64, prediction without it; -1 where no neighbour is left.
        predictions: (Q,) int64, predictions of the whole memory.
        query_labels: (Q,) int64 true classes, or None.
        memory_size: entries in the memory.
        k: neighbours that vote.
        voting: the rule used.
    """

    entry_ids: npt.NDArray[np.int64]
    query_rows: npt.NDArray[np.int64]
    from_classes: npt.NDArray[np.int64]
    to_classes: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]
    query_labels: npt.NDArray[np.int64] | None
    memory_size: int
    k: int
    voting: Voting

    @property
    def num_flips(self) -> int:
        """F."""
        return len(self.entry_ids)

    def flips_per_entry(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Ids of the non-private entries, ascending, and how many queries each changes."""
        ids, counts = np.unique(self.entry_ids, return_counts=True)
        return ids, counts.astype(np.int64)

    def deciding_neighbors(self) -> npt.NDArray[np.int64]:
        """(Q,) how many single entries can change the prediction of each query."""
        return np.bincount(self.query_rows, minlength=len(self.predictions)).astype(np.int64)

    @property
    def num_non_private(self) -> int:
        """Entries whose removal changes at least one prediction."""
        return len(np.unique(self.entry_ids))

    @property
    def num_private(self) -> int:
        """Entries whose removal changes none, those that are no one's neighbour included."""
        return self.memory_size - self.num_non_private

    @property
    def fraction_non_private(self) -> float:
        """Share of the memory, 0..1; it grows with the number of queries."""
        return self.num_non_private / self.memory_size

    def effects(self) -> npt.NDArray[np.int64]:
        """What the *entry* of each flip does, not its removal.

        Returns:
            (F,) +1 helpful (without it a right answer turns wrong), -1 harmful (wrong turns right), 0 neither.

        Raises:
            UserError: if the audit had no query labels.
        """
        if self.query_labels is None:
            raise UserError("helpful and harmful flips need the true classes of the queries: pass query_labels")
        truth = self.query_labels[self.query_rows]
        effects: npt.NDArray[np.int64] = (self.from_classes == truth) - np.int64(self.to_classes == truth)
        return effects

    def summary(self) -> dict[str, object]:
        """Counts and the exact rule, in plain JSON types."""
        summary: dict[str, object] = {
            "memory_size": self.memory_size,
            "num_queries": len(self.predictions),
            "k": self.k,
            **dataclasses.asdict(self.voting),
            "num_flips": self.num_flips,
            "num_private": self.num_private,
            "num_non_private": self.num_non_private,
            "fraction_non_private": self.fraction_non_private,
            "num_queries_decided_by_one": int(np.count_nonzero(self.deciding_neighbors())),
        }
        if self.query_labels is not None:
            effects = self.effects()
            for name, sign in (("num_helpful", 1), ("num_harmful", -1), ("num_neutral", 0)):
                summary[name] = int(np.count_nonzero(effects == sign))
            summary["top1_accuracy"] = float(np.mean(self.predictions == self.query_labels))
        return summary


def leave_one_out(
    neighbors: Neighbors,
    k: int,
    *,
    query_labels: npt.NDArray[np.int64] | None = None,
    rule: Rule = "softmax",
    temperature: float = 0.07,
    protocol: Protocol = "nearest",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> LeaveOneOutResult:
    """Audit a memory from the neighbours of its queries.

    ``for q, r < k: flip if vote(first k of list(q) without its r-th) != vote(first k of list(q))``

    Args:
        neighbors: (Q, K) from an exact search with at least k + 1 neighbours. Where the memory has no more than k
            entries the rows are padded and no replacement moves in.
        k: neighbours that vote.
        query_labels: (Q,) true classes, to tell helpful from harmful entries.
        rule: as in `vote`.
        temperature: as in `vote`.
        protocol: as in `vote`.
        budget_bytes: bound on working memory.

    Raises:
        UserError: for neighbours of an approximate search, of an unknown or empty memory, or too few of them.
    """
    voting = Voting(rule=rule, temperature=temperature, protocol=protocol)
    memory_size = _checked_memory_size(neighbors, k)
    Q = neighbors.num_queries
    if query_labels is not None and np.shape(query_labels) != (Q,):
        raise UserError(f"query_labels have shape {np.shape(query_labels)}; {Q} queries need ({Q},)")
    neighbors = neighbors.first(min(k + 1, neighbors.num_neighbors))
    classes, local_labels = _classes_of_each_list(neighbors.labels)
    voters = neighbors.first(min(k, neighbors.num_neighbors))
    weights = voting.own_weights(neighbors.similarities)
    before = _predict(local_labels[:, :k], weights[:, :k], voting)
    after = np.empty(voters.ids.shape, np.int64)
    block = max(1, budget_bytes // (_BYTES_PER_VOTE * max(k, 1) * neighbors.num_neighbors))
    for start in range(0, Q, block):
        part = slice(start, start + block)
        after[part] = _predict_without_each(local_labels[part], weights[part], k, voting)
    query_rows, ranks = np.nonzero(after != before[:, None])  # removing padding changes nothing
    return LeaveOneOutResult(
        entry_ids=voters.ids[query_rows, ranks],
        query_rows=query_rows,
        from_classes=classes[query_rows, before[query_rows]],
        to_classes=classes[query_rows, after[query_rows, ranks]],
        predictions=classes[np.arange(Q), before],
        query_labels=None if query_labels is None else np.asarray(query_labels, dtype=np.int64),
        memory_size=memory_size,
        k=k,
        voting=voting,
    )


def _checked_memory_size(neighbors: Neighbors, k: int) -> int:
    if not neighbors.exact:
        raise UserError("these neighbours come from an approximate search; an audit needs an exact one")
    if not neighbors.memory_size:
        raise UserError(f"the audited memory has {neighbors.memory_size or 'an unknown number of'} entries")
    if k < 1 or neighbors.num_neighbors < min(k + 1, neighbors.memory_size):
        raise UserError(
            f"k is {k} and each query has {neighbors.num_neighbors} neighbours; leave-one-out needs k >= 1 and a "
            "search for k + 1, because the (k+1)-th moves in"
        )
    return neighbors.memory_size


def _classes_of_each_list(
    labels: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number the classes of each list by themselves, so that score tables are as wide as a list, not as C.

    Args:
        labels: (Q, K).

    Returns:
        Classes (Q, K + 1), the class of each number, with -1 last so that number -1 (padding, nobody) maps to it; and
        numbers (Q, K) in 0..K-1, -1 where padded.
    """
    order = np.argsort(labels, axis=1, kind="stable")
    ordered = np.take_along_axis(labels, order, axis=1)
    is_new = np.ones(labels.shape, np.int64)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    numbers = np.empty_like(labels)
    np.put_along_axis(numbers, order, np.cumsum(is_new, axis=1) - 1, axis=1)
    numbers[labels == PADDING] = PADDING
    classes = np.full((len(labels), labels.shape[1] + 1), PADDING)
    rows, columns = np.nonzero(labels != PADDING)
    classes[rows, numbers[rows, columns]] = labels[rows, columns]
    return classes, numbers


def _predict(
    labels: npt.NDArray[np.int64], own_weights: npt.NDArray[np.float64], voting: Voting
) -> npt.NDArray[np.int64]:
    """Vote over (M, k) lists; (M,) predictions in the numbers of `labels`."""
    weights = own_weights * voting.rank_weights(labels.shape[1])
    num_numbers = int(labels.max(initial=0)) + 1
    scores, running = tally(labels, weights, num_numbers)
    return decide(labels, scores, running, voting.protocol)


def _predict_without_each(
    labels: npt.NDArray[np.int64], own_weights: npt.NDArray[np.float64], k: int, voting: Voting
) -> npt.NDArray[np.int64]:
    """Predictions (Q, min(k, K)) after removing each of the voters."""
    Q, K = labels.shape
    num_voters = min(k, K)
    kept = np.array([[j for j in range(K) if j != removed] for removed in range(num_voters)], np.int64)
    kept = kept.reshape(num_voters, K - 1)
    predictions = _predict(
        labels[:, kept].reshape(Q * num_voters, K - 1), own_weights[:, kept].reshape(Q * num_voters, K - 1), voting
    )
    return predictions.reshape(Q, num_voters)
