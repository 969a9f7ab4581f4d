"""Entries as 8-bit whole numbers: a fast pass for single queries, which reads a quarter of the bytes.

One query is bound by reading all entries. With a scale s for each dimension, entry e is nearly s c for a row c of
whole numbers -127 to 127, and with one scale t the query q, times s, is nearly t r. The product r.c has no rounding at
all (it stays below 2^24 up to 1,040 dimensions), whichever of its kernels faiss takes for it, and

    |q.e - t r.c| <= |q| |e - s c| + |q s - t r| |c|

by Cauchy-Schwarz; all four lengths are known. What this leaves open, some hundred entries, is multiplied in float32 and
cut once more, and ranked in float64 as everywhere (`memory.search`).

Measured, one query over 100,000 x 384 on one AVX2 core: faiss flat 11 ms, its float16 codes 7 ms, its 8-bit codes with
a float query 6 ms, these 3 to 4 ms. The cost: N D more bytes, and 0.25 s to make the codes of 100,000 entries. Not for
many queries, which are a matrix product's.

Letters: Q queries, N entries, D embedding, M pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from memory.flat import load_faiss
from memory.products import NO_PAIRS, Pairs, joined
from memory.similarity import NORM_TOLERANCE, product_error_bound

_LARGEST_CODE = 127
MOST_DIMENSIONS = 2**24 // _LARGEST_CODE**2
"""Products of more whole numbers than these might be rounded."""

_FIRST_FOUND = 128  # entries that a query gets back; a long list costs as much as the codes
_GROWTH = 4  # of that list, each time it was too short
_MOST_FOUND = 1 / 32  # of all entries
_BLOCK_ROWS = 2048
_SMALLEST_SCALE = 2.0**-60
_ROUNDING = 1 + 2.0**-14  # of lengths that were summed in float32 over up to 1,040 dimensions
_LONGEST = 1 + NORM_TOLERANCE


class CodedEntries:
    """The codes of entries, for searches by a few queries at a time.

    Args:
        entries: (N, D) float32, checked, N >= 1, D <= `MOST_DIMENSIONS`.
    """

    def __init__(self, entries: npt.NDArray[np.float32]) -> None:
        faiss = load_faiss()
        N, D = entries.shape
        self._entries, self._num_found = entries, _FIRST_FOUND
        largest = np.zeros(D, np.float32)
        for start in range(0, N, _BLOCK_ROWS):
            np.maximum(largest, np.abs(entries[start : start + _BLOCK_ROWS]).max(axis=0), out=largest)
        self._scales = np.maximum(largest / _LARGEST_CODE, _SMALLEST_SCALE).astype(np.float32)
        signed_bytes = faiss.ScalarQuantizer.QT_8bit_direct_signed
        self._codes = faiss.IndexScalarQuantizer(D, signed_bytes, faiss.METRIC_INNER_PRODUCT)
        residual = length = 0.0
        for start in range(0, N, _BLOCK_ROWS):
            rows = entries[start : start + _BLOCK_ROWS]
            codes = np.rint(rows / self._scales)
            self._codes.add(codes)
            residual = max(residual, _largest_length(rows - codes * self._scales))
            length = max(length, _largest_length(codes))
        # The residual itself was rounded: its product and its difference, each by 2^-24 of at most the row's length.
        self._residual, self._code_length = residual * _ROUNDING + 2.0**-22, length * _ROUNDING

    def pairs(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Pairs, npt.NDArray[np.bool_]]:
        """Pairs that may be among the k nearest, and the queries for which there may be more than were found.

        Args:
            queries: (Q, D) float32, checked.
            k: neighbours wanted, k <= N.
            allowed: (N,) which entries may answer.

        Returns:
            Pairs (M) by query, and (Q,) whether a query must be searched in another way; it then has no pairs.
        """
        faiss = load_faiss()
        N = len(self._entries)
        num_found = min(N, max(self._num_found, 2 * k))
        options = None
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")  # must outlive the call: faiss keeps a bare pointer to it
            selector = faiss.IDSelectorBitmap(len(bitmap), faiss.swig_ptr(bitmap))
            options = faiss.SearchParameters(sel=selector)
        scaled = queries.astype(np.float64) * self._scales  # exact
        steps = np.maximum(np.abs(scaled).max(axis=1), _SMALLEST_SCALE**2) / _LARGEST_CODE
        codes = np.rint(scaled / steps[:, None])
        products, rows = self._codes.search(codes.astype(np.float32), num_found, params=options)
        query_residuals = np.linalg.norm(scaled - codes * steps[:, None], axis=1)
        errors = (_LONGEST * self._residual + query_residuals * self._code_length) * (1 + 2.0**-40) + 2.0**-40
        similarities = np.where(rows < 0, -np.inf, products * steps[:, None])  # fewer than num_found may be allowed
        thresholds = similarities[:, k - 1] - 2 * errors
        open_ended = (similarities[:, -1] >= thresholds) & (rows[:, -1] >= 0) & (num_found < N)
        if open_ended.any():
            self._num_found = min(_GROWTH * num_found, max(num_found, int(_MOST_FOUND * N)))
        found = [NO_PAIRS]
        for query in np.flatnonzero(~open_ended):
            near = rows[query, (similarities[query] >= thresholds[query]) & (rows[query] >= 0)]
            found.append(self._in_reach(queries, int(query), near, k))
        return joined(found), open_ended

    def _in_reach(self, queries: npt.NDArray[np.float32], query: int, rows: npt.NDArray[np.int64], k: int) -> Pairs:
        """Of these rows, those whose float32 product leaves them a chance."""
        products = self._entries[rows] @ queries[query]
        if len(rows) > k:
            threshold = float(np.partition(products, -k)[-k]) - 2 * product_error_bound(queries.shape[1])
            near = products >= np.float32(threshold)  # rounding keeps the order
            rows, products = rows[near], products[near]
        return Pairs(np.full(len(rows), query), rows.astype(np.int64), products)


def _largest_length(rows: npt.NDArray[np.float32]) -> float:
    """Largest length of a row, but for rounding."""
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows).max()))
