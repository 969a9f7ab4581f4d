"""Segmentation data sets by name or path."""

from __future__ import annotations

from pathlib import Path

from eval.sets.mask_folder import mask_folder
from eval.sets.masked import MaskedDataset
from procmem.errors import UserError
from procmem.files import data_root


def find_masked_dataset(name_or_path: str) -> MaskedDataset:
    """The segmentation data set of that name under ``PROCMEM_DATA``, or at that path.

    Args:
        name_or_path: for example ``coco100-semseg`` (27 coarse labels) or ``coco100-semseg@fine`` (133 labels).

    Raises:
        UserError: if there is none, or it is damaged.
    """
    name, _, variant = name_or_path.partition("@")
    root = data_root()
    for folder in ([root / name] if root else []) + [Path(name).expanduser()]:
        if folder.is_dir():
            kind = "coarse" if (folder / "masks_coarse").is_dir() and variant != "fine" else ""
            return mask_folder(folder, kind)
    raise UserError(f"no segmentation data set {name_or_path!r} under PROCMEM_DATA or at that path")
