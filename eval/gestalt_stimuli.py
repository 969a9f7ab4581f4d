"""Random stimuli for seven Gestalt principles, each with the groups that a person perceives.

After the list in section 8 of "Separating Knowledge and Perception with Procedural Data" (2025), whose own stimuli are
not published. Layout, number, size, contrast and polarity are drawn by seed; within a stimulus nothing but the
principle tells the groups apart: elements are of one shape, one colour and one size, except where similarity
is the principle.

    closure      a dashed outline                          inside | outside
    kanizsa      discs with a mouth towards each other     the figure that they imply | the rest
    connection   dots of a regular lattice, some joined    each joined set of dots, with its bars
    continuity   dots along smooth paths that cross        each path
    enclosure    dots of a lattice, some in an outline     dots inside | dots outside
    proximity    dots in clusters, or in lanes             each cluster or lane
    similarity   two kinds of element in a lattice         one kind | the other kind
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from eval.gestalt_canvas import Canvas, Color, Point, Stimulus
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

Chance = np.random.Generator
Path = npt.NDArray[np.float64]
SMALLEST_CONTRAST = 130
"""Between ink and paper, of 255."""


def gestalt_stimulus(principle: str, seed: int, number: int, size_px: int = 448) -> Stimulus:
    """One stimulus: a pure function of its arguments.

    Args:
        principle: a key of `PRINCIPLES`.
        seed: root seed.
        number: which one.
        size_px: side of the square.

    Raises:
        UserError: for an unknown principle or a size below 64 px, where elements blur into one another.
    """
    if principle not in PRINCIPLES:
        raise unknown_name("Gestalt principle", principle, PRINCIPLES)
    if size_px < 64:
        raise UserError(f"a Gestalt stimulus needs at least 64 px, received {size_px}")
    chance = generator(seed, "gestalt", principle, number)
    canvas = _canvas(chance, size_px)
    PRINCIPLES[principle](canvas, chance)
    return canvas.finished()


def draw_closure(canvas: Canvas, chance: Chance) -> None:
    """A dashed outline; gaps are a third to a half of it."""
    outline = _outline(chance, radius=chance.uniform(0.22, 0.36))
    canvas.region(None, 2)
    canvas.region(_points(outline), 1)
    num_dashes, width = int(chance.integers(9, 17)), chance.uniform(0.012, 0.02)
    share, start = chance.uniform(0.5, 0.66), chance.uniform()
    closed = np.concatenate([outline, outline[:1]])
    for dash in range(num_dashes):
        ends = (start + np.asarray([dash, dash + share]) / num_dashes) % 1.0
        canvas.line(_points(_piece(closed, *ends)), width)


def draw_kanizsa(canvas: Canvas, chance: Chance) -> None:
    """Discs at the corners of a polygon of 3 to 5 sides, the polygon cut out of each; half of every side is drawn."""
    num_corners = int(chance.integers(3, 6))
    radius = chance.uniform(0.24, 0.3)
    side = 2 * radius * math.sin(math.pi / num_corners)
    disc = chance.uniform(0.29, 0.36) * side  # 58 % to 72 % of a side is seen: a strong illusion
    corners = _regular(chance, num_corners, radius, margin=0.48 - disc)
    for corner in corners:
        canvas.disc((corner[0], corner[1]), disc)
    canvas.polygon(_points(corners), color=canvas.paper)
    canvas.region(None, 2)
    canvas.region(_points(corners), 1)


def draw_connection(canvas: Canvas, chance: Chance) -> None:
    """Dots of a regular lattice; two to four connected sets are joined by bars, the others stay alone."""
    side = int(chance.integers(4, 6))
    dots, step = _lattice(chance, side)
    radius, width = step * chance.uniform(0.17, 0.23), step * chance.uniform(0.07, 0.11)
    groups = np.zeros((side, side), np.int64)
    num_groups = int(chance.integers(2, 5))
    bars: list[tuple[tuple[int, int], tuple[int, int], int]] = []
    for group in range(1, num_groups + 1):
        free = np.argwhere(groups == 0)
        place = tuple(free[chance.integers(len(free))])
        groups[place] = group
        for _ in range(int(chance.integers(3, max(4, side * side // num_groups)))):
            steps = [
                (tuple(old), tuple(new))
                for old in np.argwhere(groups == group)
                for new in old + np.asarray([(0, 1), (1, 0), (0, -1), (-1, 0)])
                if (new >= 0).all() and (new < side).all() and groups[tuple(new)] == 0
            ]
            if not steps:
                break
            old_place, new_place = steps[chance.integers(len(steps))]
            groups[new_place] = group
            bars.append((old_place, new_place, group))
    sizes = np.bincount(groups.ravel(), minlength=num_groups + 1)
    for old_place, new_place, group in bars:
        canvas.line([tuple(dots[old_place]), tuple(dots[new_place])], width, group=group)
    for place in np.ndindex(side, side):
        group = int(groups[place])
        canvas.disc(tuple(dots[place]), radius, group=group if group and sizes[group] > 1 else None)


def draw_continuity(canvas: Canvas, chance: Chance) -> None:
    """Two or three smooth paths of equal dots that cross; at a crossing the straighter way on belongs together."""
    radius = chance.uniform(0.013, 0.017)
    spacing = radius * chance.uniform(2.7, 3.2)
    num_paths = int(chance.integers(2, 4))
    first, offset = chance.uniform(0, math.pi), chance.uniform(0.08, 0.14) if num_paths == 3 else 0.0
    taken = np.empty((0, 2))
    for path in range(num_paths):
        angle = first + math.pi * path / num_paths + chance.uniform(-0.15, 0.15)
        along = np.linspace(-0.45, 0.45, 400)
        across = chance.uniform(0.03, 0.07) * np.sin(along * chance.uniform(4, 8) + chance.uniform(0, 2 * math.pi))
        curve = np.stack([along, across + offset], axis=1) @ _turn(angle).T + 0.5  # three paths meet two by two
        curve = curve[((curve > 0.05) & (curve < 0.95)).all(axis=1)]
        canvas.band(_points(curve), 2.6 * radius, path + 1)
        for dot in _evenly(curve, spacing):
            if not len(taken) or np.linalg.norm(taken - dot, axis=1).min() > 2.2 * radius:
                canvas.disc((dot[0], dot[1]), radius)
                taken = np.concatenate([taken, dot[None]])


def draw_enclosure(canvas: Canvas, chance: Chance) -> None:
    """Equal dots of a jittered lattice; an outline runs half way between some of them and their neighbours."""
    side = int(chance.integers(6, 9))
    dots, step = _lattice(chance, side)
    rows, columns = (int(n) for n in chance.integers(2, side // 2 + 2, 2))
    top, left = int(chance.integers(side - rows + 1)), int(chance.integers(side - columns + 1))
    is_inside = np.zeros((side, side), bool)
    is_inside[top : top + rows, left : left + columns] = True
    radius = step * chance.uniform(0.15, 0.2)
    moved = dots + chance.uniform(-0.08, 0.08, dots.shape) * step
    for place in np.ndindex(side, side):
        canvas.disc(tuple(moved[place]), radius, group=1 if is_inside[place] else 2)
    corner, right, down = dots[top, left], dots[0, 1] - dots[0, 0], dots[1, 0] - dots[0, 0]
    middle = corner + (columns - 1) / 2 * right + (rows - 1) / 2 * down
    angles = np.linspace(0, 2 * math.pi, 401)
    roundness = 2 / chance.uniform(5, 10)  # a superellipse: between an ellipse and a rectangle
    across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** roundness * columns / 2
    along = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** roundness * rows / 2
    outline = middle + across[:, None] * right + along[:, None] * down
    canvas.line(_points(outline), chance.uniform(0.01, 0.015))


def draw_proximity(canvas: Canvas, chance: Chance) -> None:
    """Equal dots in two to four clusters with wide gaps between them, or in lanes of pairs of lines."""
    if chance.uniform() < 0.5:
        _lanes(canvas, chance)
        return
    num_groups = int(chance.integers(2, 5))
    quadrants = chance.permutation(4)[:num_groups]
    step = chance.uniform(0.058, 0.07)
    for group, quadrant in enumerate(quadrants, start=1):
        rows, columns = int(chance.integers(3, 5)), int(chance.integers(3, 5))
        grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns)), axis=-1).reshape(-1, 2)
        grid = (grid - grid.mean(axis=0)) * step @ _turn(chance.uniform(0, math.pi)).T
        middle = np.asarray([0.27, 0.27]) + 0.46 * np.asarray([quadrant % 2, quadrant // 2])
        for dot in grid + middle + chance.uniform(-0.03, 0.03, 2):
            canvas.disc((dot[0], dot[1]), 0.3 * step, group=group)


def _lanes(canvas: Canvas, chance: Chance) -> None:
    num_lanes, num_dots = int(chance.integers(3, 5)), 11
    gap = 0.8 / num_lanes
    near, radius = 0.33 * gap, 0.024
    turn = _turn(chance.choice([0.0, math.pi / 2]) + chance.uniform(-0.2, 0.2))
    for lane in range(num_lanes):
        middle = (lane - (num_lanes - 1) / 2) * gap
        for line in (middle - near / 2, middle + near / 2):
            for along in np.linspace(-0.38, 0.38, num_dots):
                dot = turn @ np.asarray([along, line]) + 0.5
                if np.abs(dot - 0.5).max() < 0.46:
                    canvas.disc((dot[0], dot[1]), radius * near / 0.066 if near < 0.066 else radius, group=lane + 1)


def draw_similarity(canvas: Canvas, chance: Chance) -> None:
    """Two kinds of element (by colour, fill or shape) in a lattice: in rows, in columns, in blocks or scattered."""
    side = int(chance.integers(5, 8))
    dots, step = _lattice(chance, side)
    radius = 0.32 * step
    rows, columns = np.indices((side, side))
    scattered = chance.permuted(rows.ravel() % 2).reshape(side, side)
    arranged = [rows % 2, columns % 2, (rows // 2 + columns // 2) % 2, scattered]
    kinds = arranged[chance.integers(4)]
    how = chance.choice(["color", "fill", "shape"])
    other, turn = _other_color(canvas, chance), _turn(chance.choice([0.0, math.pi / 4]))
    for place in np.ndindex(side, side):
        center, kind = tuple(dots[place]), int(kinds[place])
        if kind == 0:
            canvas.disc(center, radius, group=1)
        elif how == "color":
            canvas.disc(center, radius, group=2, color=other)
        elif how == "fill":
            canvas.ring(center, radius, 0.22 * radius, group=2)
        else:
            corners = np.asarray([(1, 1), (-1, 1), (-1, -1), (1, -1)]) @ turn.T
            canvas.polygon(_points(center + 0.89 * radius * corners), group=2)  # as much ink as a disc


PRINCIPLES: dict[str, Callable[[Canvas, Chance], None]] = {
    "closure": draw_closure,
    "kanizsa": draw_kanizsa,
    "connection": draw_connection,
    "continuity": draw_continuity,
    "enclosure": draw_enclosure,
    "proximity": draw_proximity,
    "similarity": draw_similarity,
}
"""name -> what draws it; the order is that of the paper's table 4."""


def _canvas(chance: Chance, size_px: int) -> Canvas:
    """Dark ink on light paper or the other way round, both nearly grey."""
    dark, light = chance.uniform(0, 60), chance.uniform(60 + SMALLEST_CONTRAST, 255)
    colors = [_tinted(dark, chance), _tinted(light, chance)]
    ink, paper = colors if chance.uniform() < 0.5 else colors[::-1]
    return Canvas(size_px, paper, ink)


def _tinted(level: float, chance: Chance) -> Color:
    red, green, blue = (int(value) for value in (level + chance.uniform(-12, 12, 3)).clip(0, 255))
    return red, green, blue


def _other_color(canvas: Canvas, chance: Chance) -> Color:
    """A strong hue, half way in lightness between ink and paper."""
    import colorsys

    lightness = (sum(canvas.ink) + sum(canvas.paper)) / (6 * 255)
    red, green, blue = colorsys.hls_to_rgb(chance.uniform(), lightness, 0.9)
    return int(255 * red), int(255 * green), int(255 * blue)


def _outline(chance: Chance, radius: float) -> Path:
    """A closed convex-ish outline as 400 points: an ellipse, a rounded blob or a regular polygon, inside the square."""
    angles = np.linspace(0, 2 * math.pi, 400, endpoint=False)
    kind = chance.integers(3)
    if kind == 0:
        shape = np.stack([np.cos(angles), chance.uniform(0.65, 1.0) * np.sin(angles)], axis=1)
    elif kind == 1:
        waves = 1 + 0.14 * np.sin(int(chance.integers(2, 5)) * angles + chance.uniform(0, 2 * math.pi))
        shape = np.stack([waves * np.cos(angles), waves * np.sin(angles)], axis=1) / waves.max()
    else:
        num_corners = int(chance.integers(3, 7))
        turns = 2 * math.pi * np.arange(num_corners + 1) / num_corners
        corners = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        shape = _evenly(corners, 2 * num_corners * math.sin(math.pi / num_corners) / 400)
    shape = radius * shape @ _turn(chance.uniform(0, 2 * math.pi)).T
    reach = 0.47 - np.abs(shape).max(axis=0)
    moved: Path = shape + 0.5 + chance.uniform(-1, 1, 2) * reach
    return moved


def _regular(chance: Chance, num_corners: int, radius: float, margin: float) -> Path:
    """Corners of a regular polygon, turned and moved, each at most `margin` from the middle along an axis."""
    angles = 2 * math.pi * np.arange(num_corners) / num_corners + chance.uniform(0, 2 * math.pi)
    shape = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reach = np.maximum(margin - np.abs(shape).max(axis=0), 0)
    moved: Path = shape + 0.5 + chance.uniform(-1, 1, 2) * reach
    return moved


def _lattice(chance: Chance, side: int) -> tuple[Path, float]:
    """(side, side, 2) places of a square lattice, slightly turned, and its step."""
    step = chance.uniform(0.76, 0.84) / side
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1) - (side - 1) / 2
    turned: Path = step * places @ _turn(chance.uniform(-0.12, 0.12)).T + 0.5
    return turned, step


def _turn(angle: float) -> npt.NDArray[np.float64]:
    return np.asarray([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _lengths(path: Path) -> npt.NDArray[np.float64]:
    """Length of the path up to each of its points."""
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])


def _evenly(path: Path, spacing: float) -> Path:
    """Points at equal distances along a path."""
    lengths = _lengths(path)
    at = np.arange(0, lengths[-1], spacing)
    return np.stack([np.interp(at, lengths, path[:, axis]) for axis in (0, 1)], axis=1)


def _piece(closed: Path, start: float, stop: float) -> Path:
    """The part of a closed path between two shares of its length; past the end where stop is smaller."""
    lengths = _lengths(closed) / _lengths(closed)[-1]
    at = np.linspace(start, stop if stop > start else stop + 1, 24) % 1.0
    return np.stack([np.interp(at, lengths, closed[:, axis]) for axis in (0, 1)], axis=1)


def _points(path: Path) -> list[Point]:
    return [(float(x), float(y)) for x, y in path]
