"""Re-ranking: the nearest entries again, in an order that something slower and sharper than one embedding gives.

A reranker looks at the query's image and its first 50 neighbours and gives each a score, larger is better; the list
is sorted by it and votes as any other. `PatchReranker` compares images patch by patch, `memory.language_reranker`
asks a vision-language model. Scores take the place of similarities, so a re-ranked list is no answer of a search
any more: its memory size is unknown, and audits refuse it.

Letters: Q queries, K neighbours, L tokens of an image, D embedding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from memory.neighbors import PADDING, Neighbors
from procmem.errors import UserError

NUM_NEIGHBORS = 50
"""As many as Geirhos et al. (2024, arXiv 2408.08172, section 2.2) give to their model."""


class Candidate(NamedTuple):
    """A neighbour as a reranker sees it."""

    entry_id: int
    label: str
    similarity: float
    image: Image.Image


class Reranker(Protocol):
    """Scores (K,) of the neighbours of one query, larger is better, finite; neighbours come nearest first."""

    def __call__(self, query_image: Image.Image, neighbors: Sequence[Candidate]) -> npt.NDArray[np.float64]:
        """Score the neighbours."""
        ...


def rerank(
    reranker: Reranker,
    query_images: Sequence[Image.Image],
    neighbors: Neighbors,
    *,
    image_of: Callable[[int], Image.Image],
    class_names: Sequence[str],
    num_neighbors: int = NUM_NEIGHBORS,
) -> Neighbors:
    """Sort the first neighbours of each query by a reranker's scores; those behind them are dropped.

    Args:
        reranker: what scores.
        query_images: Q images.
        neighbors: (Q, K); weights of entries stay.
        image_of: the image of an entry's id.
        class_names: name of each label.
        num_neighbors: how many of each list are looked at, at most K of them.

    Returns:
        Neighbors (Q, num_neighbors at most) with scores as similarities, equal scores by smaller id.

    Raises:
        UserError: for another number of images, or scores that are not one finite number a neighbour.
    """
    if len(query_images) != neighbors.num_queries:
        raise UserError(f"{neighbors.num_queries} queries need an image each; received {len(query_images)}")
    first = neighbors.first(min(num_neighbors, neighbors.num_neighbors))
    scores = np.full(first.ids.shape, -np.inf)
    for row, image in enumerate(query_images):
        columns = zip(
            first.ids[row].tolist(), first.labels[row].tolist(), first.similarities[row].tolist(), strict=True
        )
        candidates = [Candidate(i, class_names[c], s, image_of(i)) for i, c, s in columns if i != PADDING]
        given = np.asarray(reranker(image, candidates) if candidates else [], np.float64)
        if given.shape != (len(candidates),) or not np.isfinite(given).all():
            raise UserError(f"a reranker gives one finite score a neighbour; received {given} for {len(candidates)}")
        scores[row, : len(candidates)] = given
    order = np.lexsort((first.ids, -scores))
    return dataclasses.replace(
        first,
        ids=np.take_along_axis(first.ids, order, 1),
        labels=np.take_along_axis(first.labels, order, 1),
        similarities=np.take_along_axis(scores, order, 1),
        weights=None if first.weights is None else np.take_along_axis(first.weights, order, 1),
        memory_size=None,
    )


class PatchReranker:
    """Images are alike where their patches find each other.

    A query's patch and a neighbour's patch match if each is the other's best by cosine. The score is the sum of the
    matches' cosines over the query's number of patches: 1 for the same image, less for every patch without a match.

    Args:
        patch_tokens: images -> tokens (B, L, D) or (B, h, w, D), numpy or torch; for example an encoder's.
        batch_size: images at once.
    """

    def __init__(self, patch_tokens: Callable[[Sequence[Image.Image]], npt.ArrayLike], batch_size: int = 16) -> None:
        self._patch_tokens, self._batch_size = patch_tokens, batch_size

    def __call__(self, query_image: Image.Image, neighbors: Sequence[Candidate]) -> npt.NDArray[np.float64]:
        """Score the neighbours, -1..1."""
        query = self._tokens([query_image])[0]
        images = [neighbor.image for neighbor in neighbors]
        scores: list[float] = []
        for start in range(0, len(images), self._batch_size):
            scores += [mutual_match_score(query, own) for own in self._tokens(images[start : start + self._batch_size])]
        return np.array(scores)

    def _tokens(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float64]:
        values = self._patch_tokens(images)
        if hasattr(values, "detach"):  # a torch tensor, without importing torch
            values = values.detach().cpu().float().numpy()
        tokens = np.asarray(values, np.float64)
        tokens = tokens.reshape(len(images), -1, tokens.shape[-1])
        lengths = np.linalg.norm(tokens, axis=-1, keepdims=True)
        unit: npt.NDArray[np.float64] = np.divide(tokens, lengths, out=np.zeros_like(tokens), where=lengths > 0)
        return unit


def mutual_match_score(query: npt.NDArray[np.float64], entry: npt.NDArray[np.float64]) -> float:
    """Sum of the cosines of mutual best matches over the query's number of tokens.

    ``for i: j = argmax(S[i]); if argmax(S[:, j]) == i: score += S[i, j] / L``

    Args:
        query: (L, D) tokens of length 1.
        entry: (L', D) tokens of length 1; a token that is best for several takes the first.
    """
    cosines = query @ entry.T
    best = cosines.argmax(axis=1)
    places = np.arange(len(query))
    is_mutual = cosines.argmax(axis=0)[best] == places
    return float(cosines[places, best][is_mutual].sum() / len(query))
