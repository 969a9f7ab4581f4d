"""VisualMemory: labelled embeddings of real images that can be added, removed, erased, searched and audited.

The only object most callers need. It joins the store (disk) with exact search and votes (RAM): the entries of one
version are read once, on the first query, and read again after a change. That costs N D floats of memory and 0.4 s
for 200,000 x 384; searching on disk would cost a read for every query batch.

    memory = VisualMemory.create(folder, encoder.card(), class_names=["cat", "dog"])
    memory.add(embeddings, labels, card=encoder.card())
    votes = memory.classify(encoder.embed(images), k=20)

Letters: N entries, Q queries, D embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.erasure import erase_entries
from memory.neighbors import Neighbors
from memory.receipt import Receipt
from memory.search import DEFAULT_BUDGET_BYTES, exact_search
from memory.similarity import as_embeddings
from memory.store import Entries, Store, Version
from memory.voting import Protocol, Rule, Votes, vote
from procmem.errors import UserError
from procmem.provenance import EncoderCard


class VisualMemory:
    """A visual memory in a folder; make one with `create`, `open` or `checkout`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded: tuple[int, Entries] | None = None

    @classmethod
    def create(cls, path: str | Path, card: EncoderCard, *, class_names: Sequence[str]) -> VisualMemory:
        """Make an empty memory in a new or empty folder.

        Args:
            path: the folder.
            card: the encoder whose embeddings it will hold.
            class_names: (C,) name of each label.

        Raises:
            UserError: if the folder is not empty or cannot be written, or class names repeat.
        """
        return cls(Store.create(Path(path), card, tuple(class_names)))

    @classmethod
    def open(cls, path: str | Path) -> VisualMemory:
        """Open the latest version.

        Raises:
            UserError: if there is none, it is damaged, or it comes from a newer procmem.
        """
        return cls(Store.open(Path(path)))

    def checkout(self, version: int) -> VisualMemory:
        """This memory as it was at another version, read-only.

        Raises:
            UserError: if that version is not held (any more).
        """
        return VisualMemory(Store.open(self._store.folder, version))

    @property
    def card(self) -> EncoderCard:
        """The encoder whose embeddings this memory holds."""
        return self._store.ledger.card

    def check_card(self, card: EncoderCard) -> None:
        """Refuse an encoder that is not this memory's: its embeddings could not be compared with the entries.

        Raises:
            UserError: with both fingerprints.
        """
        self._store.ledger.check_card(card)

    @property
    def class_names(self) -> tuple[str, ...]:
        """(C,) name of each label."""
        return self._store.ledger.class_names

    @property
    def version(self) -> int:
        """Number of the version that answers."""
        return self._store.version

    def versions(self) -> list[Version]:
        """All versions still held, oldest first."""
        return self._store.versions()

    @property
    def entries(self) -> Entries:
        """All entries of this version, by ascending id."""
        if self._loaded is None or self._loaded[0] != self.version:
            self._loaded = (self.version, self._store.read())
        return self._loaded[1]

    def owners(self) -> list[str | None]:
        """(N,) whose entries these are, in the order of `entries`."""
        return self._store.read_texts("owner")

    def uris(self) -> list[str | None]:
        """(N,) where each image comes from, in the order of `entries`."""
        return self._store.read_texts("uri")

    def __len__(self) -> int:
        """N."""
        return self._store.num_entries

    def add(
        self,
        embeddings: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        ids: npt.ArrayLike | None = None,
        owner: str | Sequence[str | None] | None = None,
        uri: Sequence[str | None] | None = None,
        card: EncoderCard | None = None,
    ) -> npt.NDArray[np.int64]:
        """Add entries, all or none.

        Args:
            embeddings: (N, D) L2-normalised floats, numpy or torch.
            labels: (N,) integers, positions in `class_names`.
            ids: (N,) unique integers >= 0, not in use; the next free ones where omitted. Ids are never given twice.
            owner: whose entries these are: one name for all, or (N,).
            uri: (N,) where each image comes from.
            card: the encoder that made the embeddings; refused where it is not the memory's.

        Returns:
            (N,) the ids.

        Raises:
            UserError: for another encoder, bad embeddings, labels outside the classes, columns of another length,
                ids in use, or a folder that cannot be written; nothing has been added then.
        """
        if card is not None:
            self.check_card(card)
        checked = as_embeddings(embeddings, "embeddings", self.card.dimension)
        N = len(checked)
        if N == 0:
            return np.empty(0, np.int64)
        owners: list[str | None] = [owner] * N if owner is None or isinstance(owner, str) else list(owner)
        uris: list[str | None] = [None] * N if uri is None else list(uri)
        for name, column in (("owner", owners), ("uri", uris)):
            if len(column) != N:
                raise UserError(f"{name} has {len(column)} values for {N} embeddings")
        return self._store.append(
            embeddings=checked,
            labels=_as_integers(labels, "labels", N, below=len(self.class_names)),
            ids=None if ids is None else _as_integers(ids, "ids", N),
            owners=owners,
            uris=uris,
        )

    def remove(self, ids: npt.ArrayLike) -> None:
        """Make entries stop counting in every answer at once; earlier versions still hold them.

        Raises:
            UserError: if an id is unknown; nothing has been removed then.
        """
        self._store.remove(_as_integers(ids, "ids"))

    def erase(self, ids: npt.ArrayLike) -> Receipt:
        """Make entries physically gone from every file, with a signed receipt; all earlier versions go too.

        Raises:
            UserError: if an id is in no file, or versions are protected.
            ErasureError: if the proof fails.
        """
        self._loaded = None  # not in RAM either
        return erase_entries(self._store, _as_integers(ids, "ids"))

    def register_artefact(self, path: str | Path) -> None:
        """Name a file derived from entries (feature cache, report); erasing any entry deletes it.

        Raises:
            UserError: if it is not a file.
        """
        self._store.register_artefact(Path(path))

    def search(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        allowed: npt.NDArray[np.bool_] | None = None,
        device: str = "cpu",
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
    ) -> Neighbors:
        """The k nearest entries of each query, exactly; see `exact_search`.

        Args:
            queries: (Q, D) L2-normalised floats, numpy or torch.
            k: neighbours wanted; rows are padded where the memory has fewer entries.
            allowed: (N,) mask over `entries`.
            device: for the fast pass.
            budget_bytes: bound on working memory.

        Raises:
            UserError: for an empty memory, k < 1, or queries of another dimension, not normalised or with NaN.
        """
        entries = self.entries
        if len(entries.ids) == 0:
            raise UserError("this memory is empty; add entries before searching it")
        return exact_search(
            as_embeddings(queries, "queries", self.card.dimension),
            entries.embeddings,
            k,
            ids=entries.ids,
            labels=entries.labels,
            allowed=allowed,
            device=device,
            budget_bytes=budget_bytes,
        )

    def classify(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        rule: Rule = "softmax",
        temperature: float = 0.07,
        protocol: Protocol = "nearest",
        device: str = "cpu",
    ) -> Votes:
        """Let the k nearest entries of each query vote; see `search` and `vote`.

        Raises:
            UserError: as `search` and `vote`.
        """
        neighbors = self.search(queries, k, device=device)
        return vote(neighbors, num_classes=len(self.class_names), rule=rule, temperature=temperature, protocol=protocol)


def _as_integers(values: Any, name: str, length: int | None = None, below: int | None = None) -> npt.NDArray[np.int64]:
    """Check a column of integers >= 0 (numpy, torch or a list).

    Raises:
        UserError: for another type, shape or length, or a value out of range.
    """
    array = np.asarray(values.cpu() if hasattr(values, "cpu") else values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UserError(f"{name} must be a list of integers; received {array.dtype} of shape {array.shape}")
    if length is not None and len(array) != length:
        raise UserError(f"{name} has {len(array)} values for {length} embeddings")
    array = array.astype(np.int64)
    if array.size and (array.min() < 0 or (below is not None and array.max() >= below)):
        valid = "0 or more" if below is None else f"0 to {below - 1}"
        raise UserError(f"{name} holds {array.min()} to {array.max()}; valid: {valid}")
    return array
