"""Embeddings by several devices or processes: every rank embeds one run of consecutive images, the cache gathers them.

Lightning Fabric starts the processes, or joins those that torchrun or srun has started. Each rank extracts its own
images as `extract` does, with a cache file (and an interruption) of its own; the first then joins the files in order
into the one that a plain `extract` of the whole set reads. So nothing is sent between processes, one image is embedded
by one rank, and the result does not depend on their number. Cost: the cache folder must be shared by the machines.

Letters: N images.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.extract import Embeddings, cache_path, extract_shard, join_shards, read_embeddings
from eval.images import CorruptImageError, LabelledImages, OnCorrupt
from eval.white_box import load_measured
from eval.whole_square import WholeSquareEncoder
from pretrain.encoder import Encoder
from pretrain.timm_encoder import Precision
from procmem.errors import UserError

STARTED_OUTSIDE = ("TORCHELASTIC_RUN_ID", "SLURM_PROCID")
"""Variables of torchrun and srun: the processes are there already."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderRecipe:
    """How each process loads the encoder for itself; see `load_measured`, and `WholeSquareEncoder` for the last."""

    spec: str
    image_size_px: int | None = None
    precision: Precision = "float32"
    whole_square: bool = False

    def load(self, device: str) -> Encoder:
        """The encoder on a device; errors as `load_measured`."""
        encoder = load_measured(self.spec, device, self.image_size_px, self.precision)
        return WholeSquareEncoder(encoder) if self.whole_square else encoder


def extract_on_devices(
    recipe: EncoderRecipe,
    images: LabelledImages,
    *,
    num_devices: int | None = None,
    accelerator: str = "auto",
    batch_size: int = 64,
    on_corrupt: OnCorrupt = "fail",
) -> Embeddings:
    """Embed a set with all devices of this machine, or of all machines of a job.

    Args:
        recipe: of the encoder.
        images: the set.
        num_devices: processes to start, one a device; None takes all GPUs. Under torchrun or srun theirs counts.
        accelerator: "auto", "cuda" or "cpu".
        batch_size: images a forward pass of each process.
        on_corrupt: as `extract`.

    Returns:
        What `extract` of the whole set gives, from the cache.

    Raises:
        CorruptImageError: if an image cannot be read and `on_corrupt` is "fail".
        UserError: if a setting is out of range, or as `load_measured` and `extract`.
    """
    from lightning.fabric import Fabric

    if num_devices is not None and num_devices < 1:
        raise UserError(f"num_devices must be at least 1, received {num_devices}")
    is_started = any(name in os.environ for name in STARTED_OUTSIDE)
    devices: Any = num_devices or ("auto" if accelerator != "cpu" else 1)
    fabric: Any = Fabric(accelerator=accelerator, devices=devices, strategy="ddp" if is_started else "ddp_spawn")
    # bound, since Lightning refuses frozen dataclasses among the arguments
    work = functools.partial(_work, recipe=recipe, packed=_PackedImages.of(images), batch_size=batch_size)
    path: Path = fabric.launch(work)
    found = read_embeddings(path, images)
    if not len(found.positions):
        raise UserError(f"none of the {len(images)} images of {images.name}/{images.split} is readable")
    if found.skipped and on_corrupt == "fail":
        raise CorruptImageError(found.skipped[0])
    return found


def shard_of(num_images: int, rank: int, world_size: int) -> npt.NDArray[np.int64]:
    """Positions of one rank: consecutive, all ranks together 0..N-1 in order, sizes equal or one apart."""
    return np.array_split(np.arange(num_images), world_size)[rank]


def _work(fabric: Any, recipe: EncoderRecipe, packed: _PackedImages, batch_size: int) -> Path:
    """One process; gives the file of the whole set."""
    images = packed.unpacked()
    encoder = recipe.load(str(fabric.device))
    whole = cache_path(encoder, images)
    if not whole.is_file():
        shards = [shard_of(len(images), rank, fabric.world_size) for rank in range(fabric.world_size)]
        own = shards[fabric.global_rank]
        if len(own):
            extract_shard(encoder, images.select(own), batch_size)
    fabric.barrier()
    if not whole.is_file() and fabric.global_rank == 0:
        join_shards(encoder, images, [shard for shard in shards if len(shard)])
    fabric.barrier()
    return whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class _PackedImages:
    """Images on their way to another process: of a mapped array only its file's name travels, not its pixels."""

    images: LabelledImages
    mapped: str | None

    @classmethod
    def of(cls, images: LabelledImages) -> _PackedImages:
        if not isinstance(images.sources, np.memmap):
            return cls(images=images, mapped=None)
        return cls(images=dataclasses.replace(images, sources=()), mapped=str(images.sources.filename))

    def unpacked(self) -> LabelledImages:
        if self.mapped is None:
            return self.images
        return dataclasses.replace(self.images, sources=np.load(self.mapped, mmap_mode="r"))
