"""Reliability by rank and hit rate, by hand. Run: pytest tests/memory/test_reliability.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from memory.neighbors import Neighbors
from memory.reliability import reliability
from procmem.errors import UserError


def three_queries() -> Neighbors:
    return Neighbors(
        ids=np.array([[0, 1, 2, 3], [0, 1, 2, -1], [0, 1, -1, -1]]),
        labels=np.array([[5, 6, 5, 6], [6, 5, 6, -1], [6, 6, -1, -1]]),
        similarities=np.array([[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, -np.inf], [0.9, 0.8, -np.inf, -np.inf]]),
    )


def test_by_hand_with_short_lists() -> None:
    found = reliability(three_queries().first(3), np.array([5, 5, 5]))
    assert found.accuracy.tolist() == [1 / 3, 1 / 3, 1 / 2]  # rank 2 has two neighbours only
    assert found.hit_rate.tolist() == [1 / 3, 2 / 3, 2 / 3]
    assert found.log_fit is not None
    x = np.log([1, 2, 3])
    slope, intercept = np.polyfit(x, [1 / 3, 1 / 3, 1 / 2], 1)
    assert (found.log_fit.slope, found.log_fit.intercept) == pytest.approx((slope, intercept))
    assert found.fitted()[2] == pytest.approx(intercept + slope * math.log(3))


def test_a_logarithm_is_found_again() -> None:
    Q, K = 1000, 6
    rng = np.random.default_rng(0)
    shares = [0.9, 0.7, 0.58, 0.5, 0.44, 0.38]  # about 0.9 - 0.29 ln(1 + rank)
    labels = np.stack([rng.permutation(np.arange(Q) >= round(share * Q)) for share in shares], axis=1).astype(np.int64)
    ids, similarities = np.tile(np.arange(K), (Q, 1)), np.tile(-np.arange(K) / 10, (Q, 1))
    found = reliability(Neighbors(ids=ids, labels=labels, similarities=similarities), np.zeros(Q, np.int64))
    assert found.accuracy.tolist() == shares
    assert found.log_fit is not None
    assert found.log_fit.slope == pytest.approx(-0.29, abs=0.005)
    assert found.log_fit.r_squared > 0.999


def test_a_rank_that_nobody_has_is_unknown_and_not_fitted() -> None:
    neighbors = three_queries().rows(np.array([2]))
    found = reliability(neighbors, np.array([6]))
    assert found.accuracy[:2].tolist() == [1, 1]
    assert np.isnan(found.accuracy[2:]).all()
    assert found.log_fit is not None
    assert found.log_fit.slope == 0
    assert reliability(neighbors.first(1), np.array([6])).log_fit is None


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="one label each"):
        reliability(three_queries(), np.array([5]))
    with pytest.raises(UserError, match="at least 1 query"):
        reliability(three_queries().rows(slice(0)), np.array([], np.int64))
