"""Calibration: is an answer given with confidence 0.8 right four times in five?

Answers are put into bins of equal width by confidence; in each bin the mean confidence is held against the accuracy.
The expected calibration error is their mean distance, weighted by the bins' counts (Naeini et al. 2015; the binning of
Guo et al., "On calibration of modern neural networks", 2017, arXiv 1706.04599, equation 3). A vote's confidence is the
share of the winning class (with plurality what Geirhos et al. 2024, appendix M, plot: its count among the first k)
or the margin to the second; only the share speaks of a probability, the margin just orders answers.

Letters: Q answers, B bins.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

NUM_BINS = 15
"""As Guo et al."""

_EDGE = 1e-9  # a share that sums to 0.2 but for rounding belongs to the bin that 0.2 ends


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """The data of a reliability diagram; bin b holds confidences above b / B, up to (b + 1) / B; 0 is in the first.

    Attributes:
        counts: (B,) answers in each bin.
        confidence: (B,) their mean confidence; NaN in an empty bin.
        accuracy: (B,) share of them that is right; NaN in an empty bin.
    """

    counts: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def gaps(self) -> npt.NDArray[np.float64]:
        """(B,) accuracy less confidence: below 0 where answers are too sure; 0 in an empty bin."""
        return np.nan_to_num(self.accuracy - self.confidence)

    @property
    def expected_error(self) -> float:
        """ECE, 0..1: mean over answers of their bin's absolute gap."""
        return float(self.counts @ np.abs(self.gaps) / self.counts.sum())

    @property
    def largest_error(self) -> float:
        """MCE, 0..1: the largest gap of a bin, however few answers it holds."""
        return float(np.abs(self.gaps).max())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; None in empty bins."""
        columns = {
            name: [None if np.isnan(value) else float(value) for value in getattr(self, name)]
            for name in ("confidence", "accuracy")
        }
        return {
            "expected_error": self.expected_error,
            "largest_error": self.largest_error,
            "counts": self.counts.tolist(),
            **columns,
        }


def calibration(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], *, num_bins: int = NUM_BINS
) -> Calibration:
    """Bin answers by confidence.

    Args:
        confidence: (Q,) 0..1, for example `Votes.confidence`.
        correct: (Q,) whether each answer is right.
        num_bins: B.

    Raises:
        UserError: without answers, for shapes that differ, a confidence outside 0..1, or no bin.
    """
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, bool)
    if confidence.shape != correct.shape or confidence.ndim != 1 or not len(confidence) or num_bins < 1:
        raise UserError(
            f"calibration needs at least 1 answer and 1 bin; received {confidence.shape} confidences, "
            f"{correct.shape} answers and {num_bins} bins"
        )
    if not ((confidence >= -_EDGE) & (confidence <= 1 + _EDGE)).all():
        raise UserError(f"a confidence lies in 0 to 1; received {confidence.min()} to {confidence.max()}")
    bins = np.clip(np.ceil(confidence * num_bins - _EDGE).astype(np.int64) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)

    def means(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        sums = np.bincount(bins, weights=values, minlength=num_bins)
        out: npt.NDArray[np.float64] = np.divide(sums, counts, out=np.full(num_bins, np.nan), where=counts > 0)
        return out

    return Calibration(counts=counts, confidence=means(confidence), accuracy=means(correct.astype(np.float64)))
