"""Charts show the numbers they are given. Run: pytest tests/eval/test_charts.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eval.charts import Point, draw_bars, draw_scatter
from eval.figures import png_bytes, svg_bytes
from eval.findings import findings_of
from eval.suite import Suite, run_suite
from procmem.errors import UserError


def test_bars_have_the_height_of_the_values_and_whiskers_of_the_errors(toy: Any, tmp_path: Path) -> None:
    done = run_suite(Suite(name="toys", tasks=(toy(dataset="digits"),)), ["histogram", "pixels"], tmp_path)
    headlines = [one for one in findings_of(tmp_path, done.results) if one.result.headline]
    (axes,) = draw_bars(headlines).axes
    assert [bar.get_height() for bar in axes.patches] == [100.0, 50.0]
    assert len({bar.get_hatch() for bar in axes.patches}) == 2  # told apart without colour
    whiskers = [segment[:, 1].tolist() for lines in axes.collections for segment in lines.get_segments()]  # type: ignore[attr-defined]
    assert whiskers == [[100.0, 100.0], [25.0, 75.0]]


def test_the_papers_number_is_a_line_across_the_bar(toy: Any, tmp_path: Path) -> None:
    done = run_suite(Suite(name="toys", tasks=(toy(dataset="cifar10"),)), ["pixels"], tmp_path)
    config = {"rule": "plurality", "selection": "best_on_val"}
    fields = vars(done.results[0]) | {"task": "knn", "config": config, "encoder": "timm:resnet101"}
    (axes,) = draw_bars(findings_of(tmp_path, [type(done.results[0])(**fields)])).axes
    lines = [segment for collection in axes.collections for segment in collection.get_segments()]  # type: ignore[attr-defined]
    assert any(segment[:, 1].tolist() == pytest.approx([87.3, 87.3]) for segment in lines)


def test_points_are_joined_in_the_order_of_x() -> None:
    points = {"a": [Point(x=100, y=2), Point(x=1, y=1)], "b": [Point(x=10, y=3, y_error=0.5)]}
    (axes,) = draw_scatter(points, "entries", "accuracy", log_x=True, joined=True).axes
    assert axes.get_lines()[0].get_xdata().tolist() == [1, 100]  # type: ignore[union-attr]
    assert axes.get_xscale() == "log"
    markers = {container.lines[0].get_marker() for container in axes.containers}  # type: ignore[attr-defined]
    assert markers == {"o", "s"}


def test_equal_charts_are_equal_bytes_in_both_formats() -> None:
    made = [draw_scatter({"a": [Point(x=1, y=2)]}, "x", "y") for _ in range(2)]
    assert png_bytes(made[0]) == png_bytes(made[1])
    assert svg_bytes(made[0]) == svg_bytes(made[1])
    assert svg_bytes(made[0]).startswith(b"<?xml")


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(UserError, match="at least one number"):
        draw_bars([])
    with pytest.raises(UserError, match="at least one point"):
        draw_scatter({"a": []}, "x", "y")
