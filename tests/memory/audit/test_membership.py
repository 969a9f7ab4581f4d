"""Membership inference: rates by hand, intervals as published, and an attack that works exactly where it should."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.audit.membership import attack_scores, clopper_pearson, membership, roc_curve
from memory.neighbors import Neighbors
from memory.search import exact_search
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def test_a_curve_and_its_area_by_hand() -> None:
    members, others = np.array([0.9, 0.5, 0.5]), np.array([0.7, 0.5])
    # thresholds .9: (0, 1/3); .7: (1/2, 1/3); .5: (1, 1). Pairs: .9 beats 2; each .5 loses to .7 and ties with .5
    np.testing.assert_allclose(roc_curve(members, others), [[0, 0], [0, 1 / 3], [0.5, 1 / 3], [1, 1]])
    result = membership(members, others, np.random.default_rng(0), score="x")
    assert result.auc == pytest.approx((2 + 0.5 + 0.5) / 6)
    assert result.advantage == pytest.approx(1 / 3)
    assert result.rates == ()  # two non-members say nothing about one in a hundred
    assert (result.num_members, result.num_others) == (3, 2)


def test_area_and_curve_agree_with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score
    from sklearn.metrics import roc_curve as reference

    rng = np.random.default_rng(0)
    members, others = np.round(rng.normal(0.4, 1, 300), 1), np.round(rng.normal(0, 1, 1200), 1)
    truth, scores = np.repeat([1, 0], [300, 1200]), np.concatenate([members, others])
    result = membership(members, others, rng)
    assert result.auc == pytest.approx(roc_auc_score(truth, scores))
    false, true, _ = reference(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(result.roc, np.stack([false, true], axis=1), atol=1e-12)
    (point,) = result.rates
    assert point.true_positive_rate == true[false <= 0.01].max()
    assert point.low < point.true_positive_rate < point.high
    assert result.auc_low < result.auc < result.auc_high


def test_intervals_are_the_published_ones() -> None:
    from scipy.stats import binomtest

    for successes, trials in ((0, 10), (3, 10), (10, 10), (7, 400)):
        expected = binomtest(successes, trials).proportion_ci(0.95, method="exact")
        assert clopper_pearson(successes, trials) == pytest.approx((expected.low, expected.high))


def test_scores_by_hand() -> None:
    neighbors = Neighbors(
        ids=np.array([[0, 1, 2]]),
        labels=np.array([[1, 1, 0]]),
        similarities=np.array([[0.9, 0.8, 0.7]]),
        memory_size=3,
    )
    truth = np.array([0])
    found = {
        name: attack_scores(neighbors, truth, name, num_classes=2, voting="plurality")[0]
        for name in ("confidence", "true_class", "similarity", "answer")
    }
    assert found == {"confidence": 2 / 3, "true_class": 1 / 3, "similarity": 0.9, "answer": 0.0}


def test_views_of_entries_are_recognised_by_similarity_and_strangers_are_not(unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(2000, 24, 1)
    rng = np.random.default_rng(0)
    views = rows + 0.05 * rng.standard_normal(rows.shape).astype(np.float32)
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    labels = rng.integers(0, 5, 1000)
    found = exact_search(views, rows[:1000], 5, labels=labels)
    scores = attack_scores(found, np.zeros(2000, np.int64), "similarity", num_classes=5)
    result = membership(scores[:1000], scores[1000:], rng)
    assert result.auc > 0.99
    assert result.rates[0].true_positive_rate > 0.9


def test_intervals_of_a_guess_hold_a_half_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    guesses = [membership(rng.random(100), rng.random(100), rng) for _ in range(20)]
    assert sum(guess.auc_low < 0.5 < guess.auc_high for guess in guesses) >= 17


def test_bad_requests_are_refused() -> None:
    for members, others in (([], [1.0]), ([1.0], []), ([np.nan], [1.0])):
        with pytest.raises(UserError, match="finite scores of members and others"):
            membership(np.array(members), np.array(others), np.random.default_rng(0))
