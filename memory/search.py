"""Exact search: the k nearest entries of each query, equal to float64 brute force with ties by smaller id.

Float32 products, which are fast but ordered at the library's whim, only decide who is *out*. If p is the k-th largest
product of a query so far and e bounds a product's error, k entries have a similarity of at least p - e, so an entry
whose product is below p - 2 e cannot be among the k nearest, ties included. What stays, normally k and a few more, is
ranked by the float64 similarity of `memory.similarity`. Where very many stay (duplicates, near-ties) they are
ranked on the way and cut to k, in the worst case a float64 pass over everything: slower, never wrong.

Rejected: trusting float32 order, which ranked equal rows differently from batch to batch; faiss flat for the first
pass, a tenth faster for 2,000 queries but six times slower for 100, where it leaves BLAS (benchmarks/search.py).

Letters: Q queries, N entries, D embedding, M pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from memory.products import input_roundoff, products_reaching
from memory.similarity import as_embeddings, pair_similarities, product_error_bound
from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 256 << 20
_BYTES_PER_PAIR = 64  # product, rows, sort keys and their copies
_QUERY_BLOCK = 1024  # enough for an efficient product, few enough that blocks of entries stay long
_FIRST_BLOCK = 256  # entries whose products are all kept, to begin with; blocks then double


class Candidates(NamedTuple):
    """M pairs that may still be among the nearest: rows of query and entry, and their float32 product."""

    query_rows: npt.NDArray[np.int64]
    entry_rows: npt.NDArray[np.int64]
    products: npt.NDArray[np.float32]

    def at(self, places: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Candidates:
        """The pairs at these places."""
        return Candidates(self.query_rows[places], self.entry_rows[places], self.products[places])


def exact_search(
    queries: npt.ArrayLike,
    entries: npt.ArrayLike,
    k: int,
    *,
    ids: npt.NDArray[np.int64] | None = None,
    labels: npt.NDArray[np.int64] | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
    device: str = "cpu",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> Neighbors:
    """Find the k nearest entries of each query.

    Args:
        queries: (Q, D) L2-normalised floats, numpy or torch; rounded to float32.
        entries: (N, D) L2-normalised floats; rounded to float32.
        k: neighbours wanted; rows are padded where fewer entries exist.
        ids: (N,) unique ids >= 0; row numbers where omitted. Ties go to the smaller id.
        labels: (N,) classes >= 0; all 0 where omitted.
        allowed: (N,) mask of the entries that may answer; others do not exist for this search (costs a copy).
        device: ``"cpu"``, or a torch device for the products; the answer is the same.
        budget_bytes: bound on working memory beside inputs and answer.

    Returns:
        Neighbors (Q, k); independent of batch, budget and device to the last bit.

    Raises:
        UserError: for k < 1, shapes that do not fit, or embeddings that `as_embeddings` refuses.
    """
    entries = as_embeddings(entries, "entries")
    queries = as_embeddings(queries, "queries", entries.shape[1])
    N = len(entries)
    if k < 1:
        raise UserError(f"k is {k}; ask for at least 1 neighbour")
    ids = np.arange(N) if ids is None else np.asarray(ids, dtype=np.int64)
    labels = np.zeros(N, np.int64) if labels is None else np.asarray(labels, dtype=np.int64)
    for name, column in (("ids", ids), ("labels", labels), ("allowed", allowed)):
        if column is not None and column.shape != (N,):
            raise UserError(f"{name} have shape {column.shape}; the {N} entries need ({N},)")
    if allowed is not None and not allowed.all():
        entries, ids, labels = entries[allowed], ids[allowed], labels[allowed]

    num_found = min(k, len(entries))
    rows = np.empty((len(queries), num_found), np.int64)
    similarities = np.empty((len(queries), num_found))
    for start in range(0, len(queries), _QUERY_BLOCK):
        part = slice(start, start + _QUERY_BLOCK)
        if num_found:
            rows[part], similarities[part] = _nearest(queries[part], entries, ids, num_found, device, budget_bytes)
    padding = ((0, 0), (0, k - num_found))
    return Neighbors(
        ids=np.pad(ids[rows], padding, constant_values=PADDING),
        labels=np.pad(labels[rows], padding, constant_values=PADDING),
        similarities=np.pad(similarities, padding, constant_values=-np.inf),
        memory_size=len(ids),
    )


def _nearest(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
    device: str,
    budget_bytes: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows (Q, k) of the nearest entries and their similarities, for one block of queries and k <= N."""
    Q = len(queries)
    error = product_error_bound(queries.shape[1], input_roundoff(device))
    most_kept = max(2 * Q * k, budget_bytes // (2 * _BYTES_PER_PAIR))
    thresholds = np.full(Q, -np.inf)
    kept = Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    for block in _growing_blocks(len(entries), budget_bytes // (2 * _BYTES_PER_PAIR * Q)):
        query_rows, entry_rows, products = products_reaching(thresholds, queries, entries[block], device)
        kept = Candidates(
            np.concatenate([kept.query_rows, query_rows]),
            np.concatenate([kept.entry_rows, entry_rows + block.start]),
            np.concatenate([kept.products, products]),
        )
        if len(kept.products) >= 2 * Q * k:  # sorting after every block took a quarter of the search
            kept, thresholds = _within_reach(kept, Q, k, error)
        if len(kept.products) > most_kept:
            kept = kept.at(_rank(kept, queries, entries, ids, k)[0])
    kept, _ = _within_reach(kept, Q, k, error)
    order, similarities = _rank(kept, queries, entries, ids, k)
    return kept.entry_rows[order].reshape(Q, k), similarities.reshape(Q, k)


def _growing_blocks(num_entries: int, largest: int) -> Iterator[slice]:
    """Slices that double in length up to `largest`: each then brings about k new candidates a query at first."""
    start, length = 0, min(_FIRST_BLOCK, max(1, largest))
    while start < num_entries:
        yield slice(start, min(start + length, num_entries))
        start += length
        length = min(start, max(1, largest))


def _within_reach(
    candidates: Candidates, num_queries: int, k: int, error: float
) -> tuple[Candidates, npt.NDArray[np.float64]]:
    """Drop candidates that cannot be among the k nearest; also the thresholds (Q,) that later products must reach."""
    order = np.lexsort((-candidates.products, candidates.query_rows))
    starts = np.searchsorted(candidates.query_rows[order], np.arange(num_queries + 1))
    enough = np.diff(starts) >= k
    thresholds = np.full(num_queries, -np.inf)
    kth = candidates.products[order[starts[:-1][enough] + k - 1]]
    thresholds[enough] = kth.astype(np.float64) - 2 * error
    return candidates.at(candidates.products >= thresholds[candidates.query_rows]), thresholds


def _rank(
    candidates: Candidates,
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Places of at most k candidates of each query, by query, then nearest first; and their similarities."""
    similarities = pair_similarities(queries, entries, candidates.query_rows, candidates.entry_rows)
    order = np.lexsort((ids[candidates.entry_rows], -similarities, candidates.query_rows))
    query_rows = candidates.query_rows[order]
    chosen = order[np.arange(len(order)) - np.searchsorted(query_rows, query_rows) < k]
    return chosen, similarities[chosen]
