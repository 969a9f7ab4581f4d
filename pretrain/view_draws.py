"""What the views of an image are, and the numbers that are drawn for them on the host.

Randomness is counter-based: (root seed, view, step, sample index) -> numbers, so the views of a sample do not depend
on its batch, its rank or a restart. Boxes follow torchvision's RandomResizedCrop: whole pixels, at most ten tries (all
drawn at once), then the whole image.

Letters: B images, V views, H W image size, M blurred images.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from procgen.seeds import uniform_tables
from procmem.errors import UserError
from procmem.strict_yaml import ABOVE_ZERO, check_range

CROP_TRIES = 10
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
    kinds = config.views()
    paths = [("views", kind.name, step) for kind in kinds]
    table = uniform_tables(root_seed, paths, counters=sample_indices.cpu().numpy(), count=NUM_UNIFORMS)
    boxes = _boxes(table[..., 12:], table[..., :2], config, image_height_px, image_width_px)
    flip, is_jittered, brightness, contrast, saturation, hue, grey, blur, sigma, solarized = np.moveaxis(
        table[..., 2:12], -1, 0
    )
    strengths = ((brightness, config.brightness), (contrast, config.contrast), (saturation, config.saturation))
    factors = [_between(uniform, 1 - strength, 1 + strength) for uniform, strength in strengths]
    jitter = np.stack([*factors, _between(hue, -config.hue, config.hue)], axis=-1)
    jitter = np.where((is_jittered < config.jitter_probability)[..., None], jitter, [1.0, 1.0, 1.0, 0.0])
    is_blurred = blur < np.array([[kind.blur_probability] for kind in kinds])
    sigma_px = _between(sigma, *config.blur_sigma_px)
    return [
        ViewDraws(
            box=box,
            is_flipped=is_flipped,
            jitter=factors_and_hue,
            is_grey=is_grey,
            blurred=torch.from_numpy(np.flatnonzero(is_blurred[view])),
            blur_sigma_px=torch.from_numpy(sigma_px[view, is_blurred[view]].astype(np.float32)),
            is_solarized=is_solarized,
        )
        for view, (box, is_flipped, factors_and_hue, is_grey, is_solarized) in enumerate(
            zip(
                torch.from_numpy(boxes.astype(np.float32)),
                torch.from_numpy(flip < config.flip_probability),
                torch.from_numpy(jitter.astype(np.float32)),
                torch.from_numpy(grey < config.grey_probability),
                torch.from_numpy(solarized < np.array([[kind.solarize_probability] for kind in kinds])),
                strict=True,
            )
        )
    ]


def _boxes(tries: Table, position: Table, config: MultiCropConfig, image_height_px: int, image_width_px: int) -> Table:
    """(V, B, 4) left, top, width, height: the first of the tries that fits, else the whole image."""
    low, high = np.array([kind.crop_scale for kind in config.views()]).T[..., None, None]
    area = image_height_px * image_width_px * _between(tries[..., :CROP_TRIES], low, high)
    ratio = np.exp(_between(tries[..., CROP_TRIES:], *np.log(config.aspect_ratio)))
    width, height = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
    fits = (width >= 1) & (width <= image_width_px) & (height >= 1) & (height <= image_height_px)
    first = np.argmax(fits, axis=-1)[..., None]
    found = fits.any(axis=-1)
    width = np.where(found, np.take_along_axis(width, first, -1)[..., 0], image_width_px)
    height = np.where(found, np.take_along_axis(height, first, -1)[..., 0], image_height_px)
    left = np.floor(position[..., 0] * (image_width_px - width + 1))
    top = np.floor(position[..., 1] * (image_height_px - height + 1))
    return np.stack([left, top, width, height], axis=-1)


def _between(uniform: Table, low: float | Table, high: float | Table) -> Table:
    return low + (high - low) * uniform
