"""Studies of what a memory knows: each a table with curves, measured on one memory and one set of queries.

Every study draws its randomness from its own name and the seed, so it gives the same numbers alone or among others.

Letters: N entries, Q queries, S steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eval.figures import CurvePanel
from memory.calibration import calibration
from memory.level_decisions import decide_by_level, finest_name, rising_tide
from memory.mask import Mask, excluding
from memory.neighbors import Neighbors
from memory.novelty import auroc, fit_gaussians, gaussian_novelty, neighbor_novelty
from memory.pruning import HARD_THRESHOLD, NUM_NEIGHBORS, Harm, count_harm, hard_mask, prune, soft_weights
from memory.reliability import reliability
from memory.search import ExactSearch
from memory.sweep import sweep
from memory.voting import Rule, vote
from procmem.change_studies import study_classes, study_corruption, study_owners, study_samples, study_scaling
from procmem.errors import UserError, unknown_name
from procmem.study_findings import DEEPEST, Study, points
from procmem.study_subject import Subject


def study_reliability(subject: Subject) -> Study:
    """Accuracy of the neighbour of each rank with its log fit, and the hit rate."""
    found = reliability(subject.search(DEEPEST), subject.query_labels)
    ranks = np.arange(1, len(found.accuracy) + 1)
    shown = [rank for rank in (1, 2, 3, 5, 10, 20, 50, 100) if rank <= len(ranks)]
    fitted = found.fitted()
    fit = None if found.log_fit is None else dataclasses.asdict(found.log_fit)
    return Study(
        title="reliability of neighbours by rank",
        header=("rank", "accuracy", "log fit", "hit rate"),
        rows=[(r, float(found.accuracy[r - 1]), float(fitted[r - 1]), float(found.hit_rate[r - 1])) for r in shown],
        panels=[
            CurvePanel(
                title="class of the r-th neighbour is right",
                x_label="rank r (1: nearest)",
                series={
                    "measured": points(ranks, found.accuracy),
                    "a ln(r) + b": points(ranks, fitted),
                },
            ),
            CurvePanel(
                title="one of the first r is right",
                x_label="rank r",
                series={"hit rate": points(ranks, found.hit_rate)},
            ),
        ],
        numbers={"log_fit": fit},
    )


def study_calibration(subject: Subject) -> Study:
    """Confidence against accuracy: plurality share over the deepest lists, share and margin of the chosen rule."""
    deep = subject.search(DEEPEST)
    votings: dict[str, tuple[Neighbors, Rule]] = {
        f"plurality share, k = {deep.num_neighbors}": (deep, "plurality"),
        f"{subject.rule} share, k = {subject.k}": (deep.first(min(subject.k, deep.num_neighbors)), subject.rule),
    }
    rows: list[tuple[Any, ...]] = []
    series, numbers = {}, {}
    for name, (neighbors, rule) in votings.items():
        votes = vote(neighbors, num_classes=len(subject.class_names), voting=rule)
        right = votes.predictions == subject.query_labels
        found = calibration(votes.confidence(), right)
        wrong_margins, right_margins = votes.margins()[~right], votes.margins()[right]
        separation = auroc(wrong_margins, right_margins) if 0 < right.sum() < len(right) else None
        rows.append((name, float(right.mean()), float(votes.confidence().mean()), found.expected_error, separation))
        filled = found.counts > 0
        series[name] = points(found.confidence[filled], found.accuracy[filled])
        numbers[name] = found.to_dict()
    series["perfect"] = ([0.0, 1.0], [0.0, 1.0])
    return Study(
        title="calibration, 15 bins of equal width; last column: AUROC of the margin for right against wrong answers",
        header=("confidence", "accuracy", "mean confidence", "ECE", "margin AUROC"),
        rows=rows,
        panels=[CurvePanel(title="accuracy by confidence", x_label="confidence", series=series)],
        numbers=numbers,
    )


def study_pruning(subject: Subject) -> Study:
    """Best accuracy over k up to 100 without pruning, hard, and soft, by both counts of harm; rule rank."""
    own_search = ExactSearch(subject.entries, ids=subject.ids, labels=subject.labels, device=subject.device)
    k = min(NUM_NEIGHBORS, len(subject.ids) - 1)
    own = own_search.search(subject.entries, k, allowed=Mask(exclusions=[excluding(subject.ids, subject.ids)]))
    found = subject.search(k)
    ks = list(range(1, k + 1))
    rows: list[tuple[Any, ...]] = []

    def measure(name: str, neighbors: Neighbors, num_pruned: int) -> None:
        best = max(sweep(neighbors, subject.query_labels, num_neighbors=ks, votings=["rank"]), key=_by_accuracy)
        at_k = sweep(neighbors, subject.query_labels, num_neighbors=[min(subject.k, k)], votings=["rank"])[0]
        rows.append((name, num_pruned, at_k.top1_accuracy, best.top1_accuracy, best.k))

    measure("none", found, 0)
    definitions: tuple[Harm, ...] = ("code", "text")
    for harm in definitions:
        counts = count_harm(own, subject.ids, subject.labels, harm=harm)
        kept = hard_mask(counts)
        measure(f"hard, v >= {HARD_THRESHOLD}, {harm}", prune(found, subject.ids, kept), int((~kept).sum()))
        weights = soft_weights(counts)
        measure(f"soft, {harm}", found.weighted(subject.ids, weights), int((weights < 1).sum()))
    return Study(
        title=f"pruning, harm counted at k = {k}, rule rank; the best k is picked on the queries, as in the paper",
        header=("pruning", "entries touched", f"accuracy, k = {min(subject.k, k)}", "best accuracy", "at k"),
        rows=rows,
    )


def study_levels(subject: Subject) -> Study:
    """Every class discovered example by example, right on each level; and the two ways to decide level by level."""
    if not subject.levels:
        raise UserError("the study 'levels' needs a memory with levels above its classes")
    shots = int(min(50, np.bincount(subject.labels).max()))
    numbers = [*(m for m in (0, 1, 2, 3, 5, 7, 10, 20) if m < shots), shots]
    tide = rising_tide(
        subject.queries, subject.query_labels, subject.entries, subject.labels, subject.levels,
        num_examples=numbers, rng=subject.rng("levels"), shots_per_class=shots, device=subject.device,
    )  # fmt: skip
    truths = {level.name: level.labels(subject.query_labels) for level in subject.levels} | {
        finest_name(subject.levels): subject.query_labels
    }
    neighbors, C = subject.search(subject.k), len(subject.class_names)
    ways: dict[str, dict[str, float]] = {}
    for way in ("each", "down"):
        answers = decide_by_level(neighbors, subject.levels, C, voting=subject.rule, way=way)
        ways[way] = {name: float(np.mean(answer == truths[name])) for name, answer in answers.items()}
    return Study(
        title=f"a class is discovered among others of {shots} entries at most, k = 1: accuracy by level",
        header=("examples", *tide),
        rows=[(m, *(float(column[row]) for column in tide.values())) for row, m in enumerate(numbers)],
        panels=[
            CurvePanel(
                title="rising tide",
                x_label="examples of the new class",
                series={name: points(numbers, column) for name, column in tide.items()},
            )
        ],
        numbers={"accuracy_level_by_level": ways},
    )


def study_novelty(subject: Subject) -> Study:
    """Half the classes are taken out of the memory: are their queries told from the others'?"""
    drawn = subject.rng("novelty").permutation(np.unique(subject.labels))
    known = np.sort(drawn[: len(drawn) // 2])
    inside, is_known = np.isin(subject.labels, known), np.isin(subject.query_labels, known)
    if not inside.any() or is_known.all() or not is_known.any():
        raise UserError("the study 'novelty' needs queries of two classes or more")
    entries, labels = subject.entries[inside], subject.labels[inside]
    neighbors = ExactSearch(entries, labels=labels, device=subject.device).search(
        subject.queries, min(subject.k, len(labels))
    )
    scores = {
        "distance to the nearest": neighbor_novelty(neighbors.first(1)),
        f"distance to neighbour {neighbors.num_neighbors}": neighbor_novelty(neighbors),
        f"mean over {neighbors.num_neighbors}": neighbor_novelty(neighbors, aggregate="mean"),
        "Gaussians, one covariance": gaussian_novelty(fit_gaussians(entries, labels, pooled=True), subject.queries),
    }
    if np.unique(labels, return_counts=True)[1].min() > 2:
        scores["Gaussian for each class"] = gaussian_novelty(fit_gaussians(entries, labels), subject.queries)
    return Study(
        title=f"novelty: {len(known)} of {len(drawn)} classes are known",
        header=("score", "AUROC"),
        rows=[(name, auroc(values[is_known], values[~is_known])) for name, values in scores.items()],
    )


STUDIES: dict[str, Callable[[Subject], Study]] = {
    "reliability": study_reliability,
    "calibration": study_calibration,
    "pruning": study_pruning,
    "classes": study_classes,
    "samples": study_samples,
    "owners": study_owners,
    "corruption": study_corruption,
    "scaling": study_scaling,
    "levels": study_levels,
    "novelty": study_novelty,
}


def chosen_studies(names: Sequence[str] | None, subject: Subject) -> list[str]:
    """The studies named, or all that this memory allows.

    Raises:
        UserError: for an unknown name.
    """
    for name in names or ():
        if name not in STUDIES:
            raise unknown_name("study", name, STUDIES)
    if names:
        return list(names)
    missing = ({"owners"} if None in subject.owners else set()) | (set() if subject.levels else {"levels"})
    return [name for name in STUDIES if name not in missing]


def _by_accuracy(row: Any) -> tuple[float, int]:
    return row.top1_accuracy, -row.k
