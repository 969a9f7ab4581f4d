"""Calibration error by hand; edges of bins; confidence of real votes. Run: pytest tests/memory/test_calibration.py."""

from __future__ import annotations

import numpy as np
import pytest

from memory.calibration import calibration
from memory.neighbors import Neighbors
from memory.voting import vote
from procmem.errors import UserError


def test_by_hand() -> None:
    """Bins of a half: two answers at 0.2 and 0.4, one right; two at 0.7 and 0.9, both right."""
    found = calibration(np.array([0.2, 0.7, 0.4, 0.9]), np.array([True, True, False, True]), num_bins=2)
    assert found.counts.tolist() == [2, 2]
    assert found.confidence.tolist() == pytest.approx([0.3, 0.8])
    assert found.accuracy.tolist() == [0.5, 1.0]
    assert found.gaps.tolist() == pytest.approx([0.2, 0.2])
    assert found.expected_error == pytest.approx(0.2)
    assert found.largest_error == pytest.approx(0.2)


def test_bins_are_open_below_and_closed_above_and_weigh_by_count() -> None:
    edges = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 0.1 + 0.15 + 1e-16])
    found = calibration(edges, np.zeros(6, bool), num_bins=4)
    assert found.counts.tolist() == [3, 1, 1, 1]
    assert found.expected_error == pytest.approx(edges.mean())  # all wrong: every gap is the confidence
    assert found.largest_error == 1
    assert calibration(np.array([0.9]), np.array([True]), num_bins=4).to_dict()["confidence"] == [None, None, None, 0.9]


def test_shares_of_a_vote_are_on_the_edge_they_mean() -> None:
    """1 / 3 + 1 / 3 of the votes is 2 / 3 whatever the rounding."""
    neighbors = Neighbors(
        ids=np.array([[0, 1, 2]]), labels=np.array([[0, 1, 0]]), similarities=np.array([[0.9, 0.8, 0.7]])
    ).weighted(np.arange(3), np.array([0.1, 0.1, 0.1]))
    confidence = vote(neighbors, num_classes=2, voting="plurality").confidence()
    assert calibration(confidence, np.array([True]), num_bins=3).counts.tolist() == [0, 1, 0]


def test_equals_a_loop() -> None:
    rng = np.random.default_rng(1)
    confidence, correct = rng.random(500), rng.random(500) < 0.6
    expected = 0.0
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        expected += inside.sum() / 500 * abs(correct[inside].mean() - confidence[inside].mean())
    assert calibration(confidence, correct).expected_error == pytest.approx(expected)


@pytest.mark.parametrize("confidence", [[], [1.2], [-0.1], [np.nan], [0.5, 0.5]])
def test_what_is_no_confidence_is_refused(confidence: list[float]) -> None:
    with pytest.raises(UserError, match="confidence"):
        calibration(np.array(confidence), np.array([True][: len(confidence)]))
