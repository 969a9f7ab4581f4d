"""Folders of images with masks: written here pixel by pixel. Run: pytest tests/eval/sets/test_mask_folder.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.sets.find_masked import find_masked_dataset
from eval.sets.mask_folder import mask_folder
from procmem.errors import UserError

MASK = np.array([[0, 1, 1, 3], [0, 0, 3, 3], [1, 1, 1, 1]], np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two training images and one validation image, 4 x 3 px; labels 1 and 3 have names, 2 has none."""
    root = tmp_path / "data" / "cells"
    for own in ("images", "masks", "masks_coarse"):
        (root / own).mkdir(parents=True)
    for number, name in enumerate(("b", "a", "c")):
        Image.new("RGB", (4, 3), (number, 0, 0)).save(root / "images" / f"{name}.png")
        Image.fromarray(np.roll(MASK, number, 1)).save(root / "masks" / f"{name}.png")
        Image.fromarray((MASK > 0).astype(np.uint8)).save(root / "masks_coarse" / f"{name}.png")
    (root / "splits.csv").write_text("id,split,licence\nb,train,x\na,train,x\nc,val,x\n")
    (root / "classes.csv").write_text("id,name\n1,nucleus\n3,wall\n")
    (root / "classes_coarse.csv").write_text("id,name\n0,nothing\n1,cell\n")
    return root


def test_masks_follow_their_images_in_the_order_of_names(folder: Path) -> None:
    found = mask_folder(folder)
    assert found.train.uris == ("images/a.png", "images/b.png")
    assert found.val.uris == ("images/c.png",)
    assert found.train.label_names == ("unlabelled", "nucleus", "label 2", "wall")
    assert np.array_equal(found.train.mask(0), np.roll(MASK, 1, 1))
    assert np.array_equal(found.train.mask(1), MASK)
    assert found.train.mask(0).dtype == np.int64
    assert np.asarray(found.train.image(0))[0, 0, 0] == 1


def test_a_subset_keeps_each_mask_with_its_image(folder: Path) -> None:
    train = mask_folder(folder).train
    drawn = {train.subset(1, seed).uris[0]: train.subset(1, seed) for seed in range(8)}
    assert set(drawn) == {"images/a.png", "images/b.png"}
    assert np.array_equal(drawn["images/b.png"].mask(0), MASK)
    with pytest.raises(UserError, match="at least 1 of 2, received 0"):
        train.subset(0)
    assert drawn["images/b.png"].drawn.startswith("1 of 2, seed ")


def test_a_mask_is_that_of_the_upright_image(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    Image.new("RGB", (3, 4)).save(folder / "images" / "b.png", exif=exif)
    assert np.array_equal(mask_folder(folder).train.mask(1), MASK)
    exif[0x0112] = 3  # upside down
    Image.new("RGB", (3, 4)).save(folder / "images" / "b.png", exif=exif)
    with pytest.raises(UserError, match="is 4 x 3 px, its image 3 x 4 px"):
        mask_folder(folder).train.mask(1)


def test_other_kinds_of_masks_are_taken_by_request(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCMEM_DATA", str(folder.parent))
    assert find_masked_dataset("cells").val.label_names[3] == "wall"
    assert find_masked_dataset("cells@coarse").val.label_names == ("nothing", "cell")
    folder.rename(folder.parent / "coco100-semseg")
    assert find_masked_dataset("coco100-semseg").val.label_names == ("nothing", "cell")
    assert find_masked_dataset("coco100-semseg@fine").val.label_names[3] == "wall"


def test_a_mask_of_another_size_a_missing_and_a_coloured_mask_are_named(folder: Path) -> None:
    found = mask_folder(folder)
    Image.fromarray(MASK[:2]).save(folder / "masks" / "a.png")
    with pytest.raises(UserError, match=r"the mask of 'a\.png' is 4 x 2 px, its image 4 x 3 px"):
        found.train.mask(0)
    Image.new("RGB", (4, 3)).save(folder / "masks" / "a.png")
    with pytest.raises(UserError, match=r"masks/a\.png' holds colours \(mode RGB\)"):
        found.train.mask(0)
    (folder / "masks" / "a.png").unlink()
    with pytest.raises(UserError, match=r"cannot read mask .*masks/a\.png': .*No such file"):
        found.train.mask(0)


def test_a_label_without_a_name_is_refused(folder: Path) -> None:
    Image.fromarray(np.where(MASK == 3, 4, MASK).astype(np.uint8)).save(folder / "masks" / "a.png")
    with pytest.raises(UserError, match=r"has labels 0\.\.4, but names are known for 0\.\.3"):
        mask_folder(folder).train.mask(0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,split\nb,train\na,test\n", "split is 'train' or 'val', received 'test'"),
        ("id,split\nb,train\nz,val\n", "names 'z', which is not in images/"),
        ("id,split\nb,train\na,train\n", "names no val image"),
        ("id,part\nb,train\n", "needs the columns id, split; it has id, part"),
    ],
)
def test_a_wrong_table_of_splits_is_refused(folder: Path, content: str, message: str) -> None:
    (folder / "splits.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        mask_folder(folder)
