"""Figures as PNG bytes: neighbour sheets, patch colours, curves, accuracy bars.

Matplotlib through its objects (no pyplot), so that no figure lives longer than its function and no global style is
touched. One light look, on white, that a report shows in dark mode as a sheet of paper. Whatever colour says is
also said by a mark, a line style or a number, so every figure survives a black-and-white printer.

Letters: H W image size, h w patch grid.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from eval.images import LabelledImages
from memory.neighbors import Neighbors
from pretrain.preprocessing import to_rgb
from procmem.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#8E5C9E"
"""From the colour-blind safe palette of Okabe and Ito (2008), the purple darkened for text on white."""
INK, PALE = "#222222", "#c9c9c9"
LINE_LOOKS = ((BLUE, "-"), (VERMILION, "--"), (GREEN, "-."), (PURPLE, ":"))
DOTS_PER_INCH = 144
THUMBNAIL_PX = 160
"""Side of a picture in a sheet; larger only makes a larger report."""
RIGHT, WRONG = "✓", "✗"
CAPTION_LETTERS = 17
"""As many as fit under a thumbnail."""
IMAGE_INCHES, GAP_INCHES, CAPTION_INCHES = 1.0, 0.12, 0.42
"""Of a neighbour sheet: width of an image, space between two, height of the two lines below."""

Pixels = npt.NDArray[np.uint8] | Image.Image


@dataclasses.dataclass(frozen=True, kw_only=True)
class SheetRow:
    """One query with its neighbours, nearest first.

    Attributes:
        query: image.
        caption: under the query, its true class.
        neighbors: images.
        neighbor_captions: under each neighbour, its class.
        similarities: of each neighbour.
        is_right: for each neighbour, whether its class is the query's.
    """

    query: Pixels
    caption: str
    neighbors: Sequence[Pixels]
    neighbor_captions: Sequence[str]
    similarities: Sequence[float]
    is_right: Sequence[bool]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurvePanel:
    """One plot of several curves over one axis.

    Attributes:
        title: what is plotted.
        x_label: with unit.
        series: name -> (x, y).
        reference: a horizontal line and its name, for example the loss of a collapsed network.
    """

    title: str
    x_label: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    reference: tuple[str, float] | None = None


def sheet_rows(
    queries: LabelledImages, entries: LabelledImages, neighbors: Neighbors, positions: Sequence[int], count: int = 5
) -> list[SheetRow]:
    """Rows of a neighbour sheet.

    Args:
        queries: the set that was asked about; `neighbors` has one row for each of its images.
        entries: the memory's images; ids of `neighbors` are positions in it.
        neighbors: result of the search.
        positions: which queries to show.
        count: neighbours a row.
    """
    names, rows = entries.class_names, []
    for query in positions:
        nearest = [(int(i), float(s)) for i, s in zip(neighbors.ids[query], neighbors.similarities[query], strict=True)]
        nearest = [(entry, similarity) for entry, similarity in nearest[:count] if entry >= 0]
        row = SheetRow(
            query=thumbnail(queries.image(query)),
            caption=names[queries.labels[query]],
            neighbors=[thumbnail(entries.image(entry)) for entry, _ in nearest],
            neighbor_captions=[names[entries.labels[entry]] for entry, _ in nearest],
            similarities=[similarity for _, similarity in nearest],
            is_right=[bool(entries.labels[entry] == queries.labels[query]) for entry, _ in nearest],
        )
        rows.append(row)
    return rows


def neighbor_sheet(rows: Sequence[SheetRow], across: int = 1) -> bytes:
    """Queries in the first column, their neighbours to the right, nearest first; a row is as high as its images are.

    A neighbour of the query's class has a solid blue frame and a tick, another a dashed vermilion one and a cross.

    Args:
        rows: top down.
        across: stacks of rows side by side; the first is filled first.
    """
    if not rows:
        raise UserError("a neighbour sheet needs at least one query")
    num_columns = 1 + max(len(row.neighbors) for row in rows)
    stack_inches = num_columns * (IMAGE_INCHES + GAP_INCHES) + 2 * GAP_INCHES
    num_lines = -(-len(rows) // across)
    lines = [rows[line::num_lines] for line in range(num_lines)]
    heights = [IMAGE_INCHES * max(map(_height_of, line)) for line in lines]
    width, height = across * stack_inches, sum(heights) + CAPTION_INCHES * num_lines
    figure = new_figure(width, height)
    top = height
    for line, image_inches in zip(lines, heights, strict=True):
        for stack, row in enumerate(line):
            for column in range(1 + len(row.neighbors)):
                left = stack * stack_inches + column * (IMAGE_INCHES + GAP_INCHES)
                place = (left / width, (top - image_inches) / height, IMAGE_INCHES / width, image_inches / height)
                axes = figure.add_axes(place, anchor="S")  # captions of one line stand at one height
                _draw_cell(axes, row, column)
        top -= image_inches + CAPTION_INCHES
    return png_bytes(figure)


def _height_of(row: SheetRow) -> float:
    """Of the highest image of a row, in widths."""
    sizes = [np.asarray(image).shape for image in (row.query, *row.neighbors)]
    return max(float(height / width) for height, width, *_ in sizes)


def _draw_cell(axes: Axes, row: SheetRow, column: int) -> None:
    """The query, or one neighbour."""
    if column == 0:
        show(axes, row.query, shortened(row.caption, CAPTION_LETTERS))
        frame(axes, INK, "-", 0.8)
        return
    place = column - 1
    right = row.is_right[place]
    mark, color = (RIGHT, BLUE) if right else (WRONG, VERMILION)
    caption = f"{shortened(row.neighbor_captions[place], CAPTION_LETTERS)}\n{mark} {row.similarities[place]:.2f}"
    show(axes, row.neighbors[place], caption, color)
    frame(axes, color, "-" if right else (0, (3, 2)), 2.2)


def patch_pictures(images: Sequence[Pixels], colors: Mapping[str, torch.Tensor]) -> bytes:
    """Images in the first row, below them one row of patch colours an encoder.

    Args:
        images: B images.
        colors: name of the encoder -> (B, h, w, 3) float in [0, 1], from `pca_colors`.
    """
    labels = ["image", *colors]
    figure = new_figure(1.3 * len(images) + 0.4, 1.36 * len(labels))
    grid = figure.subplots(len(labels), len(images), squeeze=False, gridspec_kw={"wspace": 0.05, "hspace": 0.08})
    for column, image in enumerate(images):
        grid[0, column].imshow(np.asarray(image), interpolation="antialiased")
        for row, tokens in enumerate(colors.values(), start=1):
            grid[row, column].imshow(tokens[column].cpu().numpy(), interpolation="bilinear")
    for axes, label in zip(grid, labels, strict=True):
        for panel in axes:
            panel.set_xticks([])
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
        axes[0].set_ylabel(shortened(label, 18), fontsize=8, color=INK)
    return png_bytes(figure)


def curves(panels: Sequence[CurvePanel]) -> bytes:
    """`draw_curves` as PNG."""
    return png_bytes(draw_curves(panels))


def draw_curves(panels: Sequence[CurvePanel]) -> Figure:
    """Panels side by side, up to three in one row, else two a row; curves differ by colour and by line style."""
    if not panels:
        raise UserError("a figure of curves needs at least one panel")
    num_columns = len(panels) if len(panels) <= 3 else 2
    num_rows = -(-len(panels) // num_columns)
    figure = new_figure(3.7 * num_columns, 2.6 * num_rows)
    grid = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    # Fixed, since matplotlib's constrained layout now and then finds no room for these very panels.
    figure.subplots_adjust(wspace=0.22, hspace=0.5)
    for panel, axes in zip(panels, grid, strict=False):
        for (name, (x, y)), (color, style) in zip(panel.series.items(), _looks(len(panel.series)), strict=True):
            dot = "o" if len(x) == 1 else ""  # a line through one point cannot be seen
            axes.plot(x, y, style, color=color, linewidth=1.4, marker=dot, markersize=4, label=name)
        if panel.reference is not None:
            axes.axhline(panel.reference[1], color=INK, linewidth=0.8, linestyle=(0, (1, 2)), label=panel.reference[0])
        axes.set_title(panel.title, fontsize=10, loc="left", color=INK)
        axes.set_xlabel(panel.x_label, fontsize=8, color=INK)
        if len(panel.series) + (panel.reference is not None) > 1:
            axes.legend(fontsize=8, frameon=False)
        quiet_axes(axes)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return figure


def accuracy_bars(
    names: Sequence[str], values: Sequence[float], standard_errors: Sequence[float], chance: float | None = None
) -> bytes:
    """Horizontal bars of top-1 accuracy in percent, with one standard error each way, and a line at chance.

    Args:
        names: one a bar, first on top.
        values: accuracies, 0..1.
        standard_errors: of the values.
        chance: accuracy of guessing, 0..1.
    """
    percent, errors = 100 * np.asarray(values), 100 * np.asarray(standard_errors)
    figure = new_figure(7.2, 0.42 * len(names) + 0.9, layout="constrained")
    axes = figure.subplots()
    axes.barh(
        range(len(names)), percent, height=0.62, color="#8fbcd8", edgecolor=BLUE, linewidth=0.8,
        xerr=errors, error_kw={"ecolor": INK, "capsize": 3, "elinewidth": 1.0},
    )  # fmt: skip
    for position, (value, error) in enumerate(zip(percent, errors, strict=True)):
        axes.annotate(
            f"{value:.1f}", (value + error, position), (6, 0), textcoords="offset points", va="center", fontsize=9
        )
    if chance is not None:
        axes.axvline(100 * chance, color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.annotate(
            f"chance {100 * chance:.1f}", (100 * chance, 1), (0, 3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", va="bottom", fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [shortened(name, 44) for name in names], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(float((percent + errors).max()) * 1.15, 1.0))
    axes.set_xlabel("top-1 accuracy, %  (± one standard error)", fontsize=8, color=INK)
    quiet_axes(axes, grid_axis="x")
    return png_bytes(figure)


def new_figure(width_inches: float, height_inches: float, layout: str | None = None) -> Figure:
    """An empty figure on white."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), facecolor="white", layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """A figure as PNG; equal figures are equal bytes."""
    buffer = io.BytesIO()
    # Without the software line, equal figures are equal bytes.
    figure.savefig(
        buffer, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.08, metadata={"Software": None}
    )
    return buffer.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """A figure as SVG, letters as outlines; equal figures are equal bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "procmem"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.08, metadata={"Date": None})
    return buffer.getvalue()


def thumbnail(image: Image.Image) -> Image.Image:
    """The square middle of an image, as large as a sheet shows it."""
    side = THUMBNAIL_PX if min(image.size) > THUMBNAIL_PX else min(image.size)
    return ImageOps.fit(to_rgb(ImageOps.exif_transpose(image)), (side, side), Image.Resampling.LANCZOS)


def show(axes: Axes, image: Pixels, caption: str, color: str = INK) -> None:
    """An image with a caption below it."""
    axes.set_axis_on()
    axes.set_xticks([])
    axes.set_yticks([])
    axes.imshow(np.asarray(image), interpolation="antialiased")
    axes.set_xlabel(caption, fontsize=7, color=color, labelpad=3)


def frame(axes: Axes, color: str, style: str | tuple[int, tuple[int, int]], width: float) -> None:
    """A frame around an image."""
    axes.spines[:].set(color=color, linestyle=style, linewidth=width)


def quiet_axes(axes: Axes, grid_axis: str = "y") -> None:
    """Axes without frame, with a pale grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(labelsize=8, color=PALE, labelcolor=INK)
    axes.grid(axis=grid_axis, color="#e6e6e6", linewidth=0.7)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def _looks(count: int) -> list[tuple[str, str]]:
    return [LINE_LOOKS[position % len(LINE_LOOKS)] for position in range(count)]


def shortened(text: str, length: int) -> str:
    """A text of at most so many letters; its middle goes, since names of a set begin alike and differ at their end."""
    tail = (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - 1 - tail]}…{text[-tail:]}"
