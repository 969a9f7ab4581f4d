"""Is the run alive? Collapse in its two forms, and numbers that are no longer numbers.

DINO can fail in silence (Caron et al. 2021, section 5.3): the teacher gives every image the same sharp output (the
entropy of its mean output falls to 0), or every image the uniform output (the entropy of each output, and the loss,
stay at ln P). The spread of the embeddings shows the same in the backbone. A lower loss alone shows neither.

Letters: N images, D embedding, P prototypes (of the contrastive loss: the images among which one is found).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from procmem.errors import WorkError

SHARP_COLLAPSE_SHARE = 0.1
"""Entropy of the mean teacher output below this share of its largest possible value: one output for all images."""
UNIFORM_PLATEAU_SHARE = 0.99
"""Mean teacher entropy and loss above this share of ln P: the teacher says nothing."""
SMALLEST_SPREAD = 0.05
"""Embedding spread below this: all embeddings alike."""
PATIENCE = 3
"""Observations in a row before a warning, so that one odd batch is not called a collapse."""


class DivergedError(WorkError):
    """The loss or a gradient is no longer finite; the message says at which step and what to do."""


class FiniteGuard:
    """Stops a run whose loss or gradient is no longer finite.

    On a processor it looks at every step before the optimizer touches the weights. To look on a GPU means to wait until
    it has done all that it was given, which leaves it idle while the next work is prepared; so there a step's numbers
    are sent to the host and looked at one step later, when they have long arrived. The weights in memory may then be
    spoilt by one step, which costs nothing: the trainer looks once more before every checkpoint.
    """

    def __init__(self) -> None:
        self._sent: tuple[int, torch.Tensor, torch.cuda.Event | None] | None = None

    def observe(self, step: int, loss: torch.Tensor, gradient_norm: torch.Tensor) -> None:
        """Check the step before, and this one as soon as that is free.

        Args:
            step: completed steps.
            loss: scalar.
            gradient_norm: scalar, the same on every rank.

        Raises:
            DivergedError: if one of them was NaN or infinite.
        """
        self.check()
        values = torch.stack([loss.detach().float(), gradient_norm.detach().float()])
        if not values.is_cuda:
            _require_finite(step, values)
            return
        host = torch.empty(2, pin_memory=True)
        host.copy_(values, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        self._sent = (step, host, arrived)

    def check(self) -> None:
        """Check what was sent and not looked at yet.

        Raises:
            DivergedError: if it was NaN or infinite.
        """
        if self._sent is None:
            return
        step, values, arrived = self._sent
        self._sent = None
        if arrived is not None:
            arrived.synchronize()
        _require_finite(step, values)


def _require_finite(step: int, values: torch.Tensor) -> None:
    loss, gradient_norm = values.tolist()
    if math.isfinite(loss) and math.isfinite(gradient_norm):
        return
    raise DivergedError(
        f"training stopped at step {step}: the loss is {loss:.4g} and the gradient norm {gradient_norm:.4g}; the last "
        "checkpoint is good: lower optimization.base_learning_rate, clip more, or set precision: float32, and give the "
        "same command again"
    )


@torch.no_grad()
def measure(teacher_probabilities: torch.Tensor, embeddings: torch.Tensor) -> dict[str, float]:
    """Numbers that show a collapse.

    Args:
        teacher_probabilities: (N, P), each row sums to 1.
        embeddings: (N, D) of the same images, not normalised.

    Returns:
        ``entropy_of_mean_teacher`` and ``mean_teacher_entropy`` in nats (0 .. ln P), and ``embedding_spread``: the
        standard deviation of the L2-normalised embeddings over images, times sqrt(D): 0 when all are alike, 1 when
        they are spread evenly over the sphere.
    """
    p = teacher_probabilities.float()
    unit = F.normalize(embeddings.float(), dim=-1)
    spread = unit.var(0, correction=0).mean().sqrt() * math.sqrt(unit.shape[1])
    return {
        "entropy_of_mean_teacher": float(_entropy(p.mean(0))),
        "mean_teacher_entropy": float(_entropy(p).mean()),
        "embedding_spread": float(spread),
    }


class CollapseMonitor:
    """Turns measurements into warnings, each given once a run.

    Args:
        num_targets: P.
        warmup_steps: no warning before this step: an untrained network looks like the uniform plateau.
    """

    def __init__(self, num_targets: int, warmup_steps: int) -> None:
        self.largest_entropy = math.log(num_targets)
        self.warmup_steps = warmup_steps
        self._in_a_row: dict[str, int] = {}

    def observe(self, step: int, loss: float, measured: dict[str, float], num_images: int) -> list[str]:
        """Warnings that are due now.

        Args:
            step: completed steps.
            loss: in nats.
            measured: from `measure`.
            num_images: N of that measurement; the mean of N sharp outputs has entropy ln N at most.
        """
        if step < self.warmup_steps:
            return []
        reachable = min(self.largest_entropy, math.log(max(num_images, 2)))
        plateau = UNIFORM_PLATEAU_SHARE * self.largest_entropy
        signs = {
            "collapse: the teacher gives nearly the same sharp output for every image "
            "(entropy of its mean output near 0); lower the learning rate or raise loss.teacher_temperature": measured[
                "entropy_of_mean_teacher"
            ]
            < SHARP_COLLAPSE_SHARE * reachable,
            "stuck on the uniform plateau: loss = ln(targets), the teacher says nothing; "
            "weaken crops.hue and crops.grey_probability, or set head.use_batch_norm": measured["mean_teacher_entropy"]
            > plateau
            and loss > plateau,
            "collapse: the embeddings of different images are nearly the same": measured["embedding_spread"]
            < SMALLEST_SPREAD,
        }
        due = []
        for message, is_seen in signs.items():
            self._in_a_row[message] = self._in_a_row.get(message, 0) + 1 if is_seen else 0
            if self._in_a_row[message] == PATIENCE:
                due.append(f"step {step}: {message}")
        return due


def _entropy(probabilities: torch.Tensor) -> torch.Tensor:
    entropy: torch.Tensor = torch.special.entr(probabilities).sum(-1)
    return entropy
