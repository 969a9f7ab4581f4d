"""Suites from YAML to tables, on a folder with a known answer. Run: pytest tests/eval/test_suite.py."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from eval.knn import KnnSettings
from eval.result import read_results
from eval.suite import Suite, evaluate, load_suite
from eval.tables import compare, markdown_summary, summary_rows
from procmem.errors import UserError

REAL_DATA = os.environ.get("PROCMEM_DATA", "")  # read before the fixture takes it away
SMALL = KnnSettings(num_neighbors=(1, 3), rules=("softmax", "plurality"))


def suite(folder: Path, *encoders: str, **fields: object) -> Suite:
    return Suite(datasets=[str(folder)], encoders=encoders, knn=SMALL, image_size_px=32, **fields)  # type: ignore[arg-type]


def test_colours_are_told_apart_by_colour_and_the_numbers_are_written(color_folder: Path, tmp_path: Path) -> None:
    trials = evaluate(suite(color_folder, "histogram", "pixels"), tmp_path / "out")
    assert [trial.outcome.chosen.top1_accuracy for trial in trials] == [1.0, 1.0]
    results = read_results(tmp_path / "out" / "results.jsonl")
    assert len(results) == 2 * (4 + 2)
    headline = [one for one in results if one.config["selection"].startswith("k by leave-one-out")]
    assert [(one.encoder, one.value, one.n, one.config["memory_size"]) for one in headline] == [
        ("histogram", 1.0, 6, 12),
        ("pixels", 1.0, 6, 12),
    ]


def test_encoders_are_compared_with_the_first_query_by_query(color_folder: Path) -> None:
    first, second = evaluate(suite(color_folder, "histogram", "pixels"))
    four_of_six = dataclasses.replace(second.outcome, correct=np.array([True, True, False, True, True, False]))
    trials = [first, dataclasses.replace(second, outcome=four_of_six)]
    difference = compare(*trials)
    assert (difference.value, difference.p_value) == (pytest.approx(2 / 6), 0.5)
    rows = summary_rows(trials)
    assert rows[0][:4] == ("histogram", "none", "1", "100.0 ± 0.0")
    assert rows[0][5:] == ("", "")
    assert rows[1][5].startswith("+33.3 [+0.0, ")
    assert rows[1][6] == "0.5"
    text = markdown_summary(trials)
    assert "colors: 12 entries, 6 queries, 3 classes" in text
    assert "picked on the queries themselves" in text


def test_subsets_are_seeded_and_said(color_folder: Path) -> None:
    (trial,) = evaluate(suite(color_folder, "pixels", max_train=6, max_val=3))
    assert (len(trial.train.labels), len(trial.val.labels)) == (6, 3)
    assert trial.results[0].config["memory"] == "6 of 12, by class, seed 0"
    assert "6 entries (6 of 12, by class, seed 0)" in markdown_summary([trial])


def test_images_left_out_are_counted_and_positions_still_fit(color_folder: Path) -> None:
    (color_folder / "train" / "blue" / "0.png").write_bytes(b"no image")
    (trial,) = evaluate(suite(color_folder, "histogram", on_corrupt="skip"))
    assert trial.results[0].config["left_out"] == 1
    assert trial.dataset.train.uris == trial.train.uris
    nearest = trial.outcome.neighbors.ids[:, 0]
    assert [trial.dataset.train.labels[i] for i in nearest] == trial.val.labels.tolist()


def test_two_sets_of_queries_cannot_be_compared(color_folder: Path) -> None:
    (whole,) = evaluate(suite(color_folder, "pixels"))
    (part,) = evaluate(suite(color_folder, "histogram", max_val=3))
    with pytest.raises(UserError, match="did not answer the same queries"):
        compare(whole, part)


def test_a_wrong_suite_is_answered_by_name_key_and_value(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown eval recipe 'quik'; did you mean 'quick'"):
        load_suite("quik")
    path = tmp_path / "mine.yaml"
    path.write_text("datasets: [a]\nencodrs: [pixels]\n")
    with pytest.raises(UserError, match="'encodrs'; did you mean 'encoders'"):
        load_suite(str(path))
    path.write_text("datasets: cifar10\n")
    with pytest.raises(UserError, match="datasets must be a list of names, received 'cifar10'"):
        load_suite(str(path))
    path.write_text("datasets: [a]\nmax_val: many\n")
    with pytest.raises(UserError, match="max_val must be a whole number or null, got 'many'"):
        load_suite(str(path))
    path.write_text("datasets: [a]\nknn: {rules: [softmx]}\n")
    with pytest.raises(UserError, match="did you mean 'softmax'"):
        load_suite(str(path))


def test_an_evaluation_of_nothing_or_twice_the_same_is_refused(color_folder: Path) -> None:
    with pytest.raises(UserError, match="at least one encoder"):
        evaluate(suite(color_folder))
    with pytest.raises(UserError, match="names something twice"):
        suite(color_folder, "pixels", "pixels")


def test_real_photographs_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    if not REAL_DATA:
        pytest.skip("PROCMEM_DATA is not set")
    monkeypatch.setenv("PROCMEM_DATA", REAL_DATA)
    wanted = dataclasses.replace(
        load_suite("quick"), datasets=["cifar10"], encoders=["pixels", "histogram"], max_train=1000, max_val=300
    )
    trials = evaluate(wanted)
    shares = [trial.outcome.chosen.top1_accuracy for trial in trials]
    assert all(0.2 < share < 0.5 for share in shares)  # chance is 0.1; both reach about 0.3
