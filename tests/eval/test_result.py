"""Results on disk and the tables made of them. Run: pytest tests/eval/test_result.py."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eval.result import EvalResult, append_results, describe_machine, read_results
from pretrain.pixel_encoders import Pixels
from procmem.errors import UserError


def result(value: float = 0.25, **fields: object) -> EvalResult:
    return EvalResult.of(
        Pixels().card(),
        **({"dataset": "set", "metric": "top1_accuracy", "value": value, "n": 4, "standard_error": 0.1} | fields),
        config={"k": 1},
    )


def test_what_is_written_is_read_back_with_the_encoders_history(tmp_path: Path) -> None:
    path = tmp_path / "run" / "results.jsonl"
    first, second = result(0.25), result(0.5)
    append_results(path, [first])
    append_results(path, [second])
    assert read_results(path) == [first, second]
    assert first.provenance["real_images"] is False
    assert first.encoder_fingerprint == Pixels().card().fingerprint
    assert first.code_version


def test_writers_at_the_same_time_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: append_results(path, [result(i / 100)] * 3), range(40)))
    values = [one.value for one in read_results(path)]
    assert sorted(values) == sorted(i / 100 for i in range(40) for _ in range(3))
    assert all(values[i] == values[i + 1] == values[i + 2] for i in range(0, 120, 3))


def test_nan_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not finite"):
        append_results(tmp_path / "results.jsonl", [result(float("nan"))])
    assert not (tmp_path / "results.jsonl").exists()


def test_a_line_that_is_no_result_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_results(path, [result()])
    with path.open("a") as file:
        file.write('{"half": \n')
    with pytest.raises(UserError, match="line 2 is no result"):
        read_results(path)
    with pytest.raises(UserError, match="cannot read"):
        read_results(tmp_path / "none.jsonl")


def test_the_machine_is_described_without_its_name() -> None:
    import platform

    assert platform.node() not in [str(value) for value in describe_machine().values()]
    assert describe_machine()["cores"] >= 1


def test_results_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result().value = 1.0  # type: ignore[misc]
