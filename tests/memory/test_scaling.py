"""The law is found again; its points equal memories of that size. Run: pytest tests/memory/test_scaling.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.scaling import fit_scaling_law, measure_scaling, spread_sizes
from memory.search import exact_search
from memory.voting import vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def test_the_papers_law_for_vit_l14_is_found_again() -> None:
    sizes = np.array([10**3, 10**4, 10**5, 10**6, 10**9])
    errors = 10 ** (-0.9434 * np.log10(np.log10(sizes)) + 2.0704)
    law = fit_scaling_law(sizes, errors)
    assert law.line is not None
    assert (law.line.slope, law.line.intercept) == pytest.approx((-0.9434, 2.0704))
    assert law.line.r_squared == pytest.approx(1)
    assert float(law.predicted_error_percent(10**10)) == pytest.approx(117.6 / 10**0.9434, rel=1e-3)


def test_a_size_without_errors_is_left_out_of_the_fit() -> None:
    law = fit_scaling_law([10, 100, 1000], [40.0, 20.0, 0.0])
    assert law.line is not None
    assert law.line.slope == pytest.approx(np.log10(0.5) / np.log10(2))
    assert law.error_percent.tolist() == [40.0, 20.0, 0.0]
    without = fit_scaling_law([10, 100], [5.0, 0.0])
    assert without.line is None
    assert np.isnan(without.predicted_error_percent([10, 100])).all()


def test_points_equal_nested_memories_of_that_size(unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(60, 4, 1), unit_rows(40, 4, 2)
    labels, truth = (entries[:, 0] > 0).astype(np.int64), (queries[:, 0] > 0).astype(np.int64)
    entries[30:] = entries[:30]  # twins, ten of them of the other class: who is nearer is decided by id
    labels[30:] = np.where(np.arange(30) < 20, labels[:30], 1 - labels[:30])
    sizes = [3, 10, 60]
    law = measure_scaling(queries, truth, entries, labels, sizes=sizes, k=5, rng=np.random.default_rng(2))
    drawn = np.random.default_rng(2).permutation(60)
    for size, error in zip(sizes, law.error_percent, strict=True):
        rows = np.sort(drawn[:size])
        found = exact_search(queries, entries[rows], 5, ids=rows, labels=labels[rows])
        answers = vote(found, num_classes=2, voting="rank").predictions
        assert error == pytest.approx(100 * np.mean(answers != truth))
    assert law.line is not None
    assert law.line.slope < 0


def test_sizes_spread_by_their_logarithm() -> None:
    assert spread_sizes(10_000, 4) == [10, 100, 1000, 10_000]
    assert spread_sizes(2) == [2]
    assert spread_sizes(12)[0] == 6


@pytest.mark.parametrize(("sizes", "errors"), [([1, 10], [5, 5]), ([10, 20], [5, 101])])
def test_sizes_and_errors_out_of_range_are_refused(sizes: list[int], errors: list[float]) -> None:
    with pytest.raises(UserError, match="sizes must be above 1 and errors in 0 to 100"):
        fit_scaling_law(sizes, errors)


def test_sizes_beyond_the_memory_are_refused(unit_rows: MakeUnitRows) -> None:
    rows, labels = unit_rows(5, 4), np.zeros(5, np.int64)
    for sizes in ([2, 9], [4, 3], [1, 5], [5]):
        with pytest.raises(UserError, match="sizes must ascend within 2 to 5"):
            measure_scaling(rows, labels, rows, labels, sizes=sizes, k=1, rng=np.random.default_rng(0))
