"""Encoders with other embeddings of the same network: with places, of earlier blocks, of several at once, whitened.

What may be asked for stands in `pretrain.feature_parts`. The patch tokens of such an encoder are those of the blocks
that its parts name: of one as they are; of several side by side, each of unit length, at the places of the finest;
`+shift` moves them last.

Letters: B batch, S image side, D length, h w patch grid, G cells a side.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from pretrain import mean_shift
from pretrain.embedding import unit_length
from pretrain.feature_parts import BILINEAR_DIRECTIONS, NAMES, PATTERN, Part, parts_of
from pretrain.whitening import DESCRIPTION, NUM_IMAGES, Whitening, fractals, num_directions
from procmem.errors import UserError
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

if TYPE_CHECKING:
    from pretrain.encoder import Encoder

FITTING_BATCH = 64
TOKENS_FOR_FITTING = 32
"""Of each fractal, spread over its places, for the directions of the tokens of bilinear pooling."""
BILINEAR_DESCRIPTION = f"tokens pooled bilinearly, {BILINEAR_DIRECTIONS} directions whitened with {NUM_IMAGES} fractals"


class FeatureEncoder:
    """An encoder whose embedding is made of parts of another one.

    Attributes:
        name: the specification, features included.
        dimension: D of all parts together.
        lengths: that of each part, in their order.
        image_size_px: S.
    """

    name: str

    def __init__(self, encoder: Encoder, suffix: str) -> None:
        """Try the features on one black image.

        Args:
            encoder: whose patch tokens.
            suffix: parts, perhaps ``+shift`` and ``+white``, as in `pretrain.feature_parts`.

        Raises:
            UserError: if the encoder has no patch tokens, fewer than G a side, one only for standard deviations, no
                block so far before the last, or is a whitened one.
        """
        asked = PATTERN.fullmatch(suffix)
        if asked is None:
            raise UserError(f"features are {NAMES}, the last two at the end; received {suffix!r}")
        if isinstance(encoder, FeatureEncoder):
            raise UserError(f"+shift and +white come after all parts, received {encoder.name}{suffix}")
        self.encoder, self._suffix = encoder, suffix
        self.parts = parts_of(asked["parts"])
        self.is_shifted, self.is_white = asked["shift"] is not None, asked["white"] is not None
        self.name, self.image_size_px = encoder.name + suffix, encoder.image_size_px
        black = torch.zeros(1, 3, self.image_size_px, self.image_size_px, dtype=torch.uint8)
        tokens = self._tokens(black)
        lengths = [self._checked_length(part, tokens) for part in self.parts]
        self.lengths = [num_directions(length) for length in lengths] if self.is_white else lengths
        self.dimension = sum(self.lengths)

    def _checked_length(self, part: Part, tokens: dict[int, torch.Tensor]) -> int:
        if part.block is None:
            return self.encoder.dimension
        _, h, w, token_size = tokens[part.block].shape
        gives = f"encoder {self.encoder.name!r} gives {h} x {w} patch tokens for images of {self.image_size_px} px"
        if part.num_cells > min(h, w):
            raise UserError(
                f"{gives}, too few for a grid of {part.num_cells} x {part.num_cells}; take a smaller grid or larger "
                "images (@SIZE)"
            )
        if part.kind == "std" and h * w < 2:
            raise UserError(f"{gives}, too few for a standard deviation over them; take larger images (@SIZE)")
        return part.length(token_size)

    @property
    def provenance(self) -> Provenance:
        """That of the encoder, and what is made from fractals."""
        own = self.encoder.provenance
        return dataclasses.replace(own, notes=(*own.notes, *self._fitted()))

    def card(self) -> EncoderCard:
        """The encoder's with the features in it."""
        card = self.encoder.card()
        methods = [*self._fitted(), *([mean_shift.DESCRIPTION] if self.is_shifted else [])]
        features = ", ".join([self._suffix.removesuffix("+white"), *methods])
        return dataclasses.replace(
            card,
            name=self.name,
            dimension=self.dimension,
            fingerprint=fingerprint([card.fingerprint, features]),
            preprocessing=card.preprocessing | {"features": features},
            provenance=self.provenance,
        )

    def _fitted(self) -> list[str]:
        """What of the features is made from fractals, in words."""
        pooled = [BILINEAR_DESCRIPTION] if any(part.kind == "bilinear" for part in self.parts) else []
        return pooled + ([DESCRIPTION] if self.is_white else [])

    def transform(self, image: Image.Image) -> torch.Tensor:
        """As the encoder."""
        return self.encoder.transform(image)

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of uint8 (B, 3, S, S): float32 (B, D) of unit length, on the encoder's device.

        Raises:
            UserError: if the images have another shape or type, or an embedding is zero or not finite.
        """
        vectors = self._vectors(images)
        if self.is_white:
            vectors = [F.normalize(white(part)) for part, white in zip(vectors, self._whitenings, strict=True)]
        return unit_length(torch.cat(vectors, dim=1), self.name)

    def _vectors(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The parts, each of unit length (or zero, where it does not vary)."""
        tokens = self._tokens(images)
        vectors = []
        for part in self.parts:
            if part.block is None:
                vectors.append(self.encoder.embed(images))
                continue
            of_block = tokens[part.block]
            if part.kind == "bilinear":
                of_block = self._token_whitenings[part.block](F.normalize(of_block, dim=3))
            vectors.append(F.normalize(part.of(of_block)))
        return vectors

    @functools.cached_property
    def _whitenings(self) -> list[Whitening]:
        """Of each part."""
        vectors = [self._vectors(batch) for batch in self._shown_fractals()]
        return [self._fit(torch.cat(batches)) for batches in zip(*vectors, strict=True)]

    @functools.cached_property
    def _token_whitenings(self) -> dict[int, Whitening]:
        """Block before the last -> of its tokens of unit length, where they are pooled bilinearly."""
        blocks = {part.block for part in self.parts if part.kind == "bilinear" and part.block is not None}
        chosen: dict[int, list[torch.Tensor]] = {block: [] for block in blocks}
        for batch in self._shown_fractals():
            tokens = self._tokens(batch)
            for block in blocks:
                unit = F.normalize(tokens[block].flatten(1, 2), dim=2)
                spread = torch.linspace(0, unit.shape[1] - 1, min(unit.shape[1], TOKENS_FOR_FITTING)).round().long()
                chosen[block].append(unit[:, spread].flatten(0, 1))
        return {block: self._fit(torch.cat(tokens), BILINEAR_DIRECTIONS) for block, tokens in chosen.items()}

    def _fit(self, features: torch.Tensor, most_directions: int | None = None) -> Whitening:
        try:
            return Whitening.fit(features, most_directions)
        except UserError as error:
            raise UserError(f"encoder {self.name!r}: {error}") from error

    def _shown_fractals(self) -> Iterator[torch.Tensor]:
        """The fractals as this encoder is shown images, in batches."""
        for block in np.split(fractals(), range(FITTING_BATCH, len(fractals()), FITTING_BATCH)):
            yield torch.stack([self.transform(Image.fromarray(image.transpose(1, 2, 0))) for image in block])

    def _tokens(self, images: torch.Tensor) -> dict[int, torch.Tensor]:
        """Block before the last -> its tokens, for all that the parts name, in their order."""
        blocks = list(dict.fromkeys(part.block for part in self.parts if part.block is not None))
        if not any(blocks):
            return {block: self.encoder.patch_tokens(images) for block in blocks}
        read = getattr(self.encoder, "block_tokens", None)
        if read is None:
            raise UserError(f"encoder {self.encoder.name!r} has no blocks, so no ~{max(blocks)}")
        found: dict[int, torch.Tensor] = read(images, blocks)
        return {block: found[block] for block in blocks}

    @torch.inference_mode()
    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Tokens of the blocks that the parts name; float32 (B, h, w, D).

        Of one block as they are; of several side by side, each of unit length, at the places of the finest (bilinear).
        Shifted ones stand on at most 32 x 32 places, means of finer ones.
        """
        tokens = list(self._tokens(images).values()) or [self.encoder.patch_tokens(images)]
        side = max(block.shape[1] for block in tokens)
        if len(tokens) > 1:
            tokens = [F.normalize(block, dim=-1) for block in tokens]
        if not self.is_shifted:
            return _side_by_side(tokens, side)
        return mean_shift.mean_shift(_side_by_side(tokens, mean_shift.places(side)))


def _side_by_side(tokens: Sequence[torch.Tensor], side: int) -> torch.Tensor:
    """Maps (B, h, w, D) as one (B, side, side, sum of D): finer ones by means, coarser ones bilinearly."""
    maps = []
    for block in tokens:
        channels_first = block.permute(0, 3, 1, 2)
        if block.shape[1] > side:
            channels_first = F.adaptive_avg_pool2d(channels_first, side)
        elif block.shape[1] < side:
            channels_first = F.interpolate(channels_first, size=(side, side), mode="bilinear", align_corners=False)
        maps.append(channels_first)
    return torch.cat(maps, dim=1).permute(0, 2, 3, 1)
