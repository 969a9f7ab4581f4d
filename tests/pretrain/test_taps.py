"""Taps against the dense weights of the same crops and blurs. Run: pytest tests/pretrain/test_taps.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pretrain.resampling import blur_weights, crop_weights
from pretrain.taps import apply_taps, blur_taps, crop_taps

START, LENGTH = np.array([0, 7, 25, 0], np.int32), np.array([40, 11, 15, 3], np.int32)
FLIP = np.array([1, 0, 1, 0], np.int32)
SIGMAS_PX = np.array([0.3, 2.0, 0.8], np.float32)


@pytest.mark.parametrize("size_px", [3, 16, 33])
def test_taps_of_a_crop_give_what_its_dense_weights_give(size_px: int) -> None:
    """Crops that shrink and grow, of a whole axis and of a corner, flipped or not; made of two tables."""
    tables, which = torch.rand(2, 40, 5, generator=torch.Generator().manual_seed(0)), np.array([1, 0, 0, 1], np.int32)
    ours = apply_taps(tables.flatten(0, 1), crop_taps(START, LENGTH, FLIP, output_size=size_px, table_row=40 * which))
    start, length, flip = (torch.from_numpy(numbers) for numbers in (START, LENGTH, FLIP))
    weights = crop_weights(start, length, input_size=40, output_size=size_px, flip=flip.bool())
    torch.testing.assert_close(ours, weights @ tables[which], atol=2e-6, rtol=0)


@pytest.mark.parametrize("size_px", [3, 16, 33])
def test_taps_of_a_blur_give_what_its_dense_weights_give(size_px: int) -> None:
    tables = torch.rand(3, size_px, 5, generator=torch.Generator().manual_seed(0))
    expected = blur_weights(torch.from_numpy(SIGMAS_PX), size_px) @ tables
    ours = apply_taps(
        tables.flatten(0, 1), blur_taps(SIGMAS_PX, size_px, table_row=np.arange(3, dtype=np.int32) * size_px)
    )
    torch.testing.assert_close(ours, expected, atol=7e-5, rtol=0)  # 6e-5 lies beyond four sigma


def test_a_narrow_blur_has_few_taps_and_none_lies_outside_the_view() -> None:
    taps = blur_taps(SIGMAS_PX[:1], 4, table_row=np.array([100], np.int32))  # radius 2
    assert np.diff(taps.first).tolist() == [3, 4, 4, 3]
    assert taps.index[:7].tolist() == [100, 101, 102, 100, 101, 102, 103]


def test_the_taps_of_some_views_are_theirs_alone_and_of_none_are_none() -> None:
    taps = crop_taps(START, LENGTH, FLIP, output_size=8, table_row=np.zeros(4, np.int32))
    table = torch.rand(40, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(apply_taps(table, taps.of(1, 3)), apply_taps(table, taps)[1:3])
    assert apply_taps(table, taps.of(2, 2)).shape == (0, 8, 5)
    assert apply_taps(table, blur_taps(SIGMAS_PX[:0], 8, table_row=np.zeros(0, np.int32))).shape == (0, 8, 5)
