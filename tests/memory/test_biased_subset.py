"""The fishes with fingers: found, tried without, removed. Run: pytest tests/memory/test_biased_subset.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.biased_subset import find_alike, others
from memory.memory import VisualMemory
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
AXIS = np.eye(16, dtype=np.float32)
CAT, DOG = 0, 1


def test_a_shortcut_is_removed_and_its_class_stays(memory: VisualMemory) -> None:
    """Axis 0: cats, axis 1: dogs, axis 2: collars; most dogs wear one, and so does the cat that is asked about."""
    dogs = [AXIS[1], *[(AXIS[1] + 2 * AXIS[2]) / np.sqrt(5)] * 3]
    memory.add(np.stack([AXIS[0], *dogs]).astype(np.float32), [CAT, *[DOG] * 4])
    cat_with_collar = ((AXIS[0] + 1.2 * AXIS[2]) / np.sqrt(1 + 1.44))[None]
    assert memory.classify(cat_with_collar, 1).predictions.tolist() == [DOG]
    found = find_alike(memory, AXIS[2:3], min_similarity=0.8, label="dog")
    assert found.tolist() == [2, 3, 4]
    assert memory.search(cat_with_collar, 1, allowed=others(memory, found)).labels.tolist() == [[CAT]]
    assert len(memory) == 5  # looked, not removed
    memory.remove(found)
    assert memory.classify(cat_with_collar, 1).predictions.tolist() == [CAT]
    assert memory.classify(AXIS[1:2], 1).predictions.tolist() == [DOG]


def test_equals_brute_force_beyond_the_first_list(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(300, 16, 1), unit_rows(2, 16, 2)
    memory.add(entries, np.arange(300) % 3, owner=[f"owner {i % 2}" for i in range(300)])
    near = (entries @ queries.T >= -0.05).any(axis=1)
    assert near.sum() > 128  # more than the first list of 64 of each query
    assert find_alike(memory, queries, min_similarity=-0.05).tolist() == np.flatnonzero(near).tolist()
    own = near & (np.arange(300) % 2 == 1)
    found = find_alike(memory, queries, min_similarity=-0.05, where="owner = 'owner 1'")
    assert found.tolist() == np.flatnonzero(own).tolist()
    assert find_alike(memory, queries, min_similarity=0.999).tolist() == []
    with pytest.raises(UserError, match="min_similarity is 2"):
        find_alike(memory, queries, min_similarity=2)
