"""Place: where the files of a store lie, a local folder or a folder of an object store.

Everything that a store keeps beside Lance's own files (ledger, plan of an erasure, receipts) goes through here, and so
does the scan that reads every file. A local folder has a writer's lock: `filelock`, which holds on every platform and
is let go by the system when a process dies. An object store has no locks; there Lance refuses the second of two
commits that collide, and the rest is the user's to see to.

Rejected: fsspec (one more layer; pyarrow speaks S3 already) and a lock object in the bucket (a dead writer keeps it).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from procmem.errors import UserError
from procmem.files import atomic_write, make_folder

LOCK_NAME = ".writer.lock"


class Place(Protocol):
    """A folder of files; names are relative, with forward slashes."""

    @property
    def name(self) -> str:
        """The folder, for people."""

    def make(self) -> None:
        """Create the folder; it must be empty and writable."""

    def uri(self, name: str) -> str:
        """A file or folder in it, as Lance wants it named."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def read(self, name: str) -> bytes:
        """All bytes of a file."""

    def write(self, name: str, content: bytes) -> None:
        """Replace a file as a whole: a reader sees the old one or the new one."""

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""

    def files(self, under: str = "") -> list[str]:
        """Names of all files, in order."""

    def open(self, name: str) -> IO[bytes]:
        """A file for reading."""

    def sweep(self) -> None:
        """Delete what writers that died left half-written; call under the writer's lock."""

    def writer_lock(self, wait_seconds: float) -> contextlib.AbstractContextManager[None]:
        """Hold the one writer's lock."""


def find_place(location: str | Path) -> Place:
    """The place that a path or an address (``s3://bucket/folder``) names."""
    if isinstance(location, str) and "://" in location:
        from memory.object_store import ObjectStorePlace

        return ObjectStorePlace(location.rstrip("/"))
    return LocalPlace(Path(location))


class LocalPlace:
    """A local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder, for people."""
        return str(self.folder)

    def make(self) -> None:
        """Create the folder.

        Raises:
            UserError: if it holds anything or cannot be written.
        """
        make_folder(self.folder)
        if any(self.folder.iterdir()):
            raise UserError(f"folder {self.name!r} is not empty; give a new folder, or open the memory in it")

    def uri(self, name: str) -> str:
        """A file or folder in it, as Lance wants it named."""
        return str(self.folder / name)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file()

    def read(self, name: str) -> bytes:
        """All bytes of a file."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Replace a file as a whole, on the disk before it returns.

        Raises:
            UserError: if the folder cannot be written or the disk is full.
        """
        with atomic_write(self.folder / name) as file:
            file.write(content)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def files(self, under: str = "") -> list[str]:
        """Names of all files, in order."""
        paths = (path for path in (self.folder / under).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)

    def open(self, name: str) -> IO[bytes]:
        """A file for reading."""
        return (self.folder / name).open("rb")

    def sweep(self) -> None:
        """Delete what writers that died left half-written; call under the writer's lock."""
        for path in self.folder.rglob(".*.partial"):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def writer_lock(self, wait_seconds: float) -> Iterator[None]:
        """Hold the one writer's lock, or wait for it.

        Raises:
            UserError: if another writer keeps it for longer, or the folder cannot be written.
        """
        import filelock

        lock: Any = filelock.FileLock(self.folder / LOCK_NAME, timeout=wait_seconds)
        try:
            # Asked first: a file lock would wait, or try again for ever, where it cannot make its file.
            if not os.access(self.folder, os.W_OK):
                raise PermissionError(13, "Permission denied")
            lock.acquire()
        except filelock.Timeout:
            raise UserError(f"another process is writing to memory {self.name!r}; try again later") from None
        except OSError as error:
            raise UserError(f"cannot write in memory {self.name!r}: {error.strerror or error}") from error
        try:
            yield
        finally:
            lock.release()
