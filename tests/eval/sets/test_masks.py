"""VOC, ADE20K, COCO and BSDS in their authors' own structure. Run: pytest tests/eval/sets/test_masks.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from eval.sets.bsds500 import read_segmentations
from eval.sets.find_masked import find_masked_dataset
from procmem.errors import UserError

Picture = Callable[..., Path]


def write_mask(path: Path, values: np.ndarray, mode: str = "L") -> None:
    """Grey, or with a palette of VOC's kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8))
    if mode == "P":
        image.putpalette([(own * 83) % 256 for own in range(768)])
    image.save(path)


def test_voc_palettes_are_classes_and_void_is_ignored(data: Path, picture: Picture) -> None:
    folder = data / "voc2012" / "VOCdevkit" / "VOC2012"
    border = np.array([[255, 15, 15, 255], [0, 15, 20, 0], [0, 0, 20, 20]])
    for name, values in (("2007_000032", border), ("2007_000039", border * 0 + 1), ("2007_000001", border * 0)):
        picture(folder / "JPEGImages" / f"{name}.jpg")
        write_mask(folder / "SegmentationClass" / f"{name}.png", values, "P")
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000039\n2007_000032\n")
    (lists / "val.txt").write_text("2007_000001\n")
    found = find_masked_dataset("voc2012")
    assert found.train.uris == ("JPEGImages/2007_000032.jpg", "JPEGImages/2007_000039.jpg")
    assert np.array_equal(found.train.mask(0), np.where(border == 255, -1, border))
    assert (found.train.label_names[15], found.train.label_names[20]) == ("person", "tvmonitor")
    assert found.train.mask(1).tolist() == [[1] * 4] * 3
    assert found.train.counted(np.array([-1, 0, 20])).tolist() == [False, True, True]  # its 0 is a class
    assert len(found.val) == 1


def test_ade20k(data: Path, picture: Picture) -> None:
    folder = data / "ade20k" / "ADEChallengeData2016"
    for split, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        picture(folder / "images" / split / f"{name}.jpg")
        write_mask(folder / "annotations" / split / f"{name}.png", np.array([[0, 1, 2, 2]] * 3))
    (folder / "objectInfo150.txt").write_text(
        "Idx\tRatio\tTrain\tVal\tName\n1\t0.1576\t11664\t1172\twall \n2\t0.1072\t6046\t612\tbuilding, edifice \n"
    )
    found = find_masked_dataset("ade20k")
    assert found.val.label_names == ("other", "wall", "building")
    assert found.val.mask(0).tolist() == [[0, 1, 2, 2]] * 3
    assert (found.train.split, found.train.uris) == ("train", ("images/training/ADE_train_00000001.jpg",))


CATEGORIES = [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
"""COCO's ids have holes, and nobody promises their order."""


def write_coco(data: Path, kind: str, annotations: list[dict[str, object]]) -> Path:
    folder = data / "coco" / "annotations"
    folder.mkdir(parents=True)
    images = [
        {"id": 5, "file_name": "000000000005.jpg", "height": 3, "width": 4},
        {"id": 2, "file_name": "000000000002.jpg", "height": 3, "width": 4},
    ]
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    for split in ("train2017", "val2017"):
        (folder / f"{kind}_{split}.json").write_text(json.dumps(content))
    return folder


def test_panoptic_colours_are_numbers_of_segments(data: Path, picture: Picture) -> None:
    segments = [{"id": 300, "category_id": 18}, {"id": 70000, "category_id": 1}, {"id": 7, "category_id": 90}]
    folder = write_coco(data, "panoptic", [{"image_id": 5, "file_name": "000000000005.png", "segments_info": segments}])
    ids = np.array([[300, 300, 0, 7], [300, 70000, 70000, 7], [0, 0, 70000, 7]])
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1)
    for split in ("train2017", "val2017"):
        picture(data / "coco" / split / "000000000005.jpg")
        write_mask(folder / f"panoptic_{split}" / "000000000005.png", colours)
    found = find_masked_dataset("coco-panoptic")
    assert found.val.label_names == ("unlabelled", "person", "dog", "toothbrush")
    assert found.val.uris == ("val2017/000000000005.jpg",)  # image 2 has no annotation
    assert found.val.mask(0).tolist() == [[2, 2, 0, 3], [2, 1, 1, 3], [0, 0, 1, 3]]
    (folder / "panoptic_val2017" / "000000000005.png").unlink()
    with pytest.raises(UserError, match=r"cannot read mask .*panoptic_val2017/000000000005\.png"):
        found.val.mask(0)


# pycocotools 2.0 asks numpy 2 in a way that it calls deprecated
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_instances_are_drawn_by_category_and_small_ones_lie_on_top(
    data: Path, picture: Picture, capfd: pytest.CaptureFixture[str]
) -> None:
    counts = [9, 3]  # run lengths go column by column: nine pixels out, three in
    person = {"id": 2, "category_id": 1, "area": 6, "iscrowd": 0, "segmentation": [[0, 0, 2, 0, 2, 3, 0, 3]]}
    brush = {"id": 1, "category_id": 90, "area": 1, "iscrowd": 0, "segmentation": [[0, 0, 1, 0, 1, 1, 0, 1]]}
    dogs = {"id": 3, "category_id": 18, "area": 3, "iscrowd": 1, "segmentation": {"size": [3, 4], "counts": counts}}
    annotations: list[dict[str, object]] = [{**own, "image_id": 5} for own in (brush, person, dogs)]
    write_coco(data, "instances", annotations)
    for split in ("train2017", "val2017"):
        picture(data / "coco" / split / "000000000005.jpg")
    found = find_masked_dataset("coco-instances")
    assert found.val.mask(0).tolist() == [[3, 1, 0, 2], [1, 1, 0, 2], [1, 1, 0, 2]]
    assert capfd.readouterr().out == ""  # standard output belongs to results; pycocotools prints there


def write_bsds(data: Path, picture: Picture) -> Path:
    folder = data / "bsds500" / "BSR" / "BSDS500" / "data"
    kinds = [("Segmentation", "O"), ("Boundaries", "O")]
    for split, name in (("train", "8049"), ("val", "101085"), ("test", "2018")):
        picture(folder / "images" / split / f"{name}.jpg")
        people = np.empty((1, 2), object)
        for person, values in enumerate(([[1, 1, 2, 2]] * 3, [[1, 2, 3, 4]] * 3)):
            cell = np.empty((1, 1), dtype=kinds)
            cell[0, 0] = (np.array(values, np.uint16), np.zeros((3, 4), np.uint8))
            people[0, person] = cell
        (folder / "groundTruth" / split).mkdir(parents=True)
        savemat(folder / "groundTruth" / split / f"{name}.mat", {"groundTruth": people})
    return folder


def test_bsds_reads_the_first_person_and_knows_the_others(data: Path, picture: Picture) -> None:
    folder = write_bsds(data, picture)
    found = find_masked_dataset("bsds500")
    assert found.val.mask(0).tolist() == [[1, 1, 2, 2]] * 3
    assert (found.val.split, find_masked_dataset("bsds500@test").val.uris) == ("val", ("images/test/2018.jpg",))
    path = folder / "groundTruth" / "val" / "101085.mat"
    assert [own.max() for own in read_segmentations(path)] == [2, 4]
    savemat(path, {"groundTruth": np.zeros((1, 1))})
    with pytest.raises(UserError, match=r"101085\.mat' holds no segmentations"):
        found.val.mask(0)
