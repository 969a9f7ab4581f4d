"""Mixing images by convex combination (mixup), batched on any device.

A pure function: random weights come in as a tensor, drawn on the host (`draw_weights`), so that a CPU and a GPU mix
the same way. The sum runs over the sources in a fixed order in float32 and is rounded half to even once, at the end.

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


def draw_weights(rule: WeightRule, num_images: int, count: int, root_seed: int, *path: int | str) -> torch.Tensor:
    """Mixing weights for `count` mixes.

    ``normalised_uniform`` is U[0, 1] divided by its sum (default of Baradad et al. 2022), ``dirichlet`` is Dirichlet(1)
    (what that work calls "uniform"), ``equal`` is 1/S.

    Returns:
        (S, B) float32, columns sum to 1.

    Raises:
        UserError: if the rule is unknown or `num_images` < 1.
    """
    if num_images < 1:
        raise UserError(f"a mix needs at least one image, got num_images={num_images}")
    if rule not in get_args(WeightRule):
        raise unknown_name("mixup weight rule", rule, get_args(WeightRule))
    random = generator(root_seed, *path)
    weights: npt.NDArray[np.float64]
    if rule == "equal":
        weights = np.full((count, num_images), 1.0 / num_images)
    elif rule == "dirichlet":
        weights = random.dirichlet(np.ones(num_images), size=count)
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
    if not images:
        raise UserError("a mix needs at least one image, got none")
    shapes = sorted({tuple(image.shape) for image in images})
    if len(shapes) > 1:
        raise UserError(f"images of one mix must have equal shapes, got {shapes}")
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
