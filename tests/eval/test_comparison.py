"""Comparisons of scores by name. Run: pytest tests/eval/test_comparison.py."""

from __future__ import annotations

import numpy as np
import pytest

from eval.comparison import compare, corrected
from eval.statistics import equivalence_of_answers, mcnemar_p_value, z_test
from eval.task import Score
from eval.tasks.embedded import mean_score
from procmem.errors import UserError


def score(values: list[float], names: str, members: np.ndarray | None = None) -> Score:
    return Score(
        metric="m", value=float(np.mean(values)), n=len(values), standard_error=0.1,
        per_case=np.array(values, np.float64), case_names=tuple(names), case_members=members,
    )  # fmt: skip


def test_cases_are_matched_by_name_and_only_common_ones_count() -> None:
    a, b = score([1, 1, 0, 1], "abcx"), score([1, 0, 0, 1, 1], "cbayz")
    found = compare(a, b)
    # common: a (1, 0), b (1, 0), c (0, 1)
    assert found.difference.value == pytest.approx(1 / 3)
    assert found.difference.num_queries == 3
    assert found.difference.p_value == pytest.approx(mcnemar_p_value(2, 1))
    assert found.num_left_out == 1 + 2
    assert found.unpaired == z_test(2 / 3, 3, 1 / 3, 3)
    assert found.equivalence == equivalence_of_answers(2, 1, 3, 0.01)


def test_numbers_that_are_no_answers_use_their_spread() -> None:
    found = compare(score([0.5, 1, 3], "abc"), score([0.5, 0, 1], "abc"))
    assert found.difference.value == pytest.approx(1.0)
    assert found.difference.standard_error == pytest.approx((2 / 3 / 3) ** 0.5)
    assert found.unpaired is None
    assert found.equivalence is not None
    assert found.equivalence.p_value > 0.5


def test_triplets_that_share_photographs_are_compared_over_photographs() -> None:
    values, names = [1.0] * 30 + [0.0] * 30, "".join(chr(200 + i) for i in range(60))
    members = np.repeat(np.arange(6), 10)[:, None]
    alone, together = (compare(score(values, names, m), score([0.0] * 60, names, m)) for m in (None, members))
    assert together.difference.standard_error > 2 * alone.difference.standard_error
    assert (alone.difference.test, alone.difference.p_value) == ("McNemar", mcnemar_p_value(30, 0))
    # no difference is left where all six draws fall on the three photographs without one: (1/2)^6, on two sides
    assert (together.difference.test, together.difference.p_value) == (
        "resampled members",
        pytest.approx(1 / 32, abs=0.012),
    )
    assert together.difference.low > 0


def test_members_that_no_two_cases_share_leave_the_cases_independent() -> None:
    a, b = score([1, 1, 0], "abc", np.arange(9).reshape(3, 3)), score([0, 0, 1], "abc", np.arange(9).reshape(3, 3))
    assert compare(a, b) == compare(score([1, 1, 0], "abc"), score([0, 0, 1], "abc"))


def test_a_tables_p_values_are_corrected_together() -> None:
    a = score([1] * 8 + [0], "abcdefghi")
    first, second = compare(a, score([0] * 9, "abcdefghi")), compare(a, score([1] * 9, "abcdefghi"))
    table = corrected([first, second])
    assert table[0].adjusted_p_value == pytest.approx(2 * first.difference.p_value)
    assert table[1].adjusted_p_value == second.difference.p_value == 1


def test_scores_without_common_ground_are_refused() -> None:
    with pytest.raises(UserError, match="no case in common"):
        compare(score([1], "a"), score([1], "b"))
    with pytest.raises(UserError, match="only scores of one metric"):
        compare(score([1], "a"), mean_score("other", np.array([1.0]), ("a",)))
    with pytest.raises(UserError, match=r"members of shape \(2, 1\)"):
        score([1], "a", np.zeros((2, 1), np.int64))
