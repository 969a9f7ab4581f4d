"""Gestalt: do an encoder's patch colours fall into the groups that a person perceives? R2 for seven principles.

Stimuli are drawn at the encoder's size (`eval.gestalt_stimuli`); the score is the PCA R2 of `eval.segmentation_scores`
against the map of groups, places of no group left out. Groups that lie apart are partly explained by anything that
varies smoothly over the image, so the null with the groups of another stimulus matters here more than the shuffled one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from eval.dense import encoder_at, finite_tokens
from eval.gestalt_canvas import Stimulus
from eval.gestalt_stimuli import PRINCIPLES, gestalt_stimulus
from eval.panels import Panel, label_panel, panel_sheet
from eval.patch_pca import pca_colors
from eval.squares import square_of_mask
from eval.task import Conditions, Outcome, Score
from eval.tasks.explained_shares import ExplainedShares
from pretrain.encoder import Encoder
from procmem.errors import UserError, unknown_name
from procmem.progress import progress

PICTURES_EACH = 2
GROUP_NAMES = ("", "1", "2", "3", "4")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gestalt:
    """PCA R2 over random stimuli, one score a principle.

    Attributes:
        principles: of `eval.gestalt_stimuli.PRINCIPLES`.
        num_stimuli: of each principle; the conditions' `max_val` cuts it.
        image_size_px: side of the stimuli; None takes the encoder's own.
        grid: side of the grid on which colours and groups meet.
        num_permutations: shuffled maps of groups a stimulus.

    Raises:
        UserError: for an unknown principle, none, or a number below 1.
    """

    kind: ClassVar[str] = "gestalt"
    principles: Sequence[str] = tuple(PRINCIPLES)
    num_stimuli: int = 100
    image_size_px: int | None = 448
    grid: int = 112
    num_permutations: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.principles, str) or not self.principles:
            raise UserError(f"principles must be a list of names, received {self.principles!r}")
        for principle in self.principles:
            if principle not in PRINCIPLES:
                raise unknown_name("Gestalt principle", principle, PRINCIPLES)
        if min(self.num_stimuli, self.grid, self.num_permutations) < 1:
            raise UserError(
                "num_stimuli, grid and num_permutations must be at least 1, "
                f"received {self.num_stimuli}, {self.grid} and {self.num_permutations}"
            )

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Score every principle; raises `UserError` if the encoder has no patch tokens or gives some not finite."""
        encoder = encoder_at(encoder, self.image_size_px, conditions)
        count = min(self.num_stimuli, conditions.max_val or self.num_stimuli)
        scores: list[Score] = []
        panels: list[list[Panel]] = []
        for principle in progress(self.principles, f"Gestalt, {encoder.name}", len(self.principles), "principle"):
            shares = ExplainedShares("corrected", self.num_permutations, conditions.seed, f"gestalt_r2_{principle}")
            row: list[Panel] = []
            for start in range(0, count, conditions.batch_size):
                numbers = range(start, min(start + conditions.batch_size, count))
                row += self._add(shares, principle, numbers, encoder, conditions.seed)
            scores += shares.scores({"principle": principle, "image_size_px": encoder.image_size_px})
            panels.append(row)
        scores.sort(key=lambda score: not score.is_headline)
        pictures = {"gestalt": panel_sheet(panels)} if conditions.pictures else {}
        return Outcome(dataset=f"gestalt stimuli, seed {conditions.seed}", scores=tuple(scores), pictures=pictures)

    def _add(self, shares: ExplainedShares, principle: str, numbers: range, encoder: Encoder, seed: int) -> list[Panel]:
        """Score a batch of stimuli; the panels of the first ones, image, colours and groups of each."""
        stimuli = [gestalt_stimulus(principle, seed, number, encoder.image_size_px) for number in numbers]
        squares = torch.stack([torch.from_numpy(stimulus.image).permute(2, 0, 1) for stimulus in stimuli])
        names = [f"{principle}/{number}" for number in numbers]
        colors = pca_colors(finite_tokens(encoder, squares, names), self.grid).cpu()
        masks = [square_of_mask(stimulus.mask, encoder.image_size_px, "squash", self.grid) for stimulus in stimuli]
        shares.add(names, colors.flatten(1, 2), np.stack(masks))
        return [
            panel
            for number, stimulus, shown in zip(numbers, stimuli, colors, strict=True)
            if number < PICTURES_EACH
            for panel in _panels(principle, stimulus, shown.numpy(), shares.values[shares.metric][number])
        ]


def _panels(principle: str, stimulus: Stimulus, colors: np.ndarray, share: float) -> list[Panel]:
    return [
        Panel(stimulus.image, principle),
        Panel(colors, f"PCA, R2 x 100 = {100 * share:.0f}"),
        label_panel(stimulus.mask, GROUP_NAMES, "groups"),
    ]
