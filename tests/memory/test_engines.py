"""Engines of a memory on disk: right after every change, saved beside the entries, erased with them, never trusted.

Letters: Q queries, N entries, D embedding.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory import approximate
from memory.mask import Mask, excluding
from memory.memory import VisualMemory
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
N, D = 1200, 16


@pytest.fixture
def filled(memory: VisualMemory, unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch) -> VisualMemory:
    monkeypatch.setattr(approximate, "RECALL_QUERIES", 20)
    memory.add(unit_rows(N, D), np.arange(N) % 3, owner=["ann" if n % 2 else "bob" for n in range(N)])
    return memory


def index_folder(memory: VisualMemory, kind: str = "hnsw") -> Path:
    return memory.artefacts.folder(f"search-index-{kind}")


def reopened(memory: VisualMemory) -> VisualMemory:
    return VisualMemory.open(memory.store.place.folder)


def test_every_engine_answers_and_stays_right_while_entries_change(
    filled: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    added = unit_rows(3, D, 8)
    for engine in ("exact", "faiss", "hnsw", "ivfpq"):
        found = filled.search(unit_rows(N, D)[[5, 6]], 2, engine=engine)
        assert found.ids[:, 0].tolist() == [5, 6]
        assert found.exact == (engine in ("exact", "faiss"))
        assert (found.recall is None) == found.exact
    filled.remove([5])
    new = filled.add(added, [0, 1, 2])
    filled.relabel([6], [2])
    for engine in ("exact", "faiss", "hnsw", "ivfpq"):
        found = filled.search(np.concatenate([unit_rows(N, D)[[5, 6]], added]), 2, engine=engine)
        assert 5 not in found.ids
        assert found.ids[1:, 0].tolist() == [6, *new.tolist()]
        assert found.labels[1:, 0].tolist() == [2, 0, 1, 2]
        assert found.memory_size == N + 2
        assert filled.classify(added, 1, engine=engine).predictions.tolist() == [0, 1, 2]


def test_masks_follow_the_entries_when_some_were_removed(filled: VisualMemory, unit_rows: MakeUnitRows) -> None:
    filled.remove(np.arange(0, 41))  # an odd number, so that a shifted mask is seen
    ids, owners = filled.entries.ids, filled.owners()
    asked = unit_rows(N, D)[[100, 101]]
    mask = Mask(allowed=ids % 3 != 0, exclusions=[excluding(owners, ["bob", "ann"])])
    for engine in ("exact", "hnsw"):
        found = filled.search(asked, 30, engine=engine, allowed=mask)
        assert (found.ids[0] % 2 == 1).all()
        assert (found.ids[1] % 2 == 0).all()
        assert (found.ids % 3 != 0).all()
        assert found.ids.min() > 40
    with pytest.raises(UserError, match="the 1159 entries need one each"):
        filled.search(asked, 2, allowed=np.ones(N, np.bool_))


def test_a_saved_index_is_used_again(
    filled: VisualMemory, unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = filled.search(unit_rows(20, D, 3), 5, engine="hnsw")
    monkeypatch.setattr(approximate, "build", lambda *_: pytest.fail("built again"))
    again = reopened(filled).search(unit_rows(20, D, 3), 5, engine="hnsw")
    assert np.array_equal(again.ids, before.ids)
    assert again.recall == before.recall


@pytest.mark.parametrize("harm", ["damaged", "cut", "no text", "other encoder", "other kind", "missing array"])
def test_an_index_that_cannot_be_used_is_built_anew_with_a_word(
    harm: str, filled: VisualMemory, unit_rows: MakeUnitRows, capsys: pytest.CaptureFixture[str]
) -> None:
    right = filled.search(unit_rows(20, D, 3), 5, engine="hnsw")
    folder = index_folder(filled)
    data, about = (folder / "index.npz").read_bytes(), json.loads((folder / "about.json").read_text())
    if harm == "damaged":
        (folder / "index.npz").write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    elif harm == "cut":
        (folder / "index.npz").write_bytes(data[:100])
    elif harm == "no text":
        (folder / "about.json").write_bytes(b"\xff{")
    elif harm == "missing array":
        del about["recall"]
    else:
        about |= {"card_fingerprint": "b" * 64} if harm == "other encoder" else {"kind": "ivfpq"}
    if harm in ("other encoder", "other kind", "missing array"):
        (folder / "about.json").write_text(json.dumps(about))
    capsys.readouterr()
    again = reopened(filled).search(unit_rows(20, D, 3), 5, engine="hnsw")
    assert np.array_equal(again.ids, right.ids)
    assert "building it anew" in capsys.readouterr().err
    assert json.loads((folder / "about.json").read_text())["card_fingerprint"] == "a" * 64


def test_an_index_of_other_entries_is_seen(
    filled: VisualMemory, unit_rows: MakeUnitRows, card: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.search(unit_rows(1, D), 1, engine="hnsw")
    other = VisualMemory.create(tmp_path / "other", card, class_names=["cat"])  # the same encoder, the same ids
    other.add(unit_rows(N, D, 77), np.zeros(N, np.int64))
    folder = index_folder(other)
    folder.mkdir(parents=True)
    for name in ("index.npz", "about.json"):
        (folder / name).write_bytes((index_folder(filled) / name).read_bytes())
    found = other.search(unit_rows(N, D, 77)[:9], 1, engine="hnsw")
    assert found.ids[:, 0].tolist() == list(range(9))
    assert "no longer fits the entries" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["hnsw", "ivfpq"])
def test_erasing_an_entry_leaves_nothing_of_it_in_a_search_index(
    kind: str, filled: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    filled.search(unit_rows(1, D), 1, engine=kind)
    folder = index_folder(filled, kind)
    sought = unit_rows(N, D)[7].tobytes()
    assert (sought in (folder / "index.npz").read_bytes()) == (kind == "hnsw")  # compressed codes are no raw bytes
    receipt = filled.erase([7])
    assert f"derived/search-index-{kind}/index.npz" in receipt.artefacts_deleted
    assert not (folder / "index.npz").exists()
    found = filled.search(unit_rows(N, D)[[7]], 3, engine=kind)
    assert 7 not in found.ids
    saved = np.load(folder / "index.npz")
    assert 7 not in saved["ids"]
    assert len(saved["ids"]) == N - 1
    for path in filled.store.place.folder.rglob("*"):
        assert not path.is_file() or sought not in path.read_bytes()


def test_where_nothing_can_be_saved_the_index_stays_in_ram(
    filled: VisualMemory, unit_rows: MakeUnitRows, capsys: pytest.CaptureFixture[str]
) -> None:
    history = filled.checkout(filled.version)
    filled.remove([0])
    capsys.readouterr()
    found = history.search(unit_rows(N, D)[:1], 1, engine="hnsw")
    assert found.ids.tolist() == [[0]]
    assert "stays in RAM" in capsys.readouterr().err
    assert not index_folder(filled).exists()


def test_bad_requests_are_refused(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(2, D)
    with pytest.raises(UserError, match="memory is empty"):
        memory.search(rows, 1, engine="hnsw")
    memory.add(rows, [0, 1])
    with pytest.raises(UserError, match="unknown search engine 'hnws'; did you mean 'hnsw'"):
        memory.search(rows, 1, engine="hnws")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="k is 0"):
        memory.search(rows, 0, engine="hnsw")
    with pytest.raises(UserError, match="dimension 3; this memory holds dimension 16"):
        memory.search(np.eye(3), 1, engine="hnsw")
    with pytest.raises(UserError, match="row 0 holds NaN"):
        memory.search(rows * np.nan, 1, engine="faiss")
    with pytest.raises(UserError, match="row 0 is zero"):
        memory.search(rows * 0, 1, engine="hnsw")
    found = memory.search(rows, 5, engine="hnsw")  # k larger than the memory
    assert (found.ids >= 0).sum(axis=1).tolist() == [2, 2]
