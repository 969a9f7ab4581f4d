"""Numbers that say whether a picture is worth training on, and the small embedding that finds near-duplicates.

Measures are taken on luminance (Rec. 709 weights on display-referred values, 0..1) of each draw of a program and joined
by the median over its draws: a program may have a weak draw, but not mostly weak draws.

The embedding is fixed arithmetic, no network: what colour is where, how rough it is where, and which way edges run. It
is stored as bytes, so that distances are whole-number arithmetic and cannot depend on the order of a sum. Programs are
compared draw by draw under the same random numbers: two programs of one structure then give equal pictures. Statistics
pooled over draws were rejected: they call two programs alike that share a palette and a frequency.

Letters: B draws, H W image size, G cells a side of the embedding's grid, D numbers of one draw's embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LUMINANCE_WEIGHTS = (0.2126, 0.7152, 0.0722)  # Rec. 709
EDGE_STEP = 0.1  # a change of luminance from pixel to pixel that is seen as an edge: 25 of 255 levels
DIGITS = 6  # kept of every measure, far beyond what a verdict needs
GRID = 4
ORIENTATIONS = 8
EMBEDDING_SIZE = GRID * GRID * 4 + ORIENTATIONS
ROUGHNESS_GAIN = 2.0  # the largest standard deviation of numbers in [0, 1] is 1/2
GRADIENT_GAIN = 20.0  # of the mean gradient in a bin; 1/20 in one of eight bins is a strong texture

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Medians over the draws of a program.

    Attributes:
        luminance_mean: 0 is black, 1 is white.
        luminance_std: contrast, 0 to 0.5.
        neighbor_correlation: correlation of luminance between adjacent pixels, -1..1; about 0 for white noise.
        edge_share: share of pixels whose gradient exceeds `EDGE_STEP`.
    """

    luminance_mean: float
    luminance_std: float
    neighbor_correlation: float
    edge_share: float


def measure(images: Images) -> Measures:
    """Measure the draws of a program.

    Args:
        images: uint8 (B, 3, H, W) with B >= 1 and H, W >= 2.
    """
    luminance = to_luminance(images)
    per_draw = {
        "luminance_mean": luminance.mean(axis=(1, 2)),
        "luminance_std": luminance.std(axis=(1, 2)),
        "neighbor_correlation": neighbor_correlation(luminance),
        "edge_share": edge_share(luminance),
    }
    return Measures(**{name: round(float(np.median(values)), DIGITS) for name, values in per_draw.items()})


def to_luminance(images: Images) -> Floats:
    """Luminance (B, H, W) in 0..1 of uint8 images (B, 3, H, W)."""
    red, green, blue = (images[:, channel] / 255.0 * weight for channel, weight in enumerate(LUMINANCE_WEIGHTS))
    return np.asarray(red + green + blue)


def neighbor_correlation(luminance: Floats) -> Floats:
    """Mean product of centred neighbours over the variance, averaged over the horizontal and vertical neighbour.

    Args:
        luminance: (B, H, W).

    Returns:
        (B,) in about -1..1; 1 for an image of one value, which is no noise.
    """
    centred = luminance - luminance.mean(axis=(1, 2), keepdims=True)
    variance = (centred**2).mean(axis=(1, 2))
    beside = (centred[:, :, 1:] * centred[:, :, :-1]).mean(axis=(1, 2))
    below = (centred[:, 1:] * centred[:, :-1]).mean(axis=(1, 2))
    flat = variance < 1e-12  # below rounding error of the mean
    return np.where(flat, 1.0, (beside + below) / 2 / np.where(flat, 1.0, variance))


def edge_share(luminance: Floats) -> Floats:
    """Share (B,) of pixels of (B, H, W) where the length of the forward difference exceeds `EDGE_STEP`."""
    across, down = _gradient(luminance)
    return np.asarray((np.hypot(across, down) > EDGE_STEP).mean(axis=(1, 2)))


def embed(images: Images) -> npt.NDArray[np.uint8]:
    """Embedding of each draw.

    Args:
        images: uint8 (B, 3, H, W); H and W multiples of `GRID`.

    Returns:
        uint8 (B, D): mean red, green, blue of each grid cell (G G 3), standard deviation of luminance in each cell
        (G G), then the gradient's length summed in `ORIENTATIONS` bins of direction modulo 180 degrees.
    """
    B, _, H, W = images.shape
    luminance = to_luminance(images)
    cells = (GRID, H // GRID, GRID, W // GRID)
    colour = (images / 255.0).reshape(B, 3, *cells).mean(axis=(3, 5)).reshape(B, -1)
    roughness = ROUGHNESS_GAIN * luminance.reshape(B, *cells).std(axis=(2, 4)).reshape(B, -1)
    parts = np.concatenate([colour, roughness, GRADIENT_GAIN * _orientations(luminance)], axis=1)
    return np.asarray(np.round(255 * np.clip(parts, 0, 1)), dtype=np.uint8)


def _gradient(luminance: Floats) -> tuple[Floats, Floats]:
    """Forward differences to the right and down, each (B, H-1, W-1)."""
    corner = luminance[:, :-1, :-1]
    return luminance[:, :-1, 1:] - corner, luminance[:, 1:, :-1] - corner


def _orientations(luminance: Floats) -> Floats:
    """(B, ORIENTATIONS): mean over pixels of the gradient's length, by direction; bin 0 is centred on the x axis."""
    across, down = _gradient(luminance)
    turns = np.arctan2(down, across) / np.pi  # one unit is half a circle
    bins = np.round(turns * ORIENTATIONS).astype(np.int64) % ORIENTATIONS
    length = np.hypot(across, down)
    sums = [np.where(bins == index, length, 0.0).mean(axis=(1, 2)) for index in range(ORIENTATIONS)]
    return np.stack(sums, axis=1)
