"""Radius: how many entries must be removed, or inserted, before the answer to a query can change.

The removal radius of a query is the size of the smallest set of entries whose removal changes its prediction; the
insertion radius (poisoning) is the smallest number of entries, of any class and anywhere, whose arrival changes it.
Both are worst cases over everything that an adversary may choose, without sampling.

*Removal of m entries.* Only entries among the first k + m can matter, and whoever goes, the first k + m less m vote.
To lift class b over the predicted class a nobody of b should go, and nobody serves better than the m heaviest of a
(of equals the nearest, which decides ties): the rest of the window is the same for every choice. So for votes that do
not depend on rank the smallest m is found by voting over windows. For the rank rule removals also move others up;
there a lower bound (every entry of b moves up as far as m removals can lift it, those of a that stay do not move up at
all) and an upper bound (the m heaviest of a go, and the rest vote) are given; they often meet.

*Insertion of m entries.* Nothing serves class b better than m entries of b before all others (similarity 1), which
push the last m voters out; this holds for every rule.

Letters: Q queries, K neighbours, L classes in a list, m removals or insertions.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import check_auditable
from memory.neighbors import PADDING, Neighbors
from memory.voting import TIE_TOLERANCE, Rule, Voting, decide, number_classes, split_scores, tally
from procmem.errors import UserError

UNKNOWN = -1
DEFAULT_BUDGET_BYTES = 64 << 20
_BYTES_PER_NEIGHBOR = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class RadiusResult:
    """How far each query's answer is from changing.

    Attributes:
        removals_lower: (Q,) int64, no set of fewer entries changes the prediction by its removal.
        removals_upper: (Q,) int64, some set of so many does; -1 where the list is too short to tell.
        insertions: (Q,) int64, the smallest number of inserted entries that can change it; at most k.
        predictions: (Q,) int64 of the whole memory.
        memory_size: entries in the memory.
        k: neighbours that vote.
        voting: the rule used.
    """

    removals_lower: npt.NDArray[np.int64]
    removals_upper: npt.NDArray[np.int64]
    insertions: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]
    memory_size: int
    k: int
    voting: Voting

    @property
    def is_exact(self) -> npt.NDArray[np.bool_]:
        """(Q,) whether both bounds of the removal radius meet."""
        is_exact: npt.NDArray[np.bool_] = self.removals_lower == self.removals_upper
        return is_exact

    def summary(self) -> dict[str, object]:
        """Distribution over the queries and the exact rule, in plain JSON types."""
        values, counts = np.unique(self.insertions, return_counts=True)
        lower, lower_counts = np.unique(self.removals_lower, return_counts=True)
        return {
            "memory_size": self.memory_size,
            "num_queries": len(self.predictions),
            "k": self.k,
            **dataclasses.asdict(self.voting),
            "median_removals": float(np.median(self.removals_lower)),
            "median_insertions": float(np.median(self.insertions)),
            "num_exact": int(np.count_nonzero(self.is_exact)),
            "queries_by_removals": dict(zip(map(str, lower.tolist()), lower_counts.tolist(), strict=True)),
            "queries_by_insertions": dict(zip(map(str, values.tolist()), counts.tolist(), strict=True)),
        }


def radius(
    neighbors: Neighbors,
    k: int,
    *,
    voting: Voting | Rule = "softmax",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> RadiusResult:
    """Removal and insertion radius of every query.

    Args:
        neighbors: (Q, K) from an exact search. Up to K - k removals can be judged, all of them where K is the memory.
        k: neighbours that vote.
        voting: how a neighbour counts, or the name of a rule; ties by the nearest neighbour.
        budget_bytes: bound on working memory; it changes no result.

    Raises:
        UserError: for an approximate or empty search, fewer than k neighbours, or the papers' tie protocol.
    """
    voting = Voting.of(voting)
    memory_size = check_auditable(neighbors, k)
    if voting.protocol != "nearest":
        raise UserError(f"the radius is defined for ties by the nearest neighbour; received {voting.protocol!r}")
    Q, K = neighbors.ids.shape
    classes, numbers = number_classes(neighbors.labels)
    weights = voting.own_weights(neighbors)
    largest = K if memory_size <= K else K - k
    columns = np.empty((4, Q), np.int64)
    block = max(1, budget_bytes // (_BYTES_PER_NEIGHBOR * K))
    for start in range(0, Q, block):
        part = slice(start, start + block)
        lists = _Lists(numbers[part], weights[part], k, voting)
        removals = lists.removals(largest)
        columns[:, part] = lists.predictions, *removals, lists.insertions()
    return RadiusResult(
        predictions=classes[np.arange(Q), columns[0]],
        removals_lower=columns[1],
        removals_upper=columns[2],
        insertions=columns[3],
        memory_size=memory_size,
        k=k,
        voting=voting,
    )


class _Lists:
    """A block of lists whose classes are numbered list by list.

    Args:
        numbers: (Q, K) class numbers, -1 where padded.
        weights: (Q, K) own weights, without rank.
        k: neighbours that vote.
        voting: the rule.
    """

    def __init__(
        self, numbers: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], k: int, voting: Voting
    ) -> None:
        self.numbers, self.weights, self.k, self.voting = numbers, weights, k, voting
        self.num_classes = int(numbers.max(initial=0)) + 1
        self.predictions = self._predict(numbers[:, :k], weights[:, :k])
        self.is_predicted = (numbers == self.predictions[:, None]) & (numbers != PADDING)

    def removals(self, largest: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(Q,) lower and upper bound of the removal radius, looked for up to `largest`."""
        Q, depends_on_rank = len(self.numbers), self.voting.rule == "rank"
        lower, upper = np.full(Q, largest + 1), np.full(Q, UNKNOWN)
        for m in range(1, largest + 1):
            open_rows = np.flatnonzero(upper == UNKNOWN)
            if not len(open_rows):
                break
            upper[open_rows[self._falls(open_rows, m)]] = m
            if depends_on_rank:
                unreached = np.flatnonzero(lower > m)
                lower[unreached[self._may_fall(unreached, m)]] = m
        return (lower if depends_on_rank else np.where(upper == UNKNOWN, lower, upper)), upper

    def insertions(self) -> npt.NDArray[np.int64]:
        """(Q,) the insertion radius."""
        needed = np.full(len(self.numbers), self.k)
        rank_weights = self.voting.rank_weights(self.k)
        for m in range(self.k - 1, 0, -1):
            voters = self.numbers[:, : self.k - m]
            scores, _ = tally(
                voters, self.weights[:, : self.k - m] * rank_weights[m : m + voters.shape[1]], self.num_classes
            )
            predicted, best_other = split_scores(scores, self.predictions)
            best_other += rank_weights[:m].sum()  # own weight at similarity 1 is 1 under every rule
            needed[best_other >= predicted * (1 - TIE_TOLERANCE)] = m  # a tie is the newcomers', who are nearest
        return needed

    def _falls(self, rows: npt.NDArray[np.int64], m: int) -> npt.NDArray[np.bool_]:
        """(R,) whether the answer changes if the m heaviest of the predicted class go (others, where it has fewer)."""
        numbers, weights, is_predicted = self._window(rows, m)
        heaviness = weights * self.voting.rank_weights(weights.shape[1])
        order = np.lexsort((-heaviness, ~is_predicted), axis=1)[:, :m]
        removed = np.zeros(numbers.shape, bool)
        np.put_along_axis(removed, order, True, axis=1)
        kept = np.argsort(removed, axis=1, kind="stable")[:, : numbers.shape[1] - order.shape[1]]
        winners = self._predict(np.take_along_axis(numbers, kept, axis=1), np.take_along_axis(weights, kept, axis=1))
        falls: npt.NDArray[np.bool_] = winners != self.predictions[rows]
        return falls

    def _may_fall(self, rows: npt.NDArray[np.int64], m: int) -> npt.NDArray[np.bool_]:
        """(R,) False only where no m removals change the answer."""
        numbers, weights, is_predicted = self._window(rows, m)
        W = numbers.shape[1]
        rank_weights = self.voting.rank_weights(W)
        lifted = rank_weights[np.maximum(np.arange(W) - m, 0)]
        scores, _ = tally(numbers, weights * lifted, self.num_classes)
        _, best_other = split_scores(scores, self.predictions[rows])
        lightest = np.sort(np.where(is_predicted, weights * rank_weights, np.inf), axis=1)
        num_staying = np.maximum(is_predicted.sum(axis=1) - m, 0)
        least = np.where(np.arange(W) < num_staying[:, None], lightest, 0.0).sum(axis=1)
        may_fall: npt.NDArray[np.bool_] = best_other >= least * (1 - 2 * TIE_TOLERANCE)
        return may_fall

    def _window(
        self, rows: npt.NDArray[np.int64], m: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Numbers, weights and membership of the predicted class of the first k + m neighbours of some rows."""
        window = slice(self.k + m)
        return self.numbers[rows, window], self.weights[rows, window], self.is_predicted[rows, window]

    def _predict(self, numbers: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        votes = weights * self.voting.rank_weights(numbers.shape[1])
        scores, running = tally(numbers, votes, self.num_classes)
        return decide(numbers, scores, running, self.voting.protocol)
