"""Sweeps: every voting rule at every k, from one search at the largest k.

A list searched for K neighbours holds the list of every smaller k, so scores are summed once per rule, and read when
the running sum has come to a k of the grid. Classes are numbered list by list: tables are as wide as a list, not as
C, and a sweep costs a few per cent of its search (``benchmarks/search.py``). The alternative, one vote per (rule, k),
sums the same weights again for each k over tables of C columns.

Letters: Q queries, K neighbours, C classes, L classes in a list.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from memory.voting import TIE_TOLERANCE, Rule, Voting, decide, number_classes
from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 64 << 20
_BYTES_PER_NEIGHBOR = 64
TOP = 5  # of top-5 accuracy

PAPER_NUM_NEIGHBORS = (1, 2, 3, 4, 5, 10, 20, 100, 200)
"""The grid of "Separating Knowledge and Perception with Procedural Data" (2025) on its small sets."""

SENSITIVITY: dict[Rule, tuple[str, tuple[float, ...]]] = {
    "rank": ("rank_offset", (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),
    "softmax": ("temperature", (0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 0.5, 1.0)),
    "distance": ("distance_exponent", (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)),
}
"""Hyperparameter of each rule that has one, with the values of a sensitivity sweep (Geirhos et al. 2024, app. C)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepRow:
    """One (rule, k).

    Attributes:
        voting: the rule with its numbers.
        k: neighbours that vote; at most the neighbours searched.
        num_queries: Q.
        top1_accuracy: share of queries whose predicted class is right, 0..1.
        top5_accuracy: share whose true class has votes and is among the five best, 0..1. A class is outranked by
            every class with more votes, and by one with as many (within the tie tolerance) that has a nearer neighbour.
        standard_error: of top1_accuracy, binomial.
        mean_confidence: mean share of the votes that the predicted class has, 0..1.
        predictions: (Q,) int64 predicted classes; -1 for a query without neighbours.
    """

    voting: Voting
    k: int
    num_queries: int
    top1_accuracy: float
    top5_accuracy: float
    standard_error: float
    mean_confidence: float
    predictions: npt.NDArray[np.int64] = dataclasses.field(repr=False)

    def per_class(self, query_labels: npt.NDArray[np.int64], num_classes: int) -> npt.NDArray[np.float64]:
        """(C,) top-1 accuracy of each class's queries; NaN for a class without queries."""
        counts = np.bincount(query_labels, minlength=num_classes)
        right = np.bincount(query_labels[self.predictions == query_labels], minlength=num_classes)
        accuracy: npt.NDArray[np.float64] = np.divide(right, counts, out=np.full(num_classes, np.nan), where=counts > 0)
        return accuracy

    def to_dict(self) -> dict[str, object]:
        """The row without predictions, in plain JSON types."""
        numbers = ("k", "num_queries", "top1_accuracy", "top5_accuracy", "standard_error", "mean_confidence")
        return dataclasses.asdict(self.voting) | {name: getattr(self, name) for name in numbers}


def sweep(
    neighbors: Neighbors,
    query_labels: npt.NDArray[np.int64],
    *,
    num_neighbors: Sequence[int] = PAPER_NUM_NEIGHBORS,
    votings: Sequence[Voting | Rule] = ("softmax", "plurality", "distance", "rank"),
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> list[SweepRow]:
    """Score every rule at every k.

    ``for voting: for k: vote(neighbors.first(k), voting)``

    Args:
        neighbors: (Q, K) of one search at the largest k; weights count.
        query_labels: (Q,) true classes.
        num_neighbors: values of k, each at most K.
        votings: rules, by name or with their numbers.
        budget_bytes: bound on working memory; it changes no result.

    Returns:
        One row per (voting, k): votings in the order given, k ascending.

    Raises:
        UserError: if there is no query or no k, a k is out of range, or labels have another length.
    """
    Q, K = neighbors.ids.shape
    query_labels = np.asarray(query_labels, dtype=np.int64)
    if query_labels.shape != (Q,) or Q == 0:
        raise UserError(f"a sweep needs one label for each of at least 1 query; received {query_labels.shape} for {Q}")
    ks = sorted(set(num_neighbors))
    if not ks or ks[0] < 1 or ks[-1] > K:
        raise UserError(f"num_neighbors is {list(num_neighbors)}; these neighbours were searched with k = {K}")
    chosen = [Voting.of(voting) for voting in votings]
    grid = [(voting, k) for voting in chosen for k in ks]
    predictions = np.empty((len(grid), Q), np.int64)
    in_top = np.empty((len(grid), Q), bool)
    confidence = np.empty((len(grid), Q))
    block = max(1, budget_bytes // (_BYTES_PER_NEIGHBOR * K))
    for start in range(0, Q, block):
        part = slice(start, start + block)
        answers = _answers(neighbors.rows(part).first(ks[-1]), query_labels[part], chosen, ks)
        for i, answer in enumerate(answers):
            predictions[i, part], in_top[i, part], confidence[i, part] = answer
    return [
        _row(voting, k, predictions[i], query_labels, in_top[i], confidence[i]) for i, (voting, k) in enumerate(grid)
    ]


def sensitivity_votings(rule: Rule) -> list[Voting]:
    """A rule at each value of its hyperparameter in `SENSITIVITY`; plurality, which has none, once.

    Geirhos et al. (2024), appendix C, plots the best accuracy over k against them.
    """
    if rule not in SENSITIVITY:
        return [Voting(rule=rule)]
    name, values = SENSITIVITY[rule]
    return [dataclasses.replace(Voting(rule=rule), **{name: value}) for value in values]  # type: ignore[arg-type]


def as_csv(rows: Sequence[SweepRow]) -> str:
    """A sweep as CSV with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0].to_dict()) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_dict() for row in rows)
    return text.getvalue()


_Answer = tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.float64]]


def _answers(
    neighbors: Neighbors, query_labels: npt.NDArray[np.int64], votings: Sequence[Voting], ks: Sequence[int]
) -> Iterator[_Answer]:
    """Predictions, top-5 hits and confidences (Q,) of a block for each (voting, k)."""
    Q, K = neighbors.ids.shape
    classes, numbers = number_classes(neighbors.labels)
    L = int(numbers.max(initial=0)) + 1
    first_rank = np.full((Q, L), K)
    rows, ranks = np.nonzero(numbers != PADDING)
    np.minimum.at(first_rank, (rows, numbers[rows, ranks]), ranks)
    is_own = classes == query_labels[:, None]
    has_own = is_own.any(axis=1)
    own = np.minimum(is_own.argmax(axis=1), L - 1)  # a true class that is in the list has a number below L
    starts = np.arange(Q) * L
    for voting in votings:
        weights = voting.own_weights(neighbors) * voting.rank_weights(K)
        scores, running = np.zeros(Q * L), np.empty((Q, K))
        num_counted = 0
        for k in ks:
            for j in range(num_counted, k):
                cells = starts + np.maximum(numbers[:, j], 0)
                running[:, j] = scores[cells] + weights[:, j]
                scores[cells] = running[:, j]
            num_counted = k
            table = scores.reshape(Q, L)
            winners = decide(numbers[:, :k], table, running[:, :k], voting.protocol)
            in_top = _is_in_top(table, first_rank, own, k) & has_own
            totals, best = table.sum(axis=1), table[np.arange(Q), np.maximum(winners, 0)]
            confidence = np.divide(best, totals, out=np.zeros(Q), where=totals > 0)
            yield classes[np.arange(Q), winners], in_top, confidence


def _is_in_top(
    scores: npt.NDArray[np.float64], first_rank: npt.NDArray[np.int64], own: npt.NDArray[np.int64], k: int
) -> npt.NDArray[np.bool_]:
    """(Q,) whether class number `own` is outranked by fewer than TOP others, and voted for by one of the first k."""
    rows = np.arange(len(scores))
    own_score, own_rank = scores[rows, own][:, None], first_rank[rows, own][:, None]
    above = scores > own_score * (1 + TIE_TOLERANCE)
    tied = ~above & (scores >= own_score * (1 - TIE_TOLERANCE)) & (first_rank < own_rank)
    is_in: npt.NDArray[np.bool_] = ((above | tied).sum(axis=1) < TOP) & (own_rank[:, 0] < k)
    return is_in


def _row(
    voting: Voting,
    k: int,
    predictions: npt.NDArray[np.int64],
    query_labels: npt.NDArray[np.int64],
    in_top: npt.NDArray[np.bool_],
    confidence: npt.NDArray[np.float64],
) -> SweepRow:
    Q = len(query_labels)
    accuracy = float(np.mean(predictions == query_labels))
    return SweepRow(
        voting=voting,
        k=k,
        num_queries=Q,
        top1_accuracy=accuracy,
        top5_accuracy=float(np.mean(in_top)),
        standard_error=math.sqrt(accuracy * (1 - accuracy) / Q),
        mean_confidence=float(confidence.mean()),
        predictions=predictions,
    )
