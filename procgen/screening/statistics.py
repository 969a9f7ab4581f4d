"""Statistics of pictures that photographs are known by: spectrum, contrast, smoothness, edges, calm areas, colour.

They describe a corpus beside real images; no verdict depends on them, so a screening never looks at real images.

Letters: B images, P programs, D draws of each, H W image size, E numbers of one image's embedding.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from procgen.screening.measures import Floats, Images, edge_share, embed, neighbor_correlation, to_luminance
from procmem.errors import UserError

LOWEST_CYCLES = 2.0  # per image: below it the window's own spectrum shows
HIGHEST_SHARE = 0.8  # of the Nyquist frequency: above it how an image was shrunk shows
CALM_BLOCK_PX = 8
CALM_STD = 4 / 255  # of luminance within a block: below it the eye sees one tone
SMALLEST_SIDE_PX = 16


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Medians over the images of a group, and mean distances of the embedding of `procgen.screening.measures`.

    Attributes:
        spectrum_slope: a of power ~ 1 / frequency^a of luminance; about 2 for photographs (Field 1987).
        contrast: standard deviation of luminance, 0..0.5.
        neighbor_correlation: of luminance between adjacent pixels.
        edge_share: share of pixels on an edge.
        calm_share: share of 8 px blocks of nearly one tone.
        colourfulness: M of Hasler and Suesstrunk 2003; 0 is grey, 15 slight, 33 moderate, 59 high.
        distance_between: of two programs (of two images, without programs), in levels of 255.
        distance_within: of two draws of one program; NaN where there is one draw.
    """

    spectrum_slope: float
    contrast: float
    neighbor_correlation: float
    edge_share: float
    calm_share: float
    colourfulness: float
    distance_between: float
    distance_within: float


NAMES = tuple(field.name for field in fields(Statistics))


def describe(images: Images) -> Statistics:
    """Statistics of a group.

    Args:
        images: uint8 (P, D, 3, H, W): D draws of each of P programs; photographs are P programs of one draw.

    Raises:
        UserError: if there are fewer than two programs or the images are too small or not square.
    """
    if images.ndim != 5 or len(images) < 2 or images.shape[3] != images.shape[4] or images.shape[4] < SMALLEST_SIDE_PX:
        raise UserError(
            f"statistics need uint8 (P, D, 3, H, W) with P >= 2 and H = W >= {SMALLEST_SIDE_PX}, got {images.shape}"
        )
    flat = images.reshape(-1, *images.shape[2:])
    luminance = to_luminance(flat)
    embeddings = embed(flat).reshape(*images.shape[:2], -1)
    within, between = distances(embeddings)
    return Statistics(
        spectrum_slope=float(np.median(spectrum_slope(luminance))),
        contrast=float(np.median(luminance.std(axis=(1, 2)))),
        neighbor_correlation=float(np.median(neighbor_correlation(luminance))),
        edge_share=float(np.median(edge_share(luminance))),
        calm_share=float(np.median(calm_share(luminance))),
        colourfulness=float(np.median(colourfulness(flat))),
        distance_between=between,
        distance_within=within,
    )


def spectrum_slope(luminance: Floats) -> Floats:
    """Exponent a of power ~ 1 / f^a of each image.

    The mean is taken off, a Hann window keeps the borders from adding a cross, power is averaged over directions in
    rings one cycle wide, and a line is fitted by least squares to the logarithms, each octave with equal weight.

    Args:
        luminance: (B, N, N).

    Returns:
        (B,); NaN for an image of one value.
    """
    B, N, _ = luminance.shape
    window = np.hanning(N + 2)[1:-1]
    window = np.outer(window, window)
    centred = luminance - (luminance * window).sum(axis=(1, 2), keepdims=True) / window.sum()
    power = np.abs(np.fft.fft2(centred * window)) ** 2
    cycles = np.fft.fftfreq(N, 1 / N)
    radius = np.hypot(cycles[:, None], cycles)
    rings = np.arange(int(LOWEST_CYCLES), int(HIGHEST_SHARE * N / 2) + 1)
    means = np.stack([power[:, np.abs(radius - ring) < 0.5].mean(axis=1) for ring in rings], axis=1)
    x, weight = np.log(rings), 1 / rings  # 1 / f rings to an octave at f
    x = x - (weight * x).sum() / weight.sum()
    flat = means.min(axis=1) < 1e-20 * N**4
    slopes = (weight * x * np.log(np.where(flat[:, None], 1.0, means))).sum(axis=1) / (weight * x * x).sum()
    return np.asarray(np.where(flat, np.nan, -slopes).reshape(B))


def calm_share(luminance: Floats) -> Floats:
    """Share (B,) of blocks of `CALM_BLOCK_PX` whose luminance has a standard deviation of at most `CALM_STD`."""
    B, H, W = luminance.shape
    rows, columns = H // CALM_BLOCK_PX, W // CALM_BLOCK_PX
    cut = luminance[:, : rows * CALM_BLOCK_PX, : columns * CALM_BLOCK_PX]
    blocks = cut.reshape(B, rows, CALM_BLOCK_PX, columns, CALM_BLOCK_PX)
    return np.asarray((blocks.std(axis=(2, 4)) <= CALM_STD).mean(axis=(1, 2)))


def colourfulness(images: Images) -> Floats:
    """M (B,) of Hasler and Suesstrunk 2003, "Measuring colourfulness in natural images", from uint8 (B, 3, H, W).

    With rg = R - G and yb = (R + G) / 2 - B in levels of 255: the length of their standard deviations and 0.3 of the
    length of their means.
    """
    red, green, blue = (images[:, channel].astype(np.float64) for channel in range(3))
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread, mean = opponents.std(axis=(2, 3)), opponents.mean(axis=(2, 3))
    return np.asarray(np.hypot(*spread) + 0.3 * np.hypot(*mean))


def distances(embeddings: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Mean root mean square distance of two draws of one program, and of two draws of two programs.

    Args:
        embeddings: uint8 (P, D, E), P >= 2.

    Returns:
        Within (NaN if D = 1) and between, in levels of 255. Of two programs the draws of equal index are compared.
    """
    P, D, _ = embeddings.shape
    values = embeddings.astype(np.float64)
    within = _pair_distances(values)
    between = _pair_distances(values.transpose(1, 0, 2))
    mean_within = float(within.sum() / (P * D * (D - 1))) if D > 1 else float("nan")
    return mean_within, float(between.sum() / (D * P * (P - 1)))


def _pair_distances(values: Floats) -> Floats:
    """(G, N, N) root mean square distances of the rows of each group of (G, N, E)."""
    squares = (values**2).sum(axis=2)
    products = values @ values.transpose(0, 2, 1)
    return np.asarray(np.sqrt(np.maximum(squares[:, :, None] + squares[:, None] - 2 * products, 0) / values.shape[2]))
