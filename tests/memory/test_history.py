"""Versions, names that protect them, and ways back.

Run: pytest tests/memory/test_history.py.
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
    memory.add(unit_rows(6, 16), [0, 1, 2, 0, 1, 2], owner=list("aabbcc"), weight=2.0)
    return memory


def test_removed_entries_come_back_as_they_last_were(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    filled.relabel([4], 0)
    filled.remove([4])
    filled.remove([1, 2])
    filled.restore([4, 1])
    assert filled.entries.ids.tolist() == [0, 1, 3, 4, 5]
    assert filled.entries.labels.tolist() == [0, 1, 0, 0, 2]
    assert filled.entries.weights.tolist() == [2.0] * 5
    assert filled.owners() == ["a", "a", "b", "c", "c"]
    assert np.array_equal(filled.entries.embeddings, unit_rows(6, 16)[[0, 1, 3, 4, 5]])
    assert VisualMemory.open(tmp_path / "memory").entries.ids.tolist() == [0, 1, 3, 4, 5]


def test_only_removed_entries_that_a_version_holds_can_come_back(filled: VisualMemory) -> None:
    filled.remove([1, 2])
    version = filled.version
    for ids, message in (
        ([1, 0], "entries are not removed: 0"),
        ([1, 90], "no version holds id 90"),
        ([], "none given"),
    ):
        with pytest.raises(UserError, match=f"nothing was restored: .*{message}"):
            filled.restore(ids)
    assert (filled.version, len(filled)) == (version, 4)
    filled.erase([2])
    for gone in (1, 2):  # history ended with the erasure
        with pytest.raises(UserError, match=f"no version holds id {gone}"):
            filled.restore([gone])


def test_an_earlier_version_becomes_the_latest_again_and_ids_stay_unique(
    filled: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    before = filled.version
    filled.add(unit_rows(2, 16, 1), [0, 0])
    filled.remove([0, 1])
    filled.restore_version(before)
    assert filled.entries.ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert filled.version > before + 2
    assert filled.add(unit_rows(1, 16, 2), [0]).tolist() == [8]
    with pytest.raises(UserError, match="cannot restore version 99"):
        filled.restore_version(99)


def test_a_protected_version_has_a_name_until_it_is_released(filled: VisualMemory, unit_rows: MakeUnitRows) -> None:
    filled.protect("paper")
    filled.protect("empty", 1)
    filled.remove([0])
    assert [(v.number, v.names) for v in filled.versions()] == [(1, ("empty",)), (2, ("paper",)), (3, ())]
    assert len(filled.checkout("paper")) == 6
    assert filled.checkout("paper").search(unit_rows(1, 16), 1).ids.tolist() == [[0]]
    filled.restore_version("paper")
    assert len(filled) == 6
    with pytest.raises(UserError, match="'paper' already protects a version"):
        filled.protect("paper")
    with pytest.raises(UserError, match="cannot protect version 77"):
        filled.protect("other", 77)
    with pytest.raises(UserError, match="did you mean 'paper'"):
        filled.release("papr")
    filled.release("paper")
    with pytest.raises(
        UserError, match=r"cannot open version paper of memory '.*': it has none of that name; the latest held"
    ):
        filled.checkout("paper")


def test_a_reader_sees_a_writers_changes_when_it_refreshes(filled: VisualMemory, tmp_path: Path) -> None:
    reader = VisualMemory.open(tmp_path / "memory")
    assert len(reader.entries.ids) == 6
    filled.remove([0])
    filled.add_classes(["fox"])
    assert (len(reader), len(reader.entries.ids)) == (6, 6)
    reader.refresh()
    assert reader.entries.ids.tolist() == [1, 2, 3, 4, 5]
    assert reader.class_names[-1] == "fox"


def test_a_copy_is_a_memory_of_its_own_with_the_same_ids(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    before = filled.version
    filled.remove([5])
    copy = filled.checkout(before).copy_to(tmp_path / "copy")
    filled.erase([4])
    assert copy.entries.ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert copy.owners() == ["a", "a", "b", "b", "c", "c"]
    assert copy.entries.weights.tolist() == [2.0] * 6
    assert np.array_equal(copy.entries.embeddings, unit_rows(6, 16))
    assert copy.add(unit_rows(1, 16, 1), [0]).tolist() == [6]
