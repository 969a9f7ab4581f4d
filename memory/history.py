"""History: the versions of a store, names that protect them, and ways back.

Each change is one version. A protected version has a name and outlives everything, erasures included: they refuse
until it is released. To restore is a new change as well: nothing in history is rewritten.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memory.schema import complete_table
from memory.store import Store, ids_clause, lance_errors, named_ids
from procmem.errors import UserError, unknown_name


class Version(NamedTuple):
    """One complete state of the entries.

    Attributes:
        number: as `checkout` wants it.
        written: when (ISO 8601).
        names: names that protect it.
    """

    number: int
    written: str
    names: tuple[str, ...] = ()


def protected_versions(store: Store) -> dict[str, int]:
    """Name -> version, by name."""
    with lance_errors(store.place.name, "list the protected versions of"):
        return {name: int(tag["version"]) for name, tag in sorted(store.dataset.tags.list().items())}


def list_versions(store: Store) -> list[Version]:
    """All versions still held, oldest first."""
    protected = protected_versions(store)
    with lance_errors(store.place.name, "list the versions of"):
        held = store.dataset.versions()
    return [
        Version(
            number, version["timestamp"].isoformat(), tuple(name for name in protected if protected[name] == number)
        )
        for version in held
        for number in [int(version["version"])]
    ]


def protect_version(store: Store, name: str, version: int | None) -> None:
    """Give a version a name; the latest where none is given.

    Raises:
        UserError: if the name is taken or no plain word, or there is no such version.
    """
    with store.writing():
        if name in protected_versions(store):
            raise UserError(f"the name {name!r} already protects a version; release it first, or take another name")
        number = store.version if version is None else version
        with lance_errors(store.place.name, f"protect version {number} of"):
            store.dataset.tags.create(name, number)


def release_version(store: Store, name: str) -> None:
    """Take a name away; the version may then go with the next erasure.

    Raises:
        UserError: if no version has that name.
    """
    with store.writing():
        protected = protected_versions(store)
        if name not in protected:
            raise unknown_name("protected version", name, protected)
        with lance_errors(store.place.name, "release a version of"):
            store.dataset.tags.delete(name)


def restore_entries(store: Store, ids: npt.NDArray[np.int64]) -> None:
    """Bring removed entries back as they last were, in one commit; all or none.

    Raises:
        UserError: if an entry is present, or no version that is held has it (an erasure ends history).
    """
    import pyarrow

    with store.writing():
        present = np.intersect1d(ids, store.read_ids())
        if present.size:
            raise UserError(f"nothing was restored: entries are not removed: {named_ids(present)}")
        sought, found = np.unique(ids), []
        for version in reversed(list_versions(store)):
            if not sought.size:
                break
            with lance_errors(store.place.name, f"read version {version.number} of"):
                earlier = store.dataset.checkout_version(version.number)
                rows = earlier.to_table(filter=ids_clause(sought))
            if rows.num_rows:
                found.append(rows)
                sought = np.setdiff1d(sought, rows["id"].to_numpy())
        if sought.size or not found:
            raise UserError(f"nothing was restored: no version holds id {named_ids(sought) or '(none given)'}")
        table = pyarrow.concat_tables(found, promote_options="default")
        store.replace_rows(complete_table(table, store.dataset.schema))


def restore_version(store: Store, version: int | str) -> None:
    """Make an earlier version the latest again; what was done since stays in history.

    Raises:
        UserError: if that version is not held.
    """
    with store.writing():
        with lance_errors(store.place.name, f"restore version {version} of"):
            store.dataset.checkout_version(version).restore()
        store.refresh()
