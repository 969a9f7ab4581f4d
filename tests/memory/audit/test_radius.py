"""Radii equal what a search through all changes finds. Run: pytest tests/memory/audit/test_radius.py.

Letters: K neighbours, N entries.
"""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.audit.radius import UNKNOWN, radius
from memory.neighbors import Neighbors
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError


def one_query(
    labels: list[int],
    similarities: list[float] | None = None,
    weights: list[float] | None = None,
    memory_size: int | None = None,
) -> Neighbors:
    K = len(labels)
    return Neighbors(
        ids=np.arange(K)[None],
        labels=np.array([labels]).reshape(1, K),
        similarities=np.array([similarities or np.linspace(0.9, 0.5, K).tolist()]),
        weights=None if weights is None else np.array([weights]),
        memory_size=memory_size or K,
    )


def answer(labels: list[int], similarities: list[float], weights: list[float], k: int, rule: Rule) -> int:
    if not labels:
        return -1
    neighbors = one_query(labels[:k], similarities[:k], weights[:k])
    return int(vote(neighbors, num_classes=9, voting=rule).predictions[0])


def slow_removals(labels: list[int], similarities: list[float], weights: list[float], k: int, rule: Rule) -> int:
    """Try all sets of entries, smallest first."""
    N, before = len(labels), answer(labels, similarities, weights, k, rule)
    for m in range(1, N + 1):
        for gone in itertools.combinations(range(N), m):
            left = [n for n in range(N) if n not in gone]
            columns = [[column[n] for n in left] for column in (labels, similarities, weights)]
            if answer(*columns, k, rule) != before:  # type: ignore[arg-type]
                return m
    raise AssertionError("removing everything changes every answer")


def slow_insertions(labels: list[int], similarities: list[float], weights: list[float], k: int, rule: Rule) -> int:
    """Try all numbers, classes and places of newcomers; of two at one place the one more similar comes first."""
    before = answer(labels, similarities, weights, k, rule)
    for m in range(1, k + 1):
        for places in itertools.combinations_with_replacement(range(len(labels) + 1), m):
            for classes in itertools.product(range(4), repeat=m):
                lists: tuple[list[int], list[float], list[float]] = (list(labels), list(similarities), list(weights))
                for place, c in sorted(zip(places, classes, strict=True), reverse=True):
                    lists[0].insert(place, c)
                    lists[1].insert(place, 1.0 if place == 0 else similarities[place - 1])
                    lists[2].insert(place, 1.0)
                if answer(*lists, k, rule) != before:
                    return m
    raise AssertionError("k newcomers change every answer")


@st.composite
def problems(draw: st.DrawFn, largest: int) -> tuple[list[int], list[float], list[float]]:
    N = draw(st.integers(1, largest))
    labels = draw(st.lists(st.integers(0, 2), min_size=N, max_size=N))
    similarities = draw(st.lists(st.sampled_from([-0.2, 0.3, 0.6, 0.61, 0.7]), min_size=N, max_size=N))
    weights = draw(
        st.sampled_from([[1.0] * N, draw(st.lists(st.sampled_from([0.3, 1.0, 2.0]), min_size=N, max_size=N))])
    )
    return labels, sorted(similarities, reverse=True), weights


@settings(max_examples=60)
@given(problem=problems(8), k=st.integers(1, 5), rule=st.sampled_from(get_args(Rule)))
def test_removals_equal_a_search_through_all_sets(
    problem: tuple[list[int], list[float], list[float]], k: int, rule: Rule
) -> None:
    labels, similarities, weights = problem
    truth = slow_removals(labels, similarities, weights, k, rule)
    result = radius(one_query(labels, similarities, weights), k, voting=rule)
    assert result.removals_lower[0] <= truth <= result.removals_upper[0]
    if rule != "rank":
        assert result.is_exact.all()


@settings(max_examples=40)
@given(problem=problems(5), k=st.integers(1, 3), rule=st.sampled_from(get_args(Rule)))
def test_insertions_equal_a_search_through_all_newcomers(
    problem: tuple[list[int], list[float], list[float]], k: int, rule: Rule
) -> None:
    labels, similarities, weights = problem
    result = radius(one_query(labels, similarities, weights), k, voting=rule)
    assert result.insertions[0] == slow_insertions(labels, similarities, weights, k, rule)


def test_by_hand() -> None:
    # k = 3: 0 0 0 | 1 1: without two of class 0, "0 1 1" votes for 1; one newcomer loses to "0 0", two win
    result = radius(one_query([0, 0, 0, 1, 1], memory_size=5), 3, voting="plurality")
    assert (result.removals_lower.tolist(), result.removals_upper.tolist()) == ([2], [2])
    assert result.insertions.tolist() == [2]
    assert result.summary()["queries_by_removals"] == {"2": 1}


def test_a_tie_goes_to_the_nearest_who_is_left() -> None:
    # k = 2: "0 1" is a tie for 0, the nearer; without that 0 the voters are "1 0", a tie for 1
    assert radius(one_query([0, 1, 0]), 2, voting="plurality").removals_upper.tolist() == [1]
    # one newcomer of class 1 comes first and ties with the 0 behind it
    assert radius(one_query([0, 0]), 2, voting="plurality").insertions.tolist() == [1]


def test_newcomers_move_the_voters_to_lower_ranks() -> None:
    # k = 4, rank rule: behind one newcomer of class 1 the voters 0 0 1 have 1/3 + 1/4 against 1/2 + 1/5
    assert radius(one_query([0, 0, 1, 0]), 4, voting="rank").insertions.tolist() == [1]
    assert radius(one_query([0, 0, 2, 0]), 4, voting="rank").insertions.tolist() == [1]


def test_a_list_too_short_says_so() -> None:
    result = radius(one_query([0, 0, 0, 1], memory_size=100), 3, voting="plurality")
    assert (result.removals_lower.tolist(), result.removals_upper.tolist()) == ([2], [UNKNOWN])
    assert not result.is_exact.any()


def test_the_rank_rules_bounds_mostly_meet() -> None:
    rng = np.random.default_rng(0)
    labels: npt.NDArray[np.int64] = rng.integers(0, 3, (200, 30))
    neighbors = Neighbors(
        ids=np.tile(np.arange(30), (200, 1)),
        labels=labels,
        similarities=np.tile(np.linspace(0.9, 0.1, 30), (200, 1)),
        memory_size=30,
    )
    result = radius(neighbors, 10, voting="rank")
    assert (result.removals_lower <= result.removals_upper).all()
    assert result.is_exact.mean() > 0.5
    in_parts = radius(neighbors, 10, voting="rank", budget_bytes=1)
    assert in_parts.removals_lower.tolist() == result.removals_lower.tolist()
    assert in_parts.insertions.tolist() == result.insertions.tolist()


def test_bad_requests_are_refused() -> None:
    with pytest.raises(UserError, match="ties by the nearest neighbour; received 'paper'"):
        radius(one_query([0, 1]), 1, voting=Voting(protocol="paper"))
    with pytest.raises(UserError, match="this audit needs k >= 1 and a search for k"):
        radius(one_query([0, 1], memory_size=9), 3)
