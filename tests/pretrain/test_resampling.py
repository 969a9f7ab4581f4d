"""Weights against torchvision's per-image crop, resize and blur. Run: pytest tests/pretrain/test_resampling.py."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as reference

from pretrain.resampling import blur_weights, crop_weights, resample

BOXES = torch.tensor([[0.0, 0, 40, 30], [7, 3, 11, 9], [25, 20, 15, 10], [0, 0, 3, 5]])  # left, top, width, height


@pytest.mark.parametrize("size_px", [8, 16, 33])
def test_crop_and_resize_equals_torchvisions_antialiased_bicubic(size_px: int) -> None:
    images = torch.rand(4, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    left, top, width, height = BOXES.unbind(1)
    rows = crop_weights(top, height, input_size=30, output_size=size_px)
    columns = crop_weights(left, width, input_size=40, output_size=size_px)
    for image, box, ours in zip(images, BOXES.int().tolist(), resample(images, rows, columns), strict=True):
        left_px, top_px, width_px, height_px = box
        expected = reference.resized_crop(
            image, top_px, left_px, height_px, width_px, [size_px, size_px], InterpolationMode.BICUBIC, antialias=True
        )
        torch.testing.assert_close(ours, expected, atol=2e-5, rtol=0)


def test_a_flipped_axis_is_the_mirror_of_the_unflipped_one() -> None:
    start, length = torch.tensor([2.0, 2.0]), torch.tensor([9.0, 9.0])
    plain, flipped = crop_weights(start, length, input_size=16, output_size=6, flip=torch.tensor([False, True]))
    torch.testing.assert_close(flipped, plain.flip(0))
    assert not torch.allclose(flipped, plain)


def test_a_crop_of_the_output_size_copies_pixels() -> None:
    weights = crop_weights(torch.tensor([3.0]), torch.tensor([4.0]), input_size=9, output_size=4)
    torch.testing.assert_close(weights[0], torch.eye(9)[3:7])


def test_pixels_outside_the_crop_have_no_weight() -> None:
    weights = crop_weights(torch.tensor([3.0]), torch.tensor([4.0]), input_size=9, output_size=7)[0]
    assert torch.equal(weights[:, :3], torch.zeros(7, 3))
    assert torch.equal(weights[:, 7:], torch.zeros(7, 2))
    torch.testing.assert_close(weights.sum(1), torch.ones(7))


@pytest.mark.parametrize("sigma_px", [0.1, 0.7, 2.0])
def test_blur_equals_torchvisions_gaussian_away_from_the_border(sigma_px: float) -> None:
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    weights = blur_weights(torch.tensor([sigma_px]), 32)
    expected = reference.gaussian_blur(image, [31, 31], [sigma_px, sigma_px])
    inner = (..., slice(10, 22), slice(10, 22))  # five sigma from the border
    torch.testing.assert_close(resample(image, weights, weights)[inner], expected[inner], atol=1e-5, rtol=0)


def test_at_the_border_the_blur_averages_what_is_there() -> None:
    weights = blur_weights(torch.tensor([1.0]), 3)[0]
    kernel = torch.exp(-torch.tensor([0.0, 1.0, 4.0]) / 2)
    torch.testing.assert_close(weights[0], kernel / kernel.sum())
    torch.testing.assert_close(weights[1], kernel[[1, 0, 1]] / (kernel[0] + 2 * kernel[1]))
