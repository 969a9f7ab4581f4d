"""Triplet data sets by name or path."""

from __future__ import annotations

from pathlib import Path

from eval.sets.triplet_table import triplet_table
from eval.sets.triplets import Triplets
from procmem.errors import UserError
from procmem.files import data_root


def find_triplets(name_or_path: str) -> Triplets:
    """The triplets of that name under ``PROCMEM_DATA``, or at that path.

    Args:
        name_or_path: for example ``zappos-triplets``, or ``zappos-triplets@full`` for all its answers.

    Raises:
        UserError: if there are none, or they are damaged.
    """
    name, _, variant = name_or_path.partition("@")
    root = data_root()
    for folder in ([root / name] if root else []) + [Path(name).expanduser()]:
        if folder.is_dir():
            return triplet_table(folder, "full" if variant == "full" else "")
    raise UserError(f"no triplets {name_or_path!r} under PROCMEM_DATA or at that path")
