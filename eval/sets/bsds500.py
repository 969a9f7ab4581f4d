"""BSDS500 (Arbelaez et al. 2011), ``BSR/BSDS500/data``: 200 training, 100 val and 200 test images with their segments.

Segments are numbers without a meaning (1 in one image is not 1 in another), so these masks serve scores of grouping,
not of classes. Several people segmented each image; the first one's map is read. Asked about is val, or test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eval.sets.label_map import masked_images
from eval.sets.labelled import choose
from eval.sets.masked import LabelMap, MaskedDataset, MaskedImages
from eval.sets.matlab import read_matlab
from eval.sets.picture_files import listed
from procmem.errors import UserError

MOST_SEGMENTS = 1024
"""Names for labels; the finest map of the set has a few hundred segments."""


def bsds500(folder: Path, variant: str) -> MaskedDataset:
    """Read ``images/SPLIT/*.jpg`` and ``groundTruth/SPLIT/*.mat``.

    Raises:
        UserError: if a split is missing.
    """
    split = choose("bsds500", variant, ("val", "test"))
    names = ("unlabelled", *(f"segment {number}" for number in range(1, MOST_SEGMENTS)))

    def images(own: str) -> MaskedImages:
        files = sorted(path.name for path in listed(folder / "images" / own) if path.suffix == ".jpg")
        truths = [folder / "groundTruth" / own / f"{Path(name).stem}.mat" for name in files]
        return masked_images(
            "bsds500",
            own,
            names,
            folder,
            [f"images/{own}/{name}" for name in files],
            lambda position: read_segmentations(truths[position])[0],
        )

    return MaskedDataset(name="bsds500", train=images("train"), val=images(split))


def read_segmentations(path: Path) -> list[LabelMap]:
    """The maps (H, W) of all people who segmented an image, numbers from 1 on.

    Raises:
        UserError: if the file is missing or holds no segmentation.
    """
    cells: Any = read_matlab(path, "groundTruth", squeeze=False)
    try:
        return [np.asarray(cell["Segmentation"][0, 0]).astype(np.int64) for cell in cells.ravel()]
    except (ValueError, IndexError, TypeError) as error:
        raise UserError(f"{str(path)!r} holds no segmentations: {error!r}") from error
