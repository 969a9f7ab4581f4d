"""Novelty by hand and against full matrices, AUROC against a peer. Run: pytest tests/memory/test_novelty.py.

Letters: N entries, Q queries, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from memory.neighbors import Neighbors
from memory.novelty import auroc, fit_gaussians, gaussian_novelty, neighbor_novelty
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def test_distance_to_neighbours_by_hand() -> None:
    neighbors = Neighbors(
        ids=np.array([[0, 1], [2, -1]]),
        labels=np.array([[0, 1], [0, -1]]),
        similarities=np.array([[0.9, 0.5], [0.8, -np.inf]]),
    )
    assert neighbor_novelty(neighbors).tolist() == [0.5, np.inf]
    assert neighbor_novelty(neighbors, aggregate="mean").tolist() == [pytest.approx(0.3), np.inf]
    assert neighbor_novelty(neighbors.first(1)).tolist() == pytest.approx([0.1, 0.2])
    with pytest.raises(UserError, match="did you mean 'mean'"):
        neighbor_novelty(neighbors, aggregate="meen")  # type: ignore[arg-type]


@pytest.mark.parametrize("D", [3, 40])  # fewer dimensions than entries of a class, and more
@pytest.mark.parametrize("pooled", [False, True])
def test_mahalanobis_equals_the_inverse_of_the_shrunk_matrix(D: int, pooled: bool, unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(30, D, 1), unit_rows(9, D, 2)
    entries[:, 0] *= 3  # not round
    labels = np.repeat([4, 7], [10, 20])
    expected = []
    whole = np.concatenate([entries[labels == c] - entries[labels == c].mean(axis=0) for c in (4, 7)])
    for c in (4, 7):
        own = entries[labels == c].astype(np.float64)
        matrix = ledoit_wolf(whole.astype(np.float64) if pooled else own, assume_centered=pooled)[0]
        offsets = queries - own.mean(axis=0)
        expected.append(np.sqrt(np.einsum("qd,de,qe->q", offsets, np.linalg.inv(matrix), offsets)))
    gaussians = fit_gaussians(entries, labels, pooled=pooled)
    assert [gaussian.label for gaussian in gaussians] == [4, 7]
    assert gaussian_novelty(gaussians, queries).tolist() == pytest.approx(np.min(expected, axis=0).tolist(), rel=1e-5)


def test_what_is_far_along_a_thin_axis_is_more_novel_than_along_a_long_one() -> None:
    rng = np.random.default_rng(0)
    entries = (rng.standard_normal((200, 2)) * [1.0, 0.01]).astype(np.float32)
    (gaussian,) = fit_gaussians(entries, np.zeros(200, np.int64))
    along, across = gaussian.distances(np.array([[1, 0], [0, 1]], np.float32))
    assert across > 5 * along


def test_classes_without_variance_are_named_and_pooling_takes_them() -> None:
    entries = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], np.float32)
    labels = np.array([0, 0, 0, 1])
    with pytest.raises(UserError, match="class 1: a covariance needs two different entries; received 1"):
        fit_gaussians(entries, labels)
    assert gaussian_novelty(fit_gaussians(entries, labels, pooled=True), entries[3:]).tolist() == [0.0]
    with pytest.raises(UserError, match="one label for each entry"):
        fit_gaussians(entries, labels[:2])
    with pytest.raises(UserError, match="class 0: 2 entries leave the covariance singular"):
        fit_gaussians(entries[:2], labels[:2])


def test_auroc_equals_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(0)
    known, novel = rng.integers(0, 6, 50) / 5, rng.integers(2, 9, 30) / 5
    expected = roc_auc_score([0] * 50 + [1] * 30, np.concatenate([known, novel]))
    assert auroc(known, novel) == pytest.approx(expected)
    assert auroc(np.array([0.0, 1.0]), np.array([1.0, np.inf])) == 7 / 8
    for bad in ([], [np.nan]):
        with pytest.raises(UserError, match="AUROC"):
            auroc(np.array(bad), novel)
