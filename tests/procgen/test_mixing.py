"""Mixup against a per-pixel reference in exact arithmetic, and the laws of its weights."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from procgen.mixing import convex_cutmix, cutmix, draw_boxes, draw_weights, mixup
from procmem.errors import UserError


def random_images(count, seed=0, batch=3, size=5):
    random = np.random.default_rng(seed)
    return [torch.from_numpy(random.integers(0, 256, (batch, 3, size, size), dtype=np.uint8)) for _ in range(count)]


def test_mixup_by_hand():
    black, grey = torch.zeros(1, 3, 1, 1, dtype=torch.uint8), torch.full((1, 3, 1, 1), 101, dtype=torch.uint8)
    mixed = mixup([black, grey], torch.tensor([[0.5], [0.5]]))
    assert mixed.unique().tolist() == [50]  # 50.5 rounds to the even neighbour
    assert mixup([grey, grey], torch.tensor([[0.25], [0.75]])).unique().tolist() == [101]


def test_mixup_equals_exact_arithmetic():
    images = random_images(3)
    weights = draw_weights("normalised_uniform", 3, 3, 0, "test")
    mixed = mixup(images, weights)
    for b in range(3):
        for value in np.ndindex(3, 5, 5):
            exact = sum(Fraction(float(weights[s, b])) * int(images[s][(b, *value)]) for s in range(3))
            assert abs(Fraction(int(mixed[(b, *value)])) - exact) <= Fraction(1, 2) + Fraction(1, 10_000)


def test_the_order_of_the_batch_does_not_matter():
    images, weights = random_images(4), draw_weights("dirichlet", 4, 3, 0, "test")
    flipped = mixup([image.flip(0) for image in images], weights.flip(1))
    assert torch.equal(flipped.flip(0), mixup(images, weights))


@pytest.mark.parametrize("rule", ["normalised_uniform", "dirichlet", "equal"])
def test_weights_are_convex_and_repeat(rule):
    weights = draw_weights(rule, 6, 500, 1, "w")
    assert weights.shape == (6, 500)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(0), torch.ones(500))
    assert torch.equal(weights, draw_weights(rule, 6, 500, 1, "w"))


def test_weight_rules_have_their_spread():
    # Dirichlet(1) of 2 is U[0, 1]: variance 1/12. Normalised uniforms of 2 lie nearer to 1/2. Equal: no spread.
    spread = {
        rule: draw_weights(rule, 2, 20_000, 0, "s")[0].var().item()
        for rule in ("dirichlet", "normalised_uniform", "equal")
    }
    assert spread["dirichlet"] == pytest.approx(1 / 12, rel=0.03)
    # u / (u + v): E of the square is 1 - ln 2, so the variance is 3/4 - ln 2 = 0.0569
    assert spread["normalised_uniform"] == pytest.approx(0.75 - np.log(2), rel=0.03)
    assert spread["equal"] == 0


@pytest.mark.parametrize(
    ("images", "weights", "message"),
    [
        ([], torch.ones(0, 3), "at least one image"),
        (random_images(2), torch.ones(3, 3) / 3, r"shape \(2, 3\)"),
        (random_images(2), torch.tensor([[-0.5] * 3, [1.5] * 3]), "non-negative"),
        (random_images(2), torch.full((2, 3), 0.7), "sum to 1"),
        (random_images(1) + random_images(1, size=6), torch.ones(2, 3) / 2, "equal shapes"),
    ],
)
def test_bad_mixes_are_refused(images, weights, message):
    with pytest.raises(UserError, match=message):
        mixup(images, weights)


def test_bad_weight_requests_are_refused():
    with pytest.raises(UserError, match="num_images=0"):
        draw_weights("equal", 0, 4, 0)
    with pytest.raises(UserError, match="did you mean 'dirichlet'"):
        draw_weights("dirichlett", 2, 4, 0)


def test_dirichlet_alpha_sets_the_spread():
    # Dirichlet(a) of 2: variance 1 / (4 (2a + 1)).
    for alpha in (0.3, 4.0):
        spread = draw_weights("dirichlet", 2, 20_000, 0, "s", alpha=alpha)[0].var().item()
        assert spread == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)
    with pytest.raises(UserError, match="alpha must be above 0, got 0"):
        draw_weights("dirichlet", 2, 4, 0, alpha=0)


def slow_cutmix(images, boxes, weights=None, protocol=None):
    """One image and pixel at a time, in float64."""
    B, _, H, W = images[0].shape
    out = np.zeros((B, 3, H, W))
    for b, y, x in np.ndindex(B, H, W):
        inside = [True]
        for top, bottom, left, right in boxes[:, b].tolist():
            inside.append(top <= y < bottom and left <= x < right)
        pixels = [image[b, :, y, x].numpy().astype(np.float64) for image in images]
        if weights is None:
            out[b, :, y, x] = [pixel for pixel, has in zip(pixels, inside, strict=True) if has][-1]
            continue
        own = [w * has for w, has in zip(weights[:, b].tolist(), inside, strict=True)]
        out[b, :, y, x] = sum(w * pixel for w, pixel in zip(own, pixels, strict=True))
        if protocol is None:
            out[b, :, y, x] /= sum(own)
    return out


@pytest.mark.parametrize("seed", [0, 1])
def test_cutmix_and_its_convex_form_equal_the_slow_reference(seed):
    images = random_images(3, seed, batch=4, size=9)
    boxes = draw_boxes(1.0, 2, 4, 9, 9, seed, "b")
    weights = draw_weights("normalised_uniform", 3, 4, seed, "w")
    np.testing.assert_array_equal(cutmix(images, boxes).numpy(), slow_cutmix(images, boxes))
    for protocol in (None, "paper"):
        mixed = convex_cutmix(images, boxes, weights, protocol).numpy()
        assert np.abs(mixed - slow_cutmix(images, boxes, weights, protocol)).max() <= 0.5 + 1e-3


def test_boxes_have_the_area_of_their_law_and_lie_in_the_image():
    boxes = draw_boxes(1.0, 1, 20_000, 100, 50, 0, "b")[0].double()
    top, bottom, left, right = boxes.T
    assert boxes.min() >= 0
    assert bottom.max() <= 100
    assert right.max() <= 50
    assert (bottom >= top).all()
    # Where no border cuts, height/100 = width/50 = sqrt(1 - lambda) with lambda uniform: its square is uniform.
    free = (top > 0) & (bottom < 100) & (left > 0) & (right < 50)
    height, width = (bottom - top)[free] / 100, (right - left)[free] / 50
    assert (height - width).abs().max() <= 0.03
    # Uncut with probability (1 - s)^2 at side s; so E[s] = int 2 s^2 (1 - s)^2 ds / int 2 s (1 - s)^2 ds = 2 / 5.
    assert height.mean().item() == pytest.approx(0.4, abs=0.01)


def test_a_cutmix_by_hand():
    dark, light = torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.full((1, 3, 2, 2), 100, dtype=torch.uint8)
    box = torch.tensor([[[0, 1, 1, 2]]])  # first row, second column
    assert cutmix([dark, light], box)[0, 0].tolist() == [[0, 100], [0, 0]]
    half = torch.tensor([[0.75], [0.25]])
    assert convex_cutmix([light, dark], box, half)[0, 0].tolist() == [[100, 75], [100, 100]]
    assert convex_cutmix([light, dark], box, half, "paper")[0, 0].tolist() == [[75, 75], [75, 75]]


def test_bad_cutmixes_are_refused():
    images = random_images(2)
    with pytest.raises(UserError, match=r"boxes must have shape \(1, 3, 4\)"):
        cutmix(images, torch.zeros(2, 3, 4, dtype=torch.int64))
    with pytest.raises(UserError, match="equal shapes"):
        cutmix(random_images(1) + random_images(1, size=6), torch.zeros(1, 3, 4, dtype=torch.int64))
    with pytest.raises(UserError, match="num_boxes=0"):
        draw_boxes(1.0, 0, 4, 8, 8, 0)
    with pytest.raises(UserError, match="alpha must be above 0, got -1"):
        draw_boxes(-1, 1, 4, 8, 8, 0)
    with pytest.raises(UserError, match="non-negative"):
        convex_cutmix(images, torch.zeros(1, 3, 4, dtype=torch.int64), torch.full((2, 3), -0.5))
