"""A suite: a list of tasks under shared conditions, and the runner that measures them on several encoders.

A suite is YAML (`configs/eval/*.yaml`): ``conditions``, default ``encoders``, and ``tasks``, one line each with kind
and settings (``- knn: {dataset: cifar10}``), built from the task's dataclass; an unknown key is an error. The runner
goes task by task through all encoders, so that an interrupted suite leaves whole rows to compare. What is finished is
kept as a record (`eval.records`) and not measured again. Data that are not here and encoders that a task cannot take
do not stop the others; they are told at the end.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from eval.data_at_hand import data_fingerprint, names_of, what_is_missing
from eval.records import finished, keep, record_key
from eval.result import EvalResult, append_results, read_what_is_whole
from eval.task import Conditions, Task
from eval.tasks.registry import task_class
from eval.white_box import load_measured
from pretrain.encoder import Encoder
from pretrain.timm_weights import MissingWeightsError
from procmem.errors import UserError, unknown_name
from procmem.files import make_folder, write_json, write_text
from procmem.progress import say
from procmem.provenance import code_version
from procmem.recipes import find_recipe
from procmem.strict_yaml import build, plain, read_yaml

SECONDS_WORTH_A_LINE = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    """What to measure.

    Attributes:
        name: of the suite.
        tasks: in the order in which they are measured and shown.
        conditions: shared by all tasks.
        encoders: taken where a caller names none.
    """

    name: str
    tasks: tuple[Task, ...]
    conditions: Conditions = dataclasses.field(default_factory=Conditions)
    encoders: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in YAML; `suite_from` is the inverse."""
        return {
            "conditions": plain(self.conditions),
            "encoders": list(self.encoders),
            "tasks": [{task.kind: plain(task)} for task in self.tasks],
        }

    def on_datasets(self, names: Sequence[str]) -> Suite:
        """The same kinds of tasks on other data sets, each kind with each of its settings on each of them.

        Raises:
            UserError: if no task of the suite takes a data set.
        """
        movable = [task for task in self.tasks if "dataset" in plain(task)]
        if not movable:
            raise UserError(f"no task of suite {self.name!r} takes a data set, so data sets cannot be chosen")
        moved: list[Task] = []
        for name in names:
            for task in movable:
                made = cast(Task, dataclasses.replace(cast(Any, task), dataset=name))
                moved += [] if made in moved else [made]
        return dataclasses.replace(self, tasks=tuple(moved))


@dataclasses.dataclass(frozen=True, kw_only=True)
class NotMeasured:
    """A task that gave no number, or an encoder that could not be loaded.

    Attributes:
        task: kind and data set; "" for all tasks.
        encoder: specification; "" for all encoders.
        reason: what is missing and how to get it, or why the task refused the encoder.
    """

    task: str
    encoder: str
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuiteRun:
    """What a run of a suite gave.

    Attributes:
        suite: what was asked for.
        results: every number, task by task, encoder by encoder.
        not_measured: what gave none, and why.
        num_pairs: pairs of task and encoder that gave numbers.
        num_reused: of these, how many were already there.
        seconds: of the whole run.
    """

    suite: Suite
    results: list[EvalResult]
    not_measured: list[NotMeasured]
    num_pairs: int
    num_reused: int
    seconds: float


def not_measured_by_reason(absent: Sequence[NotMeasured]) -> dict[str, str]:
    """Reason -> what it kept from being measured, in one line: tasks, and encoders where not all are concerned."""
    groups: dict[str, list[NotMeasured]] = {}
    for one in absent:
        groups.setdefault(one.reason, []).append(one)
    lines = {}
    for reason, own in groups.items():
        names = (dict.fromkeys(one.task for one in own), dict.fromkeys(one.encoder for one in own))
        lines[reason] = " · ".join(filter(None, (", ".join(filter(None, part)) for part in names)))
    return lines


def load_suite(name_or_path: str) -> Suite:
    """A suite of `configs/eval` by name, or any YAML file.

    Raises:
        UserError: if there is none (nearest names are offered), or a key or value is wrong.
    """
    path = find_recipe(name_or_path, "eval")
    return suite_from(read_yaml(path), path.stem)


def suite_from(value: Mapping[str, Any], name: str) -> Suite:
    """A suite from nested plain values.

    Raises:
        UserError: for an unknown key, task or setting (nearest names are offered), or a value of another type.
    """
    for key in value:
        if key not in ("conditions", "encoders", "tasks"):
            raise unknown_name(f"key in suite {name!r}", str(key), ("conditions", "encoders", "tasks"))
    lines = value.get("tasks")
    if not isinstance(lines, list) or not lines:
        raise UserError(f"suite {name!r} needs tasks, a list such as '- knn: {{dataset: cifar10}}', got {lines!r}")
    encoders = value.get("encoders") or []
    if not isinstance(encoders, list) or not all(isinstance(spec, str) for spec in encoders):
        raise UserError(f"encoders of suite {name!r} must be a list of specifications, got {encoders!r}")
    tasks = tuple(_task(line, f"tasks[{position}]") for position, line in enumerate(lines))
    twice = next((task for position, task in enumerate(tasks) if task in tasks[:position]), None)
    if twice is not None:
        raise UserError(f"suite {name!r} lists a task twice: {twice}")
    conditions = build(Conditions, value.get("conditions") or {}, "conditions")
    return Suite(name=name, tasks=tasks, conditions=conditions, encoders=tuple(encoders))


def _task(line: Any, where: str) -> Task:
    if isinstance(line, str):
        line = {line: {}}
    if not isinstance(line, Mapping) or len(line) != 1:
        raise UserError(
            f"{where} must be one kind of task with its settings, as 'knn: {{dataset: cifar10}}', got {line!r}"
        )
    ((kind, settings),) = line.items()
    return cast(Task, build(cast(Any, task_class(str(kind))), settings or {}, f"{where}.{kind}"))


def title_of(task: Task) -> str:
    """Kind and data set, for people."""
    return " on ".join([task.kind, *names_of(task)[:1]])


def run_suite(suite: Suite, encoders: Sequence[str], folder: Path, *, fresh: bool = False) -> SuiteRun:
    """Measure every task on every encoder, and keep what is found.

    The folder gets ``config.yaml`` (the suite, to be run again), ``results.jsonl``, ``records/`` and
    ``not_measured.json``.

    Args:
        suite: what to measure.
        encoders: specifications; the first one is what the others will be compared with.
        folder: the run folder.
        fresh: measure again what is there.

    Raises:
        UserError: if an encoder is unknown or named twice, the folder cannot be written, or there is no encoder.
            Names are checked before any work starts; an encoder whose published weights cannot be had is left out.
    """
    start = time.perf_counter()
    suite = dataclasses.replace(suite, encoders=tuple(encoders))
    tasks, not_measured = _tasks_at_hand(suite)
    loaded, without_weights = _load(suite)
    write_text(make_folder(folder) / "config.yaml", yaml.safe_dump(suite.to_dict(), sort_keys=False))
    pairs = [(task, encoder) for task in tasks for encoder in loaded]
    runner = _Runner(suite.conditions, folder, fresh, pairs)
    runner.run()
    not_measured += [*without_weights, *runner.refused]
    write_json(folder / "not_measured.json", [dataclasses.asdict(one) for one in not_measured])
    return SuiteRun(
        suite=suite,
        results=runner.results,
        not_measured=not_measured,
        num_pairs=len(pairs) - len(runner.refused),
        num_reused=runner.num_reused,
        seconds=time.perf_counter() - start,
    )


def _tasks_at_hand(suite: Suite) -> tuple[list[Task], list[NotMeasured]]:
    """The tasks whose data are here, and for each of the others the first data set that is not."""
    tasks, missing = [], []
    for task in suite.tasks:
        reasons = [reason for name in names_of(task) if (reason := what_is_missing(name))]
        if reasons:
            missing.append(NotMeasured(task=title_of(task), encoder="", reason=reasons[0]))
        else:
            tasks.append(task)
    return tasks, missing


def _load(suite: Suite) -> tuple[list[Encoder], list[NotMeasured]]:
    """The encoders, and those whose weights cannot be had."""
    if not suite.encoders:
        raise UserError("an evaluation needs at least one encoder, for example pixels")
    if len(set(suite.encoders)) != len(suite.encoders):
        raise UserError(f"encoders names something twice: {', '.join(suite.encoders)}")
    loaded, missing = [], []
    for spec in suite.encoders:
        try:
            loaded.append(load_measured(spec, suite.conditions.device, precision=suite.conditions.precision))
        except MissingWeightsError as error:
            missing.append(NotMeasured(task="", encoder=spec, reason=str(error)))
    return loaded, missing


class _Runner:
    """Measures pair by pair, or finds the record, and says how far it is."""

    def __init__(
        self, conditions: Conditions, folder: Path, fresh: bool, pairs: Sequence[tuple[Task, Encoder]]
    ) -> None:
        self.conditions, self.folder = conditions, folder
        self.results: list[EvalResult] = []
        self.refused: list[NotMeasured] = []
        self.num_reused = self.num_done = 0
        self._seconds: list[float] = []
        self._fingerprints: dict[tuple[str, ...], str] = {}
        self._known = [] if fresh else self._read()
        self._pairs = [(task, encoder, *self._finished(task, encoder)) for task, encoder in pairs]
        self._num_open = sum(not found for *_, found in self._pairs)

    def run(self) -> None:
        """All pairs, in order."""
        for pair in self._pairs:
            self._pair(*pair)

    def _pair(self, task: Task, encoder: Encoder, key: str, data: str, found: list[EvalResult]) -> None:
        self.num_done += 1
        if found:
            self.num_reused += 1
            self.results += self._under_its_name(encoder, found)
            return
        self._num_open -= 1
        start = time.perf_counter()
        try:
            outcome = task.measure(encoder, self.conditions)
        except UserError as error:
            self.refused.append(NotMeasured(task=title_of(task), encoder=encoder.name, reason=str(error)))
            return
        seconds = time.perf_counter() - start
        more = {"data_fingerprint": data, "seconds": round(seconds, 3)}
        self.results += keep(self.folder, key, task, encoder, outcome, self.conditions, **more)
        self._tell(f"{title_of(task)} · {encoder.name}", seconds)

    def _under_its_name(self, encoder: Encoder, found: list[EvalResult]) -> list[EvalResult]:
        """Numbers under the specification of today: a run that has moved, or ``pixels@64`` after ``pixels``.

        They are written once more, so that a page of the folder speaks of the encoder as it was asked for.
        """
        renamed = [dataclasses.replace(result, encoder=encoder.name) for result in found]
        # What bears this name is known: looking for it among all of a large folder would take seconds.
        new = [now for now, then in zip(renamed, found, strict=True) if now != then and now not in self._known]
        if new:
            append_results(self.folder / "results.jsonl", new)
        return renamed

    def _finished(self, task: Task, encoder: Encoder) -> tuple[str, str, list[EvalResult]]:
        """Name of the pair's record, fingerprint of its data, and its numbers where they are there."""
        names = names_of(task)
        if names not in self._fingerprints:
            self._fingerprints[names] = data_fingerprint(names)
        data = self._fingerprints[names]
        key = record_key(task, self.conditions, encoder.card().fingerprint, data)
        return key, data, finished(self.folder, key, self._known)

    def _tell(self, what: str, seconds: float) -> None:
        self._seconds.append(seconds)
        left = self._num_open * sum(self._seconds) / len(self._seconds)
        outlook = f", about {_duration(left)} left" if left > SECONDS_WORTH_A_LINE else ""
        say(f"[{self.num_done}/{len(self._pairs)}] {what}: {_duration(seconds)}{outlook}")

    def _read(self) -> list[EvalResult]:
        path = self.folder / "results.jsonl"
        if not path.exists():
            return []
        results, problems = read_what_is_whole(path)
        for problem in problems:
            say(f"warning: {problem}; what it told is measured again")
        versions = {result.code_version for result in results} - {code_version()}
        if versions:
            say(f"numbers measured by {', '.join(sorted(versions))} are kept; --fresh measures them again")
        return results


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
