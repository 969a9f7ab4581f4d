"""metrics.csv across restarts. Run: pytest tests/pretrain/test_metrics.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from pretrain.metrics import MetricsFile, read_metrics


def test_a_continued_file_drops_later_rows_and_repeats_none(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    first = MetricsFile(path, 0)
    for step in (2, 4, 6):
        first.record(step, {"loss": step / 10})
    second = MetricsFile(path, 4)
    second.record(6, {"loss": 0.75})
    assert path.read_text() == "step,loss\n2,0.2\n4,0.4\n6,0.75\n"


def test_a_new_column_and_a_second_part_of_a_row_keep_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    metrics = MetricsFile(path, 0)
    metrics.record(1, {"loss": 3.0})
    metrics.record(1, {"probe/top1_accuracy": 0.5})
    metrics.record(2, {"loss": 2.0})
    assert path.read_text() == "step,loss,probe/top1_accuracy\n1,3.0,0.5\n2,2.0,\n"
    assert read_metrics(path) == {1: {"loss": 3.0, "probe/top1_accuracy": 0.5}, 2: {"loss": 2.0}}


def test_a_new_run_starts_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    MetricsFile(path, 0).record(5, {"loss": 1.0})
    MetricsFile(path, 0)
    assert not path.exists()


def test_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss,images\n1,3.0,8\n2,2.")
    assert read_metrics(path) == {1: {"loss": 3.0, "images": 8.0}}


def test_a_row_that_found_no_room_is_written_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.csv"
    metrics = MetricsFile(path, 0)
    metrics.record(1, {"loss": 3.0})

    def fail(self: MetricsFile, step: int, columns: list[str]) -> None:
        path.write_text(path.read_text() + "2,1")  # half a line
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MetricsFile, "_append", fail)
        with pytest.raises(OSError, match="No space"):
            metrics.record(2, {"loss": 2.0})
    metrics.record(3, {"loss": 1.0})
    assert read_metrics(path) == {1: {"loss": 3.0}, 2: {"loss": 2.0}, 3: {"loss": 1.0}}
