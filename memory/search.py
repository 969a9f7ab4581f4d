"""Exact search: the k nearest entries of each query, equal to float64 brute force with ties by smaller id.

Fast products, whose last bits depend on the library's whim, only decide who is *out*. If p is the k-th largest
product of a query so far and e bounds a product's error, k entries have a similarity of at least p - e, so an entry
whose product is below p - 2 e cannot be among the k nearest, ties included. What stays, normally k and a few more, is
ranked by the float64 similarity of `memory.similarity`. Where very many stay (duplicates, near-ties) they are
ranked on the way and cut to k, in the worst case a float64 pass over everything: slower, never wrong.

Engines, all with the same answer to the last bit: ``numpy`` (processor), ``torch`` (any torch device, in half precision
where that is faster), ``faiss`` (its flat search as the fast pass). ``auto`` is what was measured fastest
(benchmarks/search.py): numpy, torch on a GPU and on processors with matrix units. Up to 3 queries at a time go to
faiss, and once there were a few dozen of them, to 8-bit codes of the entries (`memory.coded_entries`).

Rejected: trusting float32 order, which ranked equal rows differently from batch to batch.

Letters: Q queries, N entries, D embedding, M pairs.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.coded_entries import MOST_DIMENSIONS, CodedEntries
from memory.flat import flat_pairs
from memory.mask import Mask
from memory.neighbors import PADDING, Neighbors, as_count
from memory.products import processor_has_matrix_units
from memory.ranking import Found, ranked_table
from memory.similarity import as_embeddings, product_error_bound
from memory.threaded_search import nearest_by_threads, query_block
from procmem.errors import UserError, unknown_name

if TYPE_CHECKING:
    from memory.torch_search import TorchSearch

Engine = Literal["auto", "numpy", "torch", "faiss"]
Allowed = npt.NDArray[np.bool_] | Mask | None

DEFAULT_BUDGET_BYTES = 256 << 20
_FEW_QUERIES = 3  # so few are faster one by one than as a matrix product
_FEWEST_CODED = 1 << 12
_CODED_AFTER = 32  # queries that were asked few at a time: making the codes takes about as long as they then save
_MOST_OPEN_ENDED = 0.25  # share of those queries that the codes may leave open before they are no help


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
        self._codes: CodedEntries | None = None
        self._num_few = self._num_open_ended = 0
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
            budget_bytes: bound on working memory beside inputs, answer and codes (a byte a value, with ``auto`` only);
                256 MB, or a quarter of a GPU's free memory.

        Returns:
            Neighbors (Q, k); independent of batch, budget, device and engine to the last bit.

        Raises:
            UserError: for k < 1, or queries or a mask that do not fit.
        """
        queries = as_embeddings(queries, "queries", self.entries.shape[1])
        N = len(self.entries)
        k = as_count(k)
        mask = allowed if isinstance(allowed, Mask) else Mask(allowed=None if allowed is None else np.asarray(allowed))
        mask.check(len(queries), N)
        rows = np.full((len(queries), k), PADDING, np.int64)
        similarities = np.full((len(queries), k), -np.inf)
        num_found = min(k, N)
        if budget_bytes is None:
            budget_bytes = (self._on_torch and self._on_torch.default_budget()) or DEFAULT_BUDGET_BYTES
        if self._on_torch is not None:
            block = self._on_torch.query_block(budget_bytes)
        else:
            block = query_block(len(queries), k, budget_bytes)
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
        few = self._engine == "auto" and len(queries) <= _FEW_QUERIES and importlib.util.find_spec("faiss") is not None
        if few and not mask.exclusions and (codes := self._codes_if_worthwhile(len(queries))) is not None:
            pairs, open_ended = codes.pairs(queries, k, mask.allowed)
            self._num_open_ended += int(open_ended.sum())
        elif (self._engine == "faiss" or few) and mask.allowed is None and not mask.exclusions:
            pairs, open_ended = flat_pairs(
                queries, self.entries, k, product_error_bound(queries.shape[1]), self._device
            )
        else:
            return nearest_by_threads(queries, self.entries, self.ids, k, mask, budget_bytes)
        rows, similarities = ranked_table(pairs, queries, self.entries, self.ids, k)
        if open_ended.any():
            again = nearest_by_threads(queries[open_ended], self.entries, self.ids, k, mask, budget_bytes)
            rows[open_ended], similarities[open_ended] = again
        return rows, similarities

    def _codes_if_worthwhile(self, num_queries: int) -> CodedEntries | None:
        """The codes of the entries, made once they will soon have paid; None while they would not help."""
        N, D = self.entries.shape
        self._num_few += num_queries
        if N < _FEWEST_CODED or D > MOST_DIMENSIONS or self._num_few <= _CODED_AFTER:
            return None
        if self._codes is None:
            self._codes = CodedEntries(self.entries)
        return self._codes if _MOST_OPEN_ENDED * self._num_few > self._num_open_ended else None


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
