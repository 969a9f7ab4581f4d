"""The teacher: a moving average of the student's parameters (Caron et al. 2021, section 3.1).

Buffers are not averaged. The only ones are batch norm statistics, and DINO's teacher keeps its own, gathered by its
own forward passes in training mode, as in DINO's code. Beside the contrastive loss the teacher has no such passes, and
takes the student's.
"""

from __future__ import annotations

import torch
from torch import nn


def start_teacher(teacher: nn.Module, student: nn.Module) -> None:
    """Copy the student's weights and buffers, and stop gradients into the teacher."""
    teacher.load_state_dict(student.state_dict())
    teacher.requires_grad_(False)


@torch.no_grad()
def update_teacher(teacher: nn.Module, student: nn.Module, teacher_momentum: float) -> None:
    """Set every teacher parameter to ``teacher_momentum * teacher + (1 - teacher_momentum) * student``."""
    names, ours = zip(*teacher.named_parameters(), strict=True)
    student_names, theirs = zip(*student.named_parameters(), strict=True)
    assert names == student_names, "teacher and student must have the same parameters"
    torch._foreach_lerp_(list(ours), list(theirs), 1 - teacher_momentum)


@torch.no_grad()
def copy_buffers(teacher: nn.Module, student: nn.Module) -> None:
    """Give the teacher the student's batch norm statistics."""
    for ours, theirs in zip(teacher.buffers(), student.buffers(), strict=True):
        ours.copy_(theirs)
