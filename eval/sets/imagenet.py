"""ImageNet-1k and the sets that ask about its classes: -A, -R, -Sketch, -V2, and ReaL's labels.

Classes are synset ids with their first name ("n01440764 tench"), in the order of the ids, which is the official one.
The derived sets have no training images: their memory is ImageNet's own training split, all of it (as in Geirhos et
al. 2024) or, as variant "subset", of the classes that the set has (as in their authors' papers). Its name and labels
are ImageNet's either way, so that one extraction serves them all.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

from eval.images import LabelledImages
from eval.sets.class_folders import class_folders, read_split
from eval.sets.labelled import Dataset, check_classes, choose, from_files
from eval.sets.matlab import read_matlab
from eval.sets.picture_files import IMAGE_SUFFIXES, listed, read_lines
from procmem.errors import UserError
from procmem.files import read_json

NUM_CLASSES = 1000
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
VAL_NUMBER = re.compile(r"ILSVRC2012_val_(\d{8})")


def imagenet(folder: Path, variant: str) -> Dataset:
    """ImageNet-1k: ``train/WNID/*.JPEG`` and ``val/``, in folders of wnids or flat with the official devkit.

    A flat ``val/ILSVRC2012_val_00000001.JPEG`` needs ``ILSVRC2012_devkit_t12/data`` beside it (``meta.mat`` and the
    ground truth). A folder with some of the classes only is such a set too.

    Raises:
        UserError: if a part is missing, or `val` has a class that `train` has not.
    """
    choose("imagenet", variant, ("val",))
    wnids = [path.name for path in class_folders(folder / "train")]
    train = _renamed(read_split(folder, "train", wnids, name="imagenet"))
    return check_classes(Dataset(name="imagenet", train=train, val=_val(folder, wnids)))


def imagenet_folders(name: str, folder: Path, variant: str, imagenet_folder: Path) -> Dataset:
    """A set of folders of wnids (-A, -R, -Sketch) asked of ImageNet's memory.

    Raises:
        UserError: if a class has no training image.
    """
    is_subset = choose(name, variant, ("all", "subset")) == "subset"
    own = [path.name for path in class_folders(folder) if path.name.startswith("n")]
    wnids = [path.name for path in class_folders(imagenet_folder / "train")]
    _check_known(name, own, wnids)
    train = _renamed(read_split(imagenet_folder, "train", wnids, name="imagenet"))
    val = _renamed(read_split(folder, "val", wnids, within=".", name=name))
    if is_subset:
        rows = np.flatnonzero(np.isin(train.labels, np.unique(val.labels)))
        train = train.select(rows, f"the {len(set(val.labels.tolist()))} classes of {name}")
    return Dataset(name=name, train=train, val=val)


def imagenet_v2(folder: Path, variant: str, imagenet_folder: Path) -> Dataset:
    """ImageNet-V2 (Recht et al. 2019): folders 0..999, the positions of the classes in the official order."""
    choose("imagenet-v2", variant, ("val",))
    wnids = _official_wnids()
    train = _renamed(read_split(imagenet_folder, "train", wnids, name="imagenet"))
    numbers = [str(label) for label in range(NUM_CLASSES)]
    val = dataclasses.replace(read_split(folder, "val", numbers, within=".", name="imagenet-v2"), class_names=())
    return check_classes(
        Dataset(name="imagenet-v2", train=train, val=dataclasses.replace(val, class_names=train.class_names))
    )


def imagenet_real(folder: Path, variant: str, imagenet_folder: Path) -> Dataset:
    """ImageNet's val with ReaL's labels (Beyer et al. 2020), ``real.json``: any of several labels is right.

    Images without any label are left out, as its authors do. `LabelledImages.is_correct` knows what counts.

    Raises:
        UserError: if the file does not fit the images.
    """
    choose("imagenet-real", variant, ("val",))
    wnids = _official_wnids()
    train = _renamed(read_split(imagenet_folder, "train", wnids, name="imagenet"))
    val = _val(imagenet_folder, wnids)
    answers = read_json(folder / "real.json")
    numbers = [VAL_NUMBER.search(uri) for uri in val.uris]
    if not isinstance(answers, list) or any(n is None or not 1 <= int(n[1]) <= len(answers) for n in numbers):
        raise UserError(f"{str(folder / 'real.json')!r} must list labels by the numbers of ILSVRC2012_val_NUMBER.JPEG")
    accepted = [tuple(int(label) for label in answers[int(n[1]) - 1]) for n in numbers if n]
    kept = np.flatnonzero([bool(labels) for labels in accepted])
    labels = [own if own in accepted[i] else accepted[i][0] for i, own in enumerate(val.labels.tolist()) if accepted[i]]
    chosen = dataclasses.replace(
        val.select(kept, f"{len(kept)} of {len(val)}, those with a label"),
        name="imagenet-real",
        labels=np.asarray(labels, dtype=np.int64),
        accepted=tuple(accepted[i] for i in kept),
    )
    return Dataset(name="imagenet-real", train=train, val=chosen)


def _val(folder: Path, wnids: list[str]) -> LabelledImages:
    flat = sorted(path.name for path in listed(folder / "val") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not flat:
        _check_known("imagenet's val", [path.name for path in class_folders(folder / "val")], wnids)
        return _renamed(read_split(folder, "val", wnids, name="imagenet"))
    labels = _devkit_labels(folder, flat)
    positions = {wnid: label for label, wnid in enumerate(wnids)}
    chosen = [positions.get(wnid, -1) for wnid in labels]
    return _renamed(from_files(folder, "val", wnids, [f"val/{name}" for name in flat], chosen, "imagenet"))


def _devkit_labels(folder: Path, files: list[str]) -> list[str]:
    """The wnid of each flat validation image, by its number, from the devkit."""
    data = next(
        (own for own in (folder / "ILSVRC2012_devkit_t12" / "data", folder) if (own / "meta.mat").is_file()), None
    )
    if data is None:
        raise UserError(
            f"{str(folder / 'val')!r} holds images without class folders; their labels need "
            f"{str(folder / 'ILSVRC2012_devkit_t12' / 'data')!r} with meta.mat and {GROUND_TRUTH}"
        )
    synsets = read_matlab(data / "meta.mat", "synsets")
    try:
        wnids = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
        truth = [wnids[int(line)] for line in read_lines(data / GROUND_TRUTH)]
        return [truth[int(found[1]) - 1] for found in map(VAL_NUMBER.search, files) if found]
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"the devkit in {str(data)!r} does not fit the images: {error!r}") from error


@functools.cache
def _names() -> dict[str, str]:
    """The 1,000 wnids in the official order, each with its first name."""
    from timm.data.imagenet_info import ImageNetInfo

    info: Any = ImageNetInfo("imagenet-1k")
    return {wnid: info.index_to_description(i).partition(",")[0] for i, wnid in enumerate(info.label_names())}


def _official_wnids() -> list[str]:
    return list(_names())


def _renamed(images: LabelledImages) -> LabelledImages:
    """Class names as "WNID name", where the id is one of ImageNet's."""
    known = _names()
    names = tuple(f"{wnid} {known[wnid]}" if wnid in known else wnid for wnid in images.class_names)
    return dataclasses.replace(images, class_names=names)


def _check_known(name: str, own: list[str], wnids: list[str]) -> None:
    strangers = sorted(set(own) - set(wnids))
    if strangers or not own:
        raise UserError(
            f"{name} has classes of which ImageNet's train has no image: {', '.join(strangers[:5]) or '(no class)'}; "
            "no neighbour could ever be right"
        )
