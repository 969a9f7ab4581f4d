"""Data sets on disk: order, splits, formats, what is refused. Run: pytest tests/eval/test_datasets.py."""

from __future__ import annotations

import gzip
import os
import struct
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.datasets import default_dataset, digits, find_dataset, read_folder, read_idx
from eval.images import CorruptImageError, LabelledImages, class_shares
from procmem.errors import UserError


def labelled(counts: list[int]) -> LabelledImages:
    labels = np.repeat(np.arange(len(counts)), counts)
    return LabelledImages(
        name="set",
        split="train",
        class_names=tuple("abcdefgh"[: len(counts)]),
        labels=labels,
        uris=tuple(f"{i}" for i in range(len(labels))),
        sources=np.arange(len(labels), dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8),
    )


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


def test_a_folder_is_read_in_the_order_of_its_names(color_folder: Path) -> None:
    dataset = read_folder(color_folder)
    assert dataset.name == "colors"
    assert dataset.train.class_names == ("blue", "green", "red")
    assert dataset.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert dataset.train.uris[:2] == ("train/blue/0.png", "train/blue/1.png")
    assert dataset.val.uris[-1] == "val/red/1.png"
    assert np.asarray(dataset.val.image(5)).mean((0, 1)).argmax() == 0


def test_other_files_are_not_images_and_a_test_folder_serves_as_val(color_folder: Path) -> None:
    (color_folder / "train" / "red" / "Thumbs.db").write_text("x")
    (color_folder / "train" / "SOURCE.txt").write_text("x")
    (color_folder / "val").rename(color_folder / "test")
    dataset = read_folder(color_folder)
    assert len(dataset.train) == 12
    assert dataset.val.split == "test"


def test_the_name_is_looked_up_under_procmem_data_first(color_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(find_dataset(str(color_folder)).val) == 6
    monkeypatch.setenv("PROCMEM_DATA", str(color_folder.parent))
    assert find_dataset("colors").name == "colors"
    with pytest.raises(UserError, match="unknown data set 'color'; did you mean 'colors'"):
        find_dataset("color")


def test_a_path_to_nowhere_and_a_folder_without_splits_are_named(tmp_path: Path, color_folder: Path) -> None:
    with pytest.raises(UserError, match="no image folder at"):
        find_dataset(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"needs train/CLASS/ and val/CLASS/ .* it holds blue, green, red"):
        read_folder(color_folder / "train")


def test_an_empty_split_is_refused(color_folder: Path) -> None:
    for path in (color_folder / "val").rglob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match=r"no image in .*val"):
        read_folder(color_folder)


def test_a_class_without_training_images_is_refused(color_folder: Path) -> None:
    for path in (color_folder / "train" / "red").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="classes of which train has no image: red"):
        read_folder(color_folder)


def test_a_class_without_queries_keeps_its_label(color_folder: Path) -> None:
    for path in (color_folder / "val" / "blue").iterdir():
        path.unlink()
    dataset = read_folder(color_folder)
    assert dataset.val.labels.tolist() == [1, 1, 2, 2]
    assert dataset.val.class_names == ("blue", "green", "red")


@pytest.mark.parametrize("damage", ["text", "cut", "empty", "link"])
def test_a_corrupt_image_is_named(color_folder: Path, damage: str) -> None:
    path = color_folder / "train" / "green" / "1.png"
    content = path.read_bytes()
    if damage == "link":
        path.unlink()
        path.symlink_to("nowhere.png")
    else:
        path.write_bytes({"text": b"not an image", "cut": content[: len(content) // 2], "empty": b""}[damage])
    images = read_folder(color_folder).train
    assert len(images.fingerprint()) == 64
    with pytest.raises(CorruptImageError, match=r"cannot read image .*train/green/1\.png"):
        images.image(5)


def test_idx_files_are_read_as_their_authors_wrote_them(tmp_path: Path) -> None:
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    pixels = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    for prefix, count in (("train", 3), ("t10k", 2)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", pixels[:count])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", np.array([9, 0, 2])[:count])
    dataset = read_folder(folder)
    assert (len(dataset.train), len(dataset.val)) == (3, 2)
    assert dataset.train.class_names[dataset.train.labels[0]] == "ankle boot"
    assert np.array_equal(np.asarray(dataset.train.image(2)), pixels[2])


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


def test_shares_by_largest_remainders_by_hand() -> None:
    # quotas (5, 3, 2) * 5 / 10 = 2.5, 1.5, 1.0: floors 2, 1, 1; the one left goes to the first of the equal halves
    assert class_shares(np.array([5, 3, 2]), 5).tolist() == [3, 1, 1]
    assert class_shares(np.array([10, 0, 1]), 4).tolist() == [4, 0, 0]


def test_a_subset_is_balanced_ordered_and_the_same_every_time() -> None:
    images = labelled([8, 4, 4])
    subset = images.subset(8, seed=1)
    assert np.bincount(subset.labels).tolist() == [4, 2, 2]
    numbers = [int(uri) for uri in subset.uris]
    assert numbers == sorted(numbers)
    assert subset.uris == images.subset(8, seed=1).uris
    assert subset.uris != images.subset(8, seed=2).uris
    assert [int(np.asarray(subset.image(i))[0, 0]) for i in range(8)] == numbers
    assert subset.drawn == "8 of 16, by class, seed 1"
    assert images.subset(16) is images
    with pytest.raises(UserError, match="at least 1 image, received 0"):
        images.subset(0)


def test_the_fingerprint_follows_contents_names_and_labels(color_folder: Path) -> None:
    images = read_folder(color_folder).train
    first = images.fingerprint()
    assert read_folder(color_folder).train.fingerprint() == first
    assert images.subset(6).fingerprint() != first
    os.utime(color_folder / "train" / "red" / "0.png", ns=(1, 1))
    assert read_folder(color_folder).train.fingerprint() != first
    arrays = labelled([2, 2])
    changed = labelled([2, 2])
    changed.sources[0, 0, 0] = 99  # type: ignore[index]
    assert arrays.fingerprint() != changed.fingerprint()


def test_the_digits_are_split_by_class_without_overlap() -> None:
    dataset = digits()
    assert (len(dataset.train), len(dataset.val)) == (1198, 599)
    assert not set(dataset.train.uris) & set(dataset.val.uris)
    assert np.bincount(dataset.val.labels).min() >= 57
    image = dataset.val.image(0)
    assert isinstance(image, Image.Image)
    assert (image.size, np.asarray(image).max()) == ((8, 8), 255)


def test_without_data_and_network_the_demonstration_falls_back_to_digits_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert default_dataset().name == "digits"
    assert "CIFAR-10 cannot be downloaded" in capsys.readouterr().err
