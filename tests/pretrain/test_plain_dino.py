"""The whole trainer against DINO's loop written out from the paper. Run: pytest tests/pretrain/test_plain_dino.py.

Caron et al. 2021, algorithm 1 and appendix; what the paper leaves to its code is named where it stands. Nothing of the
trainer is used but the networks' forward pass, the initial weights, the images and the views, each tested elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from pretrain.checkpoint import checkpoint_path, load_checkpoint
from pretrain.config import PretrainConfig
from pretrain.module import PretrainModule
from pretrain.train import pretrain
from pretrain.view_draws import draw_views
from pretrain.views import make_views
from procgen.exclusions import Exclusions
from procgen.process import Process
from procgen.stream import Position
from procmem.provenance import Provenance

STEPS, BATCH, MICRO_BATCH, PEAK, WARMUP, FROZEN, CLIP = 6, 16, 8, 0.01, 3, 2, 0.2


@pytest.fixture
def config(tiny_config: PretrainConfig) -> PretrainConfig:
    """Nothing random in the forward pass; clipping that bites."""
    return dataclasses.replace(
        tiny_config,
        backbone=dataclasses.replace(tiny_config.backbone, drop_path_rate=0.0),
        head=dataclasses.replace(tiny_config.head, use_batch_norm=False),
        optimization=dataclasses.replace(
            tiny_config.optimization,
            images=STEPS * BATCH,
            base_learning_rate=PEAK * 256 / BATCH,
            warmup_images=WARMUP * BATCH,
            frozen_prototypes_images=FROZEN * BATCH,
            clip_norm=CLIP,
        ),
        checkpoint_every_steps=1,
        keep_checkpoints=STEPS,
    )


def cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


class PlainAdamW:
    """AdamW of Loshchilov and Hutter 2019, algorithm 2, one parameter at a time, in float64."""

    def __init__(self, parameter: nn.Parameter, decays: bool) -> None:
        self.parameter, self.decays = parameter, decays
        self.first = self.second = torch.zeros_like(parameter, dtype=torch.float64)
        self.steps = 0

    def step(self, gradient: torch.Tensor, learning_rate: float, weight_decay: float) -> None:
        gradient = gradient.double()
        self.steps += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        first, second = self.first / (1 - 0.9**self.steps), self.second / (1 - 0.999**self.steps)
        weight = self.parameter.data.double()
        weight = weight - learning_rate * weight_decay * self.decays * weight
        self.parameter.data.copy_(weight - learning_rate * first / (second.sqrt() + 1e-8))


def plain_loss(student: torch.Tensor, teacher: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    terms = []
    for t in range(len(teacher)):
        target = torch.softmax((teacher[t] - center) / 0.04, dim=-1).detach()
        for s in range(len(student)):
            if s != t:
                terms.append(-(target * torch.log_softmax(student[s] / 0.1, dim=-1)).sum(-1).mean())
    return torch.stack(terms).mean()


def plain_dino(config: PretrainConfig, process: Process, student: nn.Module, teacher: nn.Module) -> torch.Tensor:
    """Six steps of two micro-batches; gives the centre."""
    teacher.load_state_dict(student.state_dict())
    # A matrix or table decays; biases, norms and scales, which are vectors, do not (DINO's code).
    rules = {name: PlainAdamW(p, p.ndim > 1) for name, p in student.named_parameters()}
    center = torch.zeros(config.head.num_prototypes)
    images = torch.cat([process.block(config.root_seed, block) for block in range(STEPS * BATCH // 32)])
    for step in range(STEPS):
        student.zero_grad()
        seen = []
        for start in range(step * BATCH, (step + 1) * BATCH, MICRO_BATCH):
            indices = torch.arange(start, start + MICRO_BATCH)
            draws = draw_views(
                config.crops, root_seed=3, step=step, sample_indices=indices, image_height_px=32, image_width_px=32
            )
            views = make_views(images[indices], config.crops, draws)
            with torch.no_grad():
                teacher_logits = torch.stack([teacher([view])[1][0] for view in views[:2]])
            student_logits = torch.stack([student([view])[1][0] for view in views])
            (plain_loss(student_logits, teacher_logits, center) * MICRO_BATCH / BATCH).backward()
            seen.append(teacher_logits.flatten(0, 1))
        # Code: the first warm-up step has rate 0, the last the peak; decay and momentum have no warm-up.
        rate = PEAK * step / (WARMUP - 1) if step < WARMUP else cosine(PEAK, 1e-6, (step - WARMUP) / (STEPS - WARMUP))
        decay, momentum = cosine(0.04, 0.4, step / STEPS), cosine(0.996, 1.0, step / STEPS)
        for name, parameter in student.named_parameters():
            assert parameter.grad is not None
            gradient = parameter.grad * min(1.0, CLIP / (float(parameter.grad.norm()) + 1e-6))
            if not (name.endswith("prototypes.weight") and step < FROZEN):
                rules[name].step(gradient, rate, decay)
        for ours, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
            ours.data.copy_(momentum * ours.data + (1 - momentum) * theirs.data)
        center = 0.9 * center + 0.1 * torch.cat(seen).mean(0)
    return center


def test_six_steps_end_where_the_papers_loop_ends(config: PretrainConfig, squares: Process, tmp_path: Path) -> None:
    pretrain(dataclasses.replace(config), tmp_path, process=squares)
    first = load_checkpoint(checkpoint_path(tmp_path / "checkpoints", 1))["state_dict"]
    module = PretrainModule(
        config, squares, lambda seen: Provenance(real_images=False), Exclusions(tmp_path / "none"), Position()
    )
    # The first step has rate 0, so the student after it is the student before it.
    student = {name.removeprefix("student."): v for name, v in first.items() if name.startswith("student.")}
    module.student.load_state_dict(student)
    center = plain_dino(config, squares, module.student, module.teacher)
    last = load_checkpoint(checkpoint_path(tmp_path / "checkpoints", STEPS))["state_dict"]
    moved = 0.0
    for role in ("student", "teacher"):
        for name, expected in getattr(module, role).state_dict().items():
            ours = last[f"{role}.{name}"]
            moved = max(moved, float((ours - first[f"{role}.{name}"]).abs().max()))
            # AdamW divides by the gradient's size, so where that is near 0 rounding turns into motion.
            torch.testing.assert_close(ours, expected, atol=5e-4, rtol=0, msg=f"{role}.{name}")
            assert float((ours - expected).abs().mean()) < 2e-5, f"{role}.{name}"
    assert moved > 0.02
    torch.testing.assert_close(last["loss.center"], center, atol=1e-5, rtol=0)
