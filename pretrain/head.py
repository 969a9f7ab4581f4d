"""Projection head of DINO: a three-layer MLP, a bottleneck on the unit sphere, and normalised prototypes.

A logit is the cosine between the bottleneck vector and a prototype. DINO writes the last layer with torch's weight
norm and keeps its gain fixed at 1; here the rows are normalised in the forward pass, so there is no gain to freeze.
The last layer is computed in float32 even under autocast: the teacher's temperature multiplies a bf16 rounding error
by 25. Its cost is small next to the backbone's.

DINO's code leaves the prototypes at torch's default for a linear layer (uniform), since it makes them after it has
drawn the MLP. Only their directions count in a logit, but their length decides how far a step of AdamW turns them.

Letters: B embeddings, D embedding, P prototypes.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from procmem.strict_yaml import check_range

INITIAL_STD = 0.02
"""Standard deviation of the truncated normal from which the MLP's weights are drawn (DINO and ViT)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Sizes of the head; the defaults are DINO's.

    Attributes:
        hidden_size: width of the two hidden layers.
        bottleneck_size: length of the vector that is compared with the prototypes.
        num_prototypes: P.
        use_batch_norm: batch norm after both hidden layers; DINO with ViTs has none, very short runs learn faster
            with it.
        prototype_start: how the prototypes are drawn: ``truncated_normal`` like the MLP (rows 0.32 long at a bottleneck
            of 256), or ``uniform`` as in DINO's code (0.58 long, so the same learning rate turns them less).
    """

    hidden_size: int = 2048
    bottleneck_size: int = 256
    num_prototypes: int = 65_536
    use_batch_norm: bool = False
    prototype_start: Literal["truncated_normal", "uniform"] = "truncated_normal"

    def __post_init__(self) -> None:
        check_range(self, ["hidden_size", "bottleneck_size", "num_prototypes"], 1)


class ProjectionHead(nn.Module):
    """Embeddings (B, D) -> logits float32 (B, P), each in -1 .. 1.

    Args:
        embedding_size: D.
        config: sizes.
        has_prototypes: without them the output is the bottleneck vector itself: float32 of unit length.
    """

    prototypes: nn.Linear | None

    def __init__(self, embedding_size: int, config: HeadConfig, *, has_prototypes: bool = True) -> None:
        super().__init__()
        sizes = (embedding_size, config.hidden_size, config.hidden_size)
        layers: list[nn.Module] = []
        for size_in, size_out in pairwise(sizes):
            layers.append(nn.Linear(size_in, size_out, bias=not config.use_batch_norm))
            if config.use_batch_norm:
                layers.append(nn.BatchNorm1d(size_out))
            layers.append(nn.GELU())
        self.mlp = nn.Sequential(*layers, nn.Linear(config.hidden_size, config.bottleneck_size))
        self.prototypes = None
        if has_prototypes:
            self.prototypes = nn.Linear(config.bottleneck_size, config.num_prototypes, bias=False)
        self.apply(_initialize)
        if self.prototypes is not None and config.prototype_start == "uniform":
            self.prototypes.reset_parameters()

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        bottleneck = self.mlp(embeddings)
        device = bottleneck.device.type
        with torch.autocast("cpu" if device == "meta" else device, enabled=False):  # meta: where FLOPs are counted
            unit = F.normalize(bottleneck.float(), dim=-1)
            return unit if self.prototypes is None else F.linear(unit, F.normalize(self.prototypes.weight, dim=-1))


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
