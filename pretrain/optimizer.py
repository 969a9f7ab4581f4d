"""AdamW as DINO uses it: which parameters decay, how gradients are clipped, and when the prototypes wait.

DINO's code clips every parameter tensor by its own norm; the usual rule clips all by their common norm. Both are here
under a name, because results depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

ClipRule = Literal["per_parameter", "global", "none"]
SAFE_DIVISION = 1e-6
"""Added to a norm before dividing by it, as torch and DINO do."""


def make_optimizer(student: nn.Module) -> torch.optim.AdamW:
    """AdamW with two groups: group 0 decays, group 1 (biases, norms: all vectors) does not.

    Learning rate and weight decay are 0 until `set_schedule` is called.
    """
    parameters = [p for p in student.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1]},
    ]
    on_gpu = all(p.is_cuda for p in parameters)
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=0.0, fused=True if on_gpu else None)


def set_schedule(optimizer: torch.optim.Optimizer, learning_rate: float, weight_decay: float) -> None:
    """Set this step's learning rate (both groups) and weight decay (group 0)."""
    decayed, undecayed = optimizer.param_groups
    decayed["lr"] = undecayed["lr"] = learning_rate
    decayed["weight_decay"] = weight_decay


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], rule: ClipRule, max_norm: float) -> torch.Tensor:
    """Clip gradients in place.

    Args:
        parameters: those without a gradient are passed over.
        rule: ``per_parameter`` clips each tensor by its own norm (DINO), ``global`` all by their common norm.
        max_norm: largest norm left.

    Returns:
        Scalar: the common norm before clipping; not finite if any gradient is not.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = torch.stack(torch._foreach_norm(gradients))
    common_norm: torch.Tensor = torch.linalg.vector_norm(norms)
    if rule != "none":
        norm = norms if rule == "per_parameter" else common_norm.expand(len(gradients))
        factors = (max_norm / (norm + SAFE_DIVISION)).clamp(max=1.0)
        torch._foreach_mul_(gradients, list(factors.unbind()))
    return common_norm


def drop_gradients(module: nn.Module) -> None:
    """Take the gradients away, so that this step changes nothing in `module`, not even by weight decay."""
    for parameter in module.parameters():
        parameter.grad = None
