"""Suites from YAML to records: strict, resumable, honest. Run: pytest tests/eval/test_suite.py."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eval import suite as suite_module
from eval.data_at_hand import data_fingerprint
from eval.findings import encoders_of, read_findings
from eval.records import pictures_of, score_of
from eval.result import EvalResult, read_results
from eval.suite import NotMeasured, Suite, load_suite, not_measured_by_reason, run_suite, suite_from
from eval.task import Conditions
from eval.tasks.knn import Knn
from pretrain.encoder import load_encoder
from pretrain.timm_weights import MissingWeightsError
from procmem.errors import UserError

REAL_DATA = os.environ.get("PROCMEM_DATA", "")  # read before the fixture takes it away


@pytest.fixture(autouse=True)
def two_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``digits`` needs no files; ``cifar10`` lies under PROCMEM_DATA, as far as its name goes."""
    (tmp_path / "sets" / "cifar10" / "train").mkdir(parents=True)
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path / "sets"))


def toys(toy: Any, *names: str, **fields: Any) -> Suite:
    return Suite(name="toys", tasks=tuple(toy(dataset=name, **fields) for name in names))


def values(results: list[EvalResult]) -> list[tuple[str, str, float]]:
    return [(one.dataset, one.encoder, one.value) for one in results if one.headline]


def test_every_task_is_measured_on_every_encoder_and_written(toy: Any, tmp_path: Path) -> None:
    done = run_suite(toys(toy, "digits", "cifar10"), ["pixels", "histogram"], tmp_path / "run")
    expected = [("digits", "pixels", 0.5), ("digits", "histogram", 1.0)]
    expected += [("cifar10", encoder, value) for _, encoder, value in expected]
    assert values(done.results) == expected
    assert read_results(tmp_path / "run" / "results.jsonl") == done.results
    first = done.results[0]
    assert (first.task, first.settings["dataset"], first.seed) == ("toy", "digits", 0)
    assert first.conditions["max_train"] is None
    assert "seed" not in first.conditions
    assert first.config == {"k": 2}
    assert first.preprocessing == load_encoder("pixels").card().preprocessing
    score = score_of(tmp_path / "run", first)
    assert score.per_case is not None
    assert score.case_members is not None
    assert score.per_case.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert score.case_members.tolist() == [[0], [1], [2], [3]]
    assert (score.case_names, score.value, score.is_headline) == (("a", "b", "c", "d"), 0.5, True)
    assert score_of(tmp_path / "run", done.results[1]).per_case is None  # a number that is no mean over cases
    with Image.open(pictures_of(tmp_path / "run", first.record)["grey"]) as picture:
        assert picture.getpixel((0, 0)) == (2, 7, 7)


def test_what_is_there_already_is_no_time_left(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    encoders, clock = ["pixels", "histogram"], itertools.count(0, 100)
    run_suite(toys(toy, "digits"), encoders, tmp_path)
    capsys.readouterr()
    monkeypatch.setattr(suite_module.time, "perf_counter", lambda: next(clock))
    run_suite(toys(toy, "cifar10", "digits"), encoders, tmp_path)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")]
    assert told == [
        "[1/4] toy on cifar10 · pixels: 2 min, about 2 min left",
        "[2/4] toy on cifar10 · histogram: 2 min",
    ]


def test_an_interrupted_suite_goes_on_where_it_stood(toy: Any, tmp_path: Path) -> None:
    broken = Suite(name="toys", tasks=(toy(dataset="digits"), toy(dataset="cifar10", breaks_on="histogram")))
    with pytest.raises(RuntimeError, match="out of memory"):
        run_suite(broken, ["pixels", "histogram"], tmp_path)
    assert len(toy.calls) == 4
    toy.calls.clear()
    done = run_suite(toys(toy, "digits", "cifar10"), ["pixels", "histogram"], tmp_path)
    # the task on cifar10 had another setting, so it is another task
    assert toy.calls == [("cifar10", "pixels"), ("cifar10", "histogram")]
    assert (done.num_reused, done.num_pairs) == (2, 4)
    assert [value for _, _, value in values(done.results)] == [0.5, 1.0, 0.5, 1.0]
    toy.calls.clear()
    again = run_suite(toys(toy, "digits", "cifar10"), ["pixels", "histogram"], tmp_path)
    assert toy.calls == []
    assert again.results == done.results
    run_suite(toys(toy, "digits"), ["pixels"], tmp_path, fresh=True)
    assert toy.calls == [("digits", "pixels")]


def test_numbers_stand_under_the_specification_that_was_asked_for(color_folder: Path, tmp_path: Path) -> None:
    suite = Suite(name="mine", tasks=(Knn(dataset=str(color_folder), num_neighbors=(1,)),))
    done = run_suite(suite, ["pixels@32", "pixels"], tmp_path)
    shown = encoders_of(read_findings([tmp_path])[0])
    assert list(shown.values()) == ["pixels@32", "pixels"]
    assert len({mark for _, mark in shown}) == 2
    size = (tmp_path / "results.jsonl").stat().st_size
    again = run_suite(suite, ["pixels@32", "pixels"], tmp_path)
    assert (again.results, (tmp_path / "results.jsonl").stat().st_size) == (done.results, size)
    # the same embeddings by another name: found, not measured again, and shown as asked for, on a page too
    for _ in range(2):
        renamed = run_suite(suite, ["pixels@64"], tmp_path)
        assert renamed.num_reused == 1
        assert {one.encoder for one in renamed.results} == {"pixels@64"}
        findings = read_findings([tmp_path])[0]
        assert len(findings) == 3 * len(renamed.results)
        assert list(encoders_of(findings).values()) == ["pixels@32", "pixels", "pixels@64"]
    assert len(read_results(tmp_path / "results.jsonl")) == 3 * len(renamed.results)


def test_a_record_without_its_last_mark_or_with_a_cut_line_is_measured_again(toy: Any, tmp_path: Path) -> None:
    first = run_suite(toys(toy, "digits"), ["pixels"], tmp_path).results[0]
    (tmp_path / "records" / first.record / "record.json").unlink()
    run_suite(toys(toy, "digits"), ["pixels"], tmp_path)
    assert len(toy.calls) == 2
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert len(lines) == 4  # both measurements; readers take the later one
    (tmp_path / "results.jsonl").write_text("\n".join([lines[0], lines[3][:40]]) + "\n")
    done = run_suite(toys(toy, "digits"), ["pixels"], tmp_path)
    assert len(toy.calls) == 3
    assert values(done.results) == [("digits", "pixels", 0.5)]


@pytest.mark.parametrize(
    "change",
    [{"max_val": 3}, {"seed": 1}, {"on_corrupt": "skip"}, {"precision": "bfloat16"}],
    ids=lambda change: next(iter(change)),
)
def test_other_conditions_are_another_measurement(toy: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    before = suite_module.record_key(toy(dataset="a"), Conditions(), "encoder", "data")
    assert suite_module.record_key(toy(dataset="a"), Conditions(**change), "encoder", "data") != before
    assert (
        suite_module.record_key(
            toy(dataset="a"), Conditions(device="cuda", num_devices=4, batch_size=7), "encoder", "data"
        )
        == before
    )
    assert suite_module.record_key(toy(dataset="a"), Conditions(), "other", "data") != before
    assert suite_module.record_key(toy(dataset="a"), Conditions(), "encoder", "other") != before


def test_changed_data_are_measured_again(color_folder: Path, tmp_path: Path) -> None:
    suite = Suite(name="mine", tasks=(Knn(dataset=str(color_folder), num_neighbors=(1,), rules=("softmax",)),))
    before = data_fingerprint([str(color_folder)])
    assert before == data_fingerprint([str(color_folder)])
    run_suite(suite, ["histogram"], tmp_path / "run")
    assert run_suite(suite, ["histogram"], tmp_path / "run").num_reused == 1
    (color_folder / "val" / "red" / "0.png").unlink()
    done = run_suite(suite, ["histogram"], tmp_path / "run")
    assert done.num_reused == 0
    assert {result.n for result in done.results} == {5}
    assert done.results[0].data_fingerprint not in ("", before)


def test_an_encoder_that_a_task_refuses_does_not_stop_the_others(toy: Any, tmp_path: Path) -> None:
    done = run_suite(toys(toy, "digits", refuses="pixels"), ["pixels", "histogram"], tmp_path)
    assert values(done.results) == [("digits", "histogram", 1.0)]
    (refused,) = done.not_measured
    assert (refused.task, refused.encoder) == ("toy on digits", "pixels")
    assert refused.reason == "pixels has no patch tokens"
    assert json.loads((tmp_path / "not_measured.json").read_text()) == [dataclasses.asdict(refused)]


def test_what_is_missing_is_told_once_for_each_reason() -> None:
    triplets, weights = "is triplets, not labelled", "no weights"
    absent = [
        NotMeasured(task="knn on shoes", encoder="pixels@32", reason=triplets),
        NotMeasured(task="knn on shoes", encoder="pixels", reason=triplets),
        NotMeasured(task="cost on shoes", encoder="pixels", reason=triplets),
        NotMeasured(task="", encoder="timm:a", reason=weights),
        NotMeasured(task="knn on cars", encoder="", reason="no folder"),
    ]
    assert not_measured_by_reason(absent) == {
        triplets: "knn on shoes, cost on shoes · pixels@32, pixels",
        weights: "timm:a",
        "no folder": "knn on cars",
    }


def test_weights_that_cannot_be_had_are_told_and_the_others_go_on(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_network(spec: str, *args: Any, **kwargs: Any) -> Any:
        if spec.startswith("timm:"):
            raise MissingWeightsError("put the file from ADDRESS at PLACE")
        return load_encoder(spec, *args, **kwargs)

    monkeypatch.setattr(suite_module, "load_measured", without_network)
    done = run_suite(toys(toy, "digits"), ["timm:resnet101", "pixels"], tmp_path)
    assert values(done.results) == [("digits", "pixels", 0.5)]
    assert [(one.task, one.encoder, one.reason) for one in done.not_measured] == [
        ("", "timm:resnet101", "put the file from ADDRESS at PLACE")
    ]


def test_an_unknown_encoder_or_data_set_is_refused_before_any_work(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown encoder 'pixls'; did you mean 'pixels'"):
        run_suite(toys(toy, "digits"), ["pixels", "pixls"], tmp_path / "run")
    with pytest.raises(UserError, match="also sift:DATASET, psnr and ssim"):
        run_suite(toys(toy, "digits"), ["sift"], tmp_path / "run")
    with pytest.raises(UserError, match="did you mean 'digits'"):
        run_suite(toys(toy, "digitz"), ["pixels"], tmp_path / "run")
    with pytest.raises(UserError, match="at least one encoder"):
        run_suite(toys(toy, "digits"), [], tmp_path / "run")
    with pytest.raises(UserError, match="names something twice"):
        run_suite(toys(toy, "digits"), ["pixels", "pixels"], tmp_path / "run")
    assert toy.calls == []
    assert not (tmp_path / "run").exists()


def test_the_run_folder_holds_a_suite_that_can_be_run_again(toy: Any, tmp_path: Path) -> None:
    suite = dataclasses.replace(toys(toy, "digits"), conditions=Conditions(max_val=3))
    run_suite(suite, ["pixels"], tmp_path)
    again = load_suite(str(tmp_path / "config.yaml"))
    assert (again.tasks, again.conditions, again.encoders) == (suite.tasks, suite.conditions, ("pixels",))


def test_data_sets_can_be_chosen_for_a_suite_whose_tasks_take_them(toy: Any) -> None:
    suite = toys(toy, "digits", "cifar10")
    assert [task.dataset for task in suite.on_datasets(["a", "b"]).tasks] == ["a", "b"]
    two = Suite(name="two", tasks=(toy(dataset="x"), toy(dataset="x", metric="r2")))
    assert [(task.dataset, task.metric) for task in two.on_datasets(["a"]).tasks] == [
        ("a", "top1_accuracy"),
        ("a", "r2"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task: []", "unknown key in suite 'mine' 'task'; did you mean 'tasks'"),
        ("tasks: []", "needs tasks, a list such as"),
        ("tasks: [{knn: {dataset: a}, toy: {dataset: a}}]", "one kind of task"),
        ("tasks: [{nn: {dataset: a}}]", "unknown task 'nn'; did you mean 'knn'"),
        ("tasks: [{knn: {data_set: a}}]", r"unknown key in tasks\[0\].knn 'data_set'; did you mean 'dataset'"),
        ("tasks: [{knn: {}}]", r"missing key 'tasks\[0\].knn.dataset'"),
        ("tasks: [{knn: {dataset: a, temperature: warm}}]", "temperature must be a number, got 'warm'"),
        ("tasks: [{knn: {dataset: a}}, {knn: {dataset: a}}]", "lists a task twice"),
        ("tasks: [{knn: {dataset: a}}]\nconditions: {max_vall: 3}", "did you mean 'max_val'"),
        ("tasks: [{knn: {dataset: a}}]\nconditions: {max_val: many}", "max_val must be a whole number or null"),
        ("tasks: [{knn: {dataset: a}}]\nencoders: pixels", "encoders of suite 'mine' must be a list"),
    ],
)
def test_a_wrong_suite_is_answered_by_name_key_and_value(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        load_suite(str(path))


def test_an_unknown_suite_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="unknown eval recipe 'quik'; did you mean 'quick'"):
        load_suite("quik")


def test_settings_are_built_from_the_tasks_own_class() -> None:
    suite = suite_from({"tasks": [{"knn": {"dataset": "a", "num_neighbors": [1, 2], "temperature": 1}}]}, "mine")
    assert suite.tasks == (Knn(dataset="a", num_neighbors=[1, 2], temperature=1.0),)


def test_real_photographs_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not REAL_DATA:
        pytest.skip("PROCMEM_DATA is not set")
    monkeypatch.setenv("PROCMEM_DATA", REAL_DATA)
    suite = load_suite("quick").on_datasets(["cifar10"])
    conditions = dataclasses.replace(suite.conditions, max_train=1000, max_val=300, pictures=False)
    done = run_suite(dataclasses.replace(suite, conditions=conditions), ["pixels", "histogram"], tmp_path)
    assert np.all([0.2 < value < 0.5 for _, _, value in values(done.results)])  # chance is 0.1; both reach about 0.3
