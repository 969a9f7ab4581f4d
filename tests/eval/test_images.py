"""Labelled images: subsets, fingerprints, and files of every kind. Run: pytest tests/eval/test_images.py."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.images import CorruptImageError, LabelledImages, class_shares, read_image
from eval.sets.class_folders import read_class_folders
from pretrain.preprocessing import to_rgb
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
    images = read_class_folders(color_folder).train
    first = images.fingerprint()
    assert read_class_folders(color_folder).train.fingerprint() == first
    assert images.subset(6).fingerprint() != first
    os.utime(color_folder / "train" / "red" / "0.png", ns=(1, 1))
    assert read_class_folders(color_folder).train.fingerprint() != first
    arrays = labelled([2, 2])
    changed = labelled([2, 2])
    changed.sources[0, 0, 0] = 99  # type: ignore[index]
    assert arrays.fingerprint() != changed.fingerprint()


def test_a_subset_of_an_array_shares_its_pixels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8))
    mapped = labelled([3, 2])
    mapped = LabelledImages(
        **{name: getattr(mapped, name) for name in ("name", "split", "class_names", "labels", "uris")},
        sources=np.load(tmp_path / "x.npy", mmap_mode="r"),
    )
    subset = mapped.select(np.array([4, 0, 2])).select(np.array([2, 0]))
    assert subset.sources is mapped.sources
    assert [int(np.asarray(subset.image(i))[0, 0]) for i in range(2)] == [2, 4]
    assert subset.uris == ("2", "4")
    assert subset.fingerprint() != mapped.select(np.array([2, 3])).fingerprint()


GREY_16 = np.array([[0, 65535], [257, 32896]], np.uint16)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("grey", [[0, 255], [1, 128]]), ("16-bit", [[0, 255], [1, 128]]), ("palette", [[9, 7], [9, 7]]), ("cmyk", None)],
)
def test_grey_16_bit_palette_and_cmyk_files_become_rgb(
    tmp_path: Path, kind: str, expected: list[list[int]] | None
) -> None:
    path = tmp_path / f"x.{'tif' if kind == 'cmyk' else 'png'}"
    if kind == "palette":
        image = Image.fromarray(np.array([[0, 1], [0, 1]], np.uint8))
        image.putpalette([9, 9, 9, 7, 7, 7])
    elif kind == "cmyk":
        image = Image.new("CMYK", (2, 2), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    else:
        image = Image.fromarray(GREY_16 if kind == "16-bit" else np.array([[0, 255], [1, 128]], np.uint8))
    image.save(path)
    pixels = np.asarray(to_rgb(read_image(path)))
    assert pixels.shape == (2, 2, 3)
    if expected is None:
        assert pixels[0, 0].tolist() == [255, 0, 0]
    else:
        assert pixels[..., 0].tolist() == expected
        assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    noise = np.random.Generator(np.random.Philox(0)).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CorruptImageError, match=rf"cannot read image .*x\.{suffix}"):
        read_image(path)
