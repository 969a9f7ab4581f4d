"""Error analysis: a query and its nearest neighbour in the same colours, for right and for wrong answers.

After section 5 of "Separating Knowledge and Perception with Procedural Data" (2025): the patch tokens of query and
neighbour go through *one* PCA, so a colour means the same in both pictures. Where the answer is right, parts of one
object tend to share a colour; where it is wrong, look for parts that fall apart, or for two objects in one colour.

Letters: h w patch grid, D embedding.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from eval.dense import encoder_at, finite_tokens
from eval.panels import Panel, panel_sheet
from eval.patch_pca import pca_colors
from eval.task import Conditions, Outcome
from eval.tasks.embedded import Embedded, embed_dataset, mean_score
from memory.neighbors import Neighbors
from memory.search import exact_search
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorAnalysis:
    """Pictures of queries beside their nearest neighbours, sorted into right and wrong.

    Attributes:
        dataset: an image classification set.
        num_pictures: queries in each of the two pictures, drawn by seed.
        image_size_px: side of the squares in the pictures (more pixels, more patches to see); None takes the
            encoder's own, at which the neighbours are found in any case.

    Raises:
        UserError: if no picture is asked for.
    """

    kind: ClassVar[str] = "error_analysis"
    dataset: str
    num_pictures: int = 5
    image_size_px: int | None = 448

    def __post_init__(self) -> None:
        if self.num_pictures < 1:
            raise UserError(f"num_pictures must be at least 1, received {self.num_pictures}")

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Find neighbours and draw; raises `UserError` as `embed_dataset`, or if there are no patch tokens."""
        embedded = embed_dataset(self.dataset, encoder, conditions)
        found = exact_search(
            embedded.val.values, embedded.train.values, 1, labels=embedded.train.labels, device=conditions.device
        )
        is_right = embedded.dataset.val.is_correct(found.labels[:, 0])
        facts = {**embedded.facts(), "k": 1}
        scores = [mean_score("top1_accuracy", is_right, embedded.val.uris, facts, is_headline=True)]
        for name, flags in (("right", is_right), ("wrong", ~is_right)):
            rows = np.flatnonzero(flags)
            if len(rows):  # is the memory surer when it is right?
                uris = tuple(embedded.val.uris[row] for row in rows)
                scores.append(mean_score(f"similarity_when_{name}", found.similarities[rows, 0], uris, facts))
        pictures = self._pictures(encoder, conditions, embedded, found, is_right) if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)

    def _pictures(
        self,
        encoder: Encoder,
        conditions: Conditions,
        embedded: Embedded,
        found: Neighbors,
        is_right: npt.NDArray[np.bool_],
    ) -> dict[str, Image.Image]:
        encoder = encoder_at(encoder, self.image_size_px, conditions)
        pictures = {}
        for name, flags in (("right", is_right), ("wrong", ~is_right)):
            rows = np.flatnonzero(flags)
            chosen = np.sort(generator(conditions.seed, "error analysis", name).permutation(rows)[: self.num_pictures])
            if len(chosen):
                pictures[name] = panel_sheet([self._row(encoder, embedded, found, int(row)) for row in chosen])
        return pictures

    def _row(self, encoder: Encoder, embedded: Embedded, found: Neighbors, row: int) -> list[Panel]:
        entry, names = int(found.ids[row, 0]), embedded.dataset.train.class_names
        squares = torch.stack(
            [
                encoder.transform(embedded.dataset.val.image(row)),
                encoder.transform(embedded.dataset.train.image(entry)),
            ]
        )
        tokens = finite_tokens(encoder, squares, [embedded.val.uris[row], embedded.train.uris[entry]])
        query_colors, entry_colors = joint_colors(tokens).cpu().numpy()
        query, neighbor = squares.permute(0, 2, 3, 1).numpy()
        similarity = f"{names[found.labels[row, 0]]} ({found.similarities[row, 0]:.2f})"
        return [
            Panel(query, names[embedded.val.labels[row]]),
            Panel(query_colors, "query, one PCA for both"),
            Panel(neighbor, similarity),
            Panel(entry_colors, "nearest neighbour"),
        ]


def joint_colors(tokens: torch.Tensor) -> torch.Tensor:
    """Colours of several images through one PCA: (B, h, w, D) to (B, h, w, 3) in [0, 1].

    Raises:
        UserError: as `pca_colors`.
    """
    B, h, w, D = tokens.shape
    return pca_colors(tokens.reshape(1, B * h, w, D)).reshape(B, h, w, 3)
