"""Make a data set, or the blocks of it that are missing.

Blocks are dealt to machines (``shard`` i of n takes blocks i, i + n, ...) and there to worker processes; each worker
renders, encodes and writes whole blocks, so that no image crosses a process border. A folder is one data set: another
recipe is refused before anything is touched. Nothing is taken on trust: blocks that are there are compared with their
checksums, and what is not whole is made again.

Ray was left out: a cluster with a shared or copied folder needs nothing but ``--shard``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from procgen.exclusions import Exclusions
from procgen.shards.blocks import WriteBlock
from procgen.shards.index import data_files, merge, problem_of, provenance_of
from procgen.shards.recipe import DATASET_FILE, Recipe, class_names
from procgen.workers import Workers
from procmem.errors import UserError
from procmem.files import make_folder, read_json, write_json
from procmem.progress import progress, say

BYTES_PER_PIXEL = {"jpeg": 0.35, "png": 2.0, "webp": 1.5}
RECIPE_BYTES = 5000
"""Typical sizes of stored images of the process shaders_kml_mixup at 256 px, for the estimate of disk space."""


def generate(recipe: Recipe, folder: Path, *, shard: tuple[int, int] = (0, 1), num_workers: int | None = None) -> int:
    """Make the missing blocks of one shard; with one shard in all the index is merged too.

    Args:
        recipe: the data set.
        folder: where it lies; made if missing.
        shard: (i, n): this is machine i of n.
        num_workers: processes; 0 works in this one, None takes one for each core (on a GPU: one).

    Returns:
        How many blocks were made now.

    Raises:
        UserError: if the folder holds something else or cannot be written, the disk is too small or full, or a number
            is out of range.
        WorkError: if workers keep dying.
    """
    index, count = shard
    if not 0 <= index < count or (num_workers is not None and num_workers < 0):
        raise UserError(f"out of range: {shard=}, {num_workers=}")
    _refuse_strangers(recipe, folder)
    make_folder(folder)
    write_json(folder / DATASET_FILE, recipe.to_dict())
    write_json(folder / "classes.json", class_names(recipe.process))
    if not (folder / "provenance.json").exists():
        write_json(folder / "provenance.json", provenance_of(folder, recipe).to_dict())
    own = range(index, recipe.num_blocks, count)
    checked = progress(own, "checking what is there", unit="block")
    missing = [block_index for block_index in checked if problem_of(folder, recipe, block_index) is not None]
    _remove_leftovers(recipe, folder, missing, alone=count == 1)
    _check_disk(recipe, folder, missing)
    if len(missing) < len(own):
        say(f"{len(own) - len(missing)} of {len(own)} blocks are there and whole")
    try:
        for _ in progress(_write(recipe, folder, missing, num_workers), "generating", len(missing), "block"):
            pass
    except BaseException:
        _remove_leftovers(recipe, folder, missing, only_partial=True)
        raise
    if count == 1:
        merge(folder)
    return len(missing)


def default_num_workers() -> int:
    """One for each processor core; one on a machine with a GPU, where a second would only wait for it."""
    return 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))


def _write(recipe: Recipe, folder: Path, missing: list[int], num_workers: int | None) -> Iterable[Any]:
    exclusions = Exclusions(folder)
    process = recipe.process.excluding(exclusions.programs)
    task = WriteBlock(process=process, root_seed=recipe.root_seed, recipe=recipe, folder=folder)
    if num_workers is None:
        num_workers = default_num_workers()
    if not num_workers or not missing:
        return map(task, missing)
    return _by_workers(task, missing, min(num_workers, len(missing)), exclusions)


def _by_workers(task: WriteBlock, missing: list[int], num_workers: int, exclusions: Exclusions) -> Iterator[Any]:
    with Workers(task, missing, num_workers, on_exclusion=exclusions.add) as workers:
        yield from workers


def _refuse_strangers(recipe: Recipe, folder: Path) -> None:
    half_written = f".{DATASET_FILE}."  # by a run that was killed in its first moment
    if not folder.is_dir() or all(path.name.startswith(half_written) for path in folder.iterdir()):
        return
    if not (folder / DATASET_FILE).is_file():
        raise UserError(f"{str(folder)!r} holds something else than a data set of procmem generate; take a new folder")
    changed = recipe.differences(read_json(folder / DATASET_FILE))
    if changed:
        raise UserError(f"{str(folder)!r} holds another data set ({'; '.join(changed)}); take another folder")


def _remove_leftovers(
    recipe: Recipe, folder: Path, missing: list[int], *, only_partial: bool = False, alone: bool = False
) -> None:
    """Remove what an interrupted run has left of the blocks that are missing; `alone`: no other machine writes here."""
    blocks = set(missing)
    for path in data_files(folder):
        stem, is_partial = path.name.lstrip(".").split(".")[0], path.suffix == ".partial"
        number = stem.removeprefix("block-")
        block_index = int(number) if number.isdecimal() else None
        if block_index is not None and number == stem:  # an image, by its sample index
            block_index //= recipe.process.block_size
        if (block_index in blocks or (alone and is_partial)) and (is_partial or not only_partial):
            path.unlink(missing_ok=True)


def _check_disk(recipe: Recipe, folder: Path, missing: list[int]) -> None:
    num_images = sum(len(recipe.samples_of(block_index)) for block_index in missing)
    image_bytes = BYTES_PER_PIXEL[recipe.image_format] * recipe.image_size_px**2 + RECIPE_BYTES
    needed, free = num_images * image_bytes, shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{num_images} images take about {needed / 1e9:.1f} GB, but {str(folder)!r} has {free / 1e9:.1f} GB free"
        )
    if num_images:
        say(f"{num_images} images, about {needed / 1e9:.2g} GB of {free / 1e9:.0f} GB free")
