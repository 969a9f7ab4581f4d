"""Images with a label map each: what every segmentation task takes.

A loader gives paths and a function that reads one label map, so that palettes, panoptic colours, run-length codes and
.mat files all look alike from here. Pixels are read when asked for.

Letters: N images, H W image size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from eval.images import content_fingerprint, drawn_positions, read_image
from procmem.files import fingerprint

LabelMap = npt.NDArray[np.int64]
UNLABELLED = 0
"""What has no label, or, in a set that calls it so, the class "background"."""
IGNORED = -1
"""What the set itself leaves out of every score (VOC's "void"); in label maps only, it has no name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedImages:
    """One split of a segmentation data set.

    Attributes:
        name: the data set's name.
        split: "train" or "val".
        label_names: a label is a position in it; position 0 is what has no label, or is called "background".
        uris: N names, unique in the set: path relative to the data set's folder.
        paths: N image files.
        read_mask: position in the *whole* split -> label map (H, W) int64 of that image's own size; -1 is ignored.
        positions: (N,) where each image stands in the whole split.
        drawn: how this subset was drawn; "" for the whole split.
    """

    name: str
    split: str
    label_names: tuple[str, ...]
    uris: tuple[str, ...]
    paths: tuple[Path, ...]
    read_mask: Callable[[int], LabelMap]
    positions: npt.NDArray[np.int64]
    drawn: str = ""

    def __len__(self) -> int:
        return len(self.uris)

    def image(self, position: int) -> Image.Image:
        """Decode one image completely; raises `CorruptImageError` as `LabelledImages.image` does."""
        return read_image(self.paths[position])

    def mask(self, position: int) -> LabelMap:
        """Label map (H, W) of one image, H and W its own.

        Raises:
            UserError: if the file is missing or unreadable, or the map is of another size than its image.
        """
        return self.read_mask(int(self.positions[position]))

    def counted(self, labels: LabelMap) -> npt.NDArray[np.bool_]:
        """Which places of a label map are of a class: those with a label, and those with 0 where 0 is "background"."""
        lowest = UNLABELLED if self.label_names[UNLABELLED] == "background" else UNLABELLED + 1
        of_class: npt.NDArray[np.bool_] = labels >= lowest
        return of_class

    def fingerprint(self) -> str:
        """64 hex digits over names and images (size and time of change of the files); masks are not in it."""
        return fingerprint([self.name, list(self.uris), content_fingerprint(self.paths)])

    def select(self, positions: npt.NDArray[np.int64], drawn: str = "") -> MaskedImages:
        """The images at these positions, in this order; one image may come up more than once."""
        return dataclasses.replace(
            self,
            uris=tuple(self.uris[i] for i in positions),
            paths=tuple(self.paths[i] for i in positions),
            positions=self.positions[positions],
            drawn=drawn or self.drawn,
        )

    def subset(self, count: int | None, seed: int = 0) -> MaskedImages:
        """A seeded subset in the original order; None or a count not below N gives the set itself.

        Raises:
            UserError: if count is below 1.
        """
        chosen = drawn_positions(self.name, self.split, len(self), count, seed)
        return self if chosen is None else self.select(chosen, f"{count} of {len(self)}, seed {seed}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedDataset:
    """A segmentation data set: prompts and memories come from `train`, scores from `val`."""

    name: str
    train: MaskedImages
    val: MaskedImages
