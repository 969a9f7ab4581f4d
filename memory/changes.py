"""Changes to entries and classes that are neither additions nor removals: labels, weights, names of classes.

Letters: N entries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.hierarchy import groups_of, make_levels
from memory.ledger import Precision
from memory.schema import Columns
from memory.store import Entries, Store, named_ids
from procmem.errors import UserError


def change_column(store: Store, ids: npt.NDArray[np.int64], column: str, values: npt.NDArray[Any]) -> None:
    """Give entries other values of one column, in one commit; all or none.

    Args:
        store: at its latest version.
        ids: (N,) present entries.
        column: ``"label"`` or ``"weight"``.
        values: (N,) of the column's type.

    Raises:
        UserError: if an id is unknown or given twice.
    """
    import pyarrow

    if not len(ids):
        return
    order = np.argsort(ids)
    twice = ids[order][1:][ids[order][1:] == ids[order][:-1]]
    if twice.size:
        raise UserError(f"nothing was changed: ids given twice: {named_ids(np.unique(twice))}")
    with store.writing():
        table = store.rows(ids, "nothing was changed")
        new = values[order][np.searchsorted(ids[order], table["id"].to_numpy())]
        position = table.schema.get_field_index(column)
        store.replace_rows(table.set_column(position, table.schema.field(column), pyarrow.array(new)))


def add_classes(store: Store, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> None:
    """Name more classes, behind those that are there; see `VisualMemory.add_classes`."""
    with store.writing():
        ledger = store.ledger
        own = groups_of(ledger.levels)
        if set(own) != set(groups):
            raise UserError(
                f"new classes need a group on each level: the memory has levels {sorted(own)}, given {sorted(groups)}"
            )
        class_names = (*ledger.class_names, *names)
        levels = make_levels(class_names, {name: [*own[name], *groups[name]] for name in own})
        store.write_ledger(dataclasses.replace(ledger, class_names=class_names, levels=levels))


def stored_entries(batches: Sequence[Columns], ids: npt.NDArray[np.int64], precision: Precision) -> Entries:
    """What reading back just added batches would give."""
    embeddings = np.concatenate([columns.embeddings for columns in batches])
    return Entries(
        ids=ids,
        embeddings=embeddings.astype(np.dtype(precision)).astype(np.float32),
        labels=np.concatenate([columns.labels for columns in batches]),
        weights=np.concatenate([columns.weights for columns in batches]),
    )
