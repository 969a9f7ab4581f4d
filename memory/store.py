"""Store: the entries of a memory on disk, in a versioned Lance dataset.

A store is a folder with `ledger.json` and `entries.lance`. Every append and removal is one atomic Lance commit, so a
crash leaves the last complete version. Embeddings are marked as not to be compressed, because an erasure proves itself
by looking for their bytes (Lance 14 compresses float lists under no setting; the mark keeps it so). One writer at a
time, held by a lock file, and any number of readers. Rejected: a folder of numpy files (no atomic append, no versions)
and a vector database (does not say when bytes go).

Letters: N entries, D embedding.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from memory.ledger import FILE_NAME as LEDGER_NAME
from memory.ledger import Ledger
from procmem.errors import UserError
from procmem.files import make_folder
from procmem.provenance import EncoderCard

ENTRIES_NAME = "entries.lance"
_LOCK_NAME = ".writer.lock"
_MAX_NAMED_IDS = 5


class Version(NamedTuple):
    """One complete state of the entries: its number and when it was written (ISO 8601)."""

    number: int
    written: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entries:
    """What search and votes need of the entries, in RAM, by ascending id.

    Attributes:
        ids: (N,) int64, unique, >= 0.
        embeddings: (N, D) float32.
        labels: (N,) int64 classes.
    """

    ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


class Store:
    """One store at one version."""

    def __init__(self, folder: Path, ledger: Ledger, dataset: Any, *, is_latest: bool) -> None:
        """Use `create` or `open`."""
        self.folder = folder
        self.ledger = ledger
        self.dataset = dataset
        self.is_latest = is_latest

    @classmethod
    def create(cls, folder: Path, card: EncoderCard, class_names: tuple[str, ...]) -> Store:
        """Make an empty store.

        Raises:
            UserError: if the folder holds anything, cannot be written, or the class names are empty or repeated.
        """
        import lance

        if not class_names or len(set(class_names)) != len(class_names):
            raise UserError(f"class names must be given and differ from each other; received {list(class_names)}")
        make_folder(folder)
        if any(folder.iterdir()):
            raise UserError(f"folder {str(folder)!r} is not empty; give a new folder, or open the memory in it")
        ledger = Ledger(card=card, class_names=class_names)
        with lance_errors(folder, "create"):
            empty = _schema(card.dimension).empty_table()
            dataset = lance.write_dataset(empty, folder / ENTRIES_NAME, mode="create")
        ledger.write(folder)  # last: a store exists once it has a ledger
        return cls(folder, ledger, dataset, is_latest=True)

    @classmethod
    def open(cls, folder: Path, version: int | None = None) -> Store:
        """Open a store at its latest version, or read-only at another one.

        Raises:
            UserError: if there is no such store or version, it is damaged, or it comes from a newer procmem.
        """
        import lance

        ledger = Ledger.read(folder)
        with lance_errors(folder, f"open version {version} of" if version else "open"):
            dataset = lance.dataset(folder / ENTRIES_NAME, version=version)
            return cls(folder, ledger, dataset, is_latest=version in (None, dataset.latest_version))

    @property
    def version(self) -> int:
        """Number of the version this object reads."""
        return int(self.dataset.version)

    @property
    def num_entries(self) -> int:
        """N, without reading the entries."""
        with lance_errors(self.folder, "read"):
            return int(self.dataset.count_rows())

    def versions(self) -> list[Version]:
        """All versions still held, oldest first."""
        with lance_errors(self.folder, "list the versions of"):
            return [Version(int(v["version"]), v["timestamp"].isoformat()) for v in self.dataset.versions()]

    def read(self) -> Entries:
        """Read all entries of this version.

        Raises:
            UserError: if a file is missing or damaged.
        """
        table = self._read_by_id(["embedding", "label"])
        return Entries(
            ids=table["id"].to_numpy(),
            embeddings=embedding_matrix(table),
            labels=table["label"].to_numpy().astype(np.int64),
        )

    def read_texts(self, column: Literal["owner", "uri"]) -> list[str | None]:
        """One text column of this version, by ascending id."""
        texts: list[str | None] = self._read_by_id([column])[column].to_pylist()
        return texts

    def _read_by_id(self, columns: list[str]) -> Any:
        with lance_errors(self.folder, "read"):
            table = self.dataset.to_table(columns=["id", *columns])
        ids = table["id"].to_numpy()
        return table.take(np.argsort(ids)) if (ids[1:] < ids[:-1]).any() else table

    def read_ids(self) -> npt.NDArray[np.int64]:
        """Ids of this version's entries, in file order."""
        with lance_errors(self.folder, "read"):
            ids: npt.NDArray[np.int64] = self.dataset.to_table(columns=["id"])["id"].to_numpy()
        return ids

    def append(
        self,
        *,
        embeddings: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
        ids: npt.NDArray[np.int64] | None,
        owners: list[str | None],
        uris: list[str | None],
    ) -> npt.NDArray[np.int64]:
        """Add entries in one commit; the next free ids where none are given.

        Returns:
            (N,) the ids.

        Raises:
            UserError: if an id is present or given twice, or the folder cannot be written.
        """
        import lance

        with self.writing():
            if ids is None:
                ids = self.ledger.next_id + np.arange(len(embeddings))
            values, counts = np.unique(ids, return_counts=True)
            clashes = values[(counts > 1) | np.isin(values, self.read_ids())]
            if clashes.size:
                raise UserError(f"nothing was added: ids already taken, or given twice: {named_ids(clashes)}")
            self._reserve_ids(int(values[-1]) + 1)
            table = _table(ids, embeddings, labels, owners, uris)
            with lance_errors(self.folder, "add to"):
                self.dataset = lance.write_dataset(table, self.folder / ENTRIES_NAME, mode="append")
            return ids

    def remove(self, ids: npt.NDArray[np.int64]) -> None:
        """Remove entries in one commit; all or none.

        Raises:
            UserError: if an id is unknown, or the folder cannot be written.
        """
        with self.writing():
            unknown = np.setdiff1d(ids, self.read_ids())
            if unknown.size:
                raise UserError(f"nothing was removed: this memory holds no entry with id {named_ids(unknown)}")
            self.delete_rows(ids)

    def delete_rows(self, ids: npt.NDArray[np.int64]) -> None:
        """Mark rows as deleted in one commit; call inside `writing`."""
        if len(ids):
            with lance_errors(self.folder, "remove from"):
                self.dataset.delete(f"id IN ({','.join(map(str, ids.tolist()))})")

    def rewrite_without_history(self) -> None:
        """Rewrite files that hold deleted rows and drop every earlier version and orphan; call inside `writing`."""
        with lance_errors(self.folder, "rewrite"):
            # The default rewrites a file only once a tenth of its rows are deleted.
            self.dataset.optimize.compact_files(materialize_deletions=True, materialize_deletions_threshold=0.0)
            self.dataset.checkout_latest()
            self.dataset.cleanup_old_versions(older_than=datetime.timedelta(0), delete_unverified=True)

    def _reserve_ids(self, next_id: int) -> None:
        """Move the ledger's next free id up."""
        if next_id > self.ledger.next_id:
            self.ledger = dataclasses.replace(self.ledger, next_id=next_id)
            self.ledger.write(self.folder)

    def register_artefact(self, path: Path) -> None:
        """Name a file derived from entries; an erasure deletes it.

        Raises:
            UserError: if it is not a file, or belongs to the store itself.
        """
        path = path.resolve()
        root = self.folder.resolve()
        if not path.is_file():
            raise UserError(f"artefact {str(path)!r} is not a file; register each file that is derived from entries")
        if path == root / LEDGER_NAME or (root / ENTRIES_NAME) in path.parents:
            raise UserError(f"{str(path)!r} is the store itself, not an artefact of it")
        name = str(path.relative_to(root)) if root in path.parents else str(path)
        with self.writing():
            self.set_artefacts(tuple(dict.fromkeys((*self.ledger.artefacts, name))))

    def set_artefacts(self, artefacts: tuple[str, ...]) -> None:
        """Replace the list of registered artefacts; call inside `writing`."""
        self.ledger = dataclasses.replace(self.ledger, artefacts=artefacts)
        self.ledger.write(self.folder)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock, on the latest version.

        Raises:
            UserError: at an earlier version, if another writer is at work, or if the folder cannot be written.
        """
        if not self.is_latest:
            raise UserError(f"version {self.version} is history and cannot be changed; open the latest version")
        try:
            lock = (self.folder / _LOCK_NAME).open("w")
        except OSError as error:
            raise UserError(f"cannot write in memory {str(self.folder)!r}: {error.strerror or error}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"another process is writing to memory {str(self.folder)!r}; try again later") from None
            self.ledger = Ledger.read(self.folder)
            with lance_errors(self.folder, "open"):
                self.dataset.checkout_latest()
            yield


@contextlib.contextmanager
def lance_errors(folder: Path, verb: str) -> Iterator[None]:
    """Turn Lance's errors (it raises OSError, ValueError, RuntimeError and Arrow's) into one clear line."""
    import pyarrow

    try:
        yield
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, pyarrow.ArrowException) as error:
        reason = str(error).split(", /")[0]  # without the path of Lance's own source files
        raise UserError(f"cannot {verb} memory {str(folder)!r}: {reason}") from error


def _schema(dimension: int) -> Any:
    import pyarrow

    plain = {"lance-encoding:compression": "none"}
    return pyarrow.schema(
        [
            pyarrow.field("id", pyarrow.int64(), nullable=False),
            pyarrow.field("embedding", pyarrow.list_(pyarrow.float32(), dimension), nullable=False, metadata=plain),
            pyarrow.field("label", pyarrow.int32(), nullable=False),
            pyarrow.field("owner", pyarrow.string()),
            pyarrow.field("uri", pyarrow.string()),
        ]
    )


def _table(
    ids: npt.NDArray[np.int64],
    embeddings: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    owners: list[str | None],
    uris: list[str | None],
) -> Any:
    import pyarrow

    dimension = embeddings.shape[1]
    columns = [
        pyarrow.array(ids),
        pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(embeddings.reshape(-1)), dimension),
        pyarrow.array(labels.astype(np.int32)),
        pyarrow.array(owners, pyarrow.string()),
        pyarrow.array(uris, pyarrow.string()),
    ]
    return pyarrow.table(columns, schema=_schema(dimension))


def embedding_matrix(table: Any) -> npt.NDArray[np.float32]:
    """The embedding column of a table as (N, D), without a copy where it is in one piece."""
    column = table["embedding"]
    matrix: npt.NDArray[np.float32] = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return matrix.reshape(-1, column.type.list_size)


def named_ids(ids: npt.NDArray[np.int64]) -> str:
    """The first few ids, for a message."""
    rest = f" and {len(ids) - _MAX_NAMED_IDS} more" if len(ids) > _MAX_NAMED_IDS else ""
    return ", ".join(map(str, ids[:_MAX_NAMED_IDS].tolist())) + rest
