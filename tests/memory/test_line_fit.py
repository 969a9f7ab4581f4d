"""The line by hand and against numpy's polynomial fit. Run: pytest tests/memory/test_line_fit.py."""

from __future__ import annotations

import numpy as np
import pytest

from memory.line_fit import fit_line
from procmem.errors import UserError


def test_by_hand() -> None:
    line = fit_line([0, 1, 2], [1, 2, 6])  # slope (6 - 1) / 2, mean (1, 3); residuals 0.5, -1, 0.5 of 4, 1, 9
    assert (line.slope, line.intercept) == (2.5, 0.5)
    assert line.r_squared == pytest.approx(1 - 1.5 / 14)
    assert line.at([4]).tolist() == [10.5]


def test_equals_polyfit() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 2, 30), rng.normal(-1, 5, 30)
    line = fit_line(x, y)
    assert [line.slope, line.intercept] == pytest.approx(np.polyfit(x, y, 1).tolist(), rel=1e-12)
    assert line.r_squared == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


@pytest.mark.parametrize(("x", "y"), [([1], [2]), ([1, 1], [2, 3]), ([1, 2], [2]), ([1, 2], [0, np.inf])])
def test_points_without_a_line_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(UserError, match="line"):
        fit_line(x, y)
