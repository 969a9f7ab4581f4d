"""Counts of harm by hand and by loop, constants, pruned lists. Run: pytest tests/memory/test_pruning.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from memory.neighbors import Neighbors
from memory.pruning import count_harm, hard_mask, prune, search_itself, soft_weights
from memory.voting import vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]

IDS = np.array([10, 20, 30])
LABELS = np.array([0, 0, 1])


def own() -> Neighbors:
    """Entry 10 sees 20 (right) and 30; entry 20 sees 30 first; entry 30 sees 10 and 20, both of class 0."""
    return Neighbors(
        ids=np.array([[20, 30], [30, 10], [10, 20]]),
        labels=np.array([[0, 1], [1, 0], [0, 0]]),
        similarities=np.array([[0.9, 0.2], [0.8, 0.7], [0.6, 0.5]]),
    )


def test_harm_by_hand() -> None:
    # Code: 30 is of another class for 10 and 20, and both of them are for 30.
    assert count_harm(own(), IDS, LABELS, harm="code").tolist() == [1, 1, 2]
    # Text: the nearest decides a vote by rank. 10 is answered rightly, so 30 did no harm there; 20 is answered 1 (by
    # 30), 30 is answered 0 (by 10 and 20).
    assert count_harm(own(), IDS, LABELS, harm="text").tolist() == [1, 1, 1]


def test_harm_equals_a_loop_over_a_real_search(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    labels = np.random.default_rng(3).integers(0, 3, 40)
    memory.add(unit_rows(40, 16), labels, ids=np.arange(40) * 2)
    found = search_itself(memory, 7)
    assert not (found.ids == memory.entries.ids[:, None]).any()
    predictions = vote(found, num_classes=3, voting="rank").predictions
    code, text = {int(i): 0 for i in memory.entries.ids}, {int(i): 0 for i in memory.entries.ids}
    for q in range(40):
        for i, label in zip(found.ids[q].tolist(), found.labels[q].tolist(), strict=True):
            code[i] += label != labels[q]
            text[i] += label != labels[q] and label == predictions[q]
    assert count_harm(found, memory.entries.ids, labels, harm="code").tolist() == list(code.values())
    assert count_harm(found, memory.entries.ids, labels, harm="text").tolist() == list(text.values())
    assert 0 < sum(text.values()) < sum(code.values())


def test_the_papers_numbers() -> None:
    harm = np.array([0, 1, 10, 100, 127, 128])
    assert soft_weights(harm)[:4].round(2).tolist() == [1.0, 0.88, 0.16, 0.02]
    assert hard_mask(harm).tolist() == [True] * 5 + [False]


def test_weights_reach_the_votes_of_a_memory(memory: VisualMemory) -> None:
    axis = np.eye(16, dtype=np.float32)
    memory.add(axis[:2], [0, 1])
    query = ((axis[0] * 3 + axis[1] * 2.9) / np.hypot(3, 2.9))[None]
    assert memory.classify(query, 2, voting="rank").predictions.tolist() == [0]
    memory.reweigh([0, 1], soft_weights(np.array([10, 0])))
    assert memory.classify(query, 2, voting="rank").predictions.tolist() == [1]


def test_hard_pruning_shortens_lists_and_ranks_anew() -> None:
    pruned = prune(own(), IDS, np.array([True, True, False]))
    assert pruned.ids.tolist() == [[20, -1], [10, -1], [10, 20]]
    assert pruned.weights is None
    # The nearest left has rank 0: 1 / 2 and not 1 / 3.
    assert vote(pruned, num_classes=2, voting="rank").scores[1].tolist() == [0.5, 0.0]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'code'"):
        count_harm(own(), IDS, LABELS, harm="cod")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="among its own neighbours"):
        count_harm(own(), np.array([20, 25, 30]), LABELS)
    with pytest.raises(UserError, match="one ascending id a row"):
        count_harm(own(), IDS[:2], LABELS)
    with pytest.raises(UserError, match="none of the entries"):
        count_harm(own(), np.array([1, 2, 3]), LABELS)
