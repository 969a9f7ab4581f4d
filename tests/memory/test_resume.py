"""An erasure that fails at any step is completed later, with the proof and one receipt; meanwhile nothing else changes.

Every step that touches the disk is made to fail in turn, as a kill or a full disk would.

Run: pytest tests/memory/test_resume.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from memory import erasure
from memory.memory import VisualMemory
from memory.place import LocalPlace
from memory.receipt import Receipt, verify_receipt
from memory.store import Store
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]

STEPS: list[tuple[object, str]] = [
    (LocalPlace, "write"),
    (LocalPlace, "delete"),
    (Store, "delete_rows"),
    (Store, "rewrite_without_history"),
    (Store, "write_ledger"),
    (erasure, "_check_gone"),
    (erasure, "_describe"),
    (erasure, "sign_receipt"),
]


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def fail_at(monkeypatch: pytest.MonkeyPatch, where: object, name: str, number: int, *, after: bool) -> None:
    """Die before or after the call with this number."""
    original = getattr(where, name)
    calls = 0

    def dying(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            raise Killed
        result = original(*args, **options)
        if calls == number:
            raise Killed
        return result

    monkeypatch.setattr(where, name, dying)


@pytest.fixture
def filled(memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> VisualMemory:
    memory.add(unit_rows(20, 16), np.zeros(20, int), owner="owner-number-one")
    memory.add(unit_rows(20, 16, 1), np.zeros(20, int))
    memory.remove([3])
    memory.register_artefact(tmp_path / "cache.npz")
    (tmp_path / "cache.npz").write_bytes(b"derived")
    return memory


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("where", "name"), STEPS, ids=[name for _, name in STEPS])
def test_an_erasure_that_dies_at_any_step_is_completed(
    filled: VisualMemory,
    tmp_path: Path,
    unit_rows: MakeUnitRows,
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    name: str,
    after: bool,
) -> None:
    rows = unit_rows(20, 16)
    for number in range(1, 9) if where is LocalPlace else [1]:
        with monkeypatch.context() as patch:
            fail_at(patch, where, name, number, after=after)
            try:
                receipt = VisualMemory.open(tmp_path / "memory").erase([3, 5])
            except Killed:
                receipt = None
        if receipt is None:
            receipt = complete(tmp_path / "memory")
        verify_receipt(receipt)
        assert receipt.found_before == 2
        assert [path.name for path in (tmp_path / "memory" / "receipts").iterdir()] == [f"{receipt.version:08d}.json"]
        kept = VisualMemory.open(tmp_path / "memory")
        assert kept.entries.ids.tolist() == [0, 1, 2, 4, *range(6, 40)]
        for path in (tmp_path / "memory").rglob("*"):
            if path.is_file():
                assert rows[3].tobytes() not in path.read_bytes()
                assert rows[5].tobytes() not in path.read_bytes()
        assert not (tmp_path / "cache.npz").exists()
        restore(tmp_path, unit_rows)


def complete(folder: Path) -> Any:
    """What a person does next: go on with the erasure if it had begun, else erase again."""
    memory = VisualMemory.open(folder)
    if not memory.store.erasure_is_pending:
        receipts = list((folder / "receipts").glob("*.json"))
        if receipts:  # it died after the last step
            return Receipt.from_dict(json.loads(receipts[0].read_text()))
        return memory.erase([3, 5])
    for change in (lambda: memory.remove([0]), lambda: memory.erase([1]), lambda: memory.protect("x")):
        with pytest.raises(UserError, match=r"an erasure in memory .* was cut short; complete it first"):
            change()
    assert len(memory.entries.ids) >= 38  # it can still be read
    return memory.resume_erasure()


def restore(tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    """Put everything back for the next round."""
    memory = VisualMemory.open(tmp_path / "memory")
    memory.add(unit_rows(20, 16)[[3, 5]], [0, 0], ids=[3, 5])
    memory.remove([3])
    memory.register_artefact(tmp_path / "cache.npz")
    (tmp_path / "cache.npz").write_bytes(b"derived")
    for path in (tmp_path / "memory" / "receipts").iterdir():
        path.unlink()


def test_the_plan_holds_the_bytes_only_until_the_proof(
    filled: VisualMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "memory" / "erasure.pending"
    with monkeypatch.context() as patch:
        fail_at(patch, Store, "rewrite_without_history", 1, after=False)
        with pytest.raises(Killed):
            filled.erase([5])
    assert '"embeddings"' in plan.read_text()
    with monkeypatch.context() as patch:
        fail_at(patch, erasure, "sign_receipt", 1, after=False)
        with pytest.raises(Killed):
            filled.resume_erasure()
    assert '"embeddings"' not in plan.read_text()
    filled.resume_erasure()
    assert not plan.exists()
    with pytest.raises(UserError, match="there is nothing to resume"):
        filled.resume_erasure()


def test_a_failed_proof_can_be_tried_again(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    stray = tmp_path / "memory" / "stray.bin"
    stray.write_bytes(unit_rows(20, 16)[5].tobytes())
    for attempt in (lambda: filled.erase([5]), filled.resume_erasure):
        with pytest.raises(erasure.ErasureError, match="are still in a file"):
            attempt()
    stray.unlink()
    verify_receipt(filled.resume_erasure())


def test_a_plan_that_was_half_written_is_swept(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    half = tmp_path / "memory" / ".erasure.pending.x1.partial"
    half.write_bytes(unit_rows(20, 16)[5].tobytes())
    filled.erase([5])
    assert not half.exists()


def test_a_damaged_plan_is_named(filled: VisualMemory, tmp_path: Path) -> None:
    (tmp_path / "memory" / "erasure.pending").write_text('{"ids": [1]}')
    with pytest.raises(UserError, match=r"erasure\.pending' is damaged: .*; delete it and erase the same ids again"):
        filled.resume_erasure()
