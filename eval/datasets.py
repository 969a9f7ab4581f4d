"""Data sets by name: a folder of class folders, Fashion-MNIST's own files, CIFAR-10, and the digits of scikit-learn.

A name is looked up under ``PROCMEM_DATA``, then as a path, then among the sets that this program can get by itself.
The layout of a folder is the one everybody has: ``train/CLASS/*.jpg`` and ``val/CLASS/*.jpg`` (or ``test``). Rejected:
torchvision's ImageFolder, whose errors speak of the program and not of the folder, and which knows no split pairs.

Letters: N images, H W image size.
"""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.images import LabelledImages, class_shares
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name
from procmem.files import cache_root, data_root
from procmem.progress import say

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
VAL_FOLDERS = ("val", "test")
FASHION_CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
IDX_UINT8 = 0x08
"""Type byte of the idx format for unsigned bytes (LeCun, MNIST)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set in two splits: the memory is made of `train`, the queries are `val`."""

    name: str
    train: LabelledImages
    val: LabelledImages


def find_dataset(name_or_path: str) -> Dataset:
    """The data set of that name under ``PROCMEM_DATA``, or at that path, or among those that can be had anywhere.

    Raises:
        UserError: if there is none (nearest names are offered), or its folder is empty or unreadable.
    """
    root = data_root()
    for folder in ([root / name_or_path] if root else []) + [Path(name_or_path).expanduser()]:
        if folder.is_dir():
            return read_folder(folder)
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]()
    if "/" in name_or_path:
        raise UserError(f"no image folder at {name_or_path!r}")
    raise unknown_name("data set", name_or_path, {*_names_under(root), *BUILT_IN})


def default_dataset() -> Dataset:
    """Real images that any machine has: CIFAR-10 if it is here or can be downloaded, else scikit-learn's digits."""
    try:
        return find_dataset("cifar10")
    except UserError as error:
        say(f"{error}\nusing the 1,797 scanned digits that scikit-learn carries instead (8 x 8 px, grey)")
        return digits()


def read_folder(folder: Path) -> Dataset:
    """A folder with ``train`` and ``val`` (or ``test``) folders of class folders, or with Fashion-MNIST's four files.

    Raises:
        UserError: if a split or its images are missing, or `val` has a class that `train` has not.
    """
    if (folder / "train-images-idx3-ubyte.gz").is_file():
        return idx_dataset(folder)
    splits = [split for split in VAL_FOLDERS if (folder / split).is_dir()]
    if not (folder / "train").is_dir() or not splits:
        found = sorted(path.name for path in _listed(folder))[:8]
        raise UserError(
            f"image folder {str(folder)!r} needs train/CLASS/ and val/CLASS/ (or test/CLASS/); "
            f"it holds {', '.join(found) or 'nothing'}"
        )
    names = tuple(sorted({path.name for split in ("train", splits[0]) for path in _class_folders(folder / split)}))
    train, val = _read_split(folder, "train", names), _read_split(folder, splits[0], names)
    num_entries, num_queries = (np.bincount(images.labels, minlength=len(names)) for images in (train, val))
    strangers = [names[label] for label in np.flatnonzero((num_queries > 0) & (num_entries == 0))]
    if strangers:
        raise UserError(
            f"{str(folder / splits[0])!r} has classes of which train has no image: {', '.join(strangers[:5])}; "
            "no neighbour could ever be right: add training images or take the class away"
        )
    return Dataset(name=folder.name, train=train, val=val)


def idx_dataset(folder: Path) -> Dataset:
    """Fashion-MNIST (or MNIST) as its authors ship it: four gzipped idx files."""
    name = folder.name
    classes = FASHION_CLASSES if name.startswith("fashion") else tuple("0123456789")

    def split(prefix: str, own_name: str) -> LabelledImages:
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        if len(images) != len(labels):
            raise UserError(f"{str(folder)!r}: {len(images)} images but {len(labels)} labels in {prefix}")
        return _from_array(name, own_name, classes, images, labels)

    return Dataset(name=name, train=split("train", "train"), val=split("t10k", "val"))


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


def cifar10() -> Dataset:
    """CIFAR-10 through torchvision, downloaded once into the cache folder.

    Raises:
        UserError: if it cannot be downloaded.
    """
    from torchvision.datasets import CIFAR10

    folder = cache_root() / "datasets"
    try:
        parts = [CIFAR10(str(folder), train=train, download=True) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"CIFAR-10 cannot be downloaded ({error}); put cifar-10-python.tar.gz from "
            f"https://www.cs.toronto.edu/~kriz/cifar.html into {str(folder)!r}, or set PROCMEM_DATA to your image sets"
        ) from error
    splits = [
        _from_array("cifar10", split, tuple(part.classes), part.data, np.asarray(part.targets))
        for split, part in zip(("train", "val"), parts, strict=True)
    ]
    return Dataset(name="cifar10", train=splits[0], val=splits[1])


def digits() -> Dataset:
    """The 1,797 scanned digits of scikit-learn (8 x 8, 17 grey levels), a third of each class as `val`, fixed seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    counts = np.bincount(labels)
    chance = generator(0, "digits", "val")
    val = np.concatenate(
        [
            chance.permutation(np.flatnonzero(labels == digit))[:share]
            for digit, share in enumerate(class_shares(counts, len(labels) // 3))
        ]
    )
    whole = _from_array("digits", "train", tuple("0123456789"), images, labels)
    is_val = np.isin(np.arange(len(labels)), val)
    return Dataset(
        name="digits",
        train=whole.select(np.flatnonzero(~is_val)),
        val=dataclasses.replace(whole.select(np.flatnonzero(is_val)), split="val"),
    )


BUILT_IN: dict[str, Callable[[], Dataset]] = {"cifar10": cifar10, "digits": digits}


def _from_array(
    name: str, split: str, classes: tuple[str, ...], images: npt.NDArray[np.uint8], labels: npt.NDArray[np.integer]
) -> LabelledImages:
    uris = tuple(f"{name}/{split}/{position:06d}" for position in range(len(images)))
    return LabelledImages(
        name=name, split=split, class_names=classes, labels=labels.astype(np.int64), uris=uris, sources=images
    )


def _read_split(folder: Path, split: str, class_names: tuple[str, ...]) -> LabelledImages:
    paths: list[Path] = []
    labels: list[int] = []
    for label, class_name in enumerate(class_names):
        files = (folder / split / class_name).rglob("*")
        own = sorted(path for path in files if path.suffix.lower() in IMAGE_SUFFIXES)
        paths += own
        labels += [label] * len(own)
    if not paths:
        raise UserError(
            f"no image in {str(folder / split)!r}; expected CLASS/NAME with {' '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return LabelledImages(
        name=folder.name,
        split=split,
        class_names=class_names,
        labels=np.asarray(labels, dtype=np.int64),
        uris=tuple(path.relative_to(folder).as_posix() for path in paths),
        sources=tuple(paths),
    )


def _class_folders(folder: Path) -> list[Path]:
    return sorted(path for path in _listed(folder) if path.is_dir() and not path.name.startswith("."))


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot read folder {str(folder)!r}: {error.strerror or error}") from error


def _names_under(root: Path | None) -> list[str]:
    return [] if root is None else [path.name for path in root.iterdir() if path.is_dir()]
