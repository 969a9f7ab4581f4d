"""How sure a number is: standard errors, intervals, and paired comparisons over the same queries.

Two encoders answer the same queries, so their difference is judged query by query (paired): most queries are answered
alike and cancel out, and the interval is far narrower than that of two independent shares. Nothing here assumes a
normal distribution except the standard error itself, which is what tables of the field print.

Letters: Q queries, R resamples.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

Z_95 = 1.959963984540054
"""97.5 % point of the standard normal distribution."""

Correct = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """Accuracy of A minus accuracy of B on the same queries.

    Attributes:
        value: the difference, -1..1.
        standard_error: of the difference, paired.
        low: lower end of the 95 % interval (bootstrap percentiles).
        high: upper end.
        p_value: two-sided exact McNemar test of no difference.
        num_queries: Q.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    num_queries: int


def share_standard_error(share: float, count: int) -> float:
    """Binomial standard error sqrt(p (1 - p) / n) of a share `p` of `n` independent cases.

    It is 0 at shares 0 and 1, where it means "none seen", not "certain"; use `wilson_interval` there.

    Raises:
        UserError: if the share is outside 0..1 or there are no cases.
    """
    if not 0 <= share <= 1 or count < 1:
        raise UserError(f"a share needs 0 <= share <= 1 and count >= 1, received {share} of {count}")
    return math.sqrt(share * (1 - share) / count)


def mean_standard_error(values: npt.NDArray[np.float64]) -> float:
    """Standard error of the mean of independent cases: sqrt(mean squared deviation / n).

    With the divisor n, not n - 1, it equals `share_standard_error` on zeros and ones, so that one table has one rule.

    Raises:
        UserError: if the values are not (n,), at least one of them, all finite.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise UserError(f"a mean needs at least one finite value, received {values.shape}: {values[:3]}")
    return float(values.std() / math.sqrt(values.size))


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927), good at small counts and near 0 and 1.

    Raises:
        UserError: if the share is outside 0..1 or there are no cases.
    """
    share_standard_error(share, count)  # refuses what is no share
    shrink = 1 + Z_95**2 / count
    centre = (share + Z_95**2 / (2 * count)) / shrink
    half = Z_95 / shrink * math.sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def paired_difference(
    correct_a: Correct, correct_b: Correct, generator: np.random.Generator, num_resamples: int = 10_000
) -> Difference:
    """Compare two encoders (or settings) on the same queries.

        for each resample: draw Q queries with replacement; difference = mean(correct_a) - mean(correct_b)

    The difference at one query is -1, 0 or +1, so a resample is one multinomial draw of three counts: the same
    distribution as drawing queries, at a cost that does not depend on Q.

    Args:
        correct_a: (Q,) whether A answered each query rightly.
        correct_b: (Q,) the same for B, same order.
        generator: source of the resamples.
        num_resamples: R.

    Raises:
        UserError: if the arrays differ in shape or are empty.
    """
    if correct_a.shape != correct_b.shape or correct_a.ndim != 1 or not correct_a.size:
        raise UserError(f"a paired comparison needs two equal (Q,) arrays, got {correct_a.shape}, {correct_b.shape}")
    Q = correct_a.size
    only_a = int((correct_a & ~correct_b).sum())
    only_b = int((correct_b & ~correct_a).sum())
    value = (only_a - only_b) / Q
    counts = generator.multinomial(Q, [only_a / Q, only_b / Q, 1 - (only_a + only_b) / Q], size=num_resamples)
    low, high = np.quantile((counts[:, 0] - counts[:, 1]) / Q, [0.025, 0.975])
    return Difference(
        value=value,
        standard_error=math.sqrt(max(0.0, (only_a + only_b) / Q - value**2) / Q),
        low=float(low),
        high=float(high),
        p_value=mcnemar_p_value(only_a, only_b),
        num_queries=Q,
    )


def mcnemar_p_value(only_a: int, only_b: int) -> float:
    """Two-sided exact McNemar test (1947): are the queries that one of the two got right split like coin throws?

    Args:
        only_a: queries that A alone answered rightly.
        only_b: queries that B alone answered rightly.
    """
    from scipy.stats import binomtest

    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)
