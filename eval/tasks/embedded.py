"""What most tasks start from: a data set in two splits, cut to the conditions' sizes and embedded.

The training images are the memory (or what a probe is fitted to), the others are the queries. A query whose class has
no training image can only be answered wrongly; it stays among the queries and is counted, never dropped, because
dropping it would make a smaller memory look better.

Letters: N entries, Q queries, D embedding.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from eval.datasets import Dataset, find_dataset
from eval.extract import Embeddings, cache_path, extract
from eval.extract_parallel import EncoderRecipe, extract_on_devices
from eval.images import LabelledImages
from eval.statistics import mean_standard_error
from eval.task import Conditions, Score
from eval.whole_square import WholeSquareEncoder
from pretrain.encoder import Encoder
from procmem.progress import say

SMALLEST_SHARED = 2000
"""Images of a set that are worth starting processes for: a start takes about as long as embedding so many."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embedded:
    """A data set as an encoder sees it.

    Attributes:
        dataset: what was used of it, unreadable images left out.
        train: (N, D) embeddings of the memory.
        val: (Q, D) embeddings of the queries.
    """

    dataset: Dataset
    train: Embeddings
    val: Embeddings

    @property
    def num_classes(self) -> int:
        """Classes of the data set, with or without images here."""
        return len(self.dataset.train.class_names)

    @property
    def description(self) -> str:
        """The name of the data set, and how a subset of it was drawn."""
        parts = [
            f"{role}: {images.drawn}"
            for role, images in (("train", self.dataset.train), (self.dataset.val.split, self.dataset.val))
            if images.drawn
        ]
        return f"{self.dataset.name} ({'; '.join(parts)})" if parts else self.dataset.name

    def num_strangers(self) -> int:
        """Queries of a class that no training image shows."""
        return int((~np.isin(self.val.labels, self.train.labels)).sum())

    def facts(self) -> dict[str, Any]:
        """What a score's config says about the data."""
        return {
            "memory_size": len(self.train.labels),
            "queries_without_entries": self.num_strangers(),
            "left_out": len(self.train.skipped) + len(self.val.skipped),
        }


def embed_dataset(name: str, encoder: Encoder, conditions: Conditions) -> Embedded:
    """Find, cut and embed a data set.

    Raises:
        UserError: as `find_dataset` and `extract`.
    """
    dataset = find_dataset(name)
    train, train_images = embed_images(dataset.train.subset(conditions.max_train, conditions.seed), encoder, conditions)
    val, val_images = embed_images(dataset.val.subset(conditions.max_val, conditions.seed), encoder, conditions)
    embedded = Embedded(dataset=dataclasses.replace(dataset, train=train_images, val=val_images), train=train, val=val)
    if strangers := embedded.num_strangers():
        say(f"{name}: {strangers} of {len(val.labels)} queries are of classes without a training image here")
    return embedded


def embed_images(images: LabelledImages, encoder: Encoder, conditions: Conditions) -> tuple[Embeddings, LabelledImages]:
    """Embed a set; the second is the set without the images that could not be read."""
    found = extracted(images, encoder, conditions)
    return found, images.select(found.positions)


def extracted(images: LabelledImages, encoder: Encoder, conditions: Conditions) -> Embeddings:
    """Embeddings from the cache, or by one device, or by several where the conditions say so; errors as `extract`."""
    size, on_corrupt = conditions.batch_size, conditions.on_corrupt
    is_shared = conditions.num_devices > 1 and len(images) >= SMALLEST_SHARED
    if not is_shared or cache_path(encoder, images).is_file():
        return extract(encoder, images, batch_size=size, on_corrupt=on_corrupt)
    recipe = EncoderRecipe(
        spec=encoder.name,
        image_size_px=encoder.image_size_px,
        precision=conditions.precision,
        whole_square=isinstance(encoder, WholeSquareEncoder),
    )
    return extract_on_devices(
        recipe,
        images,
        num_devices=conditions.num_devices,
        accelerator=torch.device(conditions.device).type,
        batch_size=size,
        on_corrupt=on_corrupt,
    )


def mean_score(
    metric: str,
    values: npt.NDArray[Any],
    names: tuple[str, ...],
    config: dict[str, Any] | None = None,
    *,
    is_headline: bool = False,
) -> Score:
    """The mean over cases as a score, with its standard error (of shares: the binomial one).

    Args:
        metric: what is measured.
        values: (n,) a number or a flag a case.
        names: n names of the cases.
        config: settings of this number.
        is_headline: whether a summary shows it.
    """
    cases = np.asarray(values, np.float64)
    return Score(
        metric=metric,
        value=float(cases.mean()),
        n=len(cases),
        standard_error=mean_standard_error(cases),
        config=config or {},
        is_headline=is_headline,
        per_case=cases,
        case_names=names,
    )


def spread(positions: npt.NDArray[np.int64], count: int) -> list[int]:
    """At most so many of the positions, evenly spread: neighbours in a list are often of one class."""
    places = np.unique(np.linspace(0, len(positions) - 1, min(count, len(positions))).round().astype(np.int64))
    return [int(position) for position in positions[places]]
