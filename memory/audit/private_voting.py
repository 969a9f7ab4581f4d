"""Private voting: answers of a memory that are differentially private with respect to its entries.

*Neighbouring memories* differ in one entry, added or removed. *Released* is the predicted class of each query and
nothing else: neither scores nor neighbours. Queries, the number of classes and the encoder are taken as public; an
encoder that was trained on the memory's images is outside the guarantee.

*Sensitivity.* One query's counts are n_c = number of its k nearest entries of class c, for each of all C classes (a
class without votes takes part, else the support itself would tell). Take an entry away that is not among the k
nearest: nothing changes, for the order of the others does not depend on it. Take away one of class a that is: a voter
leaves and the (k+1)-th entry, of class b, moves in (nobody, where there are k entries or fewer). So n_a falls by 1 and
n_b rises by 1, or nothing changes if a = b: the counts change by at most 2 in L1, sqrt(2) in L2 and 1 in any class.
Adding is the same read backwards. Weighted votes are refused: pruning weights depend on other entries.

* ``gaussian``: argmax of n_c + N(0, (noise_multiplier sqrt(2))^2); the argmax is post-processing of the Gaussian
  mechanism with sensitivity sqrt(2) (Dwork and Roth 2014, theorem A.1; accounted exactly by its privacy loss).
* ``exponential``: class c with probability proportional to exp(epsilon n_c / 2) (McSherry and Talwar 2007), drawn as
  the argmax of epsilon n_c / 2 + Gumbel noise ("report noisy max"). The 2 stays because one count may rise while
  another falls.

With `sampling_rate` q < 1 each query is answered from a fresh Poisson sample of the memory, in which each entry takes
part with probability q on its own; the loss shrinks by amplification (for Gaussian noise through its privacy loss, for
epsilon alone to log(1 + q (exp(epsilon) - 1))). The budget of many answers is composed by Google's dp-accounting.

*Noise* comes from the operating system's cryptographic generator; a seeded generator makes results repeatable and is
for tests and simulations only, since who knows the seed can subtract the noise. Noise in floating point leaks through
the low bits of noisy values (Mironov 2012); here only an argmax is released.

Letters: Q queries, K neighbours, C classes.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.neighbors import PADDING, Neighbors
from procmem.errors import UserError, unknown_name

Mechanism = Literal["gaussian", "exponential"]
L2_SENSITIVITY = math.sqrt(2)
UTILITY_SENSITIVITY = 1.0
_RELATIVE_PRECISION = 5e-3
_UNIFORM_BITS = 53
_LARGEST = 1e6


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrivateVoting:
    """How answers are made private.

    Attributes:
        mechanism: which noise.
        noise_multiplier: of the Gaussian: its standard deviation is this times sqrt(2) votes.
        epsilon: of one answer of the exponential mechanism, before amplification.
        sampling_rate: share of the memory that takes part in an answer, in (0, 1].

    Raises:
        UserError: for an unknown mechanism, or a number out of range.
    """

    mechanism: Mechanism = "gaussian"
    noise_multiplier: float = 1.0
    epsilon: float = 1.0
    sampling_rate: float = 1.0

    def __post_init__(self) -> None:
        if self.mechanism not in get_args(Mechanism):
            raise unknown_name("mechanism", self.mechanism, get_args(Mechanism))
        for name in ("noise_multiplier", "epsilon"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"{name} is {getattr(self, name)}; it must be above 0 and finite")
        if not 0 < self.sampling_rate <= 1:
            raise UserError(f"sampling_rate is {self.sampling_rate}; it must be above 0 and at most 1")

    def spent(self, num_answers: int, delta: float) -> float:
        """Epsilon of so many answers together, at this delta, under addition or removal of one entry.

        Raises:
            UserError: unless there is an answer and 0 < delta < 1.
        """
        if num_answers < 1 or not 0 < delta < 1:
            raise UserError(f"a budget needs an answer and 0 < delta < 1; received {num_answers} answers, {delta}")
        from dp_accounting.pld import common, privacy_loss_distribution

        if self.mechanism == "exponential":
            amplified = math.log1p(self.sampling_rate * math.expm1(self.epsilon))
            loss = privacy_loss_distribution.from_privacy_parameters(common.DifferentialPrivacyParameters(amplified))
        elif self.sampling_rate == 1:  # n Gaussians are one with the noise divided by sqrt(n)
            loss = privacy_loss_distribution.from_gaussian_mechanism(self.noise_multiplier / math.sqrt(num_answers))
            return float(loss.get_epsilon_for_delta(delta))
        else:
            loss = privacy_loss_distribution.from_gaussian_mechanism(
                self.noise_multiplier, sampling_prob=self.sampling_rate
            )
        return float(loss.self_compose(num_answers).get_epsilon_for_delta(delta))


def calibrated(
    mechanism: Mechanism, *, epsilon: float, delta: float, num_answers: int, sampling_rate: float = 1.0
) -> PrivateVoting:
    """The least noise with which so many answers together spend at most epsilon.

    Args:
        mechanism: which noise.
        epsilon: of all answers together.
        delta: in (0, 1); below 1 / N by rule of thumb.
        num_answers: how many answers the budget is for.
        sampling_rate: share of the memory that takes part in an answer.

    Raises:
        UserError: for epsilon <= 0, or a number out of range.
    """
    if not 0 < epsilon < math.inf:
        raise UserError(f"epsilon is {epsilon}; a privacy budget must be above 0 and finite")
    if num_answers < 1 or not 0 < delta < 1:
        raise UserError(f"a budget needs an answer and 0 < delta < 1; received {num_answers} answers, {delta}")
    largest = 1.0
    if mechanism == "gaussian":
        from dp_accounting.pld import accountant, common

        parameters = common.DifferentialPrivacyParameters(epsilon, delta)
        largest = float(accountant.get_smallest_gaussian_noise(parameters, num_answers, sensitivity=1))
        if sampling_rate == 1:
            return PrivateVoting(noise_multiplier=largest)

    def voting(noise: float) -> PrivateVoting:
        chosen: dict[str, Any] = {"mechanism": mechanism, "sampling_rate": sampling_rate}
        if mechanism == "gaussian":
            return PrivateVoting(noise_multiplier=noise, **chosen)
        return PrivateVoting(epsilon=1 / noise, **chosen)

    def is_enough(noise: float) -> bool:
        return voting(noise).spent(num_answers, delta) <= epsilon

    return voting(_smallest(is_enough, largest))


def _smallest(is_enough: Callable[[float], bool], start: float) -> float:
    """The smallest noise that is enough, to a relative precision, on the safe side."""
    high = start
    while not is_enough(high):
        high *= 2
        if high > _LARGEST:
            raise UserError("no noise of a sensible size meets this budget; allow more epsilon or fewer answers")
    low = high / 2
    while low > 1 / _LARGEST and is_enough(low):
        high, low = low, low / 2
    while high / low > 1 + _RELATIVE_PRECISION:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def vote_counts(neighbors: Neighbors, k: int, num_classes: int) -> npt.NDArray[np.int64]:
    """(Q, C) how many of the first k neighbours have each class.

    Raises:
        UserError: for an approximate search, weights of entries, k out of range, or a label outside the classes.
    """
    if not neighbors.exact:
        raise UserError("these neighbours come from an approximate search, whose answers may depend on all entries")
    if neighbors.weights is not None and (neighbors.weights != 1).any():
        raise UserError("private votes are unweighted; weights of entries would break the sensitivity")
    labels = neighbors.first(k).labels
    if labels.max(initial=PADDING) >= num_classes:
        raise UserError(f"label {labels.max()} is outside the {num_classes} classes 0 to {num_classes - 1}")
    rows = np.broadcast_to(np.arange(len(labels))[:, None], labels.shape)
    present = labels != PADDING
    cells = rows[present] * num_classes + labels[present]
    counts: npt.NDArray[np.int64] = np.bincount(cells, minlength=len(labels) * num_classes)
    return counts.reshape(len(labels), num_classes)


def sampled(neighbors: Neighbors, k: int, rate: float, chance: np.random.Generator | None = None) -> Neighbors:
    """The k nearest of a fresh Poisson sample of the memory, for each query.

    Each entry of a list takes part with probability `rate`; the first k that do are the k nearest of a sample of the
    whole memory, as long as the list is deep enough to hold k of them or is the whole memory.

    Raises:
        UserError: if a list turns out too short; this depends on coins only, not on the memory.
    """
    if rate == 1:
        return neighbors.first(min(k, neighbors.num_neighbors))
    takes_part = uniforms(neighbors.ids.shape, chance) < rate
    is_whole = neighbors.memory_size is not None and neighbors.num_neighbors >= neighbors.memory_size
    if not is_whole and (takes_part.sum(axis=1) < k).any():
        raise UserError(
            f"lists of {neighbors.num_neighbors} neighbours are too short to sample {k} of them at rate {rate}; "
            f"search for {depth_for_sampling(k, rate)}"
        )
    order = np.argsort(~takes_part, axis=1, kind="stable")[:, :k]
    present = np.take_along_axis(takes_part, order, axis=1)
    return Neighbors(
        ids=np.where(present, np.take_along_axis(neighbors.ids, order, axis=1), PADDING),
        labels=np.where(present, np.take_along_axis(neighbors.labels, order, axis=1), PADDING),
        similarities=np.where(present, np.take_along_axis(neighbors.similarities, order, axis=1), -np.inf),
        memory_size=neighbors.memory_size,
        exact=neighbors.exact,
    )


def depth_for_sampling(k: int, rate: float) -> int:
    """A search depth of which a Poisson sample nearly never keeps fewer than k (8 standard deviations)."""
    return math.ceil((k + 8 * math.sqrt(k + 16) + 32) / rate) if rate < 1 else k


def private_vote(
    neighbors: Neighbors,
    k: int,
    *,
    num_classes: int,
    voting: PrivateVoting,
    chance: np.random.Generator | None = None,
) -> npt.NDArray[np.int64]:
    """Answer queries privately; each answer spends budget, see `PrivateVoting.spent`.

    Args:
        neighbors: (Q, K) from an exact search, K >= k; deeper for a sampled memory (`depth_for_sampling`).
        k: neighbours that vote.
        num_classes: C, public.
        voting: the mechanism.
        chance: seeded, for tests and simulations; None takes the operating system's cryptographic generator.

    Returns:
        (Q,) int64 classes.

    Raises:
        UserError: as `vote_counts` and `sampled`.
    """
    counts = vote_counts(sampled(neighbors, k, voting.sampling_rate, chance), k, num_classes)
    noise = uniforms(counts.shape, chance)
    if voting.mechanism == "gaussian":
        noisy = counts + voting.noise_multiplier * L2_SENSITIVITY * gaussian(noise)
    else:
        noisy = counts * (voting.epsilon / (2 * UTILITY_SENSITIVITY)) + gumbel(noise)
    winners: npt.NDArray[np.int64] = noisy.argmax(axis=1)
    return winners


def uniforms(shape: tuple[int, ...], chance: np.random.Generator | None) -> npt.NDArray[np.float64]:
    """Uniform numbers in the open interval (0, 1), from the operating system where `chance` is None."""
    count = math.prod(shape)
    if chance is None:
        bits = np.frombuffer(os.urandom(8 * count), np.uint64)
    else:
        bits = chance.integers(0, 1 << 64, count, dtype=np.uint64)
    whole = (bits >> np.uint64(64 - _UNIFORM_BITS)).astype(np.float64)
    # The largest value would round to 1, whose noise is infinite; 2^-53 of all draws.
    values: npt.NDArray[np.float64] = np.minimum((whole + 0.5) * 2.0**-_UNIFORM_BITS, 1 - 2.0**-_UNIFORM_BITS)
    return values.reshape(shape)


def gaussian(uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Standard normal numbers by the inverse of their distribution."""
    from scipy.special import ndtri

    normal: npt.NDArray[np.float64] = ndtri(uniform)
    return normal


def gumbel(uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Standard Gumbel numbers; the argmax of x_c + Gumbel is c with probability proportional to exp(x_c)."""
    numbers: npt.NDArray[np.float64] = -np.log(-np.log(uniform))
    return numbers
