"""How a stored image came about, proved by making it again."""

from __future__ import annotations

import dataclasses
import itertools
import json
import tarfile
from pathlib import Path
from typing import Any

from procgen.shards.blocks import WriteBlock, block_path, record_path
from procgen.shards.recipe import Recipe, read_recipe
from procgen.workers import Workers
from procmem.errors import UserError, WorkError
from procmem.files import canonical_json, read_json


def explain(folder: Path, sample_index: int) -> dict[str, Any]:
    """Make an image again from its recipe and compare it with what is stored, byte for byte.

    The whole block is rendered: an image of a mix has its sources anywhere in it.

    Returns:
        The image's metadata (label, class, recipe), and where it lies.

    Raises:
        UserError: if the folder is no data set, or the image is not in it.
        WorkError: if bytes or recipe differ.
    """
    recipe = read_recipe(folder)
    if not 0 <= sample_index < recipe.images:
        raise UserError(f"the data set holds the images 0..{recipe.images - 1}, got {sample_index}")
    block_index, i = divmod(sample_index, recipe.process.block_size)
    if not record_path(folder, block_index).exists():
        raise UserError(f"image {sample_index} is in block {block_index}, which is not made yet")
    record = read_json(record_path(folder, block_index))
    process = recipe.process.excluding(record["excluded_programs"])
    task = MakeSample(process=process, root_seed=recipe.root_seed, recipe=recipe, folder=folder, place=i)
    with Workers(task, [block_index], 1) as workers:
        ((_, (name, _, image, metadata)),) = workers
    stored_image, stored_metadata, where = _stored(folder, recipe, block_index, i, name)
    if stored_metadata != json.loads(canonical_json(metadata)):
        raise WorkError(f"the stored recipe of image {sample_index} is not the one that made it: {where}")
    if stored_image != image:
        raise WorkError(
            f"image {sample_index} made again has other bytes than {where}; it was made by {record['code_version']} "
            f"on {record['renderer'] or 'no renderer'}"
        )
    result: dict[str, Any] = metadata | {"stored": where, "equal_bytes": True}
    return result


@dataclasses.dataclass(frozen=True, kw_only=True)
class MakeSample(WriteBlock):
    """Makes one image of a block, encoded, and writes nothing.

    Attributes:
        place: which.
    """

    place: int

    def __call__(self, block_index: int) -> Any:
        return next(itertools.islice(self.samples(block_index), self.place, None))


def _stored(folder: Path, recipe: Recipe, block_index: int, i: int, name: str) -> tuple[bytes, dict[str, Any], str]:
    """Bytes and metadata of a stored image, and where it lies."""
    path = block_path(folder, recipe, block_index)
    try:
        if recipe.layout == "folder":
            entry = json.loads(path.read_text(encoding="utf-8").splitlines()[i])
            where = entry.pop("file")
            del entry["sha256"]
            return (folder / where).read_bytes(), entry, where
        with tarfile.open(path) as tar:
            image, metadata = (_read(tar, member) for member in (name, f"{Path(name).stem}.json"))
        return image, json.loads(metadata), f"{path.name}:{name}"
    except (OSError, tarfile.TarError, KeyError, IndexError, ValueError) as error:
        raise WorkError(f"cannot read image {name} from {str(path)!r}: {error}; verify the data set") from error


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()
