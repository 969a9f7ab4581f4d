"""Artefacts: whatever is made from entries goes with the erased entry, also where its writer was killed.

Run: pytest tests/memory/test_artefacts.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.artefacts import ArtefactRegistry
from memory.erasure import ErasureError
from memory.ledger import Artefact
from memory.memory import VisualMemory
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture
def filled(memory: VisualMemory, unit_rows: MakeUnitRows) -> VisualMemory:
    memory.add(unit_rows(20, 16), np.zeros(20, int))
    return memory


def test_registered_files_and_all_of_the_derived_folder_go_with_an_erasure(
    filled: VisualMemory, tmp_path: Path
) -> None:
    cache, inside = tmp_path / "cache.npz", tmp_path / "memory" / "report.html"
    for path in (cache, inside):
        filled.register_artefact(path, "report")
        path.write_text("derived")
    filled.register_artefact(cache, "feature cache")  # twice is once
    with filled.artefacts.saving("faiss-hnsw", version=filled.version) as folder:
        (folder / "index.bin").write_bytes(filled.entries.embeddings.tobytes())
        (folder / "part").mkdir()
        (folder / "part" / "ids.npy").write_bytes(b"ids")
    assert filled.artefacts.all() == [
        Artefact(path=str(cache), kind="feature cache"),
        Artefact(path="report.html", kind="report"),
        Artefact(path="derived/faiss-hnsw/index.bin", kind="faiss-hnsw"),
        Artefact(path="derived/faiss-hnsw/part/ids.npy", kind="faiss-hnsw"),
    ]
    receipt = filled.erase([0])
    assert receipt.artefacts_deleted == tuple(
        [str(cache), "report.html", "derived/faiss-hnsw/index.bin", "derived/faiss-hnsw/part/ids.npy"]
    )
    assert not cache.exists()
    assert not inside.exists()
    assert not list(filled.artefacts.folder("faiss-hnsw").rglob("*.*"))
    assert filled.erase([1]).artefacts_deleted == ()


def test_an_artefact_that_is_gone_or_was_never_written_is_no_obstacle(filled: VisualMemory, tmp_path: Path) -> None:
    filled.register_artefact(tmp_path / "never.npz")
    assert filled.erase([0]).artefacts_deleted == (str(tmp_path / "never.npz"),)
    filled.register_artefact(tmp_path / "later.npz")
    filled.artefacts.forget(tmp_path / "later.npz")
    assert filled.artefacts.all() == []


def test_what_was_made_from_another_version_is_not_saved(filled: VisualMemory, tmp_path: Path) -> None:
    version = filled.version
    VisualMemory.open(tmp_path / "memory").erase([3])
    with (
        pytest.raises(UserError, match=f"was made from version {version}, the memory is at .*; make it again"),
        filled.artefacts.saving("faiss-hnsw", version=version) as folder,
    ):
        (folder / "index.bin").write_bytes(b"holds entry 3")
    assert not filled.artefacts.folder("faiss-hnsw").exists()


def test_bytes_in_a_file_that_nobody_named_fail_the_proof(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    (tmp_path / "memory" / "stray.bin").write_bytes(unit_rows(20, 16).tobytes())
    with pytest.raises(ErasureError, match="the bytes of entries 0 are still in a file"):
        filled.erase([0])


def test_only_files_outside_the_entries_can_be_artefacts(filled: VisualMemory, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder, not a file"):
        filled.register_artefact(tmp_path)
    for name in ("ledger.json", "entries.lance/_versions/latest_version_hint.json"):
        with pytest.raises(UserError, match="is the store itself"):
            filled.register_artefact(tmp_path / "memory" / name)
    for kind in ("", "a/b", "..", ".hidden"):
        with pytest.raises(UserError, match="a kind of artefact is a plain name"):
            filled.artefacts.folder(kind)


def test_an_artefact_that_cannot_be_deleted_stops_the_erasure_before_it_begins(
    filled: VisualMemory, tmp_path: Path
) -> None:
    path = tmp_path / "cache.npz"
    filled.register_artefact(path)
    path.mkdir()  # in the place of the file
    with pytest.raises(UserError, match="nothing was erased: cannot delete"):
        filled.erase([0])
    assert len(filled) == 20
    assert not filled.store.erasure_is_pending
    path.rmdir()
    filled.erase([0])


def test_a_file_made_from_some_entries_goes_with_the_first_of_them_only(filled: VisualMemory, tmp_path: Path) -> None:
    pair, cache = tmp_path / "pair.png", tmp_path / "cache.npz"
    for path in (pair, cache):
        path.write_bytes(b"pixels")
    filled.register_artefact(pair, "picture", entries=[3, 4])
    filled.register_artefact(cache)
    assert VisualMemory.open(tmp_path / "memory").artefacts.all() == [
        Artefact(path=str(pair), kind="picture", entries=(3, 4)),
        Artefact(path=str(cache), kind="file"),
    ]
    assert filled.erase([0, 5]).artefacts_deleted == (str(cache),)
    assert pair.exists()
    assert filled.erase([4]).artefacts_deleted == (str(pair),)
    assert not pair.exists()
    assert filled.artefacts.all() == []


def test_an_erasure_that_is_completed_later_takes_the_same_files(
    filled: VisualMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = tmp_path / "own.png", tmp_path / "other.png"
    for entry, path in ((3, own), (4, other)):
        path.write_bytes(b"pixels")
        filled.register_artefact(path, entries=[entry])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ArtefactRegistry, "delete_made_from", killed)
        with pytest.raises(KeyboardInterrupt):
            filled.erase([3])
    assert VisualMemory.open(tmp_path / "memory").resume_erasure().artefacts_deleted == (str(own),)
    assert [path.exists() for path in (own, other)] == [False, True]
