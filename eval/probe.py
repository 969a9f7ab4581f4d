"""The kNN probe: what a network in training is worth on real images, measured without touching its training.

The trainer calls it with an embed function and logs what it gives; it never sees the data set. Images are decoded
once and kept as uint8 (5,000 images of 64 px are 61 MB).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from eval.datasets import Dataset
from eval.images import LabelledImages
from eval.knn import predict
from memory.search import exact_search
from pretrain.preprocessing import to_square

BATCH_SIZE = 256
Embed = Callable[[torch.Tensor], torch.Tensor]


def knn_probe(
    dataset: Dataset, image_size_px: int, *, k: int = 20, max_train: int = 5000, max_val: int = 1000
) -> Callable[[Embed, int], dict[str, float]]:
    """Make a probe.

    Args:
        dataset: real images.
        image_size_px: S, the size that the network takes.
        k: neighbours that vote (softmax, temperature 0.07).
        max_train: most images in the memory, a seeded subset.
        max_val: most queries.

    Returns:
        (embed, step) -> ``{"knn_top1_accuracy/NAME": share in 0..1}``; embed maps uint8 (B, 3, S, S) to (B, D).
    """
    train, val = dataset.train.subset(max_train), dataset.val.subset(max_val)
    entries, queries = (_decode(images, image_size_px) for images in (train, val))
    num_classes = len(dataset.train.class_names)

    def probe(embed: Embed, step: int) -> dict[str, float]:
        neighbors = exact_search(_embed(embed, queries), _embed(embed, entries), k, labels=train.labels)
        predictions = predict(neighbors, k, "softmax", 0.07, num_classes)
        return {f"knn_top1_accuracy/{dataset.name}": float((predictions == val.labels).mean())}

    return probe


def _decode(images: LabelledImages, size_px: int) -> torch.Tensor:
    return torch.stack([to_square(images.image(i), size_px) for i in range(len(images))])


def _embed(embed: Embed, images: torch.Tensor) -> torch.Tensor:
    return torch.cat([embed(batch).float().cpu() for batch in torch.split(images, BATCH_SIZE)])
