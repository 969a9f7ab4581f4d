"""Explained shares of many images, with what chance would give.

Chance is not 0: under the paper's rule even a shuffled mask scores high, and any smooth field agrees with any large
region. Two nulls stand beside every score: the image's own mask with its places shuffled, and the mask of the image
before (the first has the last's), which keeps the shapes that masks have and loses what they show.

Letters: B batch, G side of the grid on which colours and labels meet, P = G * G places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from eval.segmentation_scores import Protocol, explained_share
from eval.sets.masked import UNLABELLED, LabelMap
from eval.task import Score
from eval.tasks.embedded import mean_score
from procgen.seeds import generator
from procmem.errors import UserError


class ExplainedShares:
    """Explained shares of a stream of images.

    Args:
        protocol: see `explained_share`.
        num_permutations: shuffled masks an image; their mean is its null.
        seed: of the shuffles.
        metric: name of the score; its nulls are called after it.

    Attributes:
        names: of the images so far.
        values: metric -> its value for each image, NaN where the image has no segment.
        num_one_segment: images with one segment only, whose share is 0 (corrected).
    """

    def __init__(self, protocol: Protocol, num_permutations: int, seed: int, metric: str = "pca_r2") -> None:
        self.names: list[str] = []
        self.metric, self.shuffled, self.other = metric, f"{metric}_shuffled_mask", f"{metric}_other_mask"
        self.values: dict[str, list[float]] = {self.metric: [], self.shuffled: [], self.other: []}
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
        self.values[self.metric] += self._share(colors, labels)
        self.values[self.other] += self._share(colors, before)
        self.values[self.shuffled] += self._shuffled(colors, labels, names)
        self.num_one_segment += sum(len(np.unique(row[row > UNLABELLED])) == 1 for row in masks)

    def scores(self, facts: dict[str, Any]) -> tuple[Score, ...]:
        """The three means over images; images without a segment are counted, not scored."""
        values = {metric: np.asarray(shares) for metric, shares in self.values.items()}
        is_scored = ~np.isnan(values[self.metric])
        if not is_scored.any():
            raise UserError(f"none of {len(is_scored)} images has a labelled segment; there is nothing to score")
        if len(self.names) > 1:
            values[self.other][0] = self._share(self._first_colors, self._last_labels)[0]
        else:
            del values[self.other]
        facts = facts | {"without_segments": int((~is_scored).sum()), "with_one_segment": self.num_one_segment}
        scores = []
        for metric, shares in values.items():
            rows = np.flatnonzero(is_scored & ~np.isnan(shares))
            if len(rows):
                names = tuple(self.names[row] for row in rows)
                scores.append(mean_score(metric, shares[rows], names, facts, is_headline=metric == self.metric))
        return tuple(scores)

    def _share(self, colors: torch.Tensor, labels: torch.Tensor) -> list[float]:
        shares: list[float] = explained_share(colors, labels, self._protocol).tolist()
        return shares

    def _shuffled(self, colors: torch.Tensor, labels: torch.Tensor, names: list[str]) -> list[float]:
        chances = [generator(self._seed, "explained share", "shuffled mask", name) for name in names]
        rounds = []
        for _ in range(self._num_permutations):
            shuffled = [chance.permutation(row) for chance, row in zip(chances, labels.numpy(), strict=True)]
            rounds.append(self._share(colors, torch.from_numpy(np.stack(shuffled))))
        means: list[float] = np.mean(rounds, axis=0).tolist()
        return means
