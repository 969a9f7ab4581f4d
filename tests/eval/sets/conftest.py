"""Pictures of one value, in files: what the official layouts are filled with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Picture = Callable[..., Path]


@pytest.fixture
def picture() -> Picture:
    """Write a picture whose pixels all have one value (0..255), 4 x 3 px, lossless whatever its name says."""

    def write(path: Path, value: int = 0, size: tuple[int, int] = (4, 3)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((size[1], size[0], 3), value, np.uint8)).save(path, "PNG")
        return path

    return write


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PROCMEM_DATA."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("PROCMEM_DATA", str(root))
    return root
