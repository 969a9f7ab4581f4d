"""Float32 products of queries and entries, and what of them is worth a second look: the fast pass on a processor.

numpy's product, into a buffer that is used again (fresh memory for each block cost a tenth of the search in page
faults). A product copies both its inputs first, so both sides of a block must be long: 512 x 1,024 cost 8 % more than
2,048 x 2,048, whose result no longer fits the nearest cache but is read only once. Entries are the rows of a block:
the best of many entries is then a comparison of whole rows.

Letters: Q queries, N entries (of one block), D embedding, G groups, M pairs.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_GROUPS_PER_NEIGHBOR = 16


class Pairs(NamedTuple):
    """M pairs of a query and an entry, by their rows, and their fast product."""

    query_rows: npt.NDArray[np.int64]
    entry_rows: npt.NDArray[np.int64]
    products: npt.NDArray[np.float32]

    def at(self, places: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Pairs:
        """The pairs at these places."""
        return Pairs(self.query_rows[places], self.entry_rows[places], self.products[places])


NO_PAIRS = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def joined(parts: list[Pairs]) -> Pairs:
    """All pairs of the parts, in their order; there must be one part at least."""
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class BlockProducts:
    """Products of one block of entries after another with the same queries.

    Args:
        queries: (Q, D).
        most_entries: the longest block.
    """

    def __init__(self, queries: npt.NDArray[np.float32], most_entries: int) -> None:
        self._queries = queries
        self._room = np.empty((most_entries, len(queries)), np.float32)
        self._flags = np.empty((most_entries, len(queries)), np.bool_)

    def of(self, entries: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N, Q) products of entries (N, D); they hold until the next call."""
        return np.matmul(entries, self._queries.T, out=self._room[: len(entries)])

    def reaching(self, products: npt.NDArray[np.float32], thresholds: npt.NDArray[np.float64]) -> Pairs:
        """All pairs whose product is at least the query's threshold.

        Args:
            products: (N, Q), all or some rows of a block.
            thresholds: (Q,) float64.
        """
        Q = len(thresholds)
        # A product that reaches a threshold also reaches it rounded to float32: rounding keeps the order.
        flags = np.greater_equal(products, thresholds.astype(np.float32), out=self._flags[: len(products)])
        places = np.flatnonzero(flags)  # 8x faster than nonzero in two dimensions
        entry_rows = places // Q
        return Pairs(places - entry_rows * Q, entry_rows, products.reshape(-1)[places])


def kth_at_least(products: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.float64]:
    """(Q,) products that at least k entries reach; a little below the k-th largest, and found in a tenth of its time.

    The largest of each of G groups of entries are G different entries, so the k-th largest of them will do. With
    G = 16 k, two of the k nearest seldom meet in one group.

    Args:
        products: (N, Q).
        k: how many entries; -inf comes back where there are fewer.
    """
    N, Q = products.shape
    if k > N:
        return np.full(Q, -np.inf)
    G = _GROUPS_PER_NEIGHBOR * k
    largest = products if N < 2 * G else products[: N - N % G].reshape(N // G, G, Q).max(axis=0)
    columns = np.ascontiguousarray(largest.T)
    return np.partition(columns, -k, axis=1)[:, -k].astype(np.float64)


class Sorted(NamedTuple):
    """Pairs by query, then largest product first; those of query q are at `starts[q]` to `starts[q + 1]`."""

    pairs: Pairs
    starts: npt.NDArray[np.int64]


def by_query(pairs: Pairs, num_queries: int) -> Sorted:
    """Sort pairs: one sort of whole numbers (query above, product below), a fifth of the time of two keys."""
    bits = pairs.products.view(np.uint32)
    # as unsigned numbers, in the order of the floats reversed: the largest product comes first
    descending = bits ^ np.where(bits >> 31, np.uint32(0), np.uint32(0x7FFFFFFF))
    order = np.argsort((pairs.query_rows.astype(np.uint64) << np.uint64(32)) | descending)
    counts = np.bincount(pairs.query_rows, minlength=num_queries)
    return Sorted(pairs.at(order), np.concatenate([[0], np.cumsum(counts)]))


def kth_largest(ordered: Sorted, k: int) -> npt.NDArray[np.float64]:
    """(Q,) the k-th largest product of each query; -inf where it has fewer pairs."""
    starts = ordered.starts[:-1]
    enough = np.diff(ordered.starts) >= k
    values = np.full(len(starts), -np.inf)
    values[enough] = ordered.pairs.products[starts[enough] + k - 1]
    return values


def processor_has_matrix_units() -> bool:
    """Whether Linux names units for half-precision matrices (AMX); elsewhere no, which costs time and no answer."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
