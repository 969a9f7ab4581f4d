"""Which data a task needs, whether they are here, and what state they are in."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from eval.sets.registry import Missing, availability
from eval.task import Task
from procmem.files import fingerprint


def names_of(task: Task) -> tuple[str, ...]:
    """The data sets that a task names: its fields ``dataset`` and ``..._dataset``."""
    fields = [field.name for field in dataclasses.fields(cast(Any, task)) if field.name.endswith("dataset")]
    return tuple(value for name in fields if isinstance(value := getattr(task, name), str) and value)


def folder_of(name: str) -> Path | None:
    """Folder of a data set under ``PROCMEM_DATA`` or at a path; None where it needs none.

    Raises:
        UserError: if there is no such data set.
    """
    found = availability(name)
    return None if isinstance(found, Missing) else found.folder


def what_is_missing(name: str) -> str | None:
    """What of a data set is not here and how to get it; None where it is here.

    Raises:
        UserError: if there is no such data set (nearest names are offered).
    """
    found = availability(name)
    return f"{found.reason}; {found.how_to_get}" if isinstance(found, Missing) else None


def data_fingerprint(names: Sequence[str]) -> str:
    """64 hex digits over names, sizes and times of change of all files; "" where no folder is behind a name."""
    folders = [folder for name in names if (folder := folder_of(name))]
    return fingerprint([_files(folder) for folder in folders]) if folders else ""


def _files(folder: Path) -> str:
    found = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            status = path.lstat()
            found.append((path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns))
    return fingerprint(found)
