"""Finished measurements on disk: what lets an evaluation continue, and compare encoders case by case later.

A record is one task on one encoder. Its numbers are lines of ``results.jsonl``; its folder ``records/KEY/`` holds what
does not fit there: the value of every case (``cases.npz``) and the pictures. ``record.json`` is written last, so a
folder without it is an interrupted measurement and is made again. The key is a fingerprint over everything that can
change a number except the code: a changed task, data set or encoder finds no record.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.result import EvalResult, append_results
from eval.task import Conditions, Outcome, Score, Task, results_of
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.files import atomic_write, make_folder, read_json, short_fingerprint, write_json
from procmem.progress import say
from procmem.strict_yaml import plain

FORMAT = 1
NOT_IN_THE_KEY = ("device", "num_devices", "batch_size")
"""Conditions that change how long a measurement takes and not what it measures."""


def record_key(task: Task, conditions: Conditions, encoder_fingerprint: str, data_fingerprint: str) -> str:
    """Name of a record: kind of task, and 16 hex digits over all that its numbers depend on."""
    shared = {name: value for name, value in plain(conditions).items() if name not in NOT_IN_THE_KEY}
    parts = [FORMAT, task.kind, plain(task), shared, encoder_fingerprint, data_fingerprint]
    return f"{task.kind}-{short_fingerprint(parts)}"


def keep(
    folder: Path,
    key: str,
    task: Task,
    encoder: Encoder,
    outcome: Outcome,
    conditions: Conditions,
    **more: Any,
) -> list[EvalResult]:
    """Write what a task found: numbers, then cases and pictures, then the mark that it is finished.

    Args:
        folder: the run folder.
        key: from `record_key`.
        task: what was measured.
        encoder: on which encoder.
        outcome: what was found.
        conditions: under which it was measured.
        more: further fields of every result.

    Returns:
        The numbers, as they stand in results.jsonl.
    """
    results = results_of(task, encoder, outcome, conditions, record=key, **more)
    own = folder / "records" / key
    if own.exists():
        shutil.rmtree(own)  # left behind by an interruption, or made anew
    make_folder(own)
    pictures = {name: f"picture-{i}.png" for i, name in enumerate(outcome.pictures)}
    for name, file_name in pictures.items():
        with atomic_write(own / file_name) as file:
            outcome.pictures[name].save(file, format="PNG", optimize=True)
    _write_cases(own / "cases.npz", outcome, results)
    append_results(folder / "results.jsonl", results)
    num_results = len({result.name_in_record for result in results})
    write_json(own / "record.json", {"num_results": num_results, "pictures": pictures})
    return results


def finished(folder: Path, key: str, results: Sequence[EvalResult]) -> list[EvalResult]:
    """The numbers of a record, the latest where one was written twice; none unless the record is whole.

    Args:
        folder: the run folder.
        key: from `record_key`.
        results: all of the run's results.jsonl.
    """
    try:
        number = read_json(folder / "records" / key / "record.json")["num_results"]
    except (UserError, KeyError, TypeError):
        return []
    own = {result.name_in_record: result for result in results if result.record == key}
    return list(own.values()) if len(own) == number else []


def score_of(folder: Path, result: EvalResult) -> Score:
    """A number as its task gave it, with its cases where the record holds them; a damaged file is told."""
    path = folder / "records" / result.record / "cases.npz"
    own, cases = result.name_in_record, {}
    if result.record and path.is_file():
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                if f"values_{own}" in file:
                    names = file[f"names_{file[f'list_{own}']}"]
                    members = file.get(f"members_{own}")
                    cases = {"per_case": file[f"values_{own}"], "case_members": members}
                    cases["case_names"] = tuple(names.tolist())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            say(f"warning: {str(path)!r} is damaged, its cases cannot be compared: {error}")
            cases = {}
    return Score(
        metric=result.metric,
        value=result.value,
        n=result.n,
        standard_error=result.standard_error,
        config=result.config,
        is_headline=result.headline,
        **cases,
    )


def pictures_of(folder: Path, key: str) -> dict[str, Path]:
    """Name -> file of a record's pictures; empty where there are none."""
    own = folder / "records" / key
    try:
        pictures = read_json(own / "record.json")["pictures"]
    except (UserError, KeyError, TypeError):
        return {}
    return {name: own / file for name, file in pictures.items() if (own / file).is_file()}


def _write_cases(path: Path, outcome: Outcome, results: Sequence[EvalResult]) -> None:
    arrays: dict[str, Any] = {}
    lists: dict[tuple[str, ...], int] = {}
    for score, result in zip(outcome.scores, results, strict=True):
        if score.per_case is None:
            continue
        own = result.name_in_record
        position = lists.setdefault(score.case_names, len(lists))
        arrays[f"values_{own}"] = score.per_case
        arrays[f"list_{own}"] = np.int64(position)
        if score.case_members is not None:
            arrays[f"members_{own}"] = score.case_members
        arrays[f"names_{position}"] = np.asarray(score.case_names, dtype=np.str_)
    if arrays:
        with atomic_write(path) as file:
            np.savez_compressed(file, **arrays)
