"""ImageNet and the sets that ask about its classes, in their layouts. Run: pytest tests/eval/sets/test_imagenet.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from eval.datasets import find_dataset
from eval.images import LabelledImages
from eval.sets.registry import Missing, availability
from procmem.errors import UserError

Picture = Callable[..., Path]
TENCH, GOLDFISH, SHARK = "n01440764", "n01443537", "n01484850"
"""The first three classes."""

TOILET_TISSUE = "n15075141"
"""The last one."""


def values(images: LabelledImages) -> list[int]:
    return [int(np.asarray(images.image(i))[0, 0, 0]) for i in range(len(images))]


@pytest.fixture
def train(data: Path, picture: Picture) -> Path:
    """Two training images of each of three classes, values 10 to 31."""
    for label, wnid in enumerate((TENCH, GOLDFISH, SHARK), 1):
        for number in range(2):
            picture(data / "imagenet" / "train" / wnid / f"{wnid}_{number}.JPEG", 10 * label + number)
    return data / "imagenet"


def test_validation_images_in_class_folders(train: Path, picture: Picture) -> None:
    picture(train / "val" / SHARK / "ILSVRC2012_val_00000001.JPEG", 7)
    found = find_dataset("imagenet")
    assert found.train.class_names == (f"{TENCH} tench", f"{GOLDFISH} goldfish", f"{SHARK} great white shark")
    assert values(found.train) == [10, 11, 20, 21, 30, 31]
    assert found.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (values(found.val), found.val.labels.tolist()) == ([7], [2])


def write_devkit(folder: Path, truth: list[int]) -> None:
    """The devkit counts classes from 1 in an order of its own."""
    kinds = [("ILSVRC2012_ID", "<f8"), ("WNID", "O")]
    synsets = np.array([(1, SHARK), (2, TENCH), (3, GOLDFISH)], dtype=kinds)
    (folder / "ILSVRC2012_devkit_t12" / "data").mkdir(parents=True)
    savemat(folder / "ILSVRC2012_devkit_t12" / "data" / "meta.mat", {"synsets": synsets})
    path = folder / "ILSVRC2012_devkit_t12" / "data" / "ILSVRC2012_validation_ground_truth.txt"
    path.write_text("".join(f"{number}\n" for number in truth))


def test_flat_validation_images_with_the_devkit(train: Path, picture: Picture) -> None:
    for number in (1, 2, 3):
        picture(train / "val" / f"ILSVRC2012_val_{number:08d}.JPEG", number)
    with pytest.raises(UserError, match=r"without class folders; their labels need .*ILSVRC2012_devkit_t12/data"):
        find_dataset("imagenet")
    write_devkit(train, [3, 1, 2])
    found = find_dataset("imagenet")
    assert values(found.val) == [1, 2, 3]
    assert [found.val.class_names[label].partition(" ")[2] for label in found.val.labels] == [
        "goldfish",
        "great white shark",
        "tench",
    ]


@pytest.mark.parametrize("name", ["imagenet-a", "imagenet-r", "imagenet-sketch"])
def test_other_pictures_of_its_classes_are_asked_of_its_memory(
    train: Path, data: Path, picture: Picture, name: str
) -> None:
    (train / "val").mkdir()
    place = data / name / "sketch" if name == "imagenet-sketch" else data / name
    picture(place / SHARK / "x.jpg", 5)
    (place / "README.txt").write_text("class descriptions")
    found = find_dataset(name)
    assert (found.name, found.val.name, found.train.name) == (name, name, "imagenet")
    assert len(found.train) == 6
    assert (values(found.val), found.val.labels.tolist()) == ([5], [2])
    subset = find_dataset(f"{name}@subset").train
    assert values(subset) == [30, 31]
    assert subset.drawn == f"the 1 classes of {name}"
    # one extraction of the memory serves all of these sets
    picture(train / "val" / TENCH / "y.JPEG", 1)
    assert find_dataset("imagenet").train.fingerprint() == found.train.fingerprint()


def test_a_class_that_the_memory_has_not_is_refused(train: Path, data: Path, picture: Picture) -> None:
    (train / "val").mkdir()
    picture(data / "imagenet-a" / TOILET_TISSUE / "x.jpg")
    with pytest.raises(
        UserError, match=f"imagenet-a has classes of which ImageNet's train has no image: {TOILET_TISSUE}"
    ):
        find_dataset("imagenet-a")


def test_without_imagenet_its_relatives_are_missing_too(data: Path, picture: Picture) -> None:
    picture(data / "imagenet-r" / TENCH / "x.jpg")
    found = availability("imagenet-r")
    assert isinstance(found, Missing)
    assert found.reason.startswith("it is asked of imagenet: data set 'imagenet' is not here")
    assert "https://image-net.org" in found.how_to_get
    with pytest.raises(UserError, match="data set 'imagenet' is not here"):
        find_dataset("imagenet-r")


@pytest.fixture
def whole(data: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ImageNet as if it had the three classes only: V2 and ReaL count positions among all."""
    monkeypatch.setattr("eval.sets.imagenet.NUM_CLASSES", 3)
    monkeypatch.setattr("eval.sets.imagenet._official_wnids", lambda: [TENCH, GOLDFISH, SHARK])
    for label, wnid in enumerate((TENCH, GOLDFISH, SHARK), 1):
        picture(data / "imagenet" / "train" / wnid / "0.JPEG", 10 * label)
    return data / "imagenet"


def test_v2_folders_are_positions_in_the_official_order(whole: Path, data: Path, picture: Picture) -> None:
    (whole / "val").mkdir()
    place = data / "imagenetv2-matched-frequency-format-val"
    for label in (0, 1, 2, 999):
        picture(place / str(label) / "x.jpeg", label % 256)
    found = find_dataset("imagenet-v2")
    assert found.val.class_names == found.train.class_names
    assert (values(found.val), found.val.labels.tolist()) == ([0, 1, 2], [0, 1, 2])


def test_real_takes_any_of_several_labels_and_leaves_out_images_without_one(
    whole: Path, data: Path, picture: Picture
) -> None:
    for number, wnid in ((1, TENCH), (2, GOLDFISH), (3, SHARK), (4, TENCH)):
        picture(whole / "val" / wnid / f"ILSVRC2012_val_{number:08d}.JPEG", number)
    (data / "imagenet-real").mkdir()
    (data / "imagenet-real" / "real.json").write_text(json.dumps([[0, 2], [0], [], [1, 2]]))
    val = find_dataset("imagenet-real").val
    assert values(val) == [1, 4, 2]  # in the order of names: both tenches, then the goldfish
    assert val.accepted == ((0, 2), (1, 2), (0,))
    assert val.labels.tolist() == [0, 1, 0]  # its own label where that counts, else the first that does
    assert val.is_correct(np.array([2, 0, 0])).tolist() == [True, False, True]
    assert val.select(np.array([2, 0])).accepted == ((0,), (0, 2))
    assert val.drawn == "3 of 4, those with a label"
    (data / "imagenet-real" / "real.json").write_text("[[0]]")
    with pytest.raises(UserError, match="must list labels by the numbers of"):
        find_dataset("imagenet-real")


def test_the_official_order_is_that_of_the_ids() -> None:
    from eval.sets.imagenet import _official_wnids

    wnids = _official_wnids()
    assert len(wnids) == 1000
    assert wnids == sorted(wnids)
    assert (wnids[0], wnids[-1]) == (TENCH, TOILET_TISSUE)
