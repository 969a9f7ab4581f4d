"""Engines: the ready-made searches of one memory, chosen by name.

    exact    the fastest exact search here (memory.search)
    faiss    exact too, faiss's flat search as its fast pass
    hnsw     approximate: a graph; fast, needs more memory than the entries themselves
    ivfpq    approximate: compressed lists; small

Approximate search indexes are loaded from beside the entries, built where they are missing, damaged, foreign or worn
(it says so), and saved again. Where they cannot be saved (history, a read-only folder, an object store) they stay in
RAM.

Letters: N entries, R rows in RAM (some do not count), Q queries.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from memory import approximate
from memory.approximate import ApproximateSearch, Kind, Present
from memory.index_file import UnusableIndex, load_index, save_index
from memory.mask import Exclusion, Mask
from memory.neighbors import Neighbors, as_count
from memory.resident import Resident
from memory.search import Allowed, ExactSearch
from memory.similarity import as_embeddings
from memory.store import Store
from procmem.errors import UserError, unknown_name
from procmem.progress import say

EngineName = Literal["exact", "faiss", "hnsw", "ivfpq"]


class Engines:
    """Searches over the entries that one memory holds in RAM, as long as it holds them."""

    def __init__(self, store: Store, resident: Resident) -> None:
        self._store, self._resident = store, resident
        self._exact: tuple[object, ExactSearch] | None = None
        self._approximate: dict[Kind, ApproximateSearch] = {}
        self._hashes = np.empty(0, np.uint64)

    def search(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        engine: str = "exact",
        allowed: Allowed = None,
        device: str = "cpu",
        budget_bytes: int | None = None,
    ) -> Neighbors:
        """Search by the engine of this name.

        Args:
            queries: (Q, D) L2-normalised floats.
            k: neighbours wanted.
            engine: exact, faiss, hnsw or ivfpq.
            allowed: flags (N,) or a `Mask` over the entries.
            device: for exact search.
            budget_bytes: bound on the working memory of exact search.

        Raises:
            UserError: for an unknown engine, k < 1, or queries or a mask that do not fit.
        """
        if engine not in get_args(EngineName):
            raise unknown_name("search engine", engine, get_args(EngineName))
        mask = _mask_of_rows(self._resident, allowed)
        if engine in ("exact", "faiss"):
            ready = self._exact_search(device, with_faiss=engine == "faiss")
            return ready.search(queries, k, allowed=mask, budget_bytes=budget_bytes)
        k = as_count(k)
        kind: Kind = "hnsw" if engine == "hnsw" else "ivfpq"
        rows = self._resident.rows
        checked = as_embeddings(queries, "queries", rows.embeddings.shape[1])
        mask.check(len(checked), len(rows.ids))
        return self.search_index(kind).search(self._present(), checked, k, mask)

    def search_index(self, kind: Kind, *, rebuild: bool = False) -> ApproximateSearch:
        """The search index of this kind, in step with the entries: from RAM, from disk, or built now.

        Args:
            kind: hnsw or ivfpq.
            rebuild: build it anew in any case.

        Raises:
            UserError: if the memory is empty or too small for this kind.
        """
        present = self._present()
        found = None if rebuild else self._approximate.get(kind) or self._loaded(kind)
        if found is not None and found.is_worn(present):
            say(f"the {kind} search index no longer fits the entries; building it anew")
            found = None
        if found is None:
            found = approximate.build(kind, present)
            self._save(found)
        elif found.take_in(present):
            found.recall = approximate.measure_recall(found, present)
            self._save(found)
        self._approximate[kind] = found
        return found

    def _exact_search(self, device: str, *, with_faiss: bool) -> ExactSearch:
        rows = self._resident.rows
        key = (_place(rows.embeddings), _place(rows.labels), device, with_faiss)
        if self._exact is None or self._exact[0] != key:
            self._exact = None  # not two at a time on the device
            made = ExactSearch(
                rows.embeddings,
                ids=rows.ids,
                labels=rows.labels,
                device=device,
                engine="faiss" if with_faiss else "auto",
                checked=True,
            )
            self._exact = (key, made)
        return self._exact[1]

    def _present(self) -> Present:
        """The rows in RAM with their hashes; rows never move or change, so only new ones are hashed."""
        rows = self._resident.rows
        new = approximate.hash_rows(rows.embeddings[len(self._hashes) :])
        self._hashes = np.concatenate([self._hashes, new]) if len(new) else self._hashes
        return Present(rows.ids, rows.embeddings, rows.labels, self._hashes, self._resident.counting)

    def _loaded(self, kind: Kind) -> ApproximateSearch | None:
        try:
            folder = self._store.artefacts.folder(artefact_kind(kind))
            return load_index(folder, kind, self._store.ledger.card.fingerprint)
        except UnusableIndex as why:
            if str(why):
                say(f"the saved {kind} search index {why}; building it anew")
        except UserError:  # an object store keeps none
            pass
        return None

    def _save(self, search_index: ApproximateSearch) -> None:
        try:
            with self._store.artefacts.saving(
                artefact_kind(search_index.kind), version=self._resident.version
            ) as folder:
                save_index(search_index, folder, self._store.ledger.card.fingerprint)
        except UserError as error:
            say(f"the {search_index.kind} search index stays in RAM: {error}")


def artefact_kind(kind: Kind) -> str:
    """Under which name a search index lies among the store's derived files."""
    return f"search-index-{kind}"


def _mask_of_rows(resident: Resident, allowed: Allowed) -> Mask:
    """A mask over the N entries as one over the R rows.

    Raises:
        UserError: for a mask of another length.
    """
    mask = allowed if isinstance(allowed, Mask) else Mask(allowed=None if allowed is None else np.asarray(allowed))
    N = resident.num_entries
    for column in (mask.allowed, *(exclusion.entry_codes for exclusion in mask.exclusions)):
        if column is not None and column.shape != (N,):
            raise UserError(f"allowed have shape {column.shape}; the {N} entries need one each")
    counting = resident.counting
    if counting is None:
        return mask
    exclusions = []
    for entry_codes, query_codes in mask.exclusions:
        codes = np.full(len(counting), -1, np.int64)  # a row that does not count may have any code
        codes[counting] = entry_codes
        exclusions.append(Exclusion(codes, query_codes))
    return Mask(allowed=resident.mask_of_rows(mask.allowed), exclusions=exclusions)


def _place(array: npt.NDArray[np.generic]) -> tuple[int, int]:
    """Where an array lies and how long it is: rows in RAM never move or change in place."""
    return array.__array_interface__["data"][0], len(array)
