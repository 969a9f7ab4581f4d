"""Mean shift: each patch token moves towards the tokens of its own image that it is like.

Tokens of one thing meet and tokens of two things part, with no position and no label asked (Cheng 1995, "Mean shift,
mode seeking, and clustering"; with the weights below, of directions on a sphere, Kobayashi and Otsu 2010, "Von
Mises-Fisher mean shift for clustering on a hypersphere"). It is what an attention layer without weights does.

Letters: B batch, h w patch grid, L = h * w, D token.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

TEMPERATURE, STEPS = 0.3, 5
MOST_PLACES = 32
"""A side: every step compares all tokens of an image with all."""
DESCRIPTION = f"mean shift of patch tokens, {STEPS} steps at temperature {TEMPERATURE}, at most {MOST_PLACES} a side"


def places(side: int) -> int:
    """Side of the patch grid on which tokens of a grid of this side are shifted: halved, thirded, ... to fit.

    56 -> 28, 32 -> 32, 33 -> 17.
    """
    return -(-side // -(-side // MOST_PLACES))


def mean_shift(tokens: torch.Tensor) -> torch.Tensor:
    """Shifted tokens, all at once and several times.

        x <- sum_j softmax_j(cos(x - m, x_j - m) / 0.3) x_j,    m the mean token of the image

    Args:
        tokens: (B, h, w, D) floating, h * w at most about a thousand.

    Returns:
        (B, h, w, D).
    """
    shifted = [_shifted(image) for image in tokens.flatten(1, 2)]  # one image at a time: L x L weights
    return torch.stack(shifted).reshape(tokens.shape)


def _shifted(tokens: torch.Tensor) -> torch.Tensor:
    for _ in range(STEPS):
        directions = F.normalize(tokens - tokens.mean(0), dim=1)
        tokens = torch.softmax(directions @ directions.mT / TEMPERATURE, dim=1) @ tokens
    return tokens
