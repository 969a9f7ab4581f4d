"""Folders of class folders: ``train/CLASS/*.jpg`` and ``val/CLASS/*.jpg`` (or ``test``), the layout everybody has.

A file ``levels.csv`` beside them (first column the class, then one column for each level, coarsest first) gives the
classes their levels. Rejected: torchvision's ImageFolder, whose errors speak of the program and not of the folder, and
which knows no pairs of splits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.images import LabelledImages
from eval.sets.labelled import VAL_SHARE, Dataset, check_classes, choose, from_files, hold_out
from eval.sets.levels import LEVELS_FILE, read_levels
from eval.sets.picture_files import IMAGE_SUFFIXES, listed
from procmem.errors import UserError

VAL_FOLDERS = ("val", "test")
HOLD_OUT = "holdout"


def read_class_folders(folder: Path, variant: str = "") -> Dataset:
    """A folder with ``train`` and ``val`` (or ``test``) folders of class folders.

    Args:
        folder: of the splits.
        variant: "val" or "test", the split that is asked about ("" takes val where there is one); "holdout" for a
            folder of class folders without splits, of which a seeded third is held out.

    Raises:
        UserError: if a split or its images are missing, or it has a class that `train` has not.
    """
    if variant == HOLD_OUT:
        return _without_splits(folder)
    splits = [split for split in VAL_FOLDERS if (folder / split).is_dir()]
    if not (folder / "train").is_dir() or not splits:
        found = sorted(path.name for path in listed(folder))[:8]
        raise UserError(
            f"image folder {str(folder)!r} needs train/CLASS/ and val/CLASS/ (or test/CLASS/); "
            f"it holds {', '.join(found) or 'nothing'} (a folder of class folders: add '@{HOLD_OUT}' to its name)"
        )
    split = choose(folder.name, variant, splits)
    names = sorted({path.name for own in ("train", split) for path in class_folders(folder / own)})
    train, val = read_split(folder, "train", names), read_split(folder, split, names)
    levels = read_levels(folder / LEVELS_FILE, train.class_names) if (folder / LEVELS_FILE).is_file() else {}
    return check_classes(Dataset(name=folder.name, train=train, val=val, levels=levels))


def read_split(
    folder: Path, split: str, class_names: Sequence[str], within: str = "", name: str = ""
) -> LabelledImages:
    """The images in the class folders of one split.

    Args:
        folder: of the data set.
        split: the split's name.
        class_names: names of the class folders, in the order of their labels.
        within: the split's folder where it has another name than the split.
        name: of the data set; "" takes the folder's.

    Raises:
        UserError: if there is no image.
    """
    place = folder / (within or split)
    paths: list[Path] = []
    labels: list[int] = []
    for label, class_name in enumerate(class_names):
        own = sorted(path for path in (place / class_name).rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        paths += own
        labels += [label] * len(own)
    if not paths:
        raise UserError(f"no image in {str(place)!r}; expected CLASS/NAME with {' '.join(sorted(IMAGE_SUFFIXES))}")
    return from_files(folder, split, class_names, [path.relative_to(folder) for path in paths], labels, name)


def class_folders(folder: Path) -> list[Path]:
    """The class folders, by name.

    Raises:
        UserError: if the folder cannot be read.
    """
    return sorted(path for path in listed(folder) if path.is_dir() and not path.name.startswith("."))


def chest_xray(folder: Path, variant: str) -> Dataset:
    """ChestXRay2017 (Kermany et al. 2018): asked about is the official test split, not Kaggle's val of 16 images."""
    split = choose("chestxray2017", variant, ("test", "val"))
    return dataclasses.replace(read_class_folders(folder, split), name="chestxray2017")


def ninco(folder: Path, variant: str) -> Dataset:
    """NINCO's 64 classes that ImageNet has not (Bitterwolf et al. 2023), a seeded third of each held out.

    As a data set of its own, or added to a memory of ImageNet. Its official use needs no split: take both.
    """
    choose("ninco", variant, ("holdout",))
    return _without_splits(folder, "ninco")


def unsplit_folder(folder: Path, name: str = "") -> tuple[LabelledImages, dict[str, list[str]]]:
    """A folder of class folders without splits, nested or not: a class is the path of a folder that holds images.

    Args:
        folder: of the class folders; images that lie in it directly have no class and are left out.
        name: of the data set; "" takes the folder's.

    Returns:
        all its images, and its levels: level "folder" where every class lies in another folder, else none.

    Raises:
        UserError: if there is no image.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    files = [path.relative_to(folder) for path in found if path.parent != folder]
    if not files:
        raise UserError(f"no image in {str(folder)!r}; expected CLASS/NAME with {' '.join(sorted(IMAGE_SUFFIXES))}")
    names, labels = np.unique([file.parent.as_posix() for file in files], return_inverse=True)
    classes = names.tolist()
    is_nested = all("/" in name for name in classes)
    levels = {"folder": [name.rpartition("/")[0] for name in classes]} if is_nested else {}
    return from_files(folder, "all", classes, files, labels, name), levels


def _without_splits(folder: Path, name: str = "") -> Dataset:
    whole, levels = unsplit_folder(folder, name)
    return check_classes(dataclasses.replace(hold_out(whole, len(whole) // VAL_SHARE), levels=levels))
