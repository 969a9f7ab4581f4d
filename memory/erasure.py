"""Erasure: make entries physically gone from every file of a store, and prove it.

Deleting a row in a columnar store only marks it: its bytes stay in the data files and in earlier versions (measured:
found after delete, gone after compaction and clean-up). So: find the bytes first (positive control: a scan that
cannot find what is there proves nothing), write the plan down, delete, rewrite the touched files, drop every earlier
version and orphan file, then look again. Embeddings are sought raw in every file; owner, uri and data set are encoded
on disk, so every data file is decoded and must hold exactly the remaining entries. Identical twins legitimately keep
the bytes and are named.

History ends here: no earlier version survives. Entries that were removed before can be erased while a file still holds
them. An erasure that was cut short at any moment is completed by `resume_erasure`, with the scan and the receipt.

Letters: E entries to erase, D embedding.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memory.byte_scan import BytePatterns
from memory.erasure_caches import register_caches
from memory.erasure_plan import ErasurePlan, read_plan, write_proved
from memory.history import protected_versions
from memory.receipt import Receipt, hash_entry, sign_receipt, signing_key
from memory.schema import embedding_matrix
from memory.store import ENTRIES_NAME, PENDING_ERASURE_NAME, Store, lance_errors, named_ids
from procmem.errors import UserError, WorkError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RECEIPTS_NAME = "receipts"
_HASH_BLOCK_BYTES = 1 << 20


class ErasureError(WorkError):
    """The proof failed: the store still holds, or never visibly held, what was to be erased."""


class _StoredRows(NamedTuple):
    """Rows to erase as the data files hold them; an id may occur with several embeddings over the versions."""

    ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[Any]


def erase_entries(store: Store, ids: npt.NDArray[np.int64]) -> Receipt:
    """Erase entries from a store and sign a receipt, which the store keeps as well.

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
        store.place.sweep()
        rows = _find_rows(store, ids)
        found_before = _scan(store, BytePatterns(rows.embeddings))
        if not found_before.all():
            missing = np.unique(rows.ids[~found_before])
            raise ErasureError(
                f"nothing was erased: the bytes of entries {named_ids(missing)} are not plain in any file, "
                "so their absence could not be proved"
            )
        register_caches(store, ids)
        plan = ErasurePlan(
            ids=rows.ids,
            embeddings=rows.embeddings,
            salt=secrets.token_hex(16),
            versions=tuple(int(version["version"]) for version in store.dataset.versions()),
            artefacts=tuple(artefact.path for artefact in store.artefacts.made_from(ids)),
        )
        plan.write(store.place)
        try:
            store.artefacts.delete_made_from(ids)
        except UserError:
            store.place.delete(PENDING_ERASURE_NAME)
            raise
        return _complete(store, plan, key)


def resume_erasure(store: Store) -> Receipt:
    """Complete an erasure that was cut short.

    Raises:
        UserError: if there is none, or the key or folder cannot be used.
        ErasureError: if the proof fails.
    """
    if not store.erasure_is_pending:
        raise UserError(f"no erasure was cut short in memory {store.place.name!r}; there is nothing to resume")
    key = signing_key()
    with store.writing(completes_erasure=True):
        store.place.sweep()
        plan = read_plan(store.place)
        if isinstance(plan, Receipt):
            return _sign(store, plan, key)
        store.artefacts.delete_made_from(plan.ids)
        return _complete(store, plan, key)


def _complete(store: Store, plan: ErasurePlan, key: Ed25519PrivateKey) -> Receipt:
    """Delete, rewrite, prove and sign; each step may have been done before."""
    store.delete_rows(np.intersect1d(plan.ids, store.read_ids()))
    store.rewrite_without_history()
    twins = _check_gone(store, _StoredRows(plan.ids, plan.embeddings))
    hashes = [hash_entry(plan.salt, int(i), e.tobytes()) for i, e in zip(plan.ids, plan.embeddings, strict=True)]
    receipt = Receipt(
        time_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        card_fingerprint=store.ledger.card.fingerprint,
        salt=plan.salt,
        erased=tuple(hashes),
        found_before=len(plan.ids),
        twins={name: ids for name, ids in zip(hashes, twins, strict=True) if ids},
        files_scanned=tuple(_describe(store, name) for name in _files(store)),
        versions_dropped=plan.versions,
        version=store.version,
        artefacts_deleted=plan.artefacts,
    )
    write_proved(store.place, receipt)
    return _sign(store, receipt, key)


def _sign(store: Store, receipt: Receipt, key: Ed25519PrivateKey) -> Receipt:
    """Sign, keep, and only then drop the plan: a receipt that was promised is never lost."""
    signed = sign_receipt(receipt, key)
    content = json.dumps(signed.to_dict(), indent=2, sort_keys=True) + "\n"
    store.place.write(f"{RECEIPTS_NAME}/{receipt.version:08d}.json", content.encode())
    store.place.delete(PENDING_ERASURE_NAME)
    return signed


def _refuse_protected_versions(store: Store) -> None:
    names = protected_versions(store)
    if names:
        raise UserError(
            f"cannot erase: versions are protected under the names {', '.join(names)}, and an erasure ends history; "
            "release them first"
        )


def _find_rows(store: Store, ids: npt.NDArray[np.int64]) -> _StoredRows:
    """Rows with these ids in any data file, of this version or an earlier one.

    Raises:
        UserError: if an id is in no file.
    """
    found_ids, found_embeddings = [], []
    for name in _data_files(store):
        file_ids = _decode_ids(store, name)
        rows = np.flatnonzero(np.isin(file_ids, ids))
        if rows.size:
            found_ids.append(file_ids[rows])
            found_embeddings.append(_decode_embeddings(store, name, rows))
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


def _check_gone(store: Store, rows: _StoredRows) -> list[list[int]]:
    """Scan and decode every file; return the ids of the twins of each erased row.

    Raises:
        ErasureError: if a file holds a row that is no present entry, or erased bytes that no twin explains.
    """
    present = np.sort(store.read_ids())
    stored = [_decode_ids(store, name) for name in _data_files(store)]
    stored_ids = np.sort(np.concatenate([np.empty(0, np.int64), *stored]))
    if not np.array_equal(stored_ids, present) or np.isin(rows.ids, present).any():
        raise ErasureError("the data files hold rows that are not present entries; keep other readers away and retry")
    twins = _twins(store, rows.embeddings)
    unexplained = _scan(store, BytePatterns(rows.embeddings)) & np.array([not ids for ids in twins])
    if unexplained.any():
        raise ErasureError(f"the bytes of entries {named_ids(np.unique(rows.ids[unexplained]))} are still in a file")
    return twins


def _twins(store: Store, embeddings: npt.NDArray[Any]) -> list[list[int]]:
    """Ids of the present entries with the very same bytes as each row (0.0 and -0.0 differ), block by block."""
    sought = embeddings.view(np.uint8)
    twins: list[list[int]] = [[] for _ in sought]
    first_words = sought[:, :4].copy().view(np.uint32)[:, 0]
    with lance_errors(store.place.name, "read"):
        for batch in store.dataset.to_batches(columns=["id", "embedding"]):
            stored = embedding_matrix(batch).view(np.uint8)
            near = np.flatnonzero(np.isin(stored[:, :4].copy().view(np.uint32)[:, 0], first_words))
            for row in near:
                for twin in np.flatnonzero((sought == stored[row]).all(axis=1)):
                    twins[twin].append(batch["id"][int(row)].as_py())
    return [sorted(ids) for ids in twins]


def _scan(store: Store, patterns: BytePatterns) -> npt.NDArray[np.bool_]:
    """(E,) whether the bytes of each row occur in any file of the store."""
    found = np.zeros(len(patterns), np.bool_)
    for name in _files(store):
        with store.place.open(name) as file:
            found |= patterns.found_in(file)
    return found


def _files(store: Store) -> list[str]:
    """Every file but the plan, which the erasure itself takes away."""
    return [name for name in store.place.files() if name != PENDING_ERASURE_NAME]


def _data_files(store: Store) -> list[str]:
    return [name for name in store.place.files(f"{ENTRIES_NAME}/data") if name.endswith(".lance")]


def _decode_ids(store: Store, name: str) -> npt.NDArray[np.int64]:
    """Ids in a data file; none in a file that holds only columns which a migration added beside it."""
    from lance.file import LanceFileReader

    with lance_errors(store.place.uri(name), "decode a data file of"):
        if "id" not in LanceFileReader(store.place.uri(name)).metadata().schema.names:
            return np.empty(0, np.int64)
        table = LanceFileReader(store.place.uri(name), columns=["id"]).read_all().to_table()
    ids: npt.NDArray[np.int64] = table["id"].to_numpy()
    return ids


def _decode_embeddings(store: Store, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    from lance.file import LanceFileReader

    with lance_errors(store.place.uri(name), "decode a data file of"):
        table = LanceFileReader(store.place.uri(name), columns=["embedding"]).take_rows(rows.tolist()).to_table()
    return embedding_matrix(table)


def _describe(store: Store, name: str) -> dict[str, Any]:
    digest, num_bytes = hashlib.sha256(), 0
    with store.place.open(name) as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
            num_bytes += len(block)
    return {"name": name, "num_bytes": num_bytes, "sha256": digest.hexdigest()}
