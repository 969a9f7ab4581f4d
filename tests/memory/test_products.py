"""The cut of the fast pass, against plain sorting. Run: pytest tests/memory/test_products.py.

Letters: Q queries, N entries.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.products import BlockProducts, Pairs, by_query, kth_at_least, kth_largest


@settings(max_examples=40)
@given(N=st.integers(1, 300), k=st.integers(1, 5), levels=st.integers(1, 400), seed=st.integers(0, 99))
def test_the_first_threshold_is_reached_by_k_entries(N: int, k: int, levels: int, seed: int) -> None:
    products = np.random.default_rng(seed).integers(-levels, levels, (N, 3)).astype(np.float32)
    thresholds = kth_at_least(products, k)
    assert (np.isneginf(thresholds) if k > N else (products >= thresholds).sum(axis=0) >= k).all()


def test_the_first_threshold_is_close_to_the_kth_largest() -> None:
    products = np.random.default_rng(0).standard_normal((4000, 50)).astype(np.float32)
    assert (products >= kth_at_least(products, 10)).sum(axis=0).mean() < 12


@pytest.mark.parametrize("k", [1, 4, 9])
def test_kth_largest_is_that_of_a_sort(k: int) -> None:
    rng = np.random.default_rng(k)
    query_rows = rng.integers(0, 20, 120)
    products = rng.choice(np.array([-2.5, -1e-30, 0.0, 0.5, 3.0], np.float32), 120)
    ordered = by_query(Pairs(query_rows, np.arange(120), products), 21)  # query 20 has no pair
    kth = kth_largest(ordered, k)
    for query in range(21):
        own = sorted(products[query_rows == query], reverse=True)
        assert kth[query] == (own[k - 1] if len(own) >= k else -np.inf)
        part = slice(ordered.starts[query], ordered.starts[query + 1])
        assert ordered.pairs.products[part].tolist() == own
        assert (query_rows[ordered.pairs.entry_rows[part]] == query).all()


def test_pairs_reach_a_threshold_that_float32_cannot_hold() -> None:
    entries = np.array([[0.1], [0.2], [0.3]], np.float32)
    block = BlockProducts(np.array([[1.0], [2.0]], np.float32), 3)
    found = block.reaching(block.of(entries), np.array([float(entries[1, 0]), 0.6000000238]))
    pairs = set(zip(found.query_rows.tolist(), found.entry_rows.tolist(), strict=True))
    assert pairs == {(0, 1), (0, 2), (1, 2)}
    assert found.products.tolist() == [(entries[n, 0] * np.float32(q + 1)) for q, n in zip(*found[:2], strict=True)]
