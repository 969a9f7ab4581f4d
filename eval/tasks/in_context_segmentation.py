"""In-context segmentation: one prompt image with a mask of one concept, which is to be found in another image.

Every patch of the query image looks at all patches of the prompt (softmax of <query, prompt> / D) and takes the average
of their masks. A prompt patch carries its whole piece of the mask, not one number, so the answer has the resolution of
the image. Each validation image is asked for one of its labels, drawn by seed, with a training image that shows it;
where nothing else in it is labelled any answer would be perfect, and it is not asked.

Because tokens are not normalised and the divisor is D, the weights are nearly even and the answer is a faint map: its
order of pixels is what it says (average precision; chance is the concept's share of the image), and it is stretched to
0..1 before it is cut at the middle for an IoU. The soft IoU is that of the public code.

Letters: S side of the square, h w patch grid, p patch side = S / h, L = h * w, D embedding.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from eval.dense import DenseBatch, dense_batches, described, encoder_at, readable
from eval.panels import Panel, panel_sheet
from eval.segmentation_scores import soft_iou
from eval.sets.find_masked import find_masked_dataset
from eval.sets.masked import UNLABELLED, MaskedImages
from eval.soft_segmentation import soft_labels
from eval.squares import Square, square_of_mask
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import mean_score
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError

NUM_PICTURES = 6
MASK_GRID = 64
"""Masks are looked through on this grid to learn which image shows what."""
GREY_LEFT = 0.45
"""Light of what a mask leaves out, in pictures."""
LINES_ACROSS = 100
"""Side of a picture in widths of the line about a mask."""
MIDDLE = 0.5
"""Where a stretched answer is cut for an IoU."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InContextSegmentation:
    """Find a concept in each validation image from one training image with its mask.

    Attributes:
        dataset: name under PROCMEM_DATA, or path.
        image_size_px: side of the square that the encoder gets; None takes its own.
        square: "short_side" resizes the shorter side to it, as the paper does ("crop" shows the encoder what every
            embedding sees).
        smallest_share: of the square that a label must fill, in the prompt and in the query, to be asked for; what else
            is labelled in the query must fill as much.

    Raises:
        UserError: for a share outside (0, 1).
    """

    kind: ClassVar[str] = "in_context_segmentation"
    dataset: str
    image_size_px: int | None = 448
    square: Square = "short_side"
    smallest_share: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.smallest_share < 1:
            raise UserError(f"smallest_share must be above 0 and below 1, received {self.smallest_share}")

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Ask every validation image that has a label with a prompt; raises `UserError` if there is none."""
        dataset = find_masked_dataset(self.dataset)
        train = readable(dataset.train.subset(conditions.max_train, conditions.seed), conditions)
        val = readable(dataset.val.subset(conditions.max_val, conditions.seed), conditions)
        encoder = encoder_at(encoder, self.image_size_px, conditions)
        questions = self._questions(train, val, encoder.image_size_px, conditions.seed)
        asked = val.select(np.asarray(list(questions)))
        prompts = train.select(np.asarray([prompt for prompt, _ in questions.values()]))
        labels = [label for _, label in questions.values()]
        cases: list[_Case] = []
        strictly = dataclasses.replace(conditions, on_corrupt="fail")  # what cannot be read was not asked
        batches = (dense_batches(encoder, images, strictly, square=self.square) for images in (asked, prompts))
        for query, prompt in zip(*batches, strict=True):
            for row, position in enumerate(query.positions):
                cases.append(_answered(query, prompt, row, labels[position], asked))
                if len(cases) > NUM_PICTURES or not conditions.pictures:
                    cases[-1].panels.clear()
                elif cases[-1].panels:
                    cases[-1].panels[0] = dataclasses.replace(
                        cases[-1].panels[0], caption=f"prompt: {val.label_names[labels[position]]}"
                    )
        facts = {"image_size_px": encoder.image_size_px, "without_prompt": len(val) - len(cases)}
        pictures = {}
        if conditions.pictures:
            pictures["in context"] = panel_sheet([case.panels for case in cases if case.panels])
        return Outcome(dataset=described(self.dataset, train, val), scores=_scores(cases, facts), pictures=pictures)

    def _questions(self, train: MaskedImages, val: MaskedImages, size_px: int, seed: int) -> dict[int, tuple[int, int]]:
        """Position in val -> (position of its prompt in train, label), drawn by the image's name."""
        shown_by: dict[int, list[int]] = {}
        for position in range(len(train)):
            for label in self._labels(train, position, size_px):
                shown_by.setdefault(label, []).append(position)
        questions = {}
        for position in range(len(val)):
            labels = [label for label in self._labels(val, position, size_px, beside=True) if label in shown_by]
            if labels:
                chance = generator(seed, "in context", val.uris[position])
                label = labels[int(chance.integers(len(labels)))]
                questions[position] = (shown_by[label][int(chance.integers(len(shown_by[label])))], label)
        if not questions:
            raise UserError(
                f"no label fills {self.smallest_share:.0%} of a validation image and of a training image; "
                "take more images or a smaller smallest_share"
            )
        return questions

    def _labels(self, images: MaskedImages, position: int, size_px: int, *, beside: bool = False) -> list[int]:
        """What fills enough of a square; `beside`: next to enough that counts and is something else."""
        mask = square_of_mask(images.mask(position), size_px, self.square, MASK_GRID)
        labels, sizes = np.unique(mask, return_counts=True)
        smallest = self.smallest_share * MASK_GRID**2
        large = sizes >= smallest
        if beside:
            large &= images.counted(mask).sum() - sizes >= smallest
        return [int(label) for label in labels[large] if label > UNLABELLED]


def in_context_mask(query_tokens: torch.Tensor, prompt_tokens: torch.Tensor, prompt_mask: torch.Tensor) -> torch.Tensor:
    """Soft mask of a query image from a prompt.

        for each query patch q: weights = softmax over prompt patches k of <q, k> / D
                                piece of the answer = sum over k of weights[k] * piece k of the prompt's mask

    Args:
        query_tokens: (h, w, D).
        prompt_tokens: (h, w, D).
        prompt_mask: (S, S) floats in [0, 1]; h and w divide S.

    Returns:
        (S, S) float32 in [0, 1].

    Raises:
        UserError: if the patches do not divide the mask.
    """
    h, w, D = prompt_tokens.shape
    S = len(prompt_mask)
    if S % h or S % w:
        raise UserError(f"{h} x {w} patches do not divide a mask of {S} px")
    p, r = S // h, S // w
    pieces = prompt_mask.float().reshape(h, p, w, r).transpose(1, 2).reshape(h * w, p * r)
    answer = soft_labels(query_tokens.flatten(0, 1), prompt_tokens.flatten(0, 1), pieces.to(query_tokens.device), D)
    return answer.reshape(h, w, p, r).transpose(1, 2).reshape(S, S)


def stretch(soft: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A soft mask over the whole of 0..1; one without any spread is 0."""
    low, spread = soft.min(), soft.max() - soft.min()
    return (soft - low) / spread if spread > 0 else np.zeros_like(soft)


@dataclasses.dataclass
class _Case:
    name: str
    values: dict[str, float]
    panels: list[Panel]


def _answered(query: DenseBatch, prompt: DenseBatch, row: int, label: int, asked: MaskedImages) -> _Case:
    from sklearn.metrics import average_precision_score

    name = asked.uris[query.positions[row]]
    truth: npt.NDArray[np.bool_] = query.masks[row] == label
    shown: npt.NDArray[np.bool_] = prompt.masks[row] == label
    soft = in_context_mask(query.tokens[row], prompt.tokens[row], torch.from_numpy(shown)).cpu().numpy().astype(float)
    stretched = stretch(soft)
    cut, counted = stretched > MIDDLE, asked.counted(query.masks[row])
    union = (cut | truth)[counted].sum()
    values = {
        "average_precision": float(average_precision_score(truth[counted], soft[counted])),
        "iou": float((cut & truth)[counted].sum() / union) if union else 0.0,
        "soft_iou": soft_iou(soft[counted], truth[counted]),
        "concept_share": float(truth[counted].mean()),
    }
    pixels, prompt_pixels = (batch.squares[row].permute(1, 2, 0).numpy() for batch in (query, prompt))
    panels = [
        Panel(_shaded(prompt_pixels, shown)),
        Panel(pixels, name.rsplit("/", 1)[-1]),
        Panel(np.repeat(stretched[..., None], 3, axis=2), f"answer, AP {values['average_precision']:.2f}"),
        Panel(_shaded(pixels, truth), f"labels, share {values['concept_share']:.2f}"),
    ]
    return _Case(name, values, panels)


def _scores(cases: list[_Case], facts: dict[str, Any]) -> tuple[Score, ...]:
    names = tuple(case.name for case in cases)
    return tuple(
        mean_score(
            metric,
            np.asarray([case.values[metric] for case in cases]),
            names,
            facts,
            is_headline=metric == "average_precision",
        )
        for metric in cases[0].values
    )


def _shaded(pixels: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The image within the mask, a white line about it, and the rest in dark grey."""
    from scipy.ndimage import binary_dilation

    grey = pixels.mean(axis=2, keepdims=True) * GREY_LEFT
    shaded = np.where(mask[..., None], pixels, grey).astype(np.uint8)
    shaded[binary_dilation(mask, iterations=max(1, len(mask) // LINES_ACROSS)) & ~mask] = 255
    return shaded
