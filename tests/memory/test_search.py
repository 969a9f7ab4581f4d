"""Exact search equals a slow float64 search in every id and every bit, whatever the batch, budget or device.

Run: pytest tests/memory/test_search.py.

Letters: Q queries, N entries, D embedding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory import search, threaded_search
from memory.neighbors import Neighbors
from memory.products import BlockProducts
from memory.search import exact_search
from memory.similarity import pair_similarities
from procmem.errors import UserError

Rows = npt.NDArray[np.float32]


def normalised(rows: npt.NDArray[np.floating]) -> Rows:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow_search(queries: Rows, entries: Rows, k: int, ids: npt.NDArray[np.int64]) -> tuple[list[list[int]], list]:
    """Every similarity one at a time, sorted as Python tuples."""
    all_ids, all_similarities = [], []
    for q in range(len(queries)):
        one = np.array([q])
        pairs = [
            (-pair_similarities(queries, entries, one, np.array([n]))[0], int(ids[n])) for n in range(len(entries))
        ]
        nearest = sorted(pairs)[:k]
        padding = k - len(nearest)
        all_ids.append([entry_id for _, entry_id in nearest] + [-1] * padding)
        all_similarities.append([-value for value, _ in nearest] + [-np.inf] * padding)
    return all_ids, all_similarities


def assert_same(neighbors: Neighbors, reference: tuple[list[list[int]], list]) -> None:
    assert neighbors.ids.tolist() == reference[0]
    assert neighbors.similarities.tolist() == reference[1]


def adversarial(kind: str, Q: int, N: int, D: int) -> tuple[Rows, Rows]:
    """Cases in which float32 order is wrong or undecided."""
    rng = np.random.default_rng(5)
    base = normalised(rng.standard_normal((max(1, N // 10), D)))
    entries = {
        "random": lambda: normalised(rng.standard_normal((N, D))),
        "duplicates": lambda: base[rng.integers(0, len(base), N)],
        "all equal": lambda: np.repeat(base[:1], N, axis=0),
        "near ties": lambda: normalised(base[:1] + 1e-7 * rng.standard_normal((N, D))),
        "best last": lambda: normalised(base[:1] * np.linspace(0, 3, N)[:, None] + rng.standard_normal((N, D))),
    }[kind]()
    queries = normalised(rng.standard_normal((Q, D)))
    queries[0] = base[0]
    return queries, entries


@pytest.mark.parametrize("kind", ["random", "duplicates", "all equal", "near ties", "best last"])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_equals_the_slow_search_bit_for_bit(kind: str, k: int) -> None:
    queries, entries = adversarial(kind, Q=5, N=400, D=24)
    ids = np.random.default_rng(1).permutation(10_000)[:400].astype(np.int64)
    assert_same(exact_search(queries, entries, k, ids=ids), slow_search(queries, entries, k, ids))


@pytest.mark.parametrize("k", [np.int64(3), np.uint8(3), True])
def test_any_whole_number_is_a_number_of_neighbours(k: int) -> None:
    entries = normalised(np.random.default_rng(0).standard_normal((9, 4)))
    for queries in (entries[:1], entries):
        assert exact_search(queries, entries, k).ids.shape == (len(queries), int(k))


@pytest.mark.parametrize("k", [0, -1, 2.5, 2.0, None, "3"])
def test_anything_else_is_none(k: object) -> None:
    entries = np.eye(4, dtype=np.float32)
    with pytest.raises(UserError, match=f"k is {k!r}; ask for a whole number of neighbours, at least 1"):
        exact_search(entries, entries, k)


@pytest.mark.parametrize("kind", ["random", "duplicates", "near ties", "all equal"])
@pytest.mark.parametrize("budget_bytes", [1, 10_000, 1 << 20])
def test_budget_and_batch_do_not_change_a_bit(kind: str, budget_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, entries = adversarial(kind, Q=13, N=700, D=33)
    whole = exact_search(queries, entries, 9)
    monkeypatch.setattr(threaded_search, "QUERY_BLOCK", 5)
    in_parts = exact_search(queries, entries, 9, budget_bytes=budget_bytes)
    assert np.array_equal(in_parts.ids, whole.ids)
    assert np.array_equal(in_parts.similarities, whole.similarities)
    alone = exact_search(queries[7:8], entries, 9)
    assert np.array_equal(alone.similarities, whole.similarities[7:8])


def test_equal_rows_score_equal_and_come_by_smaller_id() -> None:
    queries, entries = adversarial("random", Q=3, N=300, D=384)
    twins = np.concatenate([entries, entries[::-1]])
    neighbors = exact_search(queries, twins, 2)
    assert (neighbors.similarities[:, 0] == neighbors.similarities[:, 1]).all()
    assert (neighbors.ids.sum(axis=1) == 599).all()
    assert (neighbors.ids[:, 0] < neighbors.ids[:, 1]).all()


def test_a_fast_pass_that_errs_as_much_as_its_bound_allows_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, entries = adversarial("near ties", Q=6, N=500, D=48)
    right = exact_search(queries, entries, 12)
    rng = np.random.default_rng(3)
    bound = search.product_error_bound(48) / 2  # half for the disturbance, half for the products' own rounding

    def disturbed(block: BlockProducts, entries: Rows) -> Rows:
        noise = rng.uniform(-bound, bound, (len(entries), len(queries)))
        return (entries @ block._queries.T + noise).astype(np.float32)

    monkeypatch.setattr(BlockProducts, "of", disturbed)
    assert np.array_equal(exact_search(queries, entries, 12).ids, right.ids)


def test_a_larger_memory_than_one_block_is_searched_to_its_end() -> None:
    queries, entries = adversarial("random", Q=3, N=20_000, D=16)
    entries[19_999] = queries[2]
    exact = queries.astype(np.float64) @ entries.astype(np.float64).T
    neighbors = exact_search(queries, entries, 10, budget_bytes=500_000)
    assert neighbors.ids[2, 0] == 19_999
    assert np.array_equal(neighbors.ids, np.argsort(-exact, axis=1)[:, :10])


@settings(max_examples=60)
@given(
    grid=st.lists(st.tuples(*[st.integers(-2, 2)] * 3).filter(any), min_size=1, max_size=30),
    num_queries=st.integers(1, 4),
    k=st.integers(1, 35),
    seed=st.integers(0, 99),
)
def test_any_small_memory_equals_the_slow_search(
    grid: list[tuple[int, ...]], num_queries: int, k: int, seed: int
) -> None:
    entries = normalised(np.array(grid, np.float64))  # a coarse grid: many exact ties
    queries = entries[np.random.default_rng(seed).integers(0, len(entries), num_queries)]
    ids = np.random.default_rng(seed).permutation(1000)[: len(entries)].astype(np.int64)
    assert_same(exact_search(queries, entries, k, ids=ids), slow_search(queries, entries, k, ids))


def test_labels_follow_their_entries_and_short_memories_are_padded() -> None:
    entries = np.eye(3, dtype=np.float32)
    neighbors = exact_search(entries[:1], entries, 5, ids=np.array([10, 30, 20]), labels=np.array([4, 5, 6]))
    assert neighbors.ids.tolist() == [[10, 20, 30, -1, -1]]  # 20 and 30 tie at 0
    assert neighbors.labels.tolist() == [[4, 6, 5, -1, -1]]
    assert neighbors.similarities.tolist() == [[1.0, 0.0, 0.0, -np.inf, -np.inf]]
    assert neighbors.memory_size == 3


@pytest.mark.parametrize("share", [0.9, 0.3, 0.02])
@pytest.mark.parametrize("budget_bytes", [None, 5000])
def test_only_allowed_entries_answer(share: float, budget_bytes: int | None) -> None:
    queries, entries = adversarial("duplicates", Q=4, N=300, D=12)
    ids = np.arange(300) * 2
    allowed = np.random.default_rng(2).random(300) < share
    masked = exact_search(queries, entries, 6, ids=ids, allowed=allowed, budget_bytes=budget_bytes)
    rebuilt = exact_search(queries, entries[allowed], 6, ids=ids[allowed])
    assert np.array_equal(masked.ids, rebuilt.ids)
    assert masked.memory_size == allowed.sum()
    nobody = exact_search(queries, entries, 2, allowed=np.zeros(300, np.bool_))
    assert (nobody.ids == -1).all()


def test_no_query_gives_no_row() -> None:
    assert exact_search(np.empty((0, 3), np.float32), np.eye(3), 2).ids.shape == (0, 2)


def test_bad_requests_are_refused() -> None:
    entries = np.eye(3, dtype=np.float32)
    with pytest.raises(UserError, match="k is 0"):
        exact_search(entries, entries, 0)
    with pytest.raises(UserError, match="queries have dimension 2; this memory holds dimension 3"):
        exact_search(np.eye(2), entries, 1)
    with pytest.raises(UserError, match="queries: row 0 holds NaN"):
        exact_search(np.full((1, 3), np.nan), entries, 1)
    with pytest.raises(UserError, match="entries: row 2 is zero"):
        exact_search(entries, np.diag([1.0, 1.0, 0.0]), 1)
    with pytest.raises(UserError, match=r"labels have shape \(2,\); the 3 entries need \(3,\)"):
        exact_search(entries, entries, 1, labels=np.zeros(2, np.int64))
