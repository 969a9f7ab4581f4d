"""A steerable pyramid: an image as oriented bands at halving sizes, and back without loss.

Made in the Fourier domain (Simoncelli and Freeman 1995; four orientations as in "sp3"). With r in cycles a pixel,

    low(r)  = 1 below 1/8, 0 above 1/4, cos(pi/2 * log2(8 r)) between;     high(r) = sqrt(1 - low(r)^2)

and the same pair one octave up splits off the first, unoriented high band. Band k of a scale is
``high(r) * i cos^3(angle - k pi / 4) / sqrt(5/4)``; the squares of all filters sum to 1, so that analysis with the
filters and synthesis with their conjugates give the image back. What low keeps fits half the size: crop the spectrum.

Letters: C channels, H W image size, both divisible by 2^(number of scales).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch

NUM_ORIENTATIONS = 4
_ANGULAR_POWER_SUM = 1.25
"""Sum over the orientations of cos^6."""


class Pyramid(NamedTuple):
    """Bands of an image.

    Attributes:
        high: (C, H, W) the highest frequencies, unoriented.
        bands: one (C, 4, H / 2^j, W / 2^j) a scale j = 0, 1, ...
        low: (C, H / 2^J, W / 2^J) what is left after J scales.
    """

    high: torch.Tensor
    bands: list[torch.Tensor]
    low: torch.Tensor


def analyse(image_CHW: torch.Tensor, num_scales: int) -> Pyramid:
    """Split float32 (C, H, W) into bands."""
    spectrum = torch.fft.fft2(image_CHW)
    first_low, first_high = _radial(*image_CHW.shape[1:], 0.5)
    high = torch.fft.ifft2(spectrum * first_high).real
    spectrum = spectrum * first_low
    bands = []
    for _ in range(num_scales):
        H, W = spectrum.shape[1:]
        low, oriented = _scale(H, W)
        bands.append(torch.fft.ifft2(spectrum.unsqueeze(1) * oriented).real)
        spectrum = _crop(spectrum * low)
    return Pyramid(high, bands, torch.fft.ifft2(spectrum).real)


def synthesise(pyramid: Pyramid) -> torch.Tensor:
    """The image of these bands, float32 (C, H, W)."""
    spectrum = torch.fft.fft2(pyramid.low)
    for bands in reversed(pyramid.bands):
        low, oriented = _scale(*bands.shape[2:])
        spectrum = _uncrop(spectrum) * low + (torch.fft.fft2(bands) * oriented.conj()).sum(1)
    first_low, first_high = _radial(*pyramid.high.shape[1:], 0.5)
    spectrum = spectrum * first_low + torch.fft.fft2(pyramid.high) * first_high
    return torch.as_tensor(torch.fft.ifft2(spectrum).real)


@functools.lru_cache(maxsize=32)
def _radial(H: int, W: int, cutoff: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(H, W) low and high; low falls from 1 to 0 over the octave below `cutoff`, in cycles a pixel."""
    radius = np.hypot(np.fft.fftfreq(H)[:, None], np.fft.fftfreq(W))
    octaves = np.log2(np.maximum(radius, 1e-12) / (cutoff / 2))
    low = np.cos(np.pi / 2 * np.clip(octaves, 0, 1))
    high = np.sin(np.pi / 2 * np.clip(octaves, 0, 1))
    return torch.from_numpy(low).float(), torch.from_numpy(high).float()


@functools.lru_cache(maxsize=32)
def _scale(H: int, W: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(H, W) low and (4, H, W) complex oriented filters of one scale."""
    low, high = _radial(H, W, 0.25)
    angle = np.arctan2(np.fft.fftfreq(H)[:, None], np.fft.fftfreq(W))
    turns = np.arange(NUM_ORIENTATIONS)[:, None, None] * np.pi / NUM_ORIENTATIONS
    angular = 1j * np.cos(angle - turns) ** 3 / np.sqrt(_ANGULAR_POWER_SUM)
    return low, high * torch.from_numpy(angular).to(torch.complex64)


def _crop(spectrum: torch.Tensor) -> torch.Tensor:
    """The lower half of the frequencies; scaled so that the sum of squares stays what it is."""
    H, W = spectrum.shape[1:]
    rows, columns = _kept(H), _kept(W)
    return spectrum[:, rows][:, :, columns] / 2


def _uncrop(spectrum: torch.Tensor) -> torch.Tensor:
    C, H, W = spectrum.shape
    larger = torch.zeros((C, 2 * H, 2 * W), dtype=spectrum.dtype)
    larger[:, _kept(2 * H)[:, None], _kept(2 * W)] = spectrum * 2
    return larger


def _kept(length: int) -> torch.Tensor:
    """Positions of the lower half of `length` frequencies, in the order of the shorter transform."""
    half = length // 2
    order = np.fft.fftfreq(half) * half  # 0, 1, ..., -1
    return torch.from_numpy(np.rint(order).astype(np.int64) % length)
