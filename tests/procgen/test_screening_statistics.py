"""Statistics of pictures: noise of a known spectrum gives its exponent back, small cases are counted by hand."""

import numpy as np
import pytest

from procgen.screening.statistics import calm_share, colourfulness, describe, distances, spectrum_slope
from procmem.errors import UserError

RANDOM = np.random.default_rng(0)


def noise_of_slope(slope, size=128, count=24):
    """(count, size, size): noise whose power falls as 1 / f^slope, made in a field twice as large and cut out."""
    cycles = np.fft.fftfreq(2 * size)
    radius = np.hypot(cycles[:, None], cycles)
    radius[0, 0] = 1.0
    spectrum = np.fft.fft2(RANDOM.normal(size=(count, 2 * size, 2 * size))) / radius ** (slope / 2)
    return np.fft.ifft2(spectrum).real[:, :size, :size]


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0, 3.0])
def test_noise_of_a_known_spectrum_gives_its_slope_back(slope):
    found = spectrum_slope(noise_of_slope(slope))
    assert np.mean(found) == pytest.approx(slope, abs=0.12)


def test_slope_depends_on_neither_brightness_nor_contrast():
    noise = noise_of_slope(2.0, size=64, count=2)
    assert spectrum_slope(3 + 0.1 * noise) == pytest.approx(spectrum_slope(noise), abs=1e-6)


def test_an_image_of_one_value_has_no_slope():
    assert np.isnan(spectrum_slope(np.full((1, 32, 32), 0.4))).all()


def test_calm_share_counts_blocks():
    image = np.zeros((1, 16, 24))
    image[0, :8, :8] = RANDOM.random((8, 8))  # one busy block of six
    image[0, 8:, 16:] = 0.7  # another tone, but calm
    image[0, :8, 8:16] += np.tile([0.0, 8 / 255], 32).reshape(8, 8)  # a std of 4 levels is still calm
    assert calm_share(image).tolist() == [5 / 6]


def test_colourfulness_of_flat_and_two_coloured_images_by_hand():
    grey, red, halves = np.full((3, 4, 4), 90), np.zeros((3, 4, 4)), np.zeros((3, 4, 4))
    red[0] = 200  # rg = 200, yb = 100, no spread
    halves[0, :, :2] = 100  # red: rg = 100, yb = 50
    halves[1, :, 2:] = 100  # green: rg = -100, yb = 50; std of rg is 100
    images = np.stack([grey, red, halves]).astype(np.uint8)
    assert colourfulness(images) == pytest.approx([0, 0.3 * np.hypot(200, 100), 100 + 0.3 * 50])


def test_distances_of_hand_made_embeddings():
    # program a: draws (0, 0), (6, 8); program b: (3, 4), (3, 4). Root mean square over two numbers: length / sqrt 2.
    embeddings = np.array([[[0, 0], [6, 8]], [[3, 4], [3, 4]]], dtype=np.uint8)
    within, between = distances(embeddings)
    assert within == pytest.approx((10 + 0) / 2 / np.sqrt(2))
    assert between == pytest.approx((5 + 5) / 2 / np.sqrt(2))
    within, between = distances(embeddings[:, :1])
    assert np.isnan(within)
    assert between == pytest.approx(5 / np.sqrt(2))


def test_distances_agree_with_a_slow_double_loop():
    embeddings = RANDOM.integers(0, 256, (5, 3, 7), dtype=np.uint8)
    values = embeddings.astype(float)

    def rms(a, b):
        return np.sqrt(np.mean((a - b) ** 2))

    within = [rms(p[i], p[j]) for p in values for i in range(3) for j in range(3) if i != j]
    between = [rms(values[i, d], values[j, d]) for d in range(3) for i in range(5) for j in range(5) if i != j]
    assert distances(embeddings) == pytest.approx((np.mean(within), np.mean(between)))


def test_a_group_is_described_by_the_medians_of_its_images():
    luminance = np.clip(0.5 + 0.15 * noise_of_slope(2.0, size=32, count=4) / noise_of_slope(2.0, 32, 4).std(), 0, 1)
    grey = np.repeat((255 * luminance).round().astype(np.uint8)[:, None, None], 3, axis=2)  # four programs, one draw
    found = describe(grey)
    assert found.colourfulness == 0
    assert found.contrast == pytest.approx(np.median((grey[:, 0, 0] / 255).std(axis=(1, 2))), abs=1e-9)
    assert 1.2 < found.spectrum_slope < 2.8
    assert np.isnan(found.distance_within)
    assert found.distance_between > 0


@pytest.mark.parametrize("shape", [(1, 2, 3, 32, 32), (4, 3, 32, 32), (4, 1, 3, 32, 16), (4, 1, 3, 8, 8)])
def test_what_cannot_be_described_is_refused(shape):
    with pytest.raises(UserError, match=r"\(P, D, 3, H, W\)"):
        describe(np.zeros(shape, dtype=np.uint8))
