"""Labelled sets with levels above their classes: iNaturalist 2021, the groceries, Omniglot's drawers."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

import numpy as np

from eval.images import LabelledImages
from eval.sets.class_folders import class_folders, read_class_folders, read_split
from eval.sets.labelled import Dataset, check_classes, choose, from_files
from eval.sets.levels import with_own_names
from eval.sets.mask_folder import read_table
from eval.sets.picture_files import IMAGE_SUFFIXES
from procmem.errors import UserError

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
"""Above the species, which is the class: seven levels in all."""

VAL_DRAWERS = range(15, 21)
"""Omniglot's 20 drawers of each character: the last six are held out, so that no person is in both splits."""


def inaturalist2021(folder: Path, variant: str) -> Dataset:
    """INaturalist 2021: ``train`` (2.7 M images; variant "mini": ``train_mini``, 500,000) and ``val`` (100,000).

    A class folder tells its taxonomy: ``NUMBER_KINGDOM_PHYLUM_CLASS_ORDER_FAMILY_GENUS_EPITHET``.

    Raises:
        UserError: if a folder is missing or its name tells no taxonomy.
    """
    place = {"all": "train", "mini": "train_mini"}[choose("inaturalist2021", variant, ("all", "mini"))]
    folders = [path.name for path in class_folders(folder / place)]
    taxa = [name.split("_")[1:] for name in folders]
    odd = [name for name, own in zip(folders, taxa, strict=True) if len(own) != len(RANKS) + 1]
    if odd or not folders:
        raise UserError(f"a class folder of inaturalist2021 is NUMBER and seven names, received {odd[:1]}")
    levels = with_own_names({rank: [own[position] for own in taxa] for position, rank in enumerate(RANKS)})
    species = [f"{own[-2]} {own[-1]}" for own in taxa]
    counts = Counter(species)
    names = [name if counts[name] == 1 else f"{name} ({number})" for number, name in enumerate(species)]
    train, val = (
        dataclasses.replace(
            read_split(folder, split, folders, within=own, name="inaturalist2021"), class_names=tuple(names)
        )
        for split, own in (("train", place), ("val", "val"))
    )
    return check_classes(Dataset(name="inaturalist2021", train=train, val=val, levels=levels))


def grocery81(folder: Path, variant: str) -> Dataset:
    """The Grocery Store products (Klasson et al. 2019) with their kinds, from the repository's ``classes.csv``."""
    found = read_class_folders(folder, variant)
    fine, coarse = "Class ID (int)", "Coarse Class Name (str)"
    kinds = {int(row[fine]): row[coarse] for row in read_table(folder / "classes.csv", (fine, coarse))}
    numbers = [int(name.partition("_")[0]) for name in found.train.class_names]  # folder "09_lime"
    return dataclasses.replace(found, levels={"kind": [kinds[number] for number in numbers]})


def omniglot_small(folder: Path, variant: str) -> Dataset:
    """Omniglot's small background sets (Lake et al. 2015), ``images/ALPHABET/CHARACTER/NUMBER_DRAWER.png``.

    Six of the twenty drawers are asked about, so the memory knows no hand that it is asked about.
    """
    choose("omniglot-small", variant, ("drawers",))
    paths = sorted(path.relative_to(folder) for path in (folder / "images").rglob("*") if _is_drawing(path))
    classes = sorted({path.parent.relative_to("images").as_posix() for path in paths})
    positions = {name: label for label, name in enumerate(classes)}
    labels = np.array([positions[path.parent.relative_to("images").as_posix()] for path in paths], np.int64)
    is_val = np.array([int(path.stem.rpartition("_")[2]) in VAL_DRAWERS for path in paths], bool)

    def images(split: str, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> LabelledImages:
        files = [paths[i] for i in np.flatnonzero(chosen)]
        return from_files(folder, split, classes, files, labels[chosen], "omniglot-small")

    alphabets = [name.partition("/")[0] for name in classes]
    train, val = images("train", ~is_val), images("val", is_val)
    return check_classes(Dataset(name="omniglot-small", train=train, val=val, levels={"alphabet": alphabets}))


def _is_drawing(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and re.search(r"_\d+$", path.stem) is not None
