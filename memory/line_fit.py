"""A straight line through points by least squares: what the fits of the Visual memory paper come down to.

Letters: N points.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """y = slope * x + intercept.

    Attributes:
        slope: of the line.
        intercept: its value at x = 0.
        r_squared: share of y's variance that it explains, at most 1; 1 where y does not vary.
    """

    slope: float
    intercept: float
    r_squared: float

    def at(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The line's values."""
        return self.slope * np.asarray(x, np.float64) + self.intercept


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike) -> Line:
    """Least squares, every point with the same weight, as ``np.polyfit(x, y, 1)``.

    Args:
        x: (N,) places, at least two of them different.
        y: (N,) values.

    Raises:
        UserError: for fewer than two different places, or numbers that are not finite.
    """
    places, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if places.shape != values.shape or places.ndim != 1 or len(np.unique(places)) < 2:
        raise UserError(
            f"a line needs points at two or more different places; received {places.shape} and {values.shape}"
        )
    if not (np.isfinite(places).all() and np.isfinite(values).all()):
        raise UserError("a line cannot be fitted through numbers that are not finite")
    from_mean, own = places - places.mean(), values - values.mean()
    slope = float(from_mean @ own / (from_mean @ from_mean))
    left, total = float(np.square(own - slope * from_mean).sum()), float(np.square(own).sum())
    return Line(
        slope=slope,
        intercept=float(values.mean() - slope * places.mean()),
        r_squared=1 - left / total if total > 0 else 1.0,
    )
