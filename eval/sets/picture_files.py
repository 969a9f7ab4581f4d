"""Picture files of a folder, found and measured without decoding them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from eval.images import CorruptImageError

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
