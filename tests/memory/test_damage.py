"""A damaged store: the file at fault is named, the rest can be saved.

Run: pytest tests/memory/test_damage.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture
def filled(memory: VisualMemory, unit_rows: MakeUnitRows) -> VisualMemory:
    """Ids 0 to 99 in one file, 100 to 149 in another."""
    rows = unit_rows(150, 16)
    memory.add(rows[:100], np.zeros(100, int), owner="ann")
    memory.add(rows[100:], np.ones(50, int), owner="bob")
    memory.remove([120])
    return memory


def data_files(tmp_path: Path) -> list[Path]:
    """Larger one first."""
    return sorted((tmp_path / "memory/entries.lance/data").iterdir(), key=lambda path: -path.stat().st_size)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize("harm", [cut, Path.unlink])
def test_the_file_at_fault_is_named_and_the_others_are_saved(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows, harm: Callable[[Path], None]
) -> None:
    first, _ = data_files(tmp_path)
    harm(first)
    memory = VisualMemory.open(tmp_path / "memory")
    (damage,) = memory.find_damage()
    assert (damage.file, damage.num_entries) == (f"entries.lance/data/{first.name}", 100)
    with pytest.raises(UserError, match=rf"{first.name}: 100 entries.*The other 49 of 149 entries can be saved"):
        memory.search(unit_rows(1, 16), 1)
    with pytest.raises(UserError, match="cannot read memory"):
        memory.copy_to(tmp_path / "whole")
    saved = memory.copy_to(tmp_path / "saved", salvage=True)
    kept = [i for i in range(100, 150) if i != 120]
    assert saved.entries.ids.tolist() == kept
    assert np.array_equal(saved.entries.embeddings, unit_rows(150, 16)[kept])
    assert saved.owners() == ["bob"] * 49
    assert saved.find_damage() == []


def test_an_embedding_that_changed_its_length_is_found_and_left_out(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    first, _ = data_files(tmp_path)
    row, content = unit_rows(150, 16)[41], first.read_bytes()
    harmed = row.copy()
    harmed[3] = np.inf
    assert content.count(row.tobytes()) == 1
    first.write_bytes(content.replace(row.tobytes(), harmed.tobytes()))
    memory = VisualMemory.open(tmp_path / "memory")
    (damage,) = memory.find_damage()
    assert str(damage) == f"entries.lance/data/{first.name}: 1 entries: embeddings without length 1: ids 41"
    with pytest.raises(UserError, match=r"ids 41\. The other 148 of 149 entries can be saved"):
        memory.search(unit_rows(1, 16), 1)
    assert 41 not in memory.copy_to(tmp_path / "saved", salvage=True).entries.ids


def test_a_sound_store_has_no_damage(filled: VisualMemory) -> None:
    assert filled.find_damage() == []


@pytest.mark.parametrize("content", [b"", b"junk" * 200])
def test_a_damaged_latest_version_names_the_version_that_can_be_saved(
    filled: VisualMemory, tmp_path: Path, content: bytes
) -> None:
    newest = min((tmp_path / "memory/entries.lance/_versions").glob("*.manifest"))
    newest.write_bytes(content)
    with pytest.raises(UserError, match="Version 3 with 150 entries can be saved: procmem memory checkout MEMORY 3"):
        VisualMemory.open(tmp_path / "memory")
    earlier = VisualMemory.open(tmp_path / "memory", version=3)
    assert len(earlier.copy_to(tmp_path / "saved").entries.ids) == 150
    with pytest.raises(UserError, match="is history and cannot be changed"):
        earlier.remove([0])
