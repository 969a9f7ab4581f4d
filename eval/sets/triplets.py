"""Triplets of images with human answers to "which of the two is more like the reference?".

Letters: T triplets, I images.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from eval.images import drawn_positions, read_image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Triplets:
    """One split of a two-alternative forced-choice data set.

    Attributes:
        name: the data set's name.
        split: which part of it.
        names: (T,) name of each triplet, unique.
        uris: I names of images, unique.
        paths: I image files; an image may stand in many triplets.
        reference: (T,) int64 positions among the images.
        left: (T,) the same for the left option.
        right: (T,) the same for the right option.
        right_share: (T,) float64 share of the votes for the right option, 0..1; the human majority is right above
            0.5. A set with one answer a triplet has 0 and 1.
        drawn: how this subset was drawn; "" for the whole split.
    """

    name: str
    split: str
    names: tuple[str, ...]
    uris: tuple[str, ...]
    paths: tuple[Path, ...]
    reference: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    right_share: npt.NDArray[np.float64]
    drawn: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def image(self, position: int) -> Image.Image:
        """Decode one of the I images completely; raises `CorruptImageError` as `LabelledImages.image` does."""
        return read_image(self.paths[position])

    def subset(self, count: int | None, seed: int = 0) -> Triplets:
        """A seeded subset of the triplets in the original order (all images stay listed).

        Raises:
            UserError: if count is below 1.
        """
        chosen = drawn_positions(self.name, self.split, len(self), count, seed)
        if chosen is None:
            return self
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in chosen),
            reference=self.reference[chosen],
            left=self.left[chosen],
            right=self.right[chosen],
            right_share=self.right_share[chosen],
            drawn=f"{count} of {len(self)}, seed {seed}",
        )
