"""Whitening with procedural images. Run: pytest tests/pretrain/test_whitening.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pretrain.encoder import load_encoder
from pretrain.whitening import FLOOR, Whitening, fractals
from procgen.sources.fractals import Fractals
from procmem.errors import UserError

NETWORK = "random:resnet10t@64"


def sample(num_rows: int = 500) -> torch.Tensor:
    """Five features, of which the second is nearly a copy of the first."""
    random = np.random.default_rng(0)
    values = random.normal(size=(num_rows, 5)) * [10, 1, 0.5, 0.1, 3] + 7
    values[:, 1] = values[:, 0] + 0.01 * values[:, 1]
    return torch.from_numpy(values).float()


def test_whitening_is_the_eigendecomposition_of_the_covariance_with_a_floor() -> None:
    features, other = sample(), sample(7) * 2
    variances, directions = np.linalg.eigh(np.cov(features.double().numpy().T, bias=True))
    deviations = np.sqrt(variances)
    turned = (other.double().numpy() - features.double().numpy().mean(0)) @ directions
    expected = turned / (deviations + FLOOR * deviations.max())
    whitened = Whitening.fit(features)(other).double().numpy()
    np.testing.assert_allclose(whitened @ whitened.T, expected @ expected.T, rtol=1e-4)  # directions have no sign


def test_directions_that_vary_much_no_longer_hide_the_others() -> None:
    """Deviations 14.27, 3.01, 0.473, 0.102, 0.0069 by the covariance, each over itself and a twentieth of the first."""
    spread = Whitening.fit(sample())(sample()).std(0, correction=0)
    expected = [value / (value + 0.05 * 14.265) for value in (14.265, 3.0126, 0.47288, 0.10234, 0.006919)]
    torch.testing.assert_close(spread, torch.tensor(expected), rtol=1e-3, atol=0)


def test_features_that_are_all_alike_or_not_finite_are_refused() -> None:
    for features in (torch.ones(9, 4), torch.full((9, 4), torch.nan)):
        with pytest.raises(UserError, match="all alike, or not finite"):
            Whitening.fit(features)


@pytest.mark.usefixtures("few_fractals")
def test_fractals_are_made_once_and_again_where_their_file_is_cut(tmp_path: Path) -> None:
    made = fractals()
    assert made.shape == (128, 3, 64, 64)
    again = Fractals(image_size_px=64, block_size=64, images_per_program=4).block(0, 1)
    assert np.array_equal(made[64:], again.numpy())
    (file,) = (tmp_path / "whitening").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:5000])
    fractals.cache_clear()
    assert np.array_equal(fractals(), made)
    assert file.read_bytes() == whole


@pytest.mark.usefixtures("few_fractals")
def test_every_part_is_whitened_by_itself_with_procedural_images() -> None:
    shown = load_encoder(NETWORK)
    pictures = torch.stack([shown.transform(Image.fromarray(image.transpose(1, 2, 0))) for image in fractals()])
    images = pictures[:5]
    parts = []
    for suffix in ("+grid2~2", "+std"):
        plain = load_encoder(NETWORK + suffix)
        white = Whitening.fit(plain.embed(pictures))(plain.embed(images))
        parts.append(torch.nn.functional.normalize(white))
    encoder = load_encoder(f"{NETWORK}+grid2~2+std+white")
    ours, expected = encoder.embed(images), torch.cat(parts, dim=1) / 2**0.5
    torch.testing.assert_close(ours @ ours.T, expected @ expected.T, atol=1e-3, rtol=0)
    assert ours.shape[1] == encoder.dimension == encoder.card().dimension
    torch.testing.assert_close(ours.norm(dim=1), torch.ones(5))


@pytest.mark.usefixtures("few_fractals")
def test_whitening_is_on_the_card_and_in_the_provenance() -> None:
    plain, white = load_encoder(NETWORK), load_encoder(f"{NETWORK}+white")
    assert white.embed(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape == (1, 40)
    assert white.card().fingerprint != plain.card().fingerprint
    assert white.provenance.real_images is False
    assert any("fractals" in note for note in white.provenance.notes)
    assert white.card().provenance == white.provenance
