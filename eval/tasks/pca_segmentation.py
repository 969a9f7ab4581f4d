"""PCA R2: how much of the spread of an image's patch colours do human segments explain?

No training and no labels are used to make the colours, so the score says how far the tokens fall into the parts that
people name. Chance is not 0, so two nulls stand beside every score (`eval.tasks.explained_shares`).

Letters: B batch, G side of the grid on which colours and labels meet.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from eval.dense import DenseBatch, dense_batches, described, encoder_at
from eval.panels import Panel, label_panel, panel_sheet
from eval.patch_pca import pca_colors
from eval.segmentation_scores import Protocol
from eval.sets.find_masked import find_masked_dataset
from eval.sets.masked import MaskedImages
from eval.squares import Square
from eval.task import Conditions, Outcome
from eval.tasks.explained_shares import ExplainedShares
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError

NUM_PICTURES = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class PcaSegmentation:
    """PCA R2 over the validation images of a segmentation set.

    Attributes:
        dataset: name under PROCMEM_DATA, or path.
        protocol: "corrected", or "paper" for the numbers of its table 2 (squashed images; see `explained_share`).
        image_size_px: side of the square that the encoder gets; None takes its own.
        grid: G; tokens are upsampled to it and labels sampled on it.
        num_permutations: shuffled masks an image; their mean is its null.

    Raises:
        UserError: for a number below 1.
    """

    kind: ClassVar[str] = "pca_segmentation"
    dataset: str
    protocol: Protocol = "corrected"
    image_size_px: int | None = 448
    grid: int = 112
    num_permutations: int = 5

    def __post_init__(self) -> None:
        if self.grid < 1 or self.num_permutations < 1:
            raise UserError(
                f"grid and num_permutations must be at least 1, received {self.grid} and {self.num_permutations}"
            )

    @property
    def square(self) -> Square:
        """The paper bends images to a square; the corrected rule keeps their shape."""
        return "squash" if self.protocol == "paper" else "crop"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Score every validation image; raises `UserError` as `dense_batches`, or if no image has a segment."""
        images = find_masked_dataset(self.dataset).val.subset(conditions.max_val, conditions.seed)
        images = _in_seeded_order(images, conditions.seed)
        encoder = encoder_at(encoder, self.image_size_px, conditions)
        shares = ExplainedShares(self.protocol, self.num_permutations, conditions.seed)
        panels: list[list[Panel]] = []
        for batch in dense_batches(encoder, images, conditions, square=self.square, grid=self.grid):
            colors = pca_colors(batch.tokens, self.grid).cpu()
            shares.add([images.uris[position] for position in batch.positions], colors.flatten(1, 2), batch.masks)
            for row in range(min(len(batch.positions), NUM_PICTURES - len(panels))):
                panels.append(_panels(batch, colors, row, shares, images.label_names))
        scores = shares.scores({"image_size_px": encoder.image_size_px})
        pictures = {}
        if conditions.pictures:
            pictures["pca"] = panel_sheet(panels)
        return Outcome(dataset=described(self.dataset, images), scores=scores, pictures=pictures)


def _panels(
    batch: DenseBatch, colors: torch.Tensor, row: int, shares: ExplainedShares, label_names: tuple[str, ...]
) -> list[Panel]:
    position = len(shares.names) - len(batch.positions) + row
    name, share = shares.names[position].rsplit("/", 1)[-1], shares.values["pca_r2"][position]
    return [
        Panel(batch.squares[row].permute(1, 2, 0).numpy(), name),
        Panel(colors[row].numpy(), f"PCA, R2 x 100 = {100 * share:.0f}"),
        label_panel(batch.masks[row], label_names, "labels"),
    ]


def _in_seeded_order(images: MaskedImages, seed: int) -> MaskedImages:
    """The same images in an order in which the one before is any other (files lie by scene in some sets)."""
    return images.select(generator(seed, "pca segmentation", "order", images.name).permutation(len(images)))
