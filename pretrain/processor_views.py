"""The views of a batch on a processor: what `pretrain.views` computes, arranged for one core and its cache.

Views of one size are made together, some images at a time, in an order in which those that are blurred and those whose
hue is shifted lie next to each other: nothing is gathered, scattered or computed for a view that does not need it.
What does not depend on pixels is made for the whole batch at once, since each of torch's calls costs microseconds.

Few images at a time keep what lies between two passes so small that the C library does not give it back to the system
between two steps, to take it again page by page: that took up to a third of the time at twice the images.

Letters: B images, V views of one size, n views of a block, H W image size, S view size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from pretrain.color import apply_color_map, color_map, normalize_, shift_hue_, solarize_
from pretrain.taps import Taps, apply_taps, blur_taps, crop_taps
from pretrain.view_draws import MultiCropConfig, ViewDraws

CACHE_VALUES = 2**19
"""Pixel values of the images that are taken at a time: fewer cost calls, more cost memory."""
NUM_CLASSES = 4
"""Of views: 0 blurred; 1 blurred, with a hue shift; 2 with a hue shift; 3 neither."""


def make_views_on_processor(
    images: torch.Tensor, config: MultiCropConfig, draws: list[ViewDraws]
) -> list[torch.Tensor]:
    """`pretrain.views.make_views` for images in memory."""
    B, C, H, W = images.shape
    block_size = max(1, CACHE_VALUES // (C * H * W))
    made, blocks_of_sizes = [], []
    pairs = zip(config.views(), draws, strict=True)
    for size_px, run in itertools.groupby(pairs, key=lambda pair: pair[0].size_px):
        alike = [draw for _, draw in run]
        made.append(torch.empty(len(alike), B, C, size_px, size_px))
        blocks_of_sizes.append(_blocks(alike, size_px, (H, W), block_size))
    for start in range(0, B, block_size):
        taken = slice(start, start + block_size)
        columns_first = images[taken].permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        for views, blocks in zip(made, blocks_of_sizes, strict=True):
            _make_block(columns_first.flatten(0, 1), next(blocks), config.hue, out=views[:, taken])
    return [view for views in made for view in views]


class _Block(NamedTuple):
    """The n views of some images: those that are blurred first, those whose hue is shifted next to each other.

    Attributes:
        columns: of the images of the block; makes 0..1 of 0..255.
        rows: of the n views.
        blur: of the blurred ones.
        matrix: float32 (n, 3, 3), see `color_map`.
        contrast_row: float32 (n, 3), see `color_map`.
        turns: float32 (n,) hue shift.
        hued: where there is one.
        is_solarized: bool (n,).
        order: int64 (n,) which of the n comes first, second ... by view and image.
    """

    columns: Taps
    rows: Taps
    blur: Taps
    matrix: torch.Tensor
    contrast_row: torch.Tensor
    turns: torch.Tensor
    hued: slice
    is_solarized: torch.Tensor
    order: torch.Tensor


def _blocks(draws: list[ViewDraws], size_px: int, image_size_px: tuple[int, int], block_size: int) -> Iterator[_Block]:
    """Put the views of one size in order and split them into blocks of images."""
    B, V, (H, W) = len(draws[0].box), len(draws), image_size_px
    sigma_px = torch.zeros(V, B)
    for view, draw in enumerate(draws):
        sigma_px[view, draw.blurred] = draw.blur_sigma_px
    names = ("box", "is_flipped", "jitter", "is_grey", "is_solarized")
    numbers = [sigma_px.flatten(), *(torch.cat([getattr(draw, name) for draw in draws]) for name in names)]
    is_blurred, is_hued = (numbers[0] > 0).numpy(), ((numbers[3][:, 3] != 0) & ~numbers[4]).numpy()

    block, image = np.divmod(np.tile(np.arange(B, dtype=np.int32), V), block_size)
    kind = block * NUM_CLASSES + np.where(is_blurred, is_hued, 3 - is_hued)
    place = kind.argsort(kind="stable")
    counts = np.bincount(kind, minlength=NUM_CLASSES * -(-B // block_size)).reshape(-1, NUM_CLASSES)
    sizes, num_blurred = counts.sum(1), counts[:, :2].sum(1)
    row = (np.arange(V * B) - np.repeat(sizes.cumsum() - sizes, sizes)).astype(np.int32)  # in its block

    order = torch.from_numpy(place)
    sigma, box, is_flipped, jitter, is_grey, is_solarized = (number[order] for number in numbers)
    left, top, width, height = box.int().numpy().T
    never = np.zeros(V * B, np.int32)
    columns = crop_taps(left, width, is_flipped.int().numpy(), output_size=size_px, table_row=image[place] * W)
    np.divide(columns.weight, 255, out=columns.weight)
    rows = crop_taps(top, height, never, output_size=size_px, table_row=row * H)
    blurred = is_blurred[place]
    blur = blur_taps(sigma.numpy()[blurred], size_px, table_row=row[blurred] * size_px)
    matrix, contrast_row = color_map(jitter[:, :3], is_grey)

    start = start_blur = 0
    for (_, *hued, _), size, size_blur in zip(counts.tolist(), sizes.tolist(), num_blurred.tolist(), strict=True):
        ours = slice(start, start + size)
        first_hued = size_blur - hued[0]
        yield _Block(
            columns=columns.of(start, start + size),
            rows=rows.of(start, start + size),
            blur=blur.of(start_blur, start_blur + size_blur),
            matrix=matrix[ours],
            contrast_row=contrast_row[ours],
            turns=jitter[ours, 3],
            hued=slice(first_hued, first_hued + sum(hued)),
            is_solarized=is_solarized[ours],
            order=order[ours].argsort(),
        )
        start, start_blur = start + size, start_blur + size_blur


def _make_block(columns_first: torch.Tensor, block: _Block, max_turns: float, *, out: torch.Tensor) -> None:
    """Make the views of some images.

    Args:
        columns_first: float32 (images * W, 3, H), 0..255.
        block: what to make.
        max_turns: no hue shift is larger.
        out: float32 (V, images, 3, S, S), filled.
    """
    view = _resampled(columns_first, block)
    view = apply_color_map(view, block.matrix, block.contrast_row)
    shift_hue_(view[block.hued], block.turns[block.hued], max_turns=max_turns)
    view.clamp_(0, 1)
    solarized = block.is_solarized.nonzero()[:, 0]
    if len(solarized):
        view[solarized] = solarize_(view[solarized], block.is_solarized[solarized])
    normalize_(view.index_select(0, block.order).view_as(out), out=out)


def _resampled(columns_first: torch.Tensor, block: _Block) -> torch.Tensor:
    """Crop, resize, flip and blur: float32 (n, 3, S, S)."""
    n, S, H = len(block.matrix), block.columns.size, columns_first.shape[-1]
    num_blurred = (len(block.blur.first) - 1) // S
    blurred, sharp = slice(0, num_blurred), slice(num_blurred, n)

    narrow = apply_taps(columns_first, block.columns)  # (n, S, 3, H)
    rows_first = torch.empty(n, H, 3, S)
    rows_first[blurred] = apply_taps(narrow[blurred].flatten(0, 1), block.blur).permute(0, 3, 2, 1)
    rows_first[sharp] = narrow[sharp].permute(0, 3, 2, 1)

    small = apply_taps(rows_first.flatten(0, 1), block.rows)  # (n, S, 3, S)
    view = torch.empty(n, 3, S, S)
    view[blurred] = apply_taps(small[blurred].flatten(0, 1), block.blur).transpose(1, 2)
    view[sharp] = small[sharp].transpose(1, 2)
    return view
