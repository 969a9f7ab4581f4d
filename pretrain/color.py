"""Colour jitter and grey as one affine map of colours per image; solarise and normalise.

Brightness, contrast, saturation, hue and grey, each as torchvision defines it, are affine maps of a pixel's colour
(contrast needs the mean luma, which an affine map lets us follow without looking at the pixels again). Any order of
them is therefore one 3x3 matrix and one offset, drawn per image and applied to all pixels in one product.

Two approximations, both measured in the tests:

* values are clamped to 0..1 once, at the end, where torchvision clamps after every step;
* hue turns the chroma plane of YIQ (luma kept), where torchvision shifts the hue of HSV (largest channel kept).

The exact chain was rejected: its HSV conversion alone costs four times the rest of a view.

Letters: B images, S view size.
"""

from __future__ import annotations

import math

import torch

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601), as in PIL and torchvision."""
YIQ = (LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
"""RGB to YIQ (NTSC 1953): luma and two chroma axes."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SOLARIZE_THRESHOLD = 127.5 / 255
"""PIL inverts bytes from 128 on; before rounding that is 127.5."""


def color_map(
    jitter: torch.Tensor, order: torch.Tensor, is_grey: torch.Tensor, mean_color: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compose the colour operations of each image, in its own order.

    Args:
        jitter: (B, 4) brightness, contrast and saturation factors (1 changes nothing) and hue shift in turns.
        order: (B, 4) the operations 0..3 in the order in which they act; grey always acts last.
        is_grey: (B,) bool.
        mean_color: (B, 3) mean of the image to which the map will be applied, 0..1.

    Returns:
        matrix (B, 3, 3) and offset (B, 3): the new colour is ``matrix @ colour + offset``.
    """
    B, device = len(jitter), jitter.device
    luma = torch.tensor(LUMA, device=device)
    identity = torch.eye(3, device=device)
    to_luma = luma.expand(3, 3)
    brightness, contrast, saturation = (jitter[:, k, None, None] for k in range(3))
    linear = torch.stack(
        [
            brightness * identity,
            contrast * identity,
            saturation * identity + (1 - saturation) * to_luma,
            _hue_rotation(jitter[:, 3]),
        ],
        dim=1,
    )
    matrix, offset = identity.expand(B, 3, 3), torch.zeros(B, 3, device=device)
    each = torch.arange(B, device=device)
    for operation in order.unbind(1):
        mean_luma = (torch.einsum("bij,bj->bi", matrix, mean_color) + offset) @ luma
        is_contrast = (operation == 1).float()
        shift = is_contrast * (1 - jitter[:, 1]) * mean_luma
        step = linear[each, operation]
        matrix = step @ matrix
        offset = torch.einsum("bij,bj->bi", step, offset) + shift[:, None]
    grey_matrix, grey_offset = to_luma @ matrix, offset @ to_luma.T
    is_grey = is_grey[:, None]
    return torch.where(is_grey[..., None], grey_matrix, matrix), torch.where(is_grey, grey_offset, offset)


def apply_color_map(images: torch.Tensor, matrix: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """Apply `color_map` to float32 (B, 3, S, S) images and clamp to 0..1."""
    mapped = torch.baddbmm(offset[:, :, None], matrix, images.flatten(2))
    return mapped.view_as(images).clamp_(0, 1)


def solarize(images: torch.Tensor, is_solarized: torch.Tensor) -> torch.Tensor:
    """Invert the bright half of the images marked in `is_solarized` (B,); images float32 (B, 3, S, S), 0..1."""
    inverted = torch.where(images >= SOLARIZE_THRESHOLD, 1 - images, images)
    return torch.where(is_solarized[:, None, None, None], inverted, images)


def normalize(images: torch.Tensor) -> torch.Tensor:
    """Subtract ImageNet's mean and divide by its standard deviation; images float32 (..., 3, H, W), 0..1."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(3, 1, 1)
    return (images - mean) / std


def _hue_rotation(turns: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3) maps that turn the chroma plane of YIQ; a positive shift goes from red towards green, as in HSV."""
    to_yiq = torch.tensor(YIQ, device=turns.device)
    angle = -2 * math.pi * turns
    rotation = torch.zeros(len(turns), 3, 3, device=turns.device)
    rotation[:, 0, 0] = 1
    rotation[:, 1, 1] = rotation[:, 2, 2] = angle.cos()
    rotation[:, 1, 2] = -angle.sin()
    rotation[:, 2, 1] = angle.sin()
    from_yiq: torch.Tensor = torch.linalg.inv(to_yiq)
    return from_yiq @ rotation @ to_yiq
