"""Votes: neighbours to class scores and predictions, by four rules.

A neighbour's weight depends on its own similarity (plurality: 1; distance: exp(-d)^exponent with d = 1 - similarity;
softmax: exp((similarity - 1) / temperature)) or on its rank (1 / (offset + rank), the nearest has rank 0), times the
entry's own weight (soft pruning, trust), never on the other neighbours. The usual stabilised softmax subtracts the
row's largest similarity; subtracting 1 instead scales every score of a row by one factor just the same (it moves no
ratio, so no tie), and keeps an entry's weight when another entry is removed, so audits and rebuilt memories agree to
the last bit. Its price is a lower limit on temperature.

Scores are summed from the nearest neighbour to the farthest. Scores within `TIE_TOLERANCE` of the largest are tied,
and a tie goes to the class of the nearest neighbour among the tied. `protocol="paper"` gives it to the class that
first reaches the largest score when scanning from the nearest, as the notebook of Geirhos et al., "Towards flexible
perception with visual memory" (2024, arXiv 2408.08172, section 2.2), does: [0, 1, 1, 0] -> 1, ours -> 0.

Letters: Q queries, K neighbours, C classes, M lists of neighbours.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from procmem.errors import UserError, unknown_name

Rule = Literal["plurality", "distance", "softmax", "rank"]
Protocol = Literal["nearest", "paper"]

TIE_TOLERANCE = 1e-9
"""Relative; far above the rounding of a sum of 1e5 weights (1e-11), far below a difference that means anything."""

MIN_TEMPERATURE = 0.003
"""Below it exp((similarity - 1) / temperature) leaves the normal float64 range at similarity -1 (2 / 708 = 0.0028)."""

MAX_DISTANCE_EXPONENT = 350.0
"""Above it exp(-distance * exponent) leaves the normal float64 range at distance 2."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Voting:
    """How neighbours vote (Geirhos et al. 2024, section 2.2; the hyperparameters of their appendix C).

    Attributes:
        rule: weight of a neighbour.
        temperature: divisor of similarity in the softmax rule; 0.07 in the papers.
        rank_offset: alpha of the rank rule, 1 / (alpha + rank); 2 in the paper.
        distance_exponent: xi of the distance rule, exp(-d)^xi; 1 where the paper does not vary it.
        protocol: who wins a tie: ``"nearest"`` or ``"paper"``.

    Raises:
        UserError: for an unknown rule or protocol, or a number out of range.
    """

    rule: Rule = "softmax"
    temperature: float = 0.07
    rank_offset: float = 2.0
    distance_exponent: float = 1.0
    protocol: Protocol = "nearest"

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise unknown_name("voting rule", self.rule, get_args(Rule))
        if self.protocol not in get_args(Protocol):
            raise unknown_name("tie protocol", self.protocol, get_args(Protocol))
        if not MIN_TEMPERATURE <= self.temperature < np.inf:
            raise UserError(
                f"temperature is {self.temperature}; it must be at least {MIN_TEMPERATURE} "
                "(towards 0 the nearest neighbour decides alone: use k = 1)"
            )
        if not 0 < self.rank_offset < np.inf:
            raise UserError(f"rank_offset is {self.rank_offset}; it must be above 0, since the nearest has rank 0")
        if not 0 < self.distance_exponent <= MAX_DISTANCE_EXPONENT:
            raise UserError(
                f"distance_exponent is {self.distance_exponent}; it must be above 0, at most {MAX_DISTANCE_EXPONENT:g}"
            )

    @classmethod
    def of(cls, voting: Voting | Rule) -> Voting:
        """A rule's name stands for that rule with the papers' numbers.

        Raises:
            UserError: for an unknown name.
        """
        return voting if isinstance(voting, Voting) else cls(rule=voting)

    def own_weights(self, neighbors: Neighbors) -> npt.NDArray[np.float64]:
        """(Q, K) factor that depends on a neighbour itself: its similarity and its entry's weight; 0 where padded."""
        similarities = neighbors.similarities
        if self.rule == "distance":
            weights = np.exp((similarities - 1) * self.distance_exponent)
        elif self.rule == "softmax":
            weights = np.exp((similarities - 1) / self.temperature)
        else:
            weights = np.where(np.isneginf(similarities), 0.0, 1.0)
        return weights if neighbors.weights is None else weights * neighbors.weights

    def rank_weights(self, k: int) -> npt.NDArray[np.float64]:
        """Factor (k,) that depends on rank; a list that loses a neighbour is ranked anew."""
        return 1 / (self.rank_offset + np.arange(k)) if self.rule == "rank" else np.ones(k)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Votes:
    """What a memory answers.

    Attributes:
        scores: (Q, C) float64 >= 0, sums of weights; softmax scores carry the factor exp(-1 / temperature).
        predictions: (Q,) int64 classes; -1 for a query without any neighbour.
        voting: the rule used.
    """

    scores: npt.NDArray[np.float64]
    predictions: npt.NDArray[np.int64]
    voting: Voting

    def shares(self) -> npt.NDArray[np.float64]:
        """(Q, C) each class's share of all votes, 0..1; 0 for a query without votes."""
        totals = self.scores.sum(axis=1, keepdims=True)
        shares: npt.NDArray[np.float64] = np.divide(
            self.scores, totals, out=np.zeros_like(self.scores), where=totals > 0
        )
        return shares

    def confidence(self) -> npt.NDArray[np.float64]:
        """(Q,) share of the votes that the predicted class has, 0..1; 0 where nothing is predicted."""
        predicted, _ = split_scores(self.shares(), self.predictions)
        return np.where(self.predictions >= 0, predicted, 0.0)

    def margins(self) -> npt.NDArray[np.float64]:
        """(Q,) share of the predicted class less that of the best other, -1e-9..1; 0 where nothing is predicted."""
        predicted, best_other = split_scores(self.shares(), self.predictions)
        return np.where(self.predictions >= 0, predicted - best_other, 0.0)


def vote(neighbors: Neighbors, *, num_classes: int, voting: Voting | Rule = "softmax") -> Votes:
    """Let the K neighbours of each query vote.

    ``for j in range(K): scores[q, labels[q, j]] += weight(q, j)``

    Args:
        neighbors: (Q, K).
        num_classes: C; labels must be below it.
        voting: how a neighbour counts, or the name of a rule.

    Raises:
        UserError: for a label outside the classes, or what `Voting` refuses.
    """
    voting = Voting.of(voting)
    check_classes(neighbors, num_classes)
    weights = voting.own_weights(neighbors) * voting.rank_weights(neighbors.num_neighbors)
    scores, running = tally(neighbors.labels, weights, num_classes)
    return Votes(scores=scores, predictions=decide(neighbors.labels, scores, running, voting.protocol), voting=voting)


def check_classes(neighbors: Neighbors, num_classes: int) -> None:
    """Refuse neighbours of a class that there is not.

    Raises:
        UserError: for a label outside the classes.
    """
    largest = neighbors.labels.max(initial=PADDING)
    if largest >= num_classes:
        raise UserError(f"label {largest} is outside the {num_classes} classes 0 to {num_classes - 1}")


def tally(
    labels: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], num_classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum weights by class, from the nearest to the farthest: one fixed order of additions.

    Args:
        labels: (M, K), -1 where padded.
        weights: (M, K), 0 where padded.
        num_classes: C.

    Returns:
        Scores (M, C), and running (M, K): the score of the neighbour's own class just after it has voted.
    """
    M, K = labels.shape
    scores = np.zeros(M * num_classes)
    running = np.empty((M, K))
    row_starts = np.arange(M) * num_classes
    for j in range(K):
        own = row_starts + np.maximum(labels[:, j], 0)
        running[:, j] = scores[own] + weights[:, j]
        scores[own] = running[:, j]
    return scores.reshape(M, num_classes), running


def split_scores(
    scores: npt.NDArray[np.float64], predictions: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Score of each list's predicted class and the best of its other classes.

    Args:
        scores: (M, C) >= 0.
        predictions: (M,) classes; -1 (nobody voted, all scores are 0) reads class 0.

    Returns:
        (M,) and (M,); 0 where there is no other class.
    """
    own = np.maximum(predictions, 0)[:, None]
    predicted = np.take_along_axis(scores, own, axis=1)[:, 0]
    others = scores.copy()
    np.put_along_axis(others, own, 0.0, axis=1)
    return predicted, others.max(axis=1)


def decide(
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    running: npt.NDArray[np.float64],
    protocol: Protocol,
) -> npt.NDArray[np.int64]:
    """Class with the largest score, ties as the protocol says.

    Args:
        labels: (M, K), -1 where padded.
        scores: (M, C) from `tally`.
        running: (M, K) from `tally`.
        protocol: ``"nearest"`` or ``"paper"``.

    Returns:
        (M,) predictions; -1 where a list is empty.
    """
    M, K = labels.shape
    if K == 0:
        return np.full(M, PADDING)
    tied_from = scores.max(axis=1, keepdims=True) * (1 - TIE_TOLERANCE)
    if protocol == "paper":
        wins = running >= tied_from
    else:
        wins = np.take_along_axis(scores, np.maximum(labels, 0), axis=1) >= tied_from
    first = np.argmax(wins, axis=1)  # never padding, which comes last and wins only where all is padding
    predictions: npt.NDArray[np.int64] = labels[np.arange(M), first]
    return predictions


def number_classes(
    labels: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number the classes of each list by themselves, so that score tables are as wide as a list, not as C.

    Args:
        labels: (M, K).

    Returns:
        Classes (M, K + 1), the class of each number, with -1 last so that number -1 (padding, nobody) maps to it; and
        numbers (M, K) in 0..K-1, -1 where padded.
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
