"""Erasure: make entries physically gone from every file of a store, and prove it.

Deleting a row in a columnar store only marks it: its bytes stay in the data files and in earlier versions (measured:
found after delete, gone after compaction and clean-up). So: find the bytes first (positive control: a scan that
cannot find what is there proves nothing), delete, rewrite the touched files, drop every earlier version and orphan
file, then look again. Embeddings are sought raw in every file; owner and uri are encoded on disk, so every data
file is decoded and must hold exactly the remaining entries. Identical twins legitimately keep the bytes and are named.

History ends here: no earlier version survives. Entries that were removed before can be erased while a file still holds
them. An erasure that was cut short is repeated with the same ids, as long as a file still holds them.

Letters: E entries to erase, D embedding.
"""

from __future__ import annotations

import datetime
import secrets
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memory.byte_scan import BytePatterns
from memory.receipt import Receipt, hash_entry, sign_receipt, signing_key
from memory.store import ENTRIES_NAME, Entries, Store, embedding_matrix, lance_errors, named_ids
from procmem.errors import UserError, WorkError
from procmem.files import file_fingerprint


class ErasureError(WorkError):
    """The proof failed: the store still holds, or never visibly held, what was to be erased."""


class _StoredRows(NamedTuple):
    """Rows to erase as the data files hold them; an id may occur with several embeddings over the versions."""

    ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float32]


def erase_entries(store: Store, ids: npt.NDArray[np.int64]) -> Receipt:
    """Erase entries from a store and sign a receipt.

    Args:
        store: at its latest version.
        ids: (E,) ids of present entries, or of removed ones that a file still holds.

    Raises:
        UserError: if an id is in no file, versions are protected, or the key or folder cannot be used; nothing has
            been changed then.
        ErasureError: if the proof fails.
    """
    key = signing_key()
    with store.writing():
        _refuse_protected_versions(store)
        rows = _find_rows(store, ids)
        patterns = BytePatterns(rows.embeddings)
        found_before = _scan(store, patterns)
        if not found_before.all():
            missing = np.unique(rows.ids[~found_before])
            raise ErasureError(
                f"nothing was erased: the bytes of entries {named_ids(missing)} are not plain in any file, "
                "so their absence could not be proved"
            )
        artefacts = _delete_artefacts(store)
        versions_before = [version.number for version in store.versions()]
        store.delete_rows(np.intersect1d(ids, store.read_ids()))
        store.rewrite_without_history()
        twins = _check_gone(store, rows, patterns)
        salt = secrets.token_hex(16)
        hashes = [hash_entry(salt, int(i), e.tobytes()) for i, e in zip(rows.ids, rows.embeddings, strict=True)]
        receipt = Receipt(
            time_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            card_fingerprint=store.ledger.card.fingerprint,
            salt=salt,
            erased=tuple(hashes),
            found_before=int(found_before.sum()),
            twins={name: ids for name, ids in zip(hashes, twins, strict=True) if ids},
            files_scanned=tuple(_describe(store.folder, path) for path in _files(store.folder)),
            versions_dropped=tuple(versions_before),
            version=store.version,
            artefacts_deleted=artefacts,
        )
        return sign_receipt(receipt, key)


def _refuse_protected_versions(store: Store) -> None:
    with lance_errors(store.folder, "list the protected versions of"):
        tags = sorted(store.dataset.tags.list())
    if tags:
        raise UserError(
            f"cannot erase: versions are protected under the names {', '.join(tags)}, and an erasure ends history; "
            "release them first"
        )


def _find_rows(store: Store, ids: npt.NDArray[np.int64]) -> _StoredRows:
    """Rows with these ids in any data file, of this version or an earlier one.

    Raises:
        UserError: if an id is in no file.
    """
    found_ids, found_embeddings = [], []
    for path in _data_files(store.folder):
        file_ids = _decode_ids(path)
        rows = np.flatnonzero(np.isin(file_ids, ids))
        if rows.size:
            found_ids.append(file_ids[rows])
            found_embeddings.append(_decode_embeddings(path, rows))
    all_ids = np.concatenate([np.empty(0, np.int64), *found_ids])
    unknown = np.setdiff1d(ids, all_ids)
    if unknown.size or not len(ids):
        raise UserError(f"nothing was erased: no file of this memory holds id {named_ids(unknown) or '(none given)'}")
    return _unique_rows(_StoredRows(all_ids, np.concatenate(found_embeddings)))


def _unique_rows(rows: _StoredRows) -> _StoredRows:
    """Drop copies of one entry, as earlier compactions leave them."""
    keys = [(int(i), e.tobytes()) for i, e in zip(rows.ids, rows.embeddings, strict=True)]
    first = sorted({key: row for row, key in reversed(list(enumerate(keys)))}.values())
    return _StoredRows(rows.ids[first], rows.embeddings[first])


def _check_gone(store: Store, rows: _StoredRows, patterns: BytePatterns) -> list[list[int]]:
    """Scan and decode every file; return the ids of the twins of each erased row.

    Raises:
        ErasureError: if a file holds a row that is no present entry, or erased bytes that no twin explains.
    """
    present = store.read()
    stored = [_decode_ids(path) for path in _data_files(store.folder)]
    stored_ids = np.sort(np.concatenate([np.empty(0, np.int64), *stored]))
    if not np.array_equal(stored_ids, present.ids) or np.isin(rows.ids, present.ids).any():
        raise ErasureError("the data files hold rows that are not present entries; keep other readers away and retry")
    twins = [_twins(present, row) for row in rows.embeddings]
    unexplained = _scan(store, patterns) & np.array([not ids for ids in twins])
    if unexplained.any():
        raise ErasureError(f"the bytes of entries {named_ids(np.unique(rows.ids[unexplained]))} are still in a file")
    return twins


def _twins(present: Entries, embedding: npt.NDArray[np.float32]) -> list[int]:
    """Ids of the entries with the very same bytes (0.0 and -0.0 differ)."""
    stored, sought = present.embeddings.view(np.uint32), embedding.view(np.uint32)
    candidates = np.flatnonzero(stored[:, 0] == sought[0])
    same = (stored[candidates] == sought).all(axis=1)
    twins: list[int] = present.ids[candidates[same]].tolist()
    return twins


def _delete_artefacts(store: Store) -> tuple[str, ...]:
    """Delete the registered files; those that are gone already count as deleted."""
    artefacts = store.ledger.artefacts
    try:
        for name in artefacts:
            (store.folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"nothing was erased: cannot delete {name!r}: {error.strerror or error}") from error
    store.set_artefacts(())
    return artefacts


def _scan(store: Store, patterns: BytePatterns) -> npt.NDArray[np.bool_]:
    """(E,) whether the bytes of each row occur in any file of the store."""
    found: npt.NDArray[np.bool_] = np.logical_or.reduce([patterns.found_in(path) for path in _files(store.folder)])
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _data_files(folder: Path) -> list[Path]:
    return sorted((folder / ENTRIES_NAME / "data").rglob("*.lance"))


def _decode_ids(path: Path) -> npt.NDArray[np.int64]:
    from lance.file import LanceFileReader

    with lance_errors(path, "decode a data file of"):
        table = LanceFileReader(str(path), columns=["id"]).read_all().to_table()
    ids: npt.NDArray[np.int64] = table["id"].to_numpy()
    return ids


def _decode_embeddings(path: Path, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    from lance.file import LanceFileReader

    with lance_errors(path, "decode a data file of"):
        table = LanceFileReader(str(path), columns=["embedding"]).take_rows(rows.tolist()).to_table()
    return embedding_matrix(table)


def _describe(folder: Path, path: Path) -> dict[str, Any]:
    return {
        "name": str(path.relative_to(folder)),
        "num_bytes": path.stat().st_size,
        "sha256": file_fingerprint(path),
    }
