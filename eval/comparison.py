"""Two encoders on one metric, case by case: what a table says instead of a bare difference of means.

Every comparison carries three readings side by side: the paired one, the papers' unpaired z-test, and a test of
equivalence, because "no difference found" is not "no difference". The paired test is McNemar's for right and wrong
answers and one by sign flips for other numbers, both of which take cases for independent; where cases share
photographs, p-value and interval both come from resampled photographs. A table's p-values are corrected together
(Holm).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from eval.resampling import mean_difference
from eval.statistics import (
    Difference,
    Members,
    Verdict,
    equivalence_of_answers,
    equivalence_of_means,
    holm,
    paired_difference,
    z_test,
)
from eval.task import Score
from procgen.seeds import generator
from procmem.errors import UserError

MARGIN = 0.01
"""Largest difference that does not matter: "within 1 %", as the papers say of NIGHTS."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """Score A against score B.

    Attributes:
        difference: A - B, paired, over the cases that both have.
        adjusted_p_value: of `difference`, corrected over the table (Holm); its own where it stands alone.
        unpaired: the papers' z-test of two shares, which takes the cases for different ones; None where the numbers
            are no shares.
        equivalence: TOST within `margin`: below 0.05 the two differ by less; None where nothing varies.
        margin: largest difference that does not matter.
        num_left_out: cases that only one of the two has.
    """

    difference: Difference
    adjusted_p_value: float
    unpaired: Verdict | None
    equivalence: Verdict | None
    margin: float
    num_left_out: int


def compare(a: Score, b: Score, *, seed: int = 0, margin: float = MARGIN) -> Comparison:
    """Compare two scores of one metric on the cases that both have, by name.

    Args:
        a: of one encoder.
        b: of another.
        seed: of the resamples.
        margin: of equivalence, in the metric's unit.

    Raises:
        UserError: if the metrics differ, a score has no values per case, or no case is common.
    """
    if a.metric != b.metric or a.per_case is None or b.per_case is None:
        raise UserError(f"only scores of one metric with values per case compare; received {a.metric} and {b.metric}")
    place_in_b = {name: place for place, name in enumerate(b.case_names)}
    rows_a = [place for place, name in enumerate(a.case_names) if name in place_in_b]
    if not rows_a:
        raise UserError(f"the two scores of {a.metric} have no case in common, for example {a.case_names[:2]}")
    values_a = a.per_case[rows_a]
    values_b = b.per_case[[place_in_b[a.case_names[row]] for row in rows_a]]
    members = _shared(None if a.case_members is None else a.case_members[rows_a])
    chance = generator(seed, "comparison", a.metric)
    is_answers = bool(np.isin(values_a, (0, 1)).all() and np.isin(values_b, (0, 1)).all())
    if is_answers and members is None:
        difference = paired_difference(values_a == 1, values_b == 1, chance)
    else:
        difference = mean_difference(values_a, values_b, chance, members=members)
    is_share = all(((values >= 0) & (values <= 1)).all() for values in (values_a, values_b))
    n = len(rows_a)
    if is_answers and members is None:
        only_a, only_b = int((values_a > values_b).sum()), int((values_b > values_a).sum())
        equivalence: Verdict | None = equivalence_of_answers(only_a, only_b, n, margin)
    elif difference.standard_error > 0:
        equivalence = equivalence_of_means(difference.value, difference.standard_error, margin)
    else:
        equivalence = None
    return Comparison(
        difference=difference,
        adjusted_p_value=difference.p_value,
        unpaired=z_test(float(values_a.mean()), n, float(values_b.mean()), n) if is_share else None,
        equivalence=equivalence,
        margin=margin,
        num_left_out=len(a.case_names) + len(b.case_names) - 2 * n,
    )


def _shared(members: Members | None) -> Members | None:
    """The members where one stands in several cases; None where cases are independent."""
    return None if members is None or np.unique(members).size == members.size else members


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons of one table, their p-values corrected together."""
    adjusted = holm([comparison.difference.p_value for comparison in comparisons])
    return [
        dataclasses.replace(comparison, adjusted_p_value=p) for comparison, p in zip(comparisons, adjusted, strict=True)
    ]
