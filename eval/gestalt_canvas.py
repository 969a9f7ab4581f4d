"""A canvas for Gestalt stimuli: shapes in ink, and beside them the map of the groups that a person perceives.

Coordinates are in [0, 1], x to the right and y down. Everything is drawn at four times the size and averaged, so edges
are smooth; the map of groups is sampled, never averaged.

Letters: S side of the stimulus.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from eval.sets.masked import LabelMap

SUPERSAMPLING = 4
GROWN = 1.35
"""A group's mark reaches so much farther than its ink: what a person ascribes to an element is not cut at its edge, and
a patch that holds an element's rim belongs to it."""

Point = tuple[float, float]
Color = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stimulus:
    """An image with the groups that a person perceives in it.

    Attributes:
        image: (S, S, 3) uint8.
        mask: (S, S) int64: 0 belongs to no group, 1, 2, ... are groups.
    """

    image: npt.NDArray[np.uint8]
    mask: LabelMap


class Canvas:
    """An image and its map of groups, drawn together.

    Args:
        size_px: S.
        paper: background colour.
        ink: colour of shapes that name none.
    """

    def __init__(self, size_px: int, paper: Color, ink: Color) -> None:
        self._side = size_px * SUPERSAMPLING
        self.paper, self.ink = paper, ink
        self._image = Image.new("RGB", (self._side, self._side), paper)
        self._mask = Image.new("L", (self._side, self._side), 0)
        self._draw, self._mark = ImageDraw.Draw(self._image), ImageDraw.Draw(self._mask)

    def disc(self, center: Point, radius: float, *, group: int | None = None, color: Color | None = None) -> None:
        """A filled disc; with a group, also its mark."""
        self._draw.ellipse(self._around(center, radius), fill=color or self.ink)
        if group is not None:
            self._mark.ellipse(self._around(center, GROWN * radius), fill=group)

    def ring(self, center: Point, radius: float, width: float, *, group: int | None = None) -> None:
        """A circle line; with a group, the mark of the disc that it bounds."""
        self._draw.ellipse(self._around(center, radius), outline=self.ink, width=max(1, round(width * self._side)))
        if group is not None:
            self._mark.ellipse(self._around(center, GROWN * radius), fill=group)

    def polygon(self, points: Sequence[Point], *, group: int | None = None, color: Color | None = None) -> None:
        """A filled polygon; with a group, the mark of the polygon grown about its centre."""
        self._draw.polygon(self._scaled(points), fill=color or self.ink)
        if group is not None:
            middle = np.mean(points, axis=0)
            self._mark.polygon(self._scaled(middle + GROWN * (np.asarray(points) - middle)), fill=group)

    def line(self, points: Sequence[Point], width: float, *, group: int | None = None) -> None:
        """A line with round joints and ends; with a group, also its mark."""
        self._stroke(self._draw, points, width, self.ink)
        if group is not None:
            self._stroke(self._mark, points, GROWN * width, group)

    def band(self, points: Sequence[Point], width: float, group: int) -> None:
        """The mark of a path, without ink."""
        for point in points:  # a wide line of many short pieces has notches at its joints
            self._mark.ellipse(self._around(point, width / 2), fill=group)

    def region(self, points: Sequence[Point] | None, group: int) -> None:
        """The mark of a polygon's inside, without ink; None marks everything."""
        if points is None:
            self._mark.rectangle((0, 0, self._side, self._side), fill=group)
        else:
            self._mark.polygon(self._scaled(points), fill=group)

    def finished(self) -> Stimulus:
        """The drawing at its size."""
        size = self._side // SUPERSAMPLING
        image = np.array(self._image.resize((size, size), Image.Resampling.BOX))
        mask = np.asarray(self._mask)[SUPERSAMPLING // 2 :: SUPERSAMPLING, SUPERSAMPLING // 2 :: SUPERSAMPLING]
        return Stimulus(image=image, mask=mask.astype(np.int64))

    def _stroke(self, draw: ImageDraw.ImageDraw, points: Sequence[Point], width: float, fill: Color | int) -> None:
        scaled = self._scaled(points)
        draw.line(scaled, fill=fill, width=max(1, round(width * self._side)), joint="curve")
        radius = width * self._side / 2
        for x, y in (scaled[0], scaled[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def _around(self, center: Point, radius: float) -> tuple[float, float, float, float]:
        x, y = center
        side = self._side
        return side * (x - radius), side * (y - radius), side * (x + radius), side * (y + radius)

    def _scaled(self, points: Sequence[Point] | npt.NDArray[np.float64]) -> list[tuple[float, float]]:
        return [(float(x) * self._side, float(y) * self._side) for x, y in points]
