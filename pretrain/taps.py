"""Crop, resize, flip and blur on a processor: only the pixels that an output pixel needs are touched.

The weights are those of `pretrain.resampling`, without their zeros. Torch's embedding bag adds weighted rows of a
table, and a row of the table is a whole row of pixels, so nothing is gathered one by one. Each output pixel has its own
number of taps (a narrow blur has few): padded to the widest, the sums took twice the time. Lists of taps are put
together by NumPy, whose `concatenate` and `repeat` cost a fifth of torch's here.

Letters: n views, N input size, S output size, T taps of all views.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from pretrain.resampling import BICUBIC_SUPPORT, cubic

BLUR_SUPPORT_SIGMAS = 4.0
"""Where the blur ends: beyond lies a share of 6e-5 of the weight, a 60th of what a byte rounds away."""

Integers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Taps:
    """Weighted sums of table rows: output o is the sum of weight[t] * table[index[t]] for first[o] <= t < first[o + 1].

    Attributes:
        index: (T,) rows of the table.
        weight: (T,); sums to 1 over an output.
        first: (n * S + 1,), S outputs for each view.
        size: S.
    """

    index: Integers
    weight: Floats
    first: Integers
    size: int

    def of(self, start: int, stop: int) -> Taps:
        """The taps of views start .. stop - 1."""
        first = self.first[start * self.size : stop * self.size + 1]
        taps = slice(first[0], first[-1])
        return Taps(self.index[taps], self.weight[taps], first - first[0], self.size)


def crop_taps(start: Integers, length: Integers, flip: Integers, *, output_size: int, table_row: Integers) -> Taps:
    """The weights of `crop_weights`.

    Args:
        start: (n,) first pixel of each crop.
        length: (n,) pixels in the crop.
        flip: (n,) 1 where the output runs backwards, else 0.
        output_size: S.
        table_row: (n,) where in the table the axis of this view begins.
    """
    patterns = [_crop_pattern(int(px), output_size)[way] for px, way in zip(length, flip, strict=True)]
    index, weight, first, _ = _joined(patterns, start + table_row)
    return Taps(index, weight, first, output_size)


def blur_taps(sigma_px: Floats, size: int, *, table_row: Integers) -> Taps:
    """The weights of `blur_weights` up to four standard deviations.

    Args:
        sigma_px: (n,) standard deviation of each view.
        size: S.
        table_row: (n,) as for `crop_taps`.
    """
    patterns = [_blur_pattern(math.ceil(BLUR_SUPPORT_SIGMAS * float(sigma)), size) for sigma in sigma_px]
    index, squared_distance, first, num_taps = _joined(patterns, table_row)
    weight = np.exp(squared_distance * np.repeat(-0.5 / np.square(sigma_px), num_taps))
    if len(weight):
        weight /= np.repeat(np.add.reduceat(weight, first[:-1]), np.diff(first))
    return Taps(index, weight, first, size)


def apply_taps(table: torch.Tensor, taps: Taps) -> torch.Tensor:
    """Weighted sums of the rows of a table.

    Args:
        table: float32 (rows, ...).
        taps: of n views.

    Returns:
        float32 (n, S, ...).
    """
    sums = F.embedding_bag(
        torch.from_numpy(taps.index),
        table.flatten(1),
        torch.from_numpy(taps.first),
        per_sample_weights=torch.from_numpy(taps.weight),
        mode="sum",
        include_last_offset=True,
    )
    return sums.view(-1, taps.size, *table.shape[1:])


Pattern = tuple[Integers, Floats, Integers]
"""Of one view: the pixel of each tap, its weight (or what gives it), and the number of taps of each output."""
NO_TAPS: Pattern = (np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(1, np.int32))


@functools.lru_cache(maxsize=4096)
def _crop_pattern(length: int, output_size: int) -> tuple[Pattern, Pattern]:
    """Of the first pixels of an axis, forwards and backwards: but for its start, a crop is given by its length."""
    scale = length / output_size
    width = max(1.0, scale)
    center_S = (torch.arange(output_size) + 0.5) * scale
    first_S = (center_S - BICUBIC_SUPPORT * width).floor().clamp(min=0)
    pixel_SK = first_S[:, None] + torch.arange(math.ceil(2 * BICUBIC_SUPPORT * width) + 1)
    weight_SK = cubic((pixel_SK + 0.5 - center_S[:, None]) / width) * (pixel_SK < length)
    weight_SK /= weight_SK.sum(1, keepdim=True)
    forwards, backwards = (
        _pattern(pixel.numpy(), weight.numpy(), weight.numpy() != 0)
        for pixel, weight in ((pixel_SK, weight_SK), (pixel_SK.flip(0), weight_SK.flip(0)))
    )
    return forwards, backwards


@functools.lru_cache(maxsize=256)
def _blur_pattern(radius: int, size: int) -> Pattern:
    """Squared distances stand where the weights will be."""
    offset_K = np.arange(-radius, radius + 1)
    pixel_SK = np.arange(size)[:, None] + offset_K
    return _pattern(pixel_SK, np.broadcast_to(offset_K**2, pixel_SK.shape), (pixel_SK >= 0) & (pixel_SK < size))


def _pattern(
    pixel_SK: npt.NDArray[np.generic], weight_SK: npt.NDArray[np.generic], keep_SK: npt.NDArray[np.bool_]
) -> Pattern:
    return pixel_SK[keep_SK].astype(np.int32), weight_SK[keep_SK].astype(np.float32), keep_SK.sum(1, dtype=np.int32)


def _joined(patterns: Sequence[Pattern], table_row: Integers) -> tuple[Integers, Floats, Integers, Integers]:
    """Index (T,), weight (T,), first (n S + 1,) of all views, and how many taps each has (n,)."""
    index, weight, count = (np.concatenate(part) for part in zip(NO_TAPS, *patterns, strict=True))
    num_taps = np.array([len(pattern[0]) for pattern in patterns], np.int32)
    index += np.repeat(table_row, num_taps)
    return index, weight, np.cumsum(count, dtype=np.int32), num_taps
