"""Threads share out the queries: the same bits, within the budget, and nothing goes on after a failure.

Run: pytest tests/memory/test_threaded_search.py.

Letters: Q queries, N entries.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from threadpoolctl import threadpool_limits

from memory import threaded_search
from memory.mask import Mask, excluding
from memory.numpy_search import nearest_by_numpy
from memory.search import exact_search

N = 500


def rows(num: int, seed: int) -> npt.NDArray[np.float32]:
    """Unit rows on a coarse grid, so that many pairs tie."""
    values = np.random.default_rng(seed).integers(-1, 2, (num, 8)) + 0.25
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def share_out(monkeypatch: pytest.MonkeyPatch, num_threads: int, each: Callable[..., Any] | None = None) -> list[Any]:
    """Let few queries be shared out too; the list takes (thread, arguments) of each part."""
    parts: list[Any] = []

    def part(*arguments: Any) -> Any:
        parts.append((threading.current_thread(), arguments))
        return (each or nearest_by_numpy)(*arguments)

    monkeypatch.setattr(threaded_search, "threads_of_products", lambda: num_threads)
    monkeypatch.setattr(threaded_search, "_FEWEST_QUERIES", 1)
    monkeypatch.setattr(threaded_search, "nearest_by_numpy", part)
    return parts


@pytest.mark.parametrize(
    ("num_queries", "num_threads", "sizes"),
    [(1, 2, [1]), (2, 3, [2]), (5, 2, [2, 3]), (7, 3, [2, 2, 3]), (9, 20, [1] * 9), (7, 20, [7]), (8, 1, [8])],
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("budget_bytes", [50_000, 1 << 28])
def test_parts_of_the_queries_find_what_one_thread_finds(
    num_queries: int,
    num_threads: int,
    sizes: list[int],
    masked: bool,
    budget_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries, entries = rows(num_queries, 1), rows(N, 2)
    ids = np.random.default_rng(3).permutation(N)
    own = excluding((np.arange(N) % 4).tolist(), (np.arange(num_queries) % 4).tolist())
    mask = Mask(allowed=np.arange(N) % 3 > 0, exclusions=[own]) if masked else Mask()
    alone = nearest_by_numpy(queries, entries, ids, 9, mask, budget_bytes)
    parts = share_out(monkeypatch, num_threads)
    found = threaded_search.nearest_by_threads(queries, entries, ids, 9, mask, budget_bytes)
    assert [column.tolist() for column in found] == [column.tolist() for column in alone]
    assert sorted(len(arguments[0]) for _, arguments in parts) == sizes
    assert sum(arguments[5] for _, arguments in parts) <= budget_bytes
    if len(sizes) > 1:
        assert threading.main_thread() not in [thread for thread, _ in parts]


@pytest.mark.parametrize("fault", [MemoryError, KeyboardInterrupt])
def test_a_fault_reaches_the_caller_and_ends_the_other_parts(
    fault: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    def one_fails(queries: npt.NDArray[np.float32], *arguments: Any) -> Any:
        if len(queries) == 1 and fault is MemoryError:
            raise fault
        ended.append(arguments[-1].wait(20))
        nearest_by_numpy(queries, *arguments)
        ended.append(False)  # never: it gives up

    def interrupted(*arguments: Any, **settings: Any) -> Any:
        raise fault

    share_out(monkeypatch, 2, one_fails)
    if fault is KeyboardInterrupt:
        monkeypatch.setattr(threaded_search, "wait", interrupted)
    with threadpool_limits(2, "blas"), pytest.raises(fault):
        threaded_search.nearest_by_threads(rows(3, 1), rows(N, 2), np.arange(N), 9, Mask(), 1 << 20)
    assert ended == [True] * (1 if fault is MemoryError else 2)
    assert not threaded_search._sharing.locked()


def test_each_part_multiplies_on_one_thread_and_the_libraries_are_left_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    libraries = threaded_search._libraries()  # others may have been loaded since, which numpy does not use
    inside: list[int] = []

    def looks(*arguments: Any) -> Any:
        inside.extend(library["num_threads"] for library in libraries.info())
        return nearest_by_numpy(*arguments)

    share_out(monkeypatch, 2, looks)
    with threadpool_limits(2, "blas"):
        before = libraries.info()
        exact_search(rows(6, 1), rows(N, 2), 3, engine="numpy")
        assert libraries.info() == before
    assert set(inside) == {1}
    assert {library["num_threads"] for library in before} == {2}


def test_a_search_beside_another_stays_on_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = share_out(monkeypatch, 2)
    with threaded_search._sharing:
        exact_search(rows(6, 1), rows(N, 2), 3, engine="numpy")
    assert [thread for thread, _ in parts] == [threading.main_thread()]


def test_who_limits_threads_gets_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 2))
    with threadpool_limits(2, "blas"):
        assert threaded_search.threads_of_products() == 2
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 1))
        assert threaded_search.threads_of_products() == 1
    monkeypatch.delitem(sys.modules, "torch")
    with threadpool_limits(1, "blas"):
        assert threaded_search.threads_of_products() == 1


@pytest.mark.parametrize(
    ("num_queries", "k", "budget_bytes", "blocks"),
    [(2048, 20, 1 << 28, 1), (2049, 20, 1 << 28, 4), (9000, 200, 1 << 28, 2), (9000, 20, 1, 1)],
)
def test_more_threads_take_more_queries_at_once_within_the_budget(
    num_queries: int, k: int, budget_bytes: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threaded_search, "threads_of_products", lambda: 4)
    assert threaded_search.query_block(num_queries, k, budget_bytes) == blocks * 2048
