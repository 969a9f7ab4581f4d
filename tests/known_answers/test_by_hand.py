"""The package against `by_hand.json` (small enough to check on paper). Run: pytest tests/known_answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from eval.knn import KnnSettings, evaluate_knn
from eval.sets.triplets import Triplets
from eval.statistics import holm, mcnemar_p_value, shared_standard_error
from eval.task import Conditions
from eval.tasks import two_afc
from eval.tasks.two_afc import TwoAfc
from eval.white_box import psnr
from memory.calibration import calibration
from memory.novelty import auroc
from memory.reliability import reliability
from memory.scaling import fit_scaling_law
from memory.search import exact_search
from memory.voting import Rule

KNOWN: dict[str, Any] = json.loads((Path(__file__).parent / "by_hand.json").read_text())


def directions(degrees: list[float]) -> np.ndarray:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_votes_hit_rate_and_reliability() -> None:
    known = KNOWN["neighbours"]
    entries, queries = directions(known["entry_degrees"]), directions(known["query_degrees"])
    labels, truth = np.array(known["entry_labels"]), np.array(known["query_labels"])
    for rule, answers in known["answers"].items():
        for k, expected in answers.items():
            settings = KnnSettings(num_neighbors=(int(k),), rules=(cast(Rule, rule),))
            found = evaluate_knn(entries, labels, queries, truth, num_classes=2, settings=settings)
            assert found.predictions.tolist() == expected
            assert found.chosen.top1_accuracy == pytest.approx(np.mean(np.array(expected) == truth))
            if k in known["leave_one_out_accuracy"]:
                assert found.chosen.leave_one_out_accuracy == pytest.approx(known["leave_one_out_accuracy"][k])
    ranks = reliability(exact_search(queries, entries, 2, labels=labels), truth)
    assert ranks.hit_rate == pytest.approx(list(known["hit_rate"].values()))
    assert ranks.accuracy == pytest.approx(list(known["neighbor_accuracy"].values()))


def test_two_alternative_forced_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KNOWN["two_afc"]
    degrees = np.array(known["triplets"])
    T = len(degrees)
    triplets = Triplets(
        name="plane", split="all", names=tuple("abcd"), uris=tuple(f"{i}" for i in range(3 * T)), paths=(),
        reference=np.arange(T), left=np.arange(T) + T, right=np.arange(T) + 2 * T, right_share=degrees[:, 3],
    )  # fmt: skip
    points = directions(degrees[:, :3].T.reshape(-1).tolist())

    def similarities(*_: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = ((points[:T] * points[first : first + T]).sum(1) for first in (T, 2 * T))
        return left, right, np.ones(T, bool)

    monkeypatch.setattr(two_afc, "find_triplets", lambda name: triplets)
    monkeypatch.setattr(two_afc, "option_similarities", similarities)
    outcome = TwoAfc(dataset="plane").measure(cast(Any, None), Conditions(pictures=False))
    assert [s.metric for s in outcome.scores] == ["accuracy", "vote_agreement"]
    assert [s.value for s in outcome.scores] == pytest.approx([known["accuracy"], known["vote_agreement"]])
    assert outcome.scores[0].config["standard_error_over"] == "triplets"  # no photograph stands in two of them


def test_calibration_novelty_and_scaling() -> None:
    known = KNOWN["calibration"]
    found = calibration(np.array(known["confidence"]), np.array(known["correct"]), num_bins=known["bins"])
    assert found.expected_error == pytest.approx(known["expected_calibration_error"])
    known = KNOWN["auroc"]
    assert auroc(np.array(known["known"], float), np.array(known["novel"], float)) == pytest.approx(known["auroc"])
    known = KNOWN["scaling"]
    line = fit_scaling_law(known["sizes"], known["error_percent"]).line
    assert line is not None
    assert line.slope == pytest.approx(known["slope"])


def test_statistics_and_pictures() -> None:
    known = KNOWN["mcnemar"]
    assert mcnemar_p_value(known["only_a"], known["only_b"]) == pytest.approx(known["p_value"])
    assert holm(KNOWN["holm"]["p_values"]) == pytest.approx(KNOWN["holm"]["adjusted"])
    known = KNOWN["shared_photographs"]
    found = shared_standard_error(np.array(known["values"], float), np.array(known["members"]))
    assert found == pytest.approx(known["standard_error"])
    picture = np.full((8, 8, 3), 100, np.uint8)
    offset = picture + np.uint8(KNOWN["psnr"]["offset"])
    assert psnr(picture, offset) == pytest.approx(KNOWN["psnr"]["decibels"])
