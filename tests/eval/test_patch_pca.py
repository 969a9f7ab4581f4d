"""Patch colours against scikit-learn's PCA. Run: pytest tests/eval/test_patch_pca.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA

from eval.patch_pca import _block_lanczos, _leading_components, pca_colors
from procmem.errors import UserError


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)) * torch.arange(1.0, shape[-1] + 1)


def test_colours_equal_scikit_learns_components_scaled_per_image() -> None:
    found = pca_colors(tokens(3, 5, 4, 9)).reshape(3, 20, 3).numpy()
    for colors, image in zip(found, tokens(3, 5, 4, 9).reshape(3, 20, 9).numpy(), strict=True):
        pca = PCA(3, svd_solver="full").fit(image)
        signs = np.sign(pca.components_[np.arange(3), np.abs(pca.components_).argmax(axis=1)])
        components = pca.transform(image) * signs
        low, high = components.min(axis=0), components.max(axis=0)
        assert np.allclose(colors, (components - low) / (high - low), atol=1e-5)


def test_each_image_and_each_component_fills_zero_to_one() -> None:
    found = pca_colors(tokens(2, 6, 6, 8) * 100 + 7).reshape(2, 36, 3)
    assert torch.allclose(found.amin(1), torch.zeros(2, 3), atol=1e-6)
    assert torch.allclose(found.amax(1), torch.ones(2, 3), atol=1e-6)


def test_components_that_do_not_exist_are_mid_grey() -> None:
    line = torch.arange(6.0).view(1, 2, 3, 1) * torch.tensor([3.0, 4.0])  # one direction in two dimensions
    found = pca_colors(line)[0]
    assert torch.allclose(found[..., 0].reshape(-1), torch.arange(6) / 5)
    assert torch.equal(found[..., 1:], torch.full((2, 3, 2), 0.5))
    assert torch.equal(pca_colors(torch.ones(1, 2, 2, 4)), torch.full((1, 2, 2, 3), 0.5))


def test_wrong_tokens_are_refused() -> None:
    with pytest.raises(UserError, match=r"must be \(B, h, w, D\), received shape \(4, 8\)"):
        pca_colors(torch.ones(4, 8))
    with pytest.raises(UserError, match="NaN"):
        pca_colors(torch.full((1, 2, 2, 3), float("nan")))


def upsampled_by_scikit_learn(image: torch.Tensor, grid: int) -> np.ndarray:
    """(grid, grid, 3) colours of one image's tokens (h, w, D): really upsampled, one fit an image, float64."""
    up = F.interpolate(image.permute(2, 0, 1)[None].double(), size=(grid, grid), mode="bilinear", align_corners=False)
    rows = up[0].flatten(1).T.numpy()
    pca = PCA(3, svd_solver="full").fit(rows)
    signs = np.sign(pca.components_[np.arange(3), np.abs(pca.components_).argmax(axis=1)])
    components = pca.transform(rows) * signs
    scaled = (components - components.min(axis=0)) / (components.max(axis=0) - components.min(axis=0))
    return scaled.reshape(grid, grid, 3)


@pytest.mark.parametrize(("h", "w", "D", "grid"), [(5, 4, 9, 13), (7, 7, 3, 28), (6, 6, 130, 6), (9, 9, 20, 5)])
def test_colours_of_upsampled_tokens_without_upsampling_them(h: int, w: int, D: int, grid: int) -> None:
    values = tokens(2, h, w, D)
    found = pca_colors(values, grid).numpy()
    for colors, image in zip(found, values, strict=True):
        assert np.abs(colors - upsampled_by_scikit_learn(image, grid)).max() < 1e-4


def test_many_dimensions_are_iterated_and_equal_scikit_learn() -> None:
    chance = torch.Generator().manual_seed(4)
    smooth = F.interpolate(torch.randn(2, 8, 4, 4, generator=chance), size=(14, 14), mode="bilinear")
    mixing = torch.randn(8, 200, generator=chance) * torch.linspace(2, 0.5, 8)[:, None]
    values = torch.einsum("bkhw,kd->bhwd", smooth, mixing) + 0.3 * torch.randn(2, 14, 14, 200, generator=chance)
    _, is_settled = _block_lanczos(values - values.mean((1, 2), keepdim=True), *[torch.eye(14)] * 2)
    assert is_settled.all()
    for colors, image in zip(pca_colors(values, 28).numpy(), values, strict=True):
        assert np.abs(colors - upsampled_by_scikit_learn(image, 28)).max() < 1e-4


def test_what_the_iteration_does_not_settle_is_decomposed_in_full() -> None:
    # many directions of nearly equal variance: no few products can tell the three leading ones from the next
    chance = torch.Generator().manual_seed(4)
    basis = torch.linalg.qr(torch.randn(400, 160, generator=chance, dtype=torch.float64)).Q
    values = (basis * torch.linspace(1, 0.98, 160)).reshape(1, 20, 20, 160)
    centred = values - values.mean((1, 2), keepdim=True)
    _, is_settled = _block_lanczos(centred.float(), *[torch.eye(20)] * 2)
    assert not is_settled.any()
    flat = centred.reshape(400, 160)
    wanted = torch.linalg.eigh(flat.T @ flat).eigenvectors[:, -3:].flip(1)
    (found,) = _leading_components(centred.float(), torch.eye(20).double(), torch.eye(20).double()).reshape(1, 400, 3)
    assert (F.normalize(found, dim=0) * F.normalize(flat @ wanted, dim=0)).sum(0).abs().min() > 1 - 1e-3


def test_components_that_do_not_exist_are_mid_grey_after_upsampling_too() -> None:
    assert torch.equal(pca_colors(torch.full((1, 3, 3, 200), 0.7), 6), torch.full((1, 6, 6, 3), 0.5))
    with pytest.raises(UserError, match="grid must be at least 1, received 0"):
        pca_colors(torch.ones(1, 2, 2, 3), 0)
