"""One page from one or several run folders: trainings, evaluations, audits, and the commands that make them again."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval.pages.audits import audit_sections
from eval.pages.evaluation import draw_kind, draw_series, evaluation_sections
from eval.pages.folder import RunFolder, folders_under, read_run
from eval.pages.training import draw_training, training_sections
from eval.report import Block, Code, Note, ReportContext, Section
from procmem.provenance import code_version

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page_of(paths: Sequence[Path]) -> ReportContext:
    """Everything that the folders hold.

    Raises:
        UserError: if a folder is not there or holds nothing to report.
    """
    runs = [read_run(inner) for path in paths for inner in folders_under(path)]
    sections = [*training_sections(runs), *evaluation_sections(runs), *audit_sections(runs)]
    problems = list(dict.fromkeys(problem for run in runs for problem in run.problems))
    if problems:
        sections.append(Section("What is missing here", [Note(problem) for problem in problems]))
    sections.append(Section("Make it again", _commands(runs, paths)))
    names = [run.name for run in runs]
    return ReportContext(
        title=f"Run {names[0]}" if len(names) == 1 else f"{len(names)} runs side by side",
        summary=_summary(runs),
        facts=_facts(runs),
        sections=sections,
        colophon=f"procmem {code_version()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
    )


def charts_of(paths: Sequence[Path]) -> dict[str, Figure]:
    """Name -> chart: the curves of the trainings, and bars for each kind of task.

    Raises:
        UserError: as `page_of`.
    """
    runs = [read_run(inner) for path in paths for inner in folders_under(path)]
    findings = [finding for run in runs for finding in run.findings]
    kinds = dict.fromkeys(finding.result.task for finding in findings)
    charts = {"training": draw_training(runs)} | {kind: draw_kind(kind, findings) for kind in kinds}
    for kind in kinds:
        charts |= {f"{kind}-{data}": chart for data, chart in draw_series(kind, findings).items()}
    return {name: chart for name, chart in charts.items() if chart is not None}


def _summary(runs: Sequence[RunFolder]) -> str:
    parts = []
    trained = [run for run in runs if run.is_training]
    if trained:
        names = ", ".join(f"`{run.name}`" for run in trained)
        real = {(run.provenance or {}).get("real_images", "unknown") for run in trained}
        clean = "no real image went into the weights" if real == {False} else "see what went into the weights"
        parts.append(f"Trained in {names}: {clean}.")
    findings = [finding for run in runs for finding in run.findings]
    if findings:
        encoders = dict.fromkeys(finding.result.encoder for finding in findings)
        kinds = dict.fromkeys(finding.result.task.replace("_", " ") for finding in findings)
        parts.append(f"{len(encoders)} encoders measured by {', '.join(kinds)}.")
    if any(run.audits for run in runs):
        parts.append("Audited entry by entry.")
    if any(run.problems for run in runs):
        parts.append("Some parts are missing; the end of the page says which.")
    return " ".join(parts) or "A run folder."


def _facts(runs: Sequence[RunFolder]) -> list[tuple[str, object]]:
    findings = [finding for run in runs for finding in run.findings]
    images = [int(max((row.get("images", 0) for row in run.metrics.values()), default=0)) for run in runs]
    facts: list[tuple[str, object]] = []
    if any(images):
        facts.append(("images trained on", f"{sum(images):,}"))
    if findings:
        facts.append(("numbers measured", f"{len(findings):,}"))
        seconds = {(f.folder, f.result.record): f.result.seconds for f in findings}
        facts.append(("time of the measurements", f"{sum(seconds.values()):,.0f} s"))
    return facts


def _commands(runs: Sequence[RunFolder], paths: Sequence[Path]) -> list[Block]:
    lines = []
    for run in runs:
        again = f"{run.path}-again"
        if run.recipe is not None:
            lines.append(f"procmem pretrain --config {run.path / 'config.yaml'} --run {again}")
        if run.suite is not None:
            lines.append(f"procmem eval --suite {run.path / 'config.yaml'} --run {again}")
        for name, audit in run.audits.items():
            rows = audit["audits"]
            ks = " ".join(dict.fromkeys(str(row["k"]) for row in rows))
            rules = " ".join(dict.fromkeys(str(row["rule"]) for row in rows))
            words = f"--memory {audit.get('memory')} --dataset DATASET --k {ks} --rules {rules} --json"
            lines.append(f"procmem audit leave-one-out {words} > {run.path / name}")
    lines.append(f"procmem report {' '.join(str(path) for path in paths)}")
    return [Code("\n".join(lines), "Settings, seeds and data subsets are in the files named; records are kept.")]
