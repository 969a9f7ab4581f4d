"""Pictures: the image behind an entry, as far as it can still be found, and small versions of it for a page.

A memory holds embeddings, not images; of each entry it knows the data set's name and the image's name in it. The image
is looked for under PROCMEM_DATA, in the folders that the user names, and in the data sets that this program can get by
itself. An image that is not found is no error: the entry is shown without one. A name that leads out of its folder
(a memory from elsewhere may hold any text) is never followed.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from eval.datasets import find_dataset
from eval.images import CorruptImageError, LabelledImages, read_image
from pretrain.preprocessing import to_rgb
from procmem.errors import UserError
from procmem.files import data_root

THUMBNAIL_PX = 192
QUERY_PX = 384
FEW_PX = 96
"""A picture below this side is enlarged by whole pixels, so that 8 x 8 digits look like what they are."""

JPEG_QUALITY = 82


class Pictures:
    """Finds images by data set and name.

    Args:
        folders: folders in which names of images are looked up, beside PROCMEM_DATA.
        own: data set -> its folder, for data sets that lie nowhere else.

    Raises:
        UserError: if a folder is not there.
    """

    def __init__(self, folders: Sequence[Path] = (), own: Mapping[str, Path] | None = None) -> None:
        self.own = dict(own or {})
        self.folders = [folder.expanduser().resolve() for folder in folders]
        for folder in self.folders:
            if not folder.is_dir():
                raise UserError(f"no folder of images at {str(folder)!r}")

    def find(self, dataset: str | None, uri: str | None) -> Image.Image | None:
        """The image, or None where it is not found or cannot be read."""
        if not uri:
            return None
        root = data_root()
        under_root = [root / dataset] if root and dataset and _stays_inside(root, dataset) else []
        own = [self.own[dataset]] if dataset in self.own else []
        for folder in own or [*self.folders, *under_root]:
            path = folder / uri
            if _stays_inside(folder, uri) and path.is_file():
                try:
                    return read_image(path)
                except CorruptImageError:
                    return None
        return self._built_in(dataset, uri)

    def _built_in(self, dataset: str | None, uri: str) -> Image.Image | None:
        if dataset is None:
            return None
        by_name = _built_in_images(dataset)
        if uri not in by_name:
            return None
        images, position = by_name[uri]
        return images.image(position)

    @functools.lru_cache(maxsize=4096)  # noqa: B019  one object for the life of the program
    def thumbnail(self, dataset: str | None, uri: str | None) -> bytes | None:
        """A small JPEG or PNG, or None."""
        image = self.find(dataset, uri)
        return None if image is None else small_picture(image, THUMBNAIL_PX)

    def forget(self) -> None:
        """Drop all small pictures that are held in RAM."""
        type(self).thumbnail.cache_clear()


def small_picture(image: Image.Image, side_px: int) -> bytes:
    """An image for a page: at most `side_px` a side; tiny ones enlarged by whole pixels, as PNG, the others as JPEG."""
    image = to_rgb(ImageOps.exif_transpose(image))
    file = io.BytesIO()
    if max(image.size) < FEW_PX:
        factor = max(1, side_px // max(image.size))
        image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(file, "PNG")
    else:
        image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
        image.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def media_type(picture: bytes) -> str:
    """``image/png`` or ``image/jpeg``, by the first bytes."""
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"


def _stays_inside(folder: Path, name: str) -> bool:
    return "\0" not in name and (folder / name).resolve().is_relative_to(folder.resolve())


@functools.cache
def _built_in_images(dataset: str) -> dict[str, tuple[LabelledImages, int]]:
    """Images of a data set that is no folder of files."""
    try:
        found = find_dataset(dataset)
    except UserError:
        return {}
    parts = [part for part in (found.train, found.val) if not isinstance(part.sources, tuple)]
    return {uri: (part, position) for part in parts for position, uri in enumerate(part.uris)}
