"""Contact sheets: many small images on one page.

Letters: N images, H W image size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from procmem.errors import UserError
from procmem.files import atomic_write

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 92


def contact_sheet(images: torch.Tensor, columns: int, gap_px: int = 2) -> Image.Image:
    """Lay images out row by row on white; a last row that is not full stays white where it ends.

    Args:
        images: uint8 (N, 3, H, W), on any device.
        columns: images side by side.
        gap_px: white between images; there is none around the sheet.

    Raises:
        UserError: if the images are not uint8 (N, 3, H, W) with N >= 1, columns < 1 or gap_px < 0.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise UserError(f"a contact sheet needs uint8 images (N, 3, H, W), got {images.dtype} {tuple(images.shape)}")
    if columns < 1 or gap_px < 0:
        raise UserError(f"a contact sheet needs columns >= 1 and gap_px >= 0, got {columns} and {gap_px}")
    N, _, H, W = images.shape
    columns, rows = min(columns, N), -(-N // columns)
    sheet = np.full((rows * (H + gap_px) - gap_px, columns * (W + gap_px) - gap_px, 3), 255, dtype=np.uint8)
    for i, image in enumerate(images.permute(0, 2, 3, 1).cpu().numpy()):
        top, left = i // columns * (H + gap_px), i % columns * (W + gap_px)
        sheet[top : top + H, left : left + W] = image
    return Image.fromarray(sheet)


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet as PNG or JPEG, by the suffix of `path`, atomically.

    Raises:
        UserError: if the suffix is another or the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"a contact sheet is saved as {', '.join(FORMATS)}, got {path.name!r}")
    with atomic_write(path) as file:
        sheet.save(file, format=FORMATS[path.suffix.lower()], quality=JPEG_QUALITY)
