"""The same calls on Milvus, against the embedded engine. Letters: N entries, Q queries, D embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed (procmem[milvus])")

from memory.audit.leave_one_out import leave_one_out
from memory.memory import VisualMemory
from memory.milvus import MilvusMemory, open_memory
from procmem.errors import UserError
from procmem.provenance import EncoderCard, Provenance

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
CARD = EncoderCard(
    name="random:test",
    fingerprint="a" * 64,
    dimension=16,
    preprocessing={"image_size_px": 8},
    provenance=Provenance(real_images=False),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("milvus") / "memory.db"


@pytest.fixture(scope="module")
def shared(place: Path) -> Iterator[MilvusMemory]:
    """One embedded engine for the module: starting it takes a second."""
    made = MilvusMemory.create(f"milvus:{place}", CARD, class_names=["cat", "dog", "owl"])
    yield made
    made.close()


@pytest.fixture
def empty(shared: MilvusMemory) -> MilvusMemory:
    everything = shared._client.query(shared._address.collection, filter="id >= 0", output_fields=["id"], limit=9999)
    if everything:
        shared.remove([row["id"] for row in everything])
    return shared


def test_searches_like_a_memory_in_a_folder_and_votes(
    empty: MilvusMemory, memory: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    rows, queries = unit_rows(300, 16), unit_rows(20, 16, 4)
    rows[100:110] = rows[:10]  # twins: ties by smaller id
    for each in (empty, memory):
        each.add(rows, np.arange(300) % 3)
    found, exact = empty.search(queries, 8), memory.search(queries, 8)
    assert np.array_equal(found.ids, exact.ids)
    assert np.array_equal(found.labels, exact.labels)
    assert np.array_equal(found.similarities, exact.similarities)
    assert empty.search(rows[:10], 2).ids.tolist() == [[n, n + 100] for n in range(10)]
    assert np.array_equal(empty.classify(queries, 5).scores, memory.classify(queries, 5).scores)
    assert found.memory_size == 300
    with pytest.raises(UserError, match="approximate search; an audit needs an exact one"):
        leave_one_out(found, 5)


def test_removed_entries_are_gone_from_the_next_search_and_filters_hide(
    empty: MilvusMemory, unit_rows: MakeUnitRows
) -> None:
    rows = unit_rows(30, 16)
    empty.add(rows, np.zeros(30, int), owner=["ann" if n % 2 else "bob" for n in range(30)])
    empty.remove([4, 5])
    assert len(empty) == 28
    assert not np.isin(empty.search(rows[[4, 5]], 28).ids, [4, 5]).any()
    found = empty.search(rows[:2], 30, where='owner == "ann"')
    assert sorted(found.ids[0, :14].tolist()) == [n for n in range(30) if n % 2 and n != 5]
    assert (found.ids[:, 14:] == -1).all()
    assert found.memory_size is None
    with pytest.raises(UserError, match=r"nothing was removed: .* id \[4, 99\]"):
        empty.remove([0, 4, 99])
    assert len(empty) == 28


def test_ids_are_given_refused_and_padded(empty: MilvusMemory, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(6, 16)
    assert empty.add(rows[:2], [0, 1]).tolist() == [0, 1]
    assert empty.add(rows[2:4], [0, 1], ids=[70, 2_000_000_000_000]).tolist() == [70, 2_000_000_000_000]
    assert empty.add(rows[4:5], [2]).tolist() == [2_000_000_000_001]
    with pytest.raises(UserError, match=r"already taken, or given twice: \[70\]"):
        empty.add(rows[4:6], [0, 1], ids=[5, 70])
    with pytest.raises(UserError, match=r"given twice: \[5\]"):
        empty.add(rows[4:6], [0, 1], ids=[5, 5])
    found = empty.search(rows[:1], 9)  # k larger than the memory
    assert (found.ids >= 0).sum() == 5
    assert found.labels[0, 5:].tolist() == [-1] * 4
    assert empty.search(np.empty((0, 16), np.float32), 3).ids.shape == (0, 3)


def test_erasure_is_refused_and_said(empty: MilvusMemory, unit_rows: MakeUnitRows) -> None:
    empty.add(unit_rows(2, 16), [0, 1])
    with pytest.raises(UserError, match="no erasure guarantee"):
        empty.erase([0])
    assert len(empty) == 2
    assert "no erasure guarantee" in empty.info()["erasure"]
    assert empty.info()["milvus"]["indexes"] == ["FLAT"]


def test_bad_requests_are_refused(empty: MilvusMemory, place: Path, unit_rows: MakeUnitRows, tmp_path: Path) -> None:
    rows = unit_rows(2, 16)
    with pytest.raises(UserError, match="memory is empty"):
        empty.search(rows, 1)
    empty.add(rows, [0, 1])
    for asked, k, message in (
        (rows, 0, "k is 0"),
        (rows, 20_000, "k is 20000"),
        (np.eye(3), 1, "dimension 3"),
        (rows * np.nan, 1, "NaN"),
        (rows * 0, 1, "is zero"),
    ):
        with pytest.raises(UserError, match=message):
            empty.search(asked, k)
    with pytest.raises(UserError, match="cannot search collection 'procmem'"):
        empty.search(rows, 1, where="colour ==")
    with pytest.raises(UserError, match="valid: 0 to 2"):
        empty.add(rows, [0, 3])
    with pytest.raises(UserError, match="5000 bytes; Milvus keeps up to 4096"):
        empty.add(rows, [0, 1], owner="x" * 5000)
    other = EncoderCard(**(vars(CARD) | {"fingerprint": "b" * 64}))
    with pytest.raises(UserError, match=f"{'b' * 64}.*{'a' * 64}"):
        empty.add(rows, [0, 1], card=other)
    with pytest.raises(UserError, match="holds a collection 'procmem' already"):
        MilvusMemory.create(f"milvus:{place}", CARD, class_names=["cat"])
    for uri, message in (
        ("milvus:", "a Milvus memory is"),
        ("somewhere.db", "a Milvus memory is"),
        ("milvus:ftp://host", "names neither a server"),
        ("milvus:folder", "names neither a server"),
        (f"milvus:{tmp_path}/none.db", "there is no such file"),
    ):
        with pytest.raises(UserError, match=message):
            MilvusMemory.open(uri)


def test_one_call_opens_either_kind(empty: MilvusMemory, memory: VisualMemory, place: Path) -> None:
    assert isinstance(open_memory(memory.store.place.folder), VisualMemory)
    opened = open_memory(f"milvus:{place}")
    assert isinstance(opened, MilvusMemory)
    assert opened.card == CARD
    assert opened.class_names == ("cat", "dog", "owl")
