"""COCO 2017 (Lin et al. 2014): panoptic labels, or the categories of the instances.

Labels are categories, not single objects, as the papers' segmentation scores take them. Panoptic maps are colours that
stand for numbers (R + 256 G + 65,536 B, Kirillov et al. 2019), without overlap. Instances are outlines and run-length
codes, which `pycocotools` draws; where they overlap the smaller one lies on top, since a large one would hide it.
Label numbers follow the categories' ids, in their order; 0 is no label. Images without any annotation are left out.
"""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from eval.images import CorruptImageError, read_image
from eval.sets.label_map import masked_images
from eval.sets.labelled import choose
from eval.sets.masked import UNLABELLED, LabelMap, MaskedDataset, MaskedImages
from procmem.errors import UserError
from procmem.files import read_json

SPLITS = {"train": "train2017", "val": "val2017"}


def coco(kind: str, folder: Path, variant: str) -> MaskedDataset:
    """Read ``train2017/``, ``val2017/`` and ``annotations/``.

    Args:
        kind: "panoptic" (``annotations/panoptic_val2017.json`` and the folder ``annotations/panoptic_val2017``) or
            "instances" (``annotations/instances_val2017.json``).
        folder: of the data set.
        variant: "" or "val".

    Raises:
        UserError: if a file is missing or damaged.
    """
    name = f"coco-{kind}"
    choose(name, variant, ("val",))
    read = _panoptic if kind == "panoptic" else _instances
    return MaskedDataset(name=name, train=read(folder, name, "train"), val=read(folder, name, "val"))


def _panoptic(folder: Path, name: str, split: str) -> MaskedImages:
    path = folder / "annotations" / f"panoptic_{SPLITS[split]}.json"
    content = _read(path, ("images", "annotations", "categories"))
    names, label_of = _labels(content["categories"])
    files = {image["id"]: image["file_name"] for image in content["images"]}
    rows = sorted((files[row["image_id"]], row) for row in content["annotations"] if row["image_id"] in files)
    masks = path.with_suffix("")

    def read(position: int) -> LabelMap:
        row = rows[position][1]
        mask_path = masks / row["file_name"]
        try:
            colours = np.asarray(read_image(mask_path).convert("RGB")).astype(np.int64)
        except CorruptImageError as error:
            raise UserError(f"cannot read mask {str(mask_path)!r}: {error.__cause__}") from error
        segments = colours @ np.array([1, 256, 256 * 256])
        ids, places = np.unique(segments, return_inverse=True)
        categories = {segment["id"]: label_of[segment["category_id"]] for segment in row["segments_info"]}
        labels = np.array([categories.get(int(own), UNLABELLED) for own in ids], np.int64)
        return labels[places.reshape(segments.shape)]

    return masked_images(name, split, names, folder, [f"{SPLITS[split]}/{file}" for file, _ in rows], read)


def _instances(folder: Path, name: str, split: str) -> MaskedImages:
    from pycocotools.coco import COCO

    path = folder / "annotations" / f"instances_{SPLITS[split]}.json"
    content = _read(path, ("images", "annotations", "categories"))
    names, label_of = _labels(content["categories"])
    index = COCO()  # without a file: it would print while it reads one
    index.dataset = content
    with contextlib.redirect_stdout(io.StringIO()):
        index.createIndex()
    own: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in content["annotations"]:
        own[row["image_id"]].append(row)
    images = sorted((image for image in content["images"] if image["id"] in own), key=lambda image: image["file_name"])

    def read(position: int) -> LabelMap:
        image = images[position]
        mask = np.full((image["height"], image["width"]), UNLABELLED, np.int64)
        for row in sorted(own[image["id"]], key=lambda row: -row["area"]):
            mask[index.annToMask(row) > 0] = label_of[row["category_id"]]
        return mask

    files = [f"{SPLITS[split]}/{image['file_name']}" for image in images]
    return masked_images(name, split, names, folder, files, read)


def _labels(categories: list[dict[str, Any]]) -> tuple[tuple[str, ...], dict[int, int]]:
    ordered = sorted(categories, key=lambda category: category["id"])
    names = ("unlabelled", *(category["name"] for category in ordered))
    return names, {category["id"]: label for label, category in enumerate(ordered, 1)}


def _read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or any(key not in content for key in keys):
        raise UserError(f"{str(path)!r} must hold {', '.join(keys)}")
    return content
