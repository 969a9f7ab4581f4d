"""Entries are named by class, group, owner, data set or clause; names with quotes are names.

Run: pytest tests/memory/test_selection.py.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from procmem.errors import UserError
from procmem.provenance import EncoderCard

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
OWNERS = ["anna-karenina", "anna-karenina", "bob", "o'neil", "' OR id >= 0 --", None]


@pytest.fixture
def filled(tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows) -> VisualMemory:
    memory = VisualMemory.create(
        tmp_path / "memory",
        card,
        class_names=["gala", "milk", "fuji"],
        levels={"kind": ["apple", "dairy", "apple"]},
    )
    times = [datetime.datetime(2020 + i, 1, 1, tzinfo=datetime.UTC) for i in range(6)]
    memory.add(
        unit_rows(6, 16),
        [0, 1, 2, 0, 1, 2],
        owner=OWNERS,
        uri=[f"in/{i}.png" for i in range(6)],
        dataset=["x", "x", "x", "y", "y", "y"],
        time=times,
        weight=np.arange(6),
    )
    return memory


@pytest.mark.parametrize(
    ("conditions", "ids"),
    [
        ({"label": "milk"}, [1, 4]),
        ({"label": "apple"}, [0, 2, 3, 5]),
        ({"owner": "anna-karenina"}, [0, 1]),
        ({"owner": "o'neil"}, [3]),
        ({"owner": "' OR id >= 0 --"}, [4]),
        ({"dataset": "y", "label": "apple"}, [3, 5]),
        ({"where": "uri LIKE '%/2.png' OR weight > 4"}, [2, 5]),
        ({"where": "weight > 4 OR weight < 1", "dataset": "x"}, [0]),
        ({"where": "time < timestamp '2022-06-01T00:00:00Z' AND owner IS NOT NULL"}, [0, 1, 2]),
        ({"where": "label = 2 AND id > 2"}, [5]),
    ],
)
def test_conditions_hold_together(filled: VisualMemory, conditions: dict[str, Any], ids: list[int]) -> None:
    assert filled.select(**conditions).tolist() == ids


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({}, "name the entries"),
        ({"label": "mlik"}, "did you mean 'milk'"),
        ({"owner": "zoe"}, "no entry of this memory meets: owner = 'zoe'"),
        ({"where": "colour = 3"}, "cannot select by '.*colour = 3.*' from memory"),
        ({"where": "id ="}, "cannot select by"),
    ],
)
def test_what_names_nothing_is_an_error(filled: VisualMemory, conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        filled.select(**conditions)


def test_an_owner_is_removed_and_then_erased_with_what_was_removed_before(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    filled.remove([0])
    filled.remove(filled.select(owner="anna-karenina"))
    assert filled.entries.ids.tolist() == [2, 3, 4, 5]
    with pytest.raises(UserError, match="no entry of this memory meets"):
        filled.select(owner="anna-karenina")
    gone = filled.select(owner="anna-karenina", removed=True)
    assert gone.tolist() == [0, 1]
    filled.erase(gone)
    for content in (b"anna-karenina", unit_rows(6, 16)[0].tobytes(), unit_rows(6, 16)[1].tobytes()):
        assert not any(content in path.read_bytes() for path in (tmp_path / "memory").rglob("*") if path.is_file())


def test_a_change_by_owner_leaves_no_owner_in_the_records_of_changes(filled: VisualMemory, tmp_path: Path) -> None:
    filled.remove(filled.select(owner="bob"))
    for folder in ("_transactions", "_versions"):
        for path in (tmp_path / "memory" / "entries.lance" / folder).rglob("*"):
            assert b"bob" not in path.read_bytes()
