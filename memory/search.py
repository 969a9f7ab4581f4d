"""Exact search: the k nearest entries of each query, equal to float64 brute force with ties by smaller id.

Fast products, whose last bits depend on the library's whim, only decide who is *out*. If p is the k-th largest
product of a query so far and e bounds a product's error, k entries have a similarity of at least p - e, so an entry
whose product is below p - 2 e cannot be among the k nearest, ties included. What stays, normally k and a few more, is
ranked by the float64 similarity of `memory.similarity`. Where very many stay (duplicates, near-ties) they are
ranked on the way and cut to k, in the worst case a float64 pass over everything: slower, never wrong.

Engines, all with the same answer to the last bit: ``numpy`` (processor), ``torch`` (any torch device, in half precision
where that is faster), ``faiss`` (its flat search as the fast pass). ``auto`` is what was measured fastest
(benchmarks/search.py): numpy, faiss for up to 3 queries, torch on a GPU and on processors with matrix units.

Rejected: trusting float32 order, which ranked equal rows differently from batch to batch.

Letters: Q queries, N entries, D embedding, M pairs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from memory.flat import flat_pairs
from memory.mask import Mask
from memory.neighbors import PADDING, Neighbors
from memory.products import NO_PAIRS, BlockProducts, Pairs, kth_largest, processor_has_matrix_units
from memory.similarity import as_embeddings, pair_similarities, product_error_bound
from procmem.errors import UserError, unknown_name

if TYPE_CHECKING:
    from memory.torch_search import TorchSearch

Engine = Literal["auto", "numpy", "torch", "faiss"]
Allowed = npt.NDArray[np.bool_] | Mask | None
Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Rows (Q, K) of the nearest entries, -1 where there are fewer, and their similarities, -inf there."""

DEFAULT_BUDGET_BYTES = 256 << 20
_BYTES_PER_PAIR = 64  # product, rows, sort keys and their copies
_CACHE_PAIRS = 1 << 19  # products of a block; 2 MB stay in the cache between product and cut
_QUERY_BLOCK = 1024  # enough for an efficient product, few enough that blocks of entries stay long
_FIRST_BLOCK = 256  # entries whose products are all kept, to begin with; blocks then double
_FAISS_QUERIES = 3  # so few are faster in faiss's loop than as a matrix product
_COPY_COST = 16  # copying an entry costs as much as its products with so many queries


class ExactSearch:
    """Entries made ready for many searches: checked once, and held on the device that searches.

    Args:
        entries: (N, D) L2-normalised floats, numpy or torch; rounded to float32.
        ids: (N,) unique ids >= 0; row numbers where omitted. Ties go to the smaller id.
        labels: (N,) classes >= 0; all 0 where omitted.
        device: ``"cpu"`` or a torch device.
        engine: what makes the fast pass; the answer is the same.
        checked: the entries are what `as_embeddings` returns, so they are not looked at again.

    Raises:
        UserError: for shapes that do not fit, an unknown engine, or embeddings that `as_embeddings` refuses.
    """

    def __init__(
        self,
        entries: npt.ArrayLike,
        *,
        ids: npt.NDArray[np.int64] | None = None,
        labels: npt.NDArray[np.int64] | None = None,
        device: str = "cpu",
        engine: Engine = "auto",
        checked: bool = False,
    ) -> None:
        self.entries = np.asarray(entries) if checked else as_embeddings(entries, "entries")
        N = len(self.entries)
        self.ids = np.arange(N) if ids is None else np.asarray(ids, dtype=np.int64)
        self.labels = np.zeros(N, np.int64) if labels is None else np.asarray(labels, dtype=np.int64)
        for name, column in (("ids", self.ids), ("labels", self.labels)):
            if column.shape != (N,):
                raise UserError(f"{name} have shape {column.shape}; the {N} entries need ({N},)")
        if engine not in get_args(Engine):
            raise unknown_name("engine of exact search", engine, get_args(Engine))
        if engine == "numpy" and device != "cpu":
            raise UserError(f"engine numpy runs on the processor only, got device {device!r}; use torch or auto")
        self._device, self._engine = device, engine
        self._on_torch = self._prepare_torch()

    def _prepare_torch(self) -> TorchSearch | None:
        """The torch engine where it is asked for, or the best here: on a GPU, or a processor with matrix units."""
        if self._engine in ("numpy", "faiss") or not len(self.entries):
            return None
        if self._engine == "auto" and self._device == "cpu" and not processor_has_matrix_units():
            return None
        from memory.torch_search import TorchSearch, half_is_faster

        if self._engine == "auto" and self._device == "cpu" and not half_is_faster("cpu"):
            return None
        return TorchSearch(self.entries, self.ids, self._device)

    def search(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        allowed: Allowed = None,
        budget_bytes: int | None = None,
    ) -> Neighbors:
        """Find the k nearest entries of each query.

        Args:
            queries: (Q, D) L2-normalised floats, numpy or torch; rounded to float32.
            k: neighbours wanted; rows are padded where fewer entries may answer.
            allowed: (N,) flags of the entries that may answer, or a `Mask`; others do not exist for this search.
            budget_bytes: bound on working memory beside inputs and answer; 256 MB, or a quarter of a GPU's free memory.

        Returns:
            Neighbors (Q, k); independent of batch, budget, device and engine to the last bit.

        Raises:
            UserError: for k < 1, or queries or a mask that do not fit.
        """
        queries = as_embeddings(queries, "queries", self.entries.shape[1])
        N = len(self.entries)
        if k < 1:
            raise UserError(f"k is {k}; ask for at least 1 neighbour")
        mask = allowed if isinstance(allowed, Mask) else Mask(allowed=None if allowed is None else np.asarray(allowed))
        mask.check(len(queries), N)
        rows = np.full((len(queries), k), PADDING, np.int64)
        similarities = np.full((len(queries), k), -np.inf)
        num_found = min(k, N)
        if budget_bytes is None:
            budget_bytes = (self._on_torch and self._on_torch.default_budget()) or DEFAULT_BUDGET_BYTES
        block = self._on_torch.query_block(budget_bytes) if self._on_torch else _QUERY_BLOCK
        for start in range(0, len(queries) if num_found else 0, block):
            part = slice(start, start + block)
            found = self._nearest(queries[part], num_found, mask.of_queries(part), budget_bytes)
            rows[part, :num_found], similarities[part, :num_found] = found
        absent = rows == PADDING
        return Neighbors(
            ids=np.where(absent, PADDING, self.ids[rows] if N else PADDING),
            labels=np.where(absent, PADDING, self.labels[rows] if N else PADDING),
            similarities=similarities,
            memory_size=mask.num_allowed(N),
        )

    def _nearest(self, queries: npt.NDArray[np.float32], k: int, mask: Mask, budget_bytes: int) -> Found:
        """One block of queries by the engine that suits it; k <= N."""
        if self._on_torch is not None:
            return self._on_torch.nearest(queries, k, mask, budget_bytes)
        few = (
            self._engine == "auto" and len(queries) <= _FAISS_QUERIES and importlib.util.find_spec("faiss") is not None
        )
        if (self._engine == "faiss" or few) and mask.allowed is None and not mask.exclusions:
            return self._nearest_by_faiss(queries, k, budget_bytes)
        return nearest_by_numpy(queries, self.entries, self.ids, k, mask, budget_bytes)

    def _nearest_by_faiss(self, queries: npt.NDArray[np.float32], k: int, budget_bytes: int) -> Found:
        error = product_error_bound(queries.shape[1])
        pairs, open_ended = flat_pairs(queries, self.entries, k, error, self._device)
        rows, similarities = _table(_ranked(pairs, queries, self.entries, self.ids, k), len(queries), k)
        if open_ended.any():
            again = nearest_by_numpy(queries[open_ended], self.entries, self.ids, k, Mask(), budget_bytes)
            rows[open_ended], similarities[open_ended] = again
        return rows, similarities


def exact_search(
    queries: npt.ArrayLike,
    entries: npt.ArrayLike,
    k: int,
    *,
    ids: npt.NDArray[np.int64] | None = None,
    labels: npt.NDArray[np.int64] | None = None,
    allowed: Allowed = None,
    device: str = "cpu",
    budget_bytes: int | None = None,
    engine: Engine = "auto",
) -> Neighbors:
    """Search once; see `ExactSearch`, which does not check the entries again for each search.

    Raises:
        UserError: as `ExactSearch` and its `search`.
    """
    ready = ExactSearch(entries, ids=ids, labels=labels, device=device, engine=engine)
    return ready.search(queries, k, allowed=allowed, budget_bytes=budget_bytes)


def nearest_by_numpy(
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
    mask: Mask,
    budget_bytes: int,
) -> Found:
    """One block of queries on the processor; k <= N."""
    Q, N = len(queries), len(entries)
    error = product_error_bound(queries.shape[1])
    most_kept = max(2 * Q * k, budget_bytes // (2 * _BYTES_PER_PAIR))
    longest = max(1, min(budget_bytes // (2 * _BYTES_PER_PAIR), _CACHE_PAIRS) // Q)
    products = BlockProducts(Q * min(longest, N))
    thresholds = np.full(Q, -np.inf)
    kept, new, num_new, limit = NO_PAIRS, [NO_PAIRS], 0, 2 * Q * k
    for start, stop in _growing_blocks(N, longest):
        rows = _rows_worth_copying(mask.allowed, start, stop, Q)
        if rows is not None and not len(rows):
            continue
        found = products.reaching(thresholds, queries, entries[start:stop] if rows is None else entries[rows])
        found = found._replace(entry_rows=found.entry_rows + start if rows is None else rows[found.entry_rows])
        flags = mask.allows(found.query_rows, found.entry_rows)
        new.append(found if flags is None else found.at(flags))
        num_new += len(new[-1].products)
        if len(kept.products) + num_new >= limit:  # cutting after every block took a quarter of the search
            kept, thresholds = _within_reach(_joined([kept, *new]), Q, k, error)
            if len(kept.products) > most_kept:
                kept = kept.at(_ranked(kept, queries, entries, ids, k).places)
            new, num_new, limit = [], 0, max(2 * Q * k, min(2 * len(kept.products), most_kept))
    kept, _ = _within_reach(_joined([kept, *new]), Q, k, error)
    return _table(_ranked(kept, queries, entries, ids, k), Q, k)


def _growing_blocks(num_entries: int, longest: int) -> Iterator[tuple[int, int]]:
    """(start, stop) that double in length up to `longest`: each then brings about k new candidates a query at first."""
    start, length = 0, min(_FIRST_BLOCK, longest)
    while start < num_entries:
        yield start, min(start + length, num_entries)
        start += length
        length = min(start, longest)


def _rows_worth_copying(
    allowed: npt.NDArray[np.bool_] | None, start: int, stop: int, num_queries: int
) -> npt.NDArray[np.int64] | None:
    """Rows of the allowed entries of a block, where copying them is cheaper than products with the hidden ones."""
    if allowed is None:
        return None
    num_shown = int(np.count_nonzero(allowed[start:stop]))
    if num_shown and (stop - start - num_shown) * num_queries <= _COPY_COST * num_shown:
        return None
    return np.flatnonzero(allowed[start:stop]) + start


def _joined(parts: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _within_reach(pairs: Pairs, num_queries: int, k: int, error: float) -> tuple[Pairs, npt.NDArray[np.float64]]:
    """Drop pairs that cannot be among the k nearest; also the thresholds (Q,) that later products must reach."""
    thresholds = kth_largest(pairs, num_queries, k) - 2 * error
    return pairs.at(pairs.products >= thresholds[pairs.query_rows]), thresholds


class _Ranked(NamedTuple):
    """At most k pairs of each query, by query, then nearest first: their places and rows, and their similarities."""

    places: npt.NDArray[np.int64]
    query_rows: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    entry_rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]


def _ranked(
    pairs: Pairs,
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    k: int,
) -> _Ranked:
    """Rank pairs by similarity, ties by smaller id."""
    similarities = pair_similarities(queries, entries, pairs.query_rows, pairs.entry_rows)
    order = np.lexsort((ids[pairs.entry_rows], -similarities, pairs.query_rows))
    query_rows = pairs.query_rows[order]
    ranks = np.arange(len(order)) - np.searchsorted(query_rows, query_rows)
    near = ranks < k
    places = order[near]
    return _Ranked(places, query_rows[near], ranks[near], pairs.entry_rows[places], similarities[places])


def _table(ranked: _Ranked, num_queries: int, k: int) -> Found:
    rows = np.full((num_queries, k), PADDING, np.int64)
    similarities = np.full((num_queries, k), -np.inf)
    rows[ranked.query_rows, ranked.ranks] = ranked.entry_rows
    similarities[ranked.query_rows, ranked.ranks] = ranked.similarities
    return rows, similarities
