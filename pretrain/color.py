"""Colour jitter, grey, solarise and normalise for a batch of images, each as torchvision defines it.

Brightness, contrast, saturation and grey are affine maps of a pixel's colour that commute, so together they are one
3x3 matrix and one offset an image, applied to all pixels in one product. The hue shift of HSV is not affine: it
follows, exact, in some twenty passes over the pixels. A linear turn about the grey axis would be one more matrix for
nothing, but it missed torchvision's result by 70 % of the shift's own size.

Two differences from torchvision, measured in the tests: values are clamped to 0..1 once, at the end, not after every
step; and the hue shift comes last instead of in a random place, which moves the other three only by the luma that it
changes.

Letters: B images, S view size.
"""

from __future__ import annotations

import torch

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601), as in PIL and torchvision."""
SMALLEST_CHROMA = 1e-8
"""Divisor for grey pixels, whose hue has no meaning."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def color_map(
    factors: torch.Tensor, is_grey: torch.Tensor, mean_color: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compose brightness b, contrast c, saturation s and grey (saturation 0) of each image.

    With Y the luma of a pixel: colour -> b (c (s colour + (1 - s) Y) + (1 - c) mean of Y over the image).

    Args:
        factors: (B, 3) brightness, contrast and saturation; 1 changes nothing.
        is_grey: (B,) bool.
        mean_color: (B, 3) mean of the image to which the map will be applied, 0..1.

    Returns:
        matrix (B, 3, 3) and offset (B, 3): the new colour is ``matrix @ colour + offset``.
    """
    brightness, contrast, saturation = factors.unbind(1)
    saturation = torch.where(is_grey, 0, saturation)[:, None, None]
    luma = torch.tensor(LUMA, device=factors.device)
    blend = saturation * torch.eye(3, device=factors.device) + (1 - saturation) * luma.expand(3, 3)
    offset = brightness * (1 - contrast) * (mean_color @ luma)
    return (brightness * contrast)[:, None, None] * blend, offset[:, None].expand(-1, 3)


def apply_color_map(images: torch.Tensor, matrix: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """Apply `color_map` to float32 (B, 3, S, S) images; values may leave 0..1."""
    return torch.baddbmm(offset[:, :, None], matrix, images.flatten(2)).view_as(images)


def shift_hue(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Shift the hue of HSV, largest and smallest channel kept.

    Args:
        images: float32 (B, 3, S, S).
        turns: (B,) share of a full turn; positive goes from red towards green.

    Returns:
        float32 (B, 3, S, S).
    """
    red, green, blue = images.unbind(1)
    high = torch.maximum(torch.maximum(red, green), blue)
    chroma = high - torch.minimum(torch.minimum(red, green), blue)
    divisor = chroma.clamp(min=SMALLEST_CHROMA)
    sixths = torch.where(high == green, (blue - red).div_(divisor).add_(2), (red - green).div_(divisor).add_(4))
    sixths = torch.where(high == red, (green - blue).div_(divisor), sixths).add_(6 * turns[:, None, None])
    # A channel falls from high to low and back with the distance of the hue from that channel's own (Smith 1978).
    result = torch.empty_like(images)
    for channel, phase in enumerate((3, 1, -1)):
        distance = sixths + phase
        distance.sub_((distance / 6).round_().mul_(6)).abs_()
        below_high = distance.neg_().add_(2).clamp_(0, 1)
        torch.addcmul(high, below_high, chroma, value=-1, out=result[:, channel])
    return result


def solarize(images: torch.Tensor, is_solarized: torch.Tensor) -> torch.Tensor:
    """Invert the bright half of the images marked in `is_solarized` (B,); images float32 (B, 3, S, S), 0..1.

    PIL inverts bytes from 128 on, which before rounding is from 0.5 on; so the result is the smaller of x and 1 - x.
    """
    mirror = torch.where(is_solarized, 1.0, 2.0)[:, None, None, None]  # 2 - x is never the smaller
    return torch.minimum(images, mirror - images)


def normalize(images: torch.Tensor) -> torch.Tensor:
    """Subtract ImageNet's mean and divide by its standard deviation; images float32 (..., 3, H, W), 0..1."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(3, 1, 1)
    return (images - mean) / std
