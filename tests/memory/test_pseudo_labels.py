"""Pseudo-labelled entries carry source and trust; trust is measured. Run: pytest tests/memory/test_pseudo_labels.py."""

from __future__ import annotations

import numpy as np
import pytest

from memory.memory import VisualMemory
from memory.neighbors import Neighbors
from memory.pseudo_labels import add_pseudo_labelled, measure_trust, trust_weights
from procmem.errors import UserError

AXIS = np.eye(16, dtype=np.float32)


def test_the_confident_ones_come_in_with_source_trust_and_likeliest_class(memory: VisualMemory) -> None:
    probabilities = np.array([[0.1, 0.7, 0.2], [0.4, 0.3, 0.3], [0.5, 0.5, 0.0]])
    added = add_pseudo_labelled(
        memory, AXIS[:3], probabilities, source="net", trust=0.25, min_confidence=0.5, uri=["a", "b", "c"]
    )
    assert len(added) == 2
    assert memory.entries.labels.tolist() == [1, 0]
    assert memory.uris() == ["a", "c"]
    assert memory.datasets() == ["net", "net"]
    weights = memory.search(AXIS[:1], 2).weights
    assert weights is not None
    assert weights.tolist() == [[0.25, 0.25]]


def test_a_source_of_little_trust_is_outvoted_by_one_hand_label(memory: VisualMemory) -> None:
    near = (AXIS[0] * 10 + AXIS[1:3]) / np.sqrt(101)
    memory.add(near[:1] * 0 + (AXIS[0] * 9 + AXIS[4] * 2) / np.sqrt(85), [2], dataset="by hand")
    add_pseudo_labelled(memory, near.astype(np.float32), np.eye(3)[[0, 0]], source="net", trust=1.0)
    assert memory.classify(AXIS[:1], 3, voting="plurality").predictions.tolist() == [0]
    weights = trust_weights(memory.datasets(), {"net": 0.4, "by hand": 1.0})
    memory.reweigh(memory.entries.ids, weights)
    assert memory.classify(AXIS[:1], 3, voting="plurality").predictions.tolist() == [2]


def test_trust_is_the_share_of_right_neighbours_by_source() -> None:
    neighbors = Neighbors(
        ids=np.array([[4, 6, 8], [6, 8, -1]]),
        labels=np.array([[0, 0, 1], [0, 1, -1]]),
        similarities=np.array([[0.9, 0.8, 0.7], [0.9, 0.8, -np.inf]]),
    )
    trust = measure_trust(neighbors, np.array([0, 1]), np.array([4, 6, 8, 9]), ["hand", "net", None, "unseen"])
    assert trust == {"hand": 1.0, "net": 0.5, None: 0.5}
    assert trust_weights(["hand", None, "unseen"], trust, default=0.1).tolist() == [1.0, 0.5, 0.1]
    with pytest.raises(UserError, match="unseen"):
        trust_weights(["unseen"], trust)


def test_what_does_not_fit_is_refused(memory: VisualMemory) -> None:
    with pytest.raises(UserError, match=r"probabilities must be finite, \(1, 3\)"):
        add_pseudo_labelled(memory, AXIS[:1], np.ones((1, 2)), source="net")
    with pytest.raises(UserError, match="none of 1 images is classified with confidence"):
        add_pseudo_labelled(memory, AXIS[:1], np.full((1, 3), 0.3), source="net", min_confidence=0.9)
