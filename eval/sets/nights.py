"""NIGHTS (Fu et al. 2023, DreamSim): 20,000 triplets with human answers, ``data.csv`` beside ``ref/`` and ``distort/``.

Only triplets that at least six people answered alike are used, as its authors do: 1,720 remain in val. Columns are
taken by name; a table with other names is taken by position, as the reference code reads it (0 id, 1 and 2 votes for
left and right, 3 number of votes, 4 to 6 the images).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.sets.labelled import choose
from eval.sets.triplet_table import make_triplets
from eval.sets.triplets import Triplets
from procmem.errors import UserError

BY_POSITION = ("id", "left_vote", "right_vote", "votes", "ref_path", "left_path", "right_path")
FEWEST_VOTES = 6
NIGHTS_PARTS = ("val", "train", "test", "test_imagenet", "test_no_imagenet")


def nights(folder: Path, variant: str) -> Triplets:
    """Read one part.

    Args:
        folder: holds ``data.csv``.
        variant: val (the default), train, test, or the halves of test: test_imagenet, test_no_imagenet.

    Raises:
        UserError: if the table is missing or wrong, or an image that it names is missing.
    """
    part = choose("nights", variant, NIGHTS_PARTS)
    path = folder / "data.csv"
    columns = _columns(path)
    chosen = (columns["split"] == part.partition("_")[0]) & (_numbers(path, columns, "votes") >= FEWEST_VOTES)
    if part.startswith("test_"):
        is_imagenet = np.char.lower(columns["is_imagenet"].astype(np.str_)) == "true"
        chosen &= is_imagenet if part == "test_imagenet" else ~is_imagenet
    kept = {name: values[chosen] for name, values in columns.items()}
    votes = np.stack([_numbers(path, kept, "left_vote"), _numbers(path, kept, "right_vote")])
    if (votes < 0).any() or (votes.sum(0) == 0).any():
        raise UserError(f"{str(path)!r}: left_vote and right_vote must be 0 or more, and not both 0")
    roles = ("ref_path", "left_path", "right_path")
    return make_triplets(folder, part, path, kept, roles, votes[1] / votes.sum(0))


def _columns(path: Path) -> dict[str, npt.NDArray[np.str_]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head, *rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"cannot read {str(path)!r}: {error}") from error
    if not all(name in head for name in BY_POSITION):
        head = [*BY_POSITION, *head[len(BY_POSITION) :]]
    missing = [name for name in ("split", "is_imagenet") if name not in head]
    if missing or any(len(row) != len(head) for row in rows):
        raise UserError(f"{str(path)!r} must have the columns {', '.join(BY_POSITION)}, split and is_imagenet")
    table = np.array(rows, dtype=np.str_).reshape(len(rows), len(head))
    return {name: table[:, position] for position, name in enumerate(head)}


def _numbers(path: Path, columns: dict[str, npt.NDArray[np.str_]], name: str) -> npt.NDArray[np.float64]:
    try:
        return columns[name].astype(np.float64)
    except ValueError as error:
        raise UserError(f"{str(path)!r}: {name} must be numbers: {error}") from error
