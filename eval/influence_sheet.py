"""The most influential entries of a memory as pictures, each with the queries that hang on it.

One row an entry. A query's frame says what the entry does there: solid blue with a tick where the answer is right and
would be wrong without the entry, dashed vermilion with a cross where it is the other way round, thin and grey where it
is wrong with and without.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from eval.figures import (
    BLUE,
    CAPTION_LETTERS,
    INK,
    PALE,
    RIGHT,
    VERMILION,
    WRONG,
    Pixels,
    frame,
    new_figure,
    png_bytes,
    shortened,
    show,
)
from procmem.errors import UserError

MOST_QUERIES = 6
Effect = Literal["helpful", "harmful", "neutral"]
Look = tuple[str, str, str | tuple[int, tuple[int, int]], float]
"""Mark, colour, line style, width."""

EFFECTS: dict[int, Effect] = {1: "helpful", -1: "harmful", 0: "neutral"}
LOOKS: dict[Effect, Look] = {
    "helpful": (RIGHT, BLUE, "-", 2.2),
    "harmful": (WRONG, VERMILION, (0, (3, 2)), 2.2),
    "neutral": ("", PALE, "-", 0.8),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class InfluenceRow:
    """One entry with the queries that it decides.

    Attributes:
        entry: its image.
        caption: its class.
        num_queries: that it decides, shown or not.
        queries: images, up to `MOST_QUERIES`.
        answers: answer to each query, and the answer without the entry.
        effects: what the entry does to each.
    """

    entry: Pixels
    caption: str
    num_queries: int
    queries: Sequence[Pixels]
    answers: Sequence[tuple[str, str]]
    effects: Sequence[Effect]


def influence_sheet(rows: Sequence[InfluenceRow]) -> bytes:
    """Entries in the first column, the queries that each decides to the right, as PNG.

    Raises:
        UserError: if there is no row.
    """
    if not rows:
        raise UserError("no entry decides a query, so there is nothing to draw")
    num_columns = 1 + min(MOST_QUERIES, max(len(row.queries) for row in rows))
    figure = new_figure(1.45 * num_columns, 1.9 * len(rows))
    grid = figure.subplots(len(rows), num_columns, squeeze=False, gridspec_kw={"wspace": 0.16, "hspace": 0.5})
    for row, axes in zip(rows, grid, strict=True):
        for panel in axes:
            panel.set_axis_off()
        noun = "query" if row.num_queries == 1 else "queries"
        show(axes[0], row.entry, f"{shortened(row.caption, CAPTION_LETTERS)}\ndecides {row.num_queries} {noun}")
        frame(axes[0], INK, "-", 0.8)
        for panel, image, (before, after), effect in zip(axes[1:], row.queries, row.answers, row.effects, strict=False):
            mark, color, style, width = LOOKS[effect]
            said = f"{mark} {shortened(before, CAPTION_LETTERS)}\nelse {shortened(after, CAPTION_LETTERS - 5)}"
            show(panel, image, said.strip(), INK if effect == "neutral" else color)
            frame(panel, color, style, width)
    return png_bytes(figure)
