"""One block of a data set as files: a tar, or images in folders by class. Same recipe, same bytes.

A block counts as done when its record ``index/block-*.json`` is there, and that is written last. Tars have fixed times
and owners and hold ``KEY.jpg`` beside ``KEY.json`` (label, class, recipe), as the webdataset package reads them. In the
folder layout the same JSON stands in ``recipes/block-*.jsonl``, one line an image, with the image file's checksum.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from PIL import Image

from procgen.context import describe_gl
from procgen.process import Process
from procgen.shards.recipe import SUFFIXES, ImageFormat, Recipe, class_names, class_of
from procgen.workers import Task
from procmem.errors import UserError
from procmem.files import atomic_write, canonical_json, fingerprint, write_json
from procmem.provenance import code_version

PNG_COMPRESS_LEVEL = 3  # of 9; a few per cent larger than 6 and more than twice as fast
WEBP_EFFORT = 0  # of 6; still smaller than PNG


class Sample(NamedTuple):
    """An image as it is stored.

    Attributes:
        key: nine digits, the sample index.
        class_name: its class.
        image: the encoded file.
        metadata: label, class, recipe.
    """

    key: str
    class_name: str
    image: bytes
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class WriteBlock(Task):
    """Renders a block, writes its files and then its record, which is the result.

    Attributes:
        recipe: the data set.
        folder: where it lies.
    """

    recipe: Recipe
    folder: Path

    def __call__(self, block_index: int) -> dict[str, Any]:
        write = _write_tar if self.recipe.layout == "webdataset" else _write_folder
        path = block_path(self.folder, self.recipe, block_index)
        num_bytes, checksum = write(self.folder, path, self.samples(block_index))
        record = {
            "block": block_index,
            "images": len(self.recipe.samples_of(block_index)),
            "file": path.relative_to(self.folder).as_posix(),
            "bytes": num_bytes,
            "sha256": checksum,
            "excluded_programs": excluded_programs(self.process),
            "code_version": code_version(),
            "renderer": describe_gl().renderer if self.process.program_set_hash else "",
        }
        write_json(record_path(self.folder, block_index), record)
        return record

    def samples(self, block_index: int) -> Iterator[Sample]:
        """The block's images, encoded, in order."""
        images = self.process.block(self.root_seed, block_index).cpu()
        labels = {name: label for label, name in enumerate(class_names(self.recipe.process))}
        for i, sample_index in enumerate(self.recipe.samples_of(block_index)):
            made_by = self.process.recipe(self.root_seed, block_index, i)
            class_name = class_of(made_by)
            metadata = {
                "sample_index": sample_index,
                "label": labels[class_name],
                "class": class_name,
                "recipe": made_by,
            }
            encoded = encode(images[i], self.recipe.image_format, self.recipe.quality)
            yield Sample(f"{sample_index:09d}.{SUFFIXES[self.recipe.image_format]}", class_name, encoded, metadata)


def encode(image: torch.Tensor, image_format: ImageFormat, quality: int) -> bytes:
    """An image uint8 (3, H, W) as the bytes of a file; PNG and WebP without loss."""
    options: dict[ImageFormat, dict[str, Any]] = {
        "jpeg": {"quality": quality},
        "png": {"compress_level": PNG_COMPRESS_LEVEL},
        "webp": {"lossless": True, "quality": 0, "method": WEBP_EFFORT},
    }
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(file, image_format, **options[image_format])
    return file.getvalue()


def block_path(folder: Path, recipe: Recipe, block_index: int) -> Path:
    """The file that holds a block, or lists its images."""
    name = f"block-{block_index:06d}"
    return folder / (f"{name}.tar" if recipe.layout == "webdataset" else f"recipes/{name}.jsonl")


def record_path(folder: Path, block_index: int) -> Path:
    """The record that says that a block is done."""
    return folder / "index" / f"block-{block_index:06d}.json"


def image_path(folder: Path, class_name: str, file_name: str) -> Path:
    """Where an image of the folder layout lies; a class is one folder, whatever its name."""
    return folder / "images" / class_name.replace("/", "__") / file_name


def excluded_programs(process: Process) -> list[str]:
    """Fingerprints of all programs that a process does not run."""
    found = (getattr(member, "excluded_programs", ()) for member in process.members())
    return sorted({program for programs in found for program in programs})


def _write_tar(folder: Path, path: Path, samples: Iterator[Sample]) -> tuple[int, str]:
    """Write a tar; its size and checksum."""
    with atomic_write(path) as file:
        hashing = _HashingFile(file)
        with tarfile.open(fileobj=hashing, mode="w", format=tarfile.USTAR_FORMAT) as tar:  # type: ignore[call-overload]
            for sample in samples:
                _add(tar, sample.key, sample.image)
                _add(tar, f"{Path(sample.key).stem}.json", canonical_json(sample.metadata).encode())
    return hashing.num_bytes, hashing.hash.hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # time and owner 0
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def _write_folder(folder: Path, path: Path, samples: Iterator[Sample]) -> tuple[int, str]:
    """Write images and their list; bytes in all and the list's checksum."""
    num_bytes, lines = 0, []
    for sample in samples:
        target = image_path(folder, sample.class_name, sample.key)
        _write_quickly(target, sample.image)
        num_bytes += len(sample.image)
        line = sample.metadata | {"file": target.relative_to(folder).as_posix(), "sha256": fingerprint(sample.image)}
        lines.append(canonical_json(line) + "\n")
    text = "".join(lines).encode()
    with atomic_write(path) as file:
        file.write(text)
    return num_bytes + len(text), fingerprint(text)


def _write_quickly(path: Path, content: bytes) -> None:
    """Write and rename, without waiting for the disk at every image: the checksums find what a power cut took."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


class _HashingFile:
    """A file that is written once from start to end, and its SHA-256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.num_bytes = 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.num_bytes += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self.num_bytes
