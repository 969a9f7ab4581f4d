"""Mixing images by convex combination (mixup), by pasted boxes (cutmix), or by both, batched on any device.

Pure functions: random weights and boxes come in as tensors, drawn on the host (`draw_weights`, `draw_boxes`), so that
a CPU and a GPU mix the same way. Sums run over the sources in a fixed order in float32 and are rounded half to even
once, at the end.

Letters: S source images in one mix, B batch, H W image size.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

WeightRule = Literal["normalised_uniform", "dirichlet", "equal"]


def draw_weights(
    rule: WeightRule, num_images: int, count: int, root_seed: int, *path: int | str, alpha: float = 1.0
) -> torch.Tensor:
    """Mixing weights for `count` mixes.

    ``normalised_uniform`` is U[0, 1] divided by its sum (default of Baradad et al. 2022), ``dirichlet`` is
    Dirichlet(alpha) (with alpha = 1 what that work calls "uniform"), ``equal`` is 1/S.

    Returns:
        (S, B) float32, columns sum to 1.

    Raises:
        UserError: if the rule is unknown, `num_images` < 1 or `alpha` is not above 0.
    """
    if num_images < 1:
        raise UserError(f"a mix needs at least one image, got num_images={num_images}")
    if rule not in get_args(WeightRule):
        raise unknown_name("mixup weight rule", rule, get_args(WeightRule))
    _check_alpha(alpha)
    random = generator(root_seed, *path)
    weights: npt.NDArray[np.float64]
    if rule == "equal":
        weights = np.full((count, num_images), 1.0 / num_images)
    elif rule == "dirichlet":
        weights = random.dirichlet(np.full(num_images, alpha), size=count)
    else:
        weights = random.random((count, num_images)) + 1e-12  # never a row of zeros
        weights /= weights.sum(axis=1, keepdims=True)
    return torch.from_numpy(np.ascontiguousarray(weights.T, dtype=np.float32))


def mixup(images: list[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Convex combination: ``out[b] = round(sum_s weights[s, b] * images[s][b])``.

    Args:
        images: S tensors, each uint8 (B, 3, H, W).
        weights: (S, B) float, non-negative, columns sum to 1.

    Returns:
        uint8 (B, 3, H, W).

    Raises:
        UserError: if there are no images, shapes differ, or the weights do not fit or are not convex.
    """
    _check_images(images)
    if tuple(weights.shape) != (len(images), len(images[0])):
        raise UserError(
            f"weights must have shape {(len(images), len(images[0]))} (images, batch), got {tuple(weights.shape)}"
        )
    if not (weights >= 0).all() or not torch.allclose(weights.sum(0), torch.ones_like(weights[0]), atol=1e-4):
        raise UserError("mixing weights must be non-negative and sum to 1 for each mix")
    scale = weights.to(images[0].device, torch.float32)[:, :, None, None, None]
    total = images[0].float().mul_(scale[0])
    for image, weight in zip(images[1:], scale[1:], strict=True):
        total += image.float().mul_(weight)
    return total.round_().clamp_(0, 255).to(torch.uint8)


def draw_boxes(
    alpha: float, num_boxes: int, count: int, height_px: int, width_px: int, root_seed: int, *path: int | str
) -> torch.Tensor:
    """Boxes for `count` cutmixes, as in Yun et al. 2019 (CutMix, arXiv 1905.04899).

    A box has sides ``sqrt(1 - lambda)`` of the image's, lambda ~ Beta(alpha, alpha), a centre anywhere in the image,
    and is cut at the image's border.

    Returns:
        (num_boxes, B, 4) int64: first row, row after the last, first column, column after the last.

    Raises:
        UserError: if `num_boxes` < 1 or `alpha` is not above 0.
    """
    if num_boxes < 1:
        raise UserError(f"a cutmix needs at least one box (two images), got num_boxes={num_boxes}")
    _check_alpha(alpha)
    random = generator(root_seed, *path)
    side = np.sqrt(1 - random.beta(alpha, alpha, size=(num_boxes, count)))
    centre = random.random((2, num_boxes, count))
    ends = [
        np.rint(np.clip(middle + sign * side / 2, 0, 1) * length)
        for middle, length in zip(centre, (height_px, width_px), strict=True)
        for sign in (-1, 1)
    ]
    return torch.from_numpy(np.stack(ends, axis=-1).astype(np.int64))


def cutmix(images: list[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
    """Images 1, 2, ... pasted onto image 0, each within its box, later ones on top.

    Args:
        images: S tensors, each uint8 (B, 3, H, W).
        boxes: (S - 1, B, 4) int64 as from `draw_boxes`.

    Returns:
        uint8 (B, 3, H, W).

    Raises:
        UserError: if there are no images, shapes differ, or the boxes do not fit.
    """
    _check_images(images)
    inside = _inside(images, boxes)
    mixed = images[0]
    for image, mask in zip(images[1:], inside, strict=True):
        mixed = torch.where(mask, image, mixed)
    return mixed


def convex_cutmix(
    images: list[torch.Tensor], boxes: torch.Tensor, weights: torch.Tensor, protocol: Literal["paper"] | None = None
) -> torch.Tensor:
    """Convex combination of image 0 and boxes of the others.

    At each pixel the weights of the images that cover it are scaled to sum 1 (image 0 covers all). The published rule
    (Baradad et al. 2022) takes black outside a box instead, so that its mixes are dark where boxes are missing.

    Args:
        images: S tensors, each uint8 (B, 3, H, W).
        boxes: (S - 1, B, 4) int64 as from `draw_boxes`.
        weights: (S, B) float, non-negative, columns sum to 1, image 0's above 0.
        protocol: "paper" for the published rule.

    Returns:
        uint8 (B, 3, H, W).

    Raises:
        UserError: as `cutmix` and `mixup`.
    """
    _check_images(images)
    inside = _inside(images, boxes)
    if tuple(weights.shape) != (len(images), len(images[0])) or not (weights >= 0).all():
        raise UserError(
            f"weights must be non-negative, of shape {(len(images), len(images[0]))}, got {tuple(weights.shape)}"
        )
    scale = weights.to(images[0].device, torch.float32)[:, :, None, None, None]
    total, covered = images[0].float().mul_(scale[0]), scale[0]
    for image, weight, mask in zip(images[1:], scale[1:], inside, strict=True):
        own = mask * weight
        total += image * own
        covered = covered + own
    if protocol is None:
        total /= covered.clamp(min=1e-12)
    return total.round_().clamp_(0, 255).to(torch.uint8)


def _inside(images: list[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
    """(S - 1, B, 1, H, W) whether a pixel lies in a box."""
    B, _, H, W = images[0].shape
    if tuple(boxes.shape) != (len(images) - 1, B, 4):
        raise UserError(
            f"boxes must have shape {(len(images) - 1, B, 4)} (images - 1, batch, 4), got {tuple(boxes.shape)}"
        )
    top, bottom, left, right = boxes.to(images[0].device)[..., None].unbind(2)
    rows, columns = (torch.arange(length, device=images[0].device) for length in (H, W))
    in_row, in_column = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return (in_row[..., :, None] & in_column[..., None, :]).unsqueeze(2)


def _check_images(images: list[torch.Tensor]) -> None:
    if not images:
        raise UserError("a mix needs at least one image, got none")
    shapes = sorted({tuple(image.shape) for image in images})
    if len(shapes) > 1:
        raise UserError(f"images of one mix must have equal shapes, got {shapes}")


def _check_alpha(alpha: float) -> None:
    if not alpha > 0:
        raise UserError(f"alpha must be above 0, got {alpha}")
