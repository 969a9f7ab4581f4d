"""Which data sets there are, which of them are here, and what to do about the others.

    name                  of the table (eval/sets/catalogue.py), or of a folder under PROCMEM_DATA
    path                  of a folder in the layout of one of them, or of class folders, mask folders, triplet tables
    name@variant          a split, a kind of labels, ...: flowers102@test, coco100-semseg@fine

A known name in an unknown layout (CIFAR-10 as class folders of JPEG files) is read as what it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from eval.sets.arrays import digits
from eval.sets.catalogue import DATASETS
from eval.sets.class_folders import read_class_folders
from eval.sets.entry import AnySet, DatasetEntry, Kind
from eval.sets.mask_folder import mask_folder
from eval.sets.triplet_table import triplet_table
from procmem.errors import UserError, unknown_name
from procmem.files import data_root

BUILT_IN: dict[str, Callable[[], AnySet]] = {"digits": digits}
"""Sets that need no files."""

FOLDER_READERS: dict[Kind, Callable[[Path, str], AnySet]] = {
    "labelled": read_class_folders,
    "masked": mask_folder,
    "triplets": triplet_table,
}
"""What reads a folder in the plain layout of each kind."""

FOLDER_MARKS: dict[Kind, str] = {"labelled": "train", "masked": "masks", "triplets": "triplets.csv*"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Available:
    """A data set that can be read now.

    Attributes:
        name: as asked for.
        kind: of the set.
        folder: where it lies; None for one that needs no files.
    """

    name: str
    kind: Kind
    folder: Path | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Missing:
    """A data set that is not here.

    Attributes:
        name: as asked for.
        kind: of the set.
        reason: what was looked for.
        how_to_get: one line for a person.
    """

    name: str
    kind: Kind
    reason: str
    how_to_get: str


def availability(name_or_path: str) -> Available | Missing:
    """Whether a data set can be read now, told by its files' names alone.

    Raises:
        UserError: if nothing is known by that name (nearest names are offered).
    """
    name, _ = split_variant(name_or_path)
    if name in BUILT_IN:
        return Available(name=name_or_path, kind="labelled", folder=None)
    entry, folder = DATASETS.get(name), _folder(name)
    if entry is None:
        if folder is None:
            raise _unknown(name)
        return Available(name=name_or_path, kind=_kind_of(folder), folder=folder)
    place = entry.find() or (folder if folder and _reader(folder, entry.kind) else None)
    if place is None:
        return Missing(name=name_or_path, kind=entry.kind, reason=entry.why_missing(), how_to_get=entry.how_to_get())
    for needed in entry.needs:
        other = availability(needed)
        if isinstance(other, Missing):
            return dataclasses.replace(other, name=name_or_path, reason=f"it is asked of {needed}: {other.reason}")
    return Available(name=name_or_path, kind=entry.kind, folder=place)


def load_set(name_or_path: str, kind: Kind) -> AnySet:
    """The set of that name or at that path, of that kind.

    Raises:
        UserError: if there is none, it is of another kind, not complete, or there is no such variant.
    """
    name, variant = split_variant(name_or_path)
    if name in BUILT_IN and kind == "labelled":
        return BUILT_IN[name]()
    entry, folder = DATASETS.get(name), _folder(name)
    if entry is None:
        if folder is None:
            raise _unknown(name)
        return (_reader(folder, kind) or FOLDER_READERS[kind])(folder, variant)
    if entry.kind != kind:
        raise UserError(f"data set {name!r} is {entry.kind}, not {kind}")
    if place := entry.find():
        return entry.load(place, variant)
    if folder and (read := _reader(folder, kind)):
        return read(folder, variant)
    raise UserError(f"{entry.why_missing()}; {entry.how_to_get()}")


def known_entry(name_or_path: str) -> DatasetEntry | None:
    """The entry of the table that a name or a path means, if its files are there in its authors' layout."""
    name, _ = split_variant(name_or_path)
    entry, folder = DATASETS.get(name), _folder(name)
    if entry is not None:
        return entry if entry.find() else None
    return None if folder is None else _recognise(folder, "labelled")


def split_variant(name_or_path: str) -> tuple[str, str]:
    """Name (or path) and variant; an existing path may hold "@" itself."""
    if Path(name_or_path).expanduser().exists():
        return name_or_path, ""
    name, _, variant = name_or_path.rpartition("@")
    return (name, variant) if name else (name_or_path, "")


def describe_dataset(name: str) -> str:
    """A paragraph about a data set of the table.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    entry = DATASETS[name]
    lines = [
        f"{entry.name}: {entry.title} ({entry.kind})",
        f"  page:     {entry.url}",
        f"  layout:   PROCMEM_DATA/{entry.places[0]} with {', '.join(entry.marks)}",
        f"  get:      {entry.how_to_get()}",
    ]
    if entry.variants:
        lines.append(f"  variants: {', '.join(f'{entry.name}@{variant}' for variant in entry.variants)}")
    if entry.needs:
        lines.append(f"  needs:    {', '.join(entry.needs)}")
    return "\n".join(lines)


def _folder(name: str) -> Path | None:
    root = data_root()
    folders = ([root / name] if root and name else []) + [Path(name).expanduser()]
    return next((folder for folder in folders if folder.is_dir()), None)


def _recognise(folder: Path, kind: Kind) -> DatasetEntry | None:
    """The entry whose files lie in a folder: by its name and marks, or by marks that no other set has."""
    own = [entry for entry in DATASETS.values() if entry.kind == kind and entry.is_in(folder)]
    named = [entry for entry in own if folder.name in (entry.name, *(Path(place).name for place in entry.places))]
    distinct = [entry for entry in own if entry.is_distinct]
    return next(iter(named + distinct), None)


def _reader(folder: Path, kind: Kind) -> Callable[[Path, str], AnySet] | None:
    """What reads a folder as a set of that kind; None where nothing in it looks so."""
    entry = _recognise(folder, kind)
    if entry is not None:
        return entry.load
    return FOLDER_READERS[kind] if any(folder.glob(FOLDER_MARKS[kind])) else None


def _kind_of(folder: Path) -> Kind:
    return next((kind for kind in get_args(Kind) if _reader(folder, kind)), "labelled")


def _unknown(name: str) -> UserError:
    if "/" in name:
        return UserError(f"no image folder at {name!r}")
    root = data_root()
    own = [] if root is None else [path.name for path in root.iterdir() if path.is_dir()]
    return unknown_name("data set", name, {*own, *DATASETS, *BUILT_IN})
