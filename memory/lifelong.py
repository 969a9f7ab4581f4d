"""Lifelong change: what a memory answers after each step of growing or shrinking, in one pass.

A schedule says at which step each entry comes in. Every step is searched on its own, and its neighbours are merged into
those found so far: each similarity is computed once, so a whole curve costs one search of the full memory plus a merge
of (Q, 2 k) for each step, holds no (Q, N) table, and equals rebuilding the memory at every step to the last bit. Small
steps cost more than their similarities: 50 of them over 10,000 x 384 entries take the time of 12 searches of all
entries, where searching the rebuilt memories takes that of 32. Shrinking is the same schedule read backwards: what is
removed last comes in first. Rejected: a ranking of all entries for each query, from which any subset can be read, but
which takes 16 bytes for each of the Q x N pairs.

Curves as in Doerrich et al., "Integrating kNN with foundation models" (2024): class-incremental (a class a step),
sample-incremental (an entry of each class a step), decremental; and in Geirhos et al. (2024) section 3.1: classes
that come into a full memory (`by_group` with some values in the order only).

Letters: N entries, Q queries, S steps, K neighbours, C classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.neighbors import Neighbors, merge_neighbors
from memory.search import exact_search
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError

Steps = npt.NDArray[np.int64]
"""(N,) the step (0 to S - 1) at which each entry comes in."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LifelongCurve:
    """Answers after each step.

    Attributes:
        num_entries: (S,) size of the memory.
        num_classes: (S,) classes with an entry.
        predictions: (S, Q) classes; -1 while the memory is empty.
        is_known: (S, Q) whether the query's class has an entry yet.
        query_labels: (Q,) true classes.
    """

    num_entries: npt.NDArray[np.int64]
    num_classes: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]
    is_known: npt.NDArray[np.bool_]
    query_labels: npt.NDArray[np.int64]

    def accuracy(self, queries: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
        """(S,) top-1 accuracy over all queries, or over those flagged (Q,); NaN over none."""
        right = self.predictions == self.query_labels
        flags = np.ones(len(self.query_labels), bool) if queries is None else queries
        return _share(right & flags, np.broadcast_to(flags, right.shape))

    def known_accuracy(self) -> npt.NDArray[np.float64]:
        """(S,) accuracy over the queries whose class the memory knows at each step; NaN if none."""
        return _share((self.predictions == self.query_labels) & self.is_known, self.is_known)

    def drift(self, queries: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
        """(S,) change of `accuracy` since the first step."""
        accuracy = self.accuracy(queries)
        since: npt.NDArray[np.float64] = accuracy - accuracy[0]
        return since

    def backwards(self) -> LifelongCurve:
        """The same steps read as removals: from the full memory to what came in first."""
        turned = {name: getattr(self, name)[::-1] for name in ("num_entries", "num_classes", "predictions", "is_known")}
        return dataclasses.replace(self, **turned)


def follow(
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    steps: Steps,
    *,
    k: int,
    voting: Voting | Rule = "softmax",
    ids: npt.NDArray[np.int64] | None = None,
    device: str = "cpu",
) -> LifelongCurve:
    """Let a memory grow by a schedule, and answer all queries after each step.

    ``for s: memory = entries[steps <= s]; predictions[s] = vote(memory.search(queries, k))``

    Args:
        queries: (Q, D) unit-length embeddings.
        query_labels: (Q,) true classes.
        entries: (N, D) unit-length embeddings of all entries that ever come in.
        labels: (N,) their classes.
        steps: (N,) when each comes in, from `by_group`, `by_sample` or one's own; no step may be empty.
        k: neighbours that vote; fewer while the memory is smaller.
        voting: how they vote.
        ids: (N,) of the entries, for ties; row numbers where omitted.
        device: of the search.

    Raises:
        UserError: for a schedule that does not fit, and what the search and the vote refuse.
    """
    labels, query_labels = np.asarray(labels, np.int64), np.asarray(query_labels, np.int64)
    S = check_steps(steps, len(labels))
    num_classes = int(max(labels.max(), query_labels.max())) + 1
    first_step = np.full(num_classes, S)
    np.minimum.at(first_step, labels, steps)
    growing = grow(queries, entries, labels, steps, k=k, ids=ids, device=device)
    predictions = [vote(found, num_classes=num_classes, voting=voting).predictions for found in growing]
    is_known = first_step <= np.arange(S)[:, None]
    return LifelongCurve(
        num_entries=np.cumsum(np.bincount(steps)),
        num_classes=is_known.sum(axis=1),
        predictions=np.stack(predictions),
        is_known=is_known[:, query_labels],
        query_labels=query_labels,
    )


def grow(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    steps: Steps,
    *,
    k: int,
    ids: npt.NDArray[np.int64] | None = None,
    device: str = "cpu",
) -> Iterator[Neighbors]:
    """The k nearest of each query after each step; arguments as `follow`."""
    ids = np.arange(len(labels)) if ids is None else ids
    found: Neighbors | None = None
    for step in range(check_steps(steps, len(labels))):
        rows = np.flatnonzero(steps == step)
        new = exact_search(queries, entries[rows], k, ids=ids[rows], labels=labels[rows], device=device)
        found = new if found is None else merge_neighbors([found, new], k)
        yield found


def by_group(
    values: Sequence[Hashable] | npt.NDArray[Any], order: Sequence[Hashable] | None = None, *, at_once: int = 1
) -> Steps:
    """Groups come in one after the other: classes, owners, data sets.

    Args:
        values: (N,) the group of each entry.
        order: groups in the order in which they come in; entries of groups that it does not name are there from the
            start, at step 0. By first appearance where omitted.
        at_once: groups a step.

    Raises:
        UserError: for a group without entries or named twice.
    """
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    present = dict.fromkeys(listed)
    order = list(present) if order is None else list(order)
    absent = [group for group in order if group not in present]
    if absent or len(set(order)) < len(order) or at_once < 1:
        raise UserError(f"the order must name groups with entries, each once; received {(absent or order)[:5]}")
    from_start = len(present) > len(order)
    step_of = {group: position // at_once + from_start for position, group in enumerate(order)}
    return np.array([step_of.get(group, 0) for group in listed], np.int64)


def by_sample(labels: npt.NDArray[np.int64], rng: np.random.Generator, *, sizes: Sequence[int] | None = None) -> Steps:
    """Every class grows entry by entry, in an order drawn for each.

    Args:
        labels: (N,) classes.
        rng: draws the orders.
        sizes: entries a class has after each step, ascending, for example (1, 2, 5, 10); one more each step where
            omitted. Entries beyond the last size come in at one more step, the last.
    """
    ranks = ranks_in_class(labels, rng)
    if sizes is None:
        return ranks
    if not sizes or sizes[0] < 1 or (np.diff(sizes) <= 0).any():
        raise UserError(f"sizes must ascend from at least 1; received {list(sizes)}")
    steps = np.searchsorted(np.asarray(sizes), ranks, side="right")
    return np.unique(steps, return_inverse=True)[1].reshape(-1)


def ranks_in_class(labels: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(N,) place of each entry in its class, in an order drawn for each: 0 for one entry of every class, and so on."""
    drawn = rng.permutation(len(labels))
    order = drawn[np.argsort(labels[drawn], kind="stable")]
    ordered = labels[order]
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return ranks


def check_steps(steps: Steps, num_entries: int) -> int:
    """S, after checking that each entry has a step and each step an entry.

    Raises:
        UserError: if not.
    """
    if np.shape(steps) != (num_entries,) or not num_entries or np.min(steps) < 0 or (np.bincount(steps) == 0).any():
        raise UserError(f"{num_entries} entries need a step each, 0 to the last without a gap; received {steps}")
    return int(steps.max()) + 1


def _share(flags: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    counts = of.sum(axis=1)
    share: npt.NDArray[np.float64] = np.divide(
        flags.sum(axis=1), counts, out=np.full(len(counts), np.nan), where=counts > 0
    )
    return share
