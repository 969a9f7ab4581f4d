"""Bilinear pooling: which directions of patch tokens occur, and which together, wherever they are.

A mean over the places keeps one direction; the mean outer product of the tokens keeps all of them (Lin, RoyChowdhury
and Maji 2015, "Bilinear CNN models for fine-grained visual recognition"). Its square root keeps the directions with the
largest spread from drowning the others (Lin and Maji 2017, "Improved bilinear pooling with CNNs").

Letters: B batch, h w patch grid, D directions.
"""

from __future__ import annotations

import torch


def bilinear_length(num_directions: int) -> int:
    """D -> D (D + 1) / 2, the numbers that `bilinear_pooling` gives."""
    return num_directions * (num_directions + 1) // 2


def bilinear_pooling(tokens: torch.Tensor) -> torch.Tensor:
    """The square root of the mean outer product of the tokens of an image.

        for each image: M = mean over places of t t';  the upper triangle of M^(1/2), off the diagonal times sqrt(2)

    So that products of two results are those of the whole symmetric matrices, and the squared length of a result is the
    mean squared length of the tokens.

    Args:
        tokens: (B, h, w, D) floating, about the origin that they are to be compared about (`Whitening`).

    Returns:
        (B, D (D + 1) / 2) of the same type.
    """
    places = tokens.flatten(1, 2)
    variances, directions = torch.linalg.eigh(places.mT @ places / places.shape[1])
    root = (directions * variances.clamp_min(0).sqrt()[:, None]) @ directions.mT
    rows, columns = torch.triu_indices(tokens.shape[3], tokens.shape[3], device=tokens.device)
    upper: torch.Tensor = root[:, rows, columns]
    upper[:, rows != columns] *= 2**0.5
    return upper
