"""Multi-crop views (Caron et al. 2020, 2021), batched on the device; every random draw is made on the host.

`draw_views` turns (root seed, view, step, sample index) into numbers with counter-based randomness, so the views of a
sample do not depend on its batch, its rank or a restart. `make_views` is a pure function of images and numbers:
crop, resize, flip and blur are linear maps of the two axes (`pretrain.resampling`), jitter and grey one of the colours
and a hue shift (`pretrain.color`). On a processor it takes a few images at a time, which stay in its cache, and
leaves out what changes nothing.

Blur acts before the jitter here and after it in DINO: it is linear and its weights sum to 1, so it commutes with all
of the jitter but the hue shift, and with that where neighbours have one hue. Boxes follow torchvision's
RandomResizedCrop: whole pixels, at most ten tries (all drawn at once), then the whole image.

Letters: B images, V views, H W image size, S view size.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from pretrain.color import apply_color_map, color_map, normalize, shift_hue, solarize
from pretrain.resampling import (
    Taps,
    blur_taps,
    blur_weights,
    crop_taps,
    crop_weights,
    resample,
    resample_sparse,
)
from procgen.seeds import uniforms
from procmem.errors import UserError
from procmem.strict_yaml import ABOVE_ZERO, check_range

CROP_TRIES = 10
CACHE_VALUES = 2**19
"""Pixel values that a processor takes at a time."""
NUM_UNIFORMS = 2 * CROP_TRIES + 12
"""Random numbers that one view takes."""

Table = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiCropConfig:
    """What a view is; the defaults are DINO's.

    Attributes:
        global_crop_px: side of a global crop.
        local_crop_px: side of a local crop.
        num_global_crops: global crops of an image; the first is always blurred, the others may be solarised.
        num_local_crops: local crops of an image.
        global_crop_scale: range of the area fraction kept by a global crop.
        local_crop_scale: the same for a local crop.
        aspect_ratio: range of width / height, log-uniform.
        flip_probability: chance of a left-right flip.
        jitter_probability: chance of colour jitter.
        brightness: factors are uniform in 1 - x .. 1 + x; so for contrast and saturation.
        contrast: see brightness.
        saturation: see brightness.
        hue: shift uniform in -x .. x turns.
        grey_probability: chance of losing all colour.
        blur_sigma_px: range of the Gaussian's standard deviation, in pixels of the view.
        blur_probabilities: chance of a blur for the first global, the other global, and the local crops.
        solarize_probability: chance of solarisation for the global crops after the first.
    """

    global_crop_px: int = 224
    local_crop_px: int = 96
    num_global_crops: int = 2
    num_local_crops: int = 8
    global_crop_scale: tuple[float, float] = (0.4, 1.0)
    local_crop_scale: tuple[float, float] = (0.05, 0.4)
    aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip_probability: float = 0.5
    jitter_probability: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grey_probability: float = 0.2
    blur_sigma_px: tuple[float, float] = (0.1, 2.0)
    blur_probabilities: tuple[float, float, float] = (1.0, 0.1, 0.5)
    solarize_probability: float = 0.2

    def __post_init__(self) -> None:
        if self.num_global_crops < 1 or self.num_local_crops < 0 or self.num_views < 2:
            raise UserError(
                "DINO compares at least two views, one of them global, "
                f"got num_global_crops {self.num_global_crops} and num_local_crops {self.num_local_crops}"
            )
        check_range(self, ["global_crop_px", "local_crop_px"], 1)
        check_range(self, ["flip_probability", "jitter_probability", "grey_probability", "solarize_probability"], 0, 1)
        check_range(self, ["brightness", "contrast", "saturation", "blur_probabilities"], 0, 1)
        check_range(self, ["hue"], 0, 0.5)
        check_range(self, ["global_crop_scale", "local_crop_scale"], ABOVE_ZERO, 1)
        check_range(self, ["aspect_ratio", "blur_sigma_px"], ABOVE_ZERO)
        for name in ("global_crop_scale", "local_crop_scale", "aspect_ratio", "blur_sigma_px"):
            low, high = getattr(self, name)
            if low > high:
                raise UserError(f"{name} must be (smaller, larger), got {(low, high)}")

    @property
    def num_views(self) -> int:
        """V: all views of one image."""
        return self.num_global_crops + self.num_local_crops

    def check_image_size(self, image_size_px: int) -> None:
        """Refuse images smaller than a view.

        Raises:
            UserError: if a crop is larger than the image.
        """
        for name in ("global_crop_px", "local_crop_px") if self.num_local_crops else ("global_crop_px",):
            if getattr(self, name) > image_size_px:
                raise UserError(
                    f"{name} is {getattr(self, name)}, larger than the image ({image_size_px} px); "
                    f"make images of at least {getattr(self, name)} px or crop less"
                )

    def views(self) -> tuple[ViewKind, ...]:
        """The V views of an image, global crops first."""
        blur_first, blur_other, blur_local = self.blur_probabilities
        first = ViewKind("global_0", self.global_crop_px, self.global_crop_scale, blur_first, 0.0)
        others = tuple(
            ViewKind(f"global_{i}", self.global_crop_px, self.global_crop_scale, blur_other, self.solarize_probability)
            for i in range(1, self.num_global_crops)
        )
        local = tuple(
            ViewKind(f"local_{i}", self.local_crop_px, self.local_crop_scale, blur_local, 0.0)
            for i in range(self.num_local_crops)
        )
        return (first, *others, *local)


class ViewKind(NamedTuple):
    """What is particular to one of the V views."""

    name: str
    size_px: int
    crop_scale: tuple[float, float]
    blur_probability: float
    solarize_probability: float


class ViewDraws(NamedTuple):
    """The drawn numbers of one view of B images.

    Attributes:
        box: float32 (B, 4) left, top, width, height in whole pixels.
        is_flipped: bool (B,).
        jitter: float32 (B, 4) brightness, contrast and saturation factors, hue shift in turns.
        is_grey: bool (B,).
        blurred: int64 (M,) which of the B images are blurred.
        blur_sigma_px: float32 (M,) their standard deviations.
        is_solarized: bool (B,).
    """

    box: torch.Tensor
    is_flipped: torch.Tensor
    jitter: torch.Tensor
    is_grey: torch.Tensor
    blurred: torch.Tensor
    blur_sigma_px: torch.Tensor
    is_solarized: torch.Tensor

    def part(self, start: int, stop: int) -> ViewDraws:
        """The numbers of images start to stop."""
        is_here = (self.blurred >= start) & (self.blurred < stop)
        return ViewDraws(
            box=self.box[start:stop],
            is_flipped=self.is_flipped[start:stop],
            jitter=self.jitter[start:stop],
            is_grey=self.is_grey[start:stop],
            blurred=self.blurred[is_here] - start,
            blur_sigma_px=self.blur_sigma_px[is_here],
            is_solarized=self.is_solarized[start:stop],
        )

    def to(self, device: torch.device) -> ViewDraws:
        """The same numbers on another device."""
        return ViewDraws(*(tensor.to(device, non_blocking=True) for tensor in self))


def draw_views(
    config: MultiCropConfig,
    *,
    root_seed: int,
    step: int,
    sample_indices: torch.Tensor,
    image_height_px: int,
    image_width_px: int,
) -> list[ViewDraws]:
    """Draw all views of a batch, on the host.

    Args:
        config: what a view is.
        root_seed: the run's seed.
        step: completed optimizer steps; a sample seen again later gets other views.
        sample_indices: int64 (B,).
        image_height_px: H.
        image_width_px: W.

    Returns:
        V entries, global crops first; row b depends on (root_seed, step, sample_indices[b]) only.
    """
    counters = sample_indices.cpu().numpy()
    draws = []
    for kind in config.views():
        table = uniforms(root_seed, "views", kind.name, step, counters=counters, count=NUM_UNIFORMS)
        box = _boxes(table[:, 12:], table[:, :2], kind.crop_scale, config.aspect_ratio, image_height_px, image_width_px)
        draws.append(_view_draws(config, kind, box, table[:, 2:12]))
    return draws


def make_views(images: torch.Tensor, config: MultiCropConfig, draws: list[ViewDraws]) -> list[torch.Tensor]:
    """Make the views of a batch, on the device of the images.

    Args:
        images: uint8 (B, 3, H, W).
        config: what a view is.
        draws: from `draw_views`, for this batch.

    Returns:
        V normalised views, float32 (B, 3, S, S), global crops first.
    """
    with torch.autocast(images.device.type, enabled=False):
        if images.device.type == "cpu":
            return _make_on_processor(images, config, draws)
        pixels = images.float() / 255
        return [
            _colored(_resampled(pixels, kind, draw), draw)
            for kind, draw in zip(config.views(), (draw.to(images.device) for draw in draws), strict=True)
        ]


def _resampled(images: torch.Tensor, kind: ViewKind, draws: ViewDraws) -> torch.Tensor:
    """Crop, resize, flip and blur float32 images (B, 3, H, W) by matrix products: (B, 3, S, S)."""
    (H, W), size_px = images.shape[-2:], kind.size_px
    left, top, width, height = draws.box.unbind(1)
    rows = crop_weights(top, height, input_size=H, output_size=size_px)
    columns = crop_weights(left, width, input_size=W, output_size=size_px, flip=draws.is_flipped)
    blur = blur_weights(draws.blur_sigma_px, size_px)
    rows[draws.blurred] = blur @ rows[draws.blurred]
    columns[draws.blurred] = blur @ columns[draws.blurred]
    return resample(images, rows, columns)


def _colored(view: torch.Tensor, draws: ViewDraws) -> torch.Tensor:
    """Jitter, grey, solarise and normalise float32 (B, 3, S, S)."""
    matrix, offset = color_map(draws.jitter[:, :3], draws.is_grey, view.mean((2, 3)))
    view = shift_hue(apply_color_map(view, matrix, offset), draws.jitter[:, 3]).clamp_(0, 1)
    return normalize(solarize(view, draws.is_solarized))


def _make_on_processor(images: torch.Tensor, config: MultiCropConfig, draws: list[ViewDraws]) -> list[torch.Tensor]:
    B, C, H, W = images.shape
    kinds = config.views()
    taps = [_crop_taps(kind, draw, H, W) for kind, draw in zip(kinds, draws, strict=True)]
    views = [torch.empty(B, C, kind.size_px, kind.size_px) for kind in kinds]
    step = max(1, CACHE_VALUES // (C * H * W))
    for start in range(0, B, step):
        some = slice(start, start + step)
        columns_first = (images[some].float() / 255).permute(0, 3, 1, 2).contiguous()
        for view, kind, draw, (rows, columns) in zip(views, kinds, draws, taps, strict=True):
            part = draw.part(start, start + step)
            blur = blur_taps(part.blur_sigma_px, kind.size_px) if len(part.blurred) else None
            resampled = resample_sparse(columns_first, rows.part(some), columns.part(some), part.blurred, blur)
            view[some] = _colored_sparse(resampled, part)
    return views


def _crop_taps(kind: ViewKind, draws: ViewDraws, image_height_px: int, image_width_px: int) -> tuple[Taps, Taps]:
    """Of the vertical and the horizontal axis."""
    left, top, width, height = draws.box.unbind(1)
    rows = crop_taps(top, height, input_size=image_height_px, output_size=kind.size_px)
    return rows, crop_taps(left, width, input_size=image_width_px, output_size=kind.size_px, flip=draws.is_flipped)


def _colored_sparse(view: torch.Tensor, draws: ViewDraws) -> torch.Tensor:
    """What `_colored` does, without shifting the hue where there is no shift or no colour, and in place."""
    matrix, offset = color_map(draws.jitter[:, :3], draws.is_grey, view.mean((2, 3)))
    view = apply_color_map(view, matrix, offset)
    turns = draws.jitter[:, 3]
    shifted = ((turns != 0) & ~draws.is_grey).nonzero()[:, 0]
    if len(shifted):
        view[shifted] = shift_hue(view[shifted], turns[shifted])
    view.clamp_(0, 1)
    solarized = draws.is_solarized.nonzero()[:, 0]
    if len(solarized):
        view[solarized] = solarize(view[solarized], draws.is_solarized[solarized])
    return normalize(view)


def _boxes(
    tries: Table,
    position: Table,
    scale: tuple[float, float],
    aspect_ratio: tuple[float, float],
    image_height_px: int,
    image_width_px: int,
) -> Table:
    """(B, 4) left, top, width, height: the first of the tries that fits, else the whole image."""
    area = image_height_px * image_width_px * _between(tries[:, :CROP_TRIES], *scale)
    ratio = np.exp(_between(tries[:, CROP_TRIES:], *np.log(aspect_ratio)))
    width, height = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
    fits = (width >= 1) & (width <= image_width_px) & (height >= 1) & (height <= image_height_px)
    first = np.argmax(fits, axis=1)[:, None]
    found = fits.any(axis=1)
    width = np.where(found, np.take_along_axis(width, first, 1)[:, 0], image_width_px)
    height = np.where(found, np.take_along_axis(height, first, 1)[:, 0], image_height_px)
    left = np.floor(position[:, 0] * (image_width_px - width + 1))
    top = np.floor(position[:, 1] * (image_height_px - height + 1))
    return np.stack([left, top, width, height], axis=1)


def _view_draws(config: MultiCropConfig, kind: ViewKind, box: Table, table: Table) -> ViewDraws:
    """Turn (B, 10) uniform numbers into everything but the box."""
    flip, is_jittered, brightness, contrast, saturation, hue, grey, blur, sigma, solarized = table.T
    strengths = ((brightness, config.brightness), (contrast, config.contrast), (saturation, config.saturation))
    factors = [_between(uniform, 1 - strength, 1 + strength) for uniform, strength in strengths]
    jitter = np.stack([*factors, _between(hue, -config.hue, config.hue)], axis=1)
    jitter = np.where((is_jittered < config.jitter_probability)[:, None], jitter, [1.0, 1.0, 1.0, 0.0])
    blurred = np.flatnonzero(blur < kind.blur_probability)
    return ViewDraws(
        box=torch.from_numpy(box.astype(np.float32)),
        is_flipped=torch.from_numpy(flip < config.flip_probability),
        jitter=torch.from_numpy(jitter.astype(np.float32)),
        is_grey=torch.from_numpy(grey < config.grey_probability),
        blurred=torch.from_numpy(blurred),
        blur_sigma_px=torch.from_numpy(_between(sigma[blurred], *config.blur_sigma_px).astype(np.float32)),
        is_solarized=torch.from_numpy(solarized < kind.solarize_probability),
    )


def _between(uniform: Table, low: float, high: float) -> Table:
    return low + (high - low) * uniform
