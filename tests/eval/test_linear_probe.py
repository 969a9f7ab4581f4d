"""Linear probes against their definitions and slow references. Run: pytest tests/eval/test_linear_probe.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eval.held_out import held_out
from eval.linear_probe import ProbeSettings, choose_probe, fit_probes
from procgen.seeds import generator
from procmem.errors import UserError


def clusters(count: int, seed: int, classes: int = 3, spread: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    chance = generator(seed, "clusters")
    centers = generator(0, "centers").normal(size=(classes, 6))
    labels = np.arange(count) % classes
    points = centers[labels] + spread * chance.normal(size=(count, 6))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_the_gradient_of_the_stated_loss_is_zero_at_the_solution(classes: int) -> None:
    entries, labels = clusters(60, 1, classes)
    settings = ProbeSettings(solver="lbfgs", l2=(0.1,), max_iterations=2000)
    probe = fit_probes(entries, labels, num_classes=classes, settings=settings)[0]
    mean, deviation = entries.mean(0, dtype=np.float64), entries.std(0, dtype=np.float64)
    weight, bias = probe.weight * deviation[:, None], probe.bias + mean @ probe.weight
    standard = (entries - mean) / deviation
    logits = standard @ weight + bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    # two classes are one logit for scikit-learn, its weight counted once: |w|^2 = 2 |w / sqrt 2|^2 in two columns
    penalty = 0.1 * weight * (2 if classes == 2 else 1)
    gradient = standard.T @ (shares - np.eye(classes)[labels]) / 60 + penalty
    assert np.abs(gradient).max() < 1e-4
    assert np.abs((shares - np.eye(classes)[labels]).mean(0)).max() < 1e-4


def test_standardising_is_folded_into_a_plain_linear_classifier() -> None:
    (entries, labels), (queries, _) = clusters(90, 1), clusters(40, 2)
    probe = fit_probes(entries, labels, num_classes=3, settings=ProbeSettings(solver="lbfgs", l2=(0.01,)))[0]
    peer = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (0.01 * 90), max_iter=1000)).fit(entries, labels)
    assert probe.predict(queries).tolist() == peer.predict(queries).tolist()
    logits = queries @ probe.weight + probe.bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert shares == pytest.approx(peer.predict_proba(queries), abs=1e-3)


def test_all_learning_rates_at_once_equal_torch_one_by_one() -> None:
    entries, labels = clusters(50, 3)
    settings = ProbeSettings(solver="sgd", learning_rates=(0.01, 1.0), epochs=3, batch_size=16)
    probes = fit_probes(entries, labels, num_classes=3, settings=settings, seed=5)
    mean, deviation = entries.mean(0, dtype=np.float64), entries.std(0, dtype=np.float64)
    x, y = torch.from_numpy((entries - mean) / deviation), torch.from_numpy(labels)
    for probe, rate in zip(probes, (0.01, 1.0), strict=True):
        layer = torch.nn.Linear(6, 3).double()
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        optimizer = torch.optim.SGD(layer.parameters(), lr=rate * 16 / 256, momentum=0.9)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3 * 4)
        for epoch in range(3):
            order = generator(5, "linear probe", "batches", epoch).permutation(50)
            for first in range(0, 50, 16):
                rows = order[first : first + 16]
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(layer(x[rows]), y[rows]).backward()
                optimizer.step()
                schedule.step()
        expected = layer.weight.detach().numpy().T / deviation[:, None]
        assert probe.weight == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert probe.bias == pytest.approx(layer.bias.detach().numpy() - mean @ expected, rel=1e-3, abs=1e-3)


def test_the_setting_is_chosen_on_the_held_out_fifth_and_fitted_on_everything() -> None:
    entries, labels = clusters(75, 4, spread=2.5)
    settings = ProbeSettings(solver="lbfgs", l2=(100.0, 1.0, 1e-6))
    found = choose_probe(entries, labels, num_classes=3, settings=settings, seed=3)
    rest = held_out(labels, generator(3, "linear probe", "held out"))
    assert rest.sum() == 15
    expected = [
        np.mean(probe.predict(entries[rest]) == labels[rest])
        for probe in fit_probes(entries[~rest], labels[~rest], num_classes=3, settings=settings)
    ]
    assert found.held_out_accuracy.tolist() == expected
    assert found.chosen == int(np.argmax(expected))
    whole = fit_probes(entries, labels, num_classes=3, settings=settings)
    assert found.probes[found.chosen].weight.tolist() == whole[found.chosen].weight.tolist()


def test_one_image_a_class_is_a_fair_question_without_a_warning() -> None:
    entries, labels = clusters(40, 1, classes=40)
    probe = fit_probes(entries, labels, num_classes=40, settings=ProbeSettings(solver="lbfgs", l2=(0.001,)))[0]
    assert (probe.predict(entries) == labels).all()


def test_auto_takes_sgd_for_large_sets_only() -> None:
    assert ProbeSettings().solver_for(50_000) == "lbfgs"
    assert ProbeSettings().solver_for(50_001) == "sgd"
    assert ProbeSettings(solver="sgd").grid_for(5) == ProbeSettings.learning_rates


def test_a_class_without_training_images_is_never_answered() -> None:
    entries, labels = clusters(40, 5, classes=2)
    probe = fit_probes(entries, 2 * labels + 1, num_classes=5, settings=ProbeSettings(l2=(1e-3,)))[0]
    queries, _ = clusters(500, 6, classes=4, spread=5.0)
    assert set(probe.predict(queries).tolist()) == {1, 3}
    assert probe.bias[[0, 2, 4]].tolist() == [-np.inf] * 3  # a logit of 0 could win against two negative ones


def test_a_dimension_that_never_varies_changes_nothing() -> None:
    entries, labels = clusters(40, 5)
    constant = np.concatenate([entries, np.full((40, 1), 0.3, np.float32)], axis=1)
    settings = ProbeSettings(l2=(0.01,))
    plain, more = (fit_probes(x, labels, num_classes=3, settings=settings)[0] for x in (entries, constant))
    assert more.predict(constant).tolist() == plain.predict(entries).tolist()
    assert np.abs(more.weight[-1]).max() < 1e-6


def test_what_cannot_be_fitted_is_refused() -> None:
    entries, labels = clusters(10, 1)
    with pytest.raises(UserError, match="at least two classes, received 1"):
        choose_probe(entries, np.zeros(10, np.int64), num_classes=3)
    broken = entries.copy()
    broken[3, 2] = np.nan
    with pytest.raises(UserError, match="finite embeddings"):
        choose_probe(broken, labels, num_classes=3)
    with pytest.raises(UserError, match="l2 must be numbers above 0"):
        ProbeSettings(l2=(0.0,))
    with pytest.raises(UserError, match="did you mean 'lbfgs'"):
        ProbeSettings(solver="lbgfs")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="epochs must be at least 1"):
        ProbeSettings(epochs=0)
