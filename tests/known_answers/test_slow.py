"""The package against loops over the definitions and against libraries. Run: pytest tests/known_answers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import accuracy_score, roc_auc_score
from torchmetrics.classification import BinaryCalibrationError

from eval.knn import KnnSettings, evaluate_knn
from eval.linear_probe import ProbeSettings, fit_probes
from eval.statistics import holm, mcnemar_p_value, shared_standard_error
from eval.white_box import psnr
from memory.calibration import calibration
from memory.novelty import auroc
from memory.reliability import reliability
from memory.scaling import fit_scaling_law
from memory.search import exact_search
from memory.voting import Rule
from procgen.seeds import generator


def _slow() -> Any:
    spec = importlib.util.spec_from_file_location("slow", Path(__file__).with_name("slow.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


slow = _slow()


def points(count: int, seed: int, dimension: int = 4) -> np.ndarray:
    values = generator(seed, "points").normal(size=(count, dimension))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("rule", ["plurality", "distance", "softmax", "rank"])
def test_knn(rule: str) -> None:
    entries, queries = points(24, 1), points(15, 2)
    labels, truth = np.arange(24) % 3, np.arange(15) % 3
    settings = KnnSettings(num_neighbors=(1, 4, 9), rules=(cast(Rule, rule),))
    found = evaluate_knn(entries, labels, queries, truth, num_classes=3, settings=settings)
    E, Q = entries.astype(float).tolist(), queries.astype(float).tolist()
    for score in found.scores:
        own = (E, labels.tolist(), score.k, rule)
        assert score.top1_accuracy == pytest.approx(slow.knn_accuracy(Q, truth.tolist(), *own))
        assert score.leave_one_out_accuracy == pytest.approx(slow.leave_one_out_accuracy(*own))
    assert found.chosen.top1_accuracy == pytest.approx(accuracy_score(truth, found.predictions))
    ranks = reliability(exact_search(queries, entries, 5, labels=labels), truth)
    assert ranks.hit_rate == pytest.approx(
        [slow.hit_rate(Q, truth.tolist(), E, labels.tolist(), k) for k in (1, 2, 3, 4, 5)]
    )


def test_calibration() -> None:
    chance = generator(3, "confidence")
    confidence, correct = chance.uniform(size=200), chance.integers(0, 2, 200).astype(bool)
    found = calibration(confidence, correct, num_bins=15).expected_error
    assert found == pytest.approx(slow.expected_calibration_error(confidence.tolist(), correct.tolist(), 15))
    peer = BinaryCalibrationError(n_bins=15, norm="l1")(torch.from_numpy(confidence), torch.from_numpy(correct).long())
    assert found == pytest.approx(float(peer), abs=1e-6)


def test_auroc() -> None:
    chance = generator(4, "scores")
    known, novel = chance.normal(size=30).round(1), chance.normal(0.5, 1, 20).round(1)
    found = auroc(known, novel)
    assert found == pytest.approx(slow.auroc(known.tolist(), novel.tolist()))
    assert found == pytest.approx(roc_auc_score([0] * 30 + [1] * 20, np.concatenate([known, novel])))


def test_a_linear_probe_has_the_smallest_loss() -> None:
    entries, labels = points(30, 5), np.arange(30) % 3
    probe = fit_probes(entries, labels, num_classes=3, settings=ProbeSettings(l2=(0.05,), max_iterations=1000))[0]
    mean, deviation = entries.mean(0, dtype=float), entries.std(0, dtype=float)
    standard = ((entries - mean) / deviation).tolist()
    weight, bias = probe.weight * deviation[:, None], probe.bias + mean @ probe.weight
    best = slow.probe_loss(weight.tolist(), bias.tolist(), standard, labels.tolist(), 0.05)
    chance = generator(6, "steps")
    for _ in range(30):
        step = 0.05 * chance.normal(size=weight.shape)
        assert slow.probe_loss((weight + step).tolist(), bias.tolist(), standard, labels.tolist(), 0.05) > best
    away = slow.probe_loss(weight.tolist(), (bias + np.array([0.1, 0, 0])).tolist(), standard, labels.tolist(), 0.05)
    assert away > best


def test_statistics() -> None:
    chance = generator(7, "numbers")
    for only_a, only_b in ((0, 3), (5, 5), (9, 2), (1, 12)):
        assert mcnemar_p_value(only_a, only_b) == pytest.approx(slow.mcnemar(only_a, only_b))
    p_values = chance.uniform(0, 0.2, 7).tolist()
    assert holm(p_values) == pytest.approx(slow.holm(p_values))
    members = np.array([chance.choice(15, 3, replace=False) for _ in range(25)])
    values = chance.normal(size=25) + members.sum(1)
    expected = slow.shared_variance(values.tolist(), members.tolist())
    assert expected > values.var() / 25  # above the floor of independent cases
    assert shared_standard_error(values, members) == pytest.approx(expected**0.5)


def test_scaling_law() -> None:
    sizes, errors = [10, 50, 300, 4000], [60.0, 48.0, 40.0, 33.0]
    line = fit_scaling_law(sizes, errors).line
    assert line is not None
    x, y = np.log10(np.log10(sizes)).tolist(), np.log10(errors).tolist()
    assert line.slope == pytest.approx(slow.line_slope(x, y))


def test_psnr() -> None:
    a, b = generator(8, "pictures").integers(0, 256, (2, 9, 9, 3)).astype(np.uint8)
    expected = slow.psnr(a.reshape(-1).astype(int).tolist(), b.reshape(-1).astype(int).tolist())
    assert psnr(a, b) == pytest.approx(expected)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b))
