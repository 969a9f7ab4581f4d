"""metrics.csv: one row a recorded step, complete and without repeated rows however often a run was continued.

Opened at the step where the run goes on, it drops the rows that lie beyond: they belong to steps that will be made
again. A new column rewrites the file; everything else is one appended line.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from procmem.files import write_text


class MetricsFile:
    """A CSV file keyed by step.

    Args:
        path: the file; made on the first row.
        completed_steps: rows beyond this step are dropped.
    """

    def __init__(self, path: Path, completed_steps: int) -> None:
        self.path = path
        self._rows = {step: row for step, row in read_metrics(path).items() if step <= completed_steps}
        self._columns = _columns(self._rows)
        if self._rows:
            self._rewrite(self._columns)
        else:
            path.unlink(missing_ok=True)

    def record(self, step: int, values: dict[str, float]) -> None:
        """Add values to the row of a step.

        Raises:
            UserError: if the disk is full (OSError where only a line was added); nothing is lost, the next call writes
                all rows.
        """
        is_new_row = step not in self._rows
        self._rows.setdefault(step, {}).update(values)
        columns, written = _columns(self._rows), self._columns
        self._columns = []  # until the row is on disk
        if columns != written or not is_new_row:
            self._rewrite(columns)
        else:
            self._append(step, columns)
        self._columns = columns

    def _append(self, step: int, columns: list[str]) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, ["step", *columns], lineterminator="\n").writerow({"step": step} | self._rows[step])

    @property
    def rows(self) -> dict[int, dict[str, float]]:
        """Step -> name -> value."""
        return self._rows

    def _rewrite(self, columns: list[str]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, ["step", *columns], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"step": step} | row for step, row in sorted(self._rows.items()))
        write_text(self.path, text.getvalue())


def read_metrics(path: Path) -> dict[int, dict[str, float]]:
    """Step -> name -> value, for the values that are there; empty if the file is not. A cut last line is left out."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        width = len(reader.fieldnames or ())
        rows = [row for row in reader if None not in row.values() and len(row) == width]
    return {int(row["step"]): {k: float(v) for k, v in row.items() if k != "step" and v != ""} for row in rows}


def _columns(rows: dict[int, dict[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows.values() for name in row))
