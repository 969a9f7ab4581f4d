"""From any picture file's pixels to the uint8 square that an encoder takes.

One rule for every encoder, the one of the kNN protocol of DINO (Caron et al. 2021): turn upright, make RGB, resize the
shorter side to S * 256 / 224 (bicubic), crop the centre S x S. Nothing is normalised here: a uint8 image is
four times smaller than a float one on its way to the device, and the encoder knows its own mean. A timm model's
own crop share is deliberately not followed, so that rows of one table differ by encoder and by nothing else.

Letters: S side of the square.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps

from procmem.errors import UserError

RESIZE_OVER_CROP = 256 / 224
"""Shorter side before the crop, over the crop (Krizhevsky et al. 2012; DINO's kNN evaluation)."""

SIXTEEN_BIT_STEP = 257
"""65535 / 255: one step of 8 bits in steps of 16 bits."""

DESCRIPTION = "upright, RGB (alpha over white), shorter side to S*256/224 bicubic, centre crop S"


def to_square(image: Image.Image, size_px: int) -> torch.Tensor:
    """Upright RGB centre square of an image.

    Args:
        image: any Pillow image: grey, palette, alpha, CMYK, 16 bit, with or without an EXIF orientation.
        size_px: S.

    Returns:
        (3, S, S) uint8 tensor, row 0 on top.

    Raises:
        UserError: if the colour mode cannot be made RGB.
        OSError: if the file behind the image is truncated or damaged (Pillow reads lazily).
    """
    image = to_rgb(ImageOps.exif_transpose(image))
    shorter = round(size_px * RESIZE_OVER_CROP)
    width, height = (shorter * side // min(image.size) for side in image.size)  # longer side cut, as torchvision does
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size_px) / 2), round((height - size_px) / 2)
    square = image.crop((left, top, left + size_px, top + size_px))
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()


def to_rgb(image: Image.Image) -> Image.Image:
    """Any colour mode to 8-bit RGB; 16-bit grey is scaled (not clipped), transparency is laid over white.

    Raises:
        UserError: if Pillow knows no way from this mode to RGB.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "I" or image.mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.float64) / SIXTEEN_BIT_STEP
        return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    try:
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image.convert("RGB")
    except ValueError as error:
        raise UserError(f"an image of colour mode {image.mode!r} cannot be made RGB: {error}") from error
