"""Selection: which entries a change is about, by class, owner, data set or clause.

Conditions hold together (``and``). A clause is SQL over the columns id, label, owner, uri, dataset, time, weight, as
Lance filters understand it: ``uri LIKE '%/inbox/%' AND time < timestamp '2026-01-01'``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from memory.hierarchy import classes_called
from memory.store import Store, lance_errors
from procmem.errors import UserError


def select_ids(
    store: Store,
    *,
    label: str | None = None,
    owner: str | None = None,
    dataset: str | None = None,
    where: str | None = None,
    removed: bool = False,
) -> npt.NDArray[np.int64]:
    """Ids of the entries that meet all conditions, ascending; see `VisualMemory.select`."""
    clauses = [f"({where})"] if where else []
    if label is not None:
        labels = classes_called(label, store.ledger.class_names, store.ledger.levels)
        clauses.append(f"label IN ({','.join(map(str, labels))})")
    for column, value in (("owner", owner), ("dataset", dataset)):
        if value is not None:
            quoted = value.replace("'", "''")
            clauses.append(f"{column} = '{quoted}'")
    if not clauses:
        raise UserError("name the entries: by ids, label, owner, dataset or where")
    clause = " AND ".join(clauses)
    found = [store.read_ids(clause)]
    if removed:
        found += [_ids_at(store, int(version["version"]), clause) for version in store.dataset.versions()]
    ids = np.unique(np.concatenate(found))
    if not ids.size:
        raise UserError(f"no entry of this memory meets: {clause}")
    return ids


def _ids_at(store: Store, version: int, clause: str) -> npt.NDArray[np.int64]:
    with lance_errors(store.place.name, f"select by {clause!r} from version {version} of"):
        try:
            earlier = store.dataset.checkout_version(version)
            ids: npt.NDArray[np.int64] = earlier.to_table(columns=["id"], filter=clause)["id"].to_numpy()
        except (OSError, ValueError):
            if "dataset" in earlier.schema.names:
                raise
            return np.empty(0, np.int64)  # a version from before the column had no such entry
    return ids
