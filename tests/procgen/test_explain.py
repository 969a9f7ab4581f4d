"""Explanations show the very images that the process makes."""

import numpy as np
import pytest
import torch

from procgen.explain import draw_rows, explain, label_of
from procgen.registry import make_process

SIZE = {"image_size_px": 16, "block_size": 12, "images_per_program": 2}


@pytest.mark.parametrize(
    ("specification", "titles"),
    [
        ("spectrum", ["statistical"]),
        ("spectrum_kml", ["leaves"]),
        ("fractals_kml_mixup", ["mixup", "leaves in mixup", "leaves in mixup"]),
        ({"cutmix": {"source": "spectrum", "num_images": 3}}, ["cutmix"]),
        ({"union": {"sources": ["spectrum_kml", "wmm_kml"]}}, None),
        ({"leaves": {"source": {"union": {"sources": ["spectrum", "wmm"]}}, "num_leaves": 3}}, ["leaves"]),
    ],
)
def test_rows_end_in_the_processes_own_images(specification, titles):
    process = make_process(specification, **SIZE)
    block = process.block(2, 1)
    for i in (0, 7):
        rows = explain(process, 2, 1, i)
        assert torch.equal(rows[0].tiles[-1].image, block[i])
        if titles:
            assert [row.title for row in rows] == titles


def test_an_inner_result_is_the_source_of_the_row_above():
    process = make_process("spectrum_kml_mixup", **SIZE)
    outer, *inner = explain(process, 0, 0, 3)
    for tile, row in zip(outer.tiles[:2], inner, strict=True):
        assert torch.equal(tile.image, row.tiles[-1].image)
        assert tile.caption.startswith("0.50\nstatistical/")


def test_leaves_show_their_mask_in_white_and_black():
    process = make_process("spectrum_kml", **SIZE)
    image, mask, texture_a, texture_b, result = (tile.image for tile in explain(process, 0, 0, 0)[0].tiles)
    assert torch.equal(mask[0], (process.masks(image.unsqueeze(0))[0, 0] * 255).round().to(torch.uint8))
    white, black = mask == 255, mask == 0
    assert white.any()
    assert torch.equal(result[white], texture_a[white])
    assert torch.equal(result[black], texture_b[black])


def test_the_page_holds_each_tile_where_its_row_stands():
    rows = explain(make_process("spectrum_kml", **SIZE), 0, 0, 0)
    page = np.asarray(draw_rows(rows))
    for tile in rows[0].tiles:
        picture = tile.image.permute(1, 2, 0).numpy()
        windows = np.lib.stride_tricks.sliding_window_view(page, picture.shape)[:, :, 0]
        assert (windows == picture).all(axis=(2, 3, 4)).any()


def test_a_mixed_image_is_labelled_by_its_mask():
    recipe = make_process("fractals_kml_mixup", **SIZE).recipe(0, 0, 0)
    assert label_of(recipe) == recipe["sources"][0]["sources"][0]["program"]
