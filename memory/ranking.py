"""Ranking of the pairs that a fast pass left: by the float64 similarity of `memory.similarity`, ties by smaller id.

A fast pass normally leaves exactly k pairs of a query. Those queries form a table, whose rows are multiplied and sorted
at once; the others are ranked pair by pair, at twice the cost.

Letters: Q queries, N entries, D embedding, K neighbours, M pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING
from memory.products import Pairs
from memory.similarity import pair_similarities, table_similarities

Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Rows (Q, K) of the nearest entries, -1 where there are fewer, and their similarities, -inf there."""


class Ranked(NamedTuple):
    """At most k pairs of each query, by query, then nearest first: their places and rows, and their similarities."""

    places: npt.NDArray[np.int64]
    query_rows: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    entry_rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]


def rank(
    pairs: Pairs,
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
) -> Ranked:
    """Rank pairs, however many a query has."""
    similarities = pair_similarities(queries, entries, pairs.query_rows, pairs.entry_rows)
    order = np.lexsort((ids[pairs.entry_rows], -similarities, pairs.query_rows))
    query_rows = pairs.query_rows[order]
    ranks = np.arange(len(order)) - np.searchsorted(query_rows, query_rows)
    near = ranks < k
    places = order[near]
    return Ranked(places, query_rows[near], ranks[near], pairs.entry_rows[places], similarities[places])


def ranked_table(
    pairs: Pairs,
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
) -> Found:
    """The k nearest of each query.

    Args:
        pairs: those that may be among the nearest, sorted by query.
        queries: (Q, D).
        entries: (N, D).
        ids: (N,).
        k: neighbours.
    """
    Q = len(queries)
    rows = np.full((Q, k), PADDING, np.int64)
    similarities = np.full((Q, k), -np.inf)
    plain = np.bincount(pairs.query_rows, minlength=Q) == k
    in_table = plain[pairs.query_rows]
    table = pairs.entry_rows[in_table].reshape(-1, k)
    rows[plain], similarities[plain] = _rank_rows(table, queries[plain], entries, ids)
    if not in_table.all():
        ranked = rank(pairs.at(~in_table), queries, entries, ids, k)
        rows[ranked.query_rows, ranked.ranks] = ranked.entry_rows
        similarities[ranked.query_rows, ranked.ranks] = ranked.similarities
    return rows, similarities


def _rank_rows(
    rows: npt.NDArray[np.int64],
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
) -> Found:
    """Sort each query's K rows: by id first, so that the stable sort by similarity leaves ties in that order."""
    rows = np.take_along_axis(rows, np.argsort(ids[rows], axis=1), axis=1)
    similarities = table_similarities(queries, entries, rows)
    order = np.argsort(-similarities, axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(similarities, order, axis=1)
