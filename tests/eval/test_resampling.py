"""Bootstraps against enumeration and formulas. Run: pytest tests/eval/test_resampling.py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import permutation_test

from eval.resampling import bootstrap_means, mean_difference, resampled_p_value, seeds_difference
from eval.statistics import mean_standard_error, shared_standard_error
from procgen.seeds import generator
from procmem.errors import UserError


def test_resampled_means_of_three_cases_have_the_enumerated_distribution() -> None:
    values = np.array([0.0, 1.0, 5.0])
    every = np.array([values[list(rows)].mean() for rows in itertools.product(range(3), repeat=3)])
    found = bootstrap_means(values, generator(0, "t"), num_resamples=40_000)
    assert found.mean() == pytest.approx(every.mean(), abs=0.02)
    assert found.std() == pytest.approx(every.std(), rel=0.02)
    assert np.unique(found.round(9)).tolist() == np.unique(every.round(9)).tolist()


def test_a_photograph_takes_all_its_cases_along() -> None:
    # cases 0 and 1 share photograph 7: with two members the mean is 0, 1/3... only through whole photographs
    values, members = np.array([0.0, 0.0, 1.0]), np.array([[7], [7], [9]])
    found = bootstrap_means(values, generator(0, "t"), members=members, num_resamples=4000)
    assert np.unique(found.round(9)) == pytest.approx([0, 1 / 3, 1])
    assert (found == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_a_triplet_counts_as_often_as_the_product_of_its_photographs_counts() -> None:
    members = np.array([[0, 1, 2], [0, 1, 3], [2, 3, 4]])
    values = np.array([1.0, 2.0, 4.0])
    every, chances = [], []
    for drawn in itertools.product(range(5), repeat=5):
        counts = np.bincount(drawn, minlength=5)
        weights = counts[members].prod(axis=1)
        if weights.sum():
            every.append(weights @ values / weights.sum())
    found = bootstrap_means(values, generator(1, "t"), members=members, num_resamples=20_000)
    chances = [np.mean(np.isclose(every, value)) for value in (1, 2, 4)]
    assert [np.mean(np.isclose(found, value)) for value in (1, 2, 4)] == pytest.approx(chances, abs=0.015)


def test_the_sign_flip_test_agrees_with_scipys_exact_one() -> None:
    chance = generator(3, "t")
    a, b = chance.normal(0.2, 1, 12), chance.normal(0, 1, 12)
    exact = permutation_test(
        (a, b),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    ).pvalue
    found = mean_difference(a, b, generator(0, "t"), num_resamples=20_000)
    assert 0.05 < exact < 0.9
    assert found.p_value == pytest.approx(exact, abs=0.015)
    assert found.standard_error == pytest.approx(mean_standard_error(a - b))
    assert found.num_queries == 12
    assert found.low < found.value < found.high


def test_shared_photographs_widen_a_difference() -> None:
    chance = generator(4, "t")
    of_photograph = chance.normal(size=20)
    photographs = np.repeat(np.arange(20), 30)
    differences = of_photograph[photographs] + 0.1 * chance.normal(size=600)
    alone = mean_difference(differences, np.zeros(600), generator(0, "t"))
    together = mean_difference(differences, np.zeros(600), generator(0, "t"), members=photographs[:, None])
    assert together.standard_error > 4 * alone.standard_error
    assert together.high - together.low > 4 * (alone.high - alone.low)
    assert together.p_value > alone.p_value
    assert together.standard_error == pytest.approx(shared_standard_error(differences, photographs[:, None]))
    spread = bootstrap_means(differences, generator(0, "t"), members=photographs[:, None]).std()
    assert spread == pytest.approx(together.standard_error, rel=0.08)


def test_the_p_value_of_resamples_by_hand() -> None:
    assert resampled_p_value(np.array([-1, 0, 1, 2, 3, 4, 5, 6, 7]) / 10) == pytest.approx((1 + 2 * 2) / 10)
    assert resampled_p_value(-np.array([-1, 0, 1, 2, 3, 4, 5, 6, 7]) / 10) == pytest.approx((1 + 2 * 2) / 10)
    assert resampled_p_value(np.ones(9)) == pytest.approx(1 / 10)
    assert resampled_p_value(np.zeros(9)) == 1


def test_three_photographs_of_which_one_speaks_against() -> None:
    # +1 +1 | +1 +1 | -1 -1: a resample is not above 0 where the third is drawn twice or more, 7 of 27 times
    differences, photographs = np.array([1.0, 1, 1, 1, -1, -1]), np.array([0, 0, 1, 1, 2, 2])[:, None]
    found = mean_difference(differences, np.zeros(6), generator(0, "t"), members=photographs, num_resamples=20_000)
    assert (found.test, found.p_value) == ("resampled members", pytest.approx(2 * 7 / 27, abs=0.02))


def test_where_cases_share_photographs_the_p_value_and_the_interval_agree() -> None:
    agreed = set()
    for number in range(30):
        chance = generator(number, "t")
        photographs = chance.integers(0, 25, (80, 3))
        a, b = (chance.random((2, 80)) < np.array([[0.7], [0.5]])).astype(np.float64)
        found = mean_difference(a, b, chance, members=photographs, num_resamples=500)
        excluded = found.low > 0 or found.high < 0
        assert found.p_value < 0.056 if excluded else found.p_value > 0.044  # a resample at the border is 2 / 500
        agreed.add(excluded)
    assert agreed == {True, False}


def test_two_ways_of_training_are_compared_over_seeds_and_queries() -> None:
    a = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]], float)
    b = np.array([[1, 0, 0, 0], [1, 1, 0, 0]], float)
    found = seeds_difference(a, b, generator(0, "t"), num_resamples=20_000)
    means_a, means_b = np.array([0.75, 0.5, 1.0]), np.array([0.25, 0.5])
    assert found.value == pytest.approx(0.75 - 0.375)
    of_seeds = means_a.var(ddof=1) / 3 + means_b.var(ddof=1) / 2
    of_queries = (a.mean(0) - b.mean(0)).var() / 4
    assert found.standard_error == pytest.approx((of_seeds + of_queries) ** 0.5)
    slow_chance, slow = generator(1, "slow"), []
    for _ in range(4000):
        queries = slow_chance.integers(0, 4, 4)
        slow.append(
            a[slow_chance.integers(0, 3, 3)][:, queries].mean() - b[slow_chance.integers(0, 2, 2)][:, queries].mean()
        )
    assert [found.low, found.high] == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.06)


def test_equal_values_differ_by_nothing() -> None:
    found = mean_difference(np.ones(5), np.ones(5), generator(0, "t"))
    assert (found.value, found.standard_error, found.p_value, found.low, found.high) == (0, 0, 1, 0, 0)
    shared = mean_difference(np.ones(5), np.ones(5), generator(0, "t"), members=np.zeros((5, 1), np.int64))
    assert (shared.value, shared.p_value) == (0, 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="equal arrays"):
        mean_difference(np.ones(3), np.ones(4), generator(0, "t"))
    with pytest.raises(UserError, match="finite"):
        bootstrap_means(np.array([1.0, np.nan]), generator(0, "t"))
    with pytest.raises(UserError, match=r"need members \(n, m\)"):
        bootstrap_means(np.ones(3), generator(0, "t"), members=np.zeros((2, 1), np.int64))
    with pytest.raises(UserError, match="2 seeds or more a side"):
        seeds_difference(np.ones((1, 4)), np.ones((2, 4)), generator(0, "t"))
