"""Neighbors refuses anything out of order, so no consumer has to check. Run: pytest tests/memory/test_neighbors.py."""

from __future__ import annotations

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
