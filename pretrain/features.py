"""Other embeddings of the same network: with places in them, of earlier blocks, of several at once, whitened.

A mean over all patch tokens of the last block forgets where things are, and what the training did not ask for. Written
behind an encoder's specification, parts stand side by side, each of unit length:

    runs/mine@64+grid2          the means over the cells of a 2 x 2 grid of the patch tokens; +grid1 is their mean
    runs/mine@64+grid2~1        the same of the last block but one (of a convolutional network: stage), before any
                                final norm
    runs/mine@64+std~1          the standard deviation over the places, channel by channel: what there is, not where
    runs/mine@64+mean           the embedding, and the mean patch token
    runs/mine@64+grid4~2+grid2~1+grid1      three blocks: places of the early ones, content of the last
    runs/mine@64+grid4~2+white  whitened with procedural images (`pretrain.whitening`), every part by itself; +white
                                alone whitens the embedding

The patch tokens of such an encoder are those of the blocks that its parts name: of one as they are; of several side by
side, each of unit length, at the places of the finest.

Letters: B batch, S image side, D length, h w patch grid, G cells a side.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image

from pretrain.embedding import unit_length
from pretrain.whitening import DESCRIPTION, Whitening, fractals, num_directions
from procmem.errors import UserError
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

if TYPE_CHECKING:
    from pretrain.encoder import Encoder

PART = r"\+(?:mean|grid[1-9]\d*(?:~[1-9]\d*)?|std(?:~[1-9]\d*)?)"
PATTERN = re.compile(rf"(?=\+)(?:{PART})*(?:\+white)?$")
FITTING_BATCH = 64


class Part(NamedTuple):
    """A piece of an embedding.

    Attributes:
        num_cells: G of a grid of means; 0 for standard deviations over all places.
        block: blocks before the last; None is the encoder's own embedding.
    """

    num_cells: int
    block: int | None

    def length(self, token_size: int) -> int:
        """Numbers, for tokens of this length."""
        return token_size * max(self.num_cells, 1) ** 2

    def of(self, tokens: torch.Tensor) -> torch.Tensor:
        """Patch tokens (B, h, w, D) -> (B, `length`)."""
        if not self.num_cells:
            return tokens.flatten(1, 2).std(dim=1, correction=0)
        return F.adaptive_avg_pool2d(tokens.permute(0, 3, 1, 2), self.num_cells).flatten(1)


EMBEDDING = Part(num_cells=1, block=None)


def parts_of(suffix: str) -> list[Part]:
    """``"+grid2~1+std+white"`` -> its parts, in their order; those of ``+white`` alone are the embedding."""
    parts: list[Part] = []
    for name in suffix.removesuffix("+white").split("+")[1:]:
        kind, _, block = name.partition("~")
        if name == "mean":
            parts += [EMBEDDING, Part(num_cells=1, block=0)]
        else:
            cells = 0 if kind == "std" else int(kind.removeprefix("grid"))
            parts.append(Part(num_cells=cells, block=int(block or 0)))
    return parts or [EMBEDDING]


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
            suffix: parts, and perhaps ``+white``, as at the top of this file.

        Raises:
            UserError: if the encoder has no patch tokens, fewer than G a side, one only for standard deviations, no
                block so far before the last, or is a whitened one.
        """
        if not suffix or PATTERN.fullmatch(suffix) is None:
            raise UserError(
                f"features are +mean, +gridG, +std (of an earlier block: ~N) or +white; received {suffix!r}"
            )
        if isinstance(encoder, FeatureEncoder):
            raise UserError(f"+white comes after all parts, received {encoder.name}{suffix}")
        self.encoder, self._suffix = encoder, suffix
        self.parts, self.is_white = parts_of(suffix), suffix.endswith("+white")
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
        if not part.num_cells and h * w < 2:
            raise UserError(f"{gives}, too few for a standard deviation over them; take larger images (@SIZE)")
        return part.length(token_size)

    @property
    def provenance(self) -> Provenance:
        """That of the encoder, and with what it was whitened."""
        own = self.encoder.provenance
        return dataclasses.replace(own, notes=(*own.notes, DESCRIPTION)) if self.is_white else own

    def card(self) -> EncoderCard:
        """The encoder's with the features in it."""
        card = self.encoder.card()
        features = self._suffix.removesuffix("+white") + (f", {DESCRIPTION}" if self.is_white else "")
        return dataclasses.replace(
            card,
            name=self.name,
            dimension=self.dimension,
            fingerprint=fingerprint([card.fingerprint, features]),
            preprocessing=card.preprocessing | {"features": features},
            provenance=self.provenance,
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
        vectors = self._vectors(images)
        if self.is_white:
            vectors = [F.normalize(white(part)) for part, white in zip(vectors, self._whitenings, strict=True)]
        return unit_length(torch.cat(vectors, dim=1), self.name)

    def _vectors(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The parts, each of unit length (or zero, where it does not vary)."""
        tokens = self._tokens(images)
        return [
            self.encoder.embed(images) if part.block is None else F.normalize(part.of(tokens[part.block]))
            for part in self.parts
        ]

    @functools.cached_property
    def _whitenings(self) -> list[Whitening]:
        shown = torch.stack([self.transform(Image.fromarray(image.transpose(1, 2, 0))) for image in fractals()])
        vectors = [self._vectors(batch) for batch in torch.split(shown, FITTING_BATCH)]
        return [Whitening.fit(torch.cat(batches)) for batches in zip(*vectors, strict=True)]

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
        """
        tokens = list(self._tokens(images).values())
        if not tokens:
            return self.encoder.patch_tokens(images)
        if len(tokens) == 1:
            return tokens[0]
        finest = max((block.shape[1:3] for block in tokens), key=lambda places: places[0])
        unit = [F.normalize(block, dim=-1).permute(0, 3, 1, 2) for block in tokens]
        maps = [F.interpolate(block, size=finest, mode="bilinear", align_corners=False) for block in unit]
        return torch.cat(maps, dim=1).permute(0, 2, 3, 1)
