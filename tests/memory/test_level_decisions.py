"""Both ways down the levels by hand; the rising tide equals memories built for each class and number.

Run: pytest tests/memory/test_level_decisions.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.hierarchy import make_levels
from memory.level_decisions import accuracy_by_level, decide_by_level, rising_tide
from memory.lifelong import ranks_in_class
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.voting import vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]

CLASSES = ["gala", "fuji", "milk", "oat"]
LEVELS = make_levels(CLASSES, {"kind": ["apple", "apple", "drink", "drink"]})


def split_vote() -> Neighbors:
    """Milk is the largest class (2 of 5), apples the larger kind (3 of 5)."""
    return Neighbors(
        ids=np.arange(5)[None], labels=np.array([[2, 2, 1, 1, 0]]), similarities=np.array([[0.9, 0.8, 0.7, 0.6, 0.5]])
    )


def test_each_level_for_itself_may_contradict_and_from_above_never() -> None:
    each = decide_by_level(split_vote(), LEVELS, 4, voting="plurality", way="each")
    assert {name: answer.tolist() for name, answer in each.items()} == {"kind": [0], "class": [2]}
    down = decide_by_level(split_vote(), LEVELS, 4, voting="plurality", way="down")
    assert {name: answer.tolist() for name, answer in down.items()} == {"kind": [0], "class": [1]}


def test_from_above_agrees_on_random_neighbours_even_with_zero_weights(unit_rows: MakeUnitRows) -> None:
    rng = np.random.default_rng(0)
    found = exact_search(unit_rows(50, 8, 1), unit_rows(30, 8, 2), 9, labels=rng.integers(0, 4, 30))
    found = found.weighted(np.arange(30), rng.integers(0, 2, 30).astype(np.float64))
    answers = decide_by_level(found, LEVELS, 4)
    assert LEVELS[0].labels(answers["class"]).tolist() == answers["kind"].tolist()


def test_a_level_called_class_is_not_lost() -> None:
    levels = make_levels(
        CLASSES, {"class": ["plant", "plant", "animal", "plant"], "kind": ["apple", "apple", "milk", "oat"]}
    )
    answers = decide_by_level(split_vote(), levels, 4, voting="plurality", way="each")
    assert {name: answer.tolist() for name, answer in answers.items()} == {
        "class": [0],  # plants have 3 of 5
        "kind": [0],  # apples too
        "finest class": [2],  # milk has 2
    }
    shares = accuracy_by_level(np.array([0, 3]), np.array([0, 0]), levels)
    assert shares == {"class": 1.0, "kind": 0.5, "finest class": 0.5}


def test_a_class_answered_wrongly_may_be_right_above() -> None:
    shares = accuracy_by_level(np.array([0, 1, 2, -1]), np.array([0, 0, 0, 0]), LEVELS)
    assert shares == {"kind": 0.5, "class": 0.25}


@pytest.mark.parametrize("k", [1, 3])
def test_the_tide_equals_a_memory_built_for_every_class_and_number(k: int, unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(60, 4, 1), unit_rows(24, 4, 2)
    labels, truth = np.arange(60) % 4, np.arange(24) % 4
    numbers, shots = (0, 1, 4, 10), 10
    tide = rising_tide(
        queries, truth, entries, labels, LEVELS,
        num_examples=numbers, rng=np.random.default_rng(5), shots_per_class=shots, k=k,
    )  # fmt: skip
    ranks = ranks_in_class(labels, np.random.default_rng(5))
    for position, m in enumerate(numbers):
        answers = np.empty(24, np.int64)
        for new in range(4):
            rows = np.flatnonzero(np.where(labels == new, ranks < m, ranks < shots))
            found = exact_search(queries[truth == new], entries[rows], k, ids=rows, labels=labels[rows])
            answers[truth == new] = vote(found, num_classes=4, voting="plurality").predictions
        assert tide["class"][position] == np.mean(answers == truth)
        assert tide["kind"][position] == np.mean(answers // 2 == truth // 2)
    assert tide["class"][0] == 0  # an unknown class is never answered
    assert tide["kind"][0] > 0


def test_wrong_requests_are_refused(unit_rows: MakeUnitRows) -> None:
    rows, labels = unit_rows(4, 4), np.arange(4)
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match="num_examples must lie in 0 to shots_per_class, 2"):
        rising_tide(rows, labels, rows, labels, LEVELS, num_examples=[3], rng=rng, shots_per_class=2)
    with pytest.raises(UserError, match="only be new among others"):
        rising_tide(rows, labels, rows, labels * 0, LEVELS, num_examples=[1], rng=rng)
