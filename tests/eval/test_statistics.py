"""Standard errors and paired comparisons by hand. Run: pytest tests/eval/test_statistics.py."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from eval.statistics import (
    auroc_standard_error,
    equivalence_of_answers,
    equivalence_of_means,
    holm,
    mcnemar_p_value,
    mean_standard_error,
    paired_difference,
    power,
    queries_needed,
    share_standard_error,
    shared_standard_error,
    wilson_interval,
    z_test,
)
from procgen.seeds import generator
from procmem.errors import UserError


def answers(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return np.array(a), np.array(b)


def test_binomial_standard_error_by_hand() -> None:
    assert share_standard_error(0.5, 100) == pytest.approx(0.05)
    assert share_standard_error(0.2, 400) == pytest.approx(0.02)
    assert share_standard_error(1.0, 10) == 0.0


def test_wilson_interval_by_hand() -> None:
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662, 0 of 20 gives 0 to 0.1611
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_exact_mcnemar_by_hand() -> None:
    # 5 against 1: 2 * (1 + 6) / 2^6
    assert mcnemar_p_value(5, 1) == pytest.approx(2 * 7 / 64)
    assert mcnemar_p_value(3, 3) == 1.0
    assert mcnemar_p_value(0, 0) == 1.0


def test_a_paired_difference_by_hand() -> None:
    a, b = answers(50, 20, 10, 20)
    found = paired_difference(a, b, generator(0, "test"))
    assert found.value == pytest.approx(0.10)
    assert found.standard_error == pytest.approx(((0.30 - 0.01) / 100) ** 0.5)
    assert found.p_value == pytest.approx(mcnemar_p_value(20, 10))
    assert found.num_queries == 100


def test_the_bootstrap_equals_resampling_queries_one_by_one() -> None:
    a, b = answers(120, 40, 20, 70)
    found = paired_difference(a, b, generator(1, "ours"), num_resamples=20_000)
    rows = generator(1, "slow").integers(0, 250, (20_000, 250))
    slow = (a[rows].mean(axis=1) - b[rows].mean(axis=1)).astype(float)
    assert found.low == pytest.approx(np.quantile(slow, 0.025), abs=0.0041)  # one query is 0.004
    assert found.high == pytest.approx(np.quantile(slow, 0.975), abs=0.0041)


def test_pairing_is_narrower_than_two_independent_shares() -> None:
    a, b = answers(450, 30, 20, 500)
    independent = (share_standard_error(a.mean(), 1000) ** 2 + share_standard_error(b.mean(), 1000) ** 2) ** 0.5
    assert paired_difference(a, b, generator(0, "x")).standard_error < independent / 3


def test_swapping_the_two_swaps_the_sign() -> None:
    a, b = answers(5, 4, 2, 9)
    first, second = paired_difference(a, b, generator(0, "x")), paired_difference(b, a, generator(0, "x"))
    assert (first.value, first.p_value) == (-second.value, second.p_value)


def test_equal_answers_differ_by_exactly_nothing() -> None:
    a, _ = answers(5, 0, 0, 5)
    found = paired_difference(a, a, generator(0, "x"))
    assert (found.value, found.standard_error, found.low, found.high, found.p_value) == (0, 0, 0, 0, 1)


def test_what_is_no_share_or_no_pair_is_refused() -> None:
    with pytest.raises(UserError, match=r"received 1\.2 of 5"):
        share_standard_error(1.2, 5)
    with pytest.raises(UserError, match=r"received 0\.5 of 0"):
        wilson_interval(0.5, 0)
    with pytest.raises(UserError, match="two equal"):
        paired_difference(np.ones(3, bool), np.ones(4, bool), generator(0, "x"))


def test_the_standard_error_of_a_mean_is_the_binomial_one_on_answers() -> None:
    assert mean_standard_error(np.array([1.0] * 20 + [0.0] * 80)) == pytest.approx(share_standard_error(0.2, 100))
    assert mean_standard_error(np.array([1.0, 2.0, 6.0])) == pytest.approx((14 / 3 / 3) ** 0.5)
    with pytest.raises(UserError, match="finite"):
        mean_standard_error(np.array([1.0, np.nan]))


def test_shared_photographs_by_listing_every_pair_of_cases() -> None:
    chance = generator(5, "test")
    members = np.array([chance.choice(9, 3, replace=False) for _ in range(40)])
    values = chance.normal(size=40) + members.sum(axis=1)
    errors = values - values.mean()
    total = sum(
        errors[s] * errors[t]
        for s, t in itertools.product(range(40), repeat=2)
        if set(members[s].tolist()) & set(members[t].tolist())
    )
    assert total > 0
    assert shared_standard_error(values, members) == pytest.approx(math.sqrt(total) / 40)


def test_members_of_their_own_change_nothing_and_clusters_act_as_one_case() -> None:
    values = np.array([1.0, 0.0, 0.0, 1.0])
    assert shared_standard_error(values, np.arange(4)[:, None]) == pytest.approx(mean_standard_error(values))
    assert shared_standard_error(values, np.array([[0, 0], [1, 1], [2, 3], [4, 4]])) == pytest.approx(0.25)
    pairs = np.array([1.0, 1.0, 0.0, 0.0])  # two clusters of two equal cases: as uncertain as two cases
    assert shared_standard_error(pairs, np.array([[5], [5], [8], [8]])) == pytest.approx(
        mean_standard_error(np.array([1.0, 0.0]))
    )


def test_the_papers_z_test_on_its_own_numbers() -> None:
    # Places .8331 against Shaders .8169 on 1720 triplets: "equivalent to the 5 % level" (they mean: no difference)
    found = z_test(0.8331, 1720, 0.8169, 1720)
    pooled = 0.825
    assert found.statistic == pytest.approx(0.0162 / math.sqrt(pooled * (1 - pooled) * 2 / 1720), rel=1e-4)
    assert found.p_value == pytest.approx(2 * norm.sf(found.statistic))
    assert found.p_value == pytest.approx(0.21, abs=0.005)
    assert z_test(1.0, 5, 1.0, 5).p_value == 1.0


def test_finding_no_difference_is_not_showing_equivalence() -> None:
    # 40 against 30 of 200 disagree: McNemar finds nothing, and the two may still differ by far more than 1 %
    assert mcnemar_p_value(40, 30) > 0.2
    assert equivalence_of_answers(40, 30, 200, 0.01).p_value > 0.5
    assert equivalence_of_answers(40, 40, 20_000, 0.01).p_value < 1e-6


def test_tangos_statistic_by_maximising_the_likelihood_numerically() -> None:
    b, c, n, margin = 12, 7, 100, 0.1

    def statistic(only_a: int, only_b: int) -> float:
        def loss(share_b: float) -> float:
            share_a = share_b - margin
            rest = 1 - share_a - share_b
            return -(only_a * math.log(share_a) + only_b * math.log(share_b) + (n - only_a - only_b) * math.log(rest))

        best = minimize_scalar(loss, bounds=(margin + 1e-9, (1 + margin) / 2 - 1e-9), method="bounded").x
        variance = n * (2 * best - margin - margin**2)
        return (only_a - only_b + n * margin) / math.sqrt(variance)

    worst = min(statistic(b, c), statistic(c, b))
    found = equivalence_of_answers(b, c, n, margin)
    assert found.statistic == pytest.approx(worst, rel=1e-4)
    assert found.p_value == pytest.approx(norm.sf(worst), rel=1e-3)


def test_few_queries_without_disagreement_prove_nothing() -> None:
    # by hand: without any disagreement the most likely share_b is the margin, and the statistic as below
    assert equivalence_of_answers(0, 0, 10, 0.01).statistic == pytest.approx(math.sqrt(10 * 0.01 / 0.99))
    assert equivalence_of_answers(0, 0, 10, 0.01).p_value > 0.3
    assert equivalence_of_answers(0, 0, 10_000, 0.01).p_value < 0.001


def test_equivalence_of_means_by_hand() -> None:
    # 0.01 and standard error 0.005 within 0.02: (0.02 - 0.01) / 0.005 = 2
    assert equivalence_of_means(0.01, 0.005, 0.02).p_value == pytest.approx(norm.sf(2))
    assert equivalence_of_means(-0.01, 0.005, 0.02).statistic == pytest.approx(2)
    assert equivalence_of_means(0.03, 0.005, 0.02).p_value == pytest.approx(norm.sf(-2))


def test_holms_correction_by_hand() -> None:
    # Holm (1979): 0.01 * 4, then 0.02 * 3, 0.03 * 2, 0.04 * 1, each at least the one before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(UserError, match="lie in 0 to 1"):
        holm([1.2])


def test_power_agrees_with_counting_all_outcomes() -> None:
    difference, disagreement, Q = 0.06, 0.2, 400

    def exact(level: float = 0.05) -> float:
        """P(the test without exactness' caution rejects): over how many disagree, then how they split."""
        total = 0.0
        for D in range(1, Q + 1):
            share = (disagreement + difference) / 2 / disagreement
            split = np.arange(D + 1)
            rejects = np.abs(2 * split - D) / math.sqrt(D) > norm.ppf(1 - level / 2)
            total += binom.pmf(D, Q, disagreement) * binom.pmf(split, D, share)[rejects].sum()
        return total

    assert power(difference, disagreement, Q) == pytest.approx(exact(), abs=0.02)
    assert power(0.0, 0.2, 400) == pytest.approx(0.025)


def test_queries_needed_is_where_power_arrives() -> None:
    needed = queries_needed(0.02, 0.15)
    assert power(0.02, 0.15, needed) >= 0.8 > power(0.02, 0.15, needed - 1)
    # by hand: ((1.95996 sqrt(.15) + .84162 sqrt(.1496)) / .02)^2
    assert needed == math.ceil(((1.959964 * 0.15**0.5 + 0.841621 * 0.1496**0.5) / 0.02) ** 2)
    with pytest.raises(UserError, match="no number of queries"):
        queries_needed(0.0, 0.1)
    with pytest.raises(UserError, match="as much disagreement"):
        power(0.2, 0.1, 100)


def test_the_error_of_an_auroc_equals_delongs_by_listing_all_pairs() -> None:
    chance = generator(7, "test")
    known, novel = chance.normal(size=15).round(1), chance.normal(0.8, 1, 11).round(1)
    wins = np.array([[1.0 if n > k else 0.5 if n == k else 0.0 for k in known] for n in novel])
    expected = wins.mean(axis=1).var(ddof=1) / 11 + wins.mean(axis=0).var(ddof=1) / 15
    assert auroc_standard_error(known, novel) == pytest.approx(expected**0.5)
    with pytest.raises(UserError, match="both sides"):
        auroc_standard_error(known, novel[:0])
