"""Colour jitter, grey, solarise and normalise for a batch of images, each as torchvision defines it.

A name that ends in _ works in place, as torch's do.

Brightness, contrast, saturation and grey are affine maps of a pixel's colour that commute, so together they are one
3x3 matrix and one offset an image, applied to all pixels in one product. The hue shift of HSV is not affine: it
follows, exact, in some fifteen passes over the pixels. A linear turn about the grey axis would be one more matrix for
nothing, but it missed torchvision's result by 70 % of the shift's own size.

Two differences from torchvision, measured in the tests: values are clamped to 0..1 once, at the end, not after every
step; and the hue shift comes last instead of in a random place, which moves the other three only by the luma that it
changes.

Letters: B images, S view size.
"""

from __future__ import annotations

import math

import torch

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601), as in PIL and torchvision."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def color_map(factors: torch.Tensor, is_grey: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compose brightness b, contrast c, saturation s and grey (saturation 0) of each image.

    With Y the luma of a pixel: colour -> b (c (s colour + (1 - s) Y) + (1 - c) mean of Y over the image).

    Args:
        factors: (B, 3) brightness, contrast and saturation; 1 changes nothing.
        is_grey: (B,) bool.

    Returns:
        matrix (B, 3, 3) and contrast_row (B, 3): the new colour is ``matrix @ colour + contrast_row @ mean colour``,
        the mean being that of the image to which the map is applied.
    """
    brightness, contrast, saturation = factors.unbind(1)
    saturation = torch.where(is_grey, 0, saturation)[:, None, None]
    luma = torch.tensor(LUMA, device=factors.device)
    blend = saturation * torch.eye(3, device=factors.device) + (1 - saturation) * luma.expand(3, 3)
    return (brightness * contrast)[:, None, None] * blend, (brightness * (1 - contrast))[:, None] * luma


def apply_color_map(images: torch.Tensor, matrix: torch.Tensor, contrast_row: torch.Tensor) -> torch.Tensor:
    """Apply `color_map` to float32 (B, 3, S, S) images; values may leave 0..1."""
    pixels = images.flatten(2)
    offset = (contrast_row * pixels.mean(2)).sum(1)
    return torch.baddbmm(offset[:, None, None], matrix, pixels).view_as(images)


def shift_hue_(images: torch.Tensor, turns: torch.Tensor, *, max_turns: float) -> torch.Tensor:
    """Shift the hue of HSV in place, largest and smallest channel kept.

    HSV gives each channel a trapezoid of the hue, between low and high (Smith 1978). A shift by t <= 1 sixth of a turn
    moves a channel by what the difference of the other two exceeds (1 - t) (high - low), and low and high stop it::

        excess = (green - blue) - clamp(green - blue, +-(1 - t) (high - low))
        red = clamp(red - sign of the shift * excess, low, high)

    which is exact, and takes a third of the passes that going through the hue takes. Larger shifts are several such.

    Args:
        images: float32 (B, 3, S, S).
        turns: (B,) share of a full turn; positive goes from red towards green.
        max_turns: no shift is larger, on the host, where it decides how many passes are made.

    Returns:
        The images.
    """
    num_passes = max(1, math.ceil(6 * max_turns))
    sixths = (6 / num_passes * turns)[:, None, None]
    sign, kept = sixths.sign(), 1 - sixths.abs()
    pixels = images.view(*images.shape[:2], images.shape[2] * images.shape[3])
    red, green, blue = pixels[:, 0:1], pixels[:, 1:2], pixels[:, 2:3]
    excess = torch.empty_like(pixels)
    for _ in range(num_passes):
        high, low = pixels.amax(1, keepdim=True), pixels.amin(1, keepdim=True)
        limit = (high - low).mul_(kept)
        for channel, (first, second) in enumerate(((green, blue), (blue, red), (red, green))):
            torch.sub(first, second, out=excess[:, channel : channel + 1])
        excess.sub_(excess.clamp(-limit, limit))
        torch.clamp(pixels.addcmul_(excess, sign, value=-1), low, high, out=pixels)
    return images


def solarize_(images: torch.Tensor, is_solarized: torch.Tensor) -> torch.Tensor:
    """Invert the bright half of the images marked in `is_solarized` (B,), in place; float32 (B, 3, S, S), 0..1.

    PIL inverts bytes from 128 on, which before rounding is from 0.5 on; so the result is the smaller of x and 1 - x.
    """
    mirror = torch.where(is_solarized, 1.0, 2.0)[:, None, None, None]  # 2 - x is never the smaller
    return torch.minimum(images, mirror - images, out=images)


def normalize_(images: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
    """Subtract ImageNet's mean and divide by its standard deviation, in place or into `out`.

    Args:
        images: float32 (..., 3, H, W), 0..1.
        out: of the same shape; None for the images themselves.
    """
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(3, 1, 1)
    return torch.sub(images, mean, out=images if out is None else out).mul_(1 / std)
