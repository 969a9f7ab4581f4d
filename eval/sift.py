"""Bag of SIFT words: the classical recognition pipeline (Csurka et al. 2004) as an encoder.

    per image: the strongest SIFT points (grey, 128 numbers each) -> nearest of W words each -> histogram of words
    words: k-means of the points of training images

35 points and 150 words are the numbers of the reference behind table 1 of "Separating Knowledge and Perception with
Procedural Data" (2025), which gives the histograms to an RBF support-vector machine (task rbf_svm). As an encoder the
histogram's square roots are compared (dot product = Hellinger coefficient), like the colour histogram's. The words come
from real photographs, so the provenance says real_images: true: this row is not free of real data. An image in which
no point is found (a flat one) has a word of its own, else it would have no direction.

Letters: B batch, S image side, P points, W words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from eval.datasets import find_dataset
from eval.images import LabelledImages
from pretrain import preprocessing
from pretrain.embedding import check_images, unit_length
from procmem.errors import UserError
from procmem.files import atomic_write, cache_root, fingerprint
from procmem.progress import progress, say
from procmem.provenance import EncoderCard, Provenance

NUM_POINTS = 35
NUM_WORDS = 150
DEFAULT_SIZE_PX = 224
CACHE_FORMAT = 1
VOCABULARY_IMAGES = 1000
"""Most training images whose points the words are made of (35,000 points)."""

Descriptors = npt.NDArray[np.float32]
"""(P, 128) of one image; P may be 0."""


class Sift:
    """The encoder.

    Args:
        words: (W, 128) centres.
        dataset: what their points came from, for the provenance.
        image_size_px: S.
        name: specification.
    """

    def __init__(self, words: Descriptors, *, dataset: str, image_size_px: int, name: str) -> None:
        self.words = words
        self.name, self.image_size_px = name, image_size_px
        self.dimension = len(words) + 1
        self._dataset = dataset

    @property
    def provenance(self) -> Provenance:
        """The words were made of real images."""
        note = f"{len(self.words)} SIFT words, k-means of points of {self._dataset}"
        return Provenance(real_images=True, notes=(note,))

    def card(self) -> EncoderCard:
        """Card for memories and results; the fingerprint covers the words."""
        recipe: dict[str, Any] = {
            "image_size_px": self.image_size_px,
            "square": preprocessing.DESCRIPTION,
            "method": f"{NUM_POINTS} strongest SIFT points, {len(self.words)} words and one for none, square root",
        }
        words = fingerprint(np.ascontiguousarray(self.words).tobytes())
        return EncoderCard(
            name=self.name,
            fingerprint=fingerprint({"encoder": "sift", "words": words} | recipe),
            dimension=self.dimension,
            preprocessing=recipe,
            provenance=self.provenance,
        )

    def transform(self, image: Image.Image) -> torch.Tensor:
        """Any Pillow image to uint8 (3, S, S)."""
        return preprocessing.to_square(image, self.image_size_px)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Square roots of word shares of uint8 (B, 3, S, S): float32 (B, W + 1), unit length.

        Raises:
            UserError: if the images have another shape or type.
        """
        check_images(images, self.image_size_px)
        counts = np.stack([self.count_words(sift_points(image)) for image in images])
        return unit_length(torch.from_numpy(np.sqrt(counts)), self.name)

    def count_words(self, points: Descriptors) -> npt.NDArray[np.float64]:
        """(W + 1,) how often each word is nearest; the last counts 1 where there is no point."""
        if not len(points):
            return np.append(np.zeros(len(self.words)), 1.0)
        distances = np.square(self.words).sum(1) - 2 * points @ self.words.T  # but for the points' own lengths
        return np.bincount(distances.argmin(axis=1), minlength=self.dimension).astype(np.float64)

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Always refused: a bag has no places.

        Raises:
            UserError: always.
        """
        raise UserError(f"encoder {self.name!r} has no patch tokens; for segmentation and PCA pictures use 'pixels'")


def sift_points(image: torch.Tensor) -> Descriptors:
    """Descriptors of the strongest points of one uint8 (3, S, S) image."""
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy()), cv2.COLOR_RGB2GRAY)
    _, found = cv2.SIFT.create(nfeatures=NUM_POINTS).detectAndCompute(grey, None)
    # points of equal strength may come in excess of what was asked for
    return np.zeros((0, 128), np.float32) if found is None else found[:NUM_POINTS].astype(np.float32)


def fit_words(images: LabelledImages, image_size_px: int, num_words: int = NUM_WORDS, seed: int = 0) -> Descriptors:
    """(W, 128) words: k-means (scikit-learn, mini-batches, seeded) of the points of at most 1,000 of these images.

    Raises:
        UserError: if the images hold fewer points than words.
    """
    from sklearn.cluster import MiniBatchKMeans

    some = images.subset(VOCABULARY_IMAGES, seed)
    every = [
        sift_points(preprocessing.to_square(some.image(position), image_size_px))
        for position in progress(range(len(some)), f"SIFT points of {some.name}", len(some), unit="image")
    ]
    points = np.concatenate(every)
    if len(points) < num_words:
        raise UserError(
            f"{some.name}: {len(points)} SIFT points of {len(some)} images are too few for {num_words} words"
        )
    means = MiniBatchKMeans(num_words, random_state=seed, n_init=3, batch_size=4096).fit(points)
    words: Descriptors = means.cluster_centers_.astype(np.float32)
    return words


def sift_of_dataset(dataset: str, image_size_px: int | None = None, name: str = "", seed: int = 0) -> Sift:
    """The encoder with words of a data set's training images; words are kept in the cache folder.

    Args:
        dataset: name or path.
        image_size_px: S; 224 where omitted.
        name: the specification; ``sift:DATASET`` where omitted.
        seed: of the subset and the k-means.

    Raises:
        UserError: as `find_dataset` and `fit_words`.
    """
    size = image_size_px or DEFAULT_SIZE_PX
    train = find_dataset(dataset).train
    key = fingerprint([CACHE_FORMAT, train.fingerprint(), size, NUM_POINTS, NUM_WORDS, VOCABULARY_IMAGES, seed])
    path = cache_root() / "sift" / f"{key}.npy"
    words = _read_words(path) if path.is_file() else None
    if words is None:
        words = fit_words(train, size, seed=seed)
        with atomic_write(path) as file:
            np.save(file, words)
    return Sift(words, dataset=f"{train.name}/train", image_size_px=size, name=name or f"sift:{dataset}")


def _read_words(path: Path) -> Descriptors | None:
    """Words of the cache; None where they are damaged (they are made again)."""
    try:
        words: Descriptors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        say(f"warning: SIFT words {str(path)!r} are damaged and are made again: {error}")
        return None
    return words if words.shape == (NUM_WORDS, 128) and np.isfinite(words).all() else None
