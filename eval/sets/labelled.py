"""A labelled data set in two splits, and what its loaders share.

The memory is made of `train`, the queries are `val`; which official split serves as `val` is in the split's own name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.images import LabelledImages, class_shares
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

VAL_SHARE = 3
"""One third of a set without splits is held out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set in two splits: the memory is made of `train`, the queries are `val`.

    Attributes:
        name: the data set's name.
        train: images of the memory.
        val: queries; their labels are positions in the same class names.
        levels: level -> group of each class, coarsest level first, as `memory.hierarchy.make_levels` takes them;
            empty where the classes have no levels above them.
    """

    name: str
    train: LabelledImages
    val: LabelledImages
    levels: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


def from_files(
    folder: Path,
    split: str,
    class_names: Sequence[str],
    files: Sequence[str | Path],
    labels: npt.ArrayLike,
    name: str = "",
) -> LabelledImages:
    """Images from a list of files, in the order of the list.

    Args:
        folder: what `files` are relative to.
        split: which split they are.
        class_names: C names.
        files: N paths relative to the folder.
        labels: (N,) in [0, C).
        name: of the data set; "" takes the folder's.

    Raises:
        UserError: if there are none, or a label has no name. Files are not looked for here: a missing one is named
            when it is read, and a million of them would take minutes.
    """
    chosen = np.asarray(labels, dtype=np.int64)
    if not len(files):
        raise UserError(f"no {split} image is listed in {str(folder)!r}")
    if chosen.min() < 0 or chosen.max() >= len(class_names):
        raise UserError(
            f"{str(folder)!r}: labels of {split} go from {chosen.min()} to {chosen.max()}, "
            f"but there are names for 0..{len(class_names) - 1}"
        )
    return LabelledImages(
        name=name or folder.name,
        split=split,
        class_names=tuple(class_names),
        labels=chosen,
        uris=tuple(Path(file).as_posix() for file in files),
        sources=tuple(folder / file for file in files),
    )


def from_array(
    name: str, split: str, class_names: Sequence[str], images: npt.NDArray[np.uint8], labels: npt.ArrayLike
) -> LabelledImages:
    """Images of an array (N, H, W) or (N, H, W, 3), named by their number.

    Raises:
        UserError: if there are more or fewer labels than images.
    """
    chosen = np.asarray(labels, dtype=np.int64)
    if len(chosen) != len(images):
        raise UserError(f"{name}: {len(images)} images but {len(chosen)} labels in {split}")
    uris = tuple(f"{name}/{split}/{position:06d}" for position in range(len(images)))
    return LabelledImages(
        name=name, split=split, class_names=tuple(class_names), labels=chosen, uris=uris, sources=images
    )


def check_classes(dataset: Dataset) -> Dataset:
    """The data set itself, if the memory can know every class that is asked for.

    Raises:
        UserError: if a class of `val` has no image in `train`.
    """
    names = dataset.train.class_names
    num_entries, num_queries = (np.bincount(own.labels, minlength=len(names)) for own in (dataset.train, dataset.val))
    strangers = [names[label] for label in np.flatnonzero((num_queries > 0) & (num_entries == 0))]
    if strangers:
        raise UserError(
            f"{dataset.name}: {dataset.val.split} has classes of which train has no image: {', '.join(strangers[:5])}; "
            "no neighbour could ever be right: add training images or take the class away"
        )
    return dataset


def hold_out(images: LabelledImages, num_val: int, *purpose: str) -> Dataset:
    """A set without splits as two: a seeded share of each class is held out.

    Args:
        images: the whole set.
        num_val: images to hold out, by class in their share.
        purpose: keys the draw.
    """
    chance = generator(0, *(purpose or ("hold out", images.name)))
    shares = class_shares(np.bincount(images.labels, minlength=len(images.class_names)), num_val)
    val = np.concatenate(
        [chance.permutation(np.flatnonzero(images.labels == label))[:share] for label, share in enumerate(shares)]
    )
    is_val = np.isin(np.arange(len(images)), val)
    drawn = f"{num_val} of {len(images)} held out by class, seed 0"
    return Dataset(
        name=images.name,
        train=dataclasses.replace(images.select(np.flatnonzero(~is_val), f"all but {drawn}"), split="train"),
        val=dataclasses.replace(images.select(np.flatnonzero(is_val), drawn), split="val"),
    )


def choose(kind: str, received: str, valid: Sequence[str]) -> str:
    """The variant that was asked for, the first where none was.

    Raises:
        UserError: if there is no such variant; the valid ones are named.
    """
    if not received:
        return valid[0]
    if received not in valid:
        raise unknown_name(f"variant of {kind}", received, valid)
    return received
