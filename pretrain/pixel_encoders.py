"""Encoders without weights: raw pixels and a colour histogram, the floor that any learned encoder must clear.

Both have seen no image at all. They take the same square as every other encoder, so a table compares encoders and not
crops. `pixels` keeps place and drops detail (16 x 16 RGB); `histogram` keeps colour and drops place. Cosine needs a
direction: pixels are taken about mid-grey, because about zero every pair of photographs is alike (cosine near 1, which
makes softmax voting at temperature 0.07 nearly plurality voting), and about the image's own mean a flat image has no
direction at all.

Letters: B batch, S image side, D embedding, h w patch grid.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from pretrain import preprocessing
from pretrain.embedding import check_images, unit_length
from procmem.errors import UserError
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

DEFAULT_SIZE_PX = 64
PIXEL_GRID = 16
PATCH_SIZE_PX = 4
"""At 448 px this gives the 112 x 112 grid on which the papers score raw RGB (protocols: PCA R2)."""

MID_GREY = 127.5
"""No uint8 value equals it, so a flat image always has a direction."""

LEVELS = 8
"""Histogram steps a channel: 8 x 8 x 8 colours."""


class PixelEncoder:
    """What the two have in common: no weights, a device, a square size.

    Args:
        name: the specification; the kind where omitted.
        device: torch device name.
        image_size_px: S.

    Attributes:
        kind: which of the two.
        name: the specification.
        dimension: D.
        image_size_px: S.
    """

    kind: str
    dimension: int
    method: str

    def __init__(self, *, name: str = "", device: str = "cpu", image_size_px: int | None = None) -> None:
        self.name = name or self.kind
        self.device = torch.device(device)
        self.image_size_px = image_size_px or DEFAULT_SIZE_PX

    @property
    def provenance(self) -> Provenance:
        """No image of any kind was used."""
        return Provenance(real_images=False, notes=(f"{self.kind}: no weights, nothing was learned",))

    def card(self) -> EncoderCard:
        """Card for memories and results; the fingerprint covers the method and the square."""
        recipe: dict[str, Any] = {
            "image_size_px": self.image_size_px,
            "square": preprocessing.DESCRIPTION,
            "method": self.method,
        }
        return EncoderCard(
            name=self.name,
            fingerprint=fingerprint({"encoder": self.kind} | recipe),
            dimension=self.dimension,
            preprocessing=recipe,
            provenance=self.provenance,
        )

    def transform(self, image: Image.Image) -> torch.Tensor:
        """Any Pillow image to uint8 (3, S, S); see `preprocessing.to_square`."""
        return preprocessing.to_square(image, self.image_size_px)

    def _received(self, images: torch.Tensor) -> torch.Tensor:
        check_images(images, self.image_size_px)
        return images.to(self.device)


class Pixels(PixelEncoder):
    """Area average to 16 x 16 RGB, minus mid-grey, flattened."""

    kind = "pixels"
    dimension = 3 * PIXEL_GRID**2
    method = f"area average to {PIXEL_GRID}x{PIXEL_GRID} RGB, minus {MID_GREY}"

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of uint8 (B, 3, S, S): float32 (B, 768), unit length.

        Raises:
            UserError: if the images have another shape or type, or an image averages to mid-grey everywhere.
        """
        small = F.interpolate(self._received(images).float(), size=(PIXEL_GRID, PIXEL_GRID), mode="area")
        return unit_length((small - MID_GREY).flatten(1), self.name)

    @torch.inference_mode()
    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Mean colours in [0, 1] of 4 x 4 px patches: float32 (B, S // 4, S // 4, 3)."""
        colours = F.avg_pool2d(self._received(images).float() / 255, PATCH_SIZE_PX)
        return colours.permute(0, 2, 3, 1).contiguous()


class Histogram(PixelEncoder):
    """Joint 8 x 8 x 8 RGB histogram, square roots: the dot product is the Bhattacharyya (Hellinger) coefficient."""

    kind = "histogram"
    dimension = LEVELS**3
    method = f"joint {LEVELS}x{LEVELS}x{LEVELS} RGB histogram, square root"

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of uint8 (B, 3, S, S): float32 (B, 512), unit length.

        Raises:
            UserError: if the images have another shape or type.
        """
        level = self._received(images).flatten(2).long() // (256 // LEVELS)
        colour = (level[:, 0] * LEVELS + level[:, 1]) * LEVELS + level[:, 2]
        counts = torch.zeros(len(images), self.dimension, device=self.device)
        counts.scatter_add_(1, colour, torch.ones_like(colour, dtype=torch.float32))
        return unit_length(counts.sqrt(), self.name)

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Always refused: a histogram has no places.

        Raises:
            UserError: always.
        """
        raise UserError("encoder 'histogram' has no patch tokens; for segmentation and PCA pictures use 'pixels'")
