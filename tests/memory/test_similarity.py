"""One pair, one value: the fixed order of summation and the error bound of fast products.

References are written as plain Python loops. Run: pytest tests/memory/test_similarity.py.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memory.similarity import (
    as_embeddings,
    fixed_order_sum,
    pair_similarities,
    product_error_bound,
    table_similarities,
)
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def halving_tree(values: list[float]) -> float:
    """The stated order, one addition at a time."""
    values = list(values)
    while len(values) > 1:
        half = (len(values) + 1) // 2
        values = [values[i] + values[half + i] if half + i < len(values) else values[i] for i in range(half)]
    return values[0]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_sum_follows_the_stated_order_to_the_last_bit(values: list[float]) -> None:
    assert fixed_order_sum(np.array([values, values]))[1] == halving_tree(values)


def test_the_order_matters_and_is_the_stated_one() -> None:
    # 1e16 + 1 rounds the 1 away; halves of four are (0, 2) and (1, 3): (1e16 - 1e16) + (1 + 1) = 2
    assert fixed_order_sum(np.array([[1e16, 1.0, -1e16, 1.0]]))[0] == 2.0


@pytest.mark.parametrize("D", [1, 2, 3, 7, 64, 384, 769])
def test_a_pair_has_one_value_in_every_batch(D: int, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(300, D)
    entries = np.concatenate([rows, rows])  # every row twice: twins must score the same, bit for bit
    pairs = np.arange(600)
    all_at_once = pair_similarities(rows, entries, pairs % 7, pairs)
    one_by_one = [
        pair_similarities(rows, entries, pairs[i : i + 1] % 7, pairs[i : i + 1])[0] for i in range(0, 600, 41)
    ]
    assert all_at_once[::41].tolist() == one_by_one
    same_query = pair_similarities(rows, entries, np.zeros(600, np.int64), pairs)
    assert (same_query[:300] == same_query[300:]).all()
    by_hand = halving_tree([float(a) * float(b) for a, b in zip(rows[3], entries[45], strict=True)])
    assert all_at_once[45] == by_hand


@pytest.mark.parametrize(("D", "K"), [(1, 3), (5, 1), (97, 4), (384, 400)])
def test_a_table_of_entries_has_the_values_of_its_pairs(D: int, K: int, unit_rows: MakeUnitRows) -> None:
    queries, entries = unit_rows(9, D, 1), unit_rows(50, D, 2)
    table = np.random.default_rng(3).integers(0, 50, (9, K))
    by_hand = [
        [halving_tree([float(a) * float(b) for a, b in zip(queries[q], entries[n], strict=True)]) for n in table[q, :5]]
        for q in range(9)
    ]
    assert table_similarities(queries, entries, table)[:, :5].tolist() == by_hand


@pytest.mark.parametrize("D", [8, 384, 2048])
def test_float32_products_stay_within_the_bound(D: int, unit_rows: MakeUnitRows) -> None:
    queries, entries = unit_rows(40, D, 1), unit_rows(500, D, 2)
    entries[:40] = queries  # similarity 1: the largest sum of |q_d e_d| there is
    exact = pair_similarities(queries, entries, np.repeat(np.arange(40), 500), np.tile(np.arange(500), 40))
    numpy_products = queries @ entries.T
    sequential = np.cumsum(queries[:, None] * entries, axis=2, dtype=np.float32)[:, :, -1]
    for products in (numpy_products, sequential):
        errors = np.abs(products.astype(np.float64).reshape(-1) - exact)
        assert 0 < errors.max() <= product_error_bound(D)


def test_bfloat16_products_stay_within_the_bound_for_rounded_inputs(unit_rows: MakeUnitRows) -> None:
    queries, entries = unit_rows(40, 64, 1), unit_rows(500, 64, 2)
    exact = (queries.astype(np.float64) @ entries.astype(np.float64).T).reshape(-1)
    rounded = torch.from_numpy(queries).bfloat16().float() @ torch.from_numpy(entries).bfloat16().float().T
    errors = np.abs(rounded.numpy().reshape(-1) - exact)
    assert product_error_bound(64) < errors.max() <= product_error_bound(64, 2.0**-7)


def test_bound_holds_against_exact_rational_arithmetic() -> None:
    D, u = 384, Fraction(1, 2**24)
    gamma = D * u / (1 - D * u)
    assert gamma < Fraction(product_error_bound(D)) < gamma * Fraction(101, 100)


def test_embeddings_come_from_numpy_or_torch_of_any_float_type(unit_rows: MakeUnitRows) -> None:
    rows: npt.NDArray[np.float32] = unit_rows(5, 8)
    assert np.array_equal(as_embeddings(torch.from_numpy(rows), "rows"), rows)
    assert np.array_equal(as_embeddings(rows.astype(np.float64), "rows"), rows)
    half = as_embeddings(rows.astype(np.float16), "rows")
    assert half.dtype == np.float32
    assert np.array_equal(half, rows.astype(np.float16))
    assert as_embeddings(np.asfortranarray(rows), "rows").flags.c_contiguous


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([np.nan, 0.0], r"rows: row 1 holds NaN or infinity"),
        ([np.inf, 0.0], r"rows: row 1 holds NaN or infinity"),
        ([0.0, 0.0], r"rows: row 1 is zero"),
        ([1.0, 1.0], r"rows: row 1 is not L2-normalised \(length 1.414"),
    ],
)
def test_bad_embeddings_are_named(row: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        as_embeddings(np.array([[1.0, 0.0], row]), "rows")


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(UserError, match=r"must be \(N, D\) floating numbers; received float64 of shape \(2,\)"):
        as_embeddings(np.array([1.0, 0.0]), "queries")
    with pytest.raises(UserError, match="received int64"):
        as_embeddings(np.array([[1, 0]]), "queries")
    with pytest.raises(UserError, match="queries have dimension 2; this memory holds dimension 3"):
        as_embeddings(np.array([[1.0, 0.0]]), "queries", 3)
