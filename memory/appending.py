"""Appending: entries stream into a store in one commit, with ids that nobody else ever had.

Batches are checked, given ids and handed to Lance one after the other, so a million entries need the memory of one
batch. Free ids are reserved in the ledger before the batch is written and cannot clash with anything; only given ids
below the ledger's next free one are looked up. Where a write fails (full disk), Lance takes its partial files away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from memory.schema import Columns, make_schema, make_table
from procmem.errors import UserError

if TYPE_CHECKING:
    from memory.store import Store


class _Numbered:
    """Iterates over batches as Arrow tables and remembers the ids, and what went wrong on the way."""

    def __init__(self, store: Store, batches: Iterable[Columns], *, replace: bool) -> None:
        self.store = store
        self.batches = iter(batches)
        self.replace = replace
        self.ids: list[npt.NDArray[np.int64]] = []
        self.error: BaseException | None = None
        self._first_free_id = store.ledger.next_id

    def tables(self) -> Iterator[Any]:
        """One table a batch that holds anything."""
        try:
            for columns in self.batches:
                if len(columns.embeddings):
                    ids = self._checked(columns)
                    self.ids.append(ids)
                    yield make_table(columns, ids, self.store.ledger.precision)
        except BaseException as error:  # on its way through Lance it would lose its type
            self.error = error
            raise

    def _checked(self, columns: Columns) -> npt.NDArray[np.int64]:
        ids = columns.ids
        if ids is None:
            ids = self.store.ledger.next_id + np.arange(len(columns.embeddings))
        else:
            values, counts = np.unique(ids, return_counts=True)
            is_taken = counts > 1
            for earlier in self.ids:
                is_taken |= np.isin(values, earlier)
            if not self.replace and values[0] < self._first_free_id:
                is_taken |= np.isin(values, self.store.read_ids())
            if is_taken.any():
                from memory.store import named_ids

                clashes = named_ids(values[is_taken])
                raise UserError(f"nothing was added: ids already taken, or given twice: {clashes}")
        self.store.reserve_ids(int(ids.max()) + 1)
        return ids


def write_entries(store: Store, batches: Iterable[Columns], *, replace: bool) -> npt.NDArray[np.int64]:
    """Write batches in one commit; call inside `Store.writing`. See `Store.append`."""
    import lance
    import pyarrow

    from memory.store import ENTRIES_NAME, MOST_ROWS_PER_FILE, lance_errors

    numbered = _Numbered(store, batches, replace=replace)
    tables = numbered.tables()
    first = next(tables, None)
    if first is None:
        return np.empty(0, np.int64)

    def record_batches() -> Iterator[Any]:
        yield from first.to_batches()
        for table in tables:
            yield from table.to_batches()

    schema = make_schema(store.ledger.card.dimension, store.ledger.precision)
    reader = pyarrow.RecordBatchReader.from_batches(schema, record_batches())
    try:
        if replace:
            store.replace_rows(reader)
        else:
            with lance_errors(store.place.name, "add to"):
                store.dataset = lance.write_dataset(
                    reader, store.place.uri(ENTRIES_NAME), mode="append", max_rows_per_file=MOST_ROWS_PER_FILE
                )
    except UserError as error:
        raise numbered.error or error from None
    return np.concatenate(numbered.ids)
