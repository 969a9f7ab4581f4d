"""Cached extractions that an erasure takes along: embeddings and patch tokens of the erased entries' own images.

They were not made from the memory, but they hold the same embedding, or another one of the same image. So an erasure
registers them as artefacts of the store before it writes its plan, and they go and are listed like all others. A later
extraction of a folder that still holds the image makes them again: the image itself is the owner's to delete.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from memory.store import ENTRIES_NAME, Store, lance_errors
from procmem.extraction_cache import files_made_from

KIND = "cached extraction"


def register_caches(store: Store, ids: npt.NDArray[np.int64]) -> None:
    """Name every cached file that holds something made from the images of these entries, removed ones included.

    Call inside `Store.writing`.

    Raises:
        UserError: if a data file cannot be read.
    """
    store.artefacts.register_all(files_made_from(_images_of(store, ids)), KIND)


def _images_of(store: Store, ids: npt.NDArray[np.int64]) -> set[tuple[str | None, str | None]]:
    """(data set, name) of each entry, in any version that a data file still holds."""
    from lance.file import LanceFileReader

    images: set[tuple[str | None, str | None]] = set()
    for name in store.place.files(f"{ENTRIES_NAME}/data"):
        if not name.endswith(".lance"):
            continue
        with lance_errors(store.place.uri(name), "decode a data file of"):
            columns = LanceFileReader(store.place.uri(name)).metadata().schema.names
            if "id" not in columns or "uri" not in columns:
                continue
            wanted = [column for column in ("id", "uri", "dataset") if column in columns]
            table = LanceFileReader(store.place.uri(name), columns=wanted).read_all().to_table()
        rows = np.flatnonzero(np.isin(table["id"].to_numpy(), ids))
        uris = table["uri"].take(rows).to_pylist()
        datasets = table["dataset"].take(rows).to_pylist() if "dataset" in columns else [None] * len(rows)
        images.update(zip(datasets, uris, strict=True))
    return images
