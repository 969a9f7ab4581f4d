"""The head against an independent loop. Run: pytest tests/pretrain/test_head.py."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pretrain.head import HeadConfig, ProjectionHead
from procmem.errors import UserError

CONFIG = HeadConfig(hidden_size=7, bottleneck_size=5, num_prototypes=11)


def make_head(config: HeadConfig = CONFIG) -> ProjectionHead:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ProjectionHead(6, config)


def test_head_equals_three_layers_then_cosines() -> None:
    head, embeddings = make_head(), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    layers = [module for module in head.mlp if isinstance(module, nn.Linear)]
    assert len(layers) == 3
    for row, logits in zip(embeddings, head(embeddings), strict=True):
        hidden = row
        for layer in layers[:2]:
            hidden = layer.weight @ hidden + layer.bias
            hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        bottleneck = layers[2].weight @ hidden + layers[2].bias
        for prototype, logit in zip(head.prototypes.weight, logits, strict=True):
            cosine = bottleneck @ prototype / (bottleneck.norm() * prototype.norm())
            torch.testing.assert_close(logit, cosine, atol=1e-6, rtol=1e-5)


def test_the_gain_of_the_last_layer_is_fixed_at_one() -> None:
    head, embeddings = make_head(), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    before = head(embeddings)
    with torch.no_grad():
        head.prototypes.weight.mul_(10)
    torch.testing.assert_close(head(embeddings), before)
    assert [name for name, _ in head.prototypes.named_parameters()] == ["weight"]


def test_gradient_of_a_prototype_is_orthogonal_to_it() -> None:
    head, embeddings = make_head(), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    head(embeddings)[:, 3].sum().backward()
    weight = head.prototypes.weight
    assert weight.grad is not None
    assert float(weight.grad[3].norm()) > 0
    torch.testing.assert_close((weight * weight.grad).sum(1), torch.zeros(11), atol=1e-6, rtol=0)


def test_initial_weights_are_truncated_normal_with_zero_biases() -> None:
    head = make_head(HeadConfig(hidden_size=300, bottleneck_size=200, num_prototypes=400))
    for layer in [*head.mlp, head.prototypes]:
        if isinstance(layer, nn.Linear):
            assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
            assert layer.bias is None or float(layer.bias.detach().abs().max()) == 0


def test_prototypes_may_start_uniform_as_in_dinos_code_and_the_rest_stays_as_it_is() -> None:
    sizes = {"hidden_size": 30, "bottleneck_size": 256, "num_prototypes": 400}
    ours, theirs = (make_head(HeadConfig(**sizes, prototype_start=start)) for start in ("truncated_normal", "uniform"))
    weight = theirs.prototypes.weight.detach()
    assert float(weight.abs().max()) == pytest.approx(1 / 16, rel=1e-2)  # torch: 1 / sqrt(inputs)
    assert float(weight.std()) == pytest.approx(1 / 16 / math.sqrt(3), rel=2e-2)
    assert all(torch.equal(a, b) for a, b in zip(ours.mlp.parameters(), theirs.mlp.parameters(), strict=True))


def test_batch_norm_stands_after_both_hidden_layers() -> None:
    head = make_head(HeadConfig(hidden_size=7, bottleneck_size=5, num_prototypes=11, use_batch_norm=True))
    kinds = [type(layer).__name__ for layer in head.mlp]
    assert kinds == ["Linear", "BatchNorm1d", "GELU", "Linear", "BatchNorm1d", "GELU", "Linear"]


def test_cosines_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert make_head()(torch.randn(2, 6)).dtype == torch.float32


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(UserError, match="num_prototypes must be at least 1, got 0"):
        HeadConfig(num_prototypes=0)
