"""What sources share that draw every image from numbers: sizes, generators of a block, keyed randomness.

A "program" here is one draw of what several images have in common (the weights of an untrained network, the maps of
a fractal); it is what images are labelled with, as shader programs are. Every block has its own, so a source has
without end of them.
"""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from procgen.process import Path, Process
from procgen.seeds import generator
from procmem.errors import UserError


class GeneratedSource(Process):
    """A source whose images are drawn from a counter-based generator.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        images_per_program: images of a block that share a program.

    Raises:
        UserError: if a number is below 1.
    """

    name: str

    def __init__(self, *, image_size_px: int, block_size: int = 1024, images_per_program: int = 16) -> None:
        sizes = {"image_size_px": image_size_px, "block_size": block_size, "images_per_program": images_per_program}
        for name, value in sizes.items():
            if value < 1:
                raise UserError(f"{name} must be at least 1, got {value}")
        self.image_size_px = image_size_px
        self.block_size = block_size
        self.images_per_program = images_per_program

    @abc.abstractmethod
    def options(self) -> dict[str, Any]:
        """What sets this source apart from others of its class, for `describe`."""

    def describe(self) -> dict[str, Any]:
        sizes = {name: getattr(self, name) for name in ("image_size_px", "block_size", "images_per_program")}
        return {self.name: sizes | self.options()}

    @property
    def program_set_hash(self) -> str:
        return ""

    def _programs(self, root_seed: int, block_index: int, path: Path) -> npt.NDArray[np.int64]:
        """(N,) number of each image's program; every block has its own, in shuffled order."""
        num_programs = -(-self.block_size // self.images_per_program)
        numbers = np.repeat(np.arange(num_programs), self.images_per_program)[: self.block_size]
        order = generator(root_seed, *path, "programs", block_index).permutation(numbers)
        return order + block_index * num_programs

    def _sample(self, block_index: int, image_index: int) -> int:
        return block_index * self.block_size + image_index


class ImageByImage(GeneratedSource):
    """A generated source that makes one image at a time, each from its own generator."""

    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        size = self.image_size_px
        images = torch.empty((self.block_size, 3, size, size), dtype=torch.uint8)
        for i, program in enumerate(self._programs(root_seed, block_index, (*path, self.name))):
            images[i] = torch.from_numpy(self._image(root_seed, block_index, i, int(program), (*path, self.name)))
        return images

    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        path = (*path, self.name)
        program = int(self._programs(root_seed, block_index, path)[image_index])
        details = self._details(root_seed, block_index, image_index, program, path)
        return {"operator": self.name, "program": f"{self.name}/{program}", **details}

    @abc.abstractmethod
    def _image(
        self, root_seed: int, block_index: int, image_index: int, program: int, path: Path
    ) -> npt.NDArray[np.uint8]:
        """(3, H, W)."""

    @abc.abstractmethod
    def _details(self, root_seed: int, block_index: int, image_index: int, program: int, path: Path) -> dict[str, Any]:
        """The draws behind one image, as JSON."""
