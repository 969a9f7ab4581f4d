"""Curves equal a memory rebuilt at every step, growing and shrinking. Run: pytest tests/memory/test_lifelong.py.

Letters: N entries, Q queries, S steps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.lifelong import by_group, by_sample, follow, grow, ranks_in_class
from memory.memory import VisualMemory
from memory.search import exact_search
from memory.voting import Rule
from procmem.errors import UserError
from procmem.provenance import EncoderCard

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def small_vectors(N: int, seed: int) -> npt.NDArray[np.float32]:
    """Unit rows of few different values, so that many similarities are tied."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-1, 2, (N, 4)).astype(np.float32)
    rows[(rows == 0).all(axis=1)] = 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).astype(np.float32)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), S=st.integers(1, 6), k=st.integers(1, 9), rule=st.sampled_from(["softmax", "rank"]))
def test_every_step_equals_a_search_of_what_is_there(seed: int, S: int, k: int, rule: Rule) -> None:
    rng = np.random.default_rng(seed)
    N, Q = 24, 5
    entries, queries = small_vectors(N, seed), small_vectors(Q, seed + 1)
    labels, ids = rng.integers(0, 4, N), rng.permutation(100)[:N]
    steps = rng.permutation(np.arange(N) % S)
    for step, found in enumerate(grow(queries, entries, labels, steps, k=k, ids=ids)):
        there = steps <= step
        again = exact_search(queries, entries[there], k, ids=ids[there], labels=labels[there])
        assert found.ids.tolist() == again.ids.tolist()
        assert found.labels.tolist() == again.labels.tolist()
        assert found.similarities.tolist() == again.similarities.tolist()
        assert found.memory_size == there.sum()


def test_growing_and_shrinking_equal_a_real_memory_changed_at_every_step(
    tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    entries, queries = unit_rows(30, 16, 1), unit_rows(12, 16, 2)
    rng = np.random.default_rng(0)
    labels, truth = rng.integers(0, 3, 30), rng.integers(0, 3, 12)
    owners = [f"owner {i % 4}" for i in range(30)]
    steps = by_group(owners, ["owner 2", "owner 0", "owner 3", "owner 1"])
    curve = follow(queries, truth, entries, labels, steps, k=5)
    memory = VisualMemory.create(tmp_path / "grown", card, class_names=["a", "b", "c"])
    for step, owner in enumerate(["owner 2", "owner 0", "owner 3", "owner 1"]):
        rows = [i for i in range(30) if owners[i] == owner]
        memory.add(entries[rows], labels[rows], ids=rows, owner=owner)
        answers = memory.classify(queries, 5).predictions
        assert curve.predictions[step].tolist() == answers.tolist()
        assert curve.num_entries[step] == len(memory)
        assert curve.accuracy()[step] == np.mean(answers == truth)
    shrinking = curve.backwards()
    for step, owner in enumerate(["owner 1", "owner 3", "owner 0"], start=1):
        memory.remove(memory.select(owner=owner))
        assert shrinking.predictions[step].tolist() == memory.classify(queries, 5).predictions.tolist()
        assert shrinking.num_entries[step] == len(memory)


def test_accuracies_by_hand() -> None:
    axis = np.eye(3, dtype=np.float32)
    entries, labels = axis[[0, 1, 2]], np.array([0, 1, 2])
    queries, truth = axis[[0, 1, 1]], np.array([0, 1, 2])
    curve = follow(queries, truth, entries, labels, by_group(labels), k=1)
    assert curve.num_classes.tolist() == [1, 2, 3]
    assert curve.predictions.tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    assert curve.accuracy().tolist() == [1 / 3, 2 / 3, 2 / 3]
    assert curve.known_accuracy().tolist() == [1.0, 1.0, 2 / 3]  # class 2 comes last, and its query is answered 1
    assert curve.accuracy(truth == 2).tolist() == [0, 0, 0]
    assert curve.drift(truth == 1).tolist() == [0, 1, 1]
    assert np.isnan(curve.accuracy(truth == 7)).all()
    assert curve.backwards().accuracy().tolist() == [2 / 3, 2 / 3, 1 / 3]


def test_schedules() -> None:
    kinds = ["a", "b", "a", "c", "d"]
    assert by_group(kinds).tolist() == [0, 1, 0, 2, 3]
    assert by_group(kinds, at_once=2).tolist() == [0, 0, 0, 1, 1]
    assert by_group(kinds, ["d", "b"]).tolist() == [0, 2, 0, 0, 1]  # a and c are there from the start
    assert by_group(np.array([4, 2]), [2, 4]).tolist() == [1, 0]
    labels = np.array([0] * 5 + [1] * 3 + [2])
    ranks = ranks_in_class(labels, np.random.default_rng(0))
    assert [sorted(ranks[labels == c]) for c in range(3)] == [[0, 1, 2, 3, 4], [0, 1, 2], [0]]
    assert ranks.tolist() != ranks_in_class(labels, np.random.default_rng(1)).tolist()
    steps = by_sample(labels, np.random.default_rng(0), sizes=(1, 3))
    assert [np.bincount(steps[labels == c], minlength=3).tolist() for c in range(3)] == [
        [1, 2, 2],
        [1, 2, 0],
        [1, 0, 0],
    ]
    assert by_sample(labels, np.random.default_rng(0)).tolist() == ranks.tolist()


def test_schedules_that_do_not_fit_are_refused(unit_rows: MakeUnitRows) -> None:
    rows, labels = unit_rows(3, 16), np.zeros(3, np.int64)
    for steps in ([0, 2, 2], [0, 1], [-1, 0, 1]):
        with pytest.raises(UserError, match="3 entries need a step each"):
            follow(rows, labels, rows, labels, np.array(steps), k=1)
    with pytest.raises(UserError, match="each once"):
        by_group(["a"], ["b"])
    with pytest.raises(UserError, match="each once"):
        by_group(["a", "b"], ["a", "a"])
    with pytest.raises(UserError, match="sizes must ascend"):
        by_sample(labels, np.random.default_rng(0), sizes=(2, 1))
