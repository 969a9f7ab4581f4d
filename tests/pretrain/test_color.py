"""Colour maps against torchvision's per-image functions. Run: pytest tests/pretrain/test_color.py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision.transforms import functional as reference

from pretrain.color import IMAGENET_MEAN, IMAGENET_STD, apply_color_map, color_map, normalize_, shift_hue_, solarize_

REFERENCE = (
    reference.adjust_brightness,
    reference.adjust_contrast,
    reference.adjust_saturation,
    reference.adjust_hue,
)


def random_images(low: float, high: float, count: int = 24) -> torch.Tensor:
    """Smooth images between two values, so that neither end is all they have."""
    coarse = torch.rand(count, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.interpolate(coarse, size=(12, 12), mode="bilinear")
    return low + (high - low) * smooth


def random_jitter(count: int = 24) -> torch.Tensor:
    uniform = torch.rand(count, 4, generator=torch.Generator().manual_seed(2)) * 2 - 1
    return torch.tensor([1.0, 1, 1, 0]) + uniform * torch.tensor([0.4, 0.4, 0.2, 0.1])


def ours(images: torch.Tensor, jitter: torch.Tensor, is_grey: torch.Tensor) -> torch.Tensor:
    mapped = apply_color_map(images, *color_map(jitter[:, :3], is_grey))
    return shift_hue_(mapped, jitter[:, 3], max_turns=0.1).clamp(0, 1)


def theirs(images: torch.Tensor, jitter: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    results = []
    for image, values, operations in zip(images, jitter.tolist(), order.tolist(), strict=True):
        for operation in operations:
            image = REFERENCE[operation](image, values[operation])
        results.append(image)
    return torch.stack(results)


ORDERS = torch.tensor(list(itertools.permutations(range(4))))
NEVER_GREY = torch.zeros(24, dtype=torch.bool)


def test_brightness_contrast_and_saturation_equal_torchvision_in_every_order_where_nothing_is_clamped() -> None:
    images, jitter = random_images(0.35, 0.5), random_jitter()
    jitter[:, 3] = 0
    torch.testing.assert_close(
        ours(images, jitter, NEVER_GREY), theirs(images, jitter, ORDERS), atol=2e-4, rtol=0
    )  # 2e-4: torchvision rounds its luma weights to .2989, .587, .114


def test_hue_in_a_fixed_place_and_one_clamp_stay_near_torchvisions_chain() -> None:
    images, jitter = random_images(0, 1), random_jitter()
    error = (ours(images, jitter, NEVER_GREY) - theirs(images, jitter, ORDERS)).abs()
    assert error.mean() < 0.005


@pytest.mark.parametrize("turns", [-0.5, -0.3, -1 / 6, -0.1, 0.0, 0.03, 0.1, 0.2])
@pytest.mark.parametrize("max_turns", [0.0, 0.5])
def test_hue_shift_equals_torchvision(turns: float, max_turns: float) -> None:
    """In as many passes as the shift needs, or more."""
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    images[0] = images[0, :1]  # grey: has no hue to shift
    images[1, 1] = images[1, 2]  # two channels alike
    expected = reference.adjust_hue(images, turns)
    shifted = shift_hue_(images, torch.full((4,), turns), max_turns=max(abs(turns), max_turns))
    torch.testing.assert_close(shifted, expected, atol=2e-5, rtol=0)


def test_hue_shifts_of_either_sign_stand_side_by_side_and_where_there_are_no_images_nothing_happens() -> None:
    images, turns = random_images(0, 1, 3), torch.tensor([-0.1, 0.0, 0.07])
    expected = torch.stack([reference.adjust_hue(image, float(t)) for image, t in zip(images, turns, strict=True)])
    torch.testing.assert_close(shift_hue_(images, turns, max_turns=0.1), expected, atol=2e-5, rtol=0)
    assert shift_hue_(images[:0], turns[:0], max_turns=0.1).shape == (0, 3, 12, 12)


def test_grey_equals_torchvision_and_leaves_other_images_alone() -> None:
    images = random_images(0, 1, 2)
    unchanged = torch.tensor([1.0, 1, 1, 0]).expand(2, 4)
    grey, kept = ours(images, unchanged, torch.tensor([True, False]))
    torch.testing.assert_close(grey, reference.rgb_to_grayscale(images[0], 3), atol=2e-4, rtol=0)
    torch.testing.assert_close(kept, images[1], atol=1e-6, rtol=0)


def test_solarize_equals_pil_on_every_level() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    expected = np.asarray(ImageOps.solarize(Image.fromarray(levels)))
    images = torch.from_numpy(levels).permute(2, 0, 1).float().expand(2, -1, -1, -1) / 255
    inverted, kept = solarize_(images.clone(), torch.tensor([True, False]))
    assert np.array_equal((inverted * 255).round().byte().permute(1, 2, 0).numpy(), expected)
    assert torch.equal(kept, images[1])


def test_normalize_by_hand() -> None:
    image = torch.full((1, 3, 2, 2), 0.5)
    expected = [(0.5 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    torch.testing.assert_close(normalize_(image)[0, :, 0, 0], torch.tensor(expected))
