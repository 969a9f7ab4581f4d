"""VisualMemory: labelled embeddings of real images that can be added, removed, erased, searched and audited.

The only object most callers need. It joins the store (disk) with exact search and votes (RAM): the entries of one
version are read once, on the first query, and kept in step with the changes made through this object. That costs N D
floats of memory and 0.4 s for 200,000 x 384; searching on disk would cost a read for every query batch.

    memory = VisualMemory.create(folder, encoder.card(), class_names=["cat", "dog"])
    memory.add(embeddings, labels, card=encoder.card())
    votes = memory.classify(encoder.embed(images), k=20)

Letters: N entries, Q queries, C classes, D embedding.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from memory import changes, history, selection
from memory.artefacts import ArtefactRegistry
from memory.damage import Damage, copy_store, find_damage
from memory.engines import EngineName, Engines
from memory.erasure import erase_entries, resume_erasure
from memory.hierarchy import Level, find_level
from memory.history import Version
from memory.ledger import Precision
from memory.neighbors import Neighbors
from memory.receipt import Receipt
from memory.resident import Resident
from memory.schema import Batch, as_integers, as_weights, check_batch
from memory.search import Allowed
from memory.similarity import as_embeddings
from memory.store import Entries, Store
from memory.voting import Rule, Votes, Voting, vote
from procmem.errors import UserError
from procmem.provenance import EncoderCard

OnDuplicate = Literal["refuse", "replace"]


class VisualMemory:
    """A visual memory in a folder; make one with `create`, `open` or `checkout`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._resident: Resident | None = None
        self._engines: Engines | None = None

    @classmethod
    def create(
        cls,
        path: str | Path,
        card: EncoderCard,
        *,
        class_names: Sequence[str],
        levels: Mapping[str, Sequence[str]] | None = None,
        precision: Precision = "float32",
    ) -> VisualMemory:
        """Make an empty memory in a new or empty folder.

        Args:
            path: the folder, or an address in an object store such as ``s3://bucket/folder``.
            card: the encoder whose embeddings it will hold.
            class_names: (C,) name of each label.
            levels: coarser levels, coarsest first: name of the level -> (C,) name of the group of each class.
            precision: how embeddings are stored; float16 halves the files and rounds to 11 bits.

        Raises:
            UserError: if the folder is not empty or cannot be written, class names repeat, or levels do not fit.
        """
        return cls(Store.create(path, card, class_names, levels, precision))

    @classmethod
    def open(cls, path: str | Path, *, version: int | str | None = None, wait_seconds: float = 0.0) -> VisualMemory:
        """Open the latest version, or another one (number or protected name) read-only.

        Args:
            path: the folder or address.
            version: another version than the latest.
            wait_seconds: how long a change waits for another writer to finish before it is refused.

        Raises:
            UserError: if there is none, it is damaged, or it comes from a newer procmem.
        """
        memory = cls(Store.open(path, version))
        memory._store.wait_seconds = wait_seconds
        return memory

    def checkout(self, version: int | str) -> VisualMemory:
        """This memory as it was at another version (number or protected name), read-only.

        Raises:
            UserError: if that version is not held (any more).
        """
        return VisualMemory(Store.open(self._store.place, version))

    def refresh(self) -> None:
        """Move to the latest version: a reader sees what a writer has done since it opened the memory."""
        self._store.refresh()

    @property
    def store(self) -> Store:
        """The entries on disk."""
        return self._store

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
    def levels(self) -> tuple[Level, ...]:
        """Coarser levels above the classes, coarsest first."""
        return self._store.ledger.levels

    @property
    def version(self) -> int:
        """Number of the version that answers."""
        return self._store.version

    @property
    def entries(self) -> Entries:
        """All entries of this version, by ascending id."""
        return self._read().entries()

    def _read(self) -> Resident:
        if self._resident is None or self._resident.version != self.version:
            self._forget()  # not two at a time in RAM
            self._resident = Resident(self._store.read_latest(), self.version)
        return self._resident

    def _in_step(self, before: int) -> Resident | None:
        """What is in RAM, if it was in step with version `before` and only this object has changed it since."""
        resident = self._resident
        return resident if resident is not None and resident.version == before == self.version - 1 else None

    def owners(self) -> list[str | None]:
        """(N,) whose entries these are, in the order of `entries`."""
        return self._store.read_texts("owner")

    def uris(self) -> list[str | None]:
        """(N,) where each image comes from, in the order of `entries`."""
        return self._store.read_texts("uri")

    def datasets(self) -> list[str | None]:
        """(N,) the data set of each entry, in the order of `entries`."""
        return self._store.read_texts("dataset")

    def times(self) -> list[datetime.datetime | None]:
        """(N,) the moment of each entry in UTC, in the order of `entries`."""
        return self._store.read_times()

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
        dataset: str | Sequence[str | None] | None = None,
        time: datetime.datetime | Sequence[datetime.datetime | None] | None = None,
        weight: float | npt.ArrayLike = 1.0,
        card: EncoderCard | None = None,
        on_duplicate: OnDuplicate = "refuse",
    ) -> npt.NDArray[np.int64]:
        """Add entries, all or none.

        Args:
            embeddings: (N, D) L2-normalised floats, numpy or torch.
            labels: (N,) integers, positions in `class_names`.
            ids: (N,) unique integers >= 0, not in use; the next free ones where omitted. Ids are never given twice.
            owner: whose entries these are: one name for all, or (N,).
            uri: (N,) where each image comes from.
            dataset: the data set they come from: one name for all, or (N,).
            time: the moment they stand for: one for all, or (N,); now where omitted.
            weight: how much each one's vote counts, >= 0: one for all, or (N,).
            card: the encoder that made the embeddings; refused where it is not the memory's.
            on_duplicate: what a given id does that is present: refuse, or replace its entry.

        Returns:
            (N,) the ids.

        Raises:
            UserError: for another encoder, bad embeddings, labels outside the classes, columns of another length,
                ids in use, or a folder that cannot be written; nothing has been added then.
        """
        batch = Batch(
            embeddings=embeddings,
            labels=labels,
            ids=ids,
            owner=owner,
            uri=uri,
            dataset=dataset,
            time=time,
            weight=weight,
        )
        return self.add_batches([batch], card=card, on_duplicate=on_duplicate)

    def add_batches(
        self, batches: Iterable[Batch], *, card: EncoderCard | None = None, on_duplicate: OnDuplicate = "refuse"
    ) -> npt.NDArray[np.int64]:
        """Add entries that come in batches (any iterable, read as they are written), all or none; see `add`."""
        if card is not None:
            self.check_card(card)
        if on_duplicate not in ("refuse", "replace"):
            raise UserError(f"on_duplicate is {on_duplicate!r}; valid: refuse, replace")
        checked = (check_batch(batch, self.card.dimension, len(self.class_names)) for batch in batches)
        if self._resident is None:
            return self._store.append(checked, replace=on_duplicate == "replace")
        kept = list(checked)
        before = self.version
        ids = self._store.append(kept, replace=on_duplicate == "replace")
        resident = self._in_step(before)
        if resident is not None and len(ids):
            added = changes.stored_entries(kept, ids, self._store.ledger.precision)
            if on_duplicate == "replace" or not resident.append(added, self.version):
                self._forget()
        return ids

    def add_classes(self, names: Sequence[str], *, levels: Mapping[str, Sequence[str]] | None = None) -> None:
        """Name more classes, behind those that are there.

        Args:
            names: of the new classes.
            levels: name of each level that the memory has -> the group of each new class.

        Raises:
            UserError: if a name is there already, or a level is missing or unknown.
        """
        changes.add_classes(self._store, names, levels or {})

    def select(
        self,
        *,
        label: str | None = None,
        owner: str | None = None,
        dataset: str | None = None,
        where: str | None = None,
        removed: bool = False,
    ) -> npt.NDArray[np.int64]:
        """Ids of the entries that meet all conditions, ascending.

        Args:
            label: name of a class, or of a group on any level.
            owner: exactly this owner.
            dataset: exactly this data set.
            where: an SQL clause over id, label, owner, uri, dataset, time and weight.
            removed: also entries that earlier versions hold.

        Raises:
            UserError: if no condition is given, a name is unknown, the clause is wrong, or nothing meets them.
        """
        return selection.select_ids(
            self._store, label=label, owner=owner, dataset=dataset, where=where, removed=removed
        )

    def remove(self, ids: npt.ArrayLike) -> None:
        """Make entries stop counting in every answer at once; earlier versions still hold them.

        Raises:
            UserError: if an id is unknown; nothing has been removed then.
        """
        chosen, before = np.unique(as_integers(ids, "ids")), self.version
        self._store.remove(chosen)
        if len(chosen) and (resident := self._in_step(before)):
            resident.remove(chosen, self.version)

    def restore(self, ids: npt.ArrayLike) -> None:
        """Bring removed entries back as they last were.

        Raises:
            UserError: if one is present, or in no version that is held; nothing has been restored then.
        """
        history.restore_entries(self._store, as_integers(ids, "ids"))

    def restore_version(self, version: int | str) -> None:
        """Make an earlier version (number or protected name) the latest again, as one more change.

        Raises:
            UserError: if that version is not held.
        """
        history.restore_version(self._store, version)

    def relabel(self, ids: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """Give entries other labels: one for all, or one each.

        Raises:
            UserError: if an id is unknown or a label is outside the classes; nothing has been changed then.
        """
        chosen, before = as_integers(ids, "ids"), self.version
        new = as_integers(np.broadcast_to(np.asarray(labels), chosen.shape), "labels", below=len(self.class_names))
        changes.change_column(self._store, chosen, "label", new.astype(np.int32))
        if resident := self._in_step(before):
            resident.change(chosen, self.version, labels=new)

    def reweigh(self, ids: npt.ArrayLike, weights: npt.ArrayLike) -> None:
        """Give entries other weights: one for all, or one each.

        Raises:
            UserError: if an id is unknown or a weight is not finite or below 0; nothing has been changed then.
        """
        chosen, before = as_integers(ids, "ids"), self.version
        new = as_weights(weights, len(chosen))
        changes.change_column(self._store, chosen, "weight", new)
        if resident := self._in_step(before):
            resident.change(chosen, self.version, weights=new)

    def erase(self, ids: npt.ArrayLike) -> Receipt:
        """Make entries physically gone from every file, with a signed receipt; all earlier versions go too.

        Raises:
            UserError: if an id is in no file, or versions are protected.
            ErasureError: if the proof fails.
        """
        self._forget()  # not in RAM either
        return erase_entries(self._store, as_integers(ids, "ids"))

    def resume_erasure(self) -> Receipt:
        """Complete an erasure that was cut short, with its scan and receipt.

        Raises:
            UserError: if there is none.
            ErasureError: if the proof fails.
        """
        self._forget()
        return resume_erasure(self._store)

    @property
    def artefacts(self) -> ArtefactRegistry:
        """Files made from entries, which an erasure takes along."""
        return self._store.artefacts

    def register_artefact(self, path: str | Path, kind: str = "file", *, entries: Iterable[int] = ()) -> None:
        """Name a file that is, or will be, derived from entries; erasing one of them deletes it.

        Args:
            path: of the file.
            kind: what it is, for people.
            entries: ids of the entries that it is made from; where none is given, erasing any entry deletes it.

        Raises:
            UserError: if it is a folder, or belongs to the store itself.
        """
        self._store.artefacts.register(path, kind, entries=entries)

    def copy_to(self, path: str | Path, *, salvage: bool = False) -> VisualMemory:
        """Write this version as a memory of its own, with the same ids; an erasure in one does not reach the other.

        Args:
            path: folder of the copy; new or empty.
            salvage: leave out entries that lie in a damaged file, instead of failing.

        Raises:
            UserError: if the folder is not empty or cannot be written, or a file is damaged.
        """
        return VisualMemory(copy_store(self._store, path, salvage=salvage))

    def find_damage(self) -> list[Damage]:
        """Read everything; what cannot be read, by file. Empty where all is well."""
        return find_damage(self._store)

    def versions(self) -> list[Version]:
        """All versions still held, oldest first."""
        return history.list_versions(self._store)

    def protect(self, name: str, version: int | None = None) -> None:
        """Give a version (the latest where omitted) a name; nothing can be erased until it is released.

        Raises:
            UserError: if the name is taken, or there is no such version.
        """
        history.protect_version(self._store, name, version)

    def release(self, name: str) -> None:
        """Take a protecting name away.

        Raises:
            UserError: if no version has it.
        """
        history.release_version(self._store, name)

    def search(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        engine: EngineName = "exact",
        allowed: Allowed = None,
        card: EncoderCard | None = None,
        device: str = "cpu",
        budget_bytes: int | None = None,
    ) -> Neighbors:
        """The k nearest entries of each query, exactly unless asked otherwise; see `exact_search`.

        Args:
            queries: (Q, D) L2-normalised floats, numpy or torch.
            k: neighbours wanted; rows are padded where the memory has fewer entries.
            engine: exact, faiss (exact too), hnsw or ivfpq (approximate, see `memory.engines`).
            allowed: flags (N,) of the `entries` that may answer, or a `memory.mask.Mask` over them.
            card: the encoder that made the queries; refused where it is not the memory's.
            device: for exact search.
            budget_bytes: bound on the working memory of exact search.

        Raises:
            UserError: for an empty memory, k < 1, another encoder, a mask of another length, an unknown engine, or
                queries of another dimension, not normalised or with NaN.
        """
        if card is not None:
            self.check_card(card)
        checked = as_embeddings(queries, "queries", self.card.dimension)
        found = self.engines.search(
            checked, k, engine=engine, allowed=allowed, device=device, budget_bytes=budget_bytes
        )
        rows = self._read().rows
        return found if (rows.weights == 1).all() else found.weighted(rows.ids, rows.weights)

    @property
    def engines(self) -> Engines:
        """The searches of this memory's entries.

        Raises:
            UserError: for an empty memory.
        """
        resident = self._read()
        if resident.num_entries == 0:
            raise UserError("this memory is empty; add entries before searching it")
        if self._engines is None:
            self._engines = Engines(self._store, resident)
        return self._engines

    def _forget(self) -> None:
        self._resident = self._engines = None

    def classify(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        voting: Voting | Rule = "softmax",
        level: str | None = None,
        engine: EngineName = "exact",
        device: str = "cpu",
    ) -> Votes:
        """Let the k nearest entries of each query vote; see `search` and `vote`.

        Args:
            queries: (Q, D), as `search`.
            k: neighbours that vote.
            voting: how a neighbour counts, or the name of a rule.
            level: vote for the groups of this level instead of the classes.
            engine: as `search`.
            device: for exact search.

        Raises:
            UserError: as `search` and `vote`, or if there is no such level.
        """
        chosen = None if level is None else find_level(self.levels, level)
        neighbors = self.search(queries, k, engine=engine, device=device)
        if chosen is not None:
            neighbors = dataclasses.replace(neighbors, labels=chosen.labels(neighbors.labels))
        num_classes = len(self.class_names if chosen is None else chosen.class_names)
        return vote(neighbors, num_classes=num_classes, voting=voting)
