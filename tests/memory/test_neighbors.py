"""Neighbors refuses anything out of order, so no consumer has to check. Run: pytest tests/memory/test_neighbors.py."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from memory.neighbors import Neighbors
from procmem.errors import UserError

GOOD: dict[str, Any] = {"ids": [[7, 3, 5]], "labels": [[0, 1, 0]], "similarities": [[0.9, 0.5, 0.5]]}


def make(**changes: Any) -> Neighbors:
    columns = GOOD | changes
    return Neighbors(
        ids=np.array(columns["ids"], np.int64),
        labels=np.array(columns["labels"], np.int64),
        similarities=np.array(columns["similarities"], np.float64),
    )


def test_first_keeps_the_nearest_in_order() -> None:
    first = make().first(2)
    assert first.ids.tolist() == [[7, 3]]
    assert first.labels.tolist() == [[0, 1]]
    assert first.similarities.tolist() == [[0.9, 0.5]]
    assert (first.num_queries, first.num_neighbors) == (1, 2)


@pytest.mark.parametrize("k", [0, 4])
def test_first_refuses_more_than_was_searched(k: int) -> None:
    with pytest.raises(UserError, match=f"k is {k}; these neighbours were searched with k = 3"):
        make().first(k)


def test_padding_is_accepted_at_the_end_only() -> None:
    padded = make(ids=[[7, 3, -1]], labels=[[0, 1, -1]], similarities=[[0.9, 0.5, -np.inf]])
    assert padded.ids[0, 2] == -1
    with pytest.raises(UserError, match="padding"):
        make(ids=[[7, -1, 3]], labels=[[0, -1, 1]], similarities=[[0.9, -np.inf, 0.5]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"similarities": [[0.5, 0.9, 0.5]]}, "not in order"),
        ({"ids": [[7, 5, 3]]}, "ties by smaller id"),
        ({"ids": [[7, 3, 3]]}, "not in order"),
        ({"labels": [[0, 1]]}, "one shape"),
        ({"labels": [[0, -1, 0]]}, "label >= 0"),
        ({"similarities": [[np.nan, 0.5, 0.5]]}, "finite similarity"),
        ({"ids": [[7, 3, -1]]}, "padded neighbour must have label -1"),
        ({"ids": [[-2, 3, 5]]}, "ids must be >= 0"),
    ],
)
def test_wrong_neighbours_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(**changes)


def test_wrong_dtypes_are_refused() -> None:
    with pytest.raises(UserError, match="float64"):
        Neighbors(
            ids=np.zeros((1, 1), np.int64),
            labels=np.zeros((1, 1), np.int64),
            similarities=np.zeros((1, 1), np.float32),  # type: ignore[arg-type]
        )


def test_weights_go_along_with_their_neighbours() -> None:
    weighted = make().weighted(np.array([3, 5, 7, 9]), np.array([0.3, 0.5, 0.7, 0.9]))
    assert weighted.weights is not None
    assert weighted.weights.tolist() == [[0.7, 0.3, 0.5]]
    first = weighted.first(2).weights
    assert first is not None
    assert first.tolist() == [[0.7, 0.3]]
    chosen = weighted.rows(np.array([0, 0]))
    assert chosen.weights is not None
    assert chosen.weights.tolist() == [[0.7, 0.3, 0.5]] * 2
    assert chosen.ids.tolist() == [[7, 3, 5]] * 2


def test_padding_needs_no_weight() -> None:
    padded = make(ids=[[7, 3, -1]], labels=[[0, 1, -1]], similarities=[[0.9, 0.5, -np.inf]])
    weights = padded.weighted(np.array([3, 7]), np.array([0.3, 0.7])).weights
    assert weights is not None
    assert weights[0, :2].tolist() == [0.7, 0.3]


@pytest.mark.parametrize(
    ("ids", "weights", "message"),
    [
        ([3, 7], [1.0, 1.0], "no weight is given for entry 5"),
        ([7, 5, 3], [1.0, 1.0, 1.0], "ascending id"),
        ([3, 5, 7], [1.0, 1.0], "ascending id"),
        ([3, 5, 7], [1.0, -1.0, 1.0], "at least 0"),
        ([3, 5, 7], [1.0, np.nan, 1.0], "finite"),
    ],
)
def test_wrong_weights_are_refused(ids: list[int], weights: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make().weighted(np.array(ids), np.array(weights))
    with pytest.raises(UserError, match="weights must be float64 of shape"):
        dataclasses.replace(make(), weights=np.ones((1, 2)))


def test_dropped_neighbours_leave_padding_at_the_end_and_the_others_move_up() -> None:
    whole = dataclasses.replace(make(), memory_size=9)
    given = whole.weighted(np.array([3, 5, 7]), np.array([0.3, 0.5, 0.7]))
    flags = given.ids == np.array([[3]])
    left = given.keeping(~flags)
    for row in range(given.num_queries):
        kept = [j for j in range(given.num_neighbors) if given.ids[row, j] != 3]
        assert left.ids[row].tolist() == [*given.ids[row, kept], *[-1] * (given.num_neighbors - len(kept))]
        assert left.labels[row, : len(kept)].tolist() == given.labels[row, kept].tolist()
        assert left.similarities[row, : len(kept)].tolist() == given.similarities[row, kept].tolist()
        assert left.weights is not None
        assert given.weights is not None
        assert left.weights[row, : len(kept)].tolist() == given.weights[row, kept].tolist()
    assert left.memory_size is None
    with pytest.raises(UserError, match="flags must be bool"):
        given.keeping(flags[:, :1])


def test_labels_are_looked_up_by_id_and_padding_has_none() -> None:
    padded = make(ids=[[7, 3, -1]], labels=[[0, 1, -1]], similarities=[[0.9, 0.5, -np.inf]])
    assert padded.labelled(np.array([3, 7, 9]), np.array([4, 2, 6])).labels.tolist() == [[2, 4, -1]]
    with pytest.raises(UserError, match="no label is given for entry 7"):
        padded.labelled(np.array([3]), np.array([4]))
