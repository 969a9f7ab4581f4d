"""What the commands about a memory's knowledge do; see `procmem.commands` for the conventions."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from memory.voting import Rule
from procmem.commands import print_json
from procmem.errors import UserError
from procmem.files import make_folder, write_json, write_text
from procmem.progress import say


def memory_sweep(
    memory: Path,
    *,
    dataset: str | None = None,
    k: list[int] | None = None,
    rules: list[Rule] | None = None,
    sensitivity: bool = False,
    seed: int = 0,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Classify by every voting rule at every k, from one search, and print the table.

    The best row is marked as what it is: picked on the queries.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries; without it a fifth of the memory is held out (whole owners).
        k: numbers of neighbours; the default is 1 to 200 as in the papers, as far as the memory reaches.
        rules: voting rules; the default is all four.
        sensitivity: vary each rule's hyperparameter as well.
        seed: draws what is held out.
        output: CSV file of the table.
        json: print the table as JSON.
    """
    from typing import get_args

    from eval.tables import markdown_table
    from memory.sweep import PAPER_NUM_NEIGHBORS, as_csv, sensitivity_votings, sweep
    from procmem.study_subject import find_subject

    subject = find_subject(memory, dataset, k=1, rule="softmax", seed=seed)
    ks = k or [each for each in PAPER_NUM_NEIGHBORS if each <= len(subject.ids)]
    if min(ks) < 1 or max(ks) > len(subject.ids):
        raise UserError(f"k is {ks}; each must lie in 1 to {len(subject.ids)}, the entries of the memory")
    chosen: list[Rule] = rules or list(get_args(Rule))
    votings = [each for rule in chosen for each in (sensitivity_votings(rule) if sensitivity else [rule])]
    found = sweep(subject.search(max(ks)), subject.query_labels, num_neighbors=ks, votings=votings)
    if output is not None:
        write_text(output, as_csv(found))
    if json:
        print_json([row.to_dict() for row in found])
        return
    best = max(found, key=lambda row: row.top1_accuracy)
    table = [
        (
            f"{_named(row.voting)}{' (best on these queries)' if row is best else ''}",
            row.k,
            f"{100 * row.top1_accuracy:.2f} ± {100 * row.standard_error:.2f}",
            f"{100 * row.top5_accuracy:.2f}",
            f"{row.mean_confidence:.3f}",
        )
        for row in found
    ]
    sys.stdout.write(markdown_table(("rule", "k", "top-1 %", "top-5 %", "confidence"), table))
    say(f"{len(subject.queries)} queries, {len(subject.ids)} entries")


def memory_study(
    memory: Path,
    *,
    dataset: str | None = None,
    studies: list[str] | None = None,
    k: int = 20,
    rule: Rule = "softmax",
    seed: int = 0,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Measure what a memory knows: tables of reliability, calibration, pruning, lifelong change and more.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries; without it a fifth of the memory is held out (whole owners).
        studies: reliability, calibration, pruning, classes, samples, owners, corruption, scaling, levels, novelty; all
            that the memory allows by default.
        k: neighbours that vote.
        rule: voting rule.
        seed: of all draws.
        output: folder for study.json, a CSV file and a picture of curves for each study.
        json: print all findings as JSON.
    """
    import dataclasses

    from eval.tables import markdown_table
    from procmem.memory_study import STUDIES, chosen_studies
    from procmem.study_findings import Study
    from procmem.study_subject import find_subject

    subject = find_subject(memory, dataset, k=k, rule=rule, seed=seed)
    names = chosen_studies(studies, subject)
    if output is not None:
        make_folder(output)
    findings: dict[str, Any] = {"queries": len(subject.queries), "entries": len(subject.ids), "k": k, "rule": rule}
    for name in names:
        study: Study = STUDIES[name](subject)
        findings[name] = {
            "title": study.title,
            "table": [dict(zip(study.header, row, strict=True)) for row in study.rows],
            "numbers": dict(study.numbers),
            "curves": [dataclasses.asdict(panel) for panel in study.panels],
        }
        if not json:
            sys.stdout.write(f"\n## {study.title}\n\n")
            sys.stdout.write(markdown_table(study.header, [[_cell(cell) for cell in row] for row in study.rows]))
        if output is not None:
            _write_study(output, name, study)
    if output is not None:
        write_json(output / "study.json", _without_nan(findings))
        say(f"{output}: study.json, and a table and curves for each of {', '.join(names)}")
    if json:
        print_json(_without_nan(findings))


def _write_study(folder: Path, name: str, study: Any) -> None:
    import csv
    import io

    from eval.figures import curves
    from procmem.files import atomic_write

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([study.header, *study.rows])
    write_text(folder / f"{name}.csv", text.getvalue())
    if study.panels:
        with atomic_write(folder / f"{name}.png") as file:
            file.write(curves(study.panels))


def _named(voting: Any) -> str:
    """A rule with its number, where it has one."""
    from memory.sweep import SENSITIVITY

    if voting.rule not in SENSITIVITY:
        return str(voting.rule)
    return f"{voting.rule} {getattr(voting, SENSITIVITY[voting.rule][0]):g}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: None."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
