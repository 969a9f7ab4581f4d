"""Exact search on several threads of a processor: each takes queries of its own through product, cut and ranking.

Numpy's products use all cores by themselves, but the cut and the ranking, a tenth of the time, use one. So the products
run on one thread each while the queries are shared out. A query's answer does not depend on the others, so it stays the
same to the last bit.

Rejected: sharing out the entries, which needs one more cut and ranking over what all threads found.
"""

from __future__ import annotations

import functools
import itertools
import sys
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from memory.mask import Mask
from memory.numpy_search import QUERY_BLOCK, nearest_by_numpy
from memory.ranking import Found

_FEWEST_QUERIES = 256  # of a thread; products of so many cost 8 % more than of 2,000, of half as many 20 %
_ENOUGH_PARTS = 8  # so many threads with everything to do beat any number of them with the product only
_BYTES_PER_NEIGHBOR = 256  # that a query needs at least: two pairs kept and as many new ones
_sharing = threading.Lock()  # how many threads a library uses is one number for the whole process


def nearest_by_threads(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
    mask: Mask,
    budget_bytes: int,
) -> Found:
    """As `nearest_by_numpy`, on as many threads as products use here; the budget is that of all threads together."""
    num_parts = _num_parts(len(queries))
    if num_parts == 1 or not _sharing.acquire(blocking=False):  # while another search shares out, this one does not
        return nearest_by_numpy(queries, entries, ids, k, mask, budget_bytes)
    try:
        one_thread = functools.partial(_libraries().limit, limits=1)
        # again in each thread, as libraries built with OpenMP keep a number for each
        with one_thread(), ThreadPoolExecutor(num_parts, initializer=one_thread) as pool:
            stop = threading.Event()
            bounds = np.linspace(0, len(queries), num_parts + 1).astype(int)
            parts = [slice(*ends) for ends in itertools.pairwise(bounds)]
            share = budget_bytes // num_parts
            futures = [
                pool.submit(nearest_by_numpy, queries[part], entries, ids, k, mask.of_queries(part), share, stop)
                for part in parts
            ]
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:  # Ctrl-C too
                stop.set()
                raise
    finally:
        _sharing.release()
    rows, similarities = zip(*(future.result() for future in futures), strict=True)
    return np.concatenate(rows), np.concatenate(similarities)


def query_block(num_queries: int, k: int, budget_bytes: int) -> int:
    """Queries to search at once: an efficient product for each thread, where the budget has room for their pairs."""
    if num_queries <= QUERY_BLOCK:
        return QUERY_BLOCK
    most_blocks = budget_bytes // (_BYTES_PER_NEIGHBOR * k * QUERY_BLOCK)
    return QUERY_BLOCK * max(1, min(threads_of_products(), most_blocks))


def _num_parts(num_queries: int) -> int:
    if num_queries < 2 * _FEWEST_QUERIES:
        return 1
    num_threads = threads_of_products()
    num_parts = min(num_threads, num_queries // _FEWEST_QUERIES)
    return num_parts if num_parts >= min(num_threads, _ENOUGH_PARTS) else 1


def threads_of_products() -> int:
    """How many threads numpy's products use now, or torch's where it was told to use fewer."""
    numbers = [library["num_threads"] for library in _libraries().info()]
    if "torch" in sys.modules:
        numbers.append(sys.modules["torch"].get_num_threads())
    return min(numbers) if numbers else 1


@functools.cache
def _libraries() -> Any:
    """The linear algebra in this process; finding it takes 20 ms."""
    return ThreadpoolController().select(user_api="blas")
