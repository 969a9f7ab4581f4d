"""Schedules as pure functions of the step: nothing to save, nothing to restore.

A step is one optimizer step, counted from 0. As in DINO's code, the first warm-up step has the value 0, the last one
the peak, and the cosine runs over the steps after the warm-up without quite reaching its final value.
"""

from __future__ import annotations

import math

REFERENCE_BATCH_SIZE = 256
"""Batch size for which a base learning rate is quoted (Goyal et al. 2017, arXiv 1706.02677)."""


def scaled_learning_rate(base_learning_rate: float, batch_size: int) -> float:
    """Linear scaling rule: ``base_learning_rate * batch_size / 256``, batch over all ranks and accumulation."""
    return base_learning_rate * batch_size / REFERENCE_BATCH_SIZE


def warmup_cosine(step: int, *, peak: float, final: float, total_steps: int, warmup_steps: int = 0) -> float:
    """Linear from 0 to `peak` in `warmup_steps` steps, then half a cosine from `peak` towards `final`.

    Args:
        step: 0 .. total_steps - 1.
        peak: value at the end of the warm-up.
        final: value that the cosine would reach at step `total_steps`.
        total_steps: steps in all, warm-up included.
        warmup_steps: steps of linear increase.
    """
    if step < warmup_steps:
        return peak * step / max(warmup_steps - 1, 1)
    progress = (step - warmup_steps) / max(total_steps - warmup_steps, 1)
    return final + 0.5 * (peak - final) * (1 + math.cos(math.pi * progress))
