"""A run folder, whatever is in it: training, evaluation, audits, studies of a memory, receipts.

Nothing is required. What a page would like to show and does not find, or finds damaged, becomes a sentence in
`problems`, and the page shows the rest.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from eval.findings import Finding, read_findings
from pretrain.config import PretrainConfig
from pretrain.metrics import read_metrics
from procmem.errors import UserError
from procmem.files import read_json
from procmem.strict_yaml import read_yaml


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFolder:
    """What a run folder holds.

    Attributes:
        path: the folder.
        recipe: of a training; None where there is none.
        provenance: of a training.
        metrics: step -> name -> value.
        findings: of an evaluation.
        suite: of an evaluation, as in its YAML.
        not_measured: of an evaluation: task, encoder, reason.
        audits: what ``procmem audit leave-one-out --json`` printed, by file name.
        studies: what ``procmem memory study --output`` wrote, by file name.
        receipts: of erasures, by file name.
        problems: what is missing or damaged, one sentence each.
    """

    path: Path
    recipe: PretrainConfig | None = None
    provenance: dict[str, Any] | None = None
    metrics: dict[int, dict[str, float]] = dataclasses.field(default_factory=dict)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    suite: dict[str, Any] | None = None
    not_measured: list[dict[str, str]] = dataclasses.field(default_factory=list)
    audits: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    studies: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    receipts: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """The folder as the user named it."""
        return str(self.path)

    @property
    def is_training(self) -> bool:
        """Whether an encoder was trained here."""
        return self.recipe is not None or self.provenance is not None or bool(self.metrics)


def folders_under(path: Path) -> list[Path]:
    """The folder, and those directly in it that hold a training or an evaluation (as the demo's folder does)."""
    if not path.is_dir():
        return [path]
    inner = [one for one in sorted(path.iterdir()) if one.is_dir()]
    runs = [one for one in inner if (one / "results.jsonl").is_file() or (one / "metrics.csv").is_file()]
    has_own = any(path.glob("*.json*")) or any(path.glob("*.csv")) or (path / "config.yaml").is_file()
    return ([path] if has_own or not runs else []) + runs


def read_run(path: Path) -> RunFolder:
    """Everything that a folder holds.

    Raises:
        UserError: if there is no such folder, or nothing in it that a report could show.
    """
    if not path.is_dir():
        raise UserError(f"no run folder at {str(path)!r}")
    run = RunFolder(path=path)
    run = _with_configuration(run)
    run = _with_measurements(run)
    run = _with_documents(run)
    if not (run.is_training or run.findings or run.audits or run.studies or run.receipts or run.suite):
        raise UserError(
            f"{str(path)!r} holds nothing to report; expected the run folder of procmem pretrain or eval, or one with "
            "the JSON of an audit, a study or a receipt"
        )
    if run.is_training:
        missing = [name for name in ("config.yaml", "provenance.json", "metrics.csv") if not (path / name).exists()]
        run.problems.extend(f"`{path / name}` is not there, so the page does not show it." for name in missing)
        if run.metrics and not list((path / "checkpoints").glob("*.ckpt")):
            run.problems.append(f"`{path / 'checkpoints'}` holds no checkpoint: the encoder itself is not there.")
    return run


def _with_configuration(run: RunFolder) -> RunFolder:
    path = run.path / "config.yaml"
    if not path.exists():
        return run
    try:
        value = read_yaml(path)
        if "tasks" in value:
            return dataclasses.replace(run, suite=value)
        return dataclasses.replace(run, recipe=PretrainConfig.from_dict(value))
    except UserError as error:
        run.problems.append(f"`{path}` cannot be read: {error}")
        return run


def _with_measurements(run: RunFolder) -> RunFolder:
    findings, broken = read_findings([run.path]) if (run.path / "results.jsonl").is_file() else ([], [])
    run.problems.extend(f"{problem}. It is left out." for problem in broken)
    if run.suite is not None and not findings:
        run.problems.append(f"`{run.path}` is the folder of an evaluation that has no numbers yet.")
    metrics = {}
    try:
        metrics = read_metrics(run.path / "metrics.csv")
    except (OSError, ValueError, KeyError) as error:
        run.problems.append(f"`{run.path / 'metrics.csv'}` cannot be read: {error}")
    return dataclasses.replace(run, findings=findings, metrics=metrics)


def _with_documents(run: RunFolder) -> RunFolder:
    """The JSON files, told apart by what is in them."""
    found: dict[str, Any] = {"audits": {}, "studies": {}, "receipts": {}}
    for path in sorted(run.path.glob("*.json")):
        try:
            value = read_json(path)
        except UserError as error:
            run.problems.append(f"{error}. It is left out.")
            continue
        if path.name == "provenance.json":
            found["provenance"] = value
        elif path.name == "not_measured.json":
            found["not_measured"] = value
        elif isinstance(value, dict) and "audits" in value:
            found["audits"][path.name] = value
        elif isinstance(value, dict) and {"erased", "files_scanned"} <= set(value):
            found["receipts"][path.name] = value
        elif isinstance(value, dict) and any(isinstance(one, dict) and "curves" in one for one in value.values()):
            found["studies"][path.name] = value
    return dataclasses.replace(run, **found)
