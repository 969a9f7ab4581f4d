"""kNN segmentation: a memory of labelled patch tokens names the patches of images that it has not seen.

Two ways to ask it. "all": a softmax of <query, entry> / sqrt(D) over *all* entries averages their labels (the paper's
rule), summed in bounded memory. "top_k": the memory's own exact search over normalised tokens, and the softmax vote of
kNN classification among the k nearest.

Two rules of scoring. "corrected": a patch has the label of most of its pixels, and patches of what has no label (0)
are neither in the memory nor scored, unless the data set calls 0 "background": then it is a class like others (as in
VOC's own mean IoU); patches of VOC's void are left out in any case. "paper": squashed images, the label in the middle
of a patch, and 0 is always a class, void and all, so that calling everything background scores high. Foreground is
every label but 0 and "background".

Patches of one image are much alike, so a few hundred of each (`entries_per_image`) make nearly the same memory as all
of them, at a fraction of the products.

Letters: N entries, D embedding, h w patch grid, C labels.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from eval.dense import DenseBatch, dense_batches, described, encoder_at
from eval.panels import Panel, label_panel, panel_sheet
from eval.segmentation_scores import Labels, Protocol, jackknife_standard_error, mean_iou, region_counts
from eval.sets.find_masked import find_masked_dataset
from eval.sets.masked import UNLABELLED, MaskedImages
from eval.soft_segmentation import DEFAULT_BUDGET_BYTES, soft_labels
from eval.squares import Square
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import mean_score
from memory.search import ExactSearch
from memory.voting import Voting, vote
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError

NUM_PICTURES = 6
VOTE_TEMPERATURE = 0.07
QUERIES_AT_ONCE = 4096
"""Votes are (queries, labels) of float64."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnnSegmentation:
    """Name the patches of the validation images by a memory of the training images' patches.

    Attributes:
        dataset: name under PROCMEM_DATA, or path.
        protocol: "corrected", or "paper" for the numbers of its figure 10 (see the top of this file).
        neighbors: "all" or "top_k".
        num_neighbors: k of "top_k".
        entries_per_image: most patches of a training image that are remembered, drawn by seed; None takes all.
        image_size_px: side of the square that the encoder gets; None takes its own.
        budget_bytes: bound on working memory beside the memory of tokens, N * D * 4 bytes.

    Raises:
        UserError: for a number below 1.
    """

    kind: ClassVar[str] = "knn_segmentation"
    dataset: str
    protocol: Protocol = "corrected"
    neighbors: Literal["all", "top_k"] = "all"
    num_neighbors: int = 20
    entries_per_image: int | None = None
    image_size_px: int | None = 448
    budget_bytes: int = DEFAULT_BUDGET_BYTES

    def __post_init__(self) -> None:
        numbers = {name: getattr(self, name) for name in ("num_neighbors", "entries_per_image", "budget_bytes")}
        for name, number in numbers.items():
            if number is not None and number < 1:
                raise UserError(f"{name} must be at least 1, received {number}")

    @property
    def square(self) -> Square:
        """The paper bends images to a square; the corrected rule keeps their shape."""
        return "squash" if self.protocol == "paper" else "crop"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Fill the memory and ask it; raises `UserError` as `dense_batches`, or if nothing is labelled."""
        dataset = find_masked_dataset(self.dataset)
        train = dataset.train.subset(conditions.max_train, conditions.seed)
        val = dataset.val.subset(conditions.max_val, conditions.seed)
        encoder = encoder_at(encoder, self.image_size_px, conditions)
        memory = self.memory_of(encoder, train, conditions)
        images: list[_Image] = []
        panels: list[list[Panel]] = []
        for batch in dense_batches(encoder, val, conditions, square=self.square):
            truth, scored = self._truth(batch, val)
            found = self._named(batch, memory)
            for row, position in enumerate(batch.positions):
                images.append(_Image.of(val.uris[position], found[row], truth[row], val.label_names, scored[row]))
                if len(panels) < NUM_PICTURES:
                    panels.append(_panels(batch, row, found[row], truth[row], images[-1], val.label_names))
        facts = {
            "image_size_px": encoder.image_size_px,
            "memory_size": len(memory.labels),
            "memory_bytes": memory.tokens.nbytes,
            "memory_images": len(train),
        }
        pictures = {"knn segmentation": panel_sheet(panels)} if conditions.pictures else {}
        return Outcome(dataset=described(self.dataset, train, val), scores=_scores(images, facts), pictures=pictures)

    def memory_of(self, encoder: Encoder, images: MaskedImages, conditions: Conditions) -> PatchMemory:
        """The memory of a set's patches; raises `UserError` as `dense_batches`, or if none is labelled."""
        tokens, labels = [], []
        for batch in dense_batches(encoder, images, conditions, square=self.square):
            of_patches, is_kept = self._truth(batch, images)
            for row, position in enumerate(batch.positions):
                own = np.flatnonzero(is_kept[row])
                if self.entries_per_image is not None and len(own) > self.entries_per_image:
                    chance = generator(conditions.seed, "knn segmentation", images.uris[position])
                    own = np.sort(chance.permutation(own)[: self.entries_per_image])
                kept = torch.from_numpy(own).to(batch.tokens.device)
                tokens.append(batch.tokens[row].flatten(0, 1)[kept])
                labels.append(torch.from_numpy(of_patches[row].ravel()[own]).to(kept.device))
        if not sum(map(len, labels)):
            raise UserError(f"none of the {len(images)} training images has a labelled patch; the memory is empty")
        return PatchMemory(tokens=torch.cat(tokens), labels=torch.cat(labels))

    def _truth(self, batch: DenseBatch, images: MaskedImages) -> tuple[Labels, npt.NDArray[np.bool_]]:
        """(B, h, w) labels of a batch's patches, and which of them are remembered or scored."""
        labels = patch_labels(batch.masks, batch.tokens.shape[1:3], self.protocol)
        if self.protocol == "paper":
            return labels.clip(min=UNLABELLED), np.full(labels.shape, True)
        return labels, images.counted(labels)

    def _named(self, batch: DenseBatch, memory: PatchMemory) -> Labels:
        """(B, h, w) labels of a batch's patches."""
        B, h, w, D = batch.tokens.shape
        queries = batch.tokens.reshape(-1, D)
        if self.neighbors == "all":
            shares = soft_labels(queries, memory.tokens, memory.labels, D**0.5, self.budget_bytes)
            named: Labels = shares.argmax(dim=1).cpu().numpy()
        else:
            named = memory.nearest(queries, self.num_neighbors, self.budget_bytes)
        return named.reshape(B, h, w)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchMemory:
    """Labelled patch tokens.

    Attributes:
        tokens: (N, D) float32 on the encoder's device, not normalised.
        labels: (N,) int64 on the same device.
    """

    tokens: torch.Tensor
    labels: torch.Tensor

    def nearest(self, queries: torch.Tensor, k: int, budget_bytes: int) -> Labels:
        """(Q,) label by a vote of the k entries with the most similar direction (exact search).

        A token of length 0 (a black patch of the pixel encoder) has no direction and takes that of the mean entry.
        """
        mean = self.tokens.mean(dim=0)
        search, num_labels = self._search, int(self.labels.max()) + 1
        named = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            part = _directions(queries[start : start + QUERIES_AT_ONCE], mean)
            found = search.search(part, min(k, len(self.labels)), budget_bytes=budget_bytes)
            voting = Voting(rule="softmax", temperature=VOTE_TEMPERATURE)
            named.append(vote(found, num_classes=num_labels, voting=voting).predictions)
        return np.concatenate(named)

    @functools.cached_property
    def _search(self) -> ExactSearch:
        directions = _directions(self.tokens, self.tokens.mean(dim=0))
        return ExactSearch(directions, labels=self.labels.cpu().numpy(), device=str(self.tokens.device))


def patch_labels(masks: Labels, grid: tuple[int, int] | torch.Size, protocol: Protocol = "corrected") -> Labels:
    """Labels (B, h, w) of the patches of label maps (B, S, S): of most pixels, ties to the smaller label.

    Under "paper" the label in the middle of each patch (nearest).

    Raises:
        UserError: if the patches do not divide S.
    """
    B, S, _ = masks.shape
    h, w = grid
    if S % h or S % w:
        raise UserError(f"{h} x {w} patches do not divide a label map of {S} px")
    pieces = masks.reshape(B, h, S // h, w, S // w).transpose(0, 1, 3, 2, 4)
    if protocol == "paper":
        return pieces[..., S // h // 2, S // w // 2]
    flat = pieces.reshape(B * h * w, -1)
    names, numbers = np.unique(flat, return_inverse=True)
    numbers = numbers.reshape(flat.shape)
    counts = np.zeros((len(flat), len(names)), np.int64)
    np.add.at(counts, (np.arange(len(flat))[:, None], numbers), 1)
    most: Labels = names[counts.argmax(axis=1)]
    return most.reshape(B, h, w)


def _directions(tokens: torch.Tensor, fallback: torch.Tensor) -> torch.Tensor:
    has_none = tokens.norm(dim=1, keepdim=True) < 1e-12
    return F.normalize(torch.where(has_none, fallback, tokens), dim=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Image:
    """What is counted of one validation image; a share is NaN where no patch of its kind exists."""

    name: str
    counts: Labels
    accuracy: float
    foreground_accuracy: float

    @classmethod
    def of(
        cls, name: str, found: Labels, truth: Labels, label_names: tuple[str, ...], scored: npt.NDArray[np.bool_]
    ) -> _Image:
        background = [label for label, called in enumerate(label_names) if called == "background"]
        right, foreground = found == truth, scored & ~np.isin(truth, [UNLABELLED, *background])
        return cls(
            name=name,
            counts=region_counts(found, truth, len(label_names), scored),
            accuracy=_share(right[scored]),
            foreground_accuracy=_share(right[foreground]),
        )


def _share(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean()) if flags.size else np.nan


def _scores(images: list[_Image], facts: dict[str, Any]) -> tuple[Score, ...]:
    counts = np.stack([image.counts for image in images])
    facts = facts | {"without_labels": sum(bool(np.isnan(image.accuracy)) for image in images)}
    if facts["without_labels"] == len(images):
        raise UserError(f"none of the {len(images)} validation images has a labelled patch; there is nothing to score")
    iou = Score(
        metric="mean_iou",
        value=mean_iou(counts),
        n=len(images),
        standard_error=jackknife_standard_error(counts),
        config=facts,
        is_headline=True,
    )
    shares = []
    for metric in ("accuracy", "foreground_accuracy"):
        values = np.asarray([getattr(image, metric) for image in images])
        rows = np.flatnonzero(~np.isnan(values))
        if len(rows):
            shares.append(mean_score(metric, values[rows], tuple(images[row].name for row in rows), facts))
    return (iou, *shares)


def _panels(
    batch: DenseBatch, row: int, found: Labels, truth: Labels, image: _Image, label_names: tuple[str, ...]
) -> list[Panel]:
    caption = "nothing labelled" if np.isnan(image.accuracy) else f"answer, {100 * image.accuracy:.0f} % right"
    return [
        Panel(batch.squares[row].permute(1, 2, 0).numpy(), image.name.rsplit("/", 1)[-1]),
        label_panel(found, label_names, caption),
        label_panel(truth, label_names, "labels of patches"),
    ]
