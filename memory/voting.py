"""Votes: neighbours to class scores and predictions, by four rules.

A neighbour's weight depends on its own similarity (plurality: 1; distance: exp(-d) with d = 1 - similarity; softmax:
exp((similarity - 1) / temperature)) or on its rank (1 / (2 + rank), the nearest has rank 0), never on the other
neighbours. The usual stabilised softmax subtracts the row's largest similarity; subtracting 1 instead scales every
score of a row by one factor just the same (it moves no ratio, so no tie), and keeps an entry's weight when another
entry is removed, so audits and rebuilt memories agree to the last bit. Its price is a lower limit on temperature.

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

_RANK_OFFSET = 2.0  # Geirhos et al. 2024, section 2.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Voting:
    """How neighbours vote.

    Attributes:
        rule: weight of a neighbour.
        temperature: divisor of similarity in the softmax rule; 0.07 in the papers.
        protocol: who wins a tie: ``"nearest"`` or ``"paper"``.

    Raises:
        UserError: for an unknown rule or protocol, or a temperature below MIN_TEMPERATURE.
    """

    rule: Rule = "softmax"
    temperature: float = 0.07
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

    def own_weights(self, similarities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Factor that depends on a neighbour's own similarity, any shape; 0 where padded."""
        if self.rule == "distance":
            return np.exp(similarities - 1)
        if self.rule == "softmax":
            return np.exp((similarities - 1) / self.temperature)
        return np.where(np.isneginf(similarities), 0.0, 1.0)

    def rank_weights(self, k: int) -> npt.NDArray[np.float64]:
        """Factor (k,) that depends on rank; a list that loses a neighbour is ranked anew."""
        return 1 / (_RANK_OFFSET + np.arange(k)) if self.rule == "rank" else np.ones(k)


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


def vote(
    neighbors: Neighbors,
    *,
    num_classes: int,
    rule: Rule = "softmax",
    temperature: float = 0.07,
    protocol: Protocol = "nearest",
) -> Votes:
    """Let the K neighbours of each query vote.

    ``for j in range(K): scores[q, labels[q, j]] += weight(q, j)``

    Args:
        neighbors: (Q, K).
        num_classes: C; labels must be below it.
        rule: weight of a neighbour, see the module.
        temperature: of the softmax rule.
        protocol: who wins a tie.

    Raises:
        UserError: for a label outside the classes, or what `Voting` refuses.
    """
    voting = Voting(rule=rule, temperature=temperature, protocol=protocol)
    largest = neighbors.labels.max(initial=PADDING)
    if largest >= num_classes:
        raise UserError(f"label {largest} is outside the {num_classes} classes 0 to {num_classes - 1}")
    weights = voting.own_weights(neighbors.similarities) * voting.rank_weights(neighbors.num_neighbors)
    scores, running = tally(neighbors.labels, weights, num_classes)
    return Votes(scores=scores, predictions=decide(neighbors.labels, scores, running, protocol), voting=voting)


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
