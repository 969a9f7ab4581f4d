"""Leave-one-out audit: which single entries change a prediction, exactly, from one top-(k+1) search.

A memory entry is private, in the sense of leave-one-out, if removing it changes no prediction on the query set (a
deterministic count, not differential privacy; "Separating Knowledge and Perception with Procedural Data", 2025,
section 6). Only the first k neighbours of a query vote, so only they can matter to it: each is removed in turn, the
(k+1)-th moves in, ranks shift, and the rest vote again with the rule, the order of additions and the tie tolerance
of `memory.voting`. The result therefore equals rebuilding the memory without each entry, to the last bit.

Most removals provably change nothing: a bound on how far the predicted class's lead can shrink rules them out in
O(Q k), and only the rest vote again. The bound errs on one side only; a closed-form threshold that decides by itself,
as in the published script, disagrees with the definition in a third of the cases.

Letters: Q queries, K = k + 1 neighbours, F flips, M removals that vote again.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from memory.voting import TIE_TOLERANCE, Rule, Voting, decide, number_classes, split_scores, tally
from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 64 << 20
_BYTES_PER_NEIGHBOR = 96  # label, weight, score, running score, gains and temporaries of one neighbour of a list


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveOneOutResult:
    """Every (entry, query) pair in which removing the entry changes the prediction.

    Attributes:
        entry_ids: (F,) int64, the removed entry of each flip, ordered by query, then by rank of the entry.
        query_rows: (F,) int64, the query whose prediction changes.
        from_classes: (F,) int64, prediction with the entry.
        to_classes: (F,) int64, prediction without it; -1 where no neighbour is left.
        predictions: (Q,) int64, predictions of the whole memory.
        margins: (Q,) float64, share of the predicted class in the votes less that of the best other class.
        reached_ids: int64, ascending, entries among the first k + 1 of any query: no other can be non-private.
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
    margins: npt.NDArray[np.float64]
    reached_ids: npt.NDArray[np.int64]
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
    voting: Voting | Rule = "softmax",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> LeaveOneOutResult:
    """Audit a memory from the neighbours of its queries.

    ``for q, r < k: flip if vote(first k of list(q) without its r-th) != vote(first k of list(q))``

    Args:
        neighbors: (Q, K) from an exact search with at least k + 1 neighbours. Where the memory has no more than k
            entries the rows are padded and no replacement moves in. Weights of entries are taken as they are: they do
            not change when another entry goes. One search at the largest k serves every smaller one.
        k: neighbours that vote.
        query_labels: (Q,) true classes, to tell helpful from harmful entries.
        voting: how a neighbour counts, or the name of a rule.
        budget_bytes: bound on working memory; it changes no result.

    Raises:
        UserError: for neighbours of an approximate search, of an unknown or empty memory, or too few of them.
    """
    voting = Voting.of(voting)
    memory_size = check_auditable(neighbors, k, num_further=1)
    Q = neighbors.num_queries
    query_labels = as_query_labels(query_labels, Q)
    neighbors = neighbors.first(min(k + 1, neighbors.num_neighbors))
    voters = neighbors.first(min(k, neighbors.num_neighbors)).ids
    classes, numbers = number_classes(neighbors.labels)
    weights = voting.own_weights(neighbors)
    before, margins = np.empty(Q, np.int64), np.empty(Q)
    flips = []
    block = max(1, budget_bytes // (_BYTES_PER_NEIGHBOR * neighbors.num_neighbors))
    for start in range(0, Q, block):
        part = slice(start, start + block)
        lists = _Lists(numbers[part], weights[part], k, voting)
        before[part], margins[part] = lists.predictions, lists.margins()
        rows, ranks, after = lists.flips(budget_bytes)
        flips.append((rows + start, ranks, after))
    query_rows, ranks, after = (np.concatenate(column) for column in zip(*flips, strict=True))
    return LeaveOneOutResult(
        entry_ids=voters[query_rows, ranks],
        query_rows=query_rows,
        from_classes=classes[query_rows, before[query_rows]],
        to_classes=classes[query_rows, after],
        predictions=classes[np.arange(Q), before],
        margins=margins,
        reached_ids=_distinct(neighbors.ids[neighbors.ids != PADDING]),
        query_labels=query_labels,
        memory_size=memory_size,
        k=k,
        voting=voting,
    )


class _Lists:
    """A block of neighbour lists with their votes; classes are numbered list by list.

    Args:
        numbers: (Q, K) class numbers, -1 where padded.
        weights: (Q, K) own weights, without rank.
        k: neighbours that vote; the next one moves in.
        voting: the rule.
    """

    def __init__(
        self, numbers: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], k: int, voting: Voting
    ) -> None:
        self.numbers, self.weights, self.voting = numbers, weights, voting
        self.num_voters = min(k, numbers.shape[1])
        self.rank_weights = voting.rank_weights(self.num_voters)
        voters, voted = numbers[:, : self.num_voters], weights[:, : self.num_voters] * self.rank_weights
        num_classes = int(numbers.max(initial=0)) + 1
        self.scores, running = tally(voters, voted, num_classes)
        self.predictions = decide(voters, self.scores, running, voting.protocol)
        self.best, self.best_other = split_scores(self.scores, self.predictions)

    def margins(self) -> npt.NDArray[np.float64]:
        """(Q,) share of the predicted class in the votes less that of the best other."""
        totals = self.scores.sum(axis=1)
        lead = self.best - self.best_other
        margins: npt.NDArray[np.float64] = np.divide(lead, totals, out=np.zeros(len(totals)), where=totals > 0)
        return margins

    def flips(self, budget_bytes: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows, ranks and new class numbers of the removals that change a prediction, by row, then rank."""
        rows, ranks = np.nonzero(self._may_flip())
        after = np.empty(len(rows), np.int64)
        step = max(1, budget_bytes // (_BYTES_PER_NEIGHBOR * self.numbers.shape[1]))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            after[part] = self._predict_without(rows[part], ranks[part])
        changed = after != self.predictions[rows]
        return rows[changed], ranks[changed], after[changed]

    def _may_flip(self) -> npt.NDArray[np.bool_]:
        """(Q, num_voters) False only where the removal provably leaves the predicted class alone at the top.

        Count the one that moves in as if it voted already. The predicted class then loses the removed vote and gains
        what its neighbours behind gain by moving up; another class gains at most what all others behind gain together.
        Both differ from the sums of a vote by rounding only, which the slack covers with the tie tolerance.
        """
        k = self.num_voters
        own, others = self.best, self.best_other
        if self.numbers.shape[1] > k:
            moving_in = self.weights[:, k] * self.rank_weights[-1]
            is_own = self.numbers[:, k] == self.predictions
            rows = np.arange(len(self.numbers))
            own = own + np.where(is_own, moving_in, 0.0)
            others = np.where(is_own, others, np.maximum(others, self.scores[rows, self.numbers[:, k]] + moving_in))
        gains = np.zeros((len(self.numbers), k))
        gains[:, 1:] = self.weights[:, 1:k] * (self.rank_weights[:-1] - self.rank_weights[1:])
        is_best = self.numbers[:, :k] == self.predictions[:, None]
        signed = np.where(is_best, gains, -gains)
        behind = np.cumsum(signed[:, ::-1], axis=1)[:, ::-1] - signed
        lost = self.weights[:, :k] * self.rank_weights * is_best
        slack = 4 * TIE_TOLERANCE * (self.scores.sum(axis=1) + gains.sum(axis=1) + own)
        may_flip: npt.NDArray[np.bool_] = (own - others - slack)[:, None] - lost + behind <= 0
        may_flip &= self.numbers[:, :k] != PADDING
        return may_flip

    def _predict_without(self, rows: npt.NDArray[np.int64], ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """(M,) predictions of list rows[m] after its neighbour ranks[m] is gone, by voting again."""
        columns = np.arange(self.numbers.shape[1] - 1)
        kept = columns + (columns >= ranks[:, None])
        numbers = self.numbers[rows[:, None], kept]
        weights = self.weights[rows[:, None], kept] * self.voting.rank_weights(len(columns))
        scores, running = tally(numbers, weights, self.scores.shape[1])
        return decide(numbers, scores, running, self.voting.protocol)


def _distinct(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Ascending, each once; by sorting, since numpy's hashing `unique` took four fifths of an audit's time."""
    ordered = np.sort(ids)
    is_new = np.ones(len(ordered), bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    distinct: npt.NDArray[np.int64] = ordered[is_new]
    return distinct


def as_query_labels(query_labels: npt.ArrayLike | None, num_queries: int) -> npt.NDArray[np.int64] | None:
    """True classes of the queries as an audit keeps them; None stays None.

    Raises:
        UserError: unless there is one for each query.
    """
    if query_labels is None:
        return None
    if np.shape(query_labels) != (num_queries,):
        shape = np.shape(query_labels)
        raise UserError(f"query_labels have shape {shape}; {num_queries} queries need ({num_queries},)")
    return np.asarray(query_labels, dtype=np.int64)


def check_auditable(neighbors: Neighbors, k: int, num_further: int = 0) -> int:
    """Refuse neighbours that an audit cannot start from.

    Args:
        neighbors: of the audited memory.
        k: neighbours that vote.
        num_further: neighbours that the audit needs beyond k.

    Returns:
        The memory's number of entries.

    Raises:
        UserError: for an approximate search, an unknown or empty memory, k < 1, or too few neighbours.
    """
    if not neighbors.exact:
        raise UserError("these neighbours come from an approximate search; an audit needs an exact one")
    if not neighbors.memory_size:
        raise UserError(f"the audited memory has {neighbors.memory_size or 'an unknown number of'} entries")
    if k < 1 or neighbors.num_neighbors < min(k + num_further, neighbors.memory_size):
        wanted = f"k + {num_further}, since others move in" if num_further else "k"
        raise UserError(
            f"k is {k} and each query has {neighbors.num_neighbors} neighbours; this audit needs k >= 1 and a "
            f"search for {wanted}"
        )
    return neighbors.memory_size
