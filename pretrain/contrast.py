"""The contrastive loss: which of the images of the batch is this a view of?

InfoNCE (van den Oord et al. 2018, arXiv 1807.03748) between the views of a batch, as in SimCLR (Chen et al. 2020, arXiv
2002.05709), with the multi-crop views of DINO: every view must find its image among the global views of all images. It
learns from far fewer images than DINO, whose prototypes must first find a meaning (docs/evidence.md), and so is the
choice for small budgets; the paper's encoders are DINO's.

The teacher has no part in it: it is the moving average of the student that becomes the encoder. The outputs of all
ranks are gathered with their gradients, so the negatives are those of the whole micro-batch, however many devices
share it.

Letters: V views (the first G of them global), B images of this rank, W ranks, Z outputs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F
from torch import nn

from procmem.errors import UserError


class ContrastiveLoss(nn.Module):
    """Cross-entropy of finding an image among those of the batch, over pairs of different views.

    Args:
        temperature: divisor of the cosines.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, outputs: torch.Tensor, num_global: int) -> torch.Tensor:
        """Loss of one micro-batch.

        The loop that this computes::

            for global_view in range(G):
                for view in range(V):
                    if view != global_view:
                        loss += mean over B of -log(exp(own cosine / T) / sum over W * B of exp(cosine / T))
            loss /= number of terms

        Args:
            outputs: (V, B, Z) of unit length, global crops first.
            num_global: G.

        Returns:
            Scalar, in nats; ln(W * B) where all outputs are alike.

        Raises:
            UserError: if there are fewer than two views.
        """
        V, B, _ = outputs.shape
        num_pairs = num_global * (V - 1)
        if num_pairs < 1:
            raise UserError(f"the contrastive loss needs at least two views, got {V}")
        outputs = outputs.float()
        keys, first = _of_all_ranks(outputs[:num_global])
        with torch.autocast(outputs.device.type, enabled=False):  # a bf16 cosine has two digits
            cosines = torch.einsum("vbz,gcz->gvbc", outputs, keys)
        own = F.log_softmax(cosines / self.temperature, dim=-1).diagonal(first, dim1=2, dim2=3)[..., :B]
        same_view = own.diagonal(dim1=0, dim2=1).sum()
        return (same_view - own.sum()) / (num_pairs * B)

    @torch.no_grad()
    def teacher_probabilities(self, teacher_outputs: torch.Tensor) -> torch.Tensor:
        """Where the teacher finds each image: (G, B, Z) -> float32 (G, B, B), each view among the next one's."""
        outputs = teacher_outputs.float()
        return F.softmax(outputs @ outputs.roll(-1, 0).mT / self.temperature, dim=-1)


def _of_all_ranks(outputs: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Outputs (G, W * B, Z) of all ranks in their order, with gradients, and where this rank's begin."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return outputs, 0
    gathered: torch.Tensor = _Gather.apply(outputs)
    return gathered, torch.distributed.get_rank() * outputs.shape[1]


class _Gather(torch.autograd.Function):
    """Join the ranks' tensors along dimension 1; the gradient of a part is the sum of what all ranks have for it."""

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor) -> torch.Tensor:
        own = own.contiguous()
        parts = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, own)
        return torch.cat(parts, dim=1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.contiguous()
        torch.distributed.all_reduce(gradient)
        return gradient.chunk(torch.distributed.get_world_size(), dim=1)[torch.distributed.get_rank()]
