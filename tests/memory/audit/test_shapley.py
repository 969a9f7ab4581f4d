"""Values: the recursion equals the definition over all subsets, by hand and by force, and pruning by value works.

Letters: N entries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.audit.leave_one_out import leave_one_out
from memory.audit.shapley import EntryValues, knn_shapley, leave_one_out_values, removal_curve, values_by_rank
from memory.search import exact_search
from memory.voting import vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def by_definition(right: list[bool], k: int) -> list[float]:
    """The mean over all subsets of what an entry adds, weighted as Shapley does; entries from near to far."""
    N = len(right)

    def worth(subset: tuple[int, ...]) -> float:
        return sum(right[i] for i in sorted(subset)[:k]) / k

    values = []
    for i in range(N):
        others = [j for j in range(N) if j != i]
        value = 0.0
        for size in range(N):
            share = math.factorial(size) * math.factorial(N - size - 1) / math.factorial(N)
            value += share * sum(worth((*s, i)) - worth(s) for s in itertools.combinations(others, size))
        values.append(value)
    return values


def test_three_entries_by_hand() -> None:
    # k = 1, right = yes no yes. s3 = 1/3; s2 = 1/3 + (0 - 1) * 1/2 = -1/6; s1 = -1/6 + 1 = 5/6; sum 1 = v(all)
    np.testing.assert_allclose(values_by_rank(np.array([[True, False, True]]), 1), [[5 / 6, -1 / 6, 1 / 3]])


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7, 9])
def test_equals_the_definition_over_all_subsets(k: int) -> None:
    for right in itertools.product([False, True], repeat=5):
        np.testing.assert_allclose(values_by_rank(np.array([right]), k)[0], by_definition(list(right), k), atol=1e-12)
    long = [True, True, False, True, False, False, True, False, True]
    np.testing.assert_allclose(values_by_rank(np.array([long]), k)[0], by_definition(long, k), atol=1e-12)


def test_values_belong_to_entries_and_sum_to_what_the_memory_is_worth(unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(40, 6, 1), unit_rows(15, 6, 2)
    rng = np.random.default_rng(3)
    labels, truth = rng.integers(0, 3, 40), rng.integers(0, 3, 15)
    found = knn_shapley(queries, truth, entries, labels, 5, ids=np.arange(40) * 2)
    expected = np.zeros(40)
    for q in range(15):
        order = np.argsort(-(entries.astype(np.float64) @ queries[q].astype(np.float64)), kind="stable")
        right = labels[order] == truth[q]
        value = right[-1] / 40
        expected[order[-1]] += value
        for rank in range(39, 0, -1):
            value += (float(right[rank - 1]) - float(right[rank])) / 5 * min(5, rank) / rank
            expected[order[rank - 1]] += value
    np.testing.assert_allclose(found.values, expected / 15, atol=1e-12)
    worth = (exact_search(queries, entries, 5, labels=labels).labels == truth[:, None]).mean()
    assert found.values.sum() == pytest.approx(worth, abs=1e-12)
    in_parts = knn_shapley(queries, truth, entries, labels, 5, budget_bytes=1)
    np.testing.assert_allclose(in_parts.values, found.values, atol=1e-12)
    first = found.most_valuable_first()
    assert found.values[first[0] // 2] == found.values.max()
    assert found.values[first[-1] // 2] == found.values.min()


def test_leave_one_out_values_are_changes_of_accuracy(unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(30, 4, 1), unit_rows(25, 4, 2)
    rng = np.random.default_rng(0)
    labels, truth = rng.integers(0, 2, 30), rng.integers(0, 2, 25)
    result = leave_one_out(exact_search(queries, entries, 4, labels=labels), 3, query_labels=truth)
    values = leave_one_out_values(result, np.arange(30)).values
    whole = np.mean(result.predictions == truth)
    for n in range(30):
        rest = np.arange(30) != n
        votes = vote(exact_search(queries, entries[rest], 3, labels=labels[rest]), num_classes=2)
        assert values[n] == pytest.approx(whole - np.mean(votes.predictions == truth), abs=1e-12)
    with pytest.raises(UserError, match="has 30 entries; received 29 ids"):
        leave_one_out_values(result, np.arange(29))


def test_removing_the_least_valuable_first_keeps_accuracy_and_the_most_valuable_first_loses_it() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(4, 8)
    classes = np.repeat(np.arange(4), 60)
    rows = centres[classes] + 0.25 * rng.standard_normal((240, 8))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    train, tune, test = (np.arange(240) % 3 == part for part in range(3))
    labels = np.where(rng.random(80) < 0.3, rng.integers(0, 4, 80), classes[train])  # some labels are wrong
    values = knn_shapley(rows[tune], classes[tune], rows[train], labels, 3)
    best_first = values.most_valuable_first()
    assert values.values[labels != classes[train]].mean() < 0 < values.values[labels == classes[train]].mean()

    def accuracies(order: npt.NDArray[np.int64]) -> tuple[float, ...]:
        curve = removal_curve(rows[test], classes[test], rows[train], labels, order, shares=(0.0, 0.25, 0.5), k=3)
        return curve.accuracies

    worst_gone, best_gone = accuracies(best_first[::-1]), accuracies(best_first)
    assert worst_gone[0] == best_gone[0]
    assert worst_gone[1] > worst_gone[0] > best_gone[1] > best_gone[2]


def test_equal_values_are_ordered_by_id_or_by_chance() -> None:
    values = EntryValues(ids=np.arange(50) * 3, values=np.repeat([0.0, 1.0], 25), method="x")
    by_id = values.most_valuable_first()
    assert by_id.tolist() == [*range(75, 150, 3), *range(0, 75, 3)]
    by_chance = values.most_valuable_first(np.random.default_rng(0))
    assert set(by_chance[:25].tolist()) == set(by_id[:25].tolist())
    assert not np.array_equal(by_chance[:25], by_id[:25])
    assert not np.array_equal(by_chance[25:], by_id[25:])


def test_bad_requests_are_refused(unit_rows: MakeUnitRows) -> None:
    rows, labels = unit_rows(4, 3), np.zeros(4, np.int64)
    with pytest.raises(UserError, match="received k = 0"):
        knn_shapley(rows, labels, rows, labels, 0)
    with pytest.raises(UserError, match="0 queries"):
        knn_shapley(rows[:0], labels[:0], rows, labels, 1)
    with pytest.raises(UserError, match="received 3 and 4"):
        knn_shapley(rows, labels, rows, labels[:3], 1)
    with pytest.raises(UserError, match="each of the 4 entries once"):
        removal_curve(rows, labels, rows, labels, np.array([0, 1, 2, 2]), shares=(0.5,), k=1)
    with pytest.raises(UserError, match="at least 0 and below 1"):
        removal_curve(rows, labels, rows, labels, np.arange(4), shares=(1.0,), k=1)
