"""Data sets whose splits and labels are lists of files: Flowers102, Food101, CUB, Places365, CelebA, ISIC 2018.

Each function reads its authors' own files and nothing else; a folder named in a docstring is where their archive
unpacks to.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.images import LabelledImages
from eval.sets.labelled import Dataset, check_classes, choose, from_files
from eval.sets.mask_folder import read_table
from eval.sets.matlab import read_matlab
from eval.sets.picture_files import read_lines
from procmem.errors import UserError

FLOWER_SETS = {"train": "trnid", "val": "valid", "test": "tstid"}
CELEBA_PARTITIONS = {"train": 0, "val": 1, "test": 2}
ISIC_CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


def flowers102(folder: Path, variant: str) -> Dataset:
    """Oxford Flowers (Nilsback and Zisserman 2008): ``jpg/``, ``imagelabels.mat``, ``setid.mat``.

    Official splits: train 1,020, val 1,020, test 6,149. The papers ask about val, so it is the default here.
    """
    split = choose("flowers102", variant, ("val", "test"))
    from torchvision.datasets import Flowers102

    labels = read_matlab(folder / "imagelabels.mat", "labels").astype(np.int64) - 1
    numbers = {own: np.sort(read_matlab(folder / "setid.mat", FLOWER_SETS[own]), axis=None) for own in ("train", split)}

    def images(own: str) -> LabelledImages:
        files = [f"jpg/image_{number:05d}.jpg" for number in numbers[own]]
        return from_files(folder, own, Flowers102.classes, files, labels[numbers[own] - 1], "flowers102")

    return check_classes(Dataset(name="flowers102", train=images("train"), val=images(split)))


def food101(folder: Path, variant: str) -> Dataset:
    """Food-101 (Bossard et al. 2014), ``food-101/``: 750 training and 250 test images of each class."""
    choose("food101", variant, ("test",))
    classes = sorted(read_lines(folder / "meta" / "classes.txt"))
    positions = {name: label for label, name in enumerate(classes)}

    def images(split: str) -> LabelledImages:
        names = sorted(read_lines(folder / "meta" / f"{split}.txt"))
        labels = [positions.get(name.partition("/")[0], -1) for name in names]
        return from_files(folder, split, classes, [f"images/{name}.jpg" for name in names], labels, "food101")

    return check_classes(Dataset(name="food101", train=images("train"), val=images("test")))


def cub200(folder: Path, variant: str) -> Dataset:
    """Caltech-UCSD Birds (Wah et al. 2011), ``CUB_200_2011/``: 5,994 training and 5,794 test images."""
    choose("cub200", variant, ("test",))
    files = _numbered(folder / "images.txt")
    labels = {number: int(label) - 1 for number, label in _numbered(folder / "image_class_labels.txt").items()}
    is_train = {number: flag == "1" for number, flag in _numbered(folder / "train_test_split.txt").items()}
    classes = [name.partition(".")[2] for _, name in sorted(_numbered(folder / "classes.txt").items())]
    if not files.keys() == labels.keys() == is_train.keys():
        raise UserError(
            f"{str(folder)!r}: images.txt, image_class_labels.txt and train_test_split.txt differ in images"
        )

    def images(split: str) -> LabelledImages:
        chosen = [number for number in sorted(files) if is_train[number] == (split == "train")]
        own = [f"images/{files[number]}" for number in chosen]
        return from_files(folder, split, classes, own, [labels[number] for number in chosen], "cub200")

    return check_classes(Dataset(name="cub200", train=images("train"), val=images("test")))


def places365(folder: Path, variant: str) -> Dataset:
    """Places365-Standard (Zhou et al. 2017) by its official lists; 36,500 images of val are asked about.

    Lists: ``categories_places365.txt``, ``places365_train_standard.txt``, ``places365_val.txt``. Images:
    ``data_256_standard`` (or ``data_large_standard``) and ``val_256`` (or ``val_large``).
    """
    choose("places365", variant, ("val",))
    classes = [line.split()[0][3:] for line in read_lines(folder / "categories_places365.txt")]  # "/a/airfield 0"

    def images(split: str, listing: str, places: tuple[str, ...]) -> LabelledImages:
        place = next((own for own in places if (folder / own).is_dir()), None)
        if place is None:
            raise UserError(f"places365 in {str(folder)!r} needs the folder {' or '.join(places)}")
        rows = [line.rsplit(" ", 1) for line in read_lines(folder / listing)]
        files = [f"{place}/{name.lstrip('/')}" for name, _ in rows]
        return from_files(folder, split, classes, files, [int(label) for _, label in rows], "places365")

    train = images("train", "places365_train_standard.txt", ("data_256_standard", "data_large_standard"))
    return check_classes(
        Dataset(name="places365", train=train, val=images("val", "places365_val.txt", ("val_256", "val_large")))
    )


def celeba(folder: Path, variant: str) -> Dataset:
    """CelebA (Liu et al. 2015), aligned and cropped: one of its 40 attributes as two classes; "Smiling" by default.

    ``img_align_celeba/``, ``list_attr_celeba.txt``, ``list_eval_partition.txt``. The official val is asked about.
    """
    lines = read_lines(folder / "list_attr_celeba.txt")
    attributes = lines[1].split() if len(lines) > 1 else []
    attribute = choose("celeba", variant, ["Smiling", *(name for name in attributes if name != "Smiling")])
    if attribute not in attributes:
        raise UserError(f"{str(folder / 'list_attr_celeba.txt')!r} has no attribute {attribute!r}")
    column = attributes.index(attribute) + 1
    values = {row[0]: int(row[column] == "1") for row in (line.split() for line in lines[2:])}
    partition = dict(line.split() for line in read_lines(folder / "list_eval_partition.txt"))

    def images(split: str) -> LabelledImages:
        names = sorted(name for name, own in partition.items() if int(own) == CELEBA_PARTITIONS[split])
        labels = [values.get(name, -1) for name in names]
        own = f"celeba-{attribute.lower()}"
        files = [f"img_align_celeba/{name}" for name in names]
        return from_files(folder, split, (f"not {attribute}", attribute), files, labels, own)

    train = images("train")
    return check_classes(Dataset(name=train.name, train=train, val=images("val")))


def isic2018(folder: Path, variant: str) -> Dataset:
    """ISIC 2018 task 3 (Codella et al. 2018; Tschandl et al. 2018): seven kinds of skin lesions, 10,015 for training.

    ``ISIC2018_Task3_SPLIT_Input/*.jpg`` and ``ISIC2018_Task3_SPLIT_GroundTruth/ISIC2018_Task3_SPLIT_GroundTruth.csv``
    with SPLIT Training, Validation (193 images, the default) and Test (1,512).
    """
    split = choose("isic2018", variant, ("val", "test"))
    names = {"train": "Training", "val": "Validation", "test": "Test"}

    def images(own: str) -> LabelledImages:
        stem = f"ISIC2018_Task3_{names[own]}"
        path = folder / f"{stem}_GroundTruth" / f"{stem}_GroundTruth.csv"
        rows = sorted(read_table(path, ("image", *ISIC_CLASSES)), key=lambda row: row["image"])
        scores = np.array([[float(row[name]) for name in ISIC_CLASSES] for row in rows]).reshape(-1, len(ISIC_CLASSES))
        if not ((scores == 1).sum(1) == 1).all():
            raise UserError(f"{str(path)!r} must have exactly one 1.0 in each row")
        files = [f"{stem}_Input/{row['image']}.jpg" for row in rows]
        return from_files(folder, own, ISIC_CLASSES, files, scores.argmax(1), "isic2018")

    return check_classes(Dataset(name="isic2018", train=images("train"), val=images(split)))


def _numbered(path: Path) -> dict[int, str]:
    """Lines "NUMBER TEXT" of CUB's lists."""
    rows = (line.split(maxsplit=1) for line in read_lines(path))
    try:
        return {int(number): text for number, text in rows}
    except ValueError as error:
        raise UserError(f"{str(path)!r} must have lines 'NUMBER TEXT': {error}") from error
