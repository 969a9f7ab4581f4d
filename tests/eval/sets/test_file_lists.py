"""Sets that are lists of files, written in their authors' own structure.

Every image's pixels tell which image it is, so that a wrong pairing of file and label shows. Run:
pytest tests/eval/sets/test_file_lists.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from eval.datasets import find_dataset
from eval.images import LabelledImages
from procmem.errors import UserError

Picture = Callable[..., Path]


def told(images: LabelledImages) -> list[tuple[int, str]]:
    """(value of its pixels, class) of each image."""
    return [
        (int(np.asarray(images.image(i))[0, 0, 0]), images.class_names[images.labels[i]]) for i in range(len(images))
    ]


def write_flowers(data: Path, picture: Picture) -> None:
    """Images 1..6; labels count from 1; the lists of the splits are not sorted."""
    folder = data / "flowers102" / "flowers-102"
    for number in range(1, 7):
        picture(folder / "jpg" / f"image_{number:05d}.jpg", number)
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 1, 2, 2, 102, 102]], np.uint8)})
    savemat(folder / "setid.mat", {"trnid": [[6, 2, 3]], "valid": [[4, 1]], "tstid": [[5]]})


def test_flowers_are_asked_about_val_and_test_by_request(data: Path, picture: Picture) -> None:
    write_flowers(data, picture)
    found = find_dataset("flowers102")
    pink, hard, blackberry = "pink primrose", "hard-leaved pocket orchid", "blackberry lily"
    assert told(found.train) == [(2, pink), (3, hard), (6, blackberry)]
    assert told(found.val) == [(1, pink), (4, hard)]
    assert (found.val.split, found.val.name, found.val.uris[0]) == ("val", "flowers102", "jpg/image_00001.jpg")
    test = find_dataset("flowers102@test")
    assert told(test.val) == [(5, blackberry)]
    assert test.val.split == "test"
    with pytest.raises(UserError, match="unknown variant of flowers102 'tset'; did you mean 'test'"):
        find_dataset("flowers102@tset")


def test_a_damaged_label_file_is_named(data: Path, picture: Picture) -> None:
    write_flowers(data, picture)
    (data / "flowers102" / "flowers-102" / "setid.mat").write_bytes(b"no matrix")
    with pytest.raises(UserError, match=r"cannot read trnid from .*setid\.mat"):
        find_dataset("flowers102")


def test_food(data: Path, picture: Picture) -> None:
    folder = data / "food-101"
    for value, name in enumerate(("waffles/1", "apple_pie/9", "apple_pie/2", "waffles/4")):
        picture(folder / "images" / f"{name}.jpg", value)
    (folder / "meta").mkdir()
    (folder / "meta" / "classes.txt").write_text("apple_pie\nwaffles\n")
    (folder / "meta" / "train.txt").write_text("waffles/1\napple_pie/9\n")
    (folder / "meta" / "test.txt").write_text("apple_pie/2\nwaffles/4\n")
    found = find_dataset("food101")
    assert told(found.train) == [(1, "apple_pie"), (0, "waffles")]
    assert told(found.val) == [(2, "apple_pie"), (3, "waffles")]
    assert found.val.split == "test"


def test_birds(data: Path, picture: Picture) -> None:
    folder = data / "CUB_200_2011"
    names = ["001.Black_Albatross/a.jpg", "001.Black_Albatross/b.jpg", "002.Auk/c.jpg", "002.Auk/d.jpg"]
    for value, name in enumerate(names, 1):
        picture(folder / "images" / name, value)
    for file, rows in {
        "images": names,
        "image_class_labels": ["1", "1", "2", "2"],
        "train_test_split": ["0", "1", "1", "0"],
        "classes": ["001.Black_Albatross", "002.Auk"],
    }.items():
        (folder / f"{file}.txt").write_text("".join(f"{number} {row}\n" for number, row in enumerate(rows, 1)))
    found = find_dataset("cub200")
    assert told(found.train) == [(2, "Black_Albatross"), (3, "Auk")]
    assert told(found.val) == [(1, "Black_Albatross"), (4, "Auk")]
    (folder / "train_test_split.txt").write_text("1 0\n2 1\n")
    with pytest.raises(UserError, match="differ in images"):
        find_dataset("cub200")


def write_places(folder: Path, picture: Picture, train: str, val: str) -> None:
    picture(folder / train / "a" / "airfield" / "00000001.jpg", 1)
    picture(folder / train / "z" / "zen" / "00000001.jpg", 2)
    picture(folder / val / "Places365_val_00000001.jpg", 3)
    (folder / "categories_places365.txt").write_text("/a/airfield 0\n/z/zen 1\n")
    (folder / "places365_train_standard.txt").write_text("/a/airfield/00000001.jpg 0\n/z/zen/00000001.jpg 1\n")
    (folder / "places365_val.txt").write_text("Places365_val_00000001.jpg 1\n")


@pytest.mark.parametrize(("train", "val"), [("data_256_standard", "val_256"), ("data_large_standard", "val_large")])
def test_places_in_both_sizes(data: Path, picture: Picture, train: str, val: str) -> None:
    write_places(data / "places365", picture, train, val)
    found = find_dataset("places365")
    assert told(found.train) == [(1, "airfield"), (2, "zen")]
    assert told(found.val) == [(3, "zen")]


def test_places_without_its_images_says_which_folder(data: Path, picture: Picture) -> None:
    write_places(data / "places365", picture, "data_256_standard", "elsewhere")
    with pytest.raises(UserError, match="needs the folder val_256 or val_large"):
        find_dataset("places365")


def test_faces_by_one_attribute(data: Path, picture: Picture) -> None:
    folder = data / "celeba"
    rows = {"000001.jpg": "1 -1", "000002.jpg": "-1 1", "000003.jpg": "1 1", "000004.jpg": "1 1"}
    for value, name in enumerate(rows, 1):
        picture(folder / "img_align_celeba" / name, value)
    lines = [f"{name} {values}" for name, values in rows.items()]
    (folder / "list_attr_celeba.txt").write_text("\n".join(["4", "Smiling Young", *lines, ""]))
    (folder / "list_eval_partition.txt").write_text(
        "000001.jpg 0\n000002.jpg 0\n000003.jpg 1\n000004.jpg 2\n"  # 2 is the test split: not asked about
    )
    found = find_dataset("celeba")
    assert told(found.train) == [(1, "Smiling"), (2, "not Smiling")]
    assert told(found.val) == [(3, "Smiling")]
    assert told(find_dataset("celeba@Young").train) == [(1, "not Young"), (2, "Young")]
    assert find_dataset("celeba@Young").name != found.name
    with pytest.raises(UserError, match="unknown variant of celeba 'Yung'; did you mean 'Young'"):
        find_dataset("celeba@Yung")


def write_lesions(data: Path, picture: Picture, rows: dict[str, dict[str, str]]) -> None:
    for split, own in rows.items():
        stem = f"ISIC2018_Task3_{split}"
        table = data / "isic2018" / f"{stem}_GroundTruth" / f"{stem}_GroundTruth.csv"
        table.parent.mkdir(parents=True)
        table.write_text("image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n" + "".join(f"{n},{r}\n" for n, r in own.items()))
        for name in own:
            picture(data / "isic2018" / f"{stem}_Input" / f"{name}.jpg", int(name[-1]))


def test_lesions(data: Path, picture: Picture) -> None:
    moles, vessels = "0.0,1.0,0.0,0.0,0.0,0.0,0.0", "0.0,0.0,0.0,0.0,0.0,0.0,1.0"
    write_lesions(
        data,
        picture,
        {
            "Training": {"ISIC_0000001": vessels, "ISIC_0000000": moles},
            "Validation": {"ISIC_0000002": moles},
            "Test": {"ISIC_0000003": vessels},
        },
    )
    found = find_dataset("isic2018")
    assert told(found.train) == [(0, "NV"), (1, "VASC")]
    assert told(found.val) == [(2, "NV")]
    assert told(find_dataset("isic2018@test").val) == [(3, "VASC")]


def test_two_diagnoses_of_one_lesion_are_refused(data: Path, picture: Picture) -> None:
    write_lesions(data, picture, {"Training": {"ISIC_0000001": "1.0,1.0,0,0,0,0,0"}, "Validation": {}})
    with pytest.raises(UserError, match=r"must have exactly one 1\.0 in each row"):
        find_dataset("isic2018")
