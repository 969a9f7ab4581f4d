"""Reading label maps: what every loader of masks shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.images import CorruptImageError, read_image
from eval.sets.masked import LabelMap
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
        num_labels: labels 0..num_labels-1 are named.
        name: of the mask, for messages.

    Raises:
        UserError: if it is of another size, or has a label without a name.
    """
    if mask.shape != image_size[::-1]:
        raise UserError(
            f"mask {name!r} is {mask.shape[1]} x {mask.shape[0]} px, its image {image_size[0]} x {image_size[1]} px"
        )
    if mask.size and not 0 <= mask.min() <= mask.max() < num_labels:
        raise UserError(
            f"mask {name!r} has labels {mask.min()}..{mask.max()}, but names are known for 0..{num_labels - 1}"
        )
    return mask
