"""Picture files of a folder, found and measured without decoding them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from eval.images import CorruptImageError
from procmem.errors import UserError

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) from a picture's header.

    Raises:
        CorruptImageError: if the file is missing or no image; the message names it.
    """
    try:
        with Image.open(path) as image:
            return image.size
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
