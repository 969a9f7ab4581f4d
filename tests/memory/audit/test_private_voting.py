"""Private votes: sensitivity by force, noise as stated, the budget as published, and bad budgets refused.

Letters: N entries, Q queries, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest

from memory.audit.private_voting import (
    L2_SENSITIVITY,
    UTILITY_SENSITIVITY,
    Mechanism,
    PrivateVoting,
    calibrated,
    depth_for_sampling,
    gaussian,
    gumbel,
    private_vote,
    sampled,
    uniforms,
    vote_counts,
)
from memory.neighbors import Neighbors
from memory.search import exact_search
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
LEAST_P = 1e-4
"""Of a statistical test with a fixed seed: it passes or fails for ever."""


@pytest.mark.parametrize("k", [1, 3, 8, 29, 30, 40])
def test_counts_of_neighbouring_memories_differ_as_derived(k: int, unit_rows: MakeUnitRows) -> None:
    entries, queries = np.concatenate([unit_rows(25, 3, 1), unit_rows(5, 3, 1)]), unit_rows(20, 3, 2)
    labels = np.random.default_rng(0).integers(0, 4, 30)
    counts = vote_counts(exact_search(queries, entries, k, labels=labels), k, 4)
    largest = [0.0, 0.0, 0.0]
    for n in range(30):
        rest = np.arange(30) != n
        fewer = vote_counts(
            exact_search(queries, entries[rest], k, ids=np.flatnonzero(rest), labels=labels[rest]), k, 4
        )
        change = counts - fewer
        norms = np.abs(change).sum(axis=1), np.sqrt((change**2).sum(axis=1)), np.abs(change).max(axis=1)
        largest = [max(most, float(norm.max())) for most, norm in zip(largest, norms, strict=True)]
    if k < 30:
        np.testing.assert_allclose(largest, [2, L2_SENSITIVITY, UTILITY_SENSITIVITY])
    else:
        np.testing.assert_allclose(largest, [1, 1, 1])  # nobody moves in


def listed(*labels: int) -> Neighbors:
    K = len(labels)
    return Neighbors(
        ids=np.arange(K)[None], labels=np.array([labels]), similarities=np.linspace(0.9, 0.1, K)[None], memory_size=50
    )


def repeated(neighbors: Neighbors, times: int) -> Neighbors:
    return neighbors.rows(np.zeros(times, np.int64))


def test_noise_has_the_stated_distribution() -> None:
    from scipy.stats import gumbel_r, kstest, norm

    for chance in (np.random.default_rng(0), None):
        draws = uniforms((20_000,), chance)
        assert 0 < draws.min() < draws.max() < 1
        assert kstest(draws, "uniform").pvalue > LEAST_P
        assert kstest(gaussian(draws), norm.cdf).pvalue > LEAST_P
        assert kstest(gumbel(draws), gumbel_r.cdf).pvalue > LEAST_P


def test_the_exponential_mechanism_draws_with_its_probabilities() -> None:
    from scipy.stats import chisquare

    times, epsilon = 40_000, 1.5
    answers = private_vote(
        repeated(listed(0, 0, 0, 1, 2), times),
        5,
        num_classes=4,
        voting=PrivateVoting(mechanism="exponential", epsilon=epsilon),
        chance=np.random.default_rng(1),
    )
    weights = np.exp(epsilon * np.array([3, 1, 1, 0]) / 2)
    observed = np.bincount(answers, minlength=4)
    assert chisquare(observed, times * weights / weights.sum()).pvalue > LEAST_P


def test_the_gaussian_mechanism_draws_with_its_probabilities() -> None:
    from scipy.stats import binomtest, norm

    # two classes, 3 votes to 1: the first wins if N(0, 2 sigma^2) > -2 with sigma = 1.2 sqrt(2)
    times, multiplier = 40_000, 1.2
    answers = private_vote(
        repeated(listed(0, 0, 1, 0), times),
        4,
        num_classes=2,
        voting=PrivateVoting(noise_multiplier=multiplier),
        chance=np.random.default_rng(2),
    )
    expected = norm.cdf(2 / (multiplier * math.sqrt(2) * math.sqrt(2)))
    assert binomtest(int((answers == 0).sum()), times, expected).pvalue > LEAST_P


def test_likelihood_ratios_of_neighbouring_memories_stay_within_epsilon() -> None:
    # the worst case by hand: one vote moves from class 0 to class 1
    epsilon = 0.8
    for before, after in (([2, 1, 0], [1, 2, 0]), ([1, 0, 0], [0, 1, 0])):
        p, q = (np.exp(epsilon * np.array(counts) / 2) for counts in (before, after))
        ratios = np.abs(np.log((p / p.sum()) / (q / q.sum())))
        assert ratios.max() <= epsilon + 1e-12


def test_a_poisson_sample_is_the_sample_of_the_whole_memory() -> None:
    from scipy.stats import chisquare

    neighbors = repeated(listed(*([0] * 12)), 30_000)
    whole = Neighbors(ids=neighbors.ids, labels=neighbors.labels, similarities=neighbors.similarities, memory_size=12)
    found = sampled(whole, 2, 0.5, np.random.default_rng(3))
    first = found.ids[:, 0]  # rank r with probability 2^-(r+1); nobody with 2^-12
    observed = np.bincount(np.where(first < 0, 12, first), minlength=13)
    expected = 30_000 * np.append(0.5 ** np.arange(1, 13), 0.5**12)
    tail = slice(8, None)
    observed, expected = (np.append(x[:8], x[tail].sum()) for x in (observed, expected))
    assert chisquare(observed, expected).pvalue > LEAST_P
    assert (found.ids[:, 0] < found.ids[:, 1])[found.ids[:, 1] >= 0].all()
    with pytest.raises(UserError, match=r"lists of 12 neighbours are too short to sample 2 .* search for \d+"):
        sampled(neighbors, 2, 0.1, np.random.default_rng(0))
    assert sampled(neighbors, 2, 1.0).ids.tolist() == neighbors.first(2).ids.tolist()
    assert depth_for_sampling(20, 0.1) > 20 / 0.1


def test_the_budget_of_one_gaussian_answer_is_the_analytic_one() -> None:
    from scipy.stats import norm

    # Balle and Wang 2018, theorem 8: delta as a function of epsilon at sensitivity 1
    for multiplier, answers in ((1.0, 1), (3.0, 1), (8.0, 16)):
        z = multiplier / math.sqrt(answers)
        epsilon = PrivateVoting(noise_multiplier=multiplier).spent(answers, 1e-5)
        delta = norm.cdf(0.5 / z - epsilon * z) - math.exp(epsilon) * norm.cdf(-0.5 / z - epsilon * z)
        assert delta == pytest.approx(1e-5, rel=0.02)


def test_the_budget_of_pure_epsilon_adds_up_at_most_and_sampling_lowers_it() -> None:
    one = PrivateVoting(mechanism="exponential", epsilon=0.5)
    assert one.spent(1, 1e-9) == pytest.approx(0.5, abs=1e-3)
    assert 0.5 < one.spent(20, 1e-5) < 20 * 0.5
    amplified = PrivateVoting(mechanism="exponential", epsilon=0.5, sampling_rate=0.1)
    assert amplified.spent(1, 1e-9) == pytest.approx(math.log1p(0.1 * math.expm1(0.5)), abs=1e-3)
    whole, part = (PrivateVoting(noise_multiplier=2.0, sampling_rate=rate).spent(10, 1e-5) for rate in (1.0, 0.1))
    assert part < whole / 3


@pytest.mark.parametrize(("mechanism", "rate"), [("gaussian", 1.0), ("gaussian", 0.3), ("exponential", 0.5)])
def test_calibration_meets_the_budget_with_no_noise_to_spare(mechanism: Mechanism, rate: float) -> None:
    made = calibrated(mechanism, epsilon=2.0, delta=1e-5, num_answers=30, sampling_rate=rate)
    assert 2.0 * 0.98 < made.spent(30, 1e-5) <= 2.0 + 1e-3  # the accountant's own grid is 1e-4


def test_more_budget_is_more_accurate_and_no_noise_is_plurality() -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random((400, 15)) < 0.5, 3, rng.integers(0, 10, (400, 15)))
    neighbors = Neighbors(
        ids=np.tile(np.arange(15), (400, 1)),
        labels=labels,
        similarities=np.tile(np.linspace(0.9, 0.1, 15), (400, 1)),
        memory_size=100,
    )
    for mechanism in get_args(Mechanism):
        accuracy = []
        for epsilon in (0.1, 1.0, 3.0):
            voting = calibrated(mechanism, epsilon=epsilon, delta=1e-5, num_answers=1)
            answers = private_vote(neighbors, 15, num_classes=10, voting=voting, chance=np.random.default_rng(5))
            accuracy.append(float(np.mean(answers == 3)))
        assert accuracy[0] < accuracy[1] < accuracy[2]
    quiet = PrivateVoting(noise_multiplier=1e-6)
    counts = vote_counts(neighbors, 15, 10)
    answers = private_vote(neighbors, 15, num_classes=10, voting=quiet)
    assert (np.take_along_axis(counts, answers[:, None], 1)[:, 0] == counts.max(axis=1)).all()
    seeded = PrivateVoting()
    one, two = (
        private_vote(neighbors, 15, num_classes=10, voting=seeded, chance=np.random.default_rng(1)) for _ in range(2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, private_vote(neighbors, 15, num_classes=10, voting=seeded))


def test_bad_requests_are_refused() -> None:
    for epsilon in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(UserError, match="must be above 0 and finite"):
            calibrated("gaussian", epsilon=epsilon, delta=1e-5, num_answers=1)
        with pytest.raises(UserError, match="epsilon is"):
            PrivateVoting(mechanism="exponential", epsilon=epsilon)
    for rate in (0.0, 1.1):
        with pytest.raises(UserError, match="sampling_rate"):
            PrivateVoting(sampling_rate=rate)
    with pytest.raises(UserError, match="did you mean 'gaussian'"):
        PrivateVoting(mechanism="gauss")  # type: ignore[arg-type]
    for answers, delta in ((0, 1e-5), (1, 0.0), (1, 1.0)):
        with pytest.raises(UserError, match="0 < delta < 1"):
            PrivateVoting().spent(answers, delta)
    with pytest.raises(UserError, match="label 2 is outside the 2 classes"):
        vote_counts(listed(0, 2), 2, 2)
    with pytest.raises(UserError, match="private votes are unweighted"):
        vote_counts(listed(0, 1).weighted(np.arange(2), np.array([1.0, 0.5])), 2, 2)
