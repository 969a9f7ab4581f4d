"""Folders of class folders: order, splits, what is refused. Run: pytest tests/eval/sets/test_class_folders.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.datasets import find_dataset
from eval.images import CorruptImageError
from eval.sets.class_folders import read_class_folders
from procmem.errors import UserError

Picture = Callable[..., Path]


def test_a_folder_is_read_in_the_order_of_its_names(color_folder: Path) -> None:
    dataset = read_class_folders(color_folder)
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
    dataset = read_class_folders(color_folder)
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
        read_class_folders(color_folder / "train")


def test_an_empty_split_is_refused(color_folder: Path) -> None:
    for path in (color_folder / "val").rglob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match=r"no image in .*val"):
        read_class_folders(color_folder)


def test_a_class_without_training_images_is_refused(color_folder: Path) -> None:
    for path in (color_folder / "train" / "red").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="classes of which train has no image: red"):
        read_class_folders(color_folder)


def test_a_class_without_queries_keeps_its_label(color_folder: Path) -> None:
    for path in (color_folder / "val" / "blue").iterdir():
        path.unlink()
    dataset = read_class_folders(color_folder)
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
    images = read_class_folders(color_folder).train
    assert len(images.fingerprint()) == 64
    with pytest.raises(CorruptImageError, match=r"cannot read image .*train/green/1\.png"):
        images.image(5)


def test_a_split_is_chosen_by_name_and_a_wrong_one_is_told_the_valid_ones(color_folder: Path) -> None:
    (color_folder / "val" / "blue" / "0.png").rename(color_folder / "train" / "blue" / "moved.png")
    (color_folder / "test" / "green").mkdir(parents=True)
    (color_folder / "val" / "green" / "0.png").rename(color_folder / "test" / "green" / "0.png")
    assert len(find_dataset(str(color_folder)).val) == 4
    test = find_dataset(f"{color_folder}@test").val
    assert (test.split, test.uris) == ("test", ("test/green/0.png",))
    with pytest.raises(UserError, match="unknown variant of colors 'tst'; did you mean 'test'"):
        find_dataset(f"{color_folder}@tst")


def test_a_folder_without_splits_holds_out_a_third_by_request(color_folder: Path) -> None:
    place = f"{color_folder / 'train'}@holdout"
    found = find_dataset(place)
    assert np.bincount(found.val.labels).tolist() == [2, 1, 1]  # 12 // 3 over three equal classes, ties to the first
    assert sorted((*found.train.uris, *found.val.uris)) == sorted(
        f"{name}/{number}.png" for name in ("blue", "green", "red") for number in range(4)
    )
    assert found.val.drawn == "4 of 12 held out by class, seed 0"
    assert find_dataset(place).val.uris == found.val.uris


def test_pneumonia_is_asked_of_the_official_test_split(data: Path, picture: Picture) -> None:
    for split, count in (("train", 3), ("test", 2), ("val", 1)):
        for name in ("NORMAL", "PNEUMONIA"):
            for number in range(count):
                picture(data / "chestxray2017" / "chest_xray" / split / name / f"{number}.jpeg", number)
    found = find_dataset("chestxray2017")
    assert (found.name, found.train.class_names) == ("chestxray2017", ("NORMAL", "PNEUMONIA"))
    assert (len(found.train), found.val.split, len(found.val)) == (6, "test", 4)
    assert len(find_dataset("chestxray2017@val").val) == 2


def test_ninco_gives_its_classes_for_a_memory_and_for_queries(data: Path, picture: Picture) -> None:
    for name in ("amphiuma_means", "Araneus_gemma"):
        for number in range(3):
            picture(data / "NINCO" / "NINCO_OOD_classes" / name / f"{number}.jpg", number)
    found = find_dataset("ninco")
    assert (found.name, found.val.name) == ("ninco", "ninco")
    assert np.bincount(found.train.labels).tolist() == [2, 2]
    assert np.bincount(found.val.labels).tolist() == [1, 1]
