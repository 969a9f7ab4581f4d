"""Reliability, calibration and novelty as tasks. Run: pytest tests/eval/tasks/test_memory_quality.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from eval.task import Conditions
from eval.tasks.embedded import embed_dataset
from eval.tasks.memory_quality import CalibrationTask, NoveltyTask, ReliabilityTask, bootstrap_error
from memory.search import exact_search
from pretrain.encoder import load_encoder
from procgen.seeds import generator
from procmem.errors import UserError

QUIET = Conditions(pictures=False)


def test_reliability_and_hit_rate_by_counting(color_folder: Path) -> None:
    encoder = load_encoder("pixels")
    outcome = ReliabilityTask(dataset=str(color_folder), ranks=(1, 4, 5, 500)).measure(encoder, Conditions())
    embedded = embed_dataset(str(color_folder), encoder, QUIET)
    order = np.argsort(-(embedded.val.values @ embedded.train.values.T), axis=1, kind="stable")
    is_right = embedded.train.labels[order] == embedded.val.labels[:, None]
    scores = {(s.metric, s.config["rank"]): s for s in outcome.scores}
    assert set(scores) == {(m, r) for m in ("hit_rate", "neighbor_accuracy") for r in (1, 4, 5)}
    for rank in (1, 4, 5):
        assert scores["neighbor_accuracy", rank].value == is_right[:, rank - 1].mean()
        assert scores["hit_rate", rank].per_case == pytest.approx(is_right[:, :rank].any(axis=1).astype(float))
    assert outcome.pictures["reliability"].width > 400
    with pytest.raises(UserError, match="none of the ranks"):
        ReliabilityTask(dataset=str(color_folder), ranks=(40,)).measure(encoder, QUIET)


def test_calibration_reports_the_error_of_each_confidence(color_folder: Path) -> None:
    outcome = CalibrationTask(dataset=str(color_folder), k=4, rules=("softmax",)).measure(
        load_encoder("histogram"), Conditions()
    )
    first = outcome.scores[0]
    # all 12 entries vote: 4 of each class tie, the nearest class wins with a share of 1/3, and every answer is right
    assert (first.metric, first.config["rule"], first.config["k"]) == ("expected_calibration_error", "plurality", 12)
    assert first.config["accuracy"] == 1.0
    assert first.value == pytest.approx(2 / 3)
    assert first.standard_error == pytest.approx(0, abs=1e-9)
    assert first.is_headline
    assert [s.metric for s in outcome.scores].count("margin_auroc") == 0  # nothing is wrong, nothing to tell apart
    assert "calibration" in outcome.pictures


def test_novelty_takes_half_of_the_classes_out(color_folder: Path) -> None:
    encoder = load_encoder("histogram")
    outcome = NoveltyTask(dataset=str(color_folder), k=2).measure(encoder, QUIET)
    embedded = embed_dataset(str(color_folder), encoder, QUIET)
    known = generator(0, "novelty").permutation(np.arange(3))[:1]
    inside = np.isin(embedded.train.labels, known)
    found = exact_search(embedded.val.values, embedded.train.values[inside], 2)
    is_novel = ~np.isin(embedded.val.labels, known)
    by_name = {s.config["score"]: s for s in outcome.scores}
    assert by_name["kth"].value == pytest.approx(roc_auc_score(is_novel, 1 - found.similarities[:, -1]))
    assert by_name["nearest"].config["memory_size"] == 4
    assert by_name["kth"].is_headline
    assert by_name["kth"].value == 1.0


def test_another_data_set_can_be_the_novel_one(color_folder: Path) -> None:
    grey = color_folder.parent / "grey"
    for split in ("train", "val"):
        (grey / split / "grey").mkdir(parents=True)
        for level in (90, 120):
            Image.new("RGB", (20, 20), (level, level, level)).save(grey / split / "grey" / f"{level}.png")
    task = NoveltyTask(dataset=str(color_folder), novel_dataset=str(grey), k=1)
    scores = task.measure(load_encoder("histogram"), QUIET).scores
    assert {s.value for s in scores if s.config["score"] in ("nearest", "kth", "mean")} == {1.0}
    assert (scores[0].config["known"], scores[0].config["novel"], scores[0].n) == (6, 2, 8)
    with pytest.raises(UserError, match="known and of novel classes"):
        NoveltyTask(dataset=str(grey)).measure(load_encoder("histogram"), QUIET)


def test_a_bootstrapped_error_of_a_mean_is_its_standard_error() -> None:
    values = generator(0, "values").normal(size=300)
    error = bootstrap_error(lambda rows: float(values[rows].mean()), 300, generator(1, "draws"))
    assert error == pytest.approx(values.std() / 300**0.5, rel=0.1)
