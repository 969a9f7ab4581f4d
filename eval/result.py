"""One measured number with everything needed to trust it, and the file it goes to.

``results.jsonl`` is append-only: one line a number, written in one call, so that an interrupted evaluation leaves
whole lines and two evaluations can write to one file.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from procmem.errors import UserError
from procmem.files import canonical_json, make_folder, short_fingerprint
from procmem.provenance import EncoderCard, code_version


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalResult:
    """One number.

    Attributes:
        encoder: specification.
        encoder_fingerprint: 64 hex digits; equal fingerprint, equal embeddings.
        provenance: what the encoder has seen, as plain JSON types.
        preprocessing: size, interpolation, mean and standard deviation.
        task: kind of the task.
        settings: of the task, as in a suite's YAML.
        conditions: what all tasks of the suite shared: device, precision, subset sizes.
        seed: of subsets, resamples and random layouts.
        dataset: name of the data set, with how a subset was drawn.
        data_fingerprint: of the data's files; "" where the data are generated or come with a library.
        metric: what was measured, for example "top1_accuracy".
        value: the number, in the metric's unit (shares are 0..1).
        n: number of queries (or images, or pairs) behind it.
        standard_error: of the value.
        config: settings of this number beyond the task's, for example ``{"k": 20}``.
        headline: whether a summary table shows it.
        record: folder under ``records/`` that holds its cases and pictures; "" for none.
        seconds: of the whole task on this encoder.
        code_version: version and commit.
        machine: what it ran on.
        time: when, UTC, ISO 8601.
    """

    encoder: str
    encoder_fingerprint: str
    provenance: dict[str, Any]
    dataset: str
    metric: str
    value: float
    n: int
    standard_error: float
    config: dict[str, Any]
    preprocessing: dict[str, Any] = dataclasses.field(default_factory=dict)
    task: str = ""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    conditions: dict[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    data_fingerprint: str = ""
    headline: bool = False
    record: str = ""
    seconds: float = 0.0
    code_version: str = dataclasses.field(default_factory=code_version)
    machine: dict[str, Any] = dataclasses.field(default_factory=lambda: describe_machine())
    time: str = dataclasses.field(default_factory=lambda: datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"))

    @classmethod
    def of(cls, card: EncoderCard, **fields: Any) -> EvalResult:
        """A result about the encoder of this card."""
        return cls(
            encoder=card.name,
            encoder_fingerprint=card.fingerprint,
            provenance=card.provenance.to_dict(),
            preprocessing=card.preprocessing,
            **fields,
        )

    @property
    def name_in_record(self) -> str:
        """What tells this number from the others of its record: metric and settings, as 16 hex digits."""
        return short_fingerprint([self.metric, self.config])


def describe_machine() -> dict[str, Any]:
    """Processor kind, cores, GPU and torch version; never the machine's name."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count() or 1,
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def append_results(path: Path, results: Iterable[EvalResult]) -> None:
    """Add results to a results.jsonl, one line each.

    Raises:
        UserError: if the file cannot be written, or a value is not finite (NaN is no result).
    """
    try:
        text = "".join(canonical_json(dataclasses.asdict(result)) + "\n" for result in results)
    except ValueError as error:
        raise UserError(f"a result holds a number that is not finite: {error}") from error
    make_folder(path.parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        with os.fdopen(handle, "ab", buffering=0) as file:
            file.write(text.encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def read_results(path: Path) -> list[EvalResult]:
    """All results of a file.

    Raises:
        UserError: if the file is unreadable or a line is no result, with the line's number.
    """
    results, problems = read_what_is_whole(path)
    if problems:
        raise UserError(problems[0])
    return results


def read_what_is_whole(path: Path) -> tuple[list[EvalResult], list[str]]:
    """The results of a file, and one sentence for each line that is none (cut by a full disk, edited by hand).

    Raises:
        UserError: if the file is unreadable.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    results, problems = [], []
    for number, line in enumerate(lines, start=1):
        try:
            results.append(EvalResult(**json.loads(line)))
        except (ValueError, TypeError) as error:
            problems.append(f"{str(path)!r} line {number} is no result: {error}")
    return results, problems
