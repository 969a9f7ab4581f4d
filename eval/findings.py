"""What run folders hold, read back for tables, figures and reports: numbers, their cases, their pictures.

Several folders can be read together; the same number measured twice counts once, the later one. What is missing or
damaged is told as a sentence and does not stop the rest.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.records import pictures_of, score_of
from eval.result import EvalResult, read_what_is_whole
from eval.task import Score
from procmem.errors import UserError
from procmem.files import canonical_json
from procmem.provenance import RealImages

SHARE = re.compile(
    r"(accuracy|agreement|auroc|coverage|error|false_positive|fraction|hit_rate|iou|precision|r2|rate|recall|reduction|share)(_|/|@|$)"
)
"""Metrics between 0 and 1, which tables show in percent."""
REAL_IMAGES: dict[RealImages, str] = {True: "yes", False: "none", "unknown": "unknown"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One number and the run folder it is from.

    Attributes:
        result: the number.
        folder: its run folder.
        about: what tells it from the other numbers of the same metric and task, the same words for every encoder.
    """

    result: EvalResult
    folder: Path
    about: str = ""

    @property
    def encoder(self) -> tuple[str, str]:
        """Specification and fingerprint: one row of a table."""
        return self.result.encoder, self.result.encoder_fingerprint

    @property
    def measurement(self) -> str:
        """Task, settings, data and conditions: the same words for every encoder that was measured alike."""
        result = self.result
        shared = {name: value for name, value in result.conditions.items() if name in ("max_train", "max_val")}
        return canonical_json([result.task, result.settings, result.dataset, shared, result.seed])

    @property
    def is_share(self) -> bool:
        """Whether the number is shown in percent."""
        return is_share(self.result.metric)

    def score(self) -> Score:
        """The number with its value on each case, where those are kept."""
        return score_of(self.folder, self.result)

    def pictures(self) -> dict[str, Path]:
        """Name -> file of the pictures of its record."""
        return pictures_of(self.folder, self.result.record)


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1 and is shown in percent."""
    return SHARE.search(metric) is not None


def column_key(finding: Finding) -> tuple[str, str, str]:
    """What makes two numbers of different encoders the same column: measurement, metric, and what it is about."""
    return finding.measurement, finding.result.metric, finding.about


def findings_of(folder: Path, results: Iterable[EvalResult]) -> list[Finding]:
    """The results as findings, the later one where a number was measured twice."""
    latest: dict[str, Finding] = {}
    groups: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        finding = Finding(result=result, folder=folder)
        whole = [finding.encoder, finding.measurement]
        latest[canonical_json([*whole, result.name_in_record])] = finding
    for finding in latest.values():
        groups.setdefault(_group(finding), []).append(finding.result.config)
    return [
        dataclasses.replace(finding, about=_about(finding.result.config, groups[_group(finding)]))
        for finding in latest.values()
    ]


def _group(finding: Finding) -> str:
    result = finding.result
    return canonical_json([finding.encoder, finding.measurement, result.metric, result.headline, _words(result.config)])


def _about(config: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> str:
    """The words of a number's own settings, and its first setting that differs from all others of its group."""
    words = _words(config)
    if len(group) < 2:
        return words
    telling = (name for name in config if len({canonical_json(own.get(name)) for own in group}) == len(group))
    name = next(telling, None)
    return words if name is None else f"{words} {name.replace('_', ' ')} {config[name]}".strip()


def _words(config: Mapping[str, Any]) -> str:
    return " ".join(str(v) for k, v in config.items() if isinstance(v, str) and k not in ("rule", "selection"))


def read_findings(folders: Sequence[Path]) -> tuple[list[Finding], list[str]]:
    """All numbers of several run folders, and one sentence for each line that could not be read.

    Raises:
        UserError: if a folder has no results.jsonl.
    """
    found: list[Finding] = []
    problems: list[str] = []
    for folder in folders:
        path = folder / "results.jsonl"
        if not path.is_file():
            raise UserError(f"{str(folder)!r} has no results.jsonl; expected the run folder of procmem eval")
        results, broken = read_what_is_whole(path)
        problems += broken
        found += findings_of(folder, results)
    return found, problems


def grid_of(findings: Iterable[Finding]) -> dict[tuple[tuple[str, str], tuple[str, str, str]], Finding]:
    """(encoder, column) -> number."""
    return {(finding.encoder, column_key(finding)): finding for finding in findings}


def encoders_of(findings: Iterable[Finding]) -> dict[tuple[str, str], str]:
    """Encoder -> its row's name, in order; two with one specification are told apart by their fingerprint."""
    encoders = list(dict.fromkeys(finding.encoder for finding in findings))
    names = [name for name, _ in encoders]
    return {(name, mark): name if names.count(name) == 1 else f"{name} [{mark[:8]}]" for name, mark in encoders}


def columns_of(findings: Sequence[Finding]) -> dict[tuple[str, str, str], str]:
    """Column -> its head: as few words as tell it from the others."""
    firsts: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        firsts.setdefault(column_key(finding), finding)
    parts = {key: _parts(finding) for key, finding in firsts.items()}
    names = list(dict.fromkeys(name for own in parts.values() for name in own))
    telling = [name for name in names if len({own.get(name) for own in parts.values()}) > 1]
    heads = {}
    for key, own in parts.items():
        words = [own[name] for name in telling if own.get(name)] or [own["data"], own["metric"]]
        heads[key] = " ".join(word for word in words if word)
    return heads


def _parts(finding: Finding) -> dict[str, str]:
    result = finding.result
    settings = {f"set {name}": f"{name}={value}" for name, value in result.settings.items() if name != "dataset"}
    return {
        "data": dataset_name(result.settings, result.dataset),
        "metric": result.metric.replace("_", " "),
        "about": "" if finding.about in result.metric else finding.about,
        **settings,
    }


def dataset_name(settings: Mapping[str, Any], described: str) -> str:
    """A data set as a suite names it, of a path the last folder; as described where a task names none."""
    name = str(settings.get("dataset") or described)
    return name.rstrip("/").rpartition("/")[2]  # of a path its last folder
