"""Tables say what was measured, how sure it is, and what the papers say. Run: pytest tests/eval/test_tables.py."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.findings import Finding, columns_of, findings_of, read_findings
from eval.result import append_results
from eval.suite import Suite, run_suite
from eval.tables import (
    ResultTable,
    against_first,
    comparison_tables,
    headline_table,
    markdown_table,
    paper_tables,
    selection_tables,
    tables_of,
    written,
)
from eval.tasks.knn import Knn
from procmem.errors import UserError


@pytest.fixture
def findings(toy: Any, tmp_path: Path) -> list[Finding]:
    """Toys on two data sets by two encoders: histogram right in all 4 cases, pixels in 2."""
    suite = Suite(name="toys", tasks=(toy(dataset="digits"), toy(dataset="cifar10")))
    run_suite(suite, ["histogram", "pixels"], tmp_path / "run")
    return read_findings([tmp_path / "run"])[0]


def headlines(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.result.headline]


def test_encoders_stand_down_and_data_sets_across_with_standard_errors(findings: list[Finding]) -> None:
    table = headline_table("toy", headlines(findings))
    assert table.header == ("encoder", "real images", "digits", "cifar10")
    assert table.rows == (
        ("histogram", "none", "100.0 ± 0.0", "100.0 ± 0.0"),
        ("pixels", "none", "50.0 ± 25.0", "50.0 ± 25.0"),
    )
    assert "cifar10: n = 4" in table.notes[0]


def test_encoders_are_compared_with_the_first_case_by_case(findings: list[Finding]) -> None:
    (_, other, comparison), _ = against_first(headlines(findings))
    assert (other.result.encoder, comparison.difference.value) == ("pixels", 0.5)
    (table,) = comparison_tables("toy", headlines(findings))
    assert table.title == "toy: histogram minus the others, on the same cases"
    assert [row[:3] for row in table.rows] == [("pixels", "digits", "+50.0"), ("pixels", "cifar10", "+50.0")]
    p_values = [(float(row[4]), float(row[5])) for row in table.rows]
    assert all(corrected == pytest.approx(min(1, 2 * own), rel=0.05) for own, corrected in p_values)
    assert comparison_tables("toy", headlines(findings)[:1]) == []


def test_a_table_says_which_test_its_p_values_are_from(findings: list[Finding]) -> None:
    (table,) = comparison_tables("toy", headlines(findings))
    assert "; p by the exact McNemar test of answers, corrected" in table.notes[0]
    for finding in headlines(findings)[2:]:  # on cifar10 two photographs now make all four cases
        path = finding.folder / "records" / finding.result.record / "cases.npz"
        with np.load(path) as file:
            arrays = dict(file)
        arrays[f"members_{finding.result.name_in_record}"] = np.array([[0], [0], [1], [1]])
        np.savez(path, **arrays)
    (table,) = comparison_tables("toy", headlines(findings))
    said = "; p by the exact McNemar test of answers (digits); from the interval's own resamples, of the photographs"
    assert f"{said} that cases share (cifar10), corrected" in table.notes[0]


def test_numbers_whose_cases_are_gone_are_shown_and_not_compared(findings: list[Finding]) -> None:
    for finding in findings:
        (finding.folder / "records" / finding.result.record / "cases.npz").unlink(missing_ok=True)
    assert against_first(headlines(findings)) == []
    assert headline_table("toy", headlines(findings)).rows[1][2] == "50.0 ± 25.0"


def test_damaged_cases_are_told_and_not_compared(findings: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    last = headlines(findings)[-1]
    (last.folder / "records" / last.result.record / "cases.npz").write_bytes(b"cut")
    assert len(against_first(headlines(findings))) == 1
    assert "is damaged, its cases cannot be compared" in capsys.readouterr().err


def test_columns_are_told_apart_by_what_differs_between_them(toy: Any, tmp_path: Path) -> None:
    tasks = (toy(dataset="digits"), toy(dataset="digits", metric="r2"), toy(dataset="digits", refuses="nobody"))
    done = run_suite(Suite(name="toys", tasks=tasks), ["pixels"], tmp_path)
    found = headlines(findings_of(tmp_path, done.results))
    assert list(columns_of(found).values()) == [
        "top1 accuracy metric=top1_accuracy refuses=",
        "r2 metric=r2 refuses=",
        "top1 accuracy metric=top1_accuracy refuses=nobody",
    ]


def test_a_number_measured_twice_counts_once_and_the_later_one(findings: list[Finding]) -> None:
    first = findings[0]
    again = type(first.result)(**(vars(first.result) | {"value": 0.75}))
    found = findings_of(first.folder, [finding.result for finding in findings] + [again])
    assert len(found) == len(findings)
    assert found[0].result.value == 0.75


def test_three_ways_to_choose_k_stand_side_by_side(color_folder: Path, tmp_path: Path) -> None:
    suite = Suite(name="mine", tasks=(Knn(dataset=str(color_folder), num_neighbors=(1, 3)),))
    done = run_suite(suite, ["histogram"], tmp_path)
    (table,) = selection_tables(findings_of(tmp_path, done.results))
    assert table.header[2:] == (
        "best on the queries (the papers' rule)",
        "leave-one-out on the memory",
        "held-out fifth of the memory",
    )
    assert table.rows == (("histogram", "colors", *["100.0 ± 0.0 (k = 1)"] * 3),)


def test_the_papers_table_stands_below_ours_with_a_mark_where_they_differ(toy: Any, tmp_path: Path) -> None:
    done = run_suite(Suite(name="toys", tasks=(toy(dataset="cifar10"),)), ["pixels"], tmp_path)
    settings = {"task": "knn", "config": {"rule": "plurality", "selection": "best_on_val", "k": 2}}
    fields = vars(done.results[0]) | settings
    results = [
        type(done.results[0])(**(fields | {"encoder": name, "value": value, "standard_error": 0.01}))
        for name, value in (("timm:resnet101.a1_in1k", 0.87), ("timm:vit_base_patch16_clip_224.openai", 0.89))
    ]
    (table,) = paper_tables(findings_of(tmp_path, results))
    assert "table 1: kNN classification with foundation models" in table.title
    assert table.header == ("encoder", "CIFAR-10")
    assert table.rows[:4] == (
        ("timm:resnet101.a1_in1k", "87.0 ± 1.0 (87.3)"),
        ("timm:vit_base_patch16_clip_224.openai", "89.0 ± 1.0 (92.4 ≠)"),
        ("paper: ResNet-101", "87.3"),
        ("paper: CLIP ViT-B/16", "92.4"),
    )
    assert table.num_marked == 2
    assert any("CIFAR-10 has 4 cases here and 10,000 there" in note for note in table.notes)
    whole = [type(one)(**(vars(one) | {"n": 10_000})) for one in results]
    (table,) = paper_tables(findings_of(tmp_path, whole))
    assert not any("No replication" in note for note in table.notes)


TABLE = ResultTable(
    title="knn & more, 100 %",
    header=("encoder", "a_b"),
    rows=(("x|y", "1.0 ± 0.5"), ("paper: z", "2 ≠")),
    notes=("A note.",),
    num_marked=1,
)


def test_markdown_columns_line_up_and_bars_are_escaped() -> None:
    assert markdown_table(("encoder", "top-1"), [("a|b", "1.5"), ("pixels", 12)]) == (
        "| encoder | top-1 |\n| ------- | ----: |\n| a\\|b    |   1.5 |\n| pixels  |    12 |\n"
    )
    assert written(TABLE, "markdown").startswith("knn & more, 100 %\n\n| encoder ")
    assert written(TABLE, "markdown").endswith("|\n\nA note.\n")


def test_latex_compiles_to_the_same_cells_with_a_rule_above_the_paper() -> None:
    lines = written(TABLE, "latex").splitlines()
    assert r"\caption{knn \& more, 100 \%. A note.}" in lines
    assert r"encoder & a\_b \\" in lines
    assert lines[lines.index(r"x|y & 1.0 $\pm$ 0.5 \\") + 1] == r"\midrule"
    assert r"paper: z & 2 $\neq$ \\" in lines


def test_csv_is_the_cells() -> None:
    assert list(csv.reader(io.StringIO(written(TABLE, "csv")))) == [list(TABLE.header), *map(list, TABLE.rows)]


def test_everything_worth_a_table_comes_in_order(findings: list[Finding]) -> None:
    assert [table.title for table in tables_of(findings)] == [
        "toy, shares in %",
        "toy: histogram minus the others, on the same cases",
    ]
    assert tables_of([]) == []


def test_a_folder_without_results_is_named_and_a_broken_line_is_told(findings: list[Finding], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no results\.jsonl"):
        read_findings([tmp_path])
    append_results(tmp_path / "results.jsonl", [findings[0].result])
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"encoder": "cut\n')
    found, problems = read_findings([tmp_path])
    assert len(found) == 1
    assert "line 2 is no result" in problems[0]
