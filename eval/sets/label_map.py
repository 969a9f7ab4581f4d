"""Images with label maps from lists of files: what every loader of masks shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from eval.images import CorruptImageError, read_image
from eval.sets.masked import IGNORED, LabelMap, MaskedImages
from eval.sets.picture_files import image_size
from procmem.errors import UserError

PALETTE_AND_GREY = ("L", "P", "1", "I", "I;16")
"""Colour modes whose pixel values are numbers, not colours."""


def read_label_map(path: Path) -> LabelMap:
    """(H, W) int64 values of a one-channel picture; a palette picture gives its positions in the palette.

    Raises:
        UserError: if the file is missing or damaged, or holds colours.
    """
    try:
        picture = read_image(path)
    except CorruptImageError as error:
        raise UserError(f"cannot read mask {str(path)!r}: {error.__cause__}") from error
    if picture.mode not in PALETTE_AND_GREY:
        raise UserError(f"mask {str(path)!r} holds colours (mode {picture.mode}); one number a pixel is needed")
    return np.asarray(picture).astype(np.int64)


def check_mask(mask: LabelMap, image_size: tuple[int, int], num_labels: int, name: str) -> LabelMap:
    """The mask itself, if it fits its image and its label names.

    Args:
        mask: (H, W).
        image_size: (width, height), as Pillow says it.
        num_labels: labels 0..num_labels-1 are named; `IGNORED` needs no name.
        name: of the image, for messages.

    Raises:
        UserError: if it is of another size, or has a label without a name.
    """
    if mask.shape != image_size[::-1]:
        own, expected = (f"{width} x {height} px" for width, height in (mask.shape[::-1], image_size))
        raise UserError(f"the mask of {name!r} is {own}, its image {expected}")
    if mask.size and not IGNORED <= mask.min() <= mask.max() < num_labels:
        raise UserError(
            f"the mask of {name!r} has labels {mask.min()}..{mask.max()}, but names are known for 0..{num_labels - 1}"
        )
    return mask


def masked_images(
    name: str,
    split: str,
    label_names: Sequence[str],
    folder: Path,
    files: Sequence[str | Path],
    read: Callable[[int], LabelMap],
) -> MaskedImages:
    """Images from a list of files, in the order of the list, whose masks are checked as they are read.

    Args:
        name: of the data set.
        split: which split they are.
        label_names: see `MaskedImages`.
        folder: what `files` are relative to.
        files: N paths.
        read: position -> label map.

    Raises:
        UserError: if there are none.
    """
    if not files:
        raise UserError(f"no {split} image is listed in {str(folder)!r}")
    paths = tuple(folder / file for file in files)

    def read_mask(position: int) -> LabelMap:
        path = paths[position]
        return check_mask(read(position), image_size(path), len(label_names), path.name)

    return MaskedImages(
        name=name,
        split=split,
        label_names=tuple(label_names),
        uris=tuple(Path(file).as_posix() for file in files),
        paths=paths,
        read_mask=read_mask,
        positions=np.arange(len(paths)),
    )
