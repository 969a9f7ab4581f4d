"""Dead leaves: opaque shapes of every size, dropped on each other until nothing below is seen.

The model of Matheron 1968 as used by Baradad et al. 2021 ("Learning to see by looking at noise", arXiv 2106.05963):
radii with density r^-3 between 0.03 and 1 image sides, uniform centres and colours, and squares, turned squares, or a
mix of discs, squares, turned squares, rectangles, triangles and quadrangles, each inscribed in a circle of its radius.
A leaf is of one colour, or shows another source's image through its outline.

Made from the top down, in layers: shapes of a layer are painted in order, and where a layer leaves holes the next one
is laid beneath. That is the model's own distribution; painting upwards until the canvas is full, as the published
code does, stops when the last hole closes and so favours what covers it.

Letters: S shapes, H W image size.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from procgen.process import Path, Process
from procgen.seeds import generator
from procgen.sources.generated import GeneratedSource
from procmem.errors import UserError, unknown_name

LeafShape = Literal["square", "oriented", "mixed"]
KINDS = ("disc", "square", "oriented_square", "rectangle", "triangle", "quadrangle")
_KINDS_OF: dict[LeafShape, tuple[str, ...]] = {"square": ("square",), "oriented": ("oriented_square",), "mixed": KINDS}

RADIUS_RANGE = (0.03, 1.0)
SHAPES_PER_LAYER = 256
MAX_LAYERS = 100
"""A hole that survived 25,600 shapes would be filled with the last layer's ground; it does not happen in practice."""
DISC_CORNERS = 64


class DeadLeaves(GeneratedSource):
    """Dead leaves.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        images_per_program: not used here: every image is a draw of its own.
        shape: square, oriented (squares at any angle) or mixed.
        textures: a process whose images fill the leaves; None fills each with one colour.

    Raises:
        UserError: if the shape is unknown, a number is below 1, or the textures have another size.
    """

    name = "dead_leaves"

    def __init__(
        self,
        *,
        image_size_px: int,
        block_size: int = 1024,
        images_per_program: int = 1,
        shape: LeafShape = "mixed",
        textures: Process | None = None,
    ) -> None:
        super().__init__(image_size_px=image_size_px, block_size=block_size, images_per_program=1)
        if shape not in get_args(LeafShape):
            raise unknown_name("shape of dead leaves", shape, get_args(LeafShape))
        if textures is not None and textures.image_size_px != image_size_px:
            raise UserError(
                f"textures must have the leaves' image size, {image_size_px} px, got {textures.image_size_px} px"
            )
        self.shape: LeafShape = shape
        self.textures = textures
        self.real_images = textures is not None and textures.real_images

    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        path = (*path, self.name)
        pool = None if self.textures is None else self.textures.block(root_seed, block_index, path).numpy()
        images = np.empty((self.block_size, 3, self.image_size_px, self.image_size_px), dtype=np.uint8)
        for i in range(self.block_size):
            random = self._random(root_seed, block_index, i, path)
            leaves, num_leaves = leaf_map(random, self.image_size_px, self.shape)
            if pool is None:
                colours = random.integers(0, 256, size=(3, num_leaves), dtype=np.uint8)
                images[i] = colours[:, leaves]
            else:
                shown = random.integers(0, len(pool), size=num_leaves)[leaves]
                images[i] = np.take_along_axis(pool, shown[None, None], axis=0)[0]
        return torch.from_numpy(images)

    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        path = (*path, self.name)
        random = self._random(root_seed, block_index, image_index, path)
        leaves, num_leaves = leaf_map(random, self.image_size_px, self.shape)
        recipe: dict[str, Any] = {"operator": self.name, "program": f"{self.name}/{self.shape}"}
        recipe |= {"num_shapes": num_leaves, "num_visible": len(np.unique(leaves))}
        if self.textures is not None:
            textures = random.integers(0, self.textures.block_size, size=num_leaves)
            shown, counts = np.unique(textures[leaves], return_counts=True)
            widest = shown[np.argsort(-counts, kind="stable")][:3]
            recipe["widest_textures"] = [
                self.textures.recipe(root_seed, block_index, int(index), path) for index in widest
            ]
        return recipe

    def options(self) -> dict[str, Any]:
        return {"shape": self.shape, "textures": None if self.textures is None else self.textures.describe()}

    @property
    def program_set_hash(self) -> str:
        return "" if self.textures is None else self.textures.program_set_hash

    def _random(self, root_seed: int, block_index: int, image_index: int, path: Path) -> np.random.Generator:
        return generator(root_seed, *path, "image", self._sample(block_index, image_index))


def draw_radii(random: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Radii in image sides, density r^-3 on `RADIUS_RANGE`, by the inverse of their distribution."""
    low, high = RADIUS_RANGE
    inverse: npt.NDArray[np.float64] = low / np.sqrt(1 - random.random(count) * (1 - (low / high) ** 2))
    return inverse


def leaf_map(random: np.random.Generator, size_px: int, shape: LeafShape) -> tuple[npt.NDArray[np.int32], int]:
    """Which leaf is seen at each pixel.

    Returns:
        (H, W) numbers of leaves, and how many leaves were drawn.
    """
    seen = np.full((size_px, size_px), -1, dtype=np.int32)
    for layer in range(MAX_LAYERS):
        canvas = Image.new("I", (size_px, size_px), -1)
        draw = ImageDraw.Draw(canvas)
        outlines = draw_outlines(random, SHAPES_PER_LAYER, shape)
        for number, outline in enumerate(outlines, start=layer * SHAPES_PER_LAYER):
            draw.polygon((outline * size_px - 0.5).ravel().tolist(), fill=number)
        seen = np.where(seen < 0, np.asarray(canvas, dtype=np.int32), seen)
        if (seen >= 0).all():
            return seen, (layer + 1) * SHAPES_PER_LAYER
    return np.maximum(seen, 0), MAX_LAYERS * SHAPES_PER_LAYER


def draw_outlines(random: np.random.Generator, count: int, shape: LeafShape) -> list[npt.NDArray[np.float64]]:
    """Corners (x, y) of shapes, in image sides, (number of corners, 2) each."""
    kinds = random.integers(0, len(_KINDS_OF[shape]), size=count)
    radii, centres = draw_radii(random, count), random.random((count, 2))
    free = random.random((count, 4))  # the draws that a kind may need
    outlines = []
    for kind, radius, centre, own in zip(kinds, radii, centres, free, strict=True):
        angles = corner_angles(_KINDS_OF[shape][kind], own)
        outlines.append(centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return outlines


def corner_angles(kind: str, free: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where a kind's corners stand on its circle, in radians, in order.

    Args:
        kind: one of `KINDS`.
        free: four uniform numbers in [0, 1); a kind uses as many as it needs.
    """
    quarter = np.pi / 2
    if kind == "disc":
        angles = np.arange(DISC_CORNERS) * (2 * np.pi / DISC_CORNERS)
    elif kind == "square":
        angles = quarter * (np.arange(4) + 0.5)
    elif kind == "oriented_square":
        angles = quarter * (np.arange(4) + 4 * free[0])
    elif kind == "rectangle":
        half = free[0] * quarter
        angles = np.array([half, math.pi - half, math.pi + half, 2 * math.pi - half])
    else:
        angles = np.sort(2 * np.pi * free[: 3 if kind == "triangle" else 4])
    return np.asarray(angles, dtype=np.float64)
