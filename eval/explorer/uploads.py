"""Uploads: from a file that a stranger may have made to pixels, or one sentence why not.

The header is read first, with the few formats that people have, and refused before a pixel is decoded if it promises
too many of them; what is damaged, too large or no picture ends in a `UserError` with the file's name. The file itself
lies inside the run folder and is deleted as soon as it is read: a picture of a person stays nowhere by accident.
Rejected: letting the page's own components decode, whose messages speak of Pillow and not of the picture.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from pretrain.preprocessing import to_rgb
from procmem.errors import UserError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST_BYTES = 20 << 20
MOST_PIXELS = 50_000_000
"""A 50-megapixel photograph is 150 MB of pixels; phones make 12 to 50."""

KEPT_SIDE_PX = 2048
"""What is larger is made smaller at once: encoders take far less, and a page must hold it in memory."""


def take_upload(path: Path, folder: Path) -> Image.Image:
    """Decode an uploaded file and delete it.

    Args:
        path: as the page received it.
        folder: where uploads may lie; anything outside is refused and left alone.

    Returns:
        Upright 8-bit RGB, longest side at most `KEPT_SIDE_PX`.

    Raises:
        UserError: for a file outside the folder, or what `read_picture` refuses.
    """
    resolved = path.resolve()
    if not resolved.is_relative_to(folder.resolve()):
        raise UserError(f"{path.name!r} is not an upload of this page")
    try:
        return read_picture(resolved)
    finally:
        resolved.unlink(missing_ok=True)


def read_picture(path: Path) -> Image.Image:
    """Decode a picture that anybody may have made; see `take_upload`.

    Raises:
        UserError: if it is too large in bytes or pixels, no picture, damaged, or of an unknown colour mode.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UserError(f"{path.name!r} has {size / 1e6:.1f} MB; the largest upload is {MOST_BYTES >> 20} MB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the count below is stricter
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise _too_many_pixels(path, f"{width} x {height} pixels, {width * height / 1e6:.0f} megapixels")
                image.draft("RGB", (KEPT_SIDE_PX, KEPT_SIDE_PX))  # a large JPEG is decoded at a fraction of its size
                image.load()
                upright = to_rgb(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(path, str(error).split(" pixels", 1)[0].split("(")[-1] + " pixels") from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{path.name!r} is no picture that can be read here; give a JPEG, PNG, WebP, GIF, BMP or TIFF file"
        ) from error
    except (OSError, SyntaxError, ValueError, MemoryError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name!r} is damaged and cannot be read: {error}") from error
    upright.thumbnail((KEPT_SIDE_PX, KEPT_SIDE_PX))
    return upright


def _too_many_pixels(path: Path, found: str) -> UserError:
    return UserError(
        f"{path.name!r} has {found}; the largest picture is {MOST_PIXELS // 1_000_000} megapixels, make it smaller"
    )
