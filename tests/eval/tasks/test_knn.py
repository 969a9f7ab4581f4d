"""The kNN task: three ways to choose k side by side, and what is counted. Run: pytest tests/eval/tasks/test_knn.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.knn import KnnSettings, evaluate_knn
from eval.task import Conditions, results_of
from eval.tasks.embedded import embed_dataset
from eval.tasks.few_shot import FewShot
from eval.tasks.knn import PROTOCOL_NUM_NEIGHBORS, Knn
from eval.tasks.linear_probe import LinearProbe
from eval.tasks.registry import task_class
from pretrain.encoder import load_encoder
from procmem.errors import UserError

QUIET = Conditions(pictures=False)


def test_the_headline_is_chosen_on_the_memory_and_the_papers_number_stands_beside_it(color_folder: Path) -> None:
    task = Knn(dataset=str(color_folder), num_neighbors=(1, 3, 10), rules=("plurality", "softmax"))
    scores = task.measure(load_encoder("histogram"), QUIET).scores
    assert [s.config["selection"] for s in scores[:4]] == ["leave_one_out", "held_out", "best_on_val", "best_on_val"]
    assert [s.config["rule"] for s in scores[2:4]] == ["plurality", "softmax"]
    sweep = scores[4:]
    assert [(s.config["rule"], s.config["k"]) for s in sweep] == [
        ("plurality", 1), ("plurality", 3), ("plurality", 10), ("softmax", 1), ("softmax", 3), ("softmax", 10),
    ]  # fmt: skip
    assert [s.is_headline for s in scores] == [True] + [False] * 9
    assert scores[2].value == max(s.value for s in sweep[:3])
    assert scores[0].per_case is not None
    assert scores[0].per_case.mean() == scores[0].value
    assert scores[0].case_names[0] == "val/blue/0.png"


@pytest.mark.parametrize(
    "task",
    [
        Knn(dataset="", num_neighbors=(1, 3)),
        LinearProbe(dataset="", l2=(0.01,)),
        FewShot(dataset="", shots_per_class=(1,), draws=2),
    ],
)
def test_where_several_labels_count_any_of_them_is_right(
    task: Any, color_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = embed_dataset(str(color_folder), load_encoder("histogram"), QUIET)
    labels = found.dataset.val.labels.tolist()  # red counts everywhere, nothing else does for what is not red
    accepted = tuple((2,) if row % 2 else (0, 1, 2) for row in range(len(labels)))
    images = dataclasses.replace(found.dataset.val, accepted=accepted)
    found = dataclasses.replace(found, dataset=dataclasses.replace(found.dataset, val=images))
    for name in ("knn", "linear_probe", "few_shot"):
        monkeypatch.setattr(f"eval.tasks.{name}.embed_dataset", lambda *_: found)
    score = task.measure(load_encoder("histogram"), QUIET).scores[0]
    assert score.per_case is not None
    assert score.per_case.tolist() == [float(label == 2 or row % 2 == 0) for row, label in enumerate(labels)]


def test_the_papers_protocol_makes_its_number_the_headline_and_follows_its_ties(color_folder: Path) -> None:
    task = Knn(dataset=str(color_folder), num_neighbors=(1, 3), rules=("plurality",), protocol="paper")
    first = task.measure(load_encoder("histogram"), QUIET).scores[0]
    assert (first.config["selection"], first.is_headline) == ("best_on_val", True)
    assert task.settings(0).votings()[0].protocol == "paper"


def test_ties_go_to_the_nearest_or_as_in_the_paper_to_who_reaches_the_most_first() -> None:
    degrees = np.deg2rad([1, 2, 3, 4, 120, 121])
    entries = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    labels = np.array([0, 1, 1, 0, 0, 1])
    query = np.array([[1.0, 0.0]], np.float32)
    for protocol, expected in (("nearest", 0), ("paper", 1)):
        settings = KnnSettings(num_neighbors=(4,), rules=("plurality",), protocol=protocol)  # type: ignore[arg-type]
        found = evaluate_knn(entries, labels, query, np.array([0]), num_classes=2, settings=settings)
        assert found.predictions.tolist() == [expected]


def test_held_out_accuracy_by_hand() -> None:
    # 5 entries of each class in two far groups: whichever is held out, its class answers (k = 1), and at k = 8 the
    # four of each class that are left tie at 4 : 4, won by the nearest
    degrees = np.deg2rad([0, 1, 2, 3, 4, 90, 91, 92, 93, 94])
    entries = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    labels = np.repeat([0, 1], 5)
    settings = KnnSettings(num_neighbors=(1, 8), rules=("plurality",))
    found = evaluate_knn(entries, labels, entries, labels, num_classes=2, settings=settings)
    assert [score.held_out_accuracy for score in found.scores] == [1.0, 1.0]
    flipped = labels.copy()
    flipped[[0, 1, 2, 3, 4]] = [0, 1, 0, 1, 0]  # neighbours of the first group are of the other class at k = 1
    found = evaluate_knn(entries[:5], flipped[:5], entries, labels, num_classes=2, settings=settings)
    assert found.scores[0].held_out_accuracy == 0.0


def test_a_memory_of_single_images_has_no_held_out_choice() -> None:
    entries = np.eye(3, dtype=np.float32)
    labels = np.arange(3)
    found = evaluate_knn(
        entries, labels, entries, labels, num_classes=3, settings=KnnSettings(num_neighbors=(1,), rules=("softmax",))
    )
    assert found.chosen_held_out is None
    assert found.scores[0].held_out_accuracy is None


def test_a_class_that_the_memory_lacks_is_counted_as_wrong_and_told(
    color_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Knn(dataset=str(color_folder), num_neighbors=(1,), rules=("softmax",))
    outcome = task.measure(load_encoder("histogram"), dataclasses.replace(QUIET, max_train=2))
    assert outcome.scores[0].n == 6
    assert outcome.scores[0].value <= 4 / 6
    assert outcome.scores[0].config["queries_without_entries"] == 2
    assert "2 of 6 queries are of classes without a training image" in capsys.readouterr().err
    assert "(train: 2 of 12, by class, seed 0)" in outcome.dataset


def test_every_data_set_of_the_papers_has_their_k() -> None:
    assert Knn(dataset="food101").settings(0).num_neighbors == (10, 20, 100, 200)
    assert Knn(dataset="flowers102").settings(0).num_neighbors == (1, 2, 3, 4, 5, 10, 20, 100, 200)
    assert Knn(dataset="cifar10").settings(0).num_neighbors == KnnSettings().num_neighbors
    assert sum(name.endswith("mnist") for name in PROTOCOL_NUM_NEIGHBORS) == 10


def test_a_picture_shows_queries_with_neighbours_and_records_hold_all_settings(color_folder: Path) -> None:
    task = task_class("knn")(dataset=str(color_folder), num_neighbors=(1, 3), rules=("softmax",))  # type: ignore[call-arg]
    encoder = load_encoder("histogram")
    outcome = task.measure(encoder, Conditions())
    assert outcome.pictures["neighbours"].width > 500
    record = results_of(task, encoder, outcome, Conditions())[0]
    assert (record.task, record.headline) == ("knn", True)
    assert record.config["k"] in (1, 3)
    assert record.settings["rules"] == ["softmax"]


def test_k_beyond_the_memory_and_a_missing_data_set_are_refused(color_folder: Path) -> None:
    with pytest.raises(UserError, match=r"every k of \[50\] exceeds the 11 other entries"):
        Knn(dataset=str(color_folder), num_neighbors=(50,)).measure(load_encoder("histogram"), QUIET)
    with pytest.raises(UserError, match="no image folder"):
        Knn(dataset=str(color_folder / "nowhere")).measure(load_encoder("histogram"), QUIET)


def test_embeddings_that_are_no_numbers_are_refused() -> None:
    entries = np.eye(3, dtype=np.float32)
    entries[1, 1] = np.nan
    with pytest.raises(UserError, match="NaN"):
        evaluate_knn(entries, np.arange(3), np.eye(3, dtype=np.float32), np.arange(3), num_classes=3)
