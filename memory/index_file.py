"""Search indexes on disk: two files in a folder of the store's derived files, which an erasure deletes and scans.

`about.json` is written last and names the hash of `index.npz`, so a half-written, damaged or foreign index is seen
before it is used, and built anew. It cannot be wrong about the entries: those are recognised one by one by id and hash.
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from memory.approximate import ApproximateSearch, Kind, Recall
from memory.flat import load_faiss
from procmem.errors import UserError
from procmem.files import atomic_write, file_fingerprint, read_json, write_json

FORMAT = 1
ABOUT_NAME, INDEX_NAME = "about.json", "index.npz"


class UnusableIndex(Exception):  # noqa: N818 (an answer to the caller, who builds anew, not a failure)
    """Why the files cannot be used; empty where there are none."""


def save_index(search_index: ApproximateSearch, folder: Path, card_fingerprint: str) -> None:
    """Write a search index into a folder that an erasure deletes.

    Raises:
        UserError: if the folder cannot be written.
    """
    faiss = load_faiss()
    with atomic_write(folder / INDEX_NAME) as file:
        np.savez(
            file,
            index=faiss.serialize_index(search_index.index),
            ids=search_index.ids,
            hashes=search_index.hashes,
        )
    about: dict[str, Any] = {
        "format": FORMAT,
        "kind": search_index.kind,
        "card_fingerprint": card_fingerprint,
        "num_trained": search_index.num_trained,
        "recall": dataclasses.asdict(search_index.recall),
        "sha256": file_fingerprint(folder / INDEX_NAME),
    }
    write_json(folder / ABOUT_NAME, about)


def load_index(folder: Path, kind: Kind, card_fingerprint: str) -> ApproximateSearch:
    """Read what `save_index` wrote.

    Raises:
        UnusableIndex: if it is missing, damaged, of another format or another memory.
    """
    faiss = load_faiss()
    if not (folder / ABOUT_NAME).is_file():
        raise UnusableIndex("")
    try:
        about = read_json(folder / ABOUT_NAME)
        if about["format"] != FORMAT or about["kind"] != kind:
            raise UnusableIndex(f"is {about['kind']!r} of format {about['format']}")
        if about["card_fingerprint"] != card_fingerprint:
            raise UnusableIndex("belongs to the memory of another encoder")
        data = (folder / INDEX_NAME).read_bytes()
        if file_fingerprint(folder / INDEX_NAME) != about["sha256"]:
            raise UnusableIndex("is damaged")
        arrays = np.load(io.BytesIO(data), allow_pickle=False)
        return ApproximateSearch(
            kind=kind,
            index=faiss.deserialize_index(arrays["index"]),
            ids=arrays["ids"],
            hashes=arrays["hashes"],
            num_trained=int(about["num_trained"]),
            recall=Recall(**about["recall"]),
        )
    except (OSError, UserError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise UnusableIndex(f"cannot be read ({str(error) or repr(error)})") from error
