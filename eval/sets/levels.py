"""Levels above the classes of a data set: level -> group of each class, coarsest first.

The one form that `memory.hierarchy.make_levels` takes. A table beside the images gives them, or the classes' own names.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from procmem.errors import UserError

LEVELS_FILE = "levels.csv"


def read_levels(path: Path, class_names: Sequence[str]) -> dict[str, list[str]]:
    """Levels from a table: first column the class, then one column for each level, coarsest first, and a head.

    Raises:
        UserError: if it cannot be read, or a class has no row.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read levels from {str(path)!r}: {error}") from error
    table = {row[0]: row[1:] for row in rows if len(row) == len(head)}
    missing = [name for name in class_names if name not in table]
    if missing or len(head) < 2:
        raise UserError(
            f"{str(path)!r} must have a row for each class (the class, then its group on each level, and a head); "
            f"no row for {', '.join(missing[:5]) or 'any level'}"
        )
    return {level: [table[name][column] for name in class_names] for column, level in enumerate(head[1:])}


def with_own_names(levels: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Levels where no two groups share a name: one that lies in several groups is called "name (group above)".

    Biology needs it: Pieris is a genus of butterflies and one of shrubs.

    Args:
        levels: level -> group of each class, coarsest first.
    """
    unique: dict[str, list[str]] = {}
    above: list[str] | None = None
    for level, groups in levels.items():
        own = list(groups)
        if above is not None:
            parents = defaultdict(set)
            for group, parent in zip(own, above, strict=True):
                parents[group].add(parent)
            own = [
                f"{group} ({parent})" if len(parents[group]) > 1 else group
                for group, parent in zip(own, above, strict=True)
            ]
        unique[level] = above = own
    return unique
