"""Resident: the entries of one version in RAM, kept in step with what this process changes on disk.

Reading a million entries takes seconds, so a removal must not cause it. Rows never move: a removed row is crossed out
in a mask that goes along with every search, and added rows go to spare room at the end, which doubles when it is used
up. Views that were given out stay as they are. Rejected: closing the gap of a removed row (a copy of up to all
embeddings) and moving the last row into it (views would change under their holders).

Letters: N entries that count, R rows in use, D embedding.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.fresh_memory import empty_array
from memory.store import Entries


class Resident:
    """Rows by ascending id, some of them crossed out."""

    def __init__(self, entries: Entries, version: int) -> None:
        self.version = version
        self._room = entries
        self._num_rows = len(entries.ids)
        self._counts = np.ones(self._num_rows, np.bool_)
        self._num_removed = 0
        self._dense: Entries | None = None

    @property
    def rows(self) -> Entries:
        """All rows in use, also those that do not count: views, no copy."""
        return _head(self._room, self._num_rows)

    @property
    def counting(self) -> npt.NDArray[np.bool_] | None:
        """(R,) which rows count; None where all do."""
        return self._counts[: self._num_rows].copy() if self._num_removed else None

    @property
    def num_entries(self) -> int:
        """N."""
        return self._num_rows - self._num_removed

    def entries(self) -> Entries:
        """The N entries that count: views where no row is crossed out, else a copy made once."""
        mask = self.counting
        if mask is None:
            return self.rows
        if self._dense is None:
            rows = self.rows
            embeddings = empty_array((self.num_entries, rows.embeddings.shape[1]), np.float32, filled_at_once=True)
            self._dense = Entries(
                ids=rows.ids[mask],
                embeddings=np.take(rows.embeddings, np.flatnonzero(mask), axis=0, out=embeddings, mode="clip"),
                labels=rows.labels[mask],
                weights=rows.weights[mask],
            )
        return self._dense

    def mask_of_rows(self, allowed: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_] | None:
        """A mask (N,) over the entries as a mask (R,) over the rows; None where all rows may answer."""
        mask = self.counting
        if mask is None or allowed is None:
            return allowed if mask is None else mask
        mask[mask] = allowed
        return mask

    def remove(self, ids: npt.NDArray[np.int64], version: int) -> None:
        """Cross out present entries; the rows are those of `version` now."""
        rows = np.searchsorted(self._room.ids[: self._num_rows], ids)
        self._counts[rows] = False
        self._num_removed = int(self._num_rows - self._counts[: self._num_rows].sum())
        self._dense, self.version = None, version

    def change(
        self,
        ids: npt.NDArray[np.int64],
        version: int,
        *,
        labels: npt.NDArray[np.int64] | None = None,
        weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Give present entries other labels or weights."""
        rows = np.searchsorted(self._room.ids[: self._num_rows], ids)
        room = self._room
        if labels is not None:
            room = dataclasses.replace(room, labels=room.labels.copy())
            room.labels[rows] = labels
        if weights is not None:
            room = dataclasses.replace(room, weights=room.weights.copy())
            room.weights[rows] = weights
        self._room, self._dense, self.version = room, None, version

    def append(self, added: Entries, version: int) -> bool:
        """Put entries behind the last row; False, and nothing done, where their ids do not follow its id."""
        last = self._room.ids[self._num_rows - 1] if self._num_rows else -1
        ids = added.ids
        if (ids[1:] <= ids[:-1]).any() or ids[0] <= last:
            return False
        needed = self._num_rows + len(ids)
        if needed > len(self._room.ids):
            self._grow(max(needed, 2 * self._num_rows))
        part = slice(self._num_rows, needed)
        for name in ("ids", "embeddings", "labels", "weights"):
            getattr(self._room, name)[part] = getattr(added, name)
        self._counts[part] = True
        self._num_rows, self._dense, self.version = needed, None, version
        return True

    def _grow(self, num_rows: int) -> None:
        def longer(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
            room = empty_array((num_rows, *values.shape[1:]), values.dtype)  # untouched pages take no memory
            room[: self._num_rows] = values[: self._num_rows]
            return room

        fields = {name: longer(getattr(self._room, name)) for name in ("ids", "embeddings", "labels", "weights")}
        self._room = Entries(**fields)  # type: ignore[arg-type]
        self._counts = longer(self._counts).astype(np.bool_)


def _head(entries: Entries, num_rows: int) -> Entries:
    return Entries(
        ids=entries.ids[:num_rows],
        embeddings=entries.embeddings[:num_rows],
        labels=entries.labels[:num_rows],
        weights=entries.weights[:num_rows],
    )
