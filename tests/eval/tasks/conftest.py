"""Triplets of small pictures with known answers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Rows = list[tuple[str, str, str, str, int, int]]


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
