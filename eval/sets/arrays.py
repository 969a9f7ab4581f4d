"""Data sets that ship as arrays: Fashion-MNIST, CIFAR, STL-10, and the digits of scikit-learn.

CIFAR and STL-10 are read by torchvision, which checks the digests of their files first: CIFAR's are pickles, and a
foreign pickle runs what it likes.
"""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.images import LabelledImages
from eval.sets.labelled import VAL_SHARE, Dataset, choose, from_array, hold_out
from procmem.errors import UserError

FASHION_CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
IDX_UINT8 = 0x08
"""Type byte of the idx format for unsigned bytes (LeCun, MNIST)."""

DIGITS = tuple("0123456789")


def idx_dataset(folder: Path, variant: str = "") -> Dataset:
    """Fashion-MNIST (or MNIST) as its authors ship it: four gzipped idx files; asked about is the official test split.

    Raises:
        UserError: if a file is missing or damaged.
    """
    name = "fashion-mnist" if folder.name == "raw" else folder.name  # FashionMNIST/raw is torchvision's place
    choose(name, variant, ("test",))
    classes = FASHION_CLASSES if name.startswith("fashion") else DIGITS

    def split(prefix: str, own_name: str) -> LabelledImages:
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        return from_array(name, own_name, classes, images, read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz"))

    return Dataset(name=name, train=split("train", "train"), val=split("t10k", "test"))


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """One gzipped idx file of unsigned bytes: two zero bytes, type, number of axes, big-endian sizes, values.

    Raises:
        UserError: if the file is missing, damaged, or of another type.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {str(path)!r}: {error}") from error
    if len(content) < 4 or content[:3] != bytes([0, 0, IDX_UINT8]):
        raise UserError(f"{str(path)!r} is not an idx file of unsigned bytes")
    axes = content[3]
    sizes = np.frombuffer(content, dtype=">u4", count=axes, offset=4).astype(np.int64)
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes)
    if values.size != sizes.prod():
        raise UserError(f"{str(path)!r} is cut: {values.size} values where its header promises {sizes.prod()}")
    return values.reshape(sizes)


def cifar10(folder: Path, variant: str = "") -> Dataset:
    """CIFAR-10's python pickles (``cifar-10-batches-py``); asked about is the official test split."""
    choose("cifar10", variant, ("test",))
    from torchvision.datasets import CIFAR10

    return _cifar("cifar10", CIFAR10, folder)


def cifar100(folder: Path, variant: str = "") -> Dataset:
    """CIFAR-100's python pickles (``cifar-100-python``) with its twenty superclasses as a level.

    Raises:
        UserError: if a file is missing or is not the official one.
    """
    choose("cifar100", variant, ("test",))
    from torchvision.datasets import CIFAR100

    found = _cifar("cifar100", CIFAR100, folder)
    coarse, names = _cifar100_superclasses(folder / CIFAR100.base_folder)
    groups = [names[coarse[int(np.flatnonzero(found.train.labels == label)[0])]] for label in range(100)]
    return dataclasses.replace(found, levels={"superclass": groups})


def _cifar(name: str, kind: type, folder: Path) -> Dataset:
    try:
        parts = [kind(str(folder), train=train, download=False) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        raise UserError(f"{name} in {str(folder)!r} is damaged or not complete: {error}") from error
    train, val = (
        from_array(name, split, tuple(part.classes), part.data, part.targets)
        for split, part in zip(("train", "test"), parts, strict=True)
    )
    return Dataset(name=name, train=train, val=val)


def _cifar100_superclasses(folder: Path) -> tuple[list[int], list[str]]:
    """Superclass of each training image, and the names; call after torchvision has checked the files."""
    import pickle

    with (folder / "train").open("rb") as file:
        coarse: list[int] = pickle.load(file, encoding="latin1")["coarse_labels"]
    with (folder / "meta").open("rb") as file:
        names: list[str] = pickle.load(file, encoding="latin1")["coarse_label_names"]
    return coarse, names


def stl10(folder: Path, variant: str = "") -> Dataset:
    """STL-10's binary files (``stl10_binary``): 5,000 labelled training images, 8,000 of the test split.

    Raises:
        UserError: if a file is missing or is not the official one.
    """
    choose("stl10", variant, ("test",))
    from torchvision.datasets import STL10

    try:
        parts = [STL10(str(folder), split=split, download=False) for split in ("train", "test")]
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"stl10 in {str(folder)!r} is damaged or not complete: {error}") from error
    train, val = (
        from_array("stl10", split, tuple(part.classes), part.data.transpose(0, 2, 3, 1), part.labels)
        for split, part in zip(("train", "test"), parts, strict=True)
    )
    return Dataset(name="stl10", train=train, val=val)


def digits() -> Dataset:
    """The 1,797 scanned digits of scikit-learn (8 x 8, 17 grey levels), a third of each class as `val`, fixed seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    whole = from_array("digits", "train", DIGITS, images, bunch.target)
    found = hold_out(whole, len(images) // VAL_SHARE, "digits", "val")
    train, val = (dataclasses.replace(own, drawn="") for own in (found.train, found.val))
    return dataclasses.replace(found, train=train, val=val)
