"""A store of format 1 is read as it is, carried over by its first change, and erased like any other.

Run: pytest tests/memory/test_migration.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import lance
import numpy as np
import numpy.typing as npt
import pyarrow
import pytest

from memory.memory import VisualMemory
from procmem.provenance import EncoderCard

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture
def old(tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows) -> Path:
    """What procmem 0.1 wrote: five columns, ten entries in two files, one of them removed."""
    folder = tmp_path / "memory"
    plain = {"lance-encoding:compression": "none"}
    schema = pyarrow.schema(
        [
            pyarrow.field("id", pyarrow.int64(), nullable=False),
            pyarrow.field("embedding", pyarrow.list_(pyarrow.float32(), 16), nullable=False, metadata=plain),
            pyarrow.field("label", pyarrow.int32(), nullable=False),
            pyarrow.field("owner", pyarrow.string()),
            pyarrow.field("uri", pyarrow.string()),
        ]
    )
    dataset = lance.write_dataset(schema.empty_table(), folder / "entries.lance", mode="create")
    rows = unit_rows(10, 16)
    for start in (0, 5):
        part = rows[start : start + 5]
        columns = [
            pyarrow.array(np.arange(start, start + 5)),
            pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(part.reshape(-1)), 16),
            pyarrow.array(np.zeros(5, np.int32)),
            pyarrow.array(["ann"] * 5, pyarrow.string()),
            pyarrow.array([f"{i}.png" for i in range(start, start + 5)], pyarrow.string()),
        ]
        table = pyarrow.table(columns, schema=schema)
        dataset = lance.write_dataset(table, folder / "entries.lance", mode="append")
    dataset.delete("id IN (3)")
    ledger = {
        "format": 1,
        "card": card.to_dict(),
        "class_names": ["cat", "dog"],
        "next_id": 10,
        "artefacts": ["/nowhere/cache.npz"],
    }
    (folder / "ledger.json").write_text(json.dumps(ledger))
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_old_store_is_read_without_being_touched(old: Path, unit_rows: MakeUnitRows) -> None:
    before = contents(old)
    memory = VisualMemory.open(old)
    kept = [i for i in range(10) if i != 3]
    assert memory.entries.ids.tolist() == kept
    assert np.array_equal(memory.entries.embeddings, unit_rows(10, 16)[kept])
    assert memory.entries.weights.tolist() == [1.0] * 9
    assert memory.owners() == ["ann"] * 9
    assert memory.datasets() == memory.times() == [None] * 9
    assert memory.search(unit_rows(10, 16)[4:5], 1).ids.tolist() == [[4]]
    assert [(artefact.path, artefact.kind) for artefact in memory.artefacts.all()] == [("/nowhere/cache.npz", "file")]
    assert contents(old) == before


def test_the_first_change_carries_an_old_store_over(old: Path, unit_rows: MakeUnitRows) -> None:
    memory = VisualMemory.open(old)
    memory.add(unit_rows(2, 16, 1), [1, 1], dataset="new", weight=0.5)
    assert json.loads((old / "ledger.json").read_text())["format"] == 2
    again = VisualMemory.open(old)
    assert again.entries.ids.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert again.entries.weights.tolist() == [1.0] * 9 + [0.5] * 2
    assert again.datasets() == [None] * 9 + ["new"] * 2
    assert again.select(dataset="new", removed=True).tolist() == [10, 11]
    again.restore([3])  # from a version that has no such columns
    assert again.entries.weights[3] == 1.0
    assert np.array_equal(again.entries.embeddings[3], unit_rows(10, 16)[3])
    again.relabel([0], 1)
    assert len(again.checkout(3)) == 10


def test_a_migration_that_was_killed_in_the_middle_is_finished(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = VisualMemory.open(old)
    with monkeypatch.context() as patch:
        patch.setattr(type(memory.store), "write_ledger", None)  # the columns are there, the ledger is not
        with pytest.raises(TypeError):
            memory.remove([0])
    again = VisualMemory.open(old)
    assert len(again.entries.ids) == 9
    again.remove([0])
    assert json.loads((old / "ledger.json").read_text())["format"] == 2
    assert again.entries.ids.tolist() == [1, 2, 4, 5, 6, 7, 8, 9]


def test_entries_of_an_old_store_can_be_erased(old: Path, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(10, 16)
    receipt = VisualMemory.open(old).erase([3, 7])
    assert receipt.found_before == 2
    for content in contents(old).values():
        assert rows[3].tobytes() not in content
        assert rows[7].tobytes() not in content
    assert VisualMemory.open(old).entries.ids.tolist() == [0, 1, 2, 4, 5, 6, 8, 9]
