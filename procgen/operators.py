"""Operators: processes that make each image from several images of another process.

The random draws of every operator come from the host and are keyed by its place in the composition; what a released
operator writes into its description stays as it is, since fingerprints of finished runs depend on it: later options
appear there only where they differ from their defaults.
"""

from __future__ import annotations

from typing import Any, Literal

import torch

from procgen.colour_spaces import ColourSpace
from procgen.leaves import PAPER_MASK_SIZE_PX, check_leaves, join_leaves, kmeans_leaves
from procgen.mixing import WeightRule, convex_cutmix, cutmix, draw_boxes, draw_weights, mixup
from procgen.process import Operator, Path, Process
from procmem.errors import UserError, unknown_name

Protocol = Literal["paper"]


class Mixup(Operator):
    """Convex combination of `num_images` images of the source (see `procgen.mixing`).

    Args:
        source: where the images come from.
        num_images: images in one mix; 6 in the published Shaders Mixup set, 2 in Shaders KML Mixup.
        weights: rule of `draw_weights`.
        alpha: of the Dirichlet distribution, where that is the rule: below 1 one image leads, above 1 they even out.
        reuse: how many times a block of the source is dealt (see `Operator`).
    """

    name = "mixup"

    def __init__(
        self,
        source: Process,
        *,
        num_images: int = 6,
        weights: WeightRule = "normalised_uniform",
        alpha: float = 1.0,
        reuse: int = 1,
    ) -> None:
        draw_weights(weights, num_images, 1, 0, alpha=alpha)  # refuses a bad value here, not in a worker
        super().__init__(source, num_images, reuse)
        self.weights: WeightRule = weights
        self.alpha = alpha

    def _mix(self, sources: list[torch.Tensor], root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        return mixup(sources, self._draw(root_seed, block_index, path))

    def _details(self, root_seed: int, block_index: int, image_index: int, path: Path) -> dict[str, Any]:
        weights = self._draw(root_seed, block_index, path)[:, image_index]
        return {"weights": [float(weight) for weight in weights]}

    def _draw(self, root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        key = (*path, "weights", block_index)
        return draw_weights(self.weights, self.num_sources, self.block_size, root_seed, *key, alpha=self.alpha)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"num_images": self.num_sources, "weights": self.weights}
        return options | ({"alpha": self.alpha} if self.alpha != 1 else {})


class Leaves(Operator):
    """K-means leaves: one image's colour clusters join K other images (see `procgen.leaves`).

    Args:
        source: where mask and textures come from.
        mask_size_px: side of the square on which pixels are clustered; None clusters at the image's own size,
            256 is the paper's.
        num_leaves: K, clusters and textures; 2 is the paper's.
        colour_space: where colours are told apart; rgb is the paper's.
        protocol: "paper" for the paper's rule, whatever the defaults here become.
        reuse: how many times a block of the source is dealt (see `Operator`).
    """

    name = "leaves"

    def __init__(
        self,
        source: Process,
        *,
        mask_size_px: int | None = None,
        num_leaves: int = 2,
        colour_space: ColourSpace = "rgb",
        protocol: Protocol | None = None,
        reuse: int = 1,
    ) -> None:
        check_leaves(num_leaves, mask_size_px, colour_space)
        if protocol is not None:
            _check_protocol(protocol)
            if (mask_size_px or PAPER_MASK_SIZE_PX, num_leaves, colour_space) != (PAPER_MASK_SIZE_PX, 2, "rgb"):
                raise UserError(
                    "protocol 'paper' clusters into 2 leaves in rgb at 256 px; got "
                    f"num_leaves={num_leaves}, colour_space={colour_space!r}, mask_size_px={mask_size_px}"
                )
            mask_size_px = PAPER_MASK_SIZE_PX
        super().__init__(source, 1 + num_leaves, reuse)
        self.mask_size_px = mask_size_px
        self.num_leaves = num_leaves
        self.colour_space: ColourSpace = colour_space

    def _mix(self, sources: list[torch.Tensor], root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        mask_images, *textures = sources
        return join_leaves(self.masks(mask_images), textures)

    def _details(self, root_seed: int, block_index: int, image_index: int, path: Path) -> dict[str, Any]:
        return {"roles": ["mask", *(f"texture_{chr(ord('a') + k)}" for k in range(self.num_leaves))]}

    def masks(self, mask_images: torch.Tensor) -> torch.Tensor:
        """The masks that these images give, float32 (B, K, H, W)."""
        return kmeans_leaves(mask_images, self.num_leaves, self.mask_size_px, self.colour_space)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"mask_size_px": self.mask_size_px}
        if self.num_leaves != 2:
            options["num_leaves"] = self.num_leaves
        if self.colour_space != "rgb":
            options["colour_space"] = self.colour_space
        return options


class CutMix(Operator):
    """Boxes of other images pasted onto an image, each box with lambda ~ Beta(alpha, alpha) (see `procgen.mixing`).

    Args:
        source: where the images come from.
        num_images: the image below and those that give boxes.
        alpha: of the Beta distribution; 1 makes every box area equally likely.
        convex: mix the boxes in by random weights instead of pasting them.
        weights: rule of `draw_weights`, where `convex`.
        protocol: "paper" takes black outside a box, where `convex` (see `convex_cutmix`).
        reuse: how many times a block of the source is dealt (see `Operator`).
    """

    name = "cutmix"

    def __init__(
        self,
        source: Process,
        *,
        num_images: int = 2,
        alpha: float = 1.0,
        convex: bool = False,
        weights: WeightRule = "normalised_uniform",
        protocol: Protocol | None = None,
        reuse: int = 1,
    ) -> None:
        draw_boxes(alpha, num_images - 1, 1, 8, 8, 0)
        draw_weights(weights, num_images, 1, 0)
        _check_protocol(protocol)
        super().__init__(source, num_images, reuse)
        self.alpha = alpha
        self.convex = convex
        self.weights: WeightRule = weights
        self.protocol: Protocol | None = protocol

    def _mix(self, sources: list[torch.Tensor], root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        boxes = self._boxes(root_seed, block_index, path)
        if self.convex:
            return convex_cutmix(sources, boxes, self._weights(root_seed, block_index, path), self.protocol)
        return cutmix(sources, boxes)

    def _details(self, root_seed: int, block_index: int, image_index: int, path: Path) -> dict[str, Any]:
        details: dict[str, Any] = {"boxes": self._boxes(root_seed, block_index, path)[:, image_index].tolist()}
        if self.convex:
            details["weights"] = [float(w) for w in self._weights(root_seed, block_index, path)[:, image_index]]
        return details

    def _boxes(self, root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        size, key = self.image_size_px, (*path, "boxes", block_index)
        return draw_boxes(self.alpha, self.num_sources - 1, self.block_size, size, size, root_seed, *key)

    def _weights(self, root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        return draw_weights(self.weights, self.num_sources, self.block_size, root_seed, *path, "weights", block_index)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"num_images": self.num_sources, "alpha": self.alpha}
        return options | ({"convex": True, "weights": self.weights, "protocol": self.protocol} if self.convex else {})


def _check_protocol(protocol: str | None) -> None:
    if protocol not in (None, "paper"):
        raise unknown_name("protocol", str(protocol), ["paper"])
