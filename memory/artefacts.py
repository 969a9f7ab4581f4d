"""Artefacts: files made from entries (search indexes, feature caches, reports, exports), which an erasure takes along.

Whoever writes such a file says so in one of two ways:

* inside the store: write under the folder that `saving` yields. All of `derived/` counts as made from entries, whether
  or not the writer lived to tell, and the erasure's scan covers it like every file of the store.

      with store.artefacts.saving("faiss-hnsw", version=store.version) as folder:
          write_index(folder / "index.bin")
      folder = store.artefacts.folder("faiss-hnsw")      # where it is read from; may not exist

* outside: `register` the path *before* writing it, so that a crash between the two leaves no file unnamed.

      store.artefacts.register(cache_path, "feature cache")
      store.artefacts.register(picture_path, "picture", entries=[7])  # goes with entry 7 only

Extractions in the cache folder (`procmem.extraction_cache`) need no call: an erasure finds those of its entries' images
and registers them itself.

An erasure deletes them all, after it has found the entries' bytes and before it proves them gone, but those that were
registered as made from other entries only. What is needed again is made again from the entries that remain. Rejected:
deleting single rows inside foreign formats, which would need a proof for each of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memory.ledger import FILE_NAME as LEDGER_NAME
from memory.ledger import Artefact
from memory.place import LocalPlace
from procmem.errors import UserError

if TYPE_CHECKING:
    from memory.store import Store

DERIVED_NAME = "derived"


class ArtefactRegistry:
    """The artefacts of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def folder(self, kind: str) -> Path:
        """Where artefacts of one kind lie inside the store; it may not exist.

        Raises:
            UserError: for a store in an object store, which keeps none, or a kind that is no plain name.
        """
        if not kind or set(kind) & set("/\\") or kind.startswith("."):
            raise UserError(f"a kind of artefact is a plain name such as 'faiss-hnsw'; received {kind!r}")
        return self._root() / DERIVED_NAME / kind

    @contextlib.contextmanager
    def saving(self, kind: str, *, version: int) -> Iterator[Path]:
        """Hold the writer's lock while artefacts of one kind are written into the folder that is yielded.

        Args:
            kind: names the folder, for example ``"faiss-hnsw"``.
            version: the version of the entries that they are made from.

        Raises:
            UserError: if the latest version is another one (an erasure may lie between), the folder cannot be
                written, or another writer is at work.
        """
        folder = self.folder(kind)
        with self._store.writing():
            if self._store.version != version:
                raise UserError(
                    f"{kind} was made from version {version}, the memory is at {self._store.version}; make it again"
                )
            folder.mkdir(parents=True, exist_ok=True)
            yield folder

    def register(self, path: str | Path, kind: str = "file", *, entries: Iterable[int] = ()) -> None:
        """Name a file outside the store that is, or will be, derived from entries.

        Args:
            path: of the file.
            kind: what it is, for people.
            entries: ids of the entries that it is made from; where none is given, erasing any entry deletes it.

        Raises:
            UserError: if it is a folder, or belongs to the store itself.
        """
        artefact = Artefact(path=self._name_of(path), kind=kind, entries=tuple(entries))
        with self._store.writing():
            self._add([artefact])

    def register_all(self, paths: Iterable[Path], kind: str) -> None:
        """As `register`, for several files. Call inside `Store.writing`."""
        self._add([Artefact(path=self._name_of(path), kind=kind) for path in paths])

    def _add(self, artefacts: Iterable[Artefact]) -> None:
        named = {artefact.path: artefact for artefact in (*self._store.ledger.artefacts, *artefacts)}
        self._replace(tuple(named.values()))

    def _name_of(self, path: str | Path) -> str:
        """How the ledger names a file; raises `UserError` as `register`."""
        full = Path(path).resolve()
        if full.is_dir():
            raise UserError(f"artefact {str(full)!r} is a folder, not a file; register each file by itself")
        if isinstance(self._store.place, LocalPlace):
            root = self._root().resolve()
            if full == root / LEDGER_NAME or (root / "entries.lance") in full.parents:
                raise UserError(f"{str(full)!r} is the store itself, not an artefact of it")
            if root in full.parents:
                return full.relative_to(root).as_posix()
        return str(full)

    def forget(self, path: str | Path) -> None:
        """Take a file off the list, because it is gone or holds nothing of the entries any more."""
        name = str(Path(path).resolve())
        with self._store.writing():
            kept = [a for a in self._store.ledger.artefacts if str((self._base() / a.path).resolve()) != name]
            self._replace(tuple(kept))

    def all(self) -> list[Artefact]:
        """Registered files, and every file under `derived/`."""
        named = {artefact.path for artefact in self._store.ledger.artefacts}
        inside = [name for name in self._store.place.files(DERIVED_NAME) if name not in named]
        return [*self._store.ledger.artefacts, *(Artefact(path=name, kind=name.split("/")[1]) for name in inside)]

    def made_from(self, ids: npt.NDArray[np.int64]) -> list[Artefact]:
        """Those of `all` that may hold something of these entries."""
        return [artefact for artefact in self.all() if artefact.is_made_from(ids)]

    def delete_made_from(self, ids: npt.NDArray[np.int64]) -> None:
        """Delete what may hold something of these entries, if it is there, and take it off the list.

        Call inside `Store.writing`.

        Raises:
            UserError: if one cannot be deleted.
        """
        for artefact in self.made_from(ids):
            try:
                (self._base() / artefact.path).unlink(missing_ok=True)
            except OSError as error:
                reason = error.strerror or error
                raise UserError(f"nothing was erased: cannot delete {artefact.path!r}: {reason}") from error
        self._replace(tuple(artefact for artefact in self._store.ledger.artefacts if not artefact.is_made_from(ids)))

    def _replace(self, artefacts: tuple[Artefact, ...]) -> None:
        if artefacts != self._store.ledger.artefacts:
            self._store.write_ledger(dataclasses.replace(self._store.ledger, artefacts=artefacts))

    def _base(self) -> Path:
        """What relative paths are relative to."""
        return self._store.place.folder if isinstance(self._store.place, LocalPlace) else Path("/")

    def _root(self) -> Path:
        if not isinstance(self._store.place, LocalPlace):
            raise UserError(f"memory {self._store.place.name!r} lies in an object store, which keeps no artefacts")
        return self._store.place.folder
