"""Corrupted labels: how many, which, and their curve. Run: pytest tests/memory/test_corruption.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.corruption import corrupt_labels, corruption_curve
from memory.memory import VisualMemory
from memory.search import exact_search
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def test_a_share_is_drawn_uniformly_and_larger_shares_contain_smaller_ones() -> None:
    labels = np.zeros(4000, np.int64)
    rows = corrupt_labels(labels, [0, 0.25, 0.75, 1], 4, np.random.default_rng(0))
    assert (rows[0] == 0).all()
    for row, share in zip(rows[1:], (0.25, 0.75, 1), strict=True):
        counts = np.bincount(row, minlength=4)
        assert counts[1:].tolist() == pytest.approx([1000 * share] * 3, abs=100)
    assert (rows[2][rows[1] != 0] == rows[1][rows[1] != 0]).all()
    assert ((rows[3] != 0) >= (rows[2] != 0)).all()


def test_exactly_the_share_is_touched() -> None:
    labels = np.full(10, 0)
    rows = corrupt_labels(labels, [0.3, 0.9], 10**6, np.random.default_rng(0))  # so many classes never draw the old one
    assert (rows != 0).sum(axis=1).tolist() == [3, 9]


def test_the_curve_equals_a_relabelled_memory(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(40, 16, 1), unit_rows(20, 16, 2)
    labels, truth = np.arange(40) % 3, np.arange(20) % 3
    memory.add(entries, labels)
    shares = (0.0, 0.5, 0.9)
    curve = corruption_curve(
        memory.search(queries, 5), truth, memory.entries.ids, labels,
        num_classes=3, rng=np.random.default_rng(4), shares=shares,
    )  # fmt: skip
    for accuracy, row in zip(curve, corrupt_labels(labels, shares, 3, np.random.default_rng(4)), strict=True):
        memory.relabel(memory.entries.ids, row)
        assert accuracy == np.mean(memory.classify(queries, 5, voting="rank").predictions == truth)


def test_many_neighbours_outvote_wrong_labels(unit_rows: MakeUnitRows) -> None:
    """Two far clusters of 200: at 60 % corruption, 30 % + 40 % of a cluster still carry its class."""
    axis = np.eye(8, dtype=np.float32)
    labels = np.repeat([0, 1], 200)
    near = axis[labels] * 3 + unit_rows(400, 8)
    entries = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    found = exact_search(axis[:2], entries, 150, labels=labels)
    options = {"num_classes": 2, "rng": np.random.default_rng(0), "voting": "plurality"}
    curve = corruption_curve(found, np.array([0, 1]), np.arange(400), labels, shares=(0.0, 0.6), **options)  # type: ignore[arg-type]
    assert curve.tolist() == [1.0, 1.0]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(UserError, match="share"):
        corrupt_labels(np.zeros(3, np.int64), [1.5], 2, np.random.default_rng(0))
    with pytest.raises(UserError, match="labels run from 0 to 2; there are 2 classes"):
        corrupt_labels(np.arange(3), [0.5], 2, np.random.default_rng(0))
