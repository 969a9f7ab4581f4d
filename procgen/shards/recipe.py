"""What a data set is: everything that decides its bytes, in ``dataset.json``.

A data set is the first images of a process: sample i is image ``i % block_size`` of block ``i // block_size``, so a
larger set begins with the smaller one, and any machine can make any block.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any, Literal

from procgen.process import Operator, Process, Shaders
from procgen.registry import Specification, make_process
from procgen.union import Union
from procmem.errors import UserError
from procmem.files import read_json

FORMAT = 1
DATASET_FILE = "dataset.json"
Layout = Literal["webdataset", "folder"]
ImageFormat = Literal["jpeg", "png", "webp"]
SUFFIXES: dict[ImageFormat, str] = {"jpeg": "jpg", "png": "png", "webp": "webp"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """One data set.

    Attributes:
        specification: the process: a name or a composition (see `procgen.registry`).
        images: how many.
        image_size_px: side of an image.
        layout: ``webdataset`` (a tar for each block) or ``folder`` (a folder for each class).
        image_format: ``jpeg``, or without loss ``png`` or ``webp``.
        quality: of JPEG, 1 to 100.
        root_seed: fixes the images.
        block_size: images that the process makes at a time.
        images_per_program: images of a block that share a shader program.

    Raises:
        UserError: if a number is out of range, or the process is unknown.
    """

    specification: Specification
    images: int
    image_size_px: int = 256
    layout: Layout = "webdataset"
    image_format: ImageFormat = "jpeg"
    quality: int = 90
    root_seed: int = 0
    block_size: int = 1024
    images_per_program: int = 16

    def __post_init__(self) -> None:
        if self.images < 1:
            raise UserError(f"a data set needs at least one image, got images={self.images}")
        if not 1 <= self.quality <= 100:
            raise UserError(f"the quality of JPEG is within 1..100, got {self.quality}")
        self.process  # noqa: B018 (refuses a wrong process here and not in a worker)

    @functools.cached_property
    def process(self) -> Process:
        """The process without any exclusion."""
        return make_process(
            self.specification,
            image_size_px=self.image_size_px,
            block_size=self.block_size,
            images_per_program=self.images_per_program,
        )

    @property
    def num_blocks(self) -> int:
        """Blocks, the last one perhaps cut."""
        return -(-self.images // self.process.block_size)

    def samples_of(self, block_index: int) -> range:
        """Sample indices of a block."""
        size = self.process.block_size
        return range(block_index * size, min((block_index + 1) * size, self.images))

    def to_dict(self) -> dict[str, Any]:
        """The content of ``dataset.json``."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        derived = {"process": self.process.describe(), "process_fingerprint": self.process.fingerprint}
        return {"format": FORMAT, **fields, **derived}

    def differences(self, content: dict[str, Any]) -> list[str]:
        """What another data set has otherwise, by its ``dataset.json``; how the process is written does not count."""
        ours = self.to_dict()
        names = [name for name in ours if name not in ("specification", "process")]
        return [f"{name}: {content.get(name)} -> {ours[name]}" for name in names if content.get(name) != ours[name]]


def read_recipe(folder: Path) -> Recipe:
    """The recipe of a data set, checked against the shader programs at hand.

    Raises:
        UserError: if the folder is no data set, or its process makes other images here.
    """
    path = folder / DATASET_FILE
    if not path.is_file():
        raise UserError(f"{str(folder)!r} is not a data set of procmem generate: it has no {DATASET_FILE}")
    content = read_json(path)
    try:
        names = [field.name for field in dataclasses.fields(Recipe)]
        recipe = Recipe(**{name: content[name] for name in names})
    except (KeyError, TypeError) as error:
        raise UserError(f"{str(path)!r} is not the record of a data set: {error}") from error
    changed = recipe.differences(content)
    if changed:
        raise UserError(f"{str(folder)!r} cannot be made again by this version of procmem: {'; '.join(changed)}")
    return recipe


def class_names(process: Process) -> list[str]:
    """Class names in order of their labels: ids of shader programs, and the names of other sources."""
    names: set[str] = set()
    for member in process.members():
        if isinstance(member, Shaders):
            names.update(program.id for program in member.programs)
        elif not isinstance(member, Operator | Union):
            names.update(member.describe())
    return sorted(names)


def class_of(recipe: dict[str, Any]) -> str:
    """The class of an image: shader program or source of its mask, or of its heaviest part; the first among equals."""
    while "sources" in recipe:
        weights = recipe.get("weights") or [1.0]
        recipe = recipe["sources"][weights.index(max(weights))]
    return str(recipe["program"] if recipe["operator"] == "shaders" else recipe["operator"])


def parse_shard(text: str) -> tuple[int, int]:
    """``"3/8"`` to (3, 8): the fourth of eight machines.

    Raises:
        UserError: if it has another form or is out of range.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None:
        raise UserError(f"a shard is i/n, for example 0/8 for the first of eight, got {text!r}")
    index, count = int(match[1]), int(match[2])
    if index >= count:
        raise UserError(f"a shard i/n has i from 0 to n - 1, got {text!r}")
    return index, count
