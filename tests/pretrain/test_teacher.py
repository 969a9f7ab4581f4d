"""The moving average by hand. Run: pytest tests/pretrain/test_teacher.py."""

from __future__ import annotations

import torch
from torch import nn

from pretrain.teacher import start_teacher, update_teacher


def network(value: float) -> nn.Sequential:
    layers = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.fill_(value)
    return layers


def test_teacher_starts_as_the_student_and_takes_no_gradient() -> None:
    student, teacher = network(1.0), network(5.0)
    student[1].running_mean.fill_(7.0)
    start_teacher(teacher, student)
    for ours, theirs in zip(teacher.state_dict().values(), student.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_two_updates_by_hand() -> None:
    student, teacher = network(1.0), network(5.0)
    update_teacher(teacher, student, 0.75)
    torch.testing.assert_close(teacher[0].weight, torch.full((2, 2), 4.0))  # 0.75 * 5 + 0.25 * 1
    update_teacher(teacher, student, 0.5)
    torch.testing.assert_close(teacher[1].bias, torch.full((2,), 2.5))
    torch.testing.assert_close(student[0].weight, torch.ones(2, 2))


def test_momentum_one_changes_nothing() -> None:
    student, teacher = network(1.0), network(5.0)
    update_teacher(teacher, student, 1.0)
    assert torch.equal(teacher[0].weight, torch.full((2, 2), 5.0))


def test_batch_statistics_stay_the_teachers_own() -> None:
    student, teacher = network(1.0), network(5.0)
    student[1].running_mean.fill_(7.0)
    update_teacher(teacher, student, 0.5)
    assert teacher[1].running_mean.tolist() == [0, 0]
