"""A query of two concepts answers one, then the other. Run: pytest tests/memory/test_residuals.py."""

from __future__ import annotations

import numpy as np
import pytest

from memory.memory import VisualMemory
from memory.residuals import search_residuals
from procmem.errors import UserError


def test_the_rest_of_two_concepts_is_the_second(memory: VisualMemory) -> None:
    axis = np.eye(16, dtype=np.float32)
    memory.add(axis[[0, 1, 2]], [0, 1, 2], ids=[5, 3, 9])
    mixed = np.array([[0.8, 0.6, *[0] * 14], [0, 0.6, 0.8, *[0] * 13]], np.float32)
    found = search_residuals(memory, mixed, 2)
    assert found.whole.ids[:, 0].tolist() == [5, 9]
    assert found.rest.ids[:, 0].tolist() == [3, 3]
    # (0.8, 0.6) - (1, 0) = (-0.2, 0.6), of length sqrt(0.4); its cosine with (0, 1) is 0.6 / sqrt(0.4).
    assert found.lengths.tolist() == pytest.approx([0.4**0.5] * 2)
    assert found.rest.similarities[:, 0].tolist() == pytest.approx([0.6 / 0.4**0.5] * 2)


def test_nothing_remains_of_an_entry(memory: VisualMemory) -> None:
    axis = np.eye(16, dtype=np.float32)
    memory.add(axis[:2], [0, 1], ids=[5, 3])
    with pytest.raises(UserError, match="query 1 is entry 3 itself"):
        search_residuals(memory, np.stack([(axis[0] * 4 + axis[1] * 3) / 5, axis[1]]), 1)
