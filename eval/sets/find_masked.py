"""Segmentation data sets by name or path."""

from __future__ import annotations

from eval.sets.masked import MaskedDataset
from eval.sets.registry import load_set


def find_masked_dataset(name_or_path: str) -> MaskedDataset:
    """The segmentation data set of that name under ``PROCMEM_DATA``, or at that path.

    Args:
        name_or_path: for example ``voc2012``, ``coco100-semseg`` (27 coarse labels), ``coco100-semseg@fine`` (133), or
            a folder of your own in the layout of `mask_folder`.

    Raises:
        UserError: if there is none (with how to get it), or it is damaged.
    """
    found = load_set(name_or_path, "masked")
    assert isinstance(found, MaskedDataset)
    return found
