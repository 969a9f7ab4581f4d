"""Triplets as a table beside a folder of images.

    images/NAME
    triplets.csv            columns id, ref, left, right, left_vote, right_vote; ``triplets_PART.csv`` for another part

A ``.csv.gz`` serves as well as a ``.csv``.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from eval.sets.triplets import Triplets
from procmem.errors import UserError

COLUMNS = ("id", "ref", "left", "right", "left_vote", "right_vote")


def triplet_table(folder: Path, part: str = "") -> Triplets:
    """Read such a folder.

    Args:
        folder: holds ``images`` and ``triplets.csv``.
        part: which ``triplets_PART.csv``; "" takes ``triplets.csv``.

    Raises:
        UserError: if the table is missing or wrong, or an image that it names is missing.
    """
    stem = folder / (f"triplets_{part}" if part else "triplets")
    path = next((own for own in (stem.with_suffix(".csv"), stem.with_suffix(".csv.gz")) if own.is_file()), None)
    if path is None:
        raise UserError(f"no triplets at {str(stem)!r}.csv or .csv.gz")
    columns = read_columns(path, COLUMNS, numbers=("left_vote", "right_vote"))
    votes = np.stack([columns["left_vote"], columns["right_vote"]]).astype(np.float64)
    total = votes.sum(0)
    if (votes < 0).any() or (total == 0).any():
        raise UserError(f"{str(path)!r}: votes must be 0 or more, and some for each triplet")
    return make_triplets(
        folder, part or "all", path, columns, ("ref", "left", "right"), votes[1] / total, prefix="images/"
    )


def make_triplets(
    folder: Path,
    split: str,
    table: Path,
    columns: dict[str, npt.NDArray[np.str_]],
    roles: tuple[str, str, str],
    right_share: npt.NDArray[np.float64],
    prefix: str = "",
) -> Triplets:
    """Triplets from columns of names.

    Args:
        folder: what images are relative to.
        split: which part of the set.
        table: the file of the columns, for messages.
        columns: with "id" and the columns that `roles` names.
        roles: columns of the reference, the left and the right option.
        right_share: (T,).
        prefix: of the images' paths.

    Raises:
        UserError: if there is none, a name is not unique, or an image is missing.
    """
    names = tuple(str(name) for name in columns["id"])
    if not names or len(set(names)) < len(names):
        raise UserError(f"{str(table)!r} must name each triplet once; it has {len(names)} with {len(set(names))} names")
    images, positions = np.unique(np.stack([columns[role] for role in roles]), return_inverse=True)
    uris = tuple(f"{prefix}{image}" for image in images)
    missing = [uri for uri in uris if not (folder / uri).is_file()]
    if missing:
        raise UserError(
            f"{str(table)!r} names {len(missing)} images that are not there, for example {str(folder / missing[0])!r}"
        )
    reference, left, right = positions.reshape(3, -1).astype(np.int64)
    return Triplets(
        name=folder.name,
        split=split,
        names=names,
        uris=uris,
        paths=tuple(folder / uri for uri in uris),
        reference=reference,
        left=left,
        right=right,
        right_share=right_share,
    )


def read_columns(path: Path, names: tuple[str, ...], numbers: tuple[str, ...] = ()) -> dict[str, npt.NDArray[np.str_]]:
    """Columns of a CSV file: text, or float64 for those in `numbers`.

    Raises:
        UserError: if it cannot be read, a column is missing, or a number is none.
    """
    types = {name: pa.float64() if name in numbers else pa.string() for name in names}
    options = csv.ConvertOptions(include_columns=list(names), column_types=types)
    try:
        with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
            table = csv.read_csv(file, convert_options=options)
    except (OSError, EOFError, KeyError, pa.ArrowException) as error:
        raise UserError(f"cannot read {', '.join(names)} from {str(path)!r}: {error}") from error
    return {name: table[name].to_numpy() for name in names}
