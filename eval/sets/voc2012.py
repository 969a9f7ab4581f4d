"""PASCAL VOC 2012 segmentation (Everingham et al.), ``VOCdevkit/VOC2012``: 1,464 training and 1,449 val images.

Masks are palette pictures whose positions are the classes; 255 is the border of objects and what is hard to tell
("void"), which the official score leaves out, and so do ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.sets.label_map import masked_images, read_label_map
from eval.sets.labelled import choose
from eval.sets.masked import IGNORED, LabelMap, MaskedDataset, MaskedImages
from eval.sets.picture_files import read_lines

VOID = 255
VOC_LABELS = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def voc2012(folder: Path, variant: str) -> MaskedDataset:
    """Read ``VOC2012/`` with its ImageSets/Segmentation, JPEGImages and SegmentationClass.

    Raises:
        UserError: if a list is missing or empty.
    """
    choose("voc2012", variant, ("val",))

    def images(split: str) -> MaskedImages:
        names = sorted(line.strip() for line in read_lines(folder / "ImageSets" / "Segmentation" / f"{split}.txt"))

        def read(position: int) -> LabelMap:
            mask = read_label_map(folder / "SegmentationClass" / f"{names[position]}.png")
            return np.where(mask == VOID, IGNORED, mask)

        files = [f"JPEGImages/{name}.jpg" for name in names]
        return masked_images("voc2012", split, VOC_LABELS, folder, files, read)

    return MaskedDataset(name="voc2012", train=images("train"), val=images("val"))
