"""Patch colours and one painted example, on images whose parts have one colour each."""

import numpy as np
import pytest
from PIL import Image

from eval.explorer.patches import SHOWN_PX, overlay, patch_colors, seen_square, segment
from procmem.errors import UserError

RED, BLUE = (200, 40, 40), (40, 40, 200)


def two_parts(left, right):
    """Two noisy colours side by side, so that no two patches are the same."""
    colours = np.repeat(np.array([left, right])[None], 128, 0).repeat(64, 1)
    noise = np.random.default_rng(sum(left)).normal(0, 12, (128, 128, 3))
    return Image.fromarray(np.clip(colours + noise, 0, 255).astype(np.uint8))


def test_what_is_painted_in_one_image_is_found_in_another(pixels):
    example, target = two_parts(RED, BLUE), two_parts(BLUE, RED)
    painted = np.zeros((448, 448), bool)
    painted[:, :200] = True  # most of the red left
    shares = segment(pixels, example, painted, target)
    assert shares.shape == (16, 16)
    assert (shares[:, :7] < 0.5).all()
    assert (shares[:, 9:] > 0.5).mean() > 0.5  # the blue left has none of it; most of the red right has


def test_a_thin_stroke_means_its_patches_and_nothing_or_all_is_refused(pixels):
    image = two_parts(RED, BLUE)
    stroke = np.zeros((448, 448), bool)
    stroke[200:204, 200:204] = True
    assert segment(pixels, image, stroke, image).max() > 0
    for flags in (np.zeros((448, 448), bool), np.ones((448, 448), bool)):
        with pytest.raises(UserError, match="paint a part"):
            segment(pixels, image, flags, image)


def test_pictures_have_one_size_and_parts_have_different_colours(pixels):
    image = two_parts(RED, BLUE)
    colors, square = patch_colors(pixels, image), seen_square(pixels, image)
    assert colors.size == square.size == (SHOWN_PX, SHOWN_PX)
    assert colors.getpixel((50, 200)) != colors.getpixel((400, 200))
    shown = np.asarray(overlay(square, np.repeat([[1.0, 0.0]], 2, 0)), int)
    assert shown[:, 40].sum() > shown[:, 400].sum()  # outside is darkened
