"""Migration: a store of an earlier format is carried over by its first change.

Format 1 to 2 adds the columns dataset, time and weight in one Lance commit and then replaces the ledger. A crash
between the two leaves columns that are there already, which the next try sees. Embeddings are not rewritten. Readers
need no migration: they read missing columns as None, None and 1, also in versions from before it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from memory.ledger import FORMAT, Ledger
from memory.schema import LATER_COLUMNS, make_schema

_FIRST_VALUES = {
    "dataset": "cast(NULL as string)",
    "time": "arrow_cast(NULL, 'Timestamp(Microsecond, Some(\"UTC\"))')",
    "weight": "cast(1.0 as float)",
}


def migrate(dataset: Any, ledger: Ledger) -> Ledger:
    """Add what the entries of an earlier format lack; the ledger to write afterwards."""
    missing = {name: _FIRST_VALUES[name] for name in LATER_COLUMNS if name not in dataset.schema.names}
    if missing:
        dataset.add_columns(missing)
    expected = make_schema(ledger.card.dimension, ledger.precision)
    assert dataset.schema.names == expected.names, dataset.schema.names
    return dataclasses.replace(ledger, format=FORMAT)
