"""Other embeddings of the same network: with places in them, or with two poolings.

A mean over all patch tokens forgets where things are. Where images are framed alike (products, letters, clothes) places
say much, and a grid of means keeps them. Written behind an encoder's specification:

    runs/mine@64+grid2      the means over the cells of a 2 x 2 grid of the patch tokens, side by side
    runs/mine@64+grid2~1    the same of the last block but one (of a convolutional network: stage), before any final
                            norm: it often keeps more of what the training did not ask for
    runs/mine@64+mean       the embedding and the mean patch token, each of unit length, side by side

Letters: B batch, S image side, D length, h w patch grid, G cells a side.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from PIL import Image

from pretrain.embedding import unit_length
from procmem.errors import UserError
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

if TYPE_CHECKING:
    from pretrain.encoder import Encoder

PATTERN = re.compile(r"\+(mean|grid([1-9]\d*)(?:~([1-9]\d*))?)$")


class FeatureEncoder:
    """An encoder whose embedding is made of another one's patch tokens.

    Attributes:
        name: the specification, features included.
        dimension: D * G * G for a grid, or that of the embedding and of a patch token together.
        image_size_px: S.
    """

    def __init__(self, encoder: Encoder, suffix: str) -> None:
        """Try the features on one black image.

        Args:
            encoder: whose patch tokens.
            suffix: ``+mean``, ``+gridG`` or ``+gridG~N``.

        Raises:
            UserError: if the encoder has no patch tokens, fewer than G a side, or no block so far before the last.
        """
        match = PATTERN.match(suffix)
        if match is None:
            raise UserError(f"features are +mean, +gridG or +gridG~N, such as +grid2; received {suffix!r}")
        self.encoder = encoder
        self.num_cells, self.blocks_before_last = int(match[2] or 0), int(match[3] or 0)
        self.name, self.image_size_px = encoder.name + suffix, encoder.image_size_px
        black = torch.zeros(1, 3, self.image_size_px, self.image_size_px, dtype=torch.uint8)
        _, h, w, token_size = self._tokens(black).shape
        if self.num_cells > min(h, w):
            raise UserError(
                f"encoder {encoder.name!r} gives {h} x {w} patch tokens for images of {self.image_size_px} px, too few "
                f"for a grid of {self.num_cells} x {self.num_cells}; take a smaller grid or larger images (@SIZE)"
            )
        self.dimension = token_size * self.num_cells**2 if self.num_cells else encoder.dimension + token_size

    @property
    def provenance(self) -> Provenance:
        """That of the encoder."""
        return self.encoder.provenance

    def card(self) -> EncoderCard:
        """The encoder's with the features in it."""
        card = self.encoder.card()
        features = f"grid {self.num_cells}" if self.num_cells else "embedding and mean token"
        if self.blocks_before_last:
            features += f", {self.blocks_before_last} before the last block"
        return dataclasses.replace(
            card,
            name=self.name,
            dimension=self.dimension,
            fingerprint=fingerprint([card.fingerprint, features]),
            preprocessing=card.preprocessing | {"features": features},
        )

    def transform(self, image: Image.Image) -> torch.Tensor:
        """As the encoder."""
        return self.encoder.transform(image)

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of uint8 (B, 3, S, S): float32 (B, D) of unit length, on the encoder's device.

        Raises:
            UserError: if the images have another shape or type, or an embedding is zero or not finite.
        """
        tokens = self._tokens(images).permute(0, 3, 1, 2)
        if self.num_cells:
            return unit_length(F.adaptive_avg_pool2d(tokens, self.num_cells).flatten(1), self.name)
        mean = unit_length(tokens.mean((2, 3)), self.name)
        return unit_length(torch.cat([self.encoder.embed(images), mean], dim=1), self.name)

    def _tokens(self, images: torch.Tensor) -> torch.Tensor:
        if not self.blocks_before_last:
            return self.encoder.patch_tokens(images)
        read = getattr(self.encoder, "earlier_tokens", None)
        if read is None:
            raise UserError(f"encoder {self.encoder.name!r} has no blocks, so no ~{self.blocks_before_last}")
        tokens: torch.Tensor = read(images, self.blocks_before_last)
        return tokens

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """As the encoder."""
        return self.encoder.patch_tokens(images)
