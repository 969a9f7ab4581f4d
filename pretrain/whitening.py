"""Whitening: directions in which a network's features differ much stop hiding those in which they differ little.

Features are moved by their mean, turned to their principal directions and divided by the standard deviation along each
(PCA whitening; for retrieval Jegou and Chum 2012, "Negative evidences and co-occurrences in image retrieval"). Mean
and directions come from 1,024 fractals (`procgen.sources.fractals`), so whitened embeddings hold no statistic of a
real image, and a memory may lose any entry without another whitening. Fractals need no graphics driver: the same
images everywhere.

Letters: N images, D feature, K directions kept.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch

from procgen.sources.fractals import Fractals
from procmem.errors import UserError
from procmem.files import atomic_write, cache_root, make_folder, short_fingerprint
from procmem.progress import progress

NUM_IMAGES, IMAGE_SIZE_PX = 1024, 64
MOST_DIRECTIONS = 384
FLOOR = 0.05
"""This share of the largest standard deviation is added to each, so that directions without meaning stay small."""
DESCRIPTION = f"whitened with {NUM_IMAGES} fractals of {IMAGE_SIZE_PX} px, {MOST_DIRECTIONS} directions, floor {FLOOR}"


class Whitening(NamedTuple):
    """An affine map of features.

    Attributes:
        mean: (D,) float32.
        directions: (D, K) float32, principal directions over their floored standard deviations.
    """

    mean: torch.Tensor
    directions: torch.Tensor

    @classmethod
    def fit(cls, features: torch.Tensor, most_directions: int | None = None) -> Self:
        """The whitening of a sample; K is `num_directions(D)`.

        Args:
            features: (N, D) floating, N > K.
            most_directions: K at most; None is `MOST_DIRECTIONS`.

        Raises:
            UserError: if all features are alike or one is not finite.
        """
        features = features.double()
        mean = features.mean(0)
        if not torch.isfinite(mean).all() or (features - mean).abs().max() <= 1e-9:
            raise UserError(
                "the features that whitening is made from are all alike, or not finite: look at the weights"
            )
        _, singular, rows = torch.linalg.svd(features - mean, full_matrices=False)
        deviations = singular / len(features) ** 0.5
        directions = rows.T / (deviations + FLOOR * deviations[0])
        return cls(mean.float(), directions[:, : num_directions(features.shape[1], most_directions)].float())

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """(..., D) -> (..., K)."""
        return (features - self.mean) @ self.directions


def num_directions(dimension: int, most: int | None = None) -> int:
    """K for features of length D."""
    return min(MOST_DIRECTIONS if most is None else most, dimension)


@functools.cache
def fractals() -> npt.NDArray[np.uint8]:
    """(1024, 3, 64, 64) of root seed 0: read from the cache, or made in some ten seconds, once for each machine."""
    process = Fractals(image_size_px=IMAGE_SIZE_PX, block_size=64, images_per_program=4)
    path = cache_root() / "whitening" / f"{short_fingerprint(process.describe())}-{NUM_IMAGES}.npy"
    expected = (NUM_IMAGES, 3, IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    try:
        kept: npt.NDArray[np.uint8] = np.load(path)
        if kept.shape == expected and kept.dtype == np.uint8:
            return kept
    except (OSError, ValueError, EOFError):  # none, or cut: made again
        pass
    blocks = progress(range(NUM_IMAGES // process.block_size), "making fractals for whitening", unit="block")
    images = np.concatenate([process.block(0, index).numpy() for index in blocks])
    make_folder(path.parent)
    with atomic_write(path) as file:
        np.save(file, images)
    return images
