"""A plain folder of images with masks: ``images/``, ``masks/``, ``splits.csv`` and the names of the labels.

    images/NAME.jpg        any picture format
    masks/NAME.png         one number a pixel, 0 = unlabelled; ``masks_KIND`` for a further kind of labels
    splits.csv             columns id (the NAME) and split ("train" or "val")
    classes.csv            columns id and name; ``classes_KIND.csv`` for a further kind

The form of the COCO extract that this project tests on, and the easiest one for masks of your own.
"""

from __future__ import annotations

import csv
from pathlib import Path

from eval.sets.label_map import masked_images, read_label_map
from eval.sets.masked import UNLABELLED, MaskedDataset, MaskedImages
from eval.sets.picture_files import IMAGE_SUFFIXES
from procmem.errors import UserError


def mask_folder(folder: Path, kind: str = "") -> MaskedDataset:
    """Read such a folder.

    Args:
        folder: holds ``images``, ``masks``, ``splits.csv`` and ``classes.csv``.
        kind: the KIND of masks and classes; "" takes ``masks`` and ``classes.csv``.

    Raises:
        UserError: if a file is missing or wrong.
    """
    ending = f"_{kind}" if kind else ""
    names = _label_names(folder / f"classes{ending}.csv")
    files = {path.stem: path for path in (folder / "images").glob("*") if path.suffix.lower() in IMAGE_SUFFIXES}
    splits: dict[str, list[str]] = {"train": [], "val": []}
    for row in read_table(folder / "splits.csv", ("id", "split")):
        if row["split"] not in splits:
            raise UserError(f"{str(folder / 'splits.csv')!r}: split is 'train' or 'val', received {row['split']!r}")
        if row["id"] not in files:
            raise UserError(f"{str(folder / 'splits.csv')!r} names {row['id']!r}, which is not in images/")
        splits[row["split"]].append(row["id"])
    parts = {
        split: _split(folder, split, names, [files[own] for own in sorted(ids)], folder / f"masks{ending}")
        for split, ids in splits.items()
    }
    return MaskedDataset(name=folder.name, train=parts["train"], val=parts["val"])


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a CSV file with a head.

    Raises:
        UserError: if it cannot be read, or a column is missing.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            head = reader.fieldnames or []
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"cannot read {str(path)!r}: {error}") from error
    missing = [column for column in columns if column not in head]
    if missing:
        raise UserError(f"{str(path)!r} needs the columns {', '.join(columns)}; it has {', '.join(head) or 'none'}")
    return rows


def _split(folder: Path, split: str, names: tuple[str, ...], paths: list[Path], masks: Path) -> MaskedImages:
    if not paths:
        raise UserError(f"{str(folder / 'splits.csv')!r} names no {split} image")
    files = [path.relative_to(folder) for path in paths]
    return masked_images(
        folder.name, split, names, folder, files, lambda position: read_label_map(masks / f"{paths[position].stem}.png")
    )


def _label_names(path: Path) -> tuple[str, ...]:
    """Names by label; numbers that the table leaves out are called by their number."""
    try:
        table = {int(row["id"]): row["name"] for row in read_table(path, ("id", "name"))}
    except ValueError as error:
        raise UserError(f"{str(path)!r}: an id is a whole number: {error}") from error
    if not table or min(table) < 0:
        raise UserError(f"{str(path)!r} must name labels from 0 on; it has {sorted(table)[:5]}")
    table.setdefault(UNLABELLED, "unlabelled")
    return tuple(table.get(label, f"label {label}") for label in range(max(table) + 1))
