"""Pages from run folders: complete, honest about what is missing, self-contained. Run: pytest tests/eval/pages."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from PIL import Image

from eval.pages import evaluation
from eval.pages.folder import read_run
from eval.pages.page import charts_of, page_of
from eval.report import Block, Code, Facts, Figure, Note, ReportContext, Table, render_report
from eval.suite import Suite, run_suite
from eval.tasks.knn import Knn
from pretrain.callbacks import ProbeCallback
from pretrain.config import PretrainConfig
from pretrain.metrics import MetricsFile
from procmem.errors import UserError
from procmem.recipes import find_recipe

PROVENANCE = {
    "real_images": False,
    "processes": [{"spectrum": {}}],
    "program_set_hash": "",
    "seeds": {"root": 3},
    "images_seen": 0,
    "code_version": "0.1.0",
    "notes": [],
}


def training_folder(folder: Path, **overrides: Any) -> Path:
    config = PretrainConfig.from_yaml(find_recipe("cpu_demo", "pretrain"), {"process": "spectrum"} | overrides)
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config.to_dict()))
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    rows = ["step,loss,images,images_per_second", "1,7.5,64,100", "2,6.25,128,120"]
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    return folder


def evaluation_folder(toy: Any, folder: Path, *encoders: str) -> Path:
    run_suite(Suite(name="toys", tasks=(toy(dataset="digits"),)), encoders or ("histogram", "pixels"), folder)
    return folder


def blocks(page: ReportContext, title: str) -> list[Block]:
    (section,) = [section for section in page.sections if section.title == title]
    return list(section.blocks)


def titles(page: ReportContext) -> list[str]:
    return [section.title for section in page.sections]


def test_a_training_is_told_with_its_images_recipe_curves_and_command(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"")
    page = page_of([folder])
    assert titles(page) == ["What was trained", "What it was trained on", "How training went", "Make it again"]
    facts = next(block for block in blocks(page, "What was trained") if isinstance(block, Facts))
    assert ("images seen", "128") in facts.facts
    assert ("processes", "spectrum") in facts.facts
    sheet, *_ = [block for block in blocks(page, "What it was trained on") if isinstance(block, Figure)]
    assert Image.open(io.BytesIO(sheet.png)).size == (8 * 112 + 7 * 2, 3 * 112 + 2 * 2)
    recipe = next(block for block in blocks(page, "What it was trained on") if isinstance(block, Code))
    assert "model: spectrum" in recipe.text
    table = next(block for block in blocks(page, "How training went") if isinstance(block, Table))
    assert table.rows == [(str(folder), "2", "128", "6.25", "–", "–", "110")]
    (code,) = blocks(page, "Make it again")
    assert isinstance(code, Code)
    assert f"procmem pretrain --config {folder}/config.yaml --run {folder}-again" in code.text


def test_the_probe_of_a_training_is_shown(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    probe = ProbeCallback(
        lambda embed, step: {"knn_top1_accuracy/cifar10": 0.25}, MetricsFile(folder / "metrics.csv", completed_steps=2)
    )
    trainer: Any = SimpleNamespace(is_global_zero=True, loggers=[], strategy=SimpleNamespace(barrier=lambda: None))
    module: Any = SimpleNamespace(config=SimpleNamespace(probe_every_steps=2), embed=None)
    probe.on_step(trainer, module, 2)
    page = page_of([folder])
    table = next(block for block in blocks(page, "How training went") if isinstance(block, Table))
    assert (table.header[6], table.rows[0][6]) == ("kNN top-1 on cifar10", "0.25")
    assert not any(
        "No kNN probe" in block.text for block in blocks(page, "How training went") if isinstance(block, Note)
    )


def test_trainings_stand_side_by_side_with_what_differs(tmp_path: Path) -> None:
    one = training_folder(tmp_path / "one")
    two = training_folder(tmp_path / "two", root_seed=5)
    page = page_of([one, two])
    provenance, settings = [block for block in blocks(page, "What was trained") if isinstance(block, Table)]
    assert provenance.marked_rows == []
    assert settings.rows == [("`root_seed`", "0", "5")]
    curves = next(block for block in blocks(page, "How training went") if isinstance(block, Figure))
    assert curves.png.startswith(b"<?xml")
    assert len([block for block in blocks(page, "What it was trained on") if isinstance(block, Figure)]) == 4


def test_an_evaluation_is_told_with_tables_bars_and_pictures(toy: Any, tmp_path: Path) -> None:
    page = page_of([evaluation_folder(toy, tmp_path / "eval")])
    assert titles(page) == ["The encoders", "toy", "Pictures", "Make it again"]
    headline, bars, comparison = blocks(page, "toy")
    assert isinstance(headline, Table)
    assert isinstance(bars, Figure)
    assert isinstance(comparison, Table)
    assert headline.rows[1] == ("pixels", "none", "50.0 ± 25.0")
    assert comparison.rows[0][2] == "+50.0"
    shown = [block for block in blocks(page, "Pictures") if isinstance(block, Figure)]
    assert [block.caption for block in shown] == [
        "toy on digits, `histogram`: grey.",
        "toy on digits, `pixels`: grey.",
    ]
    assert render_report(page).count("data:image/") == 3
    assert not re.search(r"https?://(?!www\.w3\.org)", re.sub(r'src="data:[^"]*"', "", render_report(page)))


def test_pictures_that_would_make_the_page_too_large_are_left_in_the_folder(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = evaluation_folder(toy, tmp_path / "eval")
    monkeypatch.setattr(evaluation, "LARGEST_PICTURES_BYTES", 1)
    *_, note = blocks(page_of([folder]), "Pictures")
    assert isinstance(note, Note)
    assert note.text.startswith("1 more pictures")


def test_what_is_missing_or_damaged_is_said_and_the_rest_is_shown(toy: Any, tmp_path: Path) -> None:
    training = training_folder(tmp_path / "run")
    (training / "config.yaml").unlink()
    (training / "provenance.json").write_text("{cut")
    folder = evaluation_folder(toy, tmp_path / "eval")
    with (folder / "results.jsonl").open("a") as file:
        file.write('{"encoder": "cu\n')
    picture = next((folder / "records").glob("*/picture-0.png"))
    picture.write_bytes(b"no picture")
    page = page_of([training, folder])
    notes = [block.text for block in blocks(page, "What is missing here") if isinstance(block, Note)]
    assert any("config.yaml` is not there" in note for note in notes)
    assert any("provenance.json' is not valid JSON" in note for note in notes)
    assert any("line 5 is no result" in note for note in notes)
    assert any("checkpoints` holds no checkpoint" in note for note in notes)
    assert any(isinstance(block, Note) and "cannot be shown" in block.text for block in blocks(page, "Pictures"))
    assert "Some parts are missing" in page.summary
    assert [block for block in blocks(page, "How training went") if isinstance(block, Figure)]


def test_what_a_suite_could_not_measure_is_listed(toy: Any, tmp_path: Path) -> None:
    suite = Suite(name="toys", tasks=(toy(dataset="digits", refuses="pixels"),))
    run_suite(suite, ["histogram", "pixels"], tmp_path)
    (note,) = blocks(page_of([tmp_path]), "Not measured")
    assert isinstance(note, Note)
    assert note.text == "toy on digits, pixels: pixels has no patch tokens"


def test_audits_studies_and_receipts_are_told(tmp_path: Path) -> None:
    row = {"rule": "softmax", "k": 20, "top1_accuracy": 0.5, "num_non_private": 3, "memory_size": 10}
    query = {"query": "val/q.png", "from": "cat", "to": "dog"}
    influential = [{"id": 7, "uri": "train/e.png", "num_queries": 2, "queries": [query, query]}]
    audit = {"memory": "m", "encoder": "pixels", "num_queries": 12, "encoder_fingerprint": "f"}
    rows = [row | {"fraction_non_private": 0.3, "influential": influential}]
    (tmp_path / "audit.json").write_text(json.dumps(audit | {"audits": rows}))
    panel = {"title": "accuracy", "x_label": "entries", "series": {"a": [[1, 2], [0.1, 0.2]]}, "reference": ["x", 0.5]}
    study = {"title": "Lifelong", "table": [{"entries": 4, "accuracy": 0.25}], "numbers": {}, "curves": [panel]}
    (tmp_path / "study.json").write_text(json.dumps({"queries": 3, "entries": 4, "k": 5, "rule": "rank", "l": study}))
    receipt = {"erased": [1, 2], "files_scanned": ["a"], "found_before": 2, "artefacts_deleted": []}
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    page = page_of([tmp_path])
    assert titles(page) == ["What each entry changes", "What the memory knows", "What was erased", "Make it again"]
    _, counts, figure, entries = blocks(page, "What each entry changes")
    assert isinstance(counts, Table)
    assert counts.rows == [("pixels", "m", "softmax", "20", "50.0", "3 of 10", "30.00")]
    assert isinstance(figure, Figure)
    assert isinstance(entries, Table)
    assert entries.rows == [("train/e.png", "2", "val/q.png", "cat", "dog")]
    assert entries.caption == "The entries that decide most queries, pixels, softmax, k = 20."
    _, table, curves = blocks(page, "What the memory knows")
    assert isinstance(table, Table)
    assert table.rows == [("4", "0.25")]
    assert isinstance(curves, Figure)
    (code,) = blocks(page, "Make it again")
    assert isinstance(code, Code)
    assert "procmem audit leave-one-out --memory m" in code.text


def test_folders_inside_a_folder_are_taken_too(toy: Any, tmp_path: Path) -> None:
    evaluation_folder(toy, tmp_path / "demo" / "evaluation", "pixels")
    training_folder(tmp_path / "demo" / "training")
    page = page_of([tmp_path / "demo"])
    assert page.title == "2 runs side by side"
    assert {"What was trained", "toy"} <= set(titles(page))


def test_nothing_to_report_is_an_error_that_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder at"):
        read_run(tmp_path / "none")
    with pytest.raises(UserError, match="holds nothing to report; expected the run folder"):
        page_of([tmp_path])


def test_charts_are_named_by_what_they_show(toy: Any, tmp_path: Path) -> None:
    training_folder(tmp_path / "run")
    evaluation_folder(toy, tmp_path / "eval")
    assert list(charts_of([tmp_path / "run", tmp_path / "eval"])) == ["training", "toy"]


def test_a_sweep_is_drawn_encoder_by_encoder(color_folder: Path, tmp_path: Path) -> None:
    suite = Suite(name="mine", tasks=(Knn(dataset=str(color_folder), num_neighbors=(1, 3, 9)),))
    run_suite(suite, ["histogram", "pixels"], tmp_path / "run")
    chart = charts_of([tmp_path / "run"])["knn-colors"]
    (axes,) = chart.axes
    assert [line.get_xdata().tolist() for line in axes.get_lines()[:1]] == [[1, 3, 9]]  # type: ignore[union-attr]
    _, labels = axes.get_legend_handles_labels()
    assert labels == ["histogram", "pixels"]
    assert [block.caption for block in blocks(page_of([tmp_path / "run"]), "knn") if isinstance(block, Figure)][1] == (
        "knn on colors: accuracy by k, softmax voting, ± one standard error."
    )
