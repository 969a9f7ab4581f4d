"""How an image came about, as a picture: one row for each operator, its sources with their part in the mix, the result.

Everything is made once: an operator's images are mixed here from the same pool that its row shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont

from procgen.operators import Leaves
from procgen.process import Operator, Path, Process
from procgen.union import Union

CAPTION_PX, FONT_PX, GAP_PX, MARGIN_PX = 34, 11, 8, 12


class Tile(NamedTuple):
    """One image with words below it: uint8 (3, H, W), and one or two lines."""

    image: torch.Tensor
    caption: str


class Row(NamedTuple):
    """One step: its name, what went in, and what came out (always the last tile)."""

    title: str
    tiles: list[Tile]


def explain(process: Process, root_seed: int, block_index: int, image_index: int) -> list[Row]:
    """The steps that made one image, the last step first, then those of each of its sources."""
    return _Trace(root_seed, block_index).rows(process, image_index, ())


def draw_rows(rows: list[Row]) -> Image.Image:
    """The rows as a page, each image at its own size."""
    width = MARGIN_PX + max(sum(tile.image.shape[2] + GAP_PX for tile in row.tiles) for row in rows)
    heights = [FONT_PX + 6 + max(tile.image.shape[1] for tile in row.tiles) + CAPTION_PX for row in rows]
    page = Image.new("RGB", (width, sum(heights) + MARGIN_PX), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=FONT_PX)
    top = MARGIN_PX // 2
    for row, height in zip(rows, heights, strict=True):
        draw.text((MARGIN_PX // 2, top), row.title, fill="black", font=font)
        left = MARGIN_PX // 2
        for tile in row.tiles:
            page.paste(Image.fromarray(tile.image.permute(1, 2, 0).cpu().numpy()), (left, top + FONT_PX + 6))
            below = top + FONT_PX + 8 + tile.image.shape[1]
            for line, text in enumerate(tile.caption.split("\n")):
                draw.text(
                    (left, below + line * (FONT_PX + 2)), _fit(text, tile.image.shape[2]), fill="black", font=font
                )
            left += tile.image.shape[2] + GAP_PX
        top += height
    return page


def label_of(recipe: Mapping[str, Any]) -> str:
    """The program that an image is labelled with: its own, or that of its first source (the mask, of leaves)."""
    while "program" not in recipe:
        recipe = recipe["sources"][0]
    return str(recipe["program"])


class _Trace:
    """Images and rows of one block; every process of the composition is asked for its images once."""

    def __init__(self, root_seed: int, block_index: int) -> None:
        self.key = (root_seed, block_index)
        self.made: dict[Path, torch.Tensor] = {}

    def images(self, process: Process, path: Path) -> torch.Tensor:
        """All images of the block, as ``process.block(*key, path)`` makes them."""
        if path not in self.made:
            self.made[path] = self._make(process, path)
        return self.made[path]

    def _make(self, process: Process, path: Path) -> torch.Tensor:
        if isinstance(process, Operator):
            own = (*path, process.name)
            pool = self.images(process.source, own)
            dealt = torch.from_numpy(process._deal(*self.key, own))
            return process._mix([pool[row] for row in dealt], *self.key, own)
        if isinstance(process, Union):
            blocks = [self.images(source, (*path, process.name, k)) for k, source in enumerate(process.parts)]
            return process.join(blocks, *self.key, path)
        return process.block(*self.key, path)

    def rows(self, process: Process, image_index: int, path: Path) -> list[Row]:
        result = self.images(process, path)[image_index]
        recipe = process.recipe(*self.key, image_index, path)
        if isinstance(process, Union):
            k, position = process.origin(*self.key, image_index, path)
            inner = self.rows(process.parts[k], position, (*path, process.name, k))
            title = f"union: source {k} of {len(process.parts)}"
            return inner or [Row(title, [Tile(result, label_of(recipe))])][: not path]
        if not isinstance(process, Operator):
            return [] if path else [Row(recipe["operator"], [Tile(result, label_of(recipe))])]
        own = (*path, process.name)
        dealt = [int(index) for index in process._deal(*self.key, own)[:, image_index]]
        pool = self.images(process.source, own)
        roles = _roles(recipe)
        tiles = [
            Tile(pool[index], f"{role}\n{label_of(source)}")
            for index, role, source in zip(dealt, roles, recipe["sources"], strict=True)
        ]
        if isinstance(process, Leaves):
            tiles[1:1] = _mask_tiles(process, pool[dealt[0]])
        rows = [Row(" in ".join(str(part) for part in reversed(own)), [*tiles, Tile(result, "result")])]
        for index in dict.fromkeys(dealt):
            rows += self.rows(process.source, index, own)
        return rows


def _roles(recipe: Mapping[str, Any]) -> list[str]:
    """What each source was in the mix."""
    if "roles" in recipe:
        return [str(role).replace("_", " ") for role in recipe["roles"]]
    if "weights" in recipe:
        return [f"{weight:.2f}" for weight in recipe["weights"]]
    return ["below", *(f"box {left}, {top} to {right}, {bottom}" for top, bottom, left, right in recipe["boxes"])]


def _mask_tiles(process: Leaves, image: torch.Tensor) -> list[Tile]:
    """The soft masks as grey pictures; of two leaves only the first, the other is its negative."""
    masks = process.masks(image.unsqueeze(0))[0]
    shown = masks[:1] if len(masks) == 2 else masks
    return [
        Tile((mask * 255).round().to(torch.uint8).expand(3, -1, -1), f"white: texture {chr(ord('a') + k)}")
        for k, mask in enumerate(shown)
    ]


def _fit(text: str, width_px: int) -> str:
    """Cut a caption to the width of its image; letters are about 6 px wide."""
    letters = max(4, width_px // 6)
    return text if len(text) <= letters else text[: letters - 2] + ".."
