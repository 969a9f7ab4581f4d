"""Membership inference: can who sees only the answers tell whether an image is in the memory?

The attack that keeps claims of privacy honest. Members are images of entries, non-members images of the same kind that
are not in the memory; both are asked as *other views* (flipped, cropped, jittered), since an attacker rarely holds the
very file. A score is made of what the memory answers, larger meaning "member":

* ``confidence``: share of the votes that the predicted class has;
* ``true_class``: share of the votes of the image's true class, which the attacker is taken to know;
* ``similarity``: similarity of the nearest entry, for a memory that shows its neighbours (the strongest);
* ``answer``: whether the predicted class is the true one; all that a private vote gives away.

What counts is not the mean but whether some members are recognised surely (Carlini et al., "Membership inference
attacks from first principles", 2022, arXiv 2112.03570): the true-positive rate at a low false-positive rate, with exact
binomial (Clopper-Pearson) intervals given the threshold. Members are the positives.

Letters: M members, U non-members, S scores.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import numpy.typing as npt

from memory.neighbors import Neighbors
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError

Score = Literal["confidence", "true_class", "similarity", "answer"]
FALSE_POSITIVE_RATES = (1e-2, 1e-3)
LEAST_FALSE_POSITIVES = 10
"""A rate is reported only where it stands for so many non-members."""
NUM_RESAMPLES = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class RatePoint:
    """One point of a ROC curve.

    Attributes:
        false_positive_rate: asked for; the curve's own is at most this.
        true_positive_rate: share of members that are recognised.
        low: lower end of the 95 % Clopper-Pearson interval.
        high: upper end.
    """

    false_positive_rate: float
    true_positive_rate: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class MembershipResult:
    """How well a score tells members from others.

    Attributes:
        score: what the attacker looks at.
        num_members: M.
        num_others: U.
        auc: area under the ROC curve, 0.5 for guessing; ties count half.
        auc_low: lower end of its 95 % bootstrap interval.
        auc_high: upper end.
        advantage: largest true-positive less false-positive rate.
        rates: true-positive rates at low false-positive rates, where there are non-members enough.
        roc: (P, 2) false- and true-positive rate of every threshold, ascending from (0, 0) to (1, 1).
    """

    score: str
    num_members: int
    num_others: int
    auc: float
    auc_low: float
    auc_high: float
    advantage: float
    rates: tuple[RatePoint, ...]
    roc: npt.NDArray[np.float64] = dataclasses.field(repr=False)

    def to_dict(self) -> dict[str, object]:
        """All but the curve, in plain JSON types."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "roc"} | {
            "rates": [dataclasses.asdict(rate) for rate in self.rates]
        }


def attack_scores(
    neighbors: Neighbors,
    true_labels: npt.NDArray[np.int64],
    score: Score,
    *,
    num_classes: int,
    voting: Voting | Rule = "softmax",
) -> npt.NDArray[np.float64]:
    """What an attacker sees of each query; larger means "member".

    Args:
        neighbors: (Q, K) that vote.
        true_labels: (Q,) true classes.
        score: what is looked at.
        num_classes: C.
        voting: the memory's rule.

    Returns:
        (Q,) scores.

    Raises:
        UserError: as `vote`.
    """
    if score == "similarity":
        nearest: npt.NDArray[np.float64] = neighbors.similarities[:, 0]
        return nearest
    votes = vote(neighbors, num_classes=num_classes, voting=voting)
    if score == "confidence":
        return votes.confidence()
    if score == "answer":
        is_right: npt.NDArray[np.bool_] = votes.predictions == true_labels
        return is_right.astype(np.float64)
    shares: npt.NDArray[np.float64] = np.take_along_axis(votes.shares(), true_labels[:, None], axis=1)[:, 0]
    return shares


def membership(
    member_scores: npt.NDArray[np.float64],
    other_scores: npt.NDArray[np.float64],
    chance: np.random.Generator,
    *,
    score: str = "",
) -> MembershipResult:
    """Judge a score.

    Args:
        member_scores: (M,) of views of entries; larger means "member".
        other_scores: (U,) of views of images that are not in the memory.
        chance: source of the bootstrap.
        score: its name.

    Raises:
        UserError: if a side is empty or a score is not finite.
    """
    M, U = len(member_scores), len(other_scores)
    if not M or not U or not (np.isfinite(member_scores).all() and np.isfinite(other_scores).all()):
        raise UserError(f"an attack needs finite scores of members and others; received {M} and {U}")
    roc = roc_curve(member_scores, other_scores)
    resamples = [_auc(chance.choice(member_scores, M), chance.choice(other_scores, U)) for _ in range(NUM_RESAMPLES)]
    low, high = np.quantile(resamples, [0.025, 0.975])
    return MembershipResult(
        score=score,
        num_members=M,
        num_others=U,
        auc=_auc(member_scores, other_scores),
        auc_low=float(low),
        auc_high=float(high),
        advantage=float((roc[:, 1] - roc[:, 0]).max()),
        rates=tuple(_rate_at(roc, rate, M) for rate in FALSE_POSITIVE_RATES if rate * U >= LEAST_FALSE_POSITIVES),
        roc=roc,
    )


def roc_curve(member_scores: npt.NDArray[np.float64], other_scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(P, 2) false- and true-positive rates of "member if score >= t" for every t, from (0, 0) to (1, 1)."""
    thresholds = np.unique(np.concatenate([member_scores, other_scores]))[::-1]
    rates = [
        (len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")) / len(scores)
        for scores in (other_scores, member_scores)
    ]
    curve: npt.NDArray[np.float64] = np.concatenate([np.zeros((1, 2)), np.stack(rates, axis=1)])
    return curve


def _auc(member_scores: npt.NDArray[np.float64], other_scores: npt.NDArray[np.float64]) -> float:
    """Chance that a member scores above another image, ties half (Mann-Whitney U)."""
    others = np.sort(other_scores)
    below = np.searchsorted(others, member_scores, side="left")
    not_above = np.searchsorted(others, member_scores, side="right")
    return float((below + not_above).mean() / (2 * len(others)))


def _rate_at(roc: npt.NDArray[np.float64], rate: float, num_members: int) -> RatePoint:
    true_positive_rate = float(roc[roc[:, 0] <= rate, 1].max())
    low, high = clopper_pearson(round(true_positive_rate * num_members), num_members)
    return RatePoint(false_positive_rate=rate, true_positive_rate=true_positive_rate, low=low, high=high)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact binomial interval of a share (Clopper and Pearson 1934): never too narrow."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high
