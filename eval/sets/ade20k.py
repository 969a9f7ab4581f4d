"""ADE20K's scene parsing benchmark (Zhou et al. 2017), ``ADEChallengeData2016``: 20,210 training and 2,000 val images.

Grey masks: 0 is other objects (no label), 1..150 the classes of ``objectInfo150.txt``.
"""

from __future__ import annotations

from pathlib import Path

from eval.sets.label_map import masked_images, read_label_map
from eval.sets.labelled import choose
from eval.sets.masked import MaskedDataset, MaskedImages
from eval.sets.picture_files import IMAGE_SUFFIXES, listed, read_lines
from procmem.errors import UserError


def ade20k(folder: Path, variant: str) -> MaskedDataset:
    """Read ``images/{training,validation}``, ``annotations/...`` and ``objectInfo150.txt``.

    Raises:
        UserError: if a part is missing.
    """
    choose("ade20k", variant, ("val",))
    head, *rows = [line.split("\t") for line in read_lines(folder / "objectInfo150.txt")]
    if not rows or head[0].strip() != "Idx" or any(len(row) != len(head) for row in rows):
        raise UserError(f"{str(folder / 'objectInfo150.txt')!r} must be a table of tabs with Idx, ..., Name")
    names = ("other", *(row[-1].split(",")[0].strip() for row in rows))

    def images(split: str, place: str) -> MaskedImages:
        own = sorted(path.name for path in listed(folder / "images" / place) if path.suffix.lower() in IMAGE_SUFFIXES)
        masks = [folder / "annotations" / place / f"{Path(name).stem}.png" for name in own]
        files = [f"images/{place}/{name}" for name in own]
        return masked_images("ade20k", split, names, folder, files, lambda position: read_label_map(masks[position]))

    return MaskedDataset(name="ade20k", train=images("train", "training"), val=images("val", "validation"))
