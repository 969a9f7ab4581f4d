"""Near-duplicates: all pairs, found as by comparing everything with everything, and what their removal unmasks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.audit.groups import remove_groups
from memory.audit.leave_one_out import leave_one_out
from memory.audit.near_duplicates import find_near_duplicates
from memory.search import exact_search
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def at_angles(*degrees: float) -> npt.NDArray[np.float32]:
    radians = np.deg2rad(np.array(degrees))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_a_chain_is_one_group_though_its_ends_are_unlike() -> None:
    # cos 10 degrees = 0.9848 joins neighbours, cos 20 degrees = 0.9397 does not join the ends; 90 and 100 are another
    rows = at_angles(0, 90, 10, 20, 100, 200)
    found = find_near_duplicates(rows, np.array([3, 4, 5, 6, 7, 12]), threshold=0.98)
    assert found.pairs.tolist() == [[3, 5], [4, 7], [5, 6]]
    np.testing.assert_allclose(found.similarities, np.cos(np.deg2rad(10)), atol=1e-6)
    first, second = "near-duplicates-03", "near-duplicates-04"
    assert found.groups == [first, second, first, first, second, None]
    assert (found.num_groups, found.num_entries) == (2, 5)


@pytest.mark.parametrize("threshold", [0.2, 0.6, 0.9, 1.0])
def test_equals_comparing_everything_with_everything(threshold: float, unit_rows: MakeUnitRows) -> None:
    rows = np.concatenate([unit_rows(60, 4, 1), unit_rows(60, 4, 1)[:9], unit_rows(40, 4, 2)])
    found = find_near_duplicates(rows, threshold=threshold)
    similarity = rows.astype(np.float64) @ rows.astype(np.float64).T
    expected = np.argwhere(np.triu(similarity >= threshold - 1e-6, k=1))
    assert found.pairs.tolist() == expected.tolist()
    assert len(expected) >= 9
    groups = [{n} for n in range(len(rows))]
    for a, b in expected.tolist():
        joined = groups[a] | groups[b]
        for n in joined:
            groups[n] = joined
    for n in range(len(rows)):
        alike = {m for m in range(len(rows)) if found.groups[m] == found.groups[n]} if found.groups[n] else {n}
        assert alike == groups[n]


def test_a_twin_masks_an_entry_until_both_are_removed() -> None:
    rows, labels = at_angles(0, 0, 0, 30, 31, 32), np.array([0, 0, 0, 1, 1, 1])
    queries = at_angles(1)
    neighbors = exact_search(queries, rows, 6, labels=labels)
    assert leave_one_out(neighbors, 3, voting="plurality").num_flips == 0
    groups = find_near_duplicates(rows, threshold=1.0).groups
    result = remove_groups(
        neighbors,
        3,
        entry_ids=np.arange(6),
        entry_groups=groups,
        search=lambda rows_of, k: exact_search(queries[rows_of], rows, k, labels=labels),
        voting="plurality",
    )
    assert result.num_changed().tolist() == [1]
    assert (result.from_classes.tolist(), result.to_classes.tolist()) == ([0], [1])


def test_bad_requests_are_refused() -> None:
    for threshold in (-1.0, 1.01, float("nan")):
        with pytest.raises(UserError, match="a similarity is above -1"):
            find_near_duplicates(at_angles(0), threshold=threshold)
    with pytest.raises(UserError, match="0 entries"):
        find_near_duplicates(at_angles(0)[:0], threshold=0.9)
