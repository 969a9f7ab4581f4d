"""Pictures of views and features, cell by cell. Run: pytest tests/pretrain/test_pictures.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pretrain.color import normalize_
from pretrain.config import PretrainConfig
from pretrain.pictures import CELL_PX, GAP_PX, picture_path, views_sheet
from pretrain.train import pretrain
from pretrain.view_draws import draw_views
from pretrain.views import make_views
from procgen.process import Process

PITCH = CELL_PX + GAP_PX


def cell(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    return sheet[row * PITCH : row * PITCH + CELL_PX, column * PITCH : column * PITCH + CELL_PX]


def test_a_sheet_shows_image_views_and_colours_in_this_order() -> None:
    images = torch.tensor([10, 200], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    view = torch.zeros(2, 3, 4, 4)
    view[0, 0, 0, 0], view[1] = 1.0, 0.5  # one red corner; grey
    colors = torch.zeros(2, 2, 2, 3)
    colors[1, 0, 1] = torch.tensor([0.0, 1.0, 0.0])
    sheet = np.asarray(views_sheet(images, [normalize_(view)], colors))
    assert sheet.shape == (2 * PITCH - GAP_PX, 3 * PITCH - GAP_PX, 3)
    assert (cell(sheet, 0, 0) == 10).all()
    assert (cell(sheet, 1, 0) == 200).all()
    corner = cell(sheet, 0, 1)
    assert (corner[: CELL_PX // 4, : CELL_PX // 4] == [255, 0, 0]).all()
    assert (corner[CELL_PX // 4 :] == 0).all()
    assert (cell(sheet, 1, 1) == 128).all()
    assert (cell(sheet, 1, 2)[: CELL_PX // 2, CELL_PX // 2 :] == [0, 255, 0]).all()
    assert (sheet[CELL_PX : CELL_PX + GAP_PX] == 255).all()


def test_a_run_leaves_pictures_of_its_own_views_and_tokens(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    config = dataclasses.replace(tiny_config, pictures_every_steps=8)
    shapes = []

    def token_colors(tokens: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(tokens.shape))
        return torch.full((*tokens.shape[:3], 3), 0.2)

    pretrain(config, tmp_path, process=squares, token_colors=token_colors)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "step-000000008.png",
        "step-000000012.png",
    ]
    assert shapes == [(6, 3, 3, 24)] * 2
    sheet = np.asarray(Image.open(picture_path(tmp_path, 8)))
    # Step 8 is images 112 to 127: its second micro-batch begins in block 3 at 120 - 96.
    indices = torch.arange(120, 126)
    images = squares.block(3, 3)[24:30]
    draws = draw_views(config.crops, root_seed=3, step=7, sample_indices=indices, image_height_px=32, image_width_px=32)
    expected = np.asarray(views_sheet(images, make_views(images, config.crops, draws), torch.full((6, 3, 3, 3), 0.2)))
    assert np.array_equal(sheet, expected)
