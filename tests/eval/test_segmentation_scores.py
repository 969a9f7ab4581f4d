"""Segmentation scores against libraries. Run: pytest tests/eval/test_segmentation_scores.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score, r2_score
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.regression import R2Score

from eval.segmentation_scores import (
    explained_share,
    jackknife_standard_error,
    matched_iou,
    mean_iou,
    region_counts,
    soft_iou,
)
from procmem.errors import UserError

CHANCE = np.random.Generator(np.random.Philox(3))


def segment_means(colors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    means = np.empty_like(colors)
    for label in np.unique(labels):
        means[labels == label] = colors[labels == label].mean(axis=0)
    return means


def test_explained_share_is_the_r2_of_libraries() -> None:
    colors, labels = CHANCE.random((200, 3)), CHANCE.integers(1, 5, 200)
    colors[labels == 2] += 0.5
    colors = colors.astype(np.float32).astype(np.float64)
    means = segment_means(colors, labels)
    (found,) = explained_share(torch.from_numpy(colors)[None], torch.from_numpy(labels)[None])
    assert found == pytest.approx(r2_score(colors, means, multioutput="variance_weighted"))
    theirs = R2Score(multioutput="variance_weighted")(torch.from_numpy(means), torch.from_numpy(colors))
    assert found == pytest.approx(float(theirs))
    # the paper's total is that of all numbers as one variable; label 0 is added so that the drop takes nothing else
    colors, labels = np.concatenate([colors, colors[:1]]), np.append(labels, 0)
    (paper,) = explained_share(torch.from_numpy(colors)[None], torch.from_numpy(labels)[None], "paper")
    assert paper == pytest.approx(r2_score(colors[:-1].ravel(), means.ravel()))


def test_the_paper_drops_the_smallest_label_present_and_the_corrected_rule_only_0() -> None:
    colors, labels = torch.rand(1, 60, 3, generator=torch.Generator().manual_seed(1)), torch.arange(60)[None] % 3 + 4
    without = labels != 4
    assert explained_share(colors, labels)[0] == pytest.approx(
        explained_share(colors, labels - 3)[0]
    )  # names of labels do not matter
    dropped = explained_share(colors, torch.where(without, labels, 0), "paper")
    assert explained_share(colors, labels, "paper")[0] == dropped[0]
    assert np.isnan(explained_share(colors, torch.zeros(1, 60, dtype=torch.long)))
    assert np.isnan(explained_share(colors, torch.full((1, 60), 4), "paper"))
    assert explained_share(colors, torch.full((1, 60), 4)) == pytest.approx(0)  # one segment explains nothing


def test_what_a_set_ignores_is_no_segment() -> None:
    colors, labels = torch.rand(1, 60, 3, generator=torch.Generator().manual_seed(4)), torch.arange(60)[None] % 4
    for protocol in ("corrected", "paper"):
        ignored = explained_share(colors, torch.where(labels == 3, -1, labels), protocol)[0]
        assert ignored == explained_share(colors, torch.where(labels == 3, 0, labels), protocol)[0]
    clusters, masks = np.arange(8) % 2, np.array([1, 2, 1, 2, 0, 0, -1, -1])
    assert matched_iou(clusters, masks) == (1.0, {0: 1, 1: 2})


def test_images_of_a_batch_do_not_touch_each_other() -> None:
    colors, labels = CHANCE.random((5, 50, 3)), CHANCE.integers(0, 4, (5, 50))
    labels[2] = 0
    for protocol in ("corrected", "paper"):
        together = explained_share(torch.from_numpy(colors), torch.from_numpy(labels), protocol)
        alone = [
            explained_share(torch.from_numpy(colors[i : i + 1]), torch.from_numpy(labels[i : i + 1]), protocol)[0]
            for i in range(5)
        ]
        assert np.allclose(together, alone, equal_nan=True, atol=1e-12)


def test_a_shuffled_mask_explains_what_its_number_of_segments_says() -> None:
    # E[R2] = (S - 1) / (n - 1) over permutations of S segments on n places; the paper's total keeps the spread of the
    # channel means on top of that
    colors, labels = CHANCE.random((1, 40, 3)) * [1, 0.5, 0.2], np.arange(40) % 4 + 1
    rounds = [CHANCE.permutation(labels) for _ in range(3000)]
    many = torch.from_numpy(np.repeat(colors, 3000, axis=0))
    found = explained_share(many, torch.from_numpy(np.stack(rounds)))
    assert found.mean() == pytest.approx(3 / 39, abs=4 * found.std() / 3000**0.5)


def test_colours_without_spread_explain_nothing() -> None:
    flat = torch.full((1, 20, 3), 0.3)
    assert explained_share(flat, torch.arange(20)[None] % 2 + 1).tolist() == [0.0]


def test_wrong_colours_or_labels_are_refused() -> None:
    with pytest.raises(UserError, match=r"do not fit: \(1, 4, 3\), \(1, 5\)"):
        explained_share(torch.ones(1, 4, 3), torch.ones(1, 5, dtype=torch.long))
    with pytest.raises(UserError, match="at least -1, received -2"):
        explained_share(torch.ones(1, 4, 3), torch.full((1, 4), -2))


def test_mean_iou_is_that_of_libraries() -> None:
    truth, predicted = CHANCE.integers(0, 5, 300), CHANCE.integers(0, 5, 300)
    counts = region_counts(predicted, truth, 5, np.ones(300, bool))
    assert mean_iou(counts) == pytest.approx(jaccard_score(truth, predicted, average="macro"))
    theirs = MulticlassJaccardIndex(5, average="macro")(torch.from_numpy(predicted), torch.from_numpy(truth))
    assert mean_iou(counts) == pytest.approx(float(theirs), abs=1e-6)
    counted = CHANCE.random(300) < 0.5
    assert mean_iou(region_counts(predicted, truth, 5, counted)) == pytest.approx(
        jaccard_score(truth[counted], predicted[counted], average="macro")
    )
    with pytest.raises(UserError, match="at least one labelled place"):
        mean_iou(np.zeros((4, 3), np.int64))


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    # one label, unions of one size: mean IoU is the mean over images
    shares = CHANCE.integers(0, 11, 12)
    counts = np.stack([[[share, 10, share]] for share in shares])
    assert jackknife_standard_error(counts) == pytest.approx((shares / 10).std(ddof=1) / 12**0.5)
    assert jackknife_standard_error(counts[:1]) == 0


def test_matching_ignores_unlabelled_places_and_too_few_clusters_cost() -> None:
    labels = np.asarray([1, 1, 2, 2, 3, 3, 0, 0])
    assert matched_iou(np.asarray([5, 5, 9, 9, 4, 4, 1, 5]), labels) == (1.0, {5: 1, 9: 2, 4: 3})
    overlap, match = matched_iou(np.zeros(8, np.int64), labels)
    assert overlap == pytest.approx(2 / 6 / 3)
    assert len(match) == 1
    with pytest.raises(UserError, match="without labels"):
        matched_iou(np.zeros(3, np.int64), np.zeros(3, np.int64))


def test_soft_iou_of_a_hard_mask_is_its_iou() -> None:
    truth = np.asarray([True, True, False, False])
    assert soft_iou(np.asarray([1.0, 0.0, 1.0, 0.0]), truth) == pytest.approx(1 / 3)
    assert soft_iou(np.asarray([0.5, 0.5, 0.25, 0.0]), truth) == pytest.approx(1.0 / 2.25)
    assert soft_iou(np.zeros(4), np.zeros(4, bool)) == 0
