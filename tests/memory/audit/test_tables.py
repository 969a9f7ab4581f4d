"""Tables of an audit by hand: two queries over five entries."""

from __future__ import annotations

import numpy as np
import pytest

from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.audit.tables import flips_as_csv, influential_entries, rates_by_group, relative_counts
from memory.neighbors import Neighbors
from procmem.errors import UserError

CLASSES = ("cat", "dog")
IDS = np.array([2, 3, 5, 7, 11])


@pytest.fixture
def result() -> LeaveOneOutResult:
    """k = 1: query a asks 5 (dog) and would turn to 2 (cat); query b asks 5 (dog) and would turn to 3 (cat)."""
    neighbors = Neighbors(
        ids=np.array([[5, 2], [5, 3]]),
        labels=np.array([[1, 0], [1, 0]]),
        similarities=np.array([[0.9, 0.8], [0.9, 0.8]]),
        memory_size=5,
    )
    return leave_one_out(neighbors, 1, query_labels=np.array([1, 0]))


def test_counts_are_relative_to_queries_and_to_the_entries_reached(result: LeaveOneOutResult) -> None:
    counts = relative_counts(result)
    assert counts == {"num_reached": 3, "non_private_per_query": 0.5, "fraction_non_private_of_reached": 1 / 3}


def test_the_most_influential_entry_is_named_with_its_queries(result: LeaveOneOutResult) -> None:
    (entry,) = influential_entries(result, ["a", "b"], CLASSES, 3)
    assert entry == {
        "id": 5,
        "num_queries": 2,
        "queries": [{"query": "a", "from": "dog", "to": "cat"}, {"query": "b", "from": "dog", "to": "cat"}],
    }
    assert influential_entries(result, ["a", "b"], CLASSES, 0) == []


def test_entries_that_decide_more_queries_come_first() -> None:
    neighbors = Neighbors(
        ids=np.array([[3, 2], [5, 2], [5, 2]]),
        labels=np.array([[1, 0]] * 3),
        similarities=np.array([[0.9, 0.8]] * 3),
        memory_size=5,
    )
    rows = influential_entries(leave_one_out(neighbors, 1), ["a", "b", "c"], CLASSES, 2)
    assert [(row["id"], row["num_queries"]) for row in rows] == [(5, 2), (3, 1)]
    judged = leave_one_out(neighbors, 1, query_labels=np.array([0, 1, 1]))
    (ann, bob) = rates_by_group(judged, IDS, ["bob", "bob", "ann", "ann", "ann"])
    assert (ann["num_helpful"], ann["num_harmful"], bob["num_helpful"], bob["num_harmful"]) == (2, 0, 0, 1)


def test_rates_by_owner(result: LeaveOneOutResult) -> None:
    rows = rates_by_group(result, IDS, ["ann", None, "ann", "bob", None])
    assert [row["group"] for row in rows] == ["ann", "bob"]
    assert rows[0] == {
        "group": "ann",
        "num_entries": 2,
        "num_non_private": 1,
        "num_flips": 2,
        "num_helpful": 1,
        "num_harmful": 1,
        "fraction_non_private": 0.5,
    }
    assert (rows[1]["num_non_private"], rows[1]["fraction_non_private"]) == (0, 0.0)
    with pytest.raises(UserError, match="has 5 entries; received 4 ids"):
        rates_by_group(result, IDS[:4], [None] * 4)


def test_flips_as_csv_name_entries_queries_and_classes(result: LeaveOneOutResult) -> None:
    assert flips_as_csv([result], ["a", "b"], CLASSES, {5: "five.png"}).splitlines() == [
        "rule,k,entry_id,entry_uri,query,from_class,to_class,effect",
        "softmax,1,5,five.png,a,dog,cat,helpful",
        "softmax,1,5,five.png,b,dog,cat,harmful",
    ]


def test_without_any_neighbour_left_no_class_is_named() -> None:
    neighbors = Neighbors(ids=np.array([[0]]), labels=np.array([[1]]), similarities=np.array([[0.5]]), memory_size=1)
    table = flips_as_csv([leave_one_out(neighbors, 1)], ["a"], CLASSES, {})
    assert table.splitlines()[1] == "softmax,1,0,,a,dog,(none),"
