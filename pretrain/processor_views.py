"""The views of a batch on a processor: what `pretrain.views` computes, arranged for one core and its cache.

Views of one size are made together, some images at a time, in an order in which those that are blurred and those whose
hue is shifted lie next to each other: nothing is gathered, scattered or computed for a view that does not need it.
Only the pixels that an output pixel needs are touched: torch's embedding bag adds weighted rows of a table, and a row
of the table is a whole column (then row) of an image. Dense products cost twice as much at 224 px and as much at 32.

Letters: B images, V views of one size, n views of a block, H W image size, S view size.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch

from pretrain.color import apply_color_map, color_map, normalize_, shift_hue_, solarize_
from pretrain.resampling import apply_taps, blur_taps, crop_taps
from pretrain.view_draws import MultiCropConfig, ViewDraws

CACHE_VALUES = 2**20
"""Pixel values of the images that are taken at a time: fewer cost calls, more leave the cache."""
NUM_CLASSES = 4
"""Of views: 0 blurred; 1 blurred, with a hue shift; 2 with a hue shift; 3 neither."""


def make_views_on_processor(
    images: torch.Tensor, config: MultiCropConfig, draws: list[ViewDraws]
) -> list[torch.Tensor]:
    """`pretrain.views.make_views` for images in memory."""
    B, C, H, W = images.shape
    block_size = max(1, CACHE_VALUES // (C * H * W))
    pairs = zip(config.views(), draws, strict=True)
    groups = [
        _SizeGroup([draw for _, draw in run], size_px, block_size, config.hue)
        for size_px, run in itertools.groupby(pairs, key=lambda pair: pair[0].size_px)
    ]
    for start in range(0, B, block_size):
        columns_first = images[start : start + block_size].permute(0, 3, 1, 2).contiguous().float().div_(255)
        for group in groups:
            group.make_block(columns_first, start)
    return [view for group in groups for view in group.views]


class _Block(NamedTuple):
    """The drawn numbers of the n views of some images, blurred ones first.

    Attributes:
        place: int64 (n,) where each view belongs among all.
        image: int64 (n,) of which image of the batch each is made.
        box: int64 (n, 4) left, top, width, height.
        is_flipped: bool (n,).
        jitter: float32 (n, 4), see `ViewDraws`.
        is_grey: bool (n,).
        is_solarized: bool (n,).
        sigma_px: float32 (n,) of the blur; 0 for none.
    """

    place: torch.Tensor
    image: torch.Tensor
    box: torch.Tensor
    is_flipped: torch.Tensor
    jitter: torch.Tensor
    is_grey: torch.Tensor
    is_solarized: torch.Tensor
    sigma_px: torch.Tensor


class _SizeGroup:
    """V views of one size of B images.

    Args:
        draws: of the V views.
        size_px: S.
        block_size: images that are taken at a time.
        max_turns: largest hue shift.

    Attributes:
        views: float32 (V, B, 3, S, S), filled by `make_block`.
    """

    def __init__(self, draws: list[ViewDraws], size_px: int, block_size: int, max_turns: float) -> None:
        B, V = len(draws[0].box), len(draws)
        self.max_turns = max_turns
        self.views = torch.empty(V, B, 3, size_px, size_px)
        sigma_px = torch.zeros(V, B)
        for view, draw in enumerate(draws):
            sigma_px[view, draw.blurred] = draw.blur_sigma_px
        box, is_flipped, jitter, is_grey, is_solarized = (
            torch.cat([getattr(draw, name) for draw in draws])
            for name in ("box", "is_flipped", "jitter", "is_grey", "is_solarized")
        )
        image, is_blurred = torch.arange(B).repeat(V), sigma_px.flatten() > 0
        is_hued = ((jitter[:, 3] != 0) & ~is_grey).long()
        block = torch.div(image, block_size, rounding_mode="floor")
        kind = block * NUM_CLASSES + torch.where(is_blurred, is_hued, 3 - is_hued)
        place = kind.argsort(stable=True)
        counts = kind.bincount(minlength=NUM_CLASSES * -(-B // block_size)).view(-1, NUM_CLASSES)
        numbers = (image, box.long(), is_flipped, jitter, is_grey, is_solarized, sigma_px.flatten())
        ends = counts.sum(1).cumsum(0)[:-1].tolist()
        ordered = (place, *(number[place] for number in numbers))
        parts = zip(*(torch.tensor_split(tensor, ends) for tensor in ordered), strict=True)
        self._blocks = zip((_Block(*part) for part in parts), counts.tolist(), strict=True)

    def make_block(self, columns_first: torch.Tensor, first_image: int) -> None:
        """Make the views of the next images.

        Args:
            columns_first: float32 (up to block_size, W, 3, H), 0..1.
            first_image: number in the batch of the first of them.
        """
        block, counts = next(self._blocks)
        hued = slice(counts[0], sum(counts[:3]))
        view = _resampled(columns_first, block, first_image, sum(counts[:2]), self.views.shape[-1])
        matrix, offset = color_map(block.jitter[:, :3], block.is_grey, view.mean((2, 3)))
        view = apply_color_map(view, matrix, offset)
        shift_hue_(view[hued], block.jitter[hued, 3], max_turns=self.max_turns)
        view.clamp_(0, 1)
        for index in block.is_solarized.nonzero()[:, 0].tolist():
            solarize_(view[index : index + 1], block.is_solarized[index : index + 1])
        self.views.view(-1, *view.shape[1:]).index_copy_(0, block.place, normalize_(view))


def _resampled(
    columns_first: torch.Tensor, block: _Block, first_image: int, num_blurred: int, size_px: int
) -> torch.Tensor:
    """Crop, resize, flip and blur: float32 (n, 3, S, S)."""
    _, W, _, H = columns_first.shape
    S, n = size_px, len(block.box)
    left, top, width, height = block.box.unbind(1)
    columns = crop_taps(left, width, block.is_flipped, input_size=W, output_size=S)
    rows = crop_taps(top, height, torch.zeros_like(block.is_flipped), input_size=H, output_size=S)
    blurred, sharp = slice(0, num_blurred), slice(num_blurred, n)
    blur = blur_taps(block.sigma_px[blurred], S)

    narrow = apply_taps(columns_first, columns, block.image - first_image)  # (n, S, 3, H)
    rows_first = torch.empty(n, H, 3, S)
    rows_first[blurred] = apply_taps(narrow[blurred], blur).permute(0, 3, 2, 1)
    rows_first[sharp] = narrow[sharp].permute(0, 3, 2, 1)

    small = apply_taps(rows_first, rows)  # (n, S, 3, S)
    view = torch.empty(n, 3, S, S)
    view[blurred] = apply_taps(small[blurred], blur).transpose(1, 2)
    view[sharp] = small[sharp].transpose(1, 2)
    return view
