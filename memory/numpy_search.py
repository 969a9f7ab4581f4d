"""Exact search on a processor: float32 products, a cut, float64 ranking of what is left, in numpy.

The argument is that of `memory.search`. Blocks are large for the product's sake and cut in pieces, so that memory stays
within its budget even where every product survives (duplicates). The first block sets the thresholds before anything
of it is kept.

Letters: Q queries, N entries, D embedding, M pairs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import numpy as np
import numpy.typing as npt

from memory.mask import Mask
from memory.products import NO_PAIRS, BlockProducts, Pairs, by_query, joined, kth_at_least, kth_largest
from memory.ranking import Found, rank, ranked_table
from memory.similarity import product_error_bound

QUERY_BLOCK = 2048  # enough for an efficient product

_BLOCK_PAIRS = 1 << 22  # products of a block: 2,048 entries for 2,048 queries
_PIECE_PAIRS = 1 << 19  # products cut at once, so that they are still in the cache when they are gathered
_BYTES_PER_PRODUCT = 16  # the product, its flag, and copies for the first thresholds
_BYTES_PER_PAIR = 64  # product, rows, sort keys and their copies
_COPY_COST = 16  # copying an entry costs as much as its products with so many queries

Rows = npt.NDArray[np.int64]


def nearest_by_numpy(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
    mask: Mask,
    budget_bytes: int,
    stop: threading.Event | None = None,
) -> Found:
    """One block of queries; k <= N. Given up with `CancelledError` once `stop` is set."""
    Q, N = len(queries), len(entries)
    error = product_error_bound(queries.shape[1])
    longest = min(N, max(1, min(budget_bytes // (2 * _BYTES_PER_PRODUCT), _BLOCK_PAIRS) // Q))
    piece = max(1, min(budget_bytes // (4 * _BYTES_PER_PAIR), _PIECE_PAIRS) // Q)
    most_kept = max(2 * Q * k, budget_bytes // (4 * _BYTES_PER_PAIR))
    block = BlockProducts(queries, longest)
    thresholds = None
    kept, new, num_new, limit = NO_PAIRS, [NO_PAIRS], 0, 2 * Q * k
    for start, rows in _blocks(mask.allowed, N, longest, Q):
        if stop is not None and stop.is_set():
            raise CancelledError
        products = block.of(entries[start : start + longest] if rows is None else entries[rows])
        rows = np.arange(start, start + len(products)) if rows is None else rows
        if thresholds is None:
            thresholds = _first_thresholds(products, rows, k, mask) - 2 * error
        for begin in range(0, len(products), piece):
            found = block.reaching(products[begin : begin + piece], thresholds)
            found = found._replace(entry_rows=rows[found.entry_rows + begin])
            flags = mask.allows(found.query_rows, found.entry_rows)
            new.append(found if flags is None else found.at(flags))
            num_new += len(new[-1].products)
            if len(kept.products) + num_new >= limit:  # cutting after every piece would take longer than the products
                kept, reached = _within_reach(joined([kept, *new]), Q, k, error)
                thresholds = np.maximum(thresholds, reached)  # the first ones look beyond what is kept so far
                if len(kept.products) > most_kept:
                    kept = kept.at(rank(kept, queries, entries, ids, k).places)
                new, num_new, limit = [], 0, max(2 * Q * k, min(2 * len(kept.products), most_kept))
    kept, _ = _within_reach(joined([kept, *new]), Q, k, error)
    return ranked_table(kept, queries, entries, ids, k)


def _blocks(
    allowed: npt.NDArray[np.bool_] | None, num_entries: int, longest: int, num_queries: int
) -> Iterator[tuple[int, Rows | None]]:
    """Where each block starts, and the rows of its entries where only some of them are multiplied."""
    for start in range(0, num_entries, longest):
        rows = _rows_worth_copying(allowed, start, start + longest, num_queries)
        if rows is None or len(rows):
            yield start, rows


def _rows_worth_copying(allowed: npt.NDArray[np.bool_] | None, start: int, stop: int, num_queries: int) -> Rows | None:
    """Rows of the allowed entries of a block, where copying them is cheaper than products with the hidden ones."""
    if allowed is None:
        return None
    shown = allowed[start:stop]
    num_shown = int(np.count_nonzero(shown))
    if num_shown and (len(shown) - num_shown) * num_queries <= _COPY_COST * num_shown:
        return None
    return np.flatnonzero(shown) + start


def _first_thresholds(products: npt.NDArray[np.float32], rows: Rows, k: int, mask: Mask) -> npt.NDArray[np.float64]:
    """(Q,) products that k entries of the first block reach, once those that may not answer are hidden from it."""
    flags = mask.allows(np.arange(products.shape[1]), rows[:, None])
    if flags is not None:
        np.copyto(products, -np.inf, where=~flags)
    return kth_at_least(products, k)


def _within_reach(pairs: Pairs, num_queries: int, k: int, error: float) -> tuple[Pairs, npt.NDArray[np.float64]]:
    """Drop pairs that cannot be among the k nearest, and sort the others by query; also the thresholds (Q,) now."""
    ordered = by_query(pairs, num_queries)
    thresholds = kth_largest(ordered, k) - 2 * error
    pairs = ordered.pairs
    return pairs.at(pairs.products >= thresholds[pairs.query_rows]), thresholds
