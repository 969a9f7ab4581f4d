"""Iterated function systems: fractals of affine maps, and flames of bent ones.

A system is 2 to 8 contracting affine maps; its attractor is drawn by the chaos game: many points jump from map to map
and are counted. The maps are drawn as in Anderson and Farrell 2022 ("Improving fractal pre-training", arXiv
2110.03091): turns and two scales each, where the sum of ``larger + 2 * smaller`` scale lies within (5 + n) / 2 to
(6 + n) / 2 for n maps, so that the attractor neither collapses to dust nor fills the plane. Flames (Draves and Reckase
2003) bend the plane after every map, and points carry a colour that moves half-way to the map's at every jump.

A program is one system; the images of a program shake its numbers a little and have colours, turn and cut of their
own. A system that leaves more than 92 % of a small picture empty, or less than 30 %, is drawn again. Counting is exact
in any order, so bytes do not depend on the number of threads.

Letters: M maps, P points that jump at once, H W image size.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from procgen.palettes import PALETTE_NUMBERS, palettes
from procgen.process import Path
from procgen.seeds import generator
from procgen.sources.generated import ImageByImage

Floats = npt.NDArray[np.float64]

NUM_MAPS = (2, 8)
NUM_BENDS = (1, 3)
POINTS_PER_PIXEL = 2.0
LEAST_POINTS = 40_000
NUM_JUMPS, NUM_WARM_UP_JUMPS = 48, 16
SHAKE = 0.04
PROBE_SIZE_PX = 32
FILL_RANGE = (0.08, 0.70)
MAX_TRIALS = 12
SHOWN_SHARE = 0.01
"""This share of the points on each side may fall outside the picture."""
FAR = 6.0
"""Points that a bend throws farther than this come back to the unit circle."""


class System(NamedTuple):
    """Maps of one system.

    Attributes:
        maps: (M, 2, 3) affine: x -> A x + b.
        shares: (M,) cumulative probabilities.
        colours: (M,) in [0, 1].
        bends: names of `BENDS`, one for each map; none for plain fractals.
    """

    maps: Floats
    shares: Floats
    colours: Floats
    bends: tuple[str, ...]


class Fractals(ImageByImage):
    """Attractors of affine maps.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        images_per_program: images of a block that share a system.
    """

    name = "fractals"
    is_bent = False

    def options(self) -> dict[str, Any]:
        return {}

    def _image(
        self, root_seed: int, block_index: int, image_index: int, program: int, path: Path
    ) -> npt.NDArray[np.uint8]:
        system = find_system(root_seed, (*path, "system", program), self.is_bent)
        random = generator(root_seed, *path, "image", self._sample(block_index, image_index))
        system = shake(system, random)
        points = max(LEAST_POINTS, int(POINTS_PER_PIXEL * self.image_size_px**2))
        positions, tones = play(system, points, random)
        positions = _turn(positions, random.random())
        counts, tones = count(positions, tones, self.image_size_px)
        return paint(counts, tones, random)

    def _details(self, root_seed: int, block_index: int, image_index: int, program: int, path: Path) -> dict[str, Any]:
        system = find_system(root_seed, (*path, "system", program), self.is_bent)
        return {"maps": system.maps.tolist()} | ({"bends": list(system.bends)} if self.is_bent else {})


class Flames(Fractals):
    """Attractors of affine maps followed by bends of the plane.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        images_per_program: images of a block that share a system.
    """

    name = "flames"
    is_bent = True


@functools.lru_cache(maxsize=256)
def find_system(root_seed: int, key: Path, is_bent: bool) -> System:
    """The first system of this key whose picture is neither nearly empty nor nearly full (of 12, else the last)."""
    for trial in range(MAX_TRIALS):
        random = generator(root_seed, *key, trial)
        system = draw_system(random, is_bent)
        counts, _ = count(*play(system, 8 * PROBE_SIZE_PX**2, random), PROBE_SIZE_PX)
        if FILL_RANGE[0] <= float((counts > 0).mean()) <= FILL_RANGE[1]:
            break
    return system


def draw_system(random: np.random.Generator, is_bent: bool) -> System:
    """One system; see the module for the law of its scales."""
    M = int(random.integers(NUM_MAPS[0], NUM_MAPS[1] + 1))
    scales = draw_scales(random, M)
    turns = random.uniform(0, 2 * np.pi, size=(2, M))
    signs = random.choice([-1.0, 1.0], size=(M, 2))
    linear = _rotations(turns[0]) @ (scales[:, :, None] * _rotations(turns[1])) * signs[:, None, :]
    offsets = random.uniform(-1, 1, size=(M, 2, 1))
    areas = np.maximum(np.abs(np.linalg.det(linear)), 0.01)
    colours = random.permutation(np.linspace(0, 1, M))
    bends: tuple[str, ...] = ()
    if is_bent:
        kinds = random.choice(sorted(BENDS), size=int(random.integers(NUM_BENDS[0], NUM_BENDS[1] + 1)), replace=False)
        bends = tuple(str(kind) for kind in random.choice(kinds, size=M))
    return System(np.concatenate([linear, offsets], axis=2), np.cumsum(areas / areas.sum()), colours, bends)


def draw_scales(random: np.random.Generator, M: int) -> Floats:
    """(M, 2) larger and smaller scale in (0, 1), raised to the power that brings their weighted sum into range."""
    wanted = random.uniform((5 + M) / 2, (6 + M) / 2)
    scales: Floats = np.sort(random.uniform(0.05, 0.95, size=(M, 2)), axis=1)[:, ::-1]
    low, high = 0.0, 16.0
    for _ in range(40):
        power = (low + high) / 2
        is_large = (scales**power @ [1, 2]).sum() > wanted
        low, high = (power, high) if is_large else (low, power)
    return scales**power


def shake(system: System, random: np.random.Generator) -> System:
    """The system with numbers a little changed."""
    return system._replace(maps=system.maps * (1 + SHAKE * random.uniform(-1, 1, size=system.maps.shape)))


def play(system: System, points: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """The chaos game.

    Returns:
        positions (2, points or a few more) and colours in [0, 1] of the points visited after the warm-up.
    """
    P = -(-points // NUM_JUMPS)
    position, tone = random.uniform(-1, 1, size=(2, P)), random.random(P)
    visited = np.empty((NUM_JUMPS, 3, P))
    for jump in range(-NUM_WARM_UP_JUMPS, NUM_JUMPS):
        chosen = np.minimum(np.searchsorted(system.shares, random.random(P), side="right"), len(system.maps) - 1)
        own = system.maps[chosen]
        position = np.stack([own[:, i, 0] * position[0] + own[:, i, 1] * position[1] + own[:, i, 2] for i in (0, 1)])
        if system.bends:
            position = _bend(position, chosen, system.bends)
        tone = (tone + system.colours[chosen]) / 2
        if jump >= 0:
            visited[jump, :2], visited[jump, 2] = position, tone
    return visited[:, :2].transpose(1, 0, 2).reshape(2, -1), visited[:, 2].ravel()


def count(positions: Floats, tones: Floats, size_px: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """(H, W) how many points fall on each pixel, and the mean colour of those; the picture holds nearly all points."""
    low, high = np.quantile(positions, [SHOWN_SHARE, 1 - SHOWN_SHARE], axis=1)
    side = max(float((high - low).max()) * 1.1, 1e-9)
    corner = (low + high - side) / 2
    pixel = np.floor((positions - corner[:, None]) * (size_px / side)).astype(np.int64)
    inside = ((pixel >= 0) & (pixel < size_px)).all(axis=0)
    flat = pixel[1, inside] * size_px + pixel[0, inside]
    counts = np.bincount(flat, minlength=size_px**2)
    sums = np.bincount(flat, weights=tones[inside], minlength=size_px**2)
    shape = (size_px, size_px)
    return counts.reshape(shape), (sums / np.maximum(counts, 1)).reshape(shape)


def paint(counts: npt.NDArray[np.int64], tones: Floats, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(3, H, W): a palette's colours by tone, over its first two as a gradient, as opaque as the log of the count."""
    ground, *colours = palettes(random.random((1, PALETTE_NUMBERS)))[0].reshape(4, 3)
    places = np.linspace(0, 1, len(colours))
    shown = np.stack([np.interp(tones, places, [colour[c] for colour in colours]) for c in range(3)])
    opacity = np.log1p(counts) / np.log1p(np.quantile(counts[counts > 0], 0.95)) if counts.any() else counts
    opacity = np.clip(opacity, 0, 1) ** random.uniform(0.5, 1.2)
    slope = np.linspace(0, random.uniform(0, 0.5), len(counts))
    rows = ground[:, None] * (1 - slope) + colours[-1][:, None] * slope
    mixed = rows[:, :, None] * (1 - opacity) + shown * opacity
    return np.asarray(np.rint(np.clip(mixed, 0, 1) * 255), dtype=np.uint8)


def _turn(positions: Floats, turn: float) -> Floats:
    turned: Floats = _rotations(np.array([2 * np.pi * turn]))[0] @ positions
    return turned


def _rotations(angles: Floats) -> Floats:
    """(M, 2, 2)."""
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2)


def _bend(position: Floats, chosen: npt.NDArray[np.int64], bends: tuple[str, ...]) -> Floats:
    bent = np.empty_like(position)
    for name in sorted(set(bends)):
        mine = np.isin(chosen, [k for k, bend in enumerate(bends) if bend == name])
        x, y = position[:, mine]
        bent[:, mine] = BENDS[name](x, y, np.hypot(x, y) + 1e-9, np.arctan2(x, y))
    radius = np.hypot(*bent)
    return np.where(radius > FAR, bent / np.maximum(radius, 1e-9), bent)


BENDS: dict[str, Any] = {
    "sinusoidal": lambda x, y, r, a: np.stack([np.sin(x), np.sin(y)]),
    "spherical": lambda x, y, r, a: np.stack([x, y]) / r**2,
    "swirl": lambda x, y, r, a: np.stack(
        [x * np.sin(r * r) - y * np.cos(r * r), x * np.cos(r * r) + y * np.sin(r * r)]
    ),
    "horseshoe": lambda x, y, r, a: np.stack([(x - y) * (x + y), 2 * x * y]) / r,
    "polar": lambda x, y, r, a: np.stack([a / np.pi, r - 1]),
    "handkerchief": lambda x, y, r, a: r * np.stack([np.sin(a + r), np.cos(a - r)]),
    "heart": lambda x, y, r, a: r * np.stack([np.sin(a * r), -np.cos(a * r)]),
    "disc": lambda x, y, r, a: a / np.pi * np.stack([np.sin(np.pi * r), np.cos(np.pi * r)]),
    "spiral": lambda x, y, r, a: np.stack([np.cos(a) + np.sin(r), np.sin(a) - np.cos(r)]) / np.maximum(r, 0.3),
    "hyperbolic": lambda x, y, r, a: np.stack([np.sin(a) / np.maximum(r, 0.2), r * np.cos(a)]),
    "diamond": lambda x, y, r, a: np.stack([np.sin(a) * np.cos(r), np.cos(a) * np.sin(r)]),
    "bubble": lambda x, y, r, a: 4 * np.stack([x, y]) / (r * r + 4),
}
"""Bends of the plane, by the names of Draves and Reckase 2003; r is the radius, a the angle from the y axis."""
