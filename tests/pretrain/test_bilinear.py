"""Bilinear pooling and the features made of it. Run: pytest tests/pretrain/test_bilinear.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from pretrain.bilinear import bilinear_length, bilinear_pooling
from pretrain.encoder import load_encoder
from pretrain.feature_parts import BILINEAR_DIRECTIONS
from pretrain.whitening import Whitening, fractals
from procmem.errors import UserError

NETWORK = "random:resnet10t@64"


def images() -> torch.Tensor:
    return torch.randint(0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_two_places_by_hand() -> None:
    """Tokens (2, 0) and (0, 4): M = diag(2, 8), whose root is diag(sqrt 2, sqrt 8)."""
    tokens = torch.tensor([[[[2.0, 0.0], [0.0, 4.0]]]])
    torch.testing.assert_close(bilinear_pooling(tokens), torch.tensor([[2**0.5, 0.0, 8**0.5]]))


def test_tokens_that_vary_together_stand_off_the_diagonal_times_sqrt_2() -> None:
    """Tokens (3, 3): M = 9 ((1, 1), (1, 1)), whose root is 3 / sqrt(2) everywhere."""
    pooled = bilinear_pooling(torch.full((1, 2, 2, 2), 3.0))
    torch.testing.assert_close(pooled, torch.tensor([[3 / 2**0.5, 3.0, 3 / 2**0.5]]), atol=1e-5, rtol=0)


def test_products_are_those_of_the_whole_roots_and_squares_the_mean_squared_token() -> None:
    tokens = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 5, 6)))
    pooled = bilinear_pooling(tokens)
    roots = []
    for image in tokens.flatten(1, 2).numpy():
        left, singular, _ = np.linalg.svd(image.T / len(image) ** 0.5)  # another way to the root of image' image / L
        roots.append(left * singular @ left.T)
    expected = np.einsum("aij,bij->ab", roots, roots)
    np.testing.assert_allclose((pooled @ pooled.T).numpy(), expected, rtol=1e-10)
    torch.testing.assert_close((pooled**2).sum(1), (tokens**2).sum(3).mean((1, 2)))
    assert pooled.shape == (4, bilinear_length(6))


def test_places_do_not_matter() -> None:
    tokens = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 4, 4, 5)))
    moved = tokens.flatten(1, 2)[:, torch.randperm(16, generator=torch.Generator().manual_seed(3))].reshape(
        tokens.shape
    )
    torch.testing.assert_close(bilinear_pooling(tokens), bilinear_pooling(moved))


@pytest.mark.usefixtures("few_fractals")
def test_the_feature_pools_tokens_whitened_with_spread_tokens_of_the_fractals() -> None:
    """Block ~2 of 64 px has 8 x 8 tokens of 128 channels: 32 of each fractal, from the first place to the last."""
    encoder = load_encoder(f"{NETWORK}+bilinear~2")
    plain = load_encoder(f"{NETWORK}+grid1~2")
    shown = torch.stack([plain.transform(Image.fromarray(image.transpose(1, 2, 0))) for image in fractals()])
    tokens = torch.nn.functional.normalize(plain.patch_tokens(shown).flatten(1, 2), dim=2)
    places = [round(63 * i / 31) for i in range(32)]
    whitening = Whitening.fit(tokens[:, places].flatten(0, 1), BILINEAR_DIRECTIONS)
    own = torch.nn.functional.normalize(plain.patch_tokens(images()), dim=3)
    expected = torch.nn.functional.normalize(bilinear_pooling(whitening(own)))
    ours = encoder.embed(images())
    torch.testing.assert_close(ours @ ours.T, expected @ expected.T, atol=1e-4, rtol=0)  # directions have no sign
    assert encoder.dimension == bilinear_length(32)
    assert "32 directions whitened with" in encoder.card().provenance.notes[-1]


@pytest.mark.usefixtures("few_fractals")
def test_bilinear_parts_stand_beside_others_and_are_whitened_like_them() -> None:
    encoder = load_encoder(f"{NETWORK}+bilinear~4+grid1+white")
    parts = [load_encoder(f"{NETWORK}{part}+white").embed(images()) for part in ("+bilinear~4", "+grid1")]
    ours, expected = encoder.embed(images()), torch.cat(parts, dim=1) / 2**0.5
    torch.testing.assert_close(ours @ ours.T, expected @ expected.T, atol=1e-3, rtol=0)  # directions have no sign
    assert encoder.lengths == [40, 40]  # the fixture keeps 40 directions
    fingerprints = {load_encoder(NETWORK + part).card().fingerprint for part in ("+bilinear", "+bilinear~1", "+grid1")}
    assert len(fingerprints) == 3


@pytest.mark.usefixtures("few_fractals")
def test_tokens_that_are_all_alike_are_refused_with_the_encoder_s_name() -> None:
    encoder = load_encoder(f"{NETWORK}+bilinear")
    for parameter in encoder.encoder._backbone.parameters():  # type: ignore[attr-defined]
        parameter.data.zero_()
    with pytest.raises(UserError, match=r"encoder 'random:resnet10t@64\+bilinear': .* all alike"):
        encoder.embed(images())
