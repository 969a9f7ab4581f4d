"""Erasure: bytes are found before, gone after, and the receipt says what happened and cannot be changed.

Run: pytest tests/memory/test_erasure.py.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from memory import erasure, store
from memory.erasure import ErasureError
from memory.memory import VisualMemory
from memory.receipt import Receipt, hash_entry, signing_key_path, verify_receipt
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def files_holding(folder: Path, content: bytes) -> list[str]:
    """By the plainest means there is."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and content in path.read_bytes()]


@pytest.fixture
def filled(memory: VisualMemory, unit_rows: MakeUnitRows) -> VisualMemory:
    """300 entries in three additions, so in three data files; owners and uris carry the id."""
    rows = unit_rows(300, 16)
    for start in (0, 100, 200):
        names = [f"owner-{i:04d}" for i in range(start, start + 100)]
        memory.add(rows[start : start + 100], np.arange(100) % 3, owner=names, uri=[f"s3://{name}" for name in names])
    return memory


def test_bytes_are_there_after_removal_and_gone_after_erasure(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    rows, folder = unit_rows(300, 16), tmp_path / "memory"
    filled.remove([5])
    assert files_holding(folder, rows[5].tobytes())
    receipt = filled.erase([5, 150, 299])  # removed before, and from three files
    for i in (5, 150, 299):
        assert not files_holding(folder, rows[i].tobytes())
        assert not files_holding(folder, f"owner-{i:04d}".encode())
    assert files_holding(folder, rows[6].tobytes())
    kept = [i for i in range(300) if i not in (5, 150, 299)]
    assert filled.entries.ids.tolist() == kept
    assert np.array_equal(filled.entries.embeddings, rows[kept])
    assert filled.owners() == [f"owner-{i:04d}" for i in kept]
    assert np.array_equal(VisualMemory.open(folder).entries.embeddings, rows[kept])
    assert receipt.found_before == 3


def test_the_receipt_states_what_a_reader_can_recompute(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    rows, folder = unit_rows(300, 16), tmp_path / "memory"
    versions = [version.number for version in filled.versions()]
    receipt = filled.erase([7])
    assert receipt.erased == (hash_entry(receipt.salt, 7, rows[7].tobytes()),)
    assert receipt.versions_dropped == tuple(versions)
    assert [version.number for version in filled.versions()] == [receipt.version]
    assert receipt.card_fingerprint == "a" * 64
    scanned = {item["name"]: (item["num_bytes"], item["sha256"]) for item in receipt.files_scanned}
    on_disk = {
        str(path.relative_to(folder)): (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "receipts"
    }
    assert scanned == on_disk
    (kept,) = (folder / "receipts").iterdir()
    assert Receipt.from_dict(json.loads(kept.read_text())) == receipt
    again = filled.erase([8])
    assert again.salt != receipt.salt


def test_twins_keep_the_bytes_and_are_named(memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(3, 16)
    memory.add(rows[[0, 1, 1, 2, 1]], [0] * 5)
    receipt = memory.erase([0, 1])
    hashes = [hash_entry(receipt.salt, i, rows[i].tobytes()) for i in (0, 1)]
    assert receipt.erased == tuple(hashes)
    assert receipt.twins == {hashes[1]: [2, 4]}
    assert not files_holding(tmp_path / "memory", rows[0].tobytes())
    assert files_holding(tmp_path / "memory", rows[1].tobytes())


def test_every_entry_can_be_erased(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    filled.erase(np.arange(300))
    assert len(filled) == 0
    assert not any(files_holding(tmp_path / "memory", row.tobytes()) for row in unit_rows(300, 16))


def test_erased_equals_never_added(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    rows, queries, gone = unit_rows(300, 16), unit_rows(20, 16, 9), np.arange(0, 300, 7)
    filled.erase(gone)
    never = VisualMemory.create(tmp_path / "never", filled.card, class_names=filled.class_names)
    kept = np.setdiff1d(np.arange(300), gone)
    never.add(rows[kept], (kept % 100) % 3, ids=kept)
    assert np.array_equal(filled.search(queries, 9).similarities, never.search(queries, 9).similarities)
    assert np.array_equal(filled.classify(queries, 9).scores, never.classify(queries, 9).scores)


def test_files_left_by_a_crash_are_swept(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    data = tmp_path / "memory" / "entries.lance" / "data"
    first = next(iter(sorted(data.iterdir())))
    (data / "0000orphan.lance").write_bytes(first.read_bytes())
    filled.erase([1, 101, 201])
    assert not (data / "0000orphan.lance").exists()
    assert not files_holding(tmp_path / "memory", unit_rows(300, 16)[1].tobytes())


def test_unknown_ids_erase_nothing(filled: VisualMemory) -> None:
    version = filled.version
    for ids, message in (([0, 900], "no file of this memory holds id 900"), ([], "none given")):
        with pytest.raises(UserError, match=f"nothing was erased: .*{message}"):
            filled.erase(ids)
    assert (len(filled), filled.version) == (300, version)
    filled.erase([0])
    with pytest.raises(UserError, match="no file of this memory holds id 0"):
        filled.erase([0])


def test_protected_versions_stop_an_erasure(filled: VisualMemory) -> None:
    filled.protect("paper", 2)
    with pytest.raises(UserError, match=r"versions are protected under the names paper.*release them first"):
        filled.erase([0])
    assert len(filled) == 300
    filled.release("paper")
    filled.erase([0])


def test_embeddings_that_are_not_plain_on_disk_fail_the_positive_control(
    filled: VisualMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lance compresses float lists under no setting we found, so an encoded column is played: what decodes to an
    # embedding has other bytes in the file.
    decode = erasure._decode_embeddings
    monkeypatch.setattr(erasure, "_decode_embeddings", lambda *where: np.flip(decode(*where), axis=1))
    version = filled.version
    with pytest.raises(ErasureError, match="nothing was erased: the bytes of entries 3 are not plain in any file"):
        filled.erase([3])
    assert (len(filled), filled.version) == (300, version)


def test_bytes_that_stay_behind_fail_the_proof(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    (tmp_path / "memory" / "notes.bin").write_bytes(b"xyz" + unit_rows(300, 16)[4].tobytes())
    with pytest.raises(ErasureError, match="the bytes of entries 4 are still in a file"):
        filled.erase([3, 4])


def test_rows_that_stay_behind_fail_the_proof(filled: VisualMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Store, "rewrite_without_history", lambda self: None)
    with pytest.raises(ErasureError, match="rows that are not present entries"):
        filled.erase([3])


def test_a_changed_receipt_is_found_out(filled: VisualMemory) -> None:
    receipt = filled.erase([3])
    verify_receipt(receipt)
    verify_receipt(Receipt.from_dict(json.loads(json.dumps(receipt.to_dict()))), receipt.public_key)
    changes: list[dict[str, Any]] = [
        {"time_utc": "2020-01-01T00:00:00+00:00"},
        {"erased": ()},
        {"twins": {receipt.erased[0]: [1]}},
        {"files_scanned": receipt.files_scanned[1:]},
        {"signature": receipt.signature[:-1] + ("0" if receipt.signature[-1] != "0" else "1")},
        {"signature": ""},
        {"public_key": "no hex"},
    ]
    for change in changes:
        with pytest.raises(UserError, match="was changed after it was signed"):
            verify_receipt(dataclasses.replace(receipt, **change))
    with pytest.raises(UserError, match="is signed with key"):
        verify_receipt(receipt, "0" * 64)
    with pytest.raises(UserError, match="not an erasure receipt"):
        Receipt.from_dict({"time_utc": "now"})


def test_the_key_is_private_and_used_again(
    filled: VisualMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = filled.erase([0]), filled.erase([1])
    assert first.public_key == second.public_key
    assert signing_key_path() == tmp_path / "config" / "signing_key.pem"
    assert signing_key_path().stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("PROCMEM_KEY", str(tmp_path / "elsewhere" / "key.pem"))
    assert filled.erase([2]).public_key != first.public_key
    assert (tmp_path / "elsewhere" / "key.pem").is_file()


def test_a_bad_key_is_reported_before_anything_changes(
    filled: VisualMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key.pem"
    monkeypatch.setenv("PROCMEM_KEY", str(key))
    key.write_text("not a key")
    with pytest.raises(UserError, match=r"can be read by others; run: chmod 600"):
        filled.erase([0])
    key.chmod(0o600)
    with pytest.raises(UserError, match="not an Ed25519 private key"):
        filled.erase([0])
    monkeypatch.setenv("PROCMEM_KEY", str(tmp_path))
    with pytest.raises(UserError, match="cannot use signing key"):
        filled.erase([0])
    assert len(filled) == 300


def test_erasure_scans_every_file_of_the_store(filled: VisualMemory, tmp_path: Path) -> None:
    found = {p.relative_to(tmp_path / "memory").as_posix() for p in (tmp_path / "memory").rglob("*") if p.is_file()}
    assert set(erasure._files(filled.store)) == found
