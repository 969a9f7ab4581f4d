"""What may be written behind an encoder for other embeddings of the same network, and its parts.

A mean over all patch tokens of the last block forgets where things are, and what the training did not ask for. Parts
stand side by side, each of unit length:

    runs/mine@64+grid2          the means over the cells of a 2 x 2 grid of the patch tokens; +grid1 is their mean
    runs/mine@64+grid2~1        the same of the last block but one (of a convolutional network: stage), before any
                                final norm
    runs/mine@64+std~1          the standard deviation over the places, channel by channel: what there is, not where
    runs/mine@64+bilinear~3     which directions of the tokens occur together, wherever they are (`pretrain.bilinear`)
    runs/mine@64+mean           the embedding, and the mean patch token
    runs/mine@64+grid4~2+grid2~1+grid1      three blocks: places of the early ones, content of the last
    runs/mine@64+grid4~2+white  whitened with procedural images (`pretrain.whitening`), every part by itself; +white
                                alone whitens the embedding
    runs/mine@224+grid1~1+shift     the same embedding; patch tokens moved to those that they are like
                                    (`pretrain.mean_shift`)

Letters: B batch, h w patch grid, D token, G cells a side.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, cast

import torch
import torch.nn.functional as F

from pretrain.bilinear import bilinear_length, bilinear_pooling

PART = r"\+(?:mean|(?:grid[1-9]\d*|std|bilinear)(?:~[1-9]\d*)?)"
PATTERN = re.compile(rf"(?=\+)(?P<parts>(?:{PART})*)(?P<shift>\+shift)?(?P<white>\+white)?$")
NAMES = "+gridG[~N], +std[~N], +bilinear[~N], +mean, +shift, +white"
BILINEAR_DIRECTIONS = 32

Kind = Literal["grid", "std", "bilinear"]


class Part(NamedTuple):
    """A piece of an embedding.

    Attributes:
        kind: what is made of the patch tokens.
        block: blocks before the last; None is the encoder's own embedding.
        num_cells: G of a grid of means.
    """

    kind: Kind
    block: int | None
    num_cells: int = 1

    def length(self, token_size: int) -> int:
        """Numbers, for tokens of this length."""
        if self.kind == "bilinear":
            return bilinear_length(min(token_size, BILINEAR_DIRECTIONS))
        return token_size * self.num_cells**2

    def of(self, tokens: torch.Tensor) -> torch.Tensor:
        """Patch tokens (B, h, w, D), those of bilinear pooling whitened -> (B, `length`)."""
        if self.kind == "bilinear":
            return bilinear_pooling(tokens)
        if self.kind == "std":
            return tokens.flatten(1, 2).std(dim=1, correction=0)
        return F.adaptive_avg_pool2d(tokens.permute(0, 3, 1, 2), self.num_cells).flatten(1)


EMBEDDING = Part(kind="grid", block=None)


def parts_of(names: str) -> list[Part]:
    """``"+grid2~1+std"`` -> its parts, in their order; of no name, the embedding."""
    parts: list[Part] = []
    for name in names.split("+")[1:]:
        if name == "mean":
            parts += [EMBEDDING, Part(kind="grid", block=0)]
            continue
        named, _, block = name.partition("~")
        kind = cast(Kind, named.rstrip("0123456789"))
        parts.append(Part(kind=kind, block=int(block or 0), num_cells=int(named.removeprefix(kind) or 1)))
    return parts or [EMBEDDING]
