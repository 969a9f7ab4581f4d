"""What `procmem generate` does; see `procmem.commands` for the conventions."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from procmem.commands import print_json
from procmem.errors import UserError, WorkError
from procmem.progress import say
from procmem.strict_yaml import read_yaml

if TYPE_CHECKING:
    from procgen.shards.recipe import Recipe

SLURM_CORES = 8  # of a task, unless workers says otherwise
SLURM_SCRIPT = """#!/bin/bash
#SBATCH --job-name=procmem-generate
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task={cores}
#SBATCH --requeue
# A task that is stopped continues where it was when it is queued again. When all are done:
#   procmem generate --merge {folder}
srun {command} --shard "${{SLURM_ARRAY_TASK_ID}}/{count}"
"""


def generate(
    process: str | None = None,
    *,
    images: int | None = None,
    output: Path | None = None,
    size: int = 256,
    format: Literal["webdataset", "folder"] = "webdataset",  # noqa: A002 (the option's usual name)
    image_format: Literal["jpeg", "png", "webp"] = "jpeg",
    quality: int = 90,
    root_seed: int = 0,
    block_size: int = 1024,
    images_per_program: int = 16,
    shard: str = "0/1",
    workers: int | None = None,
    slurm_array: int | None = None,
    merge: Path | None = None,
    verify: Path | None = None,
    explain: int | None = None,
    json: bool = False,
) -> None:
    """Write the images of a process to files, each with its recipe; the same command continues what was interrupted.

    A set of fewer images is the beginning of a larger one. The class of an image is its shader program, or that of its
    mask. Several machines share the work: --shard 0/4 to --shard 3/4, then --merge.

    Args:
        process: a name such as shaders_kml_mixup, or a YAML file that holds a composition.
        images: how many.
        output: the data set's folder; new, empty, or of the same data set.
        size: side of an image in pixels.
        format: tars of image and JSON for the webdataset package, or a folder of images for each class.
        image_format: jpeg, or without loss png or webp.
        quality: of JPEG, 1 to 100.
        root_seed: fixes the images.
        block_size: images that are made at a time, and stand in one tar.
        images_per_program: images of a block that share a shader program.
        shard: i/n, make the i-th of n parts, counted from 0.
        workers: processes; the default is one for each core (on a GPU one), and 0 works in this process.
        slurm_array: print a SLURM script that makes the data set in so many tasks, and do nothing.
        merge: folder of a data set whose parts are all there; its index is joined, and nothing else done.
        verify: folder of a data set; every file is compared with its checksum, and nothing else done.
        explain: number of an image in the data set --output; it is made again, compared, and its recipe printed.
        json: print the result as JSON.
    """
    if verify is not None:
        _verify(verify, as_json=json)
    elif merge is not None:
        _merge(merge, as_json=json)
    elif explain is not None:
        from procgen.shards.explain import explain as explain_image

        print_json(explain_image(_needed("output", output), explain))
    else:
        from procgen.shards.generate import generate as make
        from procgen.shards.recipe import Recipe, parse_shard

        recipe = Recipe(
            specification=_specification(_needed("process", process)),
            images=_needed("images", images),
            image_size_px=size,
            layout=format,
            image_format=image_format,
            quality=quality,
            root_seed=root_seed,
            block_size=block_size,
            images_per_program=images_per_program,
        )
        folder = _needed("output", output)
        if slurm_array is not None:
            sys.stdout.write(_slurm_script(str(process), recipe, folder, slurm_array, workers or SLURM_CORES))
            return
        made = make(recipe, folder, shard=parse_shard(shard), num_workers=workers)
        say(f"{folder}: {made} blocks made; {recipe.images} images in {recipe.num_blocks} blocks in all")
        if json:
            print_json({"folder": str(folder), "blocks_made": made, "blocks": recipe.num_blocks})


def _verify(folder: Path, *, as_json: bool) -> None:
    from procgen.shards.index import verify

    problems = verify(folder)
    if as_json:
        print_json({"problems": problems})
    else:
        sys.stdout.writelines(f"{problem}\n" for problem in problems)
    if problems:
        raise WorkError(f"{folder} has {len(problems)} problems; the command that made it repairs what is not whole")
    say(f"{folder} is complete, and every checksum is right")


def _merge(folder: Path, *, as_json: bool) -> None:
    from procgen.shards.index import merge

    index = merge(folder)
    say(f"{folder}: {index['images']} images, {index['bytes']} bytes, sha256 {index['data_set_sha256']}")
    if as_json:
        print_json(index)


def _slurm_script(process: str, recipe: Recipe, folder: Path, count: int, cores: int) -> str:
    """The same command as an array of `count` tasks."""
    if count < 1:
        raise UserError(f"a SLURM array needs at least one task, got {count}")
    options = {
        "images": recipe.images,
        "output": folder,
        "size": recipe.image_size_px,
        "format": recipe.layout,
        "image-format": recipe.image_format,
        "quality": recipe.quality,
        "root-seed": recipe.root_seed,
        "block-size": recipe.block_size,
        "images-per-program": recipe.images_per_program,
        "workers": cores,
    }
    words = ["procmem", "generate", process, *(word for k, v in options.items() for word in (f"--{k}", str(v)))]
    return SLURM_SCRIPT.format(
        last=count - 1, count=count, cores=cores, command=shlex.join(words), folder=shlex.quote(str(folder))
    )


def _specification(process: str) -> Any:
    return read_yaml(Path(process)) if process.endswith((".yaml", ".yml")) else process


def _needed(name: str, value: Any) -> Any:
    if value is None:
        raise UserError(f"missing --{name}; see: procmem generate --help")
    return value
