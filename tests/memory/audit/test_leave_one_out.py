"""The audit equals really rebuilding the memory without each entry, in every flip.

The reference searches each reduced memory anew and votes anew. Run: pytest tests/memory/audit/test_leave_one_out.py.

Letters: Q queries, N entries, D embedding, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.voting import Protocol, Rule, Voting, vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
Flip = tuple[int, int, int, int]


def rebuilt_memories(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    k: int,
    voting: Voting | Rule = "softmax",
) -> set[Flip]:
    """(entry id, query, class before, class after) by building the memory without each entry."""
    C = int(labels.max()) + 1
    before = vote(exact_search(queries, entries, k, ids=ids, labels=labels), num_classes=C, voting=voting).predictions
    flips = set()
    for n in range(len(entries)):
        rest = np.arange(len(entries)) != n
        neighbors = exact_search(queries, entries[rest], k, ids=ids[rest], labels=labels[rest])
        after = vote(neighbors, num_classes=C, voting=voting).predictions
        flips |= {(int(ids[n]), int(q), int(before[q]), int(after[q])) for q in np.flatnonzero(after != before)}
    return flips


def flips_of(result: LeaveOneOutResult) -> set[Flip]:
    columns = (result.entry_ids, result.query_rows, result.from_classes, result.to_classes)
    flips = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(set(flips)) == len(flips)
    return set(flips)


def check(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    k: int,
    voting: Voting | Rule = "softmax",
) -> LeaveOneOutResult:
    ids = np.random.default_rng(9).permutation(3 * len(entries))[: len(entries)].astype(np.int64)
    result = leave_one_out(exact_search(queries, entries, k + 1, ids=ids, labels=labels), k, voting=voting)
    reference = rebuilt_memories(queries, entries, ids, labels, k, voting=voting)
    assert flips_of(result) == reference
    assert result.num_non_private == len({entry for entry, *_ in reference})
    assert result.num_private + result.num_non_private == len(entries)
    return result


@pytest.mark.parametrize("protocol", get_args(Protocol))
@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("k", [1, 2, 5, 59])
def test_equals_rebuilt_memories(rule: Rule, protocol: Protocol, k: int, unit_rows: MakeUnitRows) -> None:
    labels = np.random.default_rng(1).integers(0, 3, 60)
    result = check(unit_rows(25, 6, 2), unit_rows(60, 6, 3), labels, k, voting=Voting(rule=rule, protocol=protocol))
    if k < 59:
        assert result.num_flips > 0


@pytest.mark.parametrize("rule", get_args(Rule))
def test_equals_rebuilt_memories_with_duplicates_and_conflicting_labels(rule: Rule, unit_rows: MakeUnitRows) -> None:
    base = unit_rows(6, 5)
    rng = np.random.default_rng(2)
    entries, labels = base[rng.integers(0, 6, 40)], rng.integers(0, 4, 40)
    assert check(base, entries, labels, 4, voting=rule).num_flips > 0


@pytest.mark.parametrize("k", [3, 4, 5, 9])
def test_a_memory_of_k_or_fewer_entries_has_no_replacement(k: int, unit_rows: MakeUnitRows) -> None:
    for rule in get_args(Rule):
        check(unit_rows(30, 4, 1), unit_rows(4, 4, 2), np.array([0, 1, 1, 2]), k, voting=rule)


def test_removing_the_only_entry_leaves_no_prediction() -> None:
    result = check(np.eye(2, dtype=np.float32), np.array([[1.0, 0.0]], np.float32), np.array([0]), 1)
    assert result.to_classes.tolist() == [-1, -1]
    assert result.num_private == 0


def test_one_class_never_flips(unit_rows: MakeUnitRows) -> None:
    result = check(unit_rows(10, 4, 1), unit_rows(30, 4, 2), np.zeros(30, np.int64), 5)
    assert result.num_flips == 0
    assert result.num_private == 30


@settings(max_examples=60)
@given(
    grid=st.lists(st.tuples(*[st.integers(-1, 1)] * 3).filter(any), min_size=1, max_size=14),
    k=st.integers(1, 16),
    rule=st.sampled_from(get_args(Rule)),
    protocol=st.sampled_from(get_args(Protocol)),
    seed=st.integers(0, 99),
)
def test_equals_rebuilt_memories_whatever_the_ties(
    grid: list[tuple[int, ...]], k: int, rule: Rule, protocol: Protocol, seed: int
) -> None:
    rows = np.array(grid, np.float64)
    entries = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    rng = np.random.default_rng(seed)
    queries = entries[rng.integers(0, len(entries), 5)]
    check(queries, entries, rng.integers(0, 3, len(entries)), k, voting=Voting(rule=rule, protocol=protocol))


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    k=st.sampled_from([1, 3, 8, 30]),
    rule=st.sampled_from(get_args(Rule)),
    weights=st.sampled_from([(1.0,), (0.0, 1.0), (0.25, 0.5, 1.0, 1.75)]),
)
def test_equals_rebuilt_memories_whatever_the_weights(
    seed: int, k: int, rule: Rule, weights: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(seed)
    entries, queries = (rng.standard_normal((n, 3)) for n in (25, 8))
    entries, queries = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (entries, queries))
    ids, labels, chosen = np.arange(25), rng.integers(0, 3, 25), rng.choice(weights, 25)

    def predictions(rest: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        found = exact_search(
            queries.astype(np.float32), entries[rest].astype(np.float32), k, ids=ids[rest], labels=labels[rest]
        )
        return vote(found.weighted(ids, chosen), num_classes=3, voting=rule).predictions

    neighbors = exact_search(queries.astype(np.float32), entries.astype(np.float32), k + 1, ids=ids, labels=labels)
    result = leave_one_out(neighbors.weighted(ids, chosen), k, voting=rule)
    before = predictions(ids >= 0)
    flips = set()
    for n in range(25):
        after = predictions(ids != n)
        flips |= {(n, int(q), int(before[q]), int(after[q])) for q in np.flatnonzero(after != before)}
    assert flips_of(result) == flips


def listed(labels: list[int], memory_size: int | None = 100, exact: bool = True) -> Neighbors:
    K = len(labels)
    return Neighbors(
        ids=np.arange(K)[None],
        labels=np.array([labels]),
        similarities=np.linspace(0.9, 0.5, K)[None],
        memory_size=memory_size,
        exact=exact,
    )


def test_one_query_by_hand() -> None:
    # k = 3: votes 0 0 1; without 0 or 1: 0 1 1 -> 1 wins; without 2: 0 0 1 stays
    result = leave_one_out(listed([0, 0, 1, 1]), 3, voting="plurality", query_labels=np.array([0]))
    assert flips_of(result) == {(0, 0, 0, 1), (1, 0, 0, 1)}
    assert result.deciding_neighbors().tolist() == [2]
    assert result.effects().tolist() == [1, 1]
    ids, counts = result.flips_per_entry()
    assert (ids.tolist(), counts.tolist()) == ([0, 1], [1, 1])
    assert (result.num_private, result.fraction_non_private) == (98, 0.02)


@pytest.mark.parametrize(("truth", "effect"), [(0, 1), (1, -1), (2, 0)])
def test_an_entry_is_helpful_if_the_answer_is_right_only_with_it(truth: int, effect: int) -> None:
    result = leave_one_out(listed([0, 1]), 1, query_labels=np.array([truth]))
    assert flips_of(result) == {(0, 0, 0, 1)}
    assert result.effects().tolist() == [effect]
    summary = result.summary()
    assert {1: summary["num_helpful"], -1: summary["num_harmful"], 0: summary["num_neutral"]}[effect] == 1
    assert summary["top1_accuracy"] == float(truth == 0)


def test_ranks_shift_when_the_replacement_moves_in() -> None:
    # rank rule, k = 3: class 0 has 1/2; class 1 has 1/3 + 1/4 and wins. Without the 2nd: 1/2 against 1/3 + 1/4 (the
    # 3rd has moved to rank 1, the 4th, class 1, to rank 2): no flip. With a 4th of class 2: 1/2 against 1/3: flip.
    assert leave_one_out(listed([0, 1, 1, 1]), 3, voting="rank").num_flips == 0
    assert flips_of(leave_one_out(listed([0, 1, 1, 2]), 3, voting="rank")) == {(1, 0, 1, 0), (2, 0, 1, 0)}


def test_margins_and_reached_entries_by_hand() -> None:
    result = leave_one_out(listed([0, 0, 1, 1]), 3, voting="plurality")
    np.testing.assert_allclose(result.margins, [1 / 3])
    assert result.reached_ids.tolist() == [0, 1, 2, 3]
    assert leave_one_out(listed([0, 0, 1, 1]), 1).reached_ids.tolist() == [0, 1]


def test_blocks_do_not_change_the_result(unit_rows: MakeUnitRows) -> None:
    labels = np.random.default_rng(4).integers(0, 5, 200)
    neighbors = exact_search(unit_rows(50, 6, 1), unit_rows(200, 6, 2), 8, labels=labels)
    whole, in_parts = leave_one_out(neighbors, 7), leave_one_out(neighbors, 7, budget_bytes=1)
    assert flips_of(whole) == flips_of(in_parts)
    assert flips_of(leave_one_out(neighbors, 5)) == flips_of(leave_one_out(neighbors.first(6), 5))


def test_bad_requests_are_refused() -> None:
    with pytest.raises(UserError, match="approximate search"):
        leave_one_out(listed([0, 1], exact=False), 1)
    with pytest.raises(UserError, match="unknown number of"):
        leave_one_out(listed([0, 1], memory_size=None), 1)
    with pytest.raises(UserError, match=r"k is 2 and each query has 2 neighbours; .* search for k \+ 1"):
        leave_one_out(listed([0, 1]), 2)
    with pytest.raises(UserError, match="k is 0"):
        leave_one_out(listed([0, 1]), 0)
    with pytest.raises(UserError, match=r"query_labels have shape \(2,\)"):
        leave_one_out(listed([0, 1]), 1, query_labels=np.array([0, 1]))
    with pytest.raises(UserError, match="pass query_labels"):
        leave_one_out(listed([0, 1]), 1).effects()
