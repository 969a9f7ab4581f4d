"""Statistical image models: noise with the spectrum, the colours or the wavelet statistics of natural images.

The four models of Baradad et al. 2021 ("Learning to see by looking at noise", arXiv 2106.05963, section 3.2):
spectrum, wavelet marginal model (WMM), spectrum + colour, spectrum + colour + WMM. From uniform noise in three
uncorrelated channels, rounds of up to three steps, each of which imposes one statistic:

    spectrum   magnitudes 1 / (|fx|^a + |fy|^b), the phases stay; a, b = s + d, s - d with s ~ U[0.5, 3.5] and
               d ~ N(0, 0.05^2)
    WMM        in each band of a steerable pyramid (4 orientations) values with density exp(-|x / 4^(2^j)|^r) on
               [-200, 200] at scale j, r ~ U[0.4, 0.8]
    colour     in each channel the values of a reference of 3 to 22 flat colours, blurred and decorrelated

then the channels are turned into the reference's colour axes and stretched to the full range. Statistics are imposed
by rank, so the marginals are exact where the original matches histograms; where only the spectrum is imposed one
round does. Numbers are the published ones; 10 rounds are the original's.

Letters: H W image size, N = H * W pixels.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from procgen.process import Path
from procgen.seeds import generator
from procgen.sources.generated import ImageByImage
from procgen.sources.steerable_pyramid import NUM_ORIENTATIONS, Pyramid, analyse, synthesise
from procmem.errors import UserError, unknown_name

StatisticalModel = Literal["spectrum", "wmm", "spectrum_color", "spectrum_color_wmm"]
Floats = npt.NDArray[np.float32]

SLOPE_RANGE = (0.5, 3.5)
SLOPE_DIFFERENCE = (SLOPE_RANGE[1] - SLOPE_RANGE[0]) / 15 / 4
SHAPE_RANGE = (0.4, 0.8)
COEFFICIENT_RANGE = 200.0
NUM_COLOURS = (3, 22)
MAX_REFERENCE_BLUR_PX = 10
SIZE_STEP_PX = 16
"""Images are made at a multiple of this, so that four scales halve evenly, and cut."""


class Statistical(ImageByImage):
    """Noise with imposed statistics.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        images_per_program: not used here: every image is a draw of its own.
        model: spectrum, wmm, spectrum_color or spectrum_color_wmm.
        rounds: how often the statistics are imposed in turn; they disturb each other.

    Raises:
        UserError: if the model is unknown or a number is below 1.
    """

    name = "statistical"

    def __init__(
        self,
        *,
        image_size_px: int,
        block_size: int = 1024,
        images_per_program: int = 1,
        model: StatisticalModel = "spectrum",
        rounds: int = 10,
    ) -> None:
        super().__init__(image_size_px=image_size_px, block_size=block_size, images_per_program=1)
        if model not in get_args(StatisticalModel):
            raise unknown_name("statistical image model", model, get_args(StatisticalModel))
        if rounds < 1:
            raise UserError(f"rounds must be at least 1, got {rounds}")
        self.model: StatisticalModel = model
        self.rounds = rounds

    def options(self) -> dict[str, Any]:
        return {"model": self.model, "rounds": self.rounds}

    def _image(
        self, root_seed: int, block_index: int, image_index: int, program: int, path: Path
    ) -> npt.NDArray[np.uint8]:
        random = generator(root_seed, *path, "image", self._sample(block_index, image_index))
        slopes = draw_slopes(random)
        size = -(-self.image_size_px // SIZE_STEP_PX) * SIZE_STEP_PX
        num_scales = num_scales_of(size)
        shapes = random.uniform(*SHAPE_RANGE, size=(3, num_scales * NUM_ORIENTATIONS + 1))
        reference, axes, mean = sample_colours(random, size)
        image = random.random((3, size, size), dtype=np.float32) * 256
        magnitude = spectrum_magnitude(size, *slopes)
        targets = [band_values(shapes, scale, size >> scale) for scale in range(num_scales)]
        for _ in range(1 if self.model == "spectrum" else self.rounds):
            if "spectrum" in self.model:
                image = impose_spectrum(image, magnitude)
            if "wmm" in self.model:
                image = impose_marginals(image, targets, shapes[:, -1])
            if "color" in self.model:
                image = impose_values(image, reference)
        image = np.einsum("dc,chw->dhw", axes, image) + mean[:, None, None]
        cut = image[:, : self.image_size_px, : self.image_size_px]
        stretched = (cut - cut.min()) * (255 / max(float(np.ptp(cut)), 1e-6))
        return np.asarray(np.rint(stretched), dtype=np.uint8)

    def _details(self, root_seed: int, block_index: int, image_index: int, program: int, path: Path) -> dict[str, Any]:
        random = generator(root_seed, *path, "image", self._sample(block_index, image_index))
        details: dict[str, Any] = {"model": self.model, "program": f"{self.name}/{self.model}"}
        if "spectrum" in self.model:
            details["slopes"] = list(draw_slopes(random))
        return details


def draw_slopes(random: np.random.Generator) -> tuple[float, float]:
    """Exponents of the horizontal and the vertical frequency."""
    slope, difference = random.uniform(*SLOPE_RANGE), random.normal() * SLOPE_DIFFERENCE
    return slope + difference, slope - difference


def num_scales_of(size_px: int) -> int:
    """3 at 128 px and 4 at 256 px, as published; one less for each halving."""
    return max(1, min(4, int(math.log2(size_px)) - 4))


def spectrum_magnitude(size_px: int, slope_x: float, slope_y: float) -> Floats:
    """(H, W // 2 + 1) magnitudes of the half spectrum; the mean's is 0."""
    fy, fx = np.abs(np.fft.fftfreq(size_px))[:, None], np.fft.rfftfreq(size_px)
    power = fx**slope_x + fy**slope_y
    power[0, 0] = np.inf
    return np.asarray(1 / power, dtype=np.float32)


def impose_spectrum(image: Floats, magnitude: Floats) -> Floats:
    """Give (3, H, W) these magnitudes; phases, means and standard deviations stay."""
    mean, std = image.mean((1, 2), keepdims=True), image.std((1, 2), keepdims=True)
    spectrum = torch.fft.rfft2(torch.from_numpy(image - mean))
    shaped = spectrum / spectrum.abs().clamp(min=1e-12) * torch.from_numpy(magnitude)
    out: Floats = torch.fft.irfft2(shaped, s=image.shape[1:]).numpy()
    return np.asarray((out - out.mean((1, 2), keepdims=True)) / out.std((1, 2), keepdims=True) * std + mean)


def impose_values(values: Floats, targets: Floats) -> Floats:
    """Give each row the sorted target values, in the order of its own values.

    The order is found on 65,536 levels of each row's range (a radix sort, four times faster than one of floats);
    values of one level keep their places.

    Args:
        values: (R, ...) float32.
        targets: (R, M) float32, sorted, M numbers for every row's entries.
    """
    rows = values.reshape(len(values), -1)
    low, high = rows.min(1, keepdims=True), rows.max(1, keepdims=True)
    levels = ((rows - low) * (65535 / np.maximum(high - low, 1e-12))).astype(np.uint16)
    out = np.empty_like(rows)
    for own, level, target in zip(out, levels, targets, strict=True):
        own[level.argsort(kind="stable")] = target
    return out.reshape(values.shape)


def band_values(shapes: npt.NDArray[np.float64], scale: int, size_px: int) -> Floats:
    """(3 * orientations, size_px^2) sorted coefficients of one scale; see the module's density."""
    first = scale * NUM_ORIENTATIONS
    own = shapes[:, first : first + NUM_ORIENTATIONS].ravel()
    return np.stack([coefficient_quantiles(shape, 4.0 ** (2**scale), size_px**2) for shape in own])


def coefficient_quantiles(shape: float, width: float, count: int) -> Floats:
    """`count` evenly spaced quantiles of the density exp(-|x / width|^shape) on [-200, 200]."""
    x = np.linspace(-COEFFICIENT_RANGE, COEFFICIENT_RANGE, 4001)
    below = np.cumsum(np.exp(-(np.abs(x / width) ** shape)))
    below = (below - below[0]) / (below[-1] - below[0])
    return np.interp((np.arange(count) + 0.5) / count, below, x).astype(np.float32)


def impose_marginals(image: Floats, targets: list[Floats], high_shapes: npt.NDArray[np.float64]) -> Floats:
    """Give the bands of (3, H, W) their target values, by rank; the lowest band stays."""
    pyramid = analyse(torch.from_numpy(image), len(targets))
    N = image[0].size
    high = np.stack([coefficient_quantiles(shape, 4.0, N) for shape in high_shapes])
    bands = [
        torch.from_numpy(impose_values(band.numpy().reshape(-1, *band.shape[2:]), target)).view(band.shape)
        for band, target in zip(pyramid.bands, targets, strict=True)
    ]
    imposed = Pyramid(torch.from_numpy(impose_values(pyramid.high.numpy(), high)), bands, pyramid.low)
    out: Floats = synthesise(imposed).numpy()
    return out


def sample_colours(random: np.random.Generator, size_px: int) -> tuple[Floats, Floats, Floats]:
    """Colour statistics of a picture of a few flat areas.

    Returns:
        sorted values of its decorrelated channels (3, N), its colour axes (3, 3; columns), its mean colour (3,).
    """
    num_colours = int(random.integers(NUM_COLOURS[0], NUM_COLOURS[1] + 1))
    colours = random.random((num_colours, 3))
    shares = 0.001 + random.random(num_colours)
    counts = random.multinomial(size_px**2, shares / shares.sum())
    areas = np.repeat(np.arange(num_colours), counts).reshape(size_px, size_px)
    picture = 256 * colours[areas].transpose(2, 0, 1)
    picture = _blur(picture, int(random.integers(1, MAX_REFERENCE_BLUR_PX + 1)))
    picture += 10 * random.random(picture.shape)
    picture = (picture - picture.min()) * (256 / np.ptp(picture))
    pixels = picture.reshape(3, -1)
    mean = pixels.mean(1)
    centred = pixels - mean[:, None]
    _, axes = np.linalg.eigh(centred @ centred.T)
    axes = axes * np.where(axes.sum(0) < 0, -1, 1)  # a sign that does not depend on the library
    reference = np.sort((axes.T @ centred).astype(np.float32), axis=1)
    return reference, axes.astype(np.float32), mean.astype(np.float32)


def _blur(picture: npt.NDArray[np.float64], width_px: int) -> npt.NDArray[np.float64]:
    """Box blur of (3, H, W), the edge repeated."""
    for axis in (1, 2):
        pad = [(0, 0)] * 3
        pad[axis] = (width_px, width_px - 1)
        sums = np.cumsum(np.pad(picture, pad, mode="edge"), axis=axis)
        length = picture.shape[axis]
        start = width_px // 2
        upper = np.take(sums, range(start + width_px, start + width_px + length), axis=axis)
        lower = np.take(sums, range(start, start + length), axis=axis)
        picture = (upper - lower) / width_px
    return picture
