"""K-means of an image's patch tokens: hard segments without any label, matched with the segments that people drew.

As many clusters as the image has labels (unlabelled places need one too, but do not count). Which cluster stands for
which segment is settled by the assignment with the largest overlap (Hungarian method), so the score is that of
the grouping, not of names. Beside it stands the same with the patches' places instead of their tokens: cutting an image
into compact pieces already overlaps with what people name.

Letters: h w patch grid, D embedding, G side of the label grid.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from eval.dense import dense_batches, described, encoder_at
from eval.panels import Panel, label_panel, panel_sheet
from eval.segmentation_scores import Labels, matched_iou
from eval.sets.find_masked import find_masked_dataset
from eval.sets.masked import UNLABELLED
from eval.task import Conditions, Outcome
from eval.tasks.embedded import mean_score
from pretrain.encoder import Encoder
from procgen.seeds import derive_key
from procmem.errors import UserError

NUM_STARTS = 3
"""Runs of K-means from other centres; the one with the least spread counts."""
NUM_PICTURES = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class KmeansSegmentation:
    """Overlap of K-means segments with labelled segments over the validation images of a set.

    Attributes:
        dataset: name under PROCMEM_DATA, or path.
        image_size_px: side of the square that the encoder gets; None takes its own.
        grid: G, on which segments and labels meet.

    Raises:
        UserError: for a grid below 1.
    """

    kind: ClassVar[str] = "kmeans_segmentation"
    dataset: str
    image_size_px: int | None = 448
    grid: int = 112

    def __post_init__(self) -> None:
        if self.grid < 1:
            raise UserError(f"grid must be at least 1, received {self.grid}")

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Score every validation image; raises `UserError` as `dense_batches`, or if no image has a segment."""
        images = find_masked_dataset(self.dataset).val.subset(conditions.max_val, conditions.seed)
        encoder = encoder_at(encoder, self.image_size_px, conditions)
        names: list[str] = []
        by_tokens: list[float] = []
        by_places: list[float] = []
        panels: list[list[Panel]] = []
        for batch in dense_batches(encoder, images, conditions, square="crop", grid=self.grid):
            for row, position in enumerate(batch.positions):
                labels, uri = batch.masks[row], images.uris[position]
                if not (labels > UNLABELLED).any():
                    continue
                tokens = batch.tokens[row].cpu().numpy()
                seed = derive_key(conditions.seed, "kmeans", uri) % 2**32
                count = len(np.unique(labels[labels >= UNLABELLED]))
                overlap, clusters, match = _segmented(tokens, labels, count, seed)
                names.append(uri)
                by_tokens.append(overlap)
                by_places.append(_segmented(_places(*tokens.shape[:2]), labels, count, seed)[0])
                if len(panels) < NUM_PICTURES:
                    matched = np.vectorize(lambda cluster, match=match: match.get(int(cluster), UNLABELLED))(clusters)
                    panels.append(
                        [
                            Panel(batch.squares[row].permute(1, 2, 0).numpy(), uri.rsplit("/", 1)[-1]),
                            label_panel(matched, images.label_names, f"K-means, mean IoU {overlap:.2f}"),
                            label_panel(labels, images.label_names, "labels"),
                        ]
                    )
        if not names:
            raise UserError(f"none of {len(images)} images has a labelled segment; there is nothing to score")
        facts = {"image_size_px": encoder.image_size_px, "without_segments": len(images) - len(names)}
        scores = (
            mean_score("kmeans_mean_iou", np.asarray(by_tokens), tuple(names), facts, is_headline=True),
            mean_score("kmeans_mean_iou_of_places", np.asarray(by_places), tuple(names), facts),
        )
        pictures = {"kmeans": panel_sheet(panels)} if conditions.pictures else {}
        return Outcome(dataset=described(self.dataset, images), scores=scores, pictures=pictures)


def kmeans_segments(tokens: npt.NDArray[np.floating], num_clusters: int, seed: int) -> Labels:
    """Cluster (h, w) of each patch by scikit-learn's K-means; fewer clusters where fewer tokens differ.

    Args:
        tokens: (h, w, D).
        num_clusters: wanted.
        seed: of the first centres, below 2^32.
    """
    from sklearn.cluster import KMeans

    flat = tokens.reshape(-1, tokens.shape[2])
    num_distinct = len(np.unique(flat, axis=0))
    found = KMeans(min(num_clusters, num_distinct), n_init=NUM_STARTS, random_state=seed).fit_predict(flat)
    clusters: Labels = found.reshape(tokens.shape[:2]).astype(np.int64)
    return clusters


def _segmented(
    tokens: npt.NDArray[np.floating], labels: Labels, count: int, seed: int
) -> tuple[float, Labels, dict[int, int]]:
    """Mean IoU, clusters on the grid of the labels, and the match."""
    clusters = kmeans_segments(tokens, count, seed)
    rows, columns = ((np.arange(len(labels)) + 0.5) * side // len(labels) for side in clusters.shape)
    on_grid = clusters[rows.astype(np.int64)[:, None], columns.astype(np.int64)]
    overlap, match = matched_iou(on_grid.ravel(), labels.ravel())
    return overlap, on_grid, match


def _places(h: int, w: int) -> npt.NDArray[np.floating]:
    """(h, w, 2) row and column of each patch."""
    return np.stack(np.meshgrid(np.arange(h), np.arange(w), indexing="ij"), axis=2).astype(np.float64)
