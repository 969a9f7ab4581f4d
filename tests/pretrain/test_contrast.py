"""The contrastive loss against a loop in float64. Run: pytest tests/pretrain/test_contrast.py."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from pretrain.checkpoint import checkpoint_path, load_checkpoint
from pretrain.config import PretrainConfig
from pretrain.contrast import ContrastiveLoss
from pretrain.encoder import load_encoder
from pretrain.loss import LossConfig
from pretrain.train import pretrain
from procgen.process import Process
from procmem.errors import UserError


def outputs(num_views: int, seed: int, num_images: int = 4) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(num_views, num_images, 3, generator=random), dim=-1)


def reference_loss(views: torch.Tensor, num_global: int, temperature: float) -> torch.Tensor:
    """-log of the share of the own image among all, one image and one pair of views at a time."""
    terms = []
    for g, keys in enumerate(views[:num_global]):
        for v, view in enumerate(views):
            if v == g:
                continue
            for b, vector in enumerate(view):
                shares = torch.stack([torch.exp((vector * key).sum() / temperature) for key in keys])
                terms.append(-torch.log(shares[b] / shares.sum()))
    return torch.stack(terms).mean()


@pytest.mark.parametrize(("V", "G"), [(2, 2), (5, 2), (3, 1)])
def test_value_and_gradient_equal_the_loop(V: int, G: int) -> None:
    views = outputs(V, V)
    ours, theirs = views.clone().requires_grad_(), views.double().requires_grad_()
    value = ContrastiveLoss(0.2)(ours, G)
    expected = reference_loss(theirs, G, 0.2)
    value.backward()
    expected.backward()
    torch.testing.assert_close(value.double(), expected, atol=1e-6, rtol=1e-5)
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=1e-6, rtol=1e-4)


def test_by_hand_two_images_at_right_angles() -> None:
    """Own cosine 1, the other's 0, temperature 1: -log(e / (e + 1))."""
    views = torch.eye(2).expand(2, 2, 2)
    assert float(ContrastiveLoss(1.0)(views, 2)) == pytest.approx(math.log(1 + math.exp(-1)))


def test_equal_outputs_cost_the_logarithm_of_the_batch() -> None:
    alike = torch.ones(3, 8, 1)
    assert float(ContrastiveLoss(0.2)(alike, 2)) == pytest.approx(math.log(8))


def test_the_loss_is_float32_under_autocast() -> None:
    loss, views = ContrastiveLoss(0.2), outputs(3, 0)
    with torch.autocast("cpu", torch.bfloat16):
        automatic = loss(views, 2)
    assert torch.equal(automatic, loss(views, 2))


def test_the_teacher_finds_an_image_in_the_other_view() -> None:
    first = torch.eye(3)
    found = ContrastiveLoss(0.1).teacher_probabilities(torch.stack([first, first[[0, 2, 1]]]))
    assert found.shape == (2, 3, 3)
    assert found[0].argmax(1).tolist() == [0, 2, 1]
    torch.testing.assert_close(found.sum(2), torch.ones(2, 3))


def test_one_view_is_refused() -> None:
    with pytest.raises(UserError, match="needs at least two views, got 1"):
        ContrastiveLoss(0.2)(outputs(1, 0), 1)


def test_an_objective_that_does_not_exist_and_a_temperature_of_zero_are_refused() -> None:
    with pytest.raises(UserError, match="simclr"):
        PretrainConfig.from_dict({"loss": {"objective": "simclr"}})
    with pytest.raises(UserError, match="contrast_temperature must be above 0, got 0"):
        LossConfig(contrast_temperature=0.0)


def test_a_run_learns_without_prototypes_and_is_an_encoder(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    config = dataclasses.replace(tiny_config, loss=LossConfig(objective="contrastive"))
    assert config.num_targets == 8  # images of a micro-batch
    done = pretrain(config, tmp_path, process=squares)
    losses = [row["loss"] for row in done.metrics.values()]
    assert losses[-1] < losses[0]
    assert all(row["mean_teacher_entropy"] <= math.log(8) + 1e-6 for row in done.metrics.values())
    state = load_checkpoint(checkpoint_path(tmp_path / "checkpoints", 12))["state_dict"]
    assert not [name for name in state if "prototypes" in name or "center" in name]
    statistics = [name for name in state if name.startswith("teacher") and "running_mean" in name]
    assert statistics
    assert all(torch.equal(state[name], state[name.replace("teacher", "student")]) for name in statistics)
    assert load_encoder(str(tmp_path)).dimension == 24
