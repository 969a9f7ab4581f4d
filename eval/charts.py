"""Charts of findings: bars beside the papers' (as in figure 4 of the procedural paper), scatter and scaling plots.

What colour says is also said by hatching, a mark or a line style. Charts are matplotlib figures, so that a page takes
them as SVG and a folder gets both PNG and SVG.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eval.figures import BLUE, GREEN, INK, PURPLE, VERMILION, new_figure, quiet_axes, shortened
from eval.findings import Finding, columns_of, encoders_of, grid_of
from eval.published import published_tables
from procmem.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR_LOOKS = (
    ("#8fbcd8", ""), ("#f0b48a", "///"), ("#9fd3bf", "..."),
    ("#c9b3d1", "xxx"), ("#dddddd", "\\\\\\"), ("#ffffff", "++"),
)  # fmt: skip
"""Fill and hatching, so that bars differ in black and white too."""
MARKS = (("o", BLUE), ("s", VERMILION), ("^", GREEN), ("D", PURPLE), ("v", INK))
MOST_COLUMNS = 10
LABEL_LETTERS = 34
"""Of an encoder's name in a legend."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a scatter or scaling plot, with one standard error each way."""

    x: float
    y: float
    x_error: float = 0.0
    y_error: float = 0.0


def draw_bars(findings: Sequence[Finding]) -> Figure:
    """Groups of bars, one group a column, one bar an encoder, one standard error each way; a line where a paper stands.

    The paper's number for an encoder made the same way is a short black line across its bar.

    Args:
        findings: headline numbers of one unit.

    Raises:
        UserError: if there is nothing to draw.
    """
    columns, encoders = columns_of(findings), encoders_of(findings)
    if not columns:
        raise UserError("a bar chart needs at least one number")
    shown = list(columns)[:MOST_COLUMNS]
    cells = grid_of(findings)
    width = 0.8 / len(encoders)
    figure = new_figure(max(4.2, 1.1 + 0.34 * len(shown) * (len(encoders) + 1)), 3.4, layout="constrained")
    axes = figure.subplots()
    factor = 100 if findings[0].is_share else 1
    for place, (encoder, label) in enumerate(encoders.items()):
        fill, hatch = BAR_LOOKS[place % len(BAR_LOOKS)]
        own = [(group, cells[encoder, column]) for group, column in enumerate(shown) if (encoder, column) in cells]
        lefts = [group + (place - (len(encoders) - 1) / 2) * width for group, _ in own]
        axes.bar(
            lefts,
            [factor * finding.result.value for _, finding in own],
            width=width,
            color=fill,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.6,
            yerr=[factor * finding.result.standard_error for _, finding in own],
            error_kw={"ecolor": INK, "capsize": 2, "elinewidth": 0.8},
            label=shortened(label, LABEL_LETTERS),
        )
        for left, (_, finding) in zip(lefts, own, strict=True):
            for value in printed_beside(finding):
                axes.hlines(factor * value, left - width / 2, left + width / 2, color="black", linewidth=2.2)
    letters = max(22, 2 * LABEL_LETTERS // len(shown))
    axes.set_xticks(range(len(shown)), [shortened(columns[column], letters) for column in shown], fontsize=8)
    if len(shown) > 3:
        axes.tick_params(axis="x", labelrotation=20)
    axes.set_ylabel("%" if findings[0].is_share else findings[0].result.metric.replace("_", " "), fontsize=8)
    figure.legend(loc="outside upper left", ncols=min(3, len(encoders)), fontsize=7, frameon=False)
    quiet_axes(axes)
    return figure


def printed_beside(finding: Finding) -> list[float]:
    """The papers' numbers for this measurement and an encoder made the same way, in our unit."""
    beside = ((table, table.beside(finding.result)) for table in published_tables())
    return [printed.value / table.scale for table, printed in beside if printed is not None]


def draw_scatter(
    points: Mapping[str, Sequence[Point]], x_label: str, y_label: str, *, log_x: bool = False, joined: bool = False
) -> Figure:
    """Named points with their errors; joined by lines for a scaling curve.

    Args:
        points: name of an encoder -> its points.
        x_label: with unit.
        y_label: with unit.
        log_x: logarithmic x axis.
        joined: draw a line through the points of one name, in order of x.

    Raises:
        UserError: if there is no point.
    """
    if not any(points.values()):
        raise UserError("a scatter plot needs at least one point")
    figure = new_figure(5.2, 3.6, layout="constrained")
    axes = figure.subplots()
    for place, (name, own) in enumerate(points.items()):
        mark, color = MARKS[place % len(MARKS)]
        ordered = sorted(own, key=lambda point: point.x)
        x, y, x_error, y_error = np.array([dataclasses.astuple(point) for point in ordered]).T
        axes.errorbar(
            x, y, xerr=x_error, yerr=y_error, fmt=mark + ("-" if joined else ""), color=color, markersize=5,
            linewidth=1.0, elinewidth=0.8, capsize=2, label=shortened(name, LABEL_LETTERS),
        )  # fmt: skip
    if log_x:
        axes.set_xscale("log")
    axes.set_xlabel(x_label, fontsize=8)
    axes.set_ylabel(y_label, fontsize=8)
    axes.legend(fontsize=7, frameon=False)
    quiet_axes(axes)
    return figure
