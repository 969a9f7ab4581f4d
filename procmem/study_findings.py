"""What a study of a memory gives: a table, curves and single numbers, in plain numbers and words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from eval.figures import CurvePanel

DEEPEST = 100
"""Neighbours of the studies by rank; the papers' number."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """What a study found.

    Attributes:
        title: what was measured, with its settings.
        header: of the table.
        rows: of the table, plain numbers and words.
        panels: curves.
        numbers: fits and single findings, plain JSON types.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    panels: list[CurvePanel] = dataclasses.field(default_factory=list)
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def few_rows(rows: Any, count: int = 12) -> list[tuple[Any, ...]]:
    """About so many of many rows, first and last among them, in plain numbers."""
    listed = [tuple(plain_number(cell) for cell in row) for row in rows]
    places = np.unique(np.linspace(0, len(listed) - 1, min(count, len(listed))).round().astype(int))
    return [listed[place] for place in places.tolist()]


def plain_number(value: Any) -> Any:
    """A plain number; None for NaN."""
    return (
        None
        if isinstance(value, float) and np.isnan(value)
        else value.item()
        if isinstance(value, np.generic)
        else value
    )


def points(x: Any, y: Any) -> tuple[list[float], list[float]]:
    """A curve of a panel."""
    return np.asarray(x, float).tolist(), np.asarray(y, float).tolist()
