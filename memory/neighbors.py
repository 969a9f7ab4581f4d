"""Neighbors: what a search returns and what every vote, audit, metric and picture starts from.

Plain numpy arrays, checked when they are made: a consumer may trust order, ties and padding and never sorts again.
The cost is one pass over the arrays; the alternative, checks in every consumer, would be forgotten in one of them.

Letters: Q queries, K neighbours.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

PADDING = -1
_DTYPES = [
    np.dtype(np.int64),
    np.dtype(np.int64),
    np.dtype(np.float64),
]  # their names take ten times as long to compare


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbors:
    """The K nearest entries of each query, nearest first.

    Attributes:
        ids: (Q, K) int64 entry ids, unique in a row; -1 where the memory has fewer than K entries, at the end.
        labels: (Q, K) int64 classes, -1 where padded.
        similarities: (Q, K) float64, descending; equal similarities are ordered by smaller id; -inf where padded.
        weights: (Q, K) float64 >= 0, how much each entry's vote counts (soft pruning, trust); None counts all as 1.
        memory_size: how many entries were searched; None where that is not known (audits then refuse).
        exact: False for an approximate search (audits then refuse).
        recall: of an approximate search, measured when its search index was built: the share of true neighbours found.

    Raises:
        UserError: if shapes differ, or order, ties or padding are not as stated.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64] | None = None
    memory_size: int | None = None
    exact: bool = True
    recall: float | None = None

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in ("ids", "labels", "similarities")}
        if len(set(shapes.values())) != 1 or self.ids.ndim != 2:
            raise UserError(f"ids, labels and similarities must have one shape (Q, K); received {shapes}")
        dtypes = [self.ids.dtype, self.labels.dtype, self.similarities.dtype]
        if dtypes != _DTYPES:
            received = ", ".join(dtype.name for dtype in dtypes)
            raise UserError(f"ids and labels must be int64 and similarities float64; received {received}")
        padded = self.ids == PADDING
        if (self.ids < PADDING).any() or (padded[:, :-1] > padded[:, 1:]).any():
            raise UserError("ids must be >= 0, with padding (-1) only at the end of a row")
        if (self.labels[padded] != PADDING).any() or (self.similarities[padded] != -np.inf).any():
            raise UserError("a padded neighbour must have label -1 and similarity -inf")
        if (self.labels[~padded] < 0).any() or not np.isfinite(self.similarities[~padded]).all():
            raise UserError("a neighbour must have a label >= 0 and a finite similarity")
        self._check_order(~padded[:, 1:])
        if self.weights is not None:
            self._check_weights(self.weights)

    def _check_order(self, present: npt.NDArray[np.bool_]) -> None:
        nearer, farther = self.similarities[:, :-1], self.similarities[:, 1:]
        disordered = (nearer < farther) | ((nearer == farther) & (self.ids[:, :-1] >= self.ids[:, 1:]))
        wrong = np.flatnonzero((disordered & present).any(axis=1))
        if wrong.size:
            raise UserError(
                f"neighbours of query {wrong[0]} are not in order: similarities must descend, ties by smaller id; "
                f"received ids {self.ids[wrong[0]].tolist()}"
            )

    def _check_weights(self, weights: npt.NDArray[np.float64]) -> None:
        if weights.shape != self.ids.shape or weights.dtype != np.float64:
            raise UserError(
                f"weights must be float64 of shape {self.ids.shape}; received {weights.dtype} of shape {weights.shape}"
            )
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise UserError("weights must be finite and at least 0")

    @property
    def num_queries(self) -> int:
        """Q."""
        return len(self.ids)

    @property
    def num_neighbors(self) -> int:
        """K, with padding."""
        return int(self.ids.shape[1])

    def first(self, k: int) -> Neighbors:
        """The k nearest of each query: equal to a search for k, since order and ties do not depend on K.

        Raises:
            UserError: unless 1 <= k <= K.
        """
        if not 1 <= k <= self.num_neighbors:
            raise UserError(
                f"k is {k}; these neighbours were searched with k = {self.num_neighbors}, ask for 1 to that"
            )
        return self._select((slice(None), slice(k)))

    def rows(self, rows: slice | npt.NDArray[np.int64]) -> Neighbors:
        """The neighbours of some queries, in the order given."""
        return self._select((rows,))

    def weighted(self, entry_ids: npt.NDArray[np.int64], weights: npt.NDArray[np.floating]) -> Neighbors:
        """The same neighbours with other weights of their votes.

        Args:
            entry_ids: (N,) ascending ids, with every neighbour's among them.
            weights: (N,) floats >= 0, weight of each entry.

        Raises:
            UserError: if ids are not ascending or lack a neighbour, shapes differ, or a weight is negative or NaN.
        """
        values = np.asarray(weights, np.float64)
        return dataclasses.replace(self, weights=self._looked_up(entry_ids, values, 1.0, "weight"))

    def keeping(self, flags: npt.NDArray[np.bool_]) -> Neighbors:
        """The lists without the neighbours whose flag (Q, K) is False; the others move up, none comes in from behind.

        What is left are the nearest of a smaller memory only as far as the lists reach, so audits refuse it.

        Raises:
            UserError: if the flags have another shape.
        """
        if flags.shape != self.ids.shape or flags.dtype != np.bool_:
            raise UserError(f"flags must be bool of shape {self.ids.shape}; received {flags.dtype} of {flags.shape}")
        kept = flags & (self.ids != PADDING)
        order = np.argsort(~kept, axis=1, kind="stable")
        kept = np.take_along_axis(kept, order, 1)

        def moved(values: npt.NDArray[Any], padding: float) -> npt.NDArray[Any]:
            return np.where(kept, np.take_along_axis(values, order, 1), padding).astype(values.dtype)

        return dataclasses.replace(
            self,
            ids=moved(self.ids, PADDING),
            labels=moved(self.labels, PADDING),
            similarities=moved(self.similarities, -np.inf),
            weights=None if self.weights is None else moved(self.weights, 1.0),
            memory_size=None,
        )

    def labelled(self, entry_ids: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Neighbors:
        """The same neighbours with other labels: who is near does not depend on what he is called.

        Args:
            entry_ids: (N,) ascending ids, with every neighbour's among them.
            labels: (N,) classes >= 0.

        Raises:
            UserError: if ids are not ascending or lack a neighbour, or shapes differ.
        """
        return dataclasses.replace(self, labels=self._looked_up(entry_ids, np.asarray(labels), PADDING, "label"))

    def _looked_up(
        self, entry_ids: npt.NDArray[np.int64], values: npt.NDArray[Any], padding: float, what: str
    ) -> npt.NDArray[Any]:
        """(Q, K) the value of each neighbour's entry."""
        if np.shape(entry_ids) != values.shape or values.ndim != 1 or (np.diff(entry_ids) <= 0).any():
            raise UserError(
                f"{what}s need one ascending id each; received {values.shape} {what}s, {np.shape(entry_ids)} ids"
            )
        present = self.ids != PADDING
        positions = np.searchsorted(entry_ids, self.ids)
        known = np.append(entry_ids, PADDING)[positions] == self.ids
        if (present & ~known).any():
            raise UserError(f"no {what} is given for entry {self.ids[present & ~known][0]}")
        return np.where(present, np.append(values, values.dtype.type(0))[positions], padding).astype(values.dtype)

    def _select(self, part: tuple[slice | npt.NDArray[np.int64], ...]) -> Neighbors:
        return dataclasses.replace(
            self,
            ids=self.ids[part],
            labels=self.labels[part],
            similarities=self.similarities[part],
            weights=None if self.weights is None else self.weights[part],
        )


def as_count(k: Any) -> int:
    """Check a number of neighbours: any whole number from 1 on, numpy's too.

    Raises:
        UserError: for anything else.
    """
    try:
        count = operator.index(k)
    except TypeError:
        count = 0
    if count < 1:
        raise UserError(f"k is {k!r}; ask for a whole number of neighbours, at least 1")
    return count


def rank_neighbors(
    ids: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float64],
    k: int,
    *,
    memory_size: int | None = None,
    exact: bool = True,
) -> Neighbors:
    """Put found entries (Q, F) in order, padding anywhere, and keep or pad to k."""
    order = np.lexsort((ids, -similarities))[:, :k]
    padding = ((0, 0), (0, max(0, k - ids.shape[1])))
    return Neighbors(
        ids=np.pad(np.take_along_axis(ids, order, 1), padding, constant_values=PADDING),
        labels=np.pad(np.take_along_axis(labels, order, 1), padding, constant_values=PADDING),
        similarities=np.pad(np.take_along_axis(similarities, order, 1), padding, constant_values=-np.inf),
        memory_size=memory_size,
        exact=exact,
    )


def merge_neighbors(parts: Sequence[Neighbors], k: int) -> Neighbors:
    """The k nearest over the parts of a memory that were searched apart; exact where each part is, without weights.

    Args:
        parts: each (Q, K of its own), over entries that no other part holds.
        k: neighbours wanted; right as long as each part was searched for k or was given whole.

    Returns:
        Neighbors (Q, k), padded where the parts have fewer.
    """
    ids, labels, similarities = (
        np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("ids", "labels", "similarities")
    )
    sizes = [part.memory_size for part in parts]
    return rank_neighbors(
        ids,
        labels,
        similarities,
        k,
        memory_size=None if None in sizes else sum(size for size in sizes if size is not None),
        exact=all(part.exact for part in parts),
    )
