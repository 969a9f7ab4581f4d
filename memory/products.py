"""Float32 products of queries and entries, cut at a threshold: the fast pass of the exact search on a processor.

numpy's product, in blocks that stay in the cache, into buffers that are used again: fresh memory for each block cost
a tenth of the search in page faults. Measured on one core (AVX2): 1.71 s for 2,000 x 100,000 x 384 = 91 GFLOP/s of
about 100, of which the cut takes 0.05 s. Torch's product: 1.9 s.

Letters: Q queries, N entries (of one block), D embedding, M pairs.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Pairs(NamedTuple):
    """M pairs of a query and an entry, by their rows, and their fast product."""

    query_rows: npt.NDArray[np.int64]
    entry_rows: npt.NDArray[np.int64]
    products: npt.NDArray[np.float32]

    def at(self, places: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Pairs:
        """The pairs at these places."""
        return Pairs(self.query_rows[places], self.entry_rows[places], self.products[places])


NO_PAIRS = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


class BlockProducts:
    """Products of a block of queries with one block of entries after another.

    Args:
        num_pairs: the most pairs of a block.
    """

    def __init__(self, num_pairs: int) -> None:
        self._products = np.empty(num_pairs, np.float32)
        self._flags = np.empty(num_pairs, np.bool_)

    def reaching(
        self,
        thresholds: npt.NDArray[np.float64],
        queries: npt.NDArray[np.float32],
        entries: npt.NDArray[np.float32],
    ) -> Pairs:
        """All pairs whose product is at least the query's threshold.

        Args:
            thresholds: (Q,) float64.
            queries: (Q, D).
            entries: (N, D).
        """
        Q, N = len(queries), len(entries)
        products = self._products[: Q * N].reshape(Q, N)
        np.matmul(queries, entries.T, out=products)
        flags = np.greater_equal(products, round_down(thresholds)[:, None], out=self._flags[: Q * N].reshape(Q, N))
        places = np.flatnonzero(flags)  # 8x faster than nonzero in two dimensions
        query_rows, entry_rows = np.divmod(places, N)
        return Pairs(query_rows, entry_rows, products.reshape(-1)[places])


def round_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Float32 not above the thresholds, so that a matrix need not be widened for the comparison."""
    return np.nextafter(thresholds.astype(np.float32), np.float32(-np.inf))


def kth_largest(pairs: Pairs, num_queries: int, k: int) -> npt.NDArray[np.float64]:
    """(Q,) the k-th largest product of each query; -inf where it has fewer pairs.

    One sort of whole numbers (query above, product below), a fifth of the time of sorting by two keys.
    """
    bits = pairs.products.view(np.uint32)
    # as unsigned numbers, in the order of the floats reversed: the largest product comes first
    descending = bits ^ np.where(bits >> 31, np.uint32(0), np.uint32(0x7FFFFFFF))
    keys = np.sort((pairs.query_rows.astype(np.uint64) << np.uint64(32)) | descending)
    starts = np.searchsorted(keys, np.arange(num_queries + 1, dtype=np.uint64) << np.uint64(32))
    enough = np.diff(starts) >= k
    kth = keys[starts[:-1][enough] + k - 1].astype(np.uint32)
    kth ^= np.where(kth >> 31, np.uint32(0), np.uint32(0x7FFFFFFF))
    values = np.full(num_queries, -np.inf)
    values[enough] = kth.view(np.float32)
    return values


def processor_has_matrix_units() -> bool:
    """Whether Linux names units for half-precision matrices (AMX); elsewhere no, which costs time and no answer."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
