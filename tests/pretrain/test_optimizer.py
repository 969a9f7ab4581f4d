"""Groups, clipping and frozen prototypes. Run: pytest tests/pretrain/test_optimizer.py."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pretrain.optimizer import ClipRule, clip_gradients, drop_gradients, make_optimizer, set_schedule


def parameters_with_gradients() -> list[nn.Parameter]:
    """Gradient norms 5 and 12; a third parameter has none."""
    parameters = [nn.Parameter(torch.zeros(2)) for _ in range(3)]
    parameters[0].grad = torch.tensor([3.0, 4.0])
    parameters[1].grad = torch.tensor([0.0, 12.0])
    return parameters


def gradients(parameters: list[nn.Parameter]) -> list[list[float]]:
    return [parameter.grad.tolist() for parameter in parameters if parameter.grad is not None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("per_parameter", [[3.0, 4.0], [0.0, 10.0]]),  # only the second is longer than 10
        ("global", [[3 * 10 / 13, 4 * 10 / 13], [0.0, 120 / 13]]),  # common norm 13
        ("none", [[3.0, 4.0], [0.0, 12.0]]),
    ],
)
def test_clipping_by_hand(rule: ClipRule, expected: list[list[float]]) -> None:
    parameters = parameters_with_gradients()
    norm = clip_gradients(parameters, rule, 10.0)
    assert float(norm) == pytest.approx(13)
    for ours, theirs in zip(gradients(parameters), expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_global_clipping_equals_torchs() -> None:
    ours, theirs = parameters_with_gradients(), parameters_with_gradients()
    clip_gradients(ours, "global", 0.7)
    nn.utils.clip_grad_norm_(theirs, 0.7)
    for mine, other in zip(gradients(ours), gradients(theirs), strict=True):
        assert mine == pytest.approx(other, rel=1e-6)


def test_a_bad_gradient_shows_in_the_norm() -> None:
    parameters = parameters_with_gradients()
    parameters[1].grad = torch.tensor([float("nan"), 0.0])
    assert not torch.isfinite(clip_gradients(parameters, "per_parameter", 3.0))


def test_biases_and_norms_do_not_decay_and_everything_else_does() -> None:
    student = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    optimizer = make_optimizer(student)
    set_schedule(optimizer, learning_rate=0.1, weight_decay=0.5)
    before = {name: parameter.detach().clone() for name, parameter in student.named_parameters()}
    for parameter in student.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    after = dict(student.named_parameters())
    torch.testing.assert_close(after["0.weight"], before["0.weight"] * (1 - 0.1 * 0.5))
    for name in ("0.bias", "1.weight", "1.bias"):
        assert torch.equal(after[name], before[name])


def test_frozen_parameters_move_neither_by_gradient_nor_by_decay() -> None:
    student = nn.Linear(2, 3)
    optimizer = make_optimizer(student)
    set_schedule(optimizer, learning_rate=0.1, weight_decay=0.5)
    before = student.weight.detach().clone()
    student(torch.ones(1, 2)).sum().backward()
    drop_gradients(student)
    optimizer.step()
    assert torch.equal(student.weight, before)
