"""Picture files of a folder, found and measured without decoding them."""

from __future__ import annotations

from pathlib import Path

from PIL import ExifTags, Image

from eval.images import CorruptImageError
from procmem.errors import UserError

FIRST_ON_ITS_SIDE = 5
"""Of the values of EXIF's Orientation: 5 to 8 are quarter turns."""
IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) from a picture's header, as it stands upright (cameras write how they were held beside it).

    Raises:
        CorruptImageError: if the file is missing or no image; the message names it.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            is_on_its_side = image.getexif().get(ExifTags.Base.Orientation, 1) >= FIRST_ON_ITS_SIDE
            return (height, width) if is_on_its_side else (width, height)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorruptImageError(f"cannot read image {str(path)!r}: {error}") from error


def listed(folder: Path) -> list[Path]:
    """What lies in a folder.

    Raises:
        UserError: if it is missing or cannot be read.
    """
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot read folder {str(folder)!r}: {error.strerror or error}") from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        UserError: if it is missing, unreadable or not text.
    """
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {str(path)!r}: {error}") from error
