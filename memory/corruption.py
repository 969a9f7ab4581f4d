"""Corruption: how many labels of a memory may be wrong before its answers are.

Labels are replaced by uniformly drawn classes, the right one included (Geirhos et al. 2024, appendix D: flat to about
60 %). A larger share corrupts the entries of a smaller one and more, with the same drawn labels, so a curve shows the
share and not the luck of the draw. Who is near does not depend on labels: one search serves all shares.

Letters: N entries, Q queries, K neighbours, C classes, S shares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memory.neighbors import Neighbors
from memory.reliability import right_neighbors
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError

PAPER_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def corrupt_labels(
    labels: npt.NDArray[np.int64], shares: Sequence[float], num_classes: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Labels (S, N) of which a share of each row is drawn at random.

    Args:
        labels: (N,) true classes.
        shares: of the entries to corrupt, 0..1; round(share * N) of them are, in expectation one in C keeps its class.
        num_classes: C.
        rng: draws which entries, and their labels.

    Raises:
        UserError: for a share outside 0..1, or labels outside the classes.
    """
    labels = np.asarray(labels, np.int64)
    if any(not 0 <= share <= 1 for share in shares):
        raise UserError(f"a share lies in 0 to 1; received {list(shares)}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise UserError(f"labels run from {labels.min()} to {labels.max()}; there are {num_classes} classes")
    places = np.empty(len(labels), np.int64)
    places[rng.permutation(len(labels))] = np.arange(len(labels))
    drawn = rng.integers(0, num_classes, len(labels))
    counts = np.array([round(share * len(labels)) for share in shares])
    return np.where(places < counts[:, None], drawn, labels)


def corrupted_answers(
    neighbors: Neighbors,
    query_labels: npt.NDArray[np.int64],
    entry_ids: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    *,
    num_classes: int,
    rng: np.random.Generator,
    shares: Sequence[float] = PAPER_SHARES,
    voting: Voting | Rule = "rank",
) -> npt.NDArray[np.bool_]:
    """Which queries (S, Q) are answered rightly with a share of the memory's labels corrupted.

    Args:
        neighbors: (Q, K) with any labels; all K vote.
        query_labels: (Q,) true classes.
        entry_ids: (N,) ascending.
        labels: (N,) true classes of the entries.
        num_classes: C.
        rng: draws the corruption.
        shares: of the labels to corrupt.
        voting: how neighbours vote; by rank in the paper.
    """
    right_neighbors(neighbors, query_labels)  # checks them
    rows = [
        vote(neighbors.labelled(entry_ids, row), num_classes=num_classes, voting=voting).predictions == query_labels
        for row in corrupt_labels(labels, shares, num_classes, rng)
    ]
    return np.stack(rows)


def corruption_curve(
    neighbors: Neighbors,
    query_labels: npt.NDArray[np.int64],
    entry_ids: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    *,
    num_classes: int,
    rng: np.random.Generator,
    shares: Sequence[float] = PAPER_SHARES,
    voting: Voting | Rule = "rank",
) -> npt.NDArray[np.float64]:
    """Top-1 accuracy (S,) with a share of the memory's labels corrupted; arguments as `corrupted_answers`."""
    answers = corrupted_answers(
        neighbors, query_labels, entry_ids, labels, num_classes=num_classes, rng=rng, shares=shares, voting=voting
    )
    accuracy: npt.NDArray[np.float64] = answers.mean(axis=1)
    return accuracy
