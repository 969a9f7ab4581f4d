"""Operators: processes that make each image from several images of another process.

Letters: N = block size.
"""

from __future__ import annotations

from typing import Any

import torch

from procgen.leaves import join_by_mask, leaf_masks
from procgen.mixing import WeightRule, draw_weights, mixup
from procgen.process import Operator, Path, Process


class Mixup(Operator):
    """Convex combination of `num_images` images of the source (see `procgen.mixing`).

    Args:
        source: where the images come from.
        num_images: images in one mix; 6 in the published Shaders Mixup set, 2 in Shaders KML Mixup.
        weights: rule of `draw_weights`.
        reuse: how many times a block of the source is dealt (see `Operator`).
    """

    name = "mixup"

    def __init__(
        self, source: Process, *, num_images: int = 6, weights: WeightRule = "normalised_uniform", reuse: int = 1
    ) -> None:
        draw_weights(weights, num_images, 1, 0)  # refuses a bad rule or count here, not in a worker
        super().__init__(source, num_images, reuse)
        self.weights: WeightRule = weights

    def _mix(self, sources: list[torch.Tensor], root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        return mixup(sources, self._draw(root_seed, block_index, path))

    def _details(self, root_seed: int, block_index: int, image_index: int, path: Path) -> dict[str, Any]:
        weights = self._draw(root_seed, block_index, path)[:, image_index]
        return {"weights": [float(weight) for weight in weights]}

    def _draw(self, root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        return draw_weights(self.weights, self.num_sources, self.block_size, root_seed, *path, "weights", block_index)

    def _options(self) -> dict[str, Any]:
        return {"num_images": self.num_sources, "weights": self.weights}


class Leaves(Operator):
    """K-means leaves: one image's colour clusters join two other images (see `procgen.leaves`).

    Args:
        source: where mask and textures come from.
        mask_size_px: side of the square on which pixels are clustered; None clusters at the image's own size,
            256 is the paper's.
        reuse: how many times a block of the source is dealt (see `Operator`).
    """

    name = "leaves"

    def __init__(self, source: Process, *, mask_size_px: int | None = None, reuse: int = 1) -> None:
        super().__init__(source, 3, reuse)
        self.mask_size_px = mask_size_px

    def _mix(self, sources: list[torch.Tensor], root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        mask_image, texture_a, texture_b = sources
        return join_by_mask(leaf_masks(mask_image, self.mask_size_px), texture_a, texture_b)

    def _details(self, root_seed: int, block_index: int, image_index: int, path: Path) -> dict[str, Any]:
        return {"roles": ["mask", "texture_a", "texture_b"]}

    def _options(self) -> dict[str, Any]:
        return {"mask_size_px": self.mask_size_px}
