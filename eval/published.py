"""The papers' numbers (`published.yaml`) and which of them stands beside one of ours.

A number of ours is compared with a printed one where the task, the data set and the settings are those of the table.
It is marked where the two differ by more than two standard errors of their difference: the samples are the same
images but the encoders are not, so the errors are taken as independent. A subset of the data set, or another encoder,
is no replication; the caller says which it is.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.result import EvalResult
from eval.statistics import share_standard_error
from procmem.strict_yaml import read_yaml

FILE = Path(__file__).with_name("published.yaml")
MOST_STANDARD_ERRORS = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Printed:
    """One number of a paper.

    Attributes:
        value: as printed.
        standard_error: printed or binomial, in the number's unit; None where neither is known.
    """

    value: float
    standard_error: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """What a column of a table measures.

    Attributes:
        title: as in the paper.
        metric: of ours.
        dataset: name in our registry; "" for any.
        where: settings that a number of ours must have.
        n: cases behind a printed number; None where unknown.
    """

    title: str
    metric: str
    dataset: str
    where: Mapping[str, Any]
    n: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table.

    Attributes:
        name: key in the file.
        paper: authors, year, title.
        title: which table, and of what.
        rule: how the numbers were found, where that is not what we would do.
        task: kind of our task.
        scale: a printed number over ours.
        columns: in order.
        rows: row -> column -> number, for the cells that the paper fills.
    """

    name: str
    paper: str
    title: str
    rule: str
    task: str
    scale: float
    columns: tuple[Column, ...]
    rows: Mapping[str, Mapping[str, Printed]]

    def column_of(self, result: EvalResult) -> Column | None:
        """The column in which a number of ours belongs."""
        if result.task != self.task:
            return None
        return next((column for column in self.columns if _fits(column, result)), None)

    def row_of(self, result: EvalResult) -> str | None:
        """The row whose encoder is made as ours is."""
        return next((row for row in self.rows if _is_same_encoder(row, result)), None)

    def beside(self, result: EvalResult) -> Printed | None:
        """The printed number for this encoder and data set."""
        column, row = self.column_of(result), self.row_of(result)
        return None if column is None or row is None else self.rows[row].get(column.title)

    def as_printed(self, printed: Printed) -> str:
        """The number with as many decimals as the table has."""
        values = [repr(cell.value) for cells in self.rows.values() for cell in cells.values()]
        decimals = max(len(value.partition(".")[2]) for value in values)
        return f"{printed.value:.{decimals}f}"

    def differs(self, result: EvalResult, printed: Printed) -> bool:
        """Whether the two numbers are more than two standard errors of their difference apart."""
        error = math.hypot(self.scale * result.standard_error, printed.standard_error or 0.0)
        return abs(self.scale * result.value - printed.value) > MOST_STANDARD_ERRORS * error


@functools.cache
def published_tables() -> tuple[PublishedTable, ...]:
    """All tables of the file."""
    content = _content()
    return tuple(_table(name, table, content["papers"]) for name, table in content["tables"].items())


@functools.cache
def _content() -> dict[str, Any]:
    return read_yaml(FILE)


def _table(name: str, table: Mapping[str, Any], papers: Mapping[str, str]) -> PublishedTable:
    shared = table.get("where", {})
    columns = tuple(
        Column(
            title=title,
            metric=own.get("metric", table.get("metric", "")),
            dataset=own.get("dataset", ""),
            where=shared | own.get("where", {}),
            n=own.get("n"),
        )
        for title, own in table["columns"].items()
    )
    rows = {}
    for row, cells in table["rows"].items():
        named = zip(columns, cells, strict=True)
        rows[row] = {column.title: _printed(cell, column.n, table) for column, cell in named if cell is not None}
    return PublishedTable(
        name=name,
        paper=papers[table["paper"]],
        title=table["title"],
        rule=table.get("rule", ""),
        task=table["task"],
        scale=float(table["scale"]),
        columns=columns,
        rows=rows,
    )


def _printed(cell: float | list[float], n: int | None, table: Mapping[str, Any]) -> Printed:
    if isinstance(cell, list):
        return Printed(value=cell[0], standard_error=cell[1])
    error = None
    if table.get("shares") and n:
        error = table["scale"] * share_standard_error(cell / table["scale"], n)
    return Printed(value=float(cell), standard_error=error)


def _fits(column: Column, result: EvalResult) -> bool:
    settings = result.settings | result.config
    dataset = str(result.settings.get("dataset", "")).partition("@")[0]
    return (
        result.metric == column.metric
        and column.dataset in ("", dataset)
        and all(settings.get(name) == value for name, value in column.where.items())
    )


def _is_same_encoder(row: str, result: EvalResult) -> bool:
    wanted = _content()["same_encoder"].get(row)
    if wanted is None:
        return False
    if "name" in wanted:
        without_size = re.sub(r"@\d+$", "", result.encoder)
        return fnmatch.fnmatchcase(without_size, wanted["name"])
    trained = result.provenance.get("real_images") is False and result.provenance.get("images_seen", 0)
    processes = [process_chain(process) for process in result.provenance.get("processes", ())]
    return bool(trained) and processes == [wanted["process"]]


def process_chain(description: Mapping[str, Any]) -> str:
    """A process as its operators and its source, outer first: ``mixup/leaves/shaders``."""
    names = []
    inner: Any = description
    while isinstance(inner, Mapping) and len(inner) == 1:
        ((name, settings),) = inner.items()
        names.append(str(name))
        inner = settings.get("source") if isinstance(settings, Mapping) else None
    return "/".join(names)
