"""Files: atomic writes, fingerprints, and the three folders that belong to the user.

A reader never sees half a file: everything is written to a temporary neighbour, flushed to the disk and renamed.
Fingerprints are SHA-256 over bytes or over canonical JSON (sorted keys, no spaces), cut to 16 hex digits where a
person reads them and never where they prove something.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import platformdirs

from procmem.errors import UserError

SHORT_FINGERPRINT_DIGITS = 16


def cache_root() -> Path:
    """Folder for what can be made again: ``PROCMEM_CACHE`` or the platform's cache folder."""
    return Path(os.environ.get("PROCMEM_CACHE") or platformdirs.user_cache_dir("procmem"))


def config_root() -> Path:
    """Folder for what belongs to the user and must not be lost (signing key): ``PROCMEM_CONFIG`` or the platform's."""
    return Path(os.environ.get("PROCMEM_CONFIG") or platformdirs.user_config_dir("procmem"))


def data_root() -> Path | None:
    """Folder of real image sets named by ``PROCMEM_DATA``; None where it is unset.

    Raises:
        UserError: if ``PROCMEM_DATA`` names something that is not a folder.
    """
    value = os.environ.get("PROCMEM_DATA")
    if not value:
        return None
    path = Path(value).expanduser().resolve()
    if not path.is_dir():
        raise UserError(f"PROCMEM_DATA is {value!r}, which is not a folder; set it to the folder of your image sets")
    return path


def fingerprint(value: bytes | str | Any) -> str:
    """SHA-256 (64 hex digits) of bytes, of a string, or of anything that JSON can write (canonical form)."""
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = canonical_json(value).encode()
    return hashlib.sha256(value).hexdigest()


def short_fingerprint(value: bytes | str | Any) -> str:
    """First 16 digits of `fingerprint`: enough to tell things apart, not a proof."""
    return fingerprint(value)[:SHORT_FINGERPRINT_DIGITS]


def file_fingerprint(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN is refused, since it is not JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def make_folder(path: Path) -> Path:
    """Create a folder (with parents) and check that it can be written.

    Raises:
        UserError: if the path is a file, or the folder cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = "it is a file" if path.is_file() else error.strerror or error
        raise UserError(f"cannot write in folder {str(path)!r}: {reason}") from error
    return path


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of `path`; on success flush it to the disk and rename it into place.

    On any exception the temporary file is removed and `path` is as it was.

    Raises:
        UserError: if the folder cannot be written or the disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        temporary = Path(name)
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) atomically."""
    with atomic_write(path, "w") as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: if it is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{str(path)!r} is not valid JSON: {error}") from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
