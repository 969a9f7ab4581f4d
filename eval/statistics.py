"""How sure a number is: standard errors, intervals, tests, corrections and power, for every table of an evaluation.

Two encoders answer the same queries, so their difference is judged query by query (paired): most queries are answered
alike and cancel out, and the interval is far narrower than that of two independent shares. Where cases share something
(photographs that stand in many triplets, seeds), they are no independent cases, and the standard error says so. The
papers' own tests stand beside ours, so that their claims can be replayed: an unpaired z-test that finds no difference
does not show equivalence, which needs a test of its own (TOST).

Nothing assumes a normal distribution except where a function says so. `eval.resampling` has the bootstraps,
`eval.comparison` what a table needs.

Letters: Q queries, R resamples, n cases, m members of a case.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

Z_95 = 1.959963984540054
"""97.5 % point of the standard normal distribution."""

Correct = npt.NDArray[np.bool_]
Members = npt.NDArray[np.int64]
"""(n, m) what each case is made of (photographs, seeds); cases that have a member in common are not independent."""
Test = Literal["McNemar", "sign flips", "resampled members", "Welch"]
"""Where a p-value is from; "resampled members" is `eval.resampling.resampled_p_value`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """Accuracy (or another mean) of A minus that of B on the same queries.

    Attributes:
        value: the difference.
        standard_error: of the difference, paired.
        low: lower end of the 95 % interval (bootstrap percentiles).
        high: upper end.
        p_value: two-sided test of no difference.
        test: which test that is.
        num_queries: Q.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    test: Test
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


def shared_standard_error(values: npt.NDArray[np.float64], members: Members) -> float:
    """Standard error of the mean of cases that have members in common.

        variance of the mean = sum over pairs of cases (s, t) with a common member of e_s e_t / n^2,  e = value - mean

    the dyadic-robust variance (Aronow, Samii and Assenova 2015, "Cluster-robust variance estimation for dyadic data"),
    for any number of members. The pairs are never listed: by inclusion and exclusion the sum is that of squared sums
    over cases with a given member, less those with two given members, plus those with three, and so on. With one
    member a case it is the usual cluster-robust one, with members of their own `mean_standard_error`, below which it
    never goes.

    Args:
        values: (n,) numbers.
        members: (n, m); a member named twice in a case counts once.

    Raises:
        UserError: if shapes do not fit, or for what `mean_standard_error` refuses.
    """
    values, members = np.asarray(values, np.float64), np.asarray(members)
    alone = mean_standard_error(values)
    if members.ndim != 2 or len(members) != len(values) or not members.shape[1]:
        raise UserError(f"{len(values)} cases need members (n, m), received {members.shape}")
    errors = values - values.mean()
    ordered = np.sort(np.unique(members, return_inverse=True)[1].reshape(members.shape), axis=1).astype(np.int64)
    repeated = np.zeros(ordered.shape, bool)
    repeated[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    ordered[repeated] = ordered.max() + 1 + np.arange(repeated.sum())  # a member of its own changes nothing
    ordered.sort(axis=1)
    total = 0.0
    for size in range(1, members.shape[1] + 1):
        keys = np.concatenate([ordered[:, chosen] for chosen in itertools.combinations(range(members.shape[1]), size)])
        which = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        sums = np.bincount(which, weights=np.tile(errors, len(keys) // len(errors)))
        total -= (-1) ** size * float(sums @ sums)
    return max(alone, math.sqrt(max(0.0, total)) / len(values))


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
        test="McNemar",
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


def auroc_standard_error(known: npt.NDArray[np.float64], novel: npt.NDArray[np.float64]) -> float:
    """Standard error of `memory.novelty.auroc`: the spread of each side's placements among the other's scores.

        placement of a novel score = share of known scores below it (ties half), and the other way round
        variance = variance of placements of novel / their count + the same of known

    DeLong, DeLong and Clarke-Pearson (1988); of one score alone the spread is unknown and counts 0.

    Args:
        known: (n,) scores of one side.
        novel: (m,) of the other.

    Raises:
        UserError: if one of them is empty.
    """
    if not len(known) or not len(novel):
        raise UserError(f"AUROC needs scores of both sides, received {len(known)} and {len(novel)}")
    variance = 0.0
    for own, other in ((novel, np.sort(known)), (known, np.sort(novel))):
        below = np.searchsorted(other, own, "left") + np.searchsorted(other, own, "right")
        if len(own) > 1:
            variance += float((below / (2 * len(other))).var(ddof=1)) / len(own)
    return math.sqrt(variance)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a test says: a statistic with its p-value.

    Attributes:
        statistic: standard normal where nothing is to be found.
        p_value: 0..1.
    """

    statistic: float
    p_value: float


def z_test(share_a: float, count_a: int, share_b: float, count_b: int) -> Verdict:
    """Unpaired two-sided z-test that two shares are equal, with the pooled variance.

    The papers' test on NIGHTS ("Separating Knowledge and Perception with Procedural Data", 2025, appendix B.1). It
    does not know that both encoders answered the same triplets, and finds less than a paired test.

    Raises:
        UserError: for what is no share.
    """
    for share, count in ((share_a, count_a), (share_b, count_b)):
        share_standard_error(share, count)
    pooled = (share_a * count_a + share_b * count_b) / (count_a + count_b)
    error = math.sqrt(pooled * (1 - pooled) * (1 / count_a + 1 / count_b))
    return two_sided((share_a - share_b) / error if error > 0 else 0.0)


def two_sided(statistic: float) -> Verdict:
    """A standard normal statistic with its two-sided p-value."""
    return Verdict(statistic=statistic, p_value=math.erfc(abs(statistic) / math.sqrt(2)))


def equivalence_of_answers(only_a: int, only_b: int, num_queries: int, margin: float) -> Verdict:
    """Two one-sided tests (TOST) that two accuracies on the same queries differ by less than a margin.

    Each side is the score test of Tango ("Equivalence test and confidence interval for the difference in proportions
    for the paired-sample design", 1998): unlike the usual (Wald) statistic it stays honest where two encoders hardly
    ever disagree, and a standard error of 0 would "prove" anything.

    Args:
        only_a: queries that A alone answered rightly.
        only_b: queries that B alone answered rightly.
        num_queries: Q.
        margin: the largest difference that does not matter, 0..1.

    Returns:
        The larger of the two p-values (equivalent at 5 % where it is below 0.05) and its statistic.

    Raises:
        UserError: for counts that do not fit or a margin outside 0..1.
    """
    if min(only_a, only_b) < 0 or not only_a + only_b <= num_queries or num_queries < 1 or not 0 < margin < 1:
        raise UserError(
            f"equivalence needs counts within the queries and a margin in 0 to 1; received {only_a} and {only_b} of "
            f"{num_queries}, margin {margin}"
        )
    # against "A is worse by the margin or more", then the same with A and B exchanged
    statistics = [_tango(b, c, num_queries, -margin) for b, c in ((only_a, only_b), (only_b, only_a))]
    return _one_sided(min(statistics))


def _tango(only_a: int, only_b: int, n: int, difference: float) -> float:
    """Score statistic of H0: accuracy A - accuracy B = difference (Tango 1998, equations 4 to 8)."""
    linear = -only_a - only_b + (2 * n - only_a + only_b) * difference
    constant = -only_b * difference * (1 - difference)
    share_b = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)  # most likely under H0
    variance = n * (2 * share_b + difference * (1 - difference))
    return (only_a - only_b - n * difference) / math.sqrt(variance)


def equivalence_of_means(difference: float, standard_error: float, margin: float) -> Verdict:
    """Two one-sided tests (TOST, Schuirmann 1987) that a difference is smaller than a margin, normal approximation.

    Raises:
        UserError: unless the standard error and the margin are above 0.
    """
    if not standard_error > 0 or not margin > 0:
        raise UserError(f"equivalence needs a standard error and a margin above 0, got {standard_error}, {margin}")
    return _one_sided((margin - abs(difference)) / standard_error)


def _one_sided(statistic: float) -> Verdict:
    return Verdict(statistic=statistic, p_value=math.erfc(statistic / math.sqrt(2)) / 2)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p-values of one table, so that all its claims together are wrong with at most 5 % (Holm 1979).

    ``smallest * n, next * (n - 1), ..., never below an earlier one, at most 1``

    Raises:
        UserError: for what is no p-value.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise UserError(f"p-values lie in 0 to 1, received {list(p_values)}")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, p_values[position] * (len(p_values) - place)))
        adjusted[position] = largest
    return adjusted


def power(difference: float, disagreement: float, num_queries: int, significance: float = 0.05) -> float:
    """Chance that McNemar's test sees a true difference (Miettinen 1968, unconditional, normal approximation).

    Args:
        difference: true accuracy A - accuracy B.
        disagreement: share of the queries that exactly one of the two answers rightly, at least the difference's size.
        num_queries: Q.
        significance: level of the two-sided test.

    Raises:
        UserError: for shares that do not fit.
    """
    _check_power(difference, disagreement)
    if not num_queries >= 1 or not 0 < significance < 1:
        raise UserError(f"power needs a query and a level in 0 to 1, received {num_queries} and {significance}")
    if disagreement == 0:
        return 0.0
    distance = abs(difference) * math.sqrt(num_queries) - _normal_quantile(1 - significance / 2) * math.sqrt(
        disagreement
    )
    spread = math.sqrt(max(disagreement - difference**2, 1e-300))
    return math.erfc(-distance / spread / math.sqrt(2)) / 2


def queries_needed(
    difference: float, disagreement: float, wanted_power: float = 0.8, significance: float = 0.05
) -> int:
    """How many queries it takes to see a difference with that chance; arguments as `power`.

    Raises:
        UserError: for shares that do not fit, or a difference of 0, which no number of queries shows.
    """
    _check_power(difference, disagreement)
    if difference == 0 or not 0 < wanted_power < 1:
        raise UserError(f"no number of queries shows a difference of {difference} with chance {wanted_power}")
    reach = _normal_quantile(1 - significance / 2) * math.sqrt(disagreement)
    reach += _normal_quantile(wanted_power) * math.sqrt(disagreement - difference**2)
    return max(1, math.ceil((reach / difference) ** 2))


def _check_power(difference: float, disagreement: float) -> None:
    if not abs(difference) <= disagreement <= 1:
        raise UserError(
            f"a difference of {difference} needs at least as much disagreement, at most 1; received {disagreement}"
        )


def _normal_quantile(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
