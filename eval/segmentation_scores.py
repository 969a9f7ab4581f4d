"""Scores of segmentations: explained variance of colours (PCA R2), overlap of regions, matching, and their errors.

Every score is first a number an image, because images, not patches, are independent: patches of one image agree with
each other, and a standard error over patches would be many times too small. Mean IoU over a data set is no mean over
images, so its error comes from leaving out each image in turn (jackknife).

Letters: B images, P places (pixels or patches) an image, S segments, C labels.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from eval.sets.masked import IGNORED, UNLABELLED
from procmem.errors import UserError

Protocol = Literal["corrected", "paper"]
Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def explained_share(colors: torch.Tensor, labels: torch.Tensor, protocol: Protocol = "corrected") -> Values:
    """PCA R2 of each image: 1 - spread of the colours within segments / spread of the colours.

        kept = places whose label counts
        within = sum over segments, channels of (color - mean of the segment and channel)^2
        total = sum over channels of (color - mean of the channel)^2

    "corrected" keeps labels above 0 (0 has none, -1 is ignored). "paper" follows the public code of "Separating
    Knowledge and Perception with Procedural Data" (2025): what is ignored counts as 0, the smallest label that is
    present is dropped, whatever it is, and the total is about one mean over all channels, so that a mask that explains
    nothing has an R2 well above 0.

    Args:
        colors: (B, P, 3) floats.
        labels: (B, P) int64 labels >= -1.
        protocol: which rule.

    Returns:
        (B,) float64, at most 1: NaN where no segment is left, 0 where the colours have no spread.

    Raises:
        UserError: if shapes do not fit, or a label is below -1.
    """
    if colors.ndim != 3 or labels.shape != colors.shape[:2]:
        raise UserError(f"colours (B, P, 3) and labels (B, P) do not fit: {tuple(colors.shape)}, {tuple(labels.shape)}")
    if labels.numel() and labels.min() < IGNORED:
        raise UserError(f"labels must be at least {IGNORED}, received {int(labels.min())}")
    labels = labels.to(colors.device).clamp(min=UNLABELLED)
    B, _, num_channels = colors.shape
    dropped = labels.amin(dim=1, keepdim=True) if protocol == "paper" else UNLABELLED
    kept = labels != dropped
    image = torch.arange(B, device=labels.device)[:, None].expand_as(labels)[kept]
    values = colors[kept].double()
    keys = image * (int(labels.max()) + 1) + labels[kept]
    _, segment = torch.unique(keys, return_inverse=True)
    num_segments = int(segment.max()) + 1 if len(segment) else 0

    def summed(of: torch.Tensor, groups: torch.Tensor, count: int) -> torch.Tensor:
        return of.new_zeros(count, *of.shape[1:]).index_add_(0, groups, of)

    image_of_segment = torch.zeros(num_segments, dtype=torch.long, device=labels.device).scatter_(0, segment, image)
    sizes = summed(torch.ones_like(values[:, 0]), segment, num_segments)
    between = summed(values, segment, num_segments).square().sum(1) / sizes
    squares, sums = summed(values.square().sum(1), image, B), summed(values, image, B)
    num_kept = kept.sum(1).double()
    about_channels, about_one = sums.square().sum(1) / num_kept, sums.sum(1).square() / (num_channels * num_kept)
    about = about_one if protocol == "paper" else about_channels
    within, total = squares - summed(between, image_of_segment, B), squares - about
    share = torch.where(total > 1e-9 * squares.clamp(min=1e-300), 1 - within / total.clamp(min=1e-300), 0.0)
    return torch.where(num_kept > 0, share, torch.nan).cpu().numpy()


def region_counts(predicted: Labels, truth: Labels, num_labels: int, counted: npt.NDArray[np.bool_]) -> Labels:
    """(C, 3) places of each label in one image: in both, in the truth, in the prediction.

    Args:
        predicted: labels of any shape.
        truth: labels of the same shape.
        num_labels: C.
        counted: which places count.
    """
    predicted, truth = predicted[counted], truth[counted]
    both = np.bincount(truth[truth == predicted], minlength=num_labels)
    columns = [both, np.bincount(truth, minlength=num_labels), np.bincount(predicted, minlength=num_labels)]
    return np.stack(columns, axis=1).astype(np.int64)


def mean_iou(counts: Labels) -> float:
    """Mean over labels of intersection over union, over labels that the truth or the prediction has anywhere.

    Args:
        counts: (images, C, 3) or (C, 3), from `region_counts`.

    Raises:
        UserError: if no label has a place.
    """
    both, truth, predicted = counts.reshape(-1, *counts.shape[-2:]).sum(axis=0).T
    union = truth + predicted - both
    if not union.any():
        raise UserError("mean IoU needs at least one labelled place")
    return float((both[union > 0] / union[union > 0]).mean())


def jackknife_standard_error(counts: Labels) -> float:
    """Of `mean_iou` over images: each left out in turn; 0 for a single image, where it means "unknown".

    sqrt((n - 1) / n * sum over images of (mean IoU without it - mean of those)^2)

    Args:
        counts: (images, C, 3).
    """
    n = len(counts)
    whole = counts.sum(axis=0)
    left = [whole - counts[i] for i in range(n)]
    values = np.asarray([mean_iou(rest) for rest in left if rest[:, 1:].any()])
    if n < 2 or len(values) < 2:
        return 0.0
    return math.sqrt((n - 1) / n * float(((values - values.mean()) ** 2).sum()))


def matched_iou(clusters: Labels, labels: Labels) -> tuple[float, dict[int, int]]:
    """Mean IoU of an image's segments with the clusters that match them best, one cluster a segment (Hungarian).

    Places without a label do not count. A segment without a cluster of its own (too few clusters) has an IoU of 0.

    Args:
        clusters: (P,) cluster of each place.
        labels: (P,) label of each place.

    Returns:
        The mean over segments, and cluster -> label of the match.

    Raises:
        UserError: if no place has a label.
    """
    from scipy.optimize import linear_sum_assignment

    counted = labels > UNLABELLED
    if not counted.any():
        raise UserError("an image without labels cannot be matched")
    segments, segment = np.unique(labels[counted], return_inverse=True)
    groups, group = np.unique(clusters[counted], return_inverse=True)
    both = np.zeros((len(groups), len(segments)))
    np.add.at(both, (group, segment), 1)
    union = both.sum(1, keepdims=True) + both.sum(0, keepdims=True) - both
    rows, columns = linear_sum_assignment(both / union, maximize=True)
    overlap = float((both / union)[rows, columns].sum()) / len(segments)
    return overlap, {int(groups[row]): int(segments[column]) for row, column in zip(rows, columns, strict=True)}


def soft_iou(soft: Values, truth: npt.NDArray[np.bool_]) -> float:
    """Sum of smaller over sum of larger values of a soft mask in [0, 1] and a mask (Ruzicka); 0 if both are empty."""
    smaller, larger = np.minimum(soft, truth).sum(), np.maximum(soft, truth).sum()
    return float(smaller / larger) if larger else 0.0
