"""Arrays in files: idx, CIFAR's pickles, STL-10's bytes, digits. Run: pytest tests/eval/sets/test_arrays.py."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.datasets import find_dataset
from eval.sets.arrays import digits, read_idx
from procmem.errors import UserError


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


@pytest.mark.parametrize("place", ["fashion-mnist", "fashion-mnist/FashionMNIST/raw"])
def test_idx_files_are_read_as_their_authors_wrote_them(data: Path, place: str) -> None:
    pixels = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    for prefix, count in (("train", 3), ("t10k", 2)):
        write_idx(data / place / f"{prefix}-images-idx3-ubyte.gz", pixels[:count])
        write_idx(data / place / f"{prefix}-labels-idx1-ubyte.gz", np.array([9, 0, 2])[:count])
    dataset = find_dataset("fashion-mnist")
    assert (len(dataset.train), len(dataset.val), dataset.val.split) == (3, 2, "test")
    assert dataset.train.class_names[dataset.train.labels[0]] == "ankle boot"
    assert np.array_equal(np.asarray(dataset.train.image(2)), pixels[2])
    write_idx(data / place / "t10k-labels-idx1-ubyte.gz", np.array([9]))
    with pytest.raises(UserError, match=r"fashion-mnist: 2 images but 1 labels in test"):
        find_dataset("fashion-mnist")


def test_a_cut_or_foreign_idx_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    write_idx(path, np.zeros((2, 3)))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(UserError, match="is cut: 5 values where its header promises 6"):
        read_idx(path)
    path.write_bytes(gzip.compress(b"PK\x03\x04"))
    with pytest.raises(UserError, match="not an idx file"):
        read_idx(path)
    path.write_bytes(b"plain")
    with pytest.raises(UserError, match="cannot read"):
        read_idx(path)


def write_pickle(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))


def planes(values: list[int]) -> np.ndarray:
    """CIFAR's rows: 1,024 red bytes, then green, then blue."""
    return np.stack([np.repeat(np.array([value, value + 1, value + 2], np.uint8), 1024) for value in values])


def test_cifar10_pickles(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data / "cifar10" / "cifar-10-batches-py"
    for number in range(1, 6):
        write_pickle(folder / f"data_batch_{number}", {"data": planes([10 * number]), "labels": [number % 2]})
    write_pickle(folder / "test_batch", {"data": planes([100, 110]), "labels": [1, 0]})
    write_pickle(folder / "batches.meta", {"label_names": ["airplane", "automobile"]})
    with pytest.raises(UserError, match=r"cifar10 in .* is damaged or not complete"):
        find_dataset("cifar10")  # not the official bytes: a foreign pickle is never opened
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    found = find_dataset("cifar10")
    assert found.train.class_names == ("airplane", "automobile")
    assert found.train.labels.tolist() == [1, 0, 1, 0, 1]
    assert np.asarray(found.train.image(2))[5, 7].tolist() == [30, 31, 32]
    assert np.asarray(found.val.image(1)).shape == (32, 32, 3)
    assert found.val.labels.tolist() == [1, 0]


def test_cifar100_has_superclasses_as_a_level(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    folder = data / "cifar100" / "cifar-100-python"
    fine, coarse = list(range(99, -1, -1)), [label % 20 for label in range(99, -1, -1)]
    content = {"data": planes([0] * 100), "fine_labels": fine, "coarse_labels": coarse}
    write_pickle(folder / "train", content)
    write_pickle(folder / "test", content)
    names = {"fine_label_names": [f"f{i}" for i in range(100)], "coarse_label_names": [f"c{i}" for i in range(20)]}
    write_pickle(folder / "meta", dict(names))
    found = find_dataset("cifar100")
    assert found.train.labels[:2].tolist() == [99, 98]
    assert found.levels["superclass"] == [f"c{label % 20}" for label in range(100)]


def test_stl10_bytes_are_columns_of_planes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.stl10.check_integrity", lambda *_: True)
    folder = data / "stl10" / "stl10_binary"
    folder.mkdir(parents=True)
    image = np.zeros((3, 96, 96), np.uint8)
    image[0, 4, 90] = 200  # plane 0, and in the file column 4, row 90
    for prefix in ("train", "test"):
        image.tofile(folder / f"{prefix}_X.bin")
        np.array([10], np.uint8).tofile(folder / f"{prefix}_y.bin")
    (folder / "class_names.txt").write_text("airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n")
    (folder / "fold_indices.txt").write_text("0\n")
    found = find_dataset("stl10")
    assert np.argwhere(np.asarray(found.val.image(0))).tolist() == [[90, 4, 0]]
    assert found.val.class_names[found.val.labels[0]] == "truck"


def test_the_digits_are_split_by_class_without_overlap() -> None:
    dataset = digits()
    assert (len(dataset.train), len(dataset.val)) == (1198, 599)
    assert not set(dataset.train.uris) & set(dataset.val.uris)
    assert np.bincount(dataset.val.labels).min() >= 57
    image = dataset.val.image(0)
    assert isinstance(image, Image.Image)
    assert (image.size, np.asarray(image).max()) == ((8, 8), 255)
    assert dataset.val.uris[:3] == ("digits/train/000001", "digits/train/000003", "digits/train/000005")
