"""Cost: what can be known without a clock. Run: pytest tests/eval/tasks/test_cost.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.task import Conditions
from eval.tasks import cost
from eval.tasks.cost import CostTask, median_score, num_parameters, peak_bytes, timed
from pretrain.encoder import load_encoder
from procmem.errors import UserError


def test_sizes_by_hand_and_every_time_above_zero(color_folder: Path) -> None:
    outcome = CostTask(dataset=str(color_folder), k=3, repeats=2).measure(load_encoder("pixels"), Conditions())
    by_metric = {s.metric: s for s in outcome.scores}
    assert by_metric["embedding_bytes_per_image"].value == 4 * 768
    assert by_metric["embedding_bytes_per_image"].config["all_entries"] == 4 * 768 * 12
    assert by_metric["linear_bytes"].value == 4 * 3 * 769
    assert by_metric["store_bytes_per_image"].value > 4 * 768
    for metric in ("probe_fit_seconds", "memory_build_seconds", "linear_seconds_per_query", "memory_seconds_per_query"):
        assert by_metric[metric].value > 0
        assert by_metric[metric].n == 2
    inference = by_metric["memory_over_linear_inference"]
    assert inference.is_headline
    assert inference.value == pytest.approx(
        by_metric["memory_seconds_per_query"].value / by_metric["linear_seconds_per_query"].value
    )
    training = [s for s in outcome.scores if s.metric == "linear_over_memory_training"]
    assert [s.config["calculated"] for s in training] == [False, True]
    build = by_metric["memory_build_seconds"].value
    embedding = by_metric["embedding_seconds"].value
    assert training[1].value == pytest.approx(100 * embedding / (embedding + build))
    assert "encoder_parameters" not in by_metric


def test_times_of_answers_are_for_one_query(color_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "timed", lambda *_: np.array([12.0, 18.0, 30.0]))
    outcome = CostTask(dataset=str(color_folder), k=3).measure(load_encoder("pixels"), Conditions())
    found = {score.metric: score.value for score in outcome.scores}
    assert found["probe_fit_seconds"] == found["memory_build_seconds"] == 18
    assert found["linear_seconds_per_query"] == found["memory_seconds_per_query"] == 3  # six queries


def test_a_median_with_its_error_and_the_memory_of_a_step() -> None:
    score = median_score("m", np.array([1.0, 2.0, 9.0]), {})
    assert score.value == 2
    assert score.standard_error == pytest.approx(np.std([1, 2, 9], ddof=1) * (np.pi / 2 / 3) ** 0.5)
    assert 8_000_000 <= peak_bytes(lambda: np.zeros(1_000_000)) < 8_100_000
    calls: list[int] = []
    assert len(timed(lambda: calls.append(1), 3)) == 3
    assert len(calls) == 4


def test_parameters_of_a_network_are_counted() -> None:
    encoder = load_encoder("random:vit_tiny_patch16_224", image_size_px=32)
    # 5,717,416 as published, without the classifier (192 x 1000 + 1000), positions for 5 tokens instead of 197
    assert num_parameters(encoder) == 5_717_416 - 193_000 - 192 * 192


def test_a_single_repeat_is_refused(color_folder: Path) -> None:
    with pytest.raises(UserError, match="two repeats"):
        CostTask(dataset=str(color_folder), repeats=1).measure(load_encoder("pixels"), Conditions())
