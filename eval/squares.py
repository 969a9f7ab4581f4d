"""The square that an encoder sees of an image, and the same square of its label map.

Tokens and labels must lie on each other, so the image's resize and crop are written once as a box in the pixels of the
original: the label map is sampled (nearest) at the centres of a grid over that box, never resized twice.

    crop         as every embedding is made: shorter side to S * 256 / 224, centre S x S; the shape is kept
    short_side   shorter side to S, centre S x S; the shape is kept and less is cut off
    squash       the whole image, its shape bent to a square (the papers' PCA score)

Letters: S side of the square, G side of a grid of labels, H W size of the original.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from eval.sets.masked import LabelMap
from pretrain.preprocessing import RESIZE_OVER_CROP, to_rgb, to_square

Square = Literal["crop", "short_side", "squash"]
Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the original."""


def square_of_image(image: Image.Image, size_px: int, square: Square) -> torch.Tensor:
    """(3, S, S) uint8 of any Pillow image.

    Raises:
        UserError: if the colour mode cannot be made RGB.
    """
    if square == "crop":
        return to_square(image, size_px)
    upright = to_rgb(ImageOps.exif_transpose(image))
    if square == "squash":
        resized = upright.resize((size_px, size_px), Image.Resampling.BICUBIC)
    else:
        (width, height), left, top = _resized(upright.size, size_px, size_px)
        resized = upright.resize((width, height), Image.Resampling.BICUBIC)
        resized = resized.crop((left, top, left + size_px, top + size_px))
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()


def square_of_mask(mask: LabelMap, size_px: int, square: Square, grid: int) -> LabelMap:
    """Labels (G, G) at the centres of a grid over the square that `square_of_image` cuts.

    Args:
        mask: (H, W) labels.
        size_px: S.
        square: which square.
        grid: G.
    """
    height, width = mask.shape
    left, top, box_width, box_height = square_box((width, height), size_px, square)
    rows, columns = _centres(top, box_height, grid, height), _centres(left, box_width, grid, width)
    return mask[rows[:, None], columns]


def square_box(size: tuple[int, int], size_px: int, square: Square) -> Box:
    """Where the square lies in an image of this (width, height)."""
    if square == "squash":
        return 0.0, 0.0, float(size[0]), float(size[1])
    shorter = round(size_px * RESIZE_OVER_CROP) if square == "crop" else size_px
    (width, height), left, top = _resized(size, shorter, size_px)
    across, down = size[0] / width, size[1] / height
    return left * across, top * down, size_px * across, size_px * down


def _resized(size: tuple[int, int], shorter: int, size_px: int) -> tuple[tuple[int, int], int, int]:
    """Size after the resize, and left and top of the centre square; the rounding is that of `to_square`."""
    width, height = (shorter * side // min(size) for side in size)
    return (width, height), round((width - size_px) / 2), round((height - size_px) / 2)


def _centres(start: float, length: float, grid: int, size: int) -> npt.NDArray[np.int64]:
    """Pixels of the original under the centres of G equal steps."""
    return np.clip(np.floor(start + (np.arange(grid) + 0.5) * length / grid), 0, size - 1).astype(np.int64)
