"""Mixup against a per-pixel reference in exact arithmetic, and the laws of its weights."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from procgen.mixing import draw_weights, mixup
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
