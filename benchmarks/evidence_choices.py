"""What is chosen for each encoder and set of docs/evidence.md before any `val` is looked at, and on what.

A set chooses on its own train split: size, features, k and voting rule of kNN; blocks of patch tokens for segmentation.
Many features share one pass: an encoder with all parts side by side is extracted once as it is and once whitened, and
every candidate is a selection of its columns.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eval.datasets import Dataset, find_dataset
from eval.dense import dense_batches
from eval.extract import extract
from eval.held_out import held_out
from eval.images import LabelledImages
from eval.patch_pca import pca_colors
from eval.sets.find_masked import find_masked_dataset
from eval.task import Conditions
from eval.tasks.explained_shares import ExplainedShares
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.sweep import sweep
from memory.voting import Rule, Voting
from pretrain.encoder import PIXEL_ENCODERS, Encoder, load_encoder
from pretrain.features import FeatureEncoder
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.files import write_json

DENSE_SET, TRIPLET_SET = "coco100-semseg", "zappos-triplets"
NEAREST_TO_TRIPLETS = "fashion-mnist"
SIZES_PX = (32, 48, 64, 96, 128)
ALL_BLOCKS = "+grid1~3+grid1~2+grid1~1+grid1"
EARLY_BILINEAR = "+bilinear~4+bilinear~3+bilinear~2"
FEATURES = (
    "+grid1", "+grid2", "+grid4", "+grid2~1", "+grid4~1", "+grid4~3+grid4~2", "+grid8~3+grid8~2",
    "+grid4~3+grid4~2+grid2~1+grid1", ALL_BLOCKS, f"{ALL_BLOCKS}+std~3+std~2+std~1+std",
    EARLY_BILINEAR, f"{EARLY_BILINEAR}+bilinear~1", f"{EARLY_BILINEAR}+bilinear~1+bilinear",
    f"{EARLY_BILINEAR}+grid4~3+grid4~2",
)  # fmt: skip
"""+grid1 is also the embedding of a network that pools by the mean, as those of the evidence do."""
BLOCKS = ("", "+grid1~1", "+grid1~2", "+grid1~1+grid1", "+grid1~2+grid1~1+grid1", ALL_BLOCKS)
DENSE_FEATURES = (*BLOCKS, *(f"{blocks}+shift" for blocks in BLOCKS), f"+grid1~4{ALL_BLOCKS}+shift")
PIXEL_DENSE_FEATURES = ("", "+shift")
NUM_NEIGHBORS = (1, 5, 10, 20, 50)
RULES: tuple[Rule, ...] = ("softmax", "plurality", "distance", "rank")
MOST_CHOOSING = 5000
DENSE_SIZE_PX, DENSE_GRID = 224, 112
CONDITIONS = Conditions(batch_size=256, pictures=False)
NUMBERED_IN_ORDER = {"grocery81": 20}
"""Sets whose file names number the photographs as they were taken: nearer than this are photographs of one moment."""

Floats = npt.NDArray[np.floating]


class Choice(NamedTuple):
    """How images are shown and read (@SIZE and features), k and rule; k is 0 where nothing votes."""

    shown: str
    k: int = 0
    rule: Rule = "softmax"

    def __str__(self) -> str:
        return f"{self.shown[1:]}, k = {self.k}, {self.rule}" if self.k else self.shown[1:]


def choose(spec: str, name: str, run: Path) -> Choice:
    """The best choice of an encoder on the train split of a set; kept in ``RUN/choices.json``."""
    if name == TRIPLET_SET:
        return choose(spec, NEAREST_TO_TRIPLETS, run)
    path = run / "choices.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    key = f"{load_encoder(spec).card().fingerprint} {name}"
    if key not in known:
        scores = dense_scores(spec) if name == DENSE_SET else held_out_accuracies(spec, name)
        best = max(scores, key=lambda choice: scores[choice])
        known[key] = {"encoder": spec, "set": name, "choice": best, "score": scores[best]}
        write_json(path, known)
    return Choice(*known[key]["choice"])


def dense_scores(spec: str) -> dict[Choice, float]:
    """Mean R2 on the train split of the segmentation set, for each selection of blocks."""
    images = find_masked_dataset(DENSE_SET).train
    found = {}
    plain = load_encoder(f"{spec}@{DENSE_SIZE_PX}")
    for features in PIXEL_DENSE_FEATURES if spec in PIXEL_ENCODERS else DENSE_FEATURES:
        encoder = FeatureEncoder(plain, features) if features else plain
        shares = ExplainedShares("corrected", 1, 0)
        for batch in dense_batches(encoder, images, CONDITIONS, square="crop", grid=DENSE_GRID):
            colors = pca_colors(batch.tokens, DENSE_GRID).cpu().flatten(1, 2)
            shares.add([images.uris[position] for position in batch.positions], colors, batch.masks)
        found[Choice(f"@{DENSE_SIZE_PX}{features}")] = float(np.mean(shares.values["pca_r2"]))
    return found


def held_out_accuracies(spec: str, name: str) -> dict[Choice, float]:
    """Accuracy of every candidate where a part of the train split asks the rest."""
    images = find_dataset(name).train
    if len(images) > MOST_CHOOSING:
        images = images.subset(MOST_CHOOSING)
    votings = [Voting(rule=rule) for rule in RULES]
    found = {}
    for size_px in SIZES_PX:
        for features, values in candidates(f"{spec}@{size_px}", images):
            neighbors, labels = train_neighbors(name, values, images)
            for row in sweep(neighbors, labels, num_neighbors=NUM_NEIGHBORS, votings=votings):
                found[Choice(f"@{size_px}{features}", row.k, row.voting.rule)] = row.top1_accuracy
    return found


def candidates(spec: str, images: LabelledImages) -> Iterator[tuple[str, Floats]]:
    """Features -> embeddings (N, D) of unit length, of all that this encoder can take at its size."""
    plain = load_encoder(spec)
    if spec.partition("@")[0] in PIXEL_ENCODERS:
        yield "", extract(plain, images, batch_size=CONDITIONS.batch_size).values
        return
    possible = [features for features in FEATURES if _can_take(plain, features)]
    parts = list(dict.fromkeys(part for features in possible for part in _parts(features)))
    for white in ("", "+white"):
        encoder = FeatureEncoder(plain, "".join(parts) + white)
        values = extract(encoder, images, batch_size=CONDITIONS.batch_size).values
        ends = list(accumulate(encoder.lengths, initial=0))
        columns = dict(zip(parts, (values[:, a:b] for a, b in pairwise(ends)), strict=True))
        for features in possible:
            joined = np.concatenate([columns[part] for part in _parts(features)], axis=1)
            yield features + white, joined / np.linalg.norm(joined, axis=1, keepdims=True)


def _can_take(encoder: Encoder, features: str) -> bool:
    with contextlib.suppress(UserError):  # too few patch tokens for the grid
        FeatureEncoder(encoder, features)
        return True
    return False


def _parts(features: str) -> list[str]:
    return re.findall(r"\+[^+]+", features)


def train_neighbors(name: str, values: Floats, images: LabelledImages) -> tuple[Neighbors, npt.NDArray[np.int64]]:
    """Neighbours, and the true labels of those that ask, within a train split."""
    labels = images.labels
    if name in NUMBERED_IN_ORDER:
        return _neighbors_of_other_moments(values, labels, _numbers(images), NUMBERED_IN_ORDER[name])
    asks = asking(name, labels)
    found = exact_search(values[asks], values[~asks], max(NUM_NEIGHBORS), labels=labels[~asks])
    return found, labels[asks]


def _neighbors_of_other_moments(
    values: Floats, labels: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64], distance: int
) -> tuple[Neighbors, npt.NDArray[np.int64]]:
    """Each image asks all but those of its class numbered within `distance`, if another of its class is left."""
    same = labels[:, None] == labels
    near = same & (np.abs(numbers[:, None] - numbers) <= distance)
    asks = (same & ~near).any(axis=1)
    similarities = np.where(near[asks], -np.inf, values[asks].astype(np.float64) @ values.T.astype(np.float64))
    order = np.argsort(-similarities, axis=1, kind="stable")[:, : max(NUM_NEIGHBORS)]
    found = Neighbors(ids=order, labels=labels[order], similarities=np.take_along_axis(similarities, order, axis=1))
    return found, labels[asks]


def _numbers(images: LabelledImages) -> npt.NDArray[np.int64]:
    """The number at the end of each file's name."""
    return np.array([int(re.findall(r"\d+", Path(uri).stem)[-1]) for uri in images.uris])


def asking(name: str, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which images of a train split are held out to ask the others."""
    return held_out(labels, generator(0, "evidence", "held-out fifth", name))


def held_out_fifth(name: str) -> Dataset:
    """The train split of a set as a memory of four fifths and the held-out fifth that asks."""
    dataset = find_dataset(name)
    asks = asking(name, dataset.train.labels)
    memory, queries = (dataset.train.select(np.flatnonzero(part)) for part in (~asks, asks))
    return dataclasses.replace(dataset, train=memory, val=queries)
