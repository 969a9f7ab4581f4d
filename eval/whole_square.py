"""An encoder that sees the whole image, bent to a square, instead of a centre crop.

The rule of similarity judgements (NIGHTS; DreamSim's images are square already): people saw the whole picture. It is
the same encoder with another preprocessing, so it has a card and a cache of its own.
"""

from __future__ import annotations

import dataclasses

import torch
from PIL import Image

from eval.squares import square_of_image
from pretrain.encoder import Encoder
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

DESCRIPTION = "upright, RGB (alpha over white), whole image to S x S bicubic"


class WholeSquareEncoder:
    """Another encoder behind this preprocessing.

    Args:
        encoder: what embeds.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name, self.dimension, self.image_size_px = encoder.name, encoder.dimension, encoder.image_size_px

    @property
    def provenance(self) -> Provenance:
        """That of the encoder."""
        return self.encoder.provenance

    def card(self) -> EncoderCard:
        """The encoder's with this preprocessing in it."""
        card = self.encoder.card()
        return dataclasses.replace(
            card,
            fingerprint=fingerprint([card.fingerprint, DESCRIPTION]),
            preprocessing=card.preprocessing | {"square": DESCRIPTION},
        )

    def transform(self, image: Image.Image) -> torch.Tensor:
        """Any Pillow image to uint8 (3, S, S)."""
        return square_of_image(image, self.image_size_px, "squash")

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """As the encoder."""
        return self.encoder.embed(images)

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """As the encoder."""
        return self.encoder.patch_tokens(images)
