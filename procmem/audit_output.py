"""What commands about audits print: the subject in a line, and tables in columns."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any


def print_subject(description: Mapping[str, Any]) -> None:
    """One line that names the memory, its version, the queries and the encoder."""
    sys.stdout.write(
        f"{description['memory']}, version {description['version']}: {description['memory_size']} entries, "
        f"{description['num_queries']} queries, encoder {description['encoder']}\n"
    )


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Columns (key -> head) of the rows, each as wide as its widest cell."""
    cells = [list(columns.values())]
    cells += [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    for line in cells:
        sys.stdout.write("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
