"""Small image folders with known contents, and a cache folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLORS = {"blue": (20, 40, 220), "green": (30, 200, 60), "red": (220, 30, 20)}


@pytest.fixture(autouse=True)
def own_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PROCMEM_DATA", raising=False)


def save_image(path: Path, color: tuple[int, int, int], seed: int = 0) -> None:
    noise = np.random.Generator(np.random.Philox(seed)).integers(-15, 16, (24, 30, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.asarray(color) + noise).clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def color_folder(tmp_path: Path) -> Path:
    """Three classes told apart by colour: 4 training and 2 validation images each, 30 x 24 px."""
    folder = tmp_path / "data" / "colors"
    seed = 0
    for name, color in COLORS.items():
        for split, count in (("train", 4), ("val", 2)):
            for number in range(count):
                save_image(folder / split / name / f"{number}.png", color, seed := seed + 1)
    return folder
