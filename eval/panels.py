"""Figures of the segmentation tasks: rows of panels, and label maps that can be read without colour.

A label map shows each label in a colour of its own, edges between labels in white, and the names of its largest regions
written on them, so that it survives a black-and-white printer.

Letters: H W panel size.
"""

from __future__ import annotations

import colorsys
import dataclasses
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from eval.figures import INK, new_figure, png_bytes, shortened
from eval.sets.masked import UNLABELLED, LabelMap
from procmem.errors import UserError

PANEL_INCHES = 1.75
CAPTION_LETTERS = 27
"""What fits below a panel."""
NAMES_SHOWN = 4
"""Names written on a label map: of its largest regions."""
SMALLEST_MAP = 100
"""Side to which a map of few patches is enlarged."""
SMALLEST_NAMED = 0.03
"""Share of a map below which a region has no room for its name."""
NEAR_EDGE = 0.2
"""Share of the width from an edge within which a name is written away from it."""
GOLDEN_ANGLE = 0.381966
"""Of a turn: hues that follow each other at it are far apart, however many there are."""
UNLABELLED_GREY = 0.25


@dataclasses.dataclass(frozen=True)
class Panel:
    """One picture of a sheet.

    Attributes:
        pixels: (H, W, 3) uint8 0..255 or float 0..1.
        caption: below it.
        names: (row, column, text) to write on it, in its pixels.
        is_marked: None, or whether its frame says right (solid) or wrong (dashed).
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32] | npt.NDArray[np.float64]
    caption: str = ""
    names: tuple[tuple[int, int, str], ...] = ()
    is_marked: bool | None = None


def label_panel(mask: LabelMap, label_names: Sequence[str], caption: str = "") -> Panel:
    """A label map (H, W) as a panel; label 0 is dark grey and has no name, what is ignored is white as edges are."""
    enlarged = -(-SMALLEST_MAP // len(mask))  # edges are one pixel wide
    mask = mask.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    pixels = np.asarray([label_color(label) for label in range(len(label_names))])[mask]
    edges = np.zeros(mask.shape, bool)
    edges[1:] |= mask[1:] != mask[:-1]
    edges[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    pixels[edges | (mask < UNLABELLED)] = 1.0
    labels, sizes = np.unique(mask[mask > UNLABELLED], return_counts=True)
    large = [int(labels[i]) for i in np.argsort(-sizes)[:NAMES_SHOWN] if sizes[i] >= SMALLEST_NAMED * mask.size]
    return Panel(pixels, caption, tuple((*_inside(mask == label), label_names[label]) for label in large))


def label_color(label: int) -> tuple[float, float, float]:
    """RGB in [0, 1]: neighbours in number are far apart in hue and differ in lightness."""
    if label == UNLABELLED:
        return UNLABELLED_GREY, UNLABELLED_GREY, UNLABELLED_GREY
    return colorsys.hls_to_rgb(label * GOLDEN_ANGLE % 1, 0.4 + 0.14 * (label % 3), 0.55)


def panel_sheet(rows: Sequence[Sequence[Panel]]) -> Image.Image:
    """Rows of panels, all rows of one length, as a picture.

    Raises:
        UserError: if there is no row, or rows differ in length.
    """
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise UserError(f"a sheet needs rows of equal length, received lengths {[len(row) for row in rows]}")
    figure = new_figure(PANEL_INCHES * len(rows[0]), (PANEL_INCHES + 0.2) * len(rows))
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False, gridspec_kw={"wspace": 0.06, "hspace": 0.16})
    for axes, row in zip(grid, rows, strict=True):
        for place, panel in zip(axes, row, strict=True):
            place.imshow(panel.pixels, interpolation="antialiased", vmin=0, vmax=1)
            place.set_xticks([])
            place.set_yticks([])
            place.set_xlabel(shortened(panel.caption, CAPTION_LETTERS), fontsize=7, color=INK, labelpad=2)
            style = {"linewidth": 0.4, "color": INK}
            if panel.is_marked is not None:
                style = {"linewidth": 2.0, "color": INK, "linestyle": "-" if panel.is_marked else (0, (3, 2))}
            place.spines[:].set(**style)
            for at_row, at_column, text in panel.names:
                box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.75, "linewidth": 0}
                width = panel.pixels.shape[1]
                share, anchor = _anchored(at_column / width)
                place.text(
                    share * width, at_row, text, fontsize=5.5, ha=anchor, va="center", color=INK, bbox=box, clip_on=True
                )
    return Image.open(io.BytesIO(png_bytes(figure)))


def _anchored(across: float) -> tuple[float, str]:
    """Where a name starts, ends or has its middle, as a share of the width: a name near an edge would be cut there."""
    if NEAR_EDGE < across < 1 - NEAR_EDGE:
        return across, "center"
    return (max(across - NEAR_EDGE / 2, 0.03), "left") if across < 0.5 else (min(across + NEAR_EDGE / 2, 0.97), "right")


def _inside(region: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The place of a region that is farthest from its edge: where its name is written."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), region.shape)
    return int(row), int(column)
