"""PCA R2: how much of the spread of an image's patch colours do human segments explain?

No training and no labels are used to make the colours, so the score says how far the tokens fall into the parts that
people name. Chance is not 0: under the paper's rule even a shuffled mask scores high, and any smooth field agrees with
any large region. Two nulls stand beside every score: the image's own mask with its places shuffled, and the mask of
another image (the one before in a seeded order), which keeps the shapes that masks have and loses what they show.

Letters: B batch, G side of the grid on which colours and labels meet.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import torch

from eval.dense import DenseBatch, dense_batches, described, encoder_at
from eval.panels import Panel, label_panel, panel_sheet
from eval.patch_pca import pca_colors
from eval.segmentation_scores import Protocol, explained_share
from eval.sets.find_masked import find_masked_dataset
from eval.sets.masked import UNLABELLED, LabelMap, MaskedImages
from eval.squares import Square
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import mean_score
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
        shares = _Shares(self.protocol, self.num_permutations, conditions.seed)
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


class _Shares:
    """Explained shares of a stream of images: by their own masks, by shuffled ones, by the mask of the image before."""

    def __init__(self, protocol: Protocol, num_permutations: int, seed: int) -> None:
        self.names: list[str] = []
        self.values: dict[str, list[float]] = {"pca_r2": [], "pca_r2_shuffled_mask": [], "pca_r2_other_mask": []}
        self.num_one_segment = 0
        self._protocol, self._num_permutations, self._seed = protocol, num_permutations, seed
        self._first_colors, self._last_labels = torch.empty(0), torch.empty(0, dtype=torch.long)

    def add(self, names: list[str], colors: torch.Tensor, masks: LabelMap) -> None:
        """Score a batch: colours (B, P, 3) and masks (B, G, G)."""
        labels = torch.from_numpy(masks).flatten(1)
        if not self.names:
            self._first_colors, self._last_labels = colors[:1], labels[:1]  # the first waits for the last mask
        before = torch.cat([self._last_labels, labels[:-1]])
        self._last_labels = labels[-1:]
        self.names += names
        self.values["pca_r2"] += self._share(colors, labels)
        self.values["pca_r2_other_mask"] += self._share(colors, before)
        self.values["pca_r2_shuffled_mask"] += self._shuffled(colors, labels, names)
        self.num_one_segment += sum(len(np.unique(row[row != UNLABELLED])) == 1 for row in masks)

    def scores(self, facts: dict[str, Any]) -> tuple[Score, ...]:
        """The three means over images; images without a segment are counted, not scored."""
        values = {metric: np.asarray(shares) for metric, shares in self.values.items()}
        is_scored = ~np.isnan(values["pca_r2"])
        if not is_scored.any():
            raise UserError(f"none of {len(is_scored)} images has a labelled segment; there is nothing to score")
        if len(self.names) > 1:
            values["pca_r2_other_mask"][0] = self._share(self._first_colors, self._last_labels)[0]
        else:
            del values["pca_r2_other_mask"]
        facts = facts | {"without_segments": int((~is_scored).sum()), "with_one_segment": self.num_one_segment}
        scores = []
        for metric, shares in values.items():
            rows = np.flatnonzero(is_scored & ~np.isnan(shares))
            if len(rows):
                names = tuple(self.names[row] for row in rows)
                scores.append(mean_score(metric, shares[rows], names, facts, is_headline=metric == "pca_r2"))
        return tuple(scores)

    def _share(self, colors: torch.Tensor, labels: torch.Tensor) -> list[float]:
        return explained_share(colors, labels, self._protocol).tolist()

    def _shuffled(self, colors: torch.Tensor, labels: torch.Tensor, names: list[str]) -> list[float]:
        chances = [generator(self._seed, "pca segmentation", "shuffled mask", name) for name in names]
        rounds = []
        for _ in range(self._num_permutations):
            shuffled = [chance.permutation(row) for chance, row in zip(chances, labels.numpy(), strict=True)]
            rounds.append(self._share(colors, torch.from_numpy(np.stack(shuffled))))
        means: list[float] = np.mean(rounds, axis=0).tolist()
        return means


def _panels(
    batch: DenseBatch, colors: torch.Tensor, row: int, shares: _Shares, label_names: tuple[str, ...]
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
    order = generator(seed, "pca segmentation", "order", images.name).permutation(len(images))
    return dataclasses.replace(
        images,
        uris=tuple(images.uris[i] for i in order),
        paths=tuple(images.paths[i] for i in order),
        positions=images.positions[order],
    )
