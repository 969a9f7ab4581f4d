"""Removing a group equals rebuilding the memory without it. Run: pytest tests/memory/audit/test_groups.py.

Letters: Q queries, N entries, C classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.audit.groups import GroupResult, remove_groups
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.voting import Protocol, Rule, Voting, vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@dataclasses.dataclass
class Problem:
    queries: npt.NDArray[np.float32]
    entries: npt.NDArray[np.float32]
    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    owners: Sequence[str | None]
    weights: npt.NDArray[np.float64]
    num_searches: int = 0

    def search(self, rows: npt.NDArray[np.int64], k: int) -> Neighbors:
        self.num_searches += 1
        found = exact_search(self.queries[rows], self.entries, k, ids=self.ids, labels=self.labels)
        return found.weighted(self.ids, self.weights)

    def predictions_without(self, owner: str | None, k: int, voting: Voting | Rule) -> npt.NDArray[np.int64]:
        rest = np.array([owner is None or name != owner for name in self.owners])
        if not rest.any():
            return np.full(len(self.queries), -1)
        found = exact_search(self.queries, self.entries[rest], k, ids=self.ids[rest], labels=self.labels[rest])
        return vote(found.weighted(self.ids, self.weights), num_classes=9, voting=voting).predictions


def make_problem(seed: int, num_owners: int, N: int = 60, Q: int = 20) -> Problem:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((N + Q, 4))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    rows[: N // 4] = rows[N // 4 : 2 * (N // 4)]  # twins
    ids = np.sort(rng.permutation(3 * N)[:N]).astype(np.int64)
    owner_of = rng.integers(-1, num_owners, N)
    return Problem(
        queries=rows[N:],
        entries=rows[:N],
        ids=ids,
        labels=rng.integers(0, 3, N),
        owners=[None if owner < 0 else f"owner-{owner}" for owner in owner_of],
        weights=rng.choice([0.5, 1.0, 2.0], N),
    )


def check(problem: Problem, k: int, first_k: int, voting: Voting | Rule = "softmax", **options: int) -> GroupResult:
    result = remove_groups(
        problem.search(np.arange(len(problem.queries)), first_k),
        k,
        entry_ids=problem.ids,
        entry_groups=problem.owners,
        search=problem.search,
        query_labels=np.arange(len(problem.queries)) % 3,
        voting=voting,
        **options,
    )
    before = problem.predictions_without(None, k, voting)
    assert result.predictions.tolist() == before.tolist()
    flips = []
    for g, name in enumerate(result.names):
        after = problem.predictions_without(name, k, voting)
        flips += [(int(q), g, int(before[q]), int(after[q])) for q in np.flatnonzero(after != before)]
        assert result.accuracy_without()[g] == pytest.approx(np.mean(after == np.arange(len(after)) % 3))
        assert result.num_entries[g] == list(problem.owners).count(name)
    columns = (result.flip_queries, result.flip_groups, result.from_classes, result.to_classes)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == sorted(flips)
    assert result.num_changed().sum() == len(flips)
    return result


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    num_owners=st.sampled_from([1, 2, 5, 30]),
    k=st.sampled_from([1, 4, 20, 70]),
    rule=st.sampled_from(get_args(Rule)),
    protocol=st.sampled_from(get_args(Protocol)),
)
def test_equals_rebuilt_memories(seed: int, num_owners: int, k: int, rule: Rule, protocol: Protocol) -> None:
    check(make_problem(seed, num_owners), k, min(k, 60), Voting(rule=rule, protocol=protocol))


def test_only_lists_that_a_group_exhausts_are_searched_again() -> None:
    problem = make_problem(1, 2)
    result = check(problem, 4, 8)
    assert 0 < result.num_deepened < len(problem.queries)
    assert problem.num_searches > 1
    whole = make_problem(1, 2)
    assert check(whole, 4, 60).num_deepened == 0
    assert whole.num_searches == 1


def test_lists_are_deepened_by_doubling() -> None:
    problem = make_problem(1, 1, N=64)  # one owner has half of all, so lists must reach deep
    problem.owners = ["owner-0" if i % 8 else None for i in range(64)]
    check(problem, 3, 3)
    assert 2 < problem.num_searches <= 6  # 3, then 6, 12, 24, 48, 64


def test_an_owner_of_everything_leaves_no_prediction() -> None:
    problem = make_problem(2, 1)
    problem.owners = ["all"] * len(problem.owners)
    result = check(problem, 3, 6)
    assert result.to_classes.tolist() == [-1] * len(problem.queries)
    assert result.accuracy_without().tolist() == [0.0]


def test_blocks_do_not_change_the_result() -> None:
    problem = make_problem(3, 5)
    assert check(problem, 5, 10, budget_bytes=1).table() == check(problem, 5, 10).table()


def by_hand(**options: object) -> GroupResult:
    """Votes 0 0 1 with k = 3, then 1; ann owns the first two."""
    neighbors = Neighbors(
        ids=np.arange(4)[None],
        labels=np.array([[0, 0, 1, 1]]),
        similarities=np.array([[0.9, 0.8, 0.7, 0.6]]),
        memory_size=4,
    )
    arguments: dict[str, object] = {
        "entry_ids": np.arange(4),
        "entry_groups": ["ann", "ann", "bob", None],
        "search": _never,
        "query_labels": np.array([0]),
        "voting": "plurality",
    }
    return remove_groups(neighbors, 3, **(arguments | options))  # type: ignore[arg-type]


def _never(rows: npt.NDArray[np.int64], k: int) -> Neighbors:
    raise AssertionError("the list holds the whole memory")


def test_one_query_by_hand() -> None:
    result = by_hand()
    assert result.num_without_group == 1
    assert result.table() == [
        {
            "group": "ann",
            "num_entries": 2,
            "num_queries_changed": 1,
            "num_helpful": 1,
            "num_harmful": 0,
            "accuracy_without": 0.0,
        },
        {
            "group": "bob",
            "num_entries": 1,
            "num_queries_changed": 0,
            "num_helpful": 0,
            "num_harmful": 0,
            "accuracy_without": 1.0,
        },
    ]
    assert result.accuracy() == 1.0


def test_bad_requests_are_refused() -> None:
    with pytest.raises(UserError, match="no entry belongs to a group"):
        by_hand(entry_groups=[None] * 4)
    with pytest.raises(UserError, match="4 entries; received 4 ids, 3 groups"):
        by_hand(entry_groups=["ann"] * 3)
    with pytest.raises(UserError, match="not among entry_ids"):
        by_hand(entry_ids=np.arange(1, 5))
    with pytest.raises(UserError, match="pass query_labels"):
        by_hand(query_labels=None).accuracy()
    with pytest.raises(UserError, match=r"query_labels have shape \(2,\)"):
        by_hand(query_labels=np.array([0, 1]))
