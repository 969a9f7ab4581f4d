"""Real images as a process: a folder of image files, or WebDataset tar files. Upper bounds, marked as real.

Every image is used once before any comes again: epoch e takes the images in the e-th seeded order. An image is resized
to the process's size by its shorter side and cut at a seeded place. The process is known by the names and byte counts
of its images, not by where they lie.

Letters: N images of a block.
"""

from __future__ import annotations

import abc
import functools
import io
import tarfile
from pathlib import Path as FilePath
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError

from procgen.process import Path, Process
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name
from procmem.files import fingerprint
from procmem.progress import say

OnCorrupt = Literal["fail", "skip"]
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class Entry(NamedTuple):
    """One image: its name, its label, its byte count, and where its bytes begin in a tar file (0 for files)."""

    name: str
    label: str
    size: int
    file: str
    offset: int


class RealImages(Process):
    """Real images, cut to squares.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        folder: where they are.
        on_corrupt: fail at an unreadable image, naming it, or skip: the next readable one of the order stands in.

    Raises:
        UserError: if there are no images, or a number or choice is out of range.
    """

    name: str
    real_images = True

    def __init__(
        self, *, image_size_px: int, folder: str | None = None, block_size: int = 1024, on_corrupt: OnCorrupt = "fail"
    ) -> None:
        if image_size_px < 1 or block_size < 1:
            raise UserError(f"image_size_px and block_size must be at least 1, got {image_size_px} and {block_size}")
        if on_corrupt not in get_args(OnCorrupt):
            raise unknown_name("answer to corrupt images", on_corrupt, get_args(OnCorrupt))
        if folder is None:
            raise UserError(
                f"process {self.name!r} needs a folder, for example {{{self.name}: {{folder: photographs}}}}"
            )
        self.image_size_px = image_size_px
        self.block_size = block_size
        self.on_corrupt: OnCorrupt = on_corrupt
        self.entries = self._find(FilePath(folder).expanduser())
        if not self.entries:
            raise UserError(f"no images in {folder!r}; expected {self.expected}")

    expected: str

    @staticmethod
    @abc.abstractmethod
    def _find(folder: FilePath) -> tuple[Entry, ...]:
        """All images, in an order that the file system has no part in."""

    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        path = (*path, self.name)
        found = [self._readable(root_seed, block_index, i, path)[1] for i in range(self.block_size)]
        return torch.from_numpy(np.stack(found))

    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        entry, _ = self._readable(root_seed, block_index, image_index, (*path, self.name))
        return {"operator": self.name, "program": f"{self.name}/{entry.label}", "image": entry.name}

    def describe(self) -> dict[str, Any]:
        known = [[entry.name, entry.size] for entry in self.entries]
        options = {"image_size_px": self.image_size_px, "block_size": self.block_size, "on_corrupt": self.on_corrupt}
        return {self.name: options | {"images": len(self.entries), "content": fingerprint(known)}}

    @property
    def program_set_hash(self) -> str:
        return ""

    def _readable(
        self, root_seed: int, block_index: int, image_index: int, path: Path
    ) -> tuple[Entry, npt.NDArray[np.uint8]]:
        """The image of a sample, or the next readable one; its pixels (3, H, W)."""
        sample = block_index * self.block_size + image_index
        epoch, position = divmod(sample, len(self.entries))
        order = _order(len(self.entries), root_seed, path, epoch)
        place = generator(root_seed, *path, "place", sample).random(2)
        for step in range(len(self.entries)):
            entry = self.entries[order[(position + step) % len(order)]]
            try:
                return entry, read_square(entry, self.image_size_px, place)
            except UserError as error:
                if self.on_corrupt == "fail":
                    raise UserError(f"{error}; on_corrupt: skip leaves such images out") from error
                _say_once(str(error))
        raise UserError(f"none of the {len(self.entries)} images can be read")


class ImageFolder(RealImages):
    """Image files below a folder; the label is the folder's entry that holds them (``folder/LABEL/.../image.jpg``).

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        folder: the folder.
        on_corrupt: fail at an unreadable image, naming it, or skip: the next readable one of the order stands in.
    """

    name = "image_folder"
    expected = f"files ending in {', '.join(IMAGE_SUFFIXES)}, in class folders or not"

    @staticmethod
    def _find(folder: FilePath) -> tuple[Entry, ...]:
        if not folder.is_dir():
            raise UserError(f"no image folder at {str(folder)!r}")
        found = []
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                name = path.relative_to(folder)
                label = name.parts[0] if len(name.parts) > 1 else "unlabelled"
                found.append(Entry(name.as_posix(), label, path.stat().st_size, str(path), 0))
        return tuple(found)


class WebDataset(RealImages):
    """Images in tar files, one sample's files beside each other; the label is the sample's .cls file.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        folder: a folder of tar files, or one tar file.
        on_corrupt: fail at an unreadable image, naming it, or skip: the next readable one of the order stands in.
    """

    name = "webdataset"
    expected = "tar files that hold images"

    @staticmethod
    def _find(folder: FilePath) -> tuple[Entry, ...]:
        tars = [folder] if folder.is_file() else sorted(folder.glob("*.tar"))
        if not tars and not folder.is_dir():
            raise UserError(f"no folder of tar files, and no tar file, at {str(folder)!r}")
        return tuple(entry for path in tars for entry in _entries_of_tar(path))


def _entries_of_tar(path: FilePath) -> list[Entry]:
    images, labels = [], {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                key, _, suffix = member.name.rpartition(".")
                if member.isfile() and f".{suffix.lower()}" in IMAGE_SUFFIXES:
                    images.append((key, member))
                elif member.isfile() and suffix == "cls":
                    content = tar.extractfile(member)
                    labels[key] = content.read().decode(errors="replace").strip() if content else ""
    except (OSError, tarfile.TarError) as error:
        raise UserError(f"cannot read tar file {str(path)!r}: {error}") from error
    return [
        Entry(f"{path.name}/{member.name}", labels.get(key, "unlabelled"), member.size, str(path), member.offset_data)
        for key, member in images
    ]


def read_square(entry: Entry, size_px: int, place: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Decode an image, bring its shorter side to `size_px`, and cut a square.

    Args:
        entry: the image.
        size_px: side of the square.
        place: (2,) in [0, 1): where along the longer side the cut is; (row, column).

    Returns:
        (3, H, W).

    Raises:
        UserError: if the image cannot be read; the message names it.
    """
    try:
        with FilePath(entry.file).open("rb") as file:
            file.seek(entry.offset)
            content = file.read(entry.size)
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft("RGB", (size_px, size_px))
            image = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"cannot read image {entry.name!r} of {entry.file!r}: {error}") from error
    scale = size_px / min(image.size)
    width, height = (max(size_px, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    top, left = int(place[0] * (height - size_px + 1)), int(place[1] * (width - size_px + 1))
    pixels = np.asarray(image, dtype=np.uint8)[top : top + size_px, left : left + size_px]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@functools.lru_cache(maxsize=8)
def _order(count: int, root_seed: int, path: Path, epoch: int) -> npt.NDArray[np.int64]:
    return generator(root_seed, *path, "order", epoch).permutation(count)


@functools.lru_cache(maxsize=4096)
def _say_once(message: str) -> None:
    say(f"skipped: {message}")
