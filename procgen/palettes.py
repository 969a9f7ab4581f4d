"""Palettes: four colours that always hold light and dark, and rarely shout.

Colours are drawn in OKLCh (Ottosson 2020, "A perceptual color space for image processing"), where lightness and chroma
can be set apart from hue. The four lightnesses are drawn from four disjoint ranges, so every palette spans at least
``LIGHTNESS_RANGES[3][0] - LIGHTNESS_RANGES[0][1]`` of lightness whatever its hues; most palettes are low in chroma, and
the hues of one palette follow a scheme. A colour outside sRGB loses chroma, never lightness. Three palettes in ten are
not in order of lightness, two are reversed.

Rejected: free RGB triples (neon, or flat in luminance) and a fixed list of hand-made palettes (too few).

Letters: N palettes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

NUM_COLOURS = 4
PALETTE_WIDTH = 3 * NUM_COLOURS
PALETTE_NUMBERS = 16  # uniform numbers that one palette consumes

LIGHTNESS_RANGES = ((0.10, 0.34), (0.36, 0.58), (0.58, 0.78), (0.80, 0.97))
CHROMA_LARGEST = 0.19
REVERSED_SHARE, SHUFFLED_SHARE = 0.2, 0.3

# Hue families in turns of OKLCh: earth, sky and leaf hues come more often than the rest of the circle.
HUE_FAMILIES = (
    (0.16, 0.05, 0.36),
    (0.68, 0.07, 0.26),
    (0.37, 0.05, 0.14),
    (0.5, 0.5, 0.24),
)  # centre, half width, share

_PERMUTATIONS = np.array(
    [[a, b, c, d] for a in range(4) for b in range(4) for c in range(4) for d in range(4) if len({a, b, c, d}) == 4]
)
_GAMUT_STEPS = 12


def palettes(numbers: Array) -> Array:
    """Palettes from uniform numbers.

    Args:
        numbers: (N, `PALETTE_NUMBERS`) in [0, 1).

    Returns:
        (N, 12) float64: four display-referred sRGB colours a row, each channel in [0, 1].
    """
    lightness = np.stack([low + (high - low) * numbers[:, i] for i, (low, high) in enumerate(LIGHTNESS_RANGES)], axis=1)
    hue = (_base_hue(numbers[:, 4], numbers[:, 5])[:, None] + _hue_offsets(numbers[:, 6], numbers[:, 7:11])) % 1.0
    strength = 0.15 + 0.85 * numbers[:, 11:12] ** 2  # of the whole palette: most are quiet
    chroma = CHROMA_LARGEST * strength * (0.25 + 0.75 * numbers[:, [7, 12, 13, 8]])
    colours = _srgb(lightness, chroma, hue)
    order = _order(numbers[:, 14], numbers[:, 15])
    return np.take_along_axis(colours, order[:, :, None], axis=1).reshape(-1, PALETTE_WIDTH)


def _base_hue(choice: Array, position: Array) -> Array:
    centre, half_width, share = np.array(HUE_FAMILIES).T
    family = np.minimum(np.searchsorted(np.cumsum(share), choice, side="right"), len(share) - 1)
    return np.asarray(centre[family] + half_width[family] * (2 * position - 1))


def _hue_offsets(scheme: Array, spread: Array) -> Array:
    """(N, 4) hue relative to the base: mono (30 %), analogous (40 %), complementary (25 %), free (5 %)."""
    jitter = 2 * spread - 1
    opposite = np.array([0.0, 0.5, 0.0, 0.5])
    cases = [scheme < 0.30, scheme < 0.70, scheme < 0.95]
    values = [0.02 * jitter, 0.12 * jitter, opposite + 0.04 * jitter]
    return np.select([case[:, None] for case in cases], values, default=jitter)


def _order(kind: Array, choice: Array) -> npt.NDArray[np.int64]:
    """(N, 4) which lightness each place of the palette takes."""
    order = np.broadcast_to(np.arange(NUM_COLOURS), (len(kind), NUM_COLOURS))
    shuffled = _PERMUTATIONS[(choice * len(_PERMUTATIONS)).astype(np.int64)]
    is_reversed = (kind < REVERSED_SHARE)[:, None]
    is_shuffled = (kind >= 1 - SHUFFLED_SHARE)[:, None]
    return np.where(is_reversed, order[:, ::-1], np.where(is_shuffled, shuffled, order))


def _srgb(lightness: Array, chroma: Array, hue: Array) -> Array:
    """Display-referred sRGB (..., 3); chroma is cut, by bisection, to what sRGB holds at that lightness and hue."""
    inside, outside = np.zeros_like(chroma), chroma
    fits = _in_gamut(_linear_rgb(lightness, chroma, hue))
    for _ in range(_GAMUT_STEPS):
        middle = (inside + outside) / 2
        good = _in_gamut(_linear_rgb(lightness, middle, hue))
        inside, outside = np.where(good, middle, inside), np.where(good, outside, middle)
    linear = np.clip(_linear_rgb(lightness, np.where(fits, chroma, inside), hue), 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _in_gamut(linear: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(((linear >= -1e-6) & (linear <= 1 + 1e-6)).all(axis=-1))


def _linear_rgb(lightness: Array, chroma: Array, hue: Array) -> Array:
    """OKLCh to linear sRGB, matrices of Ottosson 2020; hue in turns."""
    a, b = chroma * np.cos(2 * np.pi * hue), chroma * np.sin(2 * np.pi * hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=-1,
    )
