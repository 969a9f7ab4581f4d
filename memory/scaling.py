"""Scaling: the error of a memory as it grows, and the law through it.

log10(error) falls on a line against log10(log10(size)) (Geirhos et al., "Towards flexible perception with visual
memory", 2024, arXiv 2408.08172, appendix F, error in percent; slopes there -0.9434 and -1.0942). Sizes are nested
subsets drawn once, so the whole curve costs one search (`memory.lifelong.grow`).

Letters: N entries, Q queries, S sizes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memory.lifelong import LifelongCurve, follow
from memory.line_fit import Line, fit_line
from memory.voting import Rule, Voting
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScalingLaw:
    """Errors measured at some sizes and the law fitted through them.

    Attributes:
        sizes: (S,) entries.
        error_percent: (S,) 0..100.
        line: log10(error in percent) against log10(log10(size)), fitted where the error is above 0; None where fewer
            than two sizes have errors.
    """

    sizes: npt.NDArray[np.int64]
    error_percent: npt.NDArray[np.float64]
    line: Line | None

    def predicted_error_percent(self, size: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The law's error at other sizes, a guess beyond those measured; NaN without a law."""
        places = np.log10(np.log10(np.asarray(size, np.float64)))
        return np.full(places.shape, np.nan) if self.line is None else 10 ** self.line.at(places)


def fit_scaling_law(sizes: npt.ArrayLike, error_percent: npt.ArrayLike) -> ScalingLaw:
    """Fit the law by least squares, every size counting the same.

    Args:
        sizes: (S,) above 1, since log10(log10(1)) does not exist.
        error_percent: (S,) 0..100; a size without errors has no logarithm and is left out of the fit.

    Raises:
        UserError: for a size or error out of range.
    """
    sizes, errors = np.asarray(sizes, np.int64), np.asarray(error_percent, np.float64)
    if sizes.shape != errors.shape or (sizes <= 1).any() or not ((errors >= 0) & (errors <= 100)).all():
        raise UserError(f"sizes must be above 1 and errors in 0 to 100 %; received {sizes} and {errors}")
    some = errors > 0
    line = fit_line(np.log10(np.log10(sizes[some])), np.log10(errors[some])) if some.sum() > 1 else None
    return ScalingLaw(sizes=sizes, error_percent=errors, line=line)


def follow_sizes(
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    sizes: Sequence[int],
    k: int,
    rng: np.random.Generator,
    voting: Voting | Rule = "rank",
    device: str = "cpu",
) -> LifelongCurve:
    """Answers at each size of one random, nested sequence of subsets.

    Args:
        queries: (Q, D) unit-length embeddings.
        query_labels: (Q,) true classes.
        entries: (N, D) unit-length embeddings.
        labels: (N,) their classes.
        sizes: ascending, 2 to N.
        k: neighbours that vote; fewer where the memory is smaller.
        rng: draws the order in which entries come in.
        voting: how they vote.
        device: of the search.

    Raises:
        UserError: for sizes that do not fit.
    """
    N = len(labels)
    if len(sizes) < 2 or sizes[0] < 2 or sizes[-1] > N or (np.diff(sizes) <= 0).any():
        raise UserError(f"sizes must ascend within 2 to {N}, at least two of them; received {list(sizes)}")
    drawn = rng.permutation(N)[: sizes[-1]]
    steps = np.searchsorted(np.asarray(sizes), np.arange(sizes[-1]), side="right")
    return follow(
        queries, query_labels, entries[drawn], labels[drawn], steps, k=k, voting=voting, ids=drawn, device=device
    )


def measure_scaling(
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    sizes: Sequence[int],
    k: int,
    rng: np.random.Generator,
    voting: Voting | Rule = "rank",
    device: str = "cpu",
) -> ScalingLaw:
    """Error at each size, and the law through them; arguments and errors as `follow_sizes`."""
    curve = follow_sizes(
        queries, query_labels, entries, labels, sizes=sizes, k=k, rng=rng, voting=voting, device=device
    )
    return fit_scaling_law(sizes, 100 * (1 - curve.accuracy()))


def spread_sizes(num_entries: int, count: int = 8) -> list[int]:
    """About `count` sizes from 10 (or fewer entries) to all, evenly spread by their logarithm."""
    if num_entries < 2:
        raise UserError(f"a memory of {num_entries} entries has no sizes to compare")
    sizes = np.geomspace(min(10, max(2, num_entries // 2)), num_entries, count)
    return sorted({int(size) for size in sizes.round()})
