"""Standard errors and paired comparisons by hand. Run: pytest tests/eval/test_statistics.py."""

from __future__ import annotations

import numpy as np
import pytest

from eval.statistics import mcnemar_p_value, paired_difference, share_standard_error, wilson_interval
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
