"""Bootstraps for cases that are not independent, and for means of anything: images, triplets, seeds.

Cases are resampled through what they are made of. Every member (a photograph, a class, a seed) is drawn with
replacement, and a case counts as often as all its members were drawn: the product of their counts (Owen, "The
pigeonhole bootstrap", 2007). With one member a case that is the usual bootstrap, or the cluster bootstrap; with the
three photographs of a triplet it resamples photographs. It errs on the side of wide intervals.

Letters: n cases, m members of a case, M members, R resamples, S seeds, Q queries.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eval.statistics import Difference, Members, Test, mean_standard_error, shared_standard_error
from procmem.errors import UserError

NUM_RESAMPLES = 2000
_WEIGHTS_AT_ONCE = 1 << 22


def bootstrap_means(
    values: npt.NDArray[np.float64],
    generator: np.random.Generator,
    *,
    members: Members | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> npt.NDArray[np.float64]:
    """Means of resampled cases.

        for each resample: counts = how often each member is drawn; weight of a case = product of its members' counts

    Args:
        values: (n,) numbers.
        generator: source of the resamples.
        members: (n, m) what each case is made of; None: every case is its own.
        num_resamples: R.

    Returns:
        (R,) means; a resample that holds no case at all (possible with very few members) is drawn again.

    Raises:
        UserError: if shapes do not fit, there is no finite value, or no resample holds a case.
    """
    mean_standard_error(values)  # refuses what has no mean
    members = np.arange(len(values))[:, None] if members is None else np.asarray(members)
    if members.ndim != 2 or len(members) != len(values) or num_resamples < 1:
        raise UserError(f"{len(values)} cases need members (n, m) and 1 resample, received {members.shape}")
    distinct, inverse = np.unique(members, return_inverse=True)
    places: npt.NDArray[np.int64] = inverse.reshape(members.shape)
    M = len(distinct)
    means: list[npt.NDArray[np.float64]] = []
    found = tried = 0
    while found < num_resamples:
        if tried > 20 * num_resamples:
            raise UserError(f"{M} members are too few to resample {len(values)} cases of {members.shape[1]} each")
        block = min(num_resamples, max(1, _WEIGHTS_AT_ONCE // max(M, len(values))))
        counts = generator.multinomial(M, np.full(M, 1 / M), size=block).astype(np.float64)
        weights = counts[:, places[:, 0]]
        for column in range(1, places.shape[1]):
            weights *= counts[:, places[:, column]]
        totals = weights.sum(axis=1)
        full = totals > 0
        means.append((weights @ values)[full] / totals[full])
        found, tried = found + int(full.sum()), tried + block
    return np.concatenate(means)[:num_resamples]


def mean_difference(
    values_a: npt.NDArray[np.float64],
    values_b: npt.NDArray[np.float64],
    generator: np.random.Generator,
    *,
    members: Members | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> Difference:
    """Compare the means of two encoders over the same cases, whatever the numbers are.

    The p-value is that of a sign-flip test where cases are independent (under "no difference" each case's difference
    might as well have the other sign). Where they share members it is from the resamples of the interval
    (`resampled_p_value`), so that the two agree.

    Args:
        values_a: (n,) numbers of A.
        values_b: (n,) of B, same cases in the same order.
        generator: source of resamples and flips.
        members: (n, m) what each case is made of; None: independent cases.
        num_resamples: R.

    Raises:
        UserError: if shapes differ, or for what `bootstrap_means` refuses.
    """
    if np.shape(values_a) != np.shape(values_b):
        raise UserError(f"a paired comparison needs equal arrays, got {np.shape(values_a)} and {np.shape(values_b)}")
    differences = np.asarray(values_a, np.float64) - np.asarray(values_b, np.float64)
    means = bootstrap_means(differences, generator, members=members, num_resamples=num_resamples)
    value = float(differences.mean())
    if members is None:
        test: Test = "sign flips"
        error = mean_standard_error(differences)
        p_value = _sign_flip_p_value(differences, generator, num_resamples)
    else:
        test = "resampled members"
        error = shared_standard_error(differences, members)
        p_value = resampled_p_value(means)
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(
        value=value,
        standard_error=error,
        low=float(low),
        high=float(high),
        p_value=p_value,
        test=test,
        num_queries=len(differences),
    )


def resampled_p_value(resampled: npt.NDArray[np.float64]) -> float:
    """Two-sided p-value of "no difference", from resampled differences: how far up an interval must go to reach 0.

        (1 + 2 min(resamples <= 0, resamples >= 0)) / (1 + R),  at most 1

    It is below 0.05 where the 95 % interval of the same resamples (percentiles) leaves 0 out, to within one resample;
    the 1 keeps it above 0 (Davison and Hinkley, "Bootstrap methods and their application", 1997, section 4.2).

    Args:
        resampled: (R,) differences.
    """
    smaller = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    return min(1.0, (1 + 2 * smaller) / (1 + len(resampled)))


def seeds_difference(
    values_a: npt.NDArray[np.float64],
    values_b: npt.NDArray[np.float64],
    generator: np.random.Generator,
    *,
    num_resamples: int = NUM_RESAMPLES,
) -> Difference:
    """Compare two ways of training, several seeds each, on the same queries: is it the way, or the luck of a seed?

        for each resample: draw seeds of A, seeds of B and queries, each with replacement

    With a handful of seeds the interval is still too narrow (a bootstrap of S draws underestimates their variance by
    (S - 1) / S): so seeds' parts of the standard error carry the factor S / (S - 1), and the p-value is that of a
    t-test over the seeds' means (Welch), which is the honest one at 2 to 5 seeds.

    Args:
        values_a: (S, Q) a row a seed.
        values_b: (S', Q) same queries in the same order.
        generator: source of the resamples.
        num_resamples: R.

    Raises:
        UserError: for fewer than two seeds a side, or queries that differ in number.
    """
    a, b = np.asarray(values_a, np.float64), np.asarray(values_b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2 or not a.shape[1]:
        raise UserError(f"seeds are compared by (S, Q) values, 2 seeds or more a side; got {a.shape} and {b.shape}")
    from scipy.stats import ttest_ind

    Q = a.shape[1]
    drawn = np.zeros(num_resamples)
    on_queries = generator.multinomial(Q, np.full(Q, 1 / Q), size=num_resamples) / Q
    for sign, values in ((1, a), (-1, b)):
        S = len(values)
        on_seeds = generator.multinomial(S, np.full(S, 1 / S), size=num_resamples) / S
        drawn += sign * np.einsum("rs,sq,rq->r", on_seeds, values, on_queries, optimize=True)
    means_a, means_b = a.mean(axis=1), b.mean(axis=1)
    value = float(means_a.mean() - means_b.mean())
    of_queries = mean_standard_error(a.mean(axis=0) - b.mean(axis=0)) ** 2
    of_seeds = means_a.var(ddof=1) / len(a) + means_b.var(ddof=1) / len(b)
    low, high = np.quantile(drawn, [0.025, 0.975])
    spread = of_seeds > 0
    p_value = float(ttest_ind(means_a, means_b, equal_var=False).pvalue) if spread else float(value == 0)
    return Difference(
        value=value,
        standard_error=float(np.sqrt(of_queries + of_seeds)),
        low=float(low),
        high=float(high),
        p_value=p_value,
        test="Welch",
        num_queries=Q,
    )


def _sign_flip_p_value(differences: npt.NDArray[np.float64], generator: np.random.Generator, num_flips: int) -> float:
    """Share of sign flips that give a sum at least as far from 0, the flips that happened among them."""
    own = differences[differences != 0]
    if not own.size:
        return 1.0
    reached = abs(own.sum()) * (1 - 1e-12)
    at_once = max(1, _WEIGHTS_AT_ONCE // own.size)
    count = 0
    for first in range(0, num_flips, at_once):
        signs = generator.integers(0, 2, (min(at_once, num_flips - first), own.size)) * 2.0 - 1.0
        count += int((np.abs(signs @ own) >= reached).sum())
    return (count + 1) / (num_flips + 1)
