"""The paper's picture of privacy: accuracy against the share of entries that change an answer, several encoders.

"Separating Knowledge and Perception with Procedural Data" (2025), figure 12, by our definition (every flip counts, see
`memory.audit.published_rule` for the difference): one panel a voting rule, one mark an encoder, k along each line.
Up and to the left is better: more right answers, fewer entries that anything hangs on. All panels have the same axes,
so that rules can be compared by eye.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.patheffects import withStroke

from eval.figures import BLUE, GREEN, INK, PALE, PURPLE, VERMILION, new_figure, png_bytes, quiet_axes
from procmem.errors import UserError

MARKS = ("o", "s", "^", "D", "v", "P")
COLORS = (BLUE, VERMILION, GREEN, PURPLE, INK, PALE)
PANEL_INCHES = (3.6, 2.7)
COLUMNS = 2
HALO = withStroke(linewidth=2, foreground="white")
"""Keeps a number readable where a line passes behind it."""


def privacy_figure(audits: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Draw audits as PNG.

    Args:
        audits: encoder -> its audits, each with rule, k, top1_accuracy and fraction_non_private, as
            ``procmem audit leave-one-out --json`` gives them.

    Raises:
        UserError: if there is no audit, or more encoders than marks.
    """
    if not audits or not all(audits.values()) or len(audits) > len(MARKS):
        raise UserError(f"the figure needs audits of 1 to {len(MARKS)} encoders; received {len(audits)}")
    rules = list(dict.fromkeys(audit["rule"] for rows in audits.values() for audit in rows))
    columns = min(COLUMNS, len(rules))
    lines = -(-len(rules) // columns)
    figure = new_figure(PANEL_INCHES[0] * columns, PANEL_INCHES[1] * lines + 0.35, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for rule, axes in zip(rules, panels, strict=False):
        for (name, rows), mark, color in zip(audits.items(), MARKS, COLORS, strict=False):
            own = sorted((audit for audit in rows if audit["rule"] == rule), key=lambda audit: audit["k"])
            x = [100 * audit["fraction_non_private"] for audit in own]
            y = [100 * audit["top1_accuracy"] for audit in own]
            axes.plot(x, y, marker=mark, color=color, linewidth=1, markersize=5, label=name)
            for audit, left, top in zip(own, x, y, strict=True):
                text = axes.annotate(str(audit["k"]), (left, top), xytext=(0, 5), textcoords="offset points")
                text.set(fontsize=7, color=color, ha="center", path_effects=[HALO])
        axes.set_title(f"{rule} voting", fontsize=9, loc="left", color=INK)
        quiet_axes(axes)
        axes.margins(x=0.06, y=0.12)
    for axes in panels[len(rules) :]:
        axes.remove()
    panels[0].set_xlim(left=0)
    figure.supxlabel("entries that change an answer, % of the memory (numbers: k)", fontsize=8, color=INK)
    figure.supylabel("top-1 accuracy, %", fontsize=8, color=INK)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=2, fontsize=7, frameon=False)
    return png_bytes(figure)
