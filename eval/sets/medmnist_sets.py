"""The ten single-label 2D sets of MedMNIST (Yang et al. 2023), at 28, 64, 128 or 224 px, from the package's npz files.

Names and labels come from the `medmnist` package. A large array is unpacked once into the cache folder and mapped from
there: ``pathmnist_224`` is 16 GB of pixels, and the package's own reader takes them all into memory.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.images import LabelledImages
from eval.sets.labelled import Dataset, check_classes, choose, from_array
from procmem.errors import UserError
from procmem.files import atomic_write, cache_root, short_fingerprint
from procmem.progress import say

MEDMNIST_SETS = ("path", "derma", "oct", "pneumonia", "breast", "blood", "tissue", "organa", "organc", "organs")
"""In the order of the papers' table; chest (several labels an image) and retina (grades) are not in it."""

MEDMNIST_SIZES_PX = (28, 64, 128, 224)
MAPPED_FROM_BYTES = 256 << 20
"""Arrays from this size on are mapped from the disk."""


def medmnist_names() -> tuple[str, ...]:
    """``pathmnist`` (28 px), ``pathmnist_64``, ... as the package names its files."""
    return tuple(
        f"{own}mnist" + (f"_{size}" if size > 28 else "") for size in MEDMNIST_SIZES_PX for own in MEDMNIST_SETS
    )


def medmnist(name: str, folder: Path, variant: str) -> Dataset:
    """One set at one size. The official val split is asked about, as the papers' code does; "test" by request.

    Args:
        name: of the file, without ``.npz``.
        folder: where it lies.
        variant: "val" or "test".

    Raises:
        UserError: if the file is missing, damaged or of another set.
    """
    split = choose(name, variant, ("val", "test"))
    from medmnist import INFO

    classes = [text for _, text in sorted((int(label), text) for label, text in _info(INFO, name)["label"].items())]
    path = folder / f"{name}.npz"

    def images(own: str) -> LabelledImages:
        labels = read_member(path, f"{own}_labels")
        if labels.ndim != 2 or labels.shape[1] != 1:
            raise UserError(f"{str(path)!r} must have one label an image, received {own}_labels {labels.shape}")
        return from_array(name, own, classes, read_member(path, f"{own}_images"), labels[:, 0])

    return check_classes(Dataset(name=name, train=images("train"), val=images(split)))


def read_member(path: Path, member: str) -> npt.NDArray[Any]:
    """One array of an npz file; a large one is mapped from a copy in the cache folder.

    Raises:
        UserError: if the file or the array is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(f"{member}.npy")
            if entry.file_size < MAPPED_FROM_BYTES:
                with archive.open(entry) as file:
                    array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
                    return array
            status = path.stat()
            key = short_fingerprint([str(path.resolve()), member, status.st_size, status.st_mtime_ns])
            unpacked = cache_root() / "datasets" / f"{path.stem}_{member}_{key}.npy"
            if not unpacked.is_file():
                say(f"unpacking {member} of {path} once into {unpacked} ({entry.file_size / 1e9:.1f} GB)")
                with archive.open(entry) as packed, atomic_write(unpacked) as file:
                    shutil.copyfileobj(packed, file, 1 << 22)
        mapped: npt.NDArray[Any] = np.load(unpacked, mmap_mode="r", allow_pickle=False)
        return mapped
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"cannot read {member} from {str(path)!r}: {error}") from error


def _info(table: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return table[name.partition("_")[0]]
