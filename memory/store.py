"""Store: the entries of a memory on disk, in a versioned Lance dataset.

A store is a folder with `ledger.json` and `entries.lance`, and with `derived/` for what is made from entries. Every
change is one atomic Lance commit, so a crash leaves the last complete version. Files hold at most 131,072 entries
each, so that an erasure rewrites only what it touches. One writer at a time, held by a lock, and any number of readers.
Changes name entries by id and never by owner, because Lance keeps the clauses of past changes as text. Rejected: a
folder of numpy files (no atomic append, no versions) and a vector database (does not say when bytes go).

Letters: N entries, D embedding.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from memory.artefacts import ArtefactRegistry
from memory.fresh_memory import empty_array
from memory.hierarchy import make_levels
from memory.ledger import FORMAT, Ledger, Precision
from memory.migration import migrate
from memory.place import Place, find_place
from memory.schema import Columns, embedding_matrix, has_unit_rows, make_schema
from procmem.errors import UserError
from procmem.provenance import EncoderCard

ENTRIES_NAME = "entries.lance"
PENDING_ERASURE_NAME = "erasure.pending"
MOST_ROWS_PER_FILE = 1 << 17
TextColumn = Literal["owner", "uri", "dataset"]

_MAX_NAMED_IDS = 5
_READ_ROWS = 1 << 12  # its buffers are used again; fresh memory for larger ones costs more than the reading
_READ_AHEAD_BYTES = 64 << 20  # Lance's 2 GB take as much fresh memory, and a third more time, for no faster reading
_MOST_VERSIONS_MISSED = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entries:
    """What search and votes need of the entries, in RAM, by ascending id.

    Attributes:
        ids: (N,) int64, unique, >= 0.
        embeddings: (N, D) float32.
        labels: (N,) int64 classes.
        weights: (N,) float32, >= 0: how much an entry's vote counts.
    """

    ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


class Store:
    """One store at one version."""

    def __init__(self, place: Place, ledger: Ledger, dataset: Any, *, is_latest: bool) -> None:
        """Use `create` or `open`."""
        self.place = place
        self.ledger = ledger
        self.dataset = dataset
        self.is_latest = is_latest
        self.wait_seconds = 0.0
        self.artefacts = ArtefactRegistry(self)

    @classmethod
    def create(
        cls,
        location: str | Path,
        card: EncoderCard,
        class_names: Sequence[str],
        levels: Mapping[str, Sequence[str]] | None = None,
        precision: Precision = "float32",
    ) -> Store:
        """Make an empty store; see `VisualMemory.create`.

        Raises:
            UserError: if the folder holds anything, cannot be written, or the classes or levels do not fit.
        """
        import lance

        if isinstance(class_names, str):
            raise UserError(f"class names are one string, {class_names!r}; give a list of names")
        place = find_place(location)
        names = tuple(class_names)
        ledger = Ledger(card=card, class_names=names, levels=make_levels(names, levels or {}), precision=precision)
        place.make()
        with lance_errors(place.name, "create"):
            empty = make_schema(card.dimension, precision).empty_table()
            dataset = lance.write_dataset(empty, place.uri(ENTRIES_NAME), mode="create")
        ledger.write(place)  # last: a store exists once it has a ledger
        return cls(place, ledger, dataset, is_latest=True)

    @classmethod
    def open(cls, location: str | Path | Place, version: int | str | None = None) -> Store:
        """Open a store at its latest version, or read-only at another one, by number or protected name.

        Raises:
            UserError: if there is no such store or version, it is damaged, or it comes from a newer procmem.
        """
        import lance

        place = find_place(location) if isinstance(location, str | Path) else location
        ledger = Ledger.read(place)
        try:
            with lance_errors(place.name, f"open version {version} of" if version is not None else "open"):
                dataset = lance.dataset(place.uri(ENTRIES_NAME), version=version)
        except UserError as error:
            from memory.damage import not_held_error, version_error

            explained = version_error(place, error) if version is None else not_held_error(place, version, error)
            raise explained from error
        is_latest = version is None or dataset.version == _latest_version(dataset)
        return cls(place, ledger, dataset, is_latest=is_latest)

    @property
    def version(self) -> int:
        """Number of the version this object reads."""
        return int(self.dataset.version)

    @property
    def num_entries(self) -> int:
        """N, without reading the entries."""
        with lance_errors(self.place.name, "read"):
            return int(self.dataset.count_rows())

    @property
    def erasure_is_pending(self) -> bool:
        """Whether an erasure was cut short and must be completed before the next change."""
        return self.place.has(PENDING_ERASURE_NAME)

    def refresh(self) -> None:
        """Move to the latest version, which another process may have written."""
        self.ledger = Ledger.read(self.place)
        with lance_errors(self.place.name, "open"):
            self.dataset.checkout_latest()

    def read(self) -> Entries:
        """Read all entries of this version, block by block into their place.

        Raises:
            UserError: if a file is missing or damaged; it is named.
        """
        try:
            return self._read_blocks()
        except UserError as error:
            from memory.damage import damage_error

            raise damage_error(self, error) from error

    def read_latest(self) -> Entries:
        """Read all entries; where an erasure just took this version's files, those of the version after it.

        Raises:
            UserError: as `read`.
        """
        for _ in range(_MOST_VERSIONS_MISSED):
            version = self.version
            try:
                return self.read()
            except UserError:
                if not self.is_latest:
                    raise
                self.refresh()
                if self.version == version:
                    raise
        return self.read()

    def _read_blocks(self) -> Entries:
        stored_ids = self.read_ids()
        order = np.argsort(stored_ids, kind="stable")
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        embeddings = empty_array((len(order), self.ledger.card.dimension), np.float32, filled_at_once=True)
        labels, weights = np.empty(len(order), np.int64), np.ones(len(order), np.float32)
        columns = [name for name in ("embedding", "label", "weight") if name in self.dataset.schema.names]
        start = 0
        with lance_errors(self.place.name, "read"):
            for batch in self.dataset.to_batches(
                columns=columns, batch_size=_READ_ROWS, io_buffer_size=_READ_AHEAD_BYTES
            ):
                rows = places[start : start + batch.num_rows]
                start += batch.num_rows
                embeddings[_span(rows)] = matrix = embedding_matrix(batch)
                if not has_unit_rows(matrix).all():
                    raise UserError(f"cannot read memory {self.place.name!r}: it holds embeddings without length 1")
                labels[rows] = batch["label"].to_numpy()
                if "weight" in columns:
                    weights[rows] = batch["weight"].to_numpy()
        return Entries(ids=stored_ids[order], embeddings=embeddings, labels=labels, weights=weights)

    def read_texts(self, column: TextColumn) -> list[str | None]:
        """One text column of this version, by ascending id."""
        texts: list[str | None] = self._read_column(column)
        return texts

    def read_times(self) -> list[datetime.datetime | None]:
        """The moment of each entry, by ascending id."""
        times: list[datetime.datetime | None] = self._read_column("time")
        return times

    def _read_column(self, column: str) -> list[Any]:
        if column not in self.dataset.schema.names:
            return [None] * self.num_entries
        with lance_errors(self.place.name, "read"):
            table = self.dataset.to_table(columns=["id", column])
        values: list[Any] = table[column].take(np.argsort(table["id"].to_numpy())).to_pylist()
        return values

    def read_ids(self, where: str | None = None) -> npt.NDArray[np.int64]:
        """Ids of this version's entries, or of those that a clause chooses, in file order."""
        with lance_errors(self.place.name, f"select by {where!r} from" if where else "read"):
            ids: npt.NDArray[np.int64] = self.dataset.to_table(columns=["id"], filter=where)["id"].to_numpy()
        return ids

    def rows(self, ids: npt.NDArray[np.int64], undone: str, **scan: Any) -> Any:
        """The entries with these ids as a table, in file order.

        Args:
            ids: (N,) unique.
            undone: what was not done where an id is unknown, for the message.
            scan: options of Lance's scan; all columns where none is given.

        Raises:
            UserError: naming ids that this version does not hold.
        """
        with lance_errors(self.place.name, "read"):
            table = self.dataset.to_table(filter=ids_clause(ids), **scan)
        if table.num_rows < len(ids):
            unknown = np.setdiff1d(ids, self.read_ids())
            raise UserError(f"{undone}: this memory holds no entry with id {named_ids(unknown)}")
        return table

    def append(self, batches: Iterable[Columns], *, replace: bool = False) -> npt.NDArray[np.int64]:
        """Add entries in one commit; the next free ids where none are given.

        Args:
            batches: read one after the other, never all at once.
            replace: entries with a given id that is present are replaced instead of refused.

        Returns:
            (N,) the ids.

        Raises:
            UserError: if an id is present or given twice, or the folder cannot be written; nothing was added then.
        """
        from memory.appending import write_entries

        with self.writing():
            return write_entries(self, batches, replace=replace)

    def replace_rows(self, table: Any) -> None:
        """Replace entries, by id, in one commit; call inside `writing`."""
        with lance_errors(self.place.name, "change"):
            self.dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(table)
            self.dataset.checkout_latest()

    def remove(self, ids: npt.NDArray[np.int64]) -> None:
        """Remove entries in one commit; all or none.

        Raises:
            UserError: if an id is unknown, or the folder cannot be written.
        """
        with self.writing():
            self.delete_rows(ids)

    def delete_rows(self, ids: npt.NDArray[np.int64]) -> None:
        """Mark the rows of unique ids as deleted in one commit; all or none; call inside `writing`.

        Given row numbers, Lance need not look through all ids a second time. The ids stay in the clause: where a second
        writer moves rows meanwhile (an object store has no lock), no other entry is taken for them.

        Raises:
            UserError: if an id is unknown, the folder cannot be written, or a second writer came between.
        """
        if not len(ids):
            return
        rows = self.rows(ids, "nothing was removed", columns=[], with_row_id=True)["_rowid"].to_pylist()
        with lance_errors(self.place.name, "remove from"):
            result = self.dataset.delete(f"_rowid IN ({','.join(map(str, rows))}) AND {ids_clause(ids)}")
        if result["num_deleted_rows"] < len(ids):
            raise UserError(
                f"another process changed memory {self.place.name!r} meanwhile: {result['num_deleted_rows']} of "
                f"{len(ids)} entries were removed; see to it that there is one writer, and remove the others again"
            )

    def rewrite_without_history(self) -> None:
        """Rewrite files that hold deleted rows and drop every earlier version and orphan; call inside `writing`."""
        with lance_errors(self.place.name, "rewrite"):
            # The default rewrites a file only once a tenth of its rows are deleted.
            self.dataset.optimize.compact_files(
                target_rows_per_fragment=MOST_ROWS_PER_FILE,
                materialize_deletions=True,
                materialize_deletions_threshold=0.0,
            )
            self.dataset.checkout_latest()
            self.dataset.cleanup_old_versions(older_than=datetime.timedelta(0), delete_unverified=True)

    def reserve_ids(self, next_id: int) -> None:
        """Move the ledger's next free id up; call inside `writing`."""
        if next_id > self.ledger.next_id:
            self.write_ledger(dataclasses.replace(self.ledger, next_id=next_id))

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger; call inside `writing`."""
        ledger.write(self.place)
        self.ledger = ledger

    @contextlib.contextmanager
    def writing(self, *, completes_erasure: bool = False) -> Iterator[None]:
        """Hold the writer's lock, on the latest version, in today's format.

        Raises:
            UserError: at an earlier version, if another writer is at work, if the folder cannot be written, or if an
                erasure was cut short and this call does not complete it.
        """
        if not self.is_latest:
            raise UserError(f"version {self.version} is history and cannot be changed; open the latest version")
        with self.place.writer_lock(self.wait_seconds):
            if self.erasure_is_pending and not completes_erasure:
                raise UserError(
                    f"an erasure in memory {self.place.name!r} was cut short; complete it first: "
                    "procmem memory erase MEMORY --resume, or VisualMemory.resume_erasure()"
                )
            self.refresh()
            if self.ledger.format < FORMAT:
                with lance_errors(self.place.name, "migrate"):
                    migrated = migrate(self.dataset, self.ledger)
                self.write_ledger(migrated)
                self.refresh()
            yield


@contextlib.contextmanager
def lance_errors(name: str, verb: str) -> Iterator[None]:
    """Turn Lance's errors (it raises OSError, ValueError, RuntimeError and Arrow's) into one clear line."""
    import pyarrow

    try:
        yield
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, pyarrow.ArrowException) as error:
        reason = str(error).split(", /")[0]  # without the path of Lance's own source files
        raise UserError(f"cannot {verb} memory {name!r}: {reason}") from error


def ids_clause(ids: npt.NDArray[np.int64]) -> str:
    """The clause that chooses these ids."""
    return f"id IN ({','.join(map(str, ids.tolist()))})"


def named_ids(ids: npt.NDArray[np.int64]) -> str:
    """The first few ids, for a message."""
    rest = f" and {len(ids) - _MAX_NAMED_IDS} more" if len(ids) > _MAX_NAMED_IDS else ""
    return ", ".join(map(str, ids[:_MAX_NAMED_IDS].tolist())) + rest


def _latest_version(dataset: Any) -> int | None:
    """Number of the latest version; None where it is damaged, which is no reason not to read an earlier one."""
    try:
        return int(dataset.latest_version)
    except (OSError, ValueError, RuntimeError):
        return None


def _span(rows: npt.NDArray[np.int64]) -> slice | npt.NDArray[np.int64]:
    """Consecutive rows as a slice, which numpy copies in one go."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
