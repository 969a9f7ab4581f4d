"""Approximate search: a graph (HNSW) or compressed lists (IVF-PQ) of faiss, with measured recall.

The search index only proposes: what it returns is ranked by the float64 similarity of the entries in RAM, ties by
smaller id, so similarities are exact and only membership is approximate. `Neighbors.exact` is False, which audits
refuse, and `Neighbors.recall` says what share of the true neighbours a sample of queries found when it was built.

It stays right under change. Entries that were removed, or replaced under their id, are crossed out and never returned;
added ones are searched exactly beside the index until they are many, then put into it. Entries are recognised by id and
a hash of their embedding. Where a query gets fewer than k (a narrow mask), it is searched exactly. When a fifth of the
indexed entries is crossed out, or lists were trained on half of what they hold, the index is built anew.

Rejected: faiss's own removal (HNSW has none), and trusting compressed similarities (benchmarks/approximate.py).

Letters: Q queries, N entries in RAM, I indexed entries, D embedding.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.flat import load_faiss
from memory.mask import Exclusion, Mask
from memory.neighbors import PADDING, Neighbors, merge_neighbors, rank_neighbors
from memory.search import ExactSearch
from memory.similarity import pair_similarities
from procmem.errors import UserError, unknown_name

Kind = Literal["hnsw", "ivfpq"]

HNSW_LINKS = 32
HNSW_BUILD_DEPTH = 80
HNSW_SEARCH_DEPTH = 128
LISTS_PER_ROOT = 4  # faiss's rule of thumb: 4 sqrt(N) lists
TRAINING_PER_LIST = 39  # fewer than this and faiss warns
LISTS_PROBED = 32
VALUES_PER_CODE = 4  # D = 384: 96 bytes an entry instead of 1,536
SMALLEST_IVFPQ = 1000  # 256 centroids for each code need some entries to be trained on
RECALL_K = 10
RECALL_QUERIES = 200
_FETCHED_PER_NEIGHBOR = {"hnsw": 2, "ivfpq": 10}  # compressed similarities are coarse, so more are ranked
_MOST_CROSSED_OUT = 0.2
_MOST_BESIDE = 0.01  # of the indexed entries, searched exactly beside the index
_FEWEST_BESIDE = 256
_HASH_SEED = 0x9E3779B97F4A7C15


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recall:
    """Share of the true k nearest that were found, over a sample of queries; with its standard error."""

    k: int
    value: float
    standard_error: float
    num_queries: int


@dataclasses.dataclass(kw_only=True)
class ApproximateSearch:
    """A search index, the entries it was built from, and how well it finds them.

    Attributes:
        kind: ``"hnsw"`` or ``"ivfpq"``.
        index: faiss's.
        ids: (I,) ids of the indexed entries, in the order in which the index counts them.
        hashes: (I,) `hash_rows` of their embeddings.
        num_trained: entries when it was built.
        recall: measured when it was built.
    """

    kind: Kind
    index: Any
    ids: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    num_trained: int
    recall: Recall

    def search(self, present: Present, queries: npt.NDArray[np.float32], k: int, mask: Mask) -> Neighbors:
        """Find about the k nearest of the entries that are present.

        Args:
            present: what is in the memory now.
            queries: (Q, D), checked.
            k: neighbours wanted.
            mask: over the rows of `present`.

        Returns:
            Neighbors (Q, k) that say that they are not exact.
        """
        rows = self._proposed(present, queries, k, mask)
        found = _neighbors_of_rows(rows, present, queries, k)
        beside = present.beside(self)
        if len(beside):
            exact = ExactSearch(
                present.embeddings[beside], ids=present.ids[beside], labels=present.labels[beside], checked=True
            )
            found = merge_neighbors([found, exact.search(queries, k, allowed=_of_rows(mask, beside))], k)
        short = np.flatnonzero((found.ids == PADDING).any(axis=1))
        if len(short):  # a narrow mask, or a memory smaller than k: look at everything
            every = ExactSearch(present.embeddings, ids=present.ids, labels=present.labels, checked=True)
            exact_rows = every.search(queries[short], k, allowed=_of_queries(mask, short))
            for name in ("ids", "labels", "similarities"):
                getattr(found, name)[short] = getattr(exact_rows, name)
        return dataclasses.replace(
            found, memory_size=mask.num_allowed(len(present.ids)), exact=False, recall=self.recall.value
        )

    def _proposed(
        self, present: Present, queries: npt.NDArray[np.float32], k: int, mask: Mask
    ) -> npt.NDArray[np.int64]:
        """(Q, F) rows of `present` that the index proposes, -1 where it has none or they may not answer."""
        faiss = load_faiss()
        row_of = present.rows_of(self)
        usable = row_of >= 0
        if mask.allowed is not None:
            usable &= mask.allowed[row_of]
        # the bitmap must outlive the call: faiss keeps a bare pointer to it
        bitmap = np.packbits(usable, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(bitmap), faiss.swig_ptr(bitmap))
        fetched = min(len(self.ids), k * _FETCHED_PER_NEIGHBOR[self.kind])
        if self.kind == "hnsw":
            parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=max(HNSW_SEARCH_DEPTH, 2 * fetched))
        else:
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=LISTS_PROBED)
        places = self.index.search(queries, fetched, params=parameters)[1]
        rows = np.where(places >= 0, row_of[places], PADDING)
        query_rows = np.broadcast_to(np.arange(len(queries))[:, None], rows.shape)
        flags = Mask(exclusions=mask.exclusions).allows(query_rows, rows)
        return rows if flags is None else np.where(flags, rows, PADDING)

    def is_worn(self, present: Present) -> bool:
        """Whether it should be built anew: too many entries crossed out, or trained on too few."""
        crossed_out = np.count_nonzero(present.rows_of(self) < 0)
        outgrown = len(self.ids) + len(present.beside(self)) > 2 * self.num_trained
        return bool(crossed_out > _MOST_CROSSED_OUT * len(self.ids) or outgrown)

    def take_in(self, present: Present) -> bool:
        """Put the entries beside the index into it, once they are many; whether it was done."""
        beside = present.beside(self)
        if len(beside) <= max(_FEWEST_BESIDE, _MOST_BESIDE * len(self.ids)):
            return False
        self.index.add(present.embeddings[beside])
        self.ids = np.concatenate([self.ids, present.ids[beside]])
        self.hashes = np.concatenate([self.hashes, present.hashes[beside]])
        return True


class Present:
    """The entries that are in the memory now, by rows, and how they relate to a search index.

    Args:
        ids: (N,) int64, ascending.
        embeddings: (N, D) float32.
        labels: (N,) int64.
        hashes: (N,) `hash_rows` of the embeddings.
        counting: (N,) which rows count; None for all.
    """

    def __init__(
        self,
        ids: npt.NDArray[np.int64],
        embeddings: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
        hashes: npt.NDArray[np.uint64],
        counting: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.ids, self.embeddings, self.labels, self.hashes, self._counting = ids, embeddings, labels, hashes, counting

    def rows_of(self, search_index: ApproximateSearch) -> npt.NDArray[np.int64]:
        """(I,) row of each indexed entry; -1 where it is gone, or has another embedding now."""
        if not len(self.ids):
            return np.full(len(search_index.ids), -1)
        rows = np.minimum(np.searchsorted(self.ids, search_index.ids), len(self.ids) - 1)
        same = (self.ids[rows] == search_index.ids) & (self.hashes[rows] == search_index.hashes)
        if self._counting is not None:
            same &= self._counting[rows]
        return np.where(same, rows, -1)

    def beside(self, search_index: ApproximateSearch) -> npt.NDArray[np.int64]:
        """Rows that count and that the index does not hold."""
        outside = np.ones(len(self.ids), np.bool_) if self._counting is None else self._counting.copy()
        rows = self.rows_of(search_index)
        outside[rows[rows >= 0]] = False
        return np.flatnonzero(outside)

    def counting_rows(self) -> npt.NDArray[np.int64]:
        """Rows that count."""
        return np.arange(len(self.ids)) if self._counting is None else np.flatnonzero(self._counting)


def build(kind: Kind, present: Present, *, seed: int = 0) -> ApproximateSearch:
    """Build a search index and measure its recall.

    Args:
        kind: ``"hnsw"`` (fast, exact similarities inside, 4 D + 8 links bytes an entry) or ``"ivfpq"`` (D / 4 bytes).
        present: what to index.
        seed: of the training and of the sample that measures recall.

    Raises:
        UserError: for an unknown kind, an empty memory, or too few entries to train on.
    """
    if kind not in get_args(Kind):
        raise unknown_name("search index", kind, get_args(Kind))
    rows = present.counting_rows()
    if not len(rows):
        raise UserError("this memory is empty; add entries before building a search index")
    embeddings = np.ascontiguousarray(present.embeddings[rows])
    made = _hnsw(embeddings.shape[1]) if kind == "hnsw" else _trained_ivfpq(embeddings, seed)
    made.add(embeddings)
    nothing = Recall(k=0, value=0.0, standard_error=0.0, num_queries=0)
    search_index = ApproximateSearch(
        kind=kind, index=made, ids=present.ids[rows], hashes=present.hashes[rows], num_trained=len(rows), recall=nothing
    )
    search_index.recall = measure_recall(search_index, present, seed=seed)
    return search_index


def measure_recall(search_index: ApproximateSearch, present: Present, *, k: int = RECALL_K, seed: int = 0) -> Recall:
    """Compare with exact search for a sample of entries, each without itself.

    A neighbour counts as found if it is as near as the true k-th: which of two equals is returned does not matter.
    """
    rows = present.counting_rows()
    generator = np.random.Generator(np.random.Philox(key=seed))
    sample = np.sort(generator.permutation(len(rows))[:RECALL_QUERIES])
    queries, own = present.embeddings[rows[sample]], present.ids[rows[sample]]
    hidden = None if len(rows) == len(present.ids) else np.isin(np.arange(len(present.ids)), rows)
    mask = Mask(allowed=hidden, exclusions=[Exclusion(present.ids, own)])
    exact = ExactSearch(present.embeddings, ids=present.ids, labels=present.labels, checked=True)
    k = min(k, max(1, len(rows) - 1))
    nearest = exact.search(queries, k, allowed=mask).similarities
    proposed = _neighbors_of_rows(search_index._proposed(present, queries, k, mask), present, queries, k).similarities
    wanted = np.isfinite(nearest).sum(axis=1)
    hits = (np.isfinite(proposed) & (proposed >= nearest[:, -1:])).sum(axis=1)
    shares = np.divide(hits, wanted, out=np.ones(len(sample)), where=wanted > 0)
    error = float(shares.std(ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else 0.0
    return Recall(k=k, value=float(shares.mean()), standard_error=error, num_queries=len(sample))


def hash_rows(embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """(N,) a 64-bit hash of each row's bytes: words times fixed odd numbers, summed; no proof, enough to see change."""
    N, D = embeddings.shape
    factors = np.random.Generator(np.random.Philox(key=_HASH_SEED)).integers(0, 1 << 63, D, dtype=np.uint64) * 2 + 1
    hashes = np.empty(N, np.uint64)
    for start in range(0, N, 1 << 14):
        words = np.ascontiguousarray(embeddings[start : start + (1 << 14)]).view(np.uint32)
        hashes[start : start + (1 << 14)] = (words * factors).sum(axis=1)
    return hashes


def _hnsw(dimension: int) -> Any:
    faiss = load_faiss()
    made = faiss.IndexHNSWFlat(dimension, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    made.hnsw.efConstruction = HNSW_BUILD_DEPTH
    return made


def _trained_ivfpq(embeddings: npt.NDArray[np.float32], seed: int) -> Any:
    faiss = load_faiss()
    N, D = embeddings.shape
    if N < SMALLEST_IVFPQ:
        raise UserError(f"{N} entries are too few to train compressed lists on ({SMALLEST_IVFPQ} at least); use hnsw")
    num_lists = int(np.clip(LISTS_PER_ROOT * N**0.5, 1, N // TRAINING_PER_LIST))
    code_bytes = next(size for size in range(max(1, D // VALUES_PER_CODE), 0, -1) if D % size == 0)
    coarse = faiss.IndexFlatIP(D)
    made = faiss.IndexIVFPQ(coarse, D, num_lists, code_bytes, 8, faiss.METRIC_INNER_PRODUCT)
    made.own_fields = True
    coarse.this.disown()
    for clustering in (made.cp, made.pq.cp):
        clustering.seed = seed
        clustering.min_points_per_centroid = 1  # or faiss prints warnings for small memories
    made.train(embeddings)
    return made


def _neighbors_of_rows(
    rows: npt.NDArray[np.int64], present: Present, queries: npt.NDArray[np.float32], k: int
) -> Neighbors:
    """Rank proposed rows (Q, F) by similarity, ties by smaller id; keep k."""
    here = rows != PADDING
    query_rows, entry_rows = np.nonzero(here)[0], rows[here]
    similarities = np.full(rows.shape, -np.inf)
    similarities[here] = pair_similarities(queries, present.embeddings, query_rows, entry_rows)
    ids, labels = np.where(here, present.ids[rows], PADDING), np.where(here, present.labels[rows], PADDING)
    return rank_neighbors(ids, labels, similarities, k)


def _of_rows(mask: Mask, rows: npt.NDArray[np.int64]) -> Mask:
    return Mask(
        allowed=None if mask.allowed is None else mask.allowed[rows],
        exclusions=[Exclusion(entry_codes[rows], query_codes) for entry_codes, query_codes in mask.exclusions],
    )


def _of_queries(mask: Mask, queries: npt.NDArray[np.int64]) -> Mask:
    return Mask(allowed=mask.allowed, exclusions=[Exclusion(e, q[queries]) for e, q in mask.exclusions])
