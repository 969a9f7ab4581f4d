"""The DINO loss against loops written from the paper's algorithm 1. Run: pytest tests/pretrain/test_loss.py."""

from __future__ import annotations

import math

import pytest
import torch

from pretrain.loss import DINOLoss, LossConfig
from procmem.errors import UserError


def reference_loss(student: torch.Tensor, teacher: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """H(t, s) summed over pairs of different views, one image at a time, in float64."""
    V, B, P = student.shape
    total, num_pairs = torch.zeros((), dtype=torch.float64), 0
    for teacher_view in range(len(teacher)):
        for student_view in range(V):
            if student_view == teacher_view:
                continue
            num_pairs += 1
            for b in range(B):
                target = torch.exp((teacher[teacher_view, b] - center) / 0.04)
                target = (target / target.sum()).detach()
                prediction = torch.exp(student[student_view, b] / 0.1)
                prediction = prediction / prediction.sum()
                total = total - sum(target[p] * torch.log(prediction[p]) for p in range(P)) / B
    return total / num_pairs


@pytest.mark.parametrize(("V", "G"), [(2, 2), (5, 2), (3, 1)])
def test_value_and_gradient_equal_the_papers_loop(V: int, G: int) -> None:
    random = torch.Generator().manual_seed(V)
    student = torch.rand(V, 3, 4, generator=random) * 2 - 1
    teacher = torch.rand(G, 3, 4, generator=random) * 2 - 1
    loss = DINOLoss(4, LossConfig())
    loss.center.copy_(torch.rand(4, generator=random) - 0.5)
    ours, theirs = student.clone().requires_grad_(), student.double().requires_grad_()
    value = loss(ours, teacher)
    expected = reference_loss(theirs, teacher.double(), loss.center.double())
    value.backward()
    expected.backward()
    torch.testing.assert_close(value.double(), expected, atol=1e-6, rtol=1e-5)
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=1e-6, rtol=1e-4)


def test_equal_logits_cost_ln_p() -> None:
    loss = DINOLoss(8, LossConfig())
    assert float(loss(torch.zeros(3, 2, 8), torch.zeros(2, 2, 8))) == pytest.approx(math.log(8))


def test_the_loss_is_float32_under_autocast() -> None:
    loss, student, teacher = DINOLoss(8, LossConfig()), torch.rand(3, 2, 8), torch.rand(2, 2, 8)
    with torch.autocast("cpu", torch.bfloat16):
        automatic = loss(student, teacher)
    assert torch.equal(automatic, loss(student, teacher))


def test_no_gradient_reaches_the_teacher() -> None:
    teacher = torch.zeros(2, 1, 4, requires_grad=True)
    student = torch.rand(2, 1, 4, requires_grad=True)
    DINOLoss(4, LossConfig())(student, teacher).backward()
    assert teacher.grad is None


def test_center_moves_once_a_step_by_the_mean_over_micro_batches() -> None:
    loss = DINOLoss(2, LossConfig(center_momentum=0.9))
    student = torch.zeros(2, 1, 2)
    loss(student, torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]]]))
    loss(student, torch.tensor([[[0.0, 4.0]], [[0.0, 8.0]]]))
    assert loss.center.tolist() == [0, 0]  # every micro-batch of a step sees the same centre
    loss.update_center()
    torch.testing.assert_close(loss.center, torch.tensor([0.1, 0.3]))  # 0.1 * ((1 + 3) / 4, (4 + 8) / 4)
    loss(student, torch.tensor([[[1.0, 1.0]], [[1.0, 1.0]]]))
    loss.update_center()
    torch.testing.assert_close(loss.center, torch.tensor([0.19, 0.37]))  # 0.9 * centre + 0.1 * 1


def test_only_the_center_is_in_a_checkpoint() -> None:
    assert list(DINOLoss(4, LossConfig()).state_dict()) == ["center"]


def test_one_view_is_refused() -> None:
    with pytest.raises(UserError, match="at least two views, got 1"):
        DINOLoss(4, LossConfig())(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(UserError, match="teacher_temperature must be above 0"):
        LossConfig(teacher_temperature=0.0)
