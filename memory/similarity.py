"""Similarity in one fixed order, and how far a fast product can be from it.

The similarity of a query and an entry is the float64 dot product of their stored float32 values, summed as a halving
tree: the upper half of the products is added to the lower half until one number is left. Products of two float32 are
exact in float64 (48 of 53 bits), so only the order of additions matters, and it depends on D alone: one pair has
one value in every batch, chunk and processor, with or without fused multiply-add. Library products (BLAS, einsum)
choose their order by shape, so that equal rows score differently; they are used to propose, never to answer.

Letters: M pairs, N entries, Q queries, D embedding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

NORM_TOLERANCE = 1e-3
"""How far the length of an embedding may be from 1; float32 normalisation leaves 1e-6, half precision 5e-4."""

_BLOCK_BYTES = 1 << 19  # products of one block; fits a core's cache, measured 2.4x faster than one large block
_NARROW = 48  # rows of so many sums are turned into columns
_FLOAT32_ROUNDOFF = 2.0**-24
_FLOAT64_ROUNDOFF = 2.0**-53
_SMALLEST_NORMAL = 2.0**-126


def as_embeddings(values: Any, what: str, dimension: int | None = None) -> npt.NDArray[np.float32]:
    """Check embeddings at the border of the room.

    Args:
        values: (N, D) floating numbers, numpy or torch (any device), L2-normalised.
        what: what they are, for the message, for example ``"queries"``.
        dimension: D, where it is known.

    Returns:
        (N, D) float32, C-contiguous.

    Raises:
        UserError: for a wrong shape, dimension or type, NaN or infinity, a zero row, or a row whose length is not 1.
    """
    if hasattr(values, "detach"):  # a torch tensor, without importing torch
        values = values.detach().cpu().float().numpy()
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        raise UserError(f"{what} must be (N, D) floating numbers; received rows of different lengths") from None
    if array.ndim != 2 or array.dtype.kind != "f":
        raise UserError(f"{what} must be (N, D) floating numbers; received {array.dtype} of shape {array.shape}")
    if array.shape[1] == 0 or dimension not in (None, array.shape[1]):
        raise UserError(f"{what} have dimension {array.shape[1]}; this memory holds dimension {dimension}")
    array = np.ascontiguousarray(array, dtype=np.float32)
    squares = np.einsum("nd,nd->n", array, array)
    for wrong, fault in (
        (~np.isfinite(squares), "holds NaN or infinity"),
        (squares == 0, "is zero"),
        (np.abs(np.sqrt(squares) - 1) > NORM_TOLERANCE, "is not L2-normalised"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(
                f"{what}: row {row} {fault} (length {math.sqrt(squares[row]):.4g}; {int(wrong.sum())} such rows); "
                "every embedding must have length 1"
            )
    return array


def fixed_order_sum(products: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum rows as a halving tree.

    ``while width > 1: half = ceil(width / 2); p[i] += p[half + i] for i < width - half; width = half``

    Args:
        products: (M, D) float64.

    Returns:
        (M,) sums; the error against the exact sum is at most ceil(log2 D) roundings.
    """
    while products.shape[1] > _NARROW:  # into fresh rows: numpy first copies what overlaps the row that it writes
        products = _halved(products.T).T
    columns: npt.NDArray[np.float64] = products.T.copy()  # short rows cost more in loops than in additions
    while len(columns) > 1:
        columns = _halved(columns)
    sums: npt.NDArray[np.float64] = columns[0]
    return sums


def _halved(columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """One level of the tree over the first axis."""
    width = len(columns)
    half = (width + 1) // 2
    sums = columns[: width - half] + columns[half:]
    return sums if 2 * half == width else np.concatenate([sums, columns[half - 1 : half]])


def table_similarities(
    queries: npt.NDArray[np.float32], entries: npt.NDArray[np.float32], entry_rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Similarity of each query and K entries of its own; each value depends on its own two rows only.

    The first level of the tree is taken with the products, in one pass: a sum of two has no order.

    Args:
        queries: (Q, D) float32.
        entries: (N, D) float32.
        entry_rows: (Q, K) rows of `entries`.

    Returns:
        (Q, K) float64.
    """
    Q, K = entry_rows.shape
    D = queries.shape[1]
    half = (D + 1) // 2
    block = max(1, _BLOCK_BYTES // (8 * D * max(1, K)))
    gathered = np.zeros((min(block, Q) * K, 2 * half), np.float32)  # a column of zeros where D is odd
    wide = np.zeros((min(block, Q), 2 * half))
    similarities = np.empty((Q, K))
    for start in range(0, Q if K else 0, block):
        part = slice(start, start + block)
        n = len(entry_rows[part])
        np.take(entries, entry_rows[part].reshape(-1), axis=0, out=gathered[: n * K, :D], mode="clip")
        wide[:n, :D] = queries[part]
        # q query, k its entry, i upper or lower half of D, d place in the half
        sums = np.einsum("qkid,qid->qkd", gathered[: n * K].reshape(n, K, 2, half), wide[:n].reshape(n, 2, half))
        similarities[part] = fixed_order_sum(sums.reshape(n * K, half)).reshape(n, K)
    return similarities


def pair_similarities(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    query_rows: npt.NDArray[np.int64],
    entry_rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Similarity of M (query, entry) pairs; each value depends on its own two rows only.

    Args:
        queries: (Q, D) float32.
        entries: (N, D) float32.
        query_rows: (M,) rows of `queries`.
        entry_rows: (M,) rows of `entries`.

    Returns:
        (M,) float64.
    """
    M, D = len(query_rows), queries.shape[1]
    similarities = np.empty(M)
    block = max(1, _BLOCK_BYTES // (8 * D))
    for start in range(0, M, block):
        part = slice(start, start + block)
        similarities[part] = table_similarities(queries[query_rows[part]], entries, entry_rows[part, None])[:, 0]
    return similarities


def product_error_bound(dimension: int, input_roundoff: float = 0.0, sum_roundoff: float = _FLOAT32_ROUNDOFF) -> float:
    """Largest distance between a float32 product of two embeddings and their similarity.

    For any order of summation, with or without fused multiply-add, |fl(q.e) - q.e| <= g(D) sum_d |q_d e_d|
    <= g(D) |q| |e| with g(D) = D u / (1 - D u), u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms,
    2nd ed. 2002, eq. 3.5; the last step is Cauchy-Schwarz). Added: rounding of the inputs to a shorter format first
    (relative error r each: (1 + r)^2 - 1), the same bound for the float64 sum itself, and underflow or flushing of
    tiny inputs and products, at most 3 D 2^-126. Lengths are at most 1 + NORM_TOLERANCE.

    Args:
        dimension: D.
        input_roundoff: r, for example 2^-10 where the product runs in TF32; 0 for true float32.
        sum_roundoff: u of the product's additions, where it is not float32's.
    """
    growth = sum(dimension * u / (1 - dimension * u) for u in (sum_roundoff, _FLOAT64_ROUNDOFF))
    rounded_inputs = (1 + input_roundoff) ** 2
    lengths = (1 + NORM_TOLERANCE) ** 2
    return (rounded_inputs * (1 + growth) - 1) * lengths + 3 * dimension * _SMALLEST_NORMAL
