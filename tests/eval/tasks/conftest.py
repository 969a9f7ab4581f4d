"""Small sets with known answers: a segmentation set whose labels have colours of their own, and triplets."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from procgen.seeds import generator

Rows = list[tuple[str, str, str, str, int, int]]
LABEL_COLORS = {0: (90, 90, 90), 1: (230, 30, 30), 2: (30, 200, 40), 3: (40, 60, 230)}


def write_scene(folder: Path, name: str, mask: np.ndarray, seed: int) -> None:
    """One image whose colours are its labels' plus noise, with its mask."""
    noise = np.random.Generator(np.random.Philox(seed)).integers(-12, 13, (*mask.shape, 3))
    colors = np.asarray([LABEL_COLORS[label] for label in range(4)])[mask]
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.fromarray((colors + noise).clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{name}.png")
    Image.fromarray(mask.astype(np.uint8)).save(folder / "masks" / f"{name}.png")


def list_scenes(folder: Path, splits: dict[str, str]) -> None:
    """The tables of the set: name -> split."""
    rows = "".join(f"{name},{split}\n" for name, split in splits.items())
    (folder / "splits.csv").write_text(f"id,split\n{rows}")
    (folder / "classes.csv").write_text("id,name\n0,unlabelled\n1,red\n2,green\n3,blue\n")


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """6 training and 5 validation images of 96 x 64 px: bands of three labels over an unlabelled ground."""
    folder, splits = tmp_path / "scenes", {}
    for number in range(11):
        mask = np.zeros((64, 96), np.int64)
        mask[:24] = 1 + number % 3
        mask[24 : 40 + 2 * number, 16:] = 1 + (number + 1) % 3
        if number % 2:
            mask[40:, :40] = 1 + (number + 2) % 3
        write_scene(folder, f"{number:02d}", mask, number)
        splits[f"{number:02d}"] = "train" if number < 6 else "val"
    list_scenes(folder, splits)
    return folder


@pytest.fixture
def voc(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same scenes in the structure of VOC 2012: the ground is background, and blue is void."""
    folder = tmp_path / "data" / "voc2012" / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for line in (scenes / "splits.csv").read_text().split()[1:]:
        name, split = line.split(",")
        lists[split].append(name)
        mask = np.asarray(Image.open(scenes / "masks" / f"{name}.png"))
        Image.fromarray(np.where(mask == 3, 255, mask).astype(np.uint8)).save(folder / f"SegmentationClass/{name}.png")
        Image.open(scenes / "images" / f"{name}.png").save(folder / f"JPEGImages/{name}.jpg", quality=95)
    for split, names in lists.items():
        (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(names))
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path / "data"))
    return "voc2012"


def write_triplets(folder: Path, pictures: dict[str, tuple[int, int, int]], rows: Rows) -> Path:
    """A folder of flat pictures by colour and a table of (id, ref, left, right, left votes, right votes)."""
    (folder / "images").mkdir(parents=True)
    for name, color in pictures.items():
        Image.fromarray(np.full((8, 12, 3), color, np.uint8)).save(folder / "images" / name)
    with (folder / "triplets.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "ref", "left", "right", "left_vote", "right_vote"])
        writer.writerows(rows)
    return folder


@pytest.fixture
def triplet_folder(tmp_path: Path) -> Path:
    """Four triplets of six pictures; by colour the answers are left, right, right and a tie.

    The majority: left (3 : 1), right (0 : 4), left (4 : 1), right (1 : 4); a fifth triplet has no majority.
    """
    pictures = {
        "red.png": (250, 10, 10), "dark_red.png": (200, 20, 20), "blue.png": (10, 10, 250), "navy.png": (5, 5, 150),
        "green.png": (10, 250, 10), "green_too.png": (10, 250, 10),
    }  # fmt: skip
    rows: Rows = [
        ("a", "red.png", "dark_red.png", "blue.png", 3, 1),
        ("b", "blue.png", "red.png", "navy.png", 0, 4),
        ("c", "navy.png", "green.png", "blue.png", 4, 1),
        ("d", "red.png", "green.png", "green_too.png", 1, 4),
        ("e", "red.png", "blue.png", "green.png", 2, 2),
    ]
    return write_triplets(tmp_path / "triplets", pictures, rows)


@pytest.fixture
def hard_folder(tmp_path: Path) -> Path:
    """Three classes of noise whose mean colours differ little: the draw of a support set matters."""
    chance = generator(0, "noise")
    for number in range(27):
        split = "train" if number % 9 < 5 else "val"
        shift = np.eye(3)[number // 9] * 5
        pixels = (120 + shift + chance.normal(0, 40, (8, 8, 3))).clip(0, 255).astype(np.uint8)
        path = tmp_path / "hard" / split / "abc"[number // 9] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "hard"
