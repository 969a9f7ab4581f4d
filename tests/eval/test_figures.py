"""Figures say what they must, in colour and without it. Run: pytest tests/eval/test_figures.py."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eval.extract import extract
from eval.figures import (
    DOTS_PER_INCH,
    IMAGE_INCHES,
    CurvePanel,
    SheetRow,
    accuracy_bars,
    curves,
    neighbor_sheet,
    patch_pictures,
    sheet_rows,
    shortened,
)
from eval.patch_pca import pca_colors
from eval.sets.class_folders import read_class_folders
from memory.search import exact_search
from pretrain.pixel_encoders import Histogram
from procmem.errors import UserError


def opened(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB")).astype(int)


def share_near(pixels: np.ndarray, color: tuple[int, int, int]) -> float:
    return float((np.abs(pixels - color).max(axis=2) < 12).mean())


def grey_row(is_right: bool) -> SheetRow:
    grey = np.full((20, 20, 3), 128, np.uint8)
    return SheetRow(
        query=grey, caption="cat", neighbors=[grey], neighbor_captions=["cat"], similarities=[0.5], is_right=[is_right]
    )


def test_right_and_wrong_neighbours_differ_in_colour_and_in_black_and_white() -> None:
    right, wrong = opened(neighbor_sheet([grey_row(True)])), opened(neighbor_sheet([grey_row(False)]))
    assert share_near(right, (0, 114, 178)) > 0.005 > share_near(wrong, (0, 114, 178))
    assert share_near(wrong, (213, 94, 0)) > 0.005 > share_near(right, (213, 94, 0))
    # a solid frame covers more than a dashed one
    assert (right.mean(axis=2) < 200).mean() > 0
    assert share_near(right, (0, 114, 178)) > 1.15 * share_near(wrong, (213, 94, 0))


def test_a_sheet_of_flat_pictures_is_flat_and_may_stand_in_stacks() -> None:
    def row(height: int, grey: int) -> SheetRow:
        pixels = np.full((height, 40, 3), grey, np.uint8)
        return SheetRow(
            query=pixels, caption="", neighbors=[pixels], neighbor_captions=[""], similarities=[1.0], is_right=[True]
        )

    square, flat = opened(neighbor_sheet([row(40, 100)] * 4)), opened(neighbor_sheet([row(20, 100)] * 4))
    assert flat.shape[0] == pytest.approx(square.shape[0] - 4 * IMAGE_INCHES / 2 * DOTS_PER_INCH, abs=4)
    assert flat.shape[1] == square.shape[1]
    empty = (flat > 250).all(axis=(1, 2))
    longest = max(len(run) for run in "".join("-" if line else "x" for line in empty).split("x"))
    assert longest < 0.45 * DOTS_PER_INCH
    stacks = opened(neighbor_sheet([row(20, grey) for grey in (40, 80, 120, 160)], across=2))
    assert stacks.shape[1] > 1.9 * flat.shape[1]
    assert stacks.shape[0] == pytest.approx(flat.shape[0] / 2, abs=0.3 * DOTS_PER_INCH)
    half = stacks.shape[1] // 2  # the first stack is filled first
    for grey, part in (
        (40, stacks[:, :half]),
        (80, stacks[:, :half]),
        (120, stacks[:, half:]),
        (160, stacks[:, half:]),
    ):
        assert share_near(part, (grey, grey, grey)) > 0.1


def test_sheet_rows_show_the_nearest_entries_and_mark_the_class(color_folder: Path) -> None:
    dataset, encoder = read_class_folders(color_folder), Histogram(image_size_px=16)
    train, val = extract(encoder, dataset.train), extract(encoder, dataset.val)
    neighbors = exact_search(val.values, train.values, 6, labels=train.labels)
    (row,) = sheet_rows(dataset.val, dataset.train, neighbors, [4])
    assert row.caption == "red"
    assert list(row.neighbor_captions) == [dataset.train.class_names[i] for i in neighbors.labels[4, :5]]
    assert list(row.is_right) == [True] * 4 + [False]
    assert row.similarities[0] == neighbors.similarities[4, 0]
    shown = np.asarray(row.neighbors[0])
    assert shown.shape == (24, 24, 3)  # a square from the middle of 30 x 24
    original = np.asarray(dataset.train.image(int(neighbors.ids[4, 0])))
    assert np.array_equal(shown, original[:, 3:27])


def test_a_sheet_row_has_no_place_for_padding(color_folder: Path) -> None:
    dataset, encoder = read_class_folders(color_folder), Histogram(image_size_px=16)
    val = extract(encoder, dataset.val)
    neighbors = exact_search(val.values, val.values[:2], 5, labels=val.labels[:2])
    (row,) = sheet_rows(dataset.val, dataset.val, neighbors, [0])
    assert len(row.neighbors) == 2


def test_patch_pictures_show_the_colours_they_are_given() -> None:
    tokens = torch.zeros(1, 2, 2, 3)
    tokens[..., 1] = 1.0
    pixels = opened(patch_pictures([np.full((8, 8, 3), 77, np.uint8)], {"encoder": tokens}))
    assert share_near(pixels, (0, 255, 0)) > 0.25
    assert share_near(pixels, (77, 77, 77)) > 0.25


def test_bars_are_as_long_as_their_values() -> None:
    pixels = opened(accuracy_bars(["a", "b"], [0.2, 0.4], [0.0, 0.0], chance=0.1))
    is_bar = np.abs(pixels - (143, 188, 216)).max(axis=2) < 4
    lengths = is_bar.sum(axis=1)
    rows = lengths[lengths > 0]
    assert rows.max() / np.median(rows[rows < 0.75 * rows.max()]) == pytest.approx(2.0, abs=0.05)


def test_equal_figures_are_equal_bytes_and_every_panel_is_drawn() -> None:
    panel = CurvePanel(title="loss", x_label="steps", series={"a": ([0, 1], [2, 1]), "b": ([0, 1], [1, 2])})
    assert curves([panel]) == curves([panel])
    widths = [opened(curves([panel] * count)).shape[1] for count in (1, 2, 3, 4)]
    assert widths[0] < widths[1] < widths[2]
    assert widths[3] == pytest.approx(widths[1], rel=0.02)  # four panels stand two by two


def test_a_curve_of_one_point_is_seen() -> None:
    both = {"line": ([0.0, 1.0], [0.0, 1.0]), "point": ([0.5], [0.9])}
    with_point, empty = (
        opened(curves([CurvePanel(title="", x_label="", series={**both, "point": point})]))
        for point in (both["point"], ([], []))
    )
    plot = np.s_[:, 60:]  # the legend stands at the upper left
    assert (with_point != empty).any(axis=2)[plot].sum() > 15


def test_a_shortened_name_keeps_both_ends() -> None:
    assert shortened("Balinese/character17", 11) == "Balin…ter17"
    assert shortened("Balinese/character17", 10) == "Balin…er17"
    assert shortened("cat", 3) == "cat"


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(UserError, match="at least one query"):
        neighbor_sheet([])
    with pytest.raises(UserError, match="at least one panel"):
        curves([])


def test_no_figure_touches_matplotlibs_global_state() -> None:
    code = (
        "import sys, matplotlib\nbefore = dict(matplotlib.rcParams)\n"
        "from eval.figures import accuracy_bars\naccuracy_bars(['a'], [0.5], [0.1])\n"
        "assert dict(matplotlib.rcParams) == before\n"
        "pyplot = sys.modules.get('matplotlib.pyplot')\nassert pyplot is None or not pyplot.get_fignums()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_colours_of_real_tokens_can_be_drawn() -> None:
    tokens = torch.randn(2, 4, 4, 8, generator=torch.Generator().manual_seed(0))
    images = [np.zeros((16, 16, 3), np.uint8)] * 2
    assert opened(patch_pictures(images, {"a": pca_colors(tokens), "b": pca_colors(tokens)})).size
