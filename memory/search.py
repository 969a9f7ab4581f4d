"""Exact search: the K nearest entries of each query, equal to float64 brute force with ties by smaller id.

A fast float32 pass proposes K plus a margin; their similarities are computed in float64 in the fixed order of
`memory.similarity`. An entry that was not proposed has a similarity of at most (smallest proposed product + error
bound), so a query whose K-th similarity lies above that is settled. For the others (many duplicates, near-ties) a
second pass takes *every* entry whose product reaches (K-th similarity - error bound) and ranks those: still exact,
and in the worst case, all entries equal, a full float64 pass. Rejected: trusting float32 order, which ranked
duplicate rows differently from batch to batch; and float64 throughout, several times slower.

Letters: Q queries, N entries, D embedding, K neighbours, M pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from memory.proposals import Proposals, propose
from memory.similarity import as_embeddings, pair_similarities, product_error_bound
from procmem.errors import UserError

MARGIN = 16
"""Proposals beyond K. More settle more queries in the first pass, at 1 us a query each."""

DEFAULT_BUDGET_BYTES = 256 << 20
_BYTES_PER_PAIR = 64  # rows, similarity, sort keys and their copies
_SECOND_PASS_QUERIES = 1024  # enough for an efficient product, few enough that blocks of entries stay long


class Pairs(NamedTuple):
    """M (query, entry) pairs with their similarities."""

    query_rows: npt.NDArray[np.int64]
    entry_rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]

    def and_also(self, other: Pairs) -> Pairs:
        """These pairs, then the other's."""
        return Pairs(
            np.concatenate([self.query_rows, other.query_rows]),
            np.concatenate([self.entry_rows, other.entry_rows]),
            np.concatenate([self.similarities, other.similarities]),
        )

    def nearest(self, ids: npt.NDArray[np.int64], k: int) -> Pairs:
        """At most k pairs of each query, by query, then nearest first."""
        order = np.lexsort((ids[self.entry_rows], -self.similarities, self.query_rows))
        ordered = self.query_rows[order]
        rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
        chosen = order[rank < k]
        return Pairs(self.query_rows[chosen], self.entry_rows[chosen], self.similarities[chosen])


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
        queries: (Q, D) L2-normalised floats, numpy or torch.
        entries: (N, D) L2-normalised floats.
        k: neighbours wanted; rows are padded where fewer entries exist.
        ids: (N,) unique ids >= 0; row numbers where omitted. Ties go to the smaller id.
        labels: (N,) classes >= 0; all 0 where omitted.
        allowed: (N,) mask of the entries that may answer; others do not exist for this search (costs a copy).
        device: ``"cpu"`` or a torch device for the fast pass; the answer is the same.
        budget_bytes: bound on working memory beside the inputs (a few times D bytes is the least that works).

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
    rows, similarities = _nearest_rows(queries, entries, ids, k, device, budget_bytes)
    return _as_neighbors(rows, similarities, ids, labels, k)


def _nearest_rows(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
    device: str,
    budget_bytes: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows (Q, min(k, N)) of the nearest entries and their similarities."""
    Q, N = len(queries), len(entries)
    num_found = min(k, N)
    rows = np.empty((Q, num_found), np.int64)
    similarities = np.empty((Q, num_found))
    if num_found == 0:
        return rows, similarities
    num_proposed = min(N, k + MARGIN)
    block = max(1, budget_bytes // (_BYTES_PER_PAIR * num_proposed))
    for start in range(0, Q, block):
        part = slice(start, start + block)
        proposals = propose(queries[part], entries, num_proposed, device, budget_bytes)
        rows[part], similarities[part], settled = _rank(queries[part], entries, ids, num_found, proposals)
        still_open = start + np.flatnonzero(~settled)
        for first in range(0, len(still_open), _SECOND_PASS_QUERIES):
            query_rows = still_open[first : first + _SECOND_PASS_QUERIES]
            rows[query_rows], similarities[query_rows] = _second_pass(
                queries[query_rows], entries, ids, similarities[query_rows, -1], num_found, budget_bytes
            )
    return rows, similarities


def _rank(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
    proposals: Proposals,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Order the proposals by similarity; say for which queries no other entry can belong to the first k."""
    Q, P = proposals.rows.shape
    query_rows = np.repeat(np.arange(Q), P)
    similarities = pair_similarities(queries, entries, query_rows, proposals.rows.reshape(-1)).reshape(Q, P)
    order = np.lexsort((ids[proposals.rows], -similarities), axis=1)[:, :k]
    best = np.take_along_axis(similarities, order, axis=1)
    others_at_most = proposals.scores.min(axis=1).astype(np.float64) + proposals.error_bound
    settled = (best[:, -1] > others_at_most) | (len(entries) == P)
    return np.take_along_axis(proposals.rows, order, axis=1), best, settled


def _second_pass(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    at_least: npt.NDArray[np.float64],
    k: int,
    budget_bytes: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The k nearest among all entries that may reach `at_least` (Q,), the similarity of k entries already known."""
    thresholds = at_least - product_error_bound(queries.shape[1])
    block = max(1, budget_bytes // (_BYTES_PER_PAIR * len(queries)))
    nothing = np.empty(0, np.int64)
    kept = Pairs(nothing, nothing, np.empty(0))
    for start in range(0, len(entries), block):
        # numpy's product is true float32 whatever torch's precision settings are
        products = queries @ entries[start : start + block].T
        query_rows, entry_rows = np.nonzero(products >= thresholds[:, None])
        entry_rows += start
        found = Pairs(query_rows, entry_rows, pair_similarities(queries, entries, query_rows, entry_rows))
        kept = kept.and_also(found).nearest(ids, k)
    return kept.entry_rows.reshape(-1, k), kept.similarities.reshape(-1, k)


def _as_neighbors(
    rows: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float64],
    ids: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    k: int,
) -> Neighbors:
    padding = ((0, 0), (0, k - rows.shape[1]))
    return Neighbors(
        ids=np.pad(ids[rows], padding, constant_values=PADDING),
        labels=np.pad(labels[rows], padding, constant_values=PADDING),
        similarities=np.pad(similarities, padding, constant_values=-np.inf),
        memory_size=len(ids),
    )
