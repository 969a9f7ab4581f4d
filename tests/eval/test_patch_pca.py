"""Patch colours against scikit-learn's PCA. Run: pytest tests/eval/test_patch_pca.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from eval.patch_pca import pca_colors
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
