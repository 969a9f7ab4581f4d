"""Damage: which file of a store cannot be read, how many entries that costs, and a copy of what is left.

Every data file is read on its own, and every embedding must still have length 1: Lance keeps no checksums, and a
length far from 1 is how a flipped bit in an embedding shows (not in every case; receipts and backups have hashes).

Letters: N entries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memory.hierarchy import groups_of
from memory.place import Place
from memory.schema import Columns, complete_table, embedding_matrix, has_unit_rows, make_schema
from memory.store import ENTRIES_NAME, Store, lance_errors, named_ids
from procmem.errors import UserError

_BATCH_ROWS = 1 << 14
_MOST_UINT64 = 2**64 - 1
_MOST_NAMED_VERSIONS = 10


@dataclasses.dataclass(frozen=True)
class Damage:
    """One file that is missing, unreadable or holds wrong values.

    Attributes:
        file: its name in the store.
        num_entries: entries of this version that lie in it (or, with wrong values, that have them).
        reason: what was found.
    """

    file: str
    num_entries: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.num_entries} entries: {self.reason}"


def find_damage(store: Store) -> list[Damage]:
    """Read every file of this version by itself."""
    damages = []
    for fragment in store.dataset.get_fragments():
        name = ", ".join(f"{ENTRIES_NAME}/data/{file.path}" for file in fragment.data_files())
        try:
            with lance_errors(name, "read"):
                wrong = [_wrong_ids(table) for table in _tables(store, fragment)]
        except UserError as error:
            damages.append(Damage(name, fragment.count_rows(), str(error)))
            continue
        ids = np.concatenate([np.empty(0, np.int64), *wrong])
        if ids.size:
            damages.append(Damage(name, len(ids), f"embeddings without length 1: ids {named_ids(ids)}"))
    return damages


def damage_error(store: Store, error: UserError) -> UserError:
    """The error of a failed read, with the files that are at fault and what can be saved."""
    damages = find_damage(store)
    if not damages:
        return error
    lost = sum(damage.num_entries for damage in damages)
    return UserError(
        f"cannot read memory {store.place.name!r}: damaged or missing: {'; '.join(map(str, damages))}. The other "
        f"{store.num_entries - lost} of {store.num_entries} entries can be saved: procmem memory checkout MEMORY "
        "--salvage --output FOLDER"
    )


def version_error(place: Place, error: UserError) -> UserError:
    """The error of a store whose latest version cannot be opened, with the version that can."""
    import lance

    for version in sorted(_version_numbers(place), reverse=True):
        try:
            num_entries = lance.dataset(place.uri(ENTRIES_NAME), version=version).count_rows()
        except (OSError, ValueError, RuntimeError):
            continue
        return UserError(
            f"{error}. Version {version} with {num_entries} entries can be saved: "
            f"procmem memory checkout MEMORY {version} --output FOLDER"
        )
    return error


def not_held_error(place: Place, version: int | str, error: UserError) -> UserError:
    """The error of a version that cannot be opened: where it is not held, with those that are."""
    held = sorted(_version_numbers(place))
    if version in held:
        return error
    numbers = ", ".join(map(str, held[-_MOST_NAMED_VERSIONS:]))
    return UserError(
        f"cannot open version {version} of memory {place.name!r}: it has none of that "
        f"{'name' if isinstance(version, str) else 'number'}; the latest held are {numbers} "
        "(all: procmem memory versions MEMORY)"
    )


def _version_numbers(place: Place) -> list[int]:
    """From the names of the manifests, which count down from 2^64 - 1 so that the latest is listed first."""
    stems = (Path(name).stem for name in place.files(f"{ENTRIES_NAME}/_versions") if name.endswith(".manifest"))
    numbers = [int(stem) for stem in stems if stem.isdigit()]
    return [_MOST_UINT64 - number if number > _MOST_UINT64 // 2 else number for number in numbers]


def copy_store(store: Store, location: str | Path, *, salvage: bool) -> Store:
    """Write this version as a store of its own; see `VisualMemory.copy_to`."""
    ledger = store.ledger
    copy = Store.create(location, ledger.card, ledger.class_names, groups_of(ledger.levels), ledger.precision)
    copy.append(_columns(store, salvage=salvage))
    with copy.writing():
        copy.reserve_ids(ledger.next_id)
    return copy


def _columns(store: Store, *, salvage: bool) -> Iterator[Columns]:
    for fragment in store.dataset.get_fragments():
        try:
            with lance_errors(store.place.name, "read"):
                for table in _tables(store, fragment):
                    kept = ~np.isin(table["id"].to_numpy(), _wrong_ids(table)) if salvage else None
                    yield _as_columns(table if kept is None else table.filter(kept), store)
        except UserError:
            if not salvage:
                raise


def _tables(store: Store, fragment: Any) -> Iterator[Any]:
    import pyarrow

    for batch in store.dataset.scanner(fragments=[fragment], batch_size=_BATCH_ROWS).to_batches():
        yield pyarrow.Table.from_batches([batch])


def _wrong_ids(table: Any) -> Any:
    """Ids of the rows whose embedding has not length 1."""
    return table["id"].to_numpy()[~has_unit_rows(embedding_matrix(table))]


def _as_columns(table: Any, store: Store) -> Columns:
    ledger = store.ledger
    table = complete_table(table, make_schema(ledger.card.dimension, ledger.precision))
    return Columns(
        ids=table["id"].to_numpy(),
        embeddings=embedding_matrix(table).astype(np.float32),
        labels=table["label"].to_numpy().astype(np.int64),
        owners=table["owner"].to_pylist(),
        uris=table["uri"].to_pylist(),
        datasets=table["dataset"].to_pylist(),
        times=table["time"].to_pylist(),
        weights=table["weight"].to_numpy(),
    )
