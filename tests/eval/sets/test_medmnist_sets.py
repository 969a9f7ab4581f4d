"""MedMNIST's npz files. Run: pytest tests/eval/sets/test_medmnist_sets.py."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from eval.datasets import find_dataset
from eval.sets import medmnist_sets
from eval.sets.medmnist_sets import medmnist_names
from eval.sets.registry import describe_dataset
from procmem.errors import UserError

COUNTS = {"train": 4, "val": 2, "test": 3}


def write(path: Path, channels: int, labels: list[int], *, is_packed: bool = True) -> dict[str, np.ndarray]:
    """As the package writes: images (N, S, S[, 3]) uint8 and labels (N, 1)."""
    path.parent.mkdir(exist_ok=True)
    members: dict[str, np.ndarray] = {}
    for split, count in COUNTS.items():
        values = np.arange(count * 6 * 6 * channels, dtype=np.uint8).reshape(count, 6, 6, channels)
        members[f"{split}_images"] = values if channels == 3 else values[..., 0]
        members[f"{split}_labels"] = np.array(labels[:count], np.uint8)[:, None]
    (np.savez_compressed if is_packed else np.savez)(path, **members)  # type: ignore[operator]
    return members


def test_there_are_ten_sets_in_four_sizes_with_a_place_each() -> None:
    names = medmnist_names()
    assert len(set(names)) == 40
    assert {"pathmnist", "dermamnist_64", "octmnist_128", "organsmnist_224"} <= set(names)
    assert all("zenodo.org/records/10519652" in describe_dataset(name) for name in names)


@pytest.mark.parametrize(("place", "channels"), [("medmnist", 3), (".", 1)])
def test_val_is_asked_about_and_test_by_request(data: Path, place: str, channels: int) -> None:
    members = write(data / place / "breastmnist_64.npz", channels, [0, 1, 1, 0])
    found = find_dataset("breastmnist_64")
    assert found.train.class_names == ("malignant", "normal, benign")
    assert found.train.labels.tolist() == [0, 1, 1, 0]
    assert (found.val.split, len(found.val)) == ("val", 2)
    assert np.array_equal(np.asarray(found.val.image(1)), members["val_images"][1])
    test = find_dataset("breastmnist_64@test").val
    assert (test.split, len(test)) == ("test", 3)


def test_large_arrays_are_unpacked_once_and_mapped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medmnist_sets, "MAPPED_FROM_BYTES", 200)
    path = data / "medmnist" / "pathmnist_224.npz"
    members = write(path, 3, [0, 1, 0, 1])
    first = find_dataset("pathmnist_224").train
    assert isinstance(first.sources, np.memmap)
    unpacked = Path(str(first.sources.filename))
    written = unpacked.stat().st_mtime_ns
    again = find_dataset("pathmnist_224").train
    assert unpacked.stat().st_mtime_ns == written
    assert again.fingerprint() == first.fingerprint()
    subset = again.select(np.array([3, 1]))
    assert isinstance(subset.sources, np.memmap)  # a subset copies no pixels
    assert np.array_equal(np.asarray(subset.image(0)), members["train_images"][3])
    assert np.array_equal(np.asarray(subset.select(np.array([1])).image(0)), members["train_images"][1])
    assert subset.fingerprint() != again.select(np.array([1, 3])).fingerprint()
    os.utime(path, ns=(1, 1))
    changed = find_dataset("pathmnist_224").train
    assert changed.fingerprint() != first.fingerprint()


@pytest.mark.parametrize("damage", ["cut", "text", "labels", "member"])
def test_a_damaged_file_is_named(data: Path, damage: str) -> None:
    path = data / "medmnist" / "pathmnist.npz"
    members = write(path, 3, [0, 1, 0, 1])
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "text":
        path.write_bytes(b"nothing")
    else:
        changed = {"train_labels": np.zeros((4, 14), np.uint8)} if damage == "labels" else {}
        gone = {"train_images"} if damage == "member" else set()
        np.savez(path, **{name: own for name, own in (members | changed).items() if name not in gone})
    with pytest.raises(UserError, match=r"pathmnist\.npz"):
        find_dataset("pathmnist")
