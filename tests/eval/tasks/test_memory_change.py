"""Growing, pruning, corruption and scaling as tasks. Run: pytest tests/eval/tasks/test_memory_change.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from eval.task import Conditions
from eval.tasks.embedded import embed_dataset
from eval.tasks.memory_change import LabelCorruptionTask, LifelongTask, PruningTask, ScalingTask
from memory.corruption import corruption_curve
from memory.lifelong import by_group, follow
from memory.scaling import measure_scaling
from memory.search import exact_search
from pretrain.encoder import load_encoder
from procgen.seeds import generator
from procmem.errors import UserError

QUIET = Conditions(pictures=False)


def test_a_class_that_comes_in_later_moves_the_old_ones_by_so_much(hard_folder: Path) -> None:
    encoder = load_encoder("pixels")
    outcome = LifelongTask(dataset=str(hard_folder), k=1).measure(encoder, Conditions())
    by_metric = {s.metric: s for s in outcome.scores}
    embedded = embed_dataset(str(hard_folder), encoder, QUIET)
    train, val = embedded.train, embedded.val
    order = generator(0, "lifelong", "classes").permutation(3).tolist()
    known, right = [], []
    for count in (1, 2, 3):
        inside = np.isin(train.labels, order[:count])
        nearest = exact_search(val.values, train.values[inside], 1, labels=train.labels[inside]).labels[:, 0]
        known.append((nearest == val.labels)[np.isin(val.labels, order[:count])].mean())
    assert by_metric["average_incremental_accuracy"].value == pytest.approx(np.mean(known))
    old = val.labels != order[0]
    for inside in (train.labels != order[0], np.ones(15, bool)):
        nearest = exact_search(val.values, train.values[inside], 1, labels=train.labels[inside]).labels[:, 0]
        right.append(nearest == val.labels)
    drift = by_metric["drift_of_old_classes"]
    assert drift.per_case == pytest.approx(right[1][old].astype(float) - right[0][old])
    assert drift.n == 8
    assert drift.value < 0  # a new class takes answers away here
    assert by_metric["accuracy_of_new_classes"].value == right[1][~old].mean()
    assert "lifelong" in outcome.pictures


def test_samples_come_in_class_by_class_down_to_one(color_folder: Path) -> None:
    scores = (
        LifelongTask(dataset=str(color_folder), schedule="samples", k=1)
        .measure(load_encoder("histogram"), QUIET)
        .scores
    )
    assert [s.config["most_entries_a_class"] for s in scores] == [4, 3, 2, 1]
    assert [s.config["memory_size"] for s in scores] == [12, 9, 6, 3]
    assert [s.is_headline for s in scores] == [True, False, False, False]
    assert scores[0].value == 1.0


def test_pruning_reports_every_definition_at_a_fixed_and_at_the_best_k(color_folder: Path) -> None:
    scores = PruningTask(dataset=str(color_folder), k=3).measure(load_encoder("pixels"), QUIET).scores
    names = [(s.config["pruning"], s.config.get("harm"), s.config["selection"]) for s in scores]
    kinds = (("none", None), ("hard", "code"), ("soft", "code"), ("hard", "text"), ("soft", "text"))
    assert names == [(*kind, selection) for kind in kinds for selection in ("fixed", "best_on_val")]
    for fixed, best in zip(scores[::2], scores[1::2], strict=True):
        assert fixed.config["k"] == 3
        assert best.value >= fixed.value
    assert scores[2].value == scores[0].value  # nobody does harm 128 times in a memory of 12
    assert scores[2].config["touched"] == 0
    # at k = 11 every entry is a neighbour of the 8 others of other classes: all are weighed down alike
    assert scores[4].config["touched"] == 12
    assert scores[4].per_case == pytest.approx(scores[0].per_case)


def test_corruption_is_the_memorys_own_curve(color_folder: Path) -> None:
    encoder = load_encoder("histogram")
    outcome = LabelCorruptionTask(dataset=str(color_folder), shares=(0.0, 0.6, 0.9), k=5).measure(encoder, Conditions())
    embedded = embed_dataset(str(color_folder), encoder, QUIET)
    labels = embedded.train.labels
    expected = corruption_curve(
        exact_search(embedded.val.values, embedded.train.values, 5, labels=labels),
        embedded.val.labels, np.arange(12), labels,
        num_classes=3, rng=generator(0, "label_corruption"), shares=(0.0, 0.6, 0.9),
    )  # fmt: skip
    assert [s.value for s in outcome.scores] == expected.tolist()
    assert [s.is_headline for s in outcome.scores] == [False, True, False]
    assert outcome.scores[0].value == 1.0 > outcome.scores[2].value


def test_scaling_is_the_memorys_own_law(color_folder: Path) -> None:
    encoder = load_encoder("pixels")
    outcome = ScalingTask(dataset=str(color_folder), sizes=(2, 4, 12), k=1).measure(encoder, Conditions())
    embedded = embed_dataset(str(color_folder), encoder, QUIET)
    train, val = embedded.train, embedded.val
    law = measure_scaling(
        val.values, val.labels, train.values, train.labels, sizes=(2, 4, 12), k=1, rng=generator(0, "scaling")
    )
    accuracies = [s.value for s in outcome.scores if s.metric == "top1_accuracy"]
    assert accuracies == pytest.approx(1 - law.error_percent / 100)
    slopes = [s for s in outcome.scores if s.metric == "scaling_slope"]
    assert [s.value for s in slopes] == ([] if law.line is None else [pytest.approx(law.line.slope)])
    assert "scaling" in outcome.pictures


def test_a_memory_too_small_to_change_is_refused(color_folder: Path) -> None:
    encoder, one = load_encoder("pixels"), dataclasses.replace(QUIET, max_train=1)
    with pytest.raises(UserError, match="two classes or more"):
        LifelongTask(dataset=str(color_folder)).measure(encoder, one)
    with pytest.raises(UserError, match="two entries or more"):
        PruningTask(dataset=str(color_folder)).measure(encoder, one)
    with pytest.raises(UserError, match="has no sizes"):
        ScalingTask(dataset=str(color_folder)).measure(encoder, one)
    with pytest.raises(UserError, match="unknown schedule"):
        LifelongTask(dataset=str(color_folder), schedule="owners").measure(encoder, QUIET)  # type: ignore[arg-type]


def test_growing_by_classes_names_the_steps(color_folder: Path) -> None:
    score = LifelongTask(dataset=str(color_folder), k=3).measure(load_encoder("histogram"), QUIET).scores[0]
    assert score.config["classes"] == [1, 2, 3]
    steps = by_group([0, 0, 1], [1, 0])
    curve = follow(
        np.eye(3, dtype=np.float32), np.zeros(3, int), np.eye(3, dtype=np.float32), np.array([0, 0, 1]), steps, k=1
    )
    assert curve.num_entries.tolist() == [1, 3]
