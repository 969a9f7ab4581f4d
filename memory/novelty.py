"""Novelty: how unlike everything in the memory a query is; larger is more novel.

Two scores. By neighbours: the distance (1 - similarity) to the k-th nearest entry, or the mean over the first k; Sun et
al., "Out-of-distribution detection with deep nearest neighbors" (2022, arXiv 2204.06507). By Gaussians: the smallest
Mahalanobis distance to a class, each class a Gaussian with a shrunk covariance; Rippel et al., "Modeling the
distribution of normal data in pre-trained deep features for anomaly detection" (2020, arXiv 2005.14140), with the
shrinkage of Ledoit and Wolf (2004). A class keeps its entries' principal axes instead of a (D, D) covariance: with
fewer entries than dimensions that is the same matrix in less room.

Letters: N entries, Q queries, D embedding, K neighbours, C classes, R axes of a class.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.neighbors import Neighbors
from procmem.errors import UserError, unknown_name

Aggregate = Literal["kth", "mean"]


def neighbor_novelty(neighbors: Neighbors, *, aggregate: Aggregate = "kth") -> npt.NDArray[np.float64]:
    """Distance to the last neighbour of each list, or the mean over the list.

    Args:
        neighbors: (Q, K); K is the k of the score (`Neighbors.first`).
        aggregate: which of the two.

    Returns:
        (Q,) 0..2; infinite where the memory has fewer than K entries.

    Raises:
        UserError: for an unknown aggregate.
    """
    if aggregate not in get_args(Aggregate):
        raise unknown_name("aggregate", aggregate, get_args(Aggregate))
    distances = 1 - neighbors.similarities
    novelty: npt.NDArray[np.float64] = distances[:, -1] if aggregate == "kth" else distances.mean(axis=1)
    return novelty


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassGaussian:
    """One class: variance `variances[r]` along `axes[r]`, and `rest` in every direction across them.

    Attributes:
        label: the class.
        mean: (D,).
        axes: (R, D) orthonormal.
        variances: (R,) above 0.
        rest: variance across the axes; 0 only where R = D.
    """

    label: int
    mean: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    variances: npt.NDArray[np.float64]
    rest: float

    def distances(self, queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(Q,) Mahalanobis distances."""
        offsets = queries - self.mean
        along = offsets @ self.axes.T
        squares = (np.square(along) / self.variances).sum(axis=1)
        if len(self.axes) < len(self.mean):
            across = np.square(offsets).sum(axis=1) - np.square(along).sum(axis=1)
            squares += np.maximum(across, 0) / self.rest
        distances: npt.NDArray[np.float64] = np.sqrt(squares)
        return distances


def fit_gaussians(
    entries: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], *, pooled: bool = False
) -> list[ClassGaussian]:
    """A Gaussian for each class.

    Args:
        entries: (N, D) embeddings.
        labels: (N,) classes.
        pooled: one covariance for all classes, of the entries about their class means (Lee et al. 2018, arXiv
            1807.03888); classes may then have a single entry.

    Raises:
        UserError: for shapes that do not fit, or a covariance that stays singular: entries alike, or two in a class.
    """
    entries, labels = np.asarray(entries, np.float64), np.asarray(labels)
    if entries.ndim != 2 or labels.shape != (len(entries),) or not len(entries):
        raise UserError(f"Gaussians need one label for each entry; received {entries.shape} and {labels.shape}")
    classes = np.unique(labels)
    means = {int(c): entries[labels == c].mean(axis=0) for c in classes}
    if pooled:
        offsets = entries - np.stack([means[int(c)] for c in labels])
        shapes = dict.fromkeys(means, _shrunk(offsets, "all classes together"))
    else:
        shapes = {c: _shrunk(entries[labels == c] - mean, f"class {c}") for c, mean in means.items()}
    return [
        ClassGaussian(label=c, mean=mean, axes=shapes[c][0], variances=shapes[c][1], rest=shapes[c][2])
        for c, mean in means.items()
    ]


def gaussian_novelty(gaussians: list[ClassGaussian], queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(Q,) Mahalanobis distance to the nearest class."""
    nearest: npt.NDArray[np.float64] = np.min([gaussian.distances(queries) for gaussian in gaussians], axis=0)
    return nearest


def auroc(known: npt.NDArray[np.float64], novel: npt.NDArray[np.float64]) -> float:
    """How often a novel query scores above a known one, ties half: the area under the ROC curve, 0..1.

    Args:
        known: scores of queries that the memory knows.
        novel: scores of queries that it does not.

    Raises:
        UserError: if one of them is empty or holds NaN.
    """
    if not len(known) or not len(novel) or np.isnan(known).any() or np.isnan(novel).any():
        raise UserError(f"AUROC needs known and novel scores, none NaN; received {len(known)} and {len(novel)}")
    ordered = np.sort(known)
    below = np.searchsorted(ordered, novel, "left") + np.searchsorted(ordered, novel, "right")
    return float(below.mean() / (2 * len(known)))


def _shrunk(
    offsets: npt.NDArray[np.float64], whose: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Axes, variances and rest of (1 - s) covariance + s mean variance, with the share s of Ledoit and Wolf."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    N, D = offsets.shape
    mean_variance = float(np.square(offsets).sum() / (N * D))
    if mean_variance <= 1e-12:
        raise UserError(
            f"{whose}: a covariance needs two different entries; received {N} alike (pooled=True shares one covariance)"
        )
    share = float(ledoit_wolf_shrinkage(offsets, assume_centered=True))
    _, lengths, axes = np.linalg.svd(offsets, full_matrices=False)
    rest = share * mean_variance
    variances = (1 - share) * np.square(lengths) / N + rest
    real = variances > 1e-12 * mean_variance
    if rest <= 0 and real.sum() < D:
        raise UserError(
            f"{whose}: {N} entries leave the covariance singular, since Ledoit and Wolf's share is 0 (as for any two); "
            "a class needs 3 or more, or pooled=True"
        )
    return axes[real], variances[real], rest
