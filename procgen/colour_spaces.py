"""Colour spaces in which colours are told apart, as bytes: whole numbers 0..255 in, whole numbers 0..255 out.

Letters: B batch, H W image size.
"""

from __future__ import annotations

from typing import Literal

import torch

ColourSpace = Literal["rgb", "luminance", "oklab"]

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Rec. 709 luma weights."""
_TO_CONE = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
"""Linear sRGB to cone responses, and their cube roots to OKLab (Ottosson 2020, bottosson.github.io/posts/oklab)."""


def convert(images: torch.Tensor, colour_space: ColourSpace) -> torch.Tensor:
    """Images in another colour space.

    Args:
        images: uint8 (B, 3, H, W), sRGB.
        colour_space: rgb (as they are), luminance (one channel, Rec. 709 luma) or oklab (perceptual; L, a + 1/2 and
            b + 1/2 in [0, 1] become 0..255, so that distances are OKLab's times 255).

    Returns:
        uint8 (B, C, H, W), C = 1 for luminance, else 3.
    """
    if colour_space == "rgb":
        return images
    if colour_space == "luminance":
        return _combine(images.float(), LUMINANCE).round_().to(torch.uint8).unsqueeze(1)
    cones = [_combine(_linear(images), row).clamp_(min=0) ** (1 / 3) for row in _TO_CONE]
    channels = torch.stack([_combine(torch.stack(cones, dim=1), row) for row in _TO_OKLAB], dim=1)
    channels[:, 1:] += 0.5
    return channels.mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def _linear(images: torch.Tensor) -> torch.Tensor:
    """SRGB bytes to linear light in [0, 1], by a table of 256 values."""
    value = torch.arange(256, dtype=torch.float64) / 255
    table = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return table.float().to(images.device)[images.int()]


def _combine(channels: torch.Tensor, weights: tuple[float, float, float]) -> torch.Tensor:
    """(B, H, W) weighted sum of three channels, in order."""
    return channels[:, 0] * weights[0] + channels[:, 1] * weights[1] + channels[:, 2] * weights[2]
