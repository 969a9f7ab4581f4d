"""What a memory's answers are worth: reliability and hit rate of neighbours, calibration, novelty.

The maths is `memory.reliability`, `memory.calibration` and `memory.novelty`; here are data, standard errors, values per
query and pictures.

Letters: N entries, Q queries, K neighbours.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from eval.figures import CurvePanel, curves
from eval.statistics import auroc_standard_error
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import Embedded, embed_dataset, embed_images, mean_score
from memory.calibration import NUM_BINS, calibration
from memory.neighbors import Neighbors
from memory.novelty import auroc, fit_gaussians, gaussian_novelty, neighbor_novelty
from memory.reliability import reliability, right_neighbors
from memory.search import exact_search
from memory.voting import Rule, vote
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError

DEEPEST = 100
"""Neighbours of the studies by rank; the papers' number."""

NUM_RESAMPLES = 500
"""Enough for a standard error (to 3 %); intervals need more."""


def search(embedded: Embedded, k: int, device: str) -> Neighbors:
    """The k nearest entries of the queries, or all of fewer."""
    entries, labels = embedded.train.values, embedded.train.labels
    return exact_search(embedded.val.values, entries, min(k, len(labels)), labels=labels, device=device)


def curve_picture(panels: Sequence[CurvePanel]) -> Image.Image:
    """Panels of curves as a picture."""
    return Image.open(io.BytesIO(curves(panels)))


def bootstrap_error(
    statistic: Callable[[npt.NDArray[np.int64]], float], count: int, chance: np.random.Generator
) -> float:
    """Standard error of a number that is no mean over cases: its spread over resampled cases.

    Args:
        statistic: of the rows of a resample.
        count: cases.
        chance: draws the resamples.
    """
    return float(np.std([statistic(chance.integers(0, count, count)) for _ in range(NUM_RESAMPLES)], ddof=1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReliabilityTask:
    """How often the neighbour of each rank is right, and how often one of the first is (Geirhos et al. 2024).

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        ranks: shown ranks, 1 is the nearest.
    """

    kind: ClassVar[str] = "reliability"
    dataset: str
    ranks: Sequence[int] = (1, 2, 5, 10, 20, 50, 100)

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Search once, compare every neighbour's class.

        Raises:
            UserError: as the data set and the encoder do, or if no rank is within the memory.
        """
        embedded = embed_dataset(self.dataset, encoder, conditions)
        neighbors = search(embedded, max(self.ranks, default=1), conditions.device)
        shown = [rank for rank in self.ranks if 1 <= rank <= neighbors.num_neighbors]
        if not shown:
            raise UserError(f"none of the ranks {list(self.ranks)} is within 1 to {neighbors.num_neighbors}")
        found = reliability(neighbors, embedded.val.labels)
        is_right, _ = right_neighbors(neighbors, embedded.val.labels)
        any_right = np.logical_or.accumulate(is_right, axis=1)
        fit = None if found.log_fit is None else dataclasses.asdict(found.log_fit)
        columns = {"hit_rate": any_right, "neighbor_accuracy": is_right}
        scores = [
            mean_score(
                metric,
                flags[:, rank - 1],
                embedded.val.uris,
                {"rank": rank, "log_fit": fit, **embedded.facts()},
                is_headline=rank == shown[-1],
            )
            for metric, flags in columns.items()
            for rank in shown
        ]
        pictures = {}
        if conditions.pictures:
            ranks = np.arange(1, neighbors.num_neighbors + 1).tolist()
            measured, fitted = found.accuracy.tolist(), found.fitted().tolist()
            pictures["reliability"] = curve_picture(
                [
                    CurvePanel(
                        title="class of the r-th neighbour is right",
                        x_label="rank r (1: nearest)",
                        series={"measured": (ranks, measured), "a ln(r) + b": (ranks, fitted)},
                    ),
                    CurvePanel(
                        title="one of the first r is right",
                        x_label="rank r",
                        series={"hit rate": (ranks, found.hit_rate.tolist())},
                    ),
                ]
            )
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CalibrationTask:
    """Does a vote's share say how often it is right?

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        rules: of voting, at `k`; the plurality share over 100 neighbours, the paper's confidence, comes beside them.
        k: neighbours that vote.
        num_bins: of the diagram.
    """

    kind: ClassVar[str] = "calibration"
    dataset: str
    rules: Sequence[Rule] = ("softmax",)
    k: int = 20
    num_bins: int = NUM_BINS

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Vote, and hold confidence against accuracy; raises `UserError` as the data set and the encoder do."""
        embedded = embed_dataset(self.dataset, encoder, conditions)
        deep = search(embedded, max(DEEPEST, self.k), conditions.device)
        confidences: list[tuple[Rule, int]] = [("plurality", min(DEEPEST, deep.num_neighbors))]
        confidences += [(rule, min(self.k, deep.num_neighbors)) for rule in self.rules]
        scores: list[Score] = []
        series: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
        for rule, k in confidences:
            votes = vote(deep.first(k), num_classes=embedded.num_classes, voting=rule)
            right, confidence = embedded.dataset.val.is_correct(votes.predictions), votes.confidence()
            found = calibration(confidence, right, num_bins=self.num_bins)
            scores += self._scores(confidence, right, votes.margins(), {"rule": rule, "k": k}, conditions.seed)
            filled = found.counts > 0
            series[f"{rule}, k = {k}"] = (found.confidence[filled].tolist(), found.accuracy[filled].tolist())
        scores[0] = dataclasses.replace(scores[0], is_headline=True)
        series["perfect"] = ([0.0, 1.0], [0.0, 1.0])
        panel = CurvePanel(title="accuracy by confidence", x_label="confidence", series=series)
        pictures = {"calibration": curve_picture([panel])} if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)

    def _scores(
        self,
        confidence: npt.NDArray[np.float64],
        right: npt.NDArray[np.bool_],
        margins: npt.NDArray[np.float64],
        config: dict[str, object],
        seed: int,
    ) -> list[Score]:
        """Expected calibration error, and where some are right and some wrong, how well the margin tells them apart."""

        def error_of(rows: npt.NDArray[np.int64]) -> float:
            return calibration(confidence[rows], right[rows], num_bins=self.num_bins).expected_error

        whole = calibration(confidence, right, num_bins=self.num_bins)
        chance = generator(seed, "calibration", str(config["rule"]))
        scores = [
            Score(
                metric="expected_calibration_error",
                value=whole.expected_error,
                n=len(right),
                standard_error=bootstrap_error(error_of, len(right), chance),
                config={**config, "accuracy": float(right.mean()), "mean_confidence": float(confidence.mean())},
            )
        ]
        if 0 < right.sum() < len(right):
            scores.append(
                Score(
                    metric="margin_auroc",
                    value=auroc(margins[~right], margins[right]),
                    n=len(right),
                    standard_error=auroc_standard_error(margins[~right], margins[right]),
                    config=dict(config),
                )
            )
        return scores


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoveltyTask:
    """Are queries of unknown classes told from those of known ones (AUROC, chance is 0.5)?

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        novel_dataset: another set whose queries are the novel ones (NINCO for ImageNet); None takes half of the
            classes, drawn by the seed, out of the memory.
        k: neighbours of the scores.
    """

    kind: ClassVar[str] = "novelty"
    dataset: str
    novel_dataset: str | None = None
    k: int = 20

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Score every query by every measure of novelty.

        Raises:
            UserError: as the data sets and the encoder do, or if there are no known or no novel queries.
        """
        embedded = embed_dataset(self.dataset, encoder, conditions)
        entries, labels, queries, is_novel = self._parts(embedded, encoder, conditions)
        if is_novel.all() or not is_novel.any() or not len(entries):
            raise UserError(f"novelty on {self.dataset} needs entries, and queries of known and of novel classes")
        neighbors = exact_search(queries, entries, min(self.k, len(labels)), labels=labels, device=conditions.device)
        novelty = {
            "nearest": neighbor_novelty(neighbors.first(1)),
            "kth": neighbor_novelty(neighbors),
            "mean": neighbor_novelty(neighbors, aggregate="mean"),
        }
        counts = np.unique(labels, return_counts=True)[1]
        if counts.max() > 1:
            novelty["gaussians_one_covariance"] = gaussian_novelty(fit_gaussians(entries, labels, pooled=True), queries)
        if counts.min() > 2:
            novelty["gaussian_for_each_class"] = gaussian_novelty(fit_gaussians(entries, labels), queries)
        scores = [
            Score(
                metric="novelty_auroc",
                value=auroc(values[~is_novel], values[is_novel]),
                n=len(values),
                standard_error=auroc_standard_error(values[~is_novel], values[is_novel]),
                config={
                    "score": name,
                    "k": neighbors.num_neighbors,
                    "memory_size": len(labels),
                    "known": int((~is_novel).sum()),
                    "novel": int(is_novel.sum()),
                },
                is_headline=name == "kth",
            )
            for name, values in novelty.items()
        ]
        return Outcome(dataset=embedded.description, scores=tuple(scores))

    def _parts(
        self, embedded: Embedded, encoder: Encoder, conditions: Conditions
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Entries (N, D), their labels, queries (Q, D), and which of these are novel."""
        train, val = embedded.train, embedded.val
        if self.novel_dataset is None:
            drawn = generator(conditions.seed, "novelty").permutation(np.unique(train.labels))
            known = drawn[: len(drawn) // 2]
            inside = np.isin(train.labels, known)
            return train.values[inside], train.labels[inside], val.values, ~np.isin(val.labels, known)
        from eval.datasets import find_dataset

        novel_images = find_dataset(self.novel_dataset).val.subset(conditions.max_val, conditions.seed)
        novel, _ = embed_images(novel_images, encoder, conditions)
        queries = np.concatenate([val.values, novel.values])
        return train.values, train.labels, queries, np.arange(len(queries)) >= len(val.values)
