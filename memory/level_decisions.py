"""Decisions level by level: an answer on every level above the classes, and what a new class does to all of them.

Two ways to decide: `"each"`, where every level votes for itself, so that a query may be a milk on one level and an
apple below; and `"down"`, where only the neighbours inside the group decided above vote on the next level, so that
answers agree. The rising tide (Geirhos et al., "Towards flexible perception with visual memory", 2024, arXiv
2408.08172, section 3.5 and figure 4): a class that the memory does not know is already placed in the right group, and
each example of it lifts the accuracy on every level.

Letters: N entries, Q queries, K neighbours, C classes, L levels with the finest last, M numbers of examples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from memory.hierarchy import Level
from memory.lifelong import ranks_in_class
from memory.mask import Mask, excluding
from memory.neighbors import Neighbors, merge_neighbors
from memory.search import ExactSearch
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError

Way = Literal["each", "down"]
CLASS_LEVELS = ("class", "finest class")
"""Names of the finest level, which no `Level` describes: the second where a level is called so, as in biology."""


def finest_name(levels: Sequence[Level]) -> str:
    """What the classes themselves are called beside these levels."""
    taken = {level.name for level in levels}
    return next(name for name in CLASS_LEVELS if name not in taken)


def decide_by_level(
    neighbors: Neighbors,
    levels: Sequence[Level],
    num_classes: int,
    *,
    voting: Voting | Rule = "softmax",
    way: Way = "down",
) -> dict[str, npt.NDArray[np.int64]]:
    """Answer on every level from the same neighbours.

    Args:
        neighbors: (Q, K) with finest labels.
        levels: coarsest first, as `VisualMemory.levels`.
        num_classes: C of the finest level.
        voting: how neighbours vote.
        way: every level for itself, or from the coarsest down.

    Returns:
        Level name -> (Q,) groups, coarsest first; last `finest_name` -> (Q,) classes; -1 without neighbours.
    """
    answers, left = {}, neighbors
    for level in (*levels, None):
        labels = left.labels if level is None else level.labels(left.labels)
        size = num_classes if level is None else len(level.class_names)
        predictions = vote(dataclasses.replace(left, labels=labels), num_classes=size, voting=voting).predictions
        answers[finest_name(levels) if level is None else level.name] = predictions
        if way == "down":
            left = left.keeping(labels == predictions[:, None])
    return answers


def accuracy_by_level(
    classes: npt.NDArray[np.int64], query_labels: npt.NDArray[np.int64], levels: Sequence[Level]
) -> dict[str, float]:
    """Share of right answers on each level when a class, right or wrong, is answered: its groups are what count."""
    shares = {level.name: level.labels(classes) == level.labels(query_labels) for level in levels}
    shares[finest_name(levels)] = np.asarray(classes == query_labels)
    return {name: float(right.mean()) for name, right in shares.items()}


def rising_tide(
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    levels: Sequence[Level],
    *,
    num_examples: Sequence[int],
    rng: np.random.Generator,
    shots_per_class: int = 50,
    k: int = 1,
    voting: Voting | Rule = "plurality",
    device: str = "cpu",
) -> dict[str, npt.NDArray[np.float64]]:
    """Discover every class once, example by example, in a memory that holds all the others.

    ``for c: for m: memory = shots of the other classes + m examples of c; ask the queries of class c``

    One search with the own class masked, and one small search inside each class, serve all m.

    Args:
        queries: (Q, D) unit-length embeddings; each is asked when its class is the new one.
        query_labels: (Q,) true classes.
        entries: (N, D) unit-length embeddings.
        labels: (N,) their classes.
        levels: coarsest first.
        num_examples: M numbers of examples of the new class, for example (0, 1, 2, 5, 10, 50).
        rng: draws the examples; those of a smaller number are among those of a larger one.
        shots_per_class: entries that every other class has; 50 in the paper.
        k: neighbours that vote; 1 in the paper.
        voting: how they vote.
        device: of the search.

    Returns:
        Level name, last `finest_name` -> (M,) accuracy over all queries.

    Raises:
        UserError: for a number of examples below 0 or above the shots, or no other class.
    """
    if not num_examples or min(num_examples) < 0 or max(num_examples) > shots_per_class:
        raise UserError(f"num_examples must lie in 0 to shots_per_class, {shots_per_class}; received {num_examples}")
    labels, query_labels = np.asarray(labels, np.int64), np.asarray(query_labels, np.int64)
    ranks = ranks_in_class(labels, rng)
    kept = np.flatnonzero(ranks < shots_per_class)
    if len(np.unique(labels)) < 2:
        raise UserError("a class can only be new among others; this memory has one class")
    search = ExactSearch(entries[kept], ids=kept, labels=labels[kept], device=device)
    others = search.search(queries, k, allowed=Mask(exclusions=[excluding(labels[kept], query_labels)]))
    answers = np.empty((len(num_examples), len(queries)), np.int64)
    for new in np.unique(query_labels):
        asked, own = np.flatnonzero(query_labels == new), kept[labels[kept] == new]
        found = ExactSearch(entries[own], ids=own, labels=labels[own]).search(queries[asked], max(1, len(own)))
        found_ranks = ranks[found.ids]  # padding reads some rank, and stays padding
        for row, m in enumerate(num_examples):
            both = merge_neighbors([others.rows(asked), found.keeping(found_ranks < m)], k)
            answers[row, asked] = vote(both, num_classes=int(labels.max()) + 1, voting=voting).predictions
    tables = [accuracy_by_level(classes, query_labels, levels) for classes in answers]
    return {name: np.array([table[name] for table in tables]) for name in tables[0]}
