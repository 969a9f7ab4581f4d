"""A store in an object store (``s3://bucket/folder``): the same files, read and written through pyarrow.

Address and keys come from the usual variables (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, and
``AWS_ENDPOINT_URL`` for a server of one's own), which Lance reads as well; a plain-http server also needs
``AWS_ALLOW_HTTP=true``. Writing one object replaces it as a whole. There is no lock: two writers are told apart only
where their commits collide, so see to it that there is one. A bucket that keeps old versions of objects keeps erased
bytes too; no scan from outside can see those.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Iterator
from typing import IO, Any, cast

from procmem.errors import UserError

_READ_BYTES = 16 << 20  # a request for each small read would wait most of the time


class ObjectStorePlace:
    """A folder of an object store."""

    def __init__(self, address: str) -> None:
        """Take an address such as ``s3://bucket/folder``; nothing is asked of the server yet."""
        self.name = address
        self._root = address.split("://", 1)[1]

    @property
    def _files(self) -> Any:
        """The file system; made anew for each call, since it is cheap and does not survive a fork."""
        from pyarrow import fs

        if not self.name.startswith("s3://"):
            return fs.FileSystem.from_uri(self.name)[0]
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT")
        # Small files go as one request and appear at once, instead of in the parts of an upload.
        options: dict[str, Any] = {"allow_delayed_open": True}
        options["region"] = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if endpoint:
            options["scheme"], options["endpoint_override"] = endpoint.split("://", 1)
        return fs.S3FileSystem(**options)

    def _path(self, name: str) -> str:
        return posixpath.join(self._root, name) if name else self._root

    def make(self) -> None:
        """Check that nothing is there yet and that it can be written.

        Raises:
            UserError: if something is there, or the server refuses.
        """
        try:
            held = self.files()
        except OSError as error:
            raise UserError(f"cannot read {self.name!r}: {error}") from error
        if held:
            raise UserError(f"folder {self.name!r} is not empty; give a new folder, or open the memory in it")
        self.write(".writable", b"")
        self.delete(".writable")

    def uri(self, name: str) -> str:
        """A file or folder in it, as Lance wants it named."""
        return f"{self.name}/{name}"

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            (info,) = self._files.get_file_info([self._path(name)])
        except OSError as error:
            raise UserError(f"cannot read {self.name!r}: {error}") from error
        return bool(info.is_file)

    def read(self, name: str) -> bytes:
        """All bytes of a file."""
        with self.open(name) as file:
            return file.read()

    def write(self, name: str, content: bytes) -> None:
        """Replace a file as a whole.

        Raises:
            UserError: if the server refuses.
        """
        try:
            with self._files.open_output_stream(self._path(name)) as file:
                file.write(content)
        except OSError as error:
            raise UserError(f"cannot write {self.uri(name)!r}: {error}") from error

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        if self.has(name):
            self._files.delete_file(self._path(name))

    def files(self, under: str = "") -> list[str]:
        """Names of all files, in order."""
        from pyarrow import fs

        selector = fs.FileSelector(self._path(under), recursive=True, allow_not_found=True)
        paths = (info.path for info in self._files.get_file_info(selector) if info.is_file)
        return sorted(posixpath.relpath(path, self._root) for path in paths)

    def open(self, name: str) -> IO[bytes]:
        """A file for reading."""
        return cast(IO[bytes], self._files.open_input_stream(self._path(name), buffer_size=_READ_BYTES))

    def sweep(self) -> None:
        """Nothing is left half-written: an object appears when it is complete."""

    @contextlib.contextmanager
    def writer_lock(self, wait_seconds: float) -> Iterator[None]:
        """No lock; see the module's head."""
        del wait_seconds
        yield
