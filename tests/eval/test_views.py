"""Views for attacks: functions of seed and name, other than the image, and still of it."""

import numpy as np
import pytest
from PIL import Image

from eval.images import LabelledImages
from eval.views import ViewedImages, other_view

GRADIENT = np.tile(
    np.arange(0, 200, 5, dtype=np.uint8)[None, :, None], (30, 1, 3)
)  # 40 x 30, grey, brighter rightwards


@pytest.fixture
def images():
    return LabelledImages(
        name="set",
        split="train",
        class_names=("a",),
        labels=np.zeros(3, np.int64),
        uris=("x", "y", "z"),
        sources=np.stack([GRADIENT] * 3),
    )


def test_a_view_is_a_function_of_seed_and_name(images):
    one, again, other = ViewedImages.of(images, 1), ViewedImages.of(images, 1), ViewedImages.of(images, 2)
    pixels = [np.asarray(each.image(position)) for each, position in ((one, 0), (again, 0), (other, 0), (one, 1))]
    assert np.array_equal(pixels[0], pixels[1])
    assert not np.array_equal(pixels[0], pixels[2])
    assert not np.array_equal(pixels[0], pixels[3])
    moved = one.select(np.array([1, 0]))
    assert isinstance(moved, ViewedImages)
    assert np.array_equal(np.asarray(moved.image(1)), pixels[0])


def test_views_are_crops_of_half_to_all_of_the_area_half_of_them_flipped():
    chance, flips, shares = np.random.default_rng(0), 0, []
    for _ in range(200):
        view = other_view(Image.fromarray(GRADIENT), chance)
        shares.append(view.width * view.height / (40 * 30))
        row = np.asarray(view.convert("L")).astype(int)[0]
        assert (np.diff(row) >= 0).all() or (np.diff(row) <= 0).all()
        flips += row[0] > row[-1]
    assert 0.46 < min(shares) < 0.6
    assert 0.9 < max(shares) <= 1.0
    assert 75 < flips < 125
