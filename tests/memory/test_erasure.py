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
from hypothesis import given
from hypothesis import strategies as st

from memory import byte_scan, erasure, store
from memory.byte_scan import BytePatterns
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
        if path.is_file()
    }
    assert scanned == on_disk
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


def test_artefacts_go_with_the_entries(filled: VisualMemory, tmp_path: Path) -> None:
    cache, inside = tmp_path / "cache.npz", tmp_path / "memory" / "report.html"
    for path in (cache, inside):
        path.write_text("derived")
        filled.register_artefact(path)
    filled.register_artefact(cache)  # twice is once
    receipt = filled.erase([0])
    assert receipt.artefacts_deleted == (str(cache), "report.html")
    assert not cache.exists()
    assert not inside.exists()
    assert filled.erase([1]).artefacts_deleted == ()


def test_only_files_outside_the_entries_can_be_artefacts(filled: VisualMemory, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file"):
        filled.register_artefact(tmp_path)
    for name in ("ledger.json", "entries.lance/_versions/latest_version_hint.json"):
        with pytest.raises(UserError, match="is the store itself"):
            filled.register_artefact(tmp_path / "memory" / name)


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
    filled._store.dataset.tags.create("paper", 2)
    with pytest.raises(UserError, match=r"versions are protected under the names paper.*release them first"):
        filled.erase([0])
    assert len(filled) == 300
    filled._store.dataset.tags.delete("paper")
    filled.erase([0])


def test_embeddings_that_are_not_plain_on_disk_fail_the_positive_control(
    filled: VisualMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lance compresses float lists under no setting we found, so an encoded column is played: what decodes to an
    # embedding has other bytes in the file.
    decode = erasure._decode_embeddings
    monkeypatch.setattr(erasure, "_decode_embeddings", lambda path, rows: np.flip(decode(path, rows), axis=1))
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


@given(
    content=st.binary(max_size=300),
    places=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=4),
    seed=st.integers(0, 20),
)
def test_the_scan_finds_what_a_plain_search_finds(
    content: bytes, places: list[tuple[int, int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    # sparse rows of few values: shared keys, zeros first, one row that is a shift of another
    rows = rng.choice(np.array([0.0, 0.0, 0.5, -0.3], np.float32), (6, 5))
    rows[:, 0] += np.where((rows == 0).all(axis=1), np.float32(0.1), np.float32(0))
    for row, place in places:
        content = content[:place] + rows[row].tobytes() + content[place:]
    path = tmp_path_factory.mktemp("scan") / "file"
    path.write_bytes(content)
    block = byte_scan._BLOCK_BYTES
    try:
        byte_scan._BLOCK_BYTES = 23  # many borders
        found = BytePatterns(rows).found_in(path)
    finally:
        byte_scan._BLOCK_BYTES = block
    assert found.tolist() == [row.tobytes() in content for row in rows]


def test_zero_bytes_elsewhere_do_not_hide_a_pattern(tmp_path: Path) -> None:
    one_hot = np.eye(8, dtype=np.float32)
    path = tmp_path / "file"
    path.write_bytes(b"\0" * 1001 + one_hot[2].tobytes() + b"\0" * 7)
    assert BytePatterns(one_hot).found_in(path)[2]


def test_erasure_scans_every_file_of_the_store(filled: VisualMemory, tmp_path: Path) -> None:
    assert set(erasure._files(tmp_path / "memory")) == {p for p in (tmp_path / "memory").rglob("*") if p.is_file()}
