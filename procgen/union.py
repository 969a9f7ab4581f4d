"""Union: one block made of the blocks of several sources, in seeded order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from procgen.process import Path, Process
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.files import fingerprint


class Union(Process):
    """Several sources in fixed shares: every block holds each source's whole block, shuffled.

    So the counts are exact in every block, and a share is set by the source's block size (see `shares`).

    Args:
        sources: processes of one image size.

    Raises:
        UserError: if there are none or their image sizes differ.
    """

    name = "union"

    def __init__(self, sources: Sequence[Process]) -> None:
        if not sources:
            raise UserError("a union needs at least one source, got none")
        sizes = [source.image_size_px for source in sources]
        if len(set(sizes)) > 1:
            raise UserError(f"the sources of a union must have equal image sizes, got {sizes} px")
        self.parts = list(sources)
        self.image_size_px = sizes[0]
        self.block_size = sum(source.block_size for source in sources)
        self.real_images = any(source.real_images for source in sources)

    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        own = (*path, self.name)
        blocks = [source.block(root_seed, block_index, (*own, k)) for k, source in enumerate(self.parts)]
        return self.join(blocks, root_seed, block_index, path)

    def join(self, blocks: Sequence[torch.Tensor], root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        """The block, from the blocks of the sources."""
        return torch.cat(list(blocks))[torch.from_numpy(self._order(root_seed, block_index, path))]

    def origin(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> tuple[int, int]:
        """Which source an image is from, and its place in that source's block."""
        position = int(self._order(root_seed, block_index, path)[image_index])
        ends = np.cumsum([source.block_size for source in self.parts])
        k = int(np.searchsorted(ends, position, side="right"))
        return k, position - int(ends[k]) + self.parts[k].block_size

    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        k, position = self.origin(root_seed, block_index, image_index, path)
        own = self.parts[k].recipe(root_seed, block_index, position, (*path, self.name, k))
        return {"operator": self.name, "chosen": k, "sources": [own]}

    def describe(self) -> dict[str, Any]:
        return {"union": {"sources": [source.describe() for source in self.parts]}}

    @property
    def program_set_hash(self) -> str:
        hashes = [source.program_set_hash for source in self.parts if source.program_set_hash]
        return hashes[0] if len(set(hashes)) == 1 else fingerprint(hashes) if hashes else ""

    def _order(self, root_seed: int, block_index: int, path: Path) -> npt.NDArray[np.int64]:
        """(N,) which of the sources' images, laid end to end, is at each place."""
        return generator(root_seed, *path, self.name, "order", block_index).permutation(self.block_size)


def shares(weights: Sequence[float], total: int) -> list[int]:
    """Divide `total` images in proportion to the weights, by largest remainders (ties to the earlier).

    Raises:
        UserError: if a weight is not above 0 or a source would get no image.
    """
    if not weights or not all(isinstance(weight, int | float) and 0 < weight < float("inf") for weight in weights):
        raise UserError(f"the weights of a union must be above 0, one for each source, got {list(weights)}")
    quotas = np.asarray(weights, dtype=np.float64) * (total / sum(weights))
    counts = np.floor(quotas).astype(np.int64)
    counts[np.argsort(-(quotas - counts), kind="stable")[: total - counts.sum()]] += 1
    if not counts.all():
        raise UserError(f"weights {list(weights)} leave a source without an image in a block of {total}")
    return [int(count) for count in counts]
