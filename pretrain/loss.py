"""The DINO loss (Caron et al. 2021, arXiv 2104.14294, algorithm 1 and equation 3) and its centre.

The centre is the running mean of the teacher's logits. It is a buffer, so it is in the checkpoint; it moves once per
optimizer step, by the mean over all micro-batches and all ranks of that step, whatever the accumulation.

Letters: V views (the first G of them global), B images, P prototypes.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch
import torch.distributed
import torch.nn.functional as F
from torch import nn

from procmem.errors import UserError
from procmem.strict_yaml import ABOVE_ZERO, BELOW_ONE, check_range


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossConfig:
    """What is learned, temperatures and the centre's memory; the defaults are the paper's for 100 epochs (no warm-up).

    Attributes:
        objective: ``dino``, or ``contrastive`` (`pretrain.contrast`), which has neither prototypes nor centre.
        student_temperature: divisor of the student's logits.
        teacher_temperature: divisor of the teacher's centred logits; smaller is sharper.
        center_momentum: share of the centre that survives one step.
        contrast_temperature: divisor of the cosines of ``contrastive``; the other three are those of ``dino``.
    """

    objective: Literal["dino", "contrastive"] = "dino"
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    center_momentum: float = 0.9
    contrast_temperature: float = 0.2

    def __post_init__(self) -> None:
        check_range(self, ["student_temperature", "teacher_temperature", "contrast_temperature"], ABOVE_ZERO)
        check_range(self, ["center_momentum"], 0, BELOW_ONE)


class DINOLoss(nn.Module):
    """Cross-entropy between teacher and student over all pairs of different views.

    Args:
        num_prototypes: P.
        config: temperatures and momentum.
    """

    center: torch.Tensor
    _logit_sum: torch.Tensor
    _logit_count: torch.Tensor

    def __init__(self, num_prototypes: int, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("center", torch.zeros(num_prototypes))
        # What the current step has seen; empty whenever a checkpoint is written.
        self.register_buffer("_logit_sum", torch.zeros(num_prototypes), persistent=False)
        self.register_buffer("_logit_count", torch.zeros(()), persistent=False)

    def forward(self, student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> torch.Tensor:
        """Loss of one micro-batch; its teacher logits are kept for the next `update_center`.

        The loop that this computes::

            for teacher_view in range(G):
                for student_view in range(V):
                    if student_view != teacher_view:
                        loss += mean over B of -sum over P of teacher * log(student)
            loss /= number of terms

        Args:
            student_logits: (V, B, P), global crops first.
            teacher_logits: (G, B, P), the same global crops.

        Returns:
            Scalar, in nats.

        Raises:
            UserError: if there are fewer than two views.
        """
        V, B, _ = student_logits.shape
        G = teacher_logits.shape[0]
        num_pairs = G * V - G
        if num_pairs < 1:
            raise UserError(f"the DINO loss needs at least two views, got {V}")
        teacher = self.teacher_probabilities(teacher_logits)
        log_student = F.log_softmax(student_logits.float() / self.config.student_temperature, dim=-1)
        with torch.autocast(student_logits.device.type, enabled=False):  # einsum would round to bf16
            all_pairs = torch.einsum("bp,vbp->", teacher.sum(0), log_student)
            same_view = torch.einsum("gbp,gbp->", teacher, log_student[:G])
        self._observe(teacher_logits)
        return (same_view - all_pairs) / (num_pairs * B)

    @torch.no_grad()
    def teacher_probabilities(self, teacher_logits: torch.Tensor) -> torch.Tensor:
        """Centred and sharpened targets, float32, shaped like the logits (..., P)."""
        return F.softmax((teacher_logits.float() - self.center) / self.config.teacher_temperature, dim=-1)

    @torch.no_grad()
    def _observe(self, teacher_logits: torch.Tensor) -> None:
        self._logit_sum += teacher_logits.float().sum((0, 1))
        self._logit_count += teacher_logits.shape[0] * teacher_logits.shape[1]

    @torch.no_grad()
    def update_center(self) -> None:
        """Move the centre by what was seen since the last call; call once per optimizer step, on every rank."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(self._logit_sum)
            torch.distributed.all_reduce(self._logit_count)
        self.center.lerp_(self._logit_sum / self._logit_count, 1 - self.config.center_momentum)
        self._logit_sum.zero_()
        self._logit_count.zero_()
