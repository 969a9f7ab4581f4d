"""Tables of findings: encoders down, what was measured across, with standard errors; Markdown, LaTeX and CSV.

Each encoder is compared with the first one case by case, and the p-values of a table are corrected together (Holm);
a bare difference of two numbers is never printed. Where the papers have printed a number for the same measurement, it
stands beside ours, with a mark where the two differ by more than two standard errors.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from eval.comparison import MARGIN, Comparison, compare, corrected
from eval.findings import REAL_IMAGES, Finding, column_key, columns_of, dataset_name, encoders_of, grid_of, is_share
from eval.published import Column, PublishedTable, published_tables
from eval.statistics import Test

Format = Literal["markdown", "latex", "csv"]
DIFFERS = "≠"
NOTHING = "–"
SELECTIONS = {
    "best_on_val": "best on the queries (the papers' rule)",
    "leave_one_out": "leave-one-out on the memory",
    "held_out": "held-out fifth of the memory",
}
"""How a setting such as k was chosen: the published, the corrected and the held-out rule, side by side."""
TESTS: dict[Test, str] = {
    "McNemar": "by the exact McNemar test of answers",
    "sign flips": "by sign flips",
    "resampled members": "from the interval's own resamples, of the photographs that cases share",
    "Welch": "by Welch's t-test over seeds",
}
"""What a table says of where its p-values are from."""
CHOSEN_SETTINGS = ("k", "l2", "learning_rate")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResultTable:
    """A table, ready to be written in any format.

    Attributes:
        title: what was measured, in which unit.
        header: names of the columns.
        rows: cells as text; the first names the row.
        notes: what a reader must know, one sentence each.
        num_marked: how many rows from the top are ours, where others follow.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    num_marked: int | None = None


def tables_of(findings: Sequence[Finding]) -> list[ResultTable]:
    """Everything worth a table: results, comparisons, rules of choice side by side, the papers' tables."""
    tables: list[ResultTable] = []
    for kind in dict.fromkeys(finding.result.task for finding in findings):
        own = [finding for finding in findings if finding.result.task == kind]
        headlines = [finding for finding in own if finding.result.headline]
        tables += [headline_table(kind, headlines)] if headlines else []
        tables += comparison_tables(kind, headlines)
        tables += selection_tables(own)
    return [*tables, *paper_tables(findings)]


def headline_table(kind: str, headlines: Sequence[Finding]) -> ResultTable:
    """Encoders down, headline numbers across."""
    columns = columns_of(headlines)
    encoders, grid = encoders_of(headlines), grid_of(headlines)
    rows = []
    for encoder, label in encoders.items():
        own = {column: grid[encoder, column] for column in columns if (encoder, column) in grid}
        real = next(iter(own.values())).result.provenance.get("real_images", "unknown")
        cells = [with_error(own[column]) if column in own else NOTHING for column in columns]
        rows.append((label, REAL_IMAGES[real], *cells))
    any_share = any(finding.is_share for finding in headlines)
    data = dict.fromkeys(f"{finding.result.dataset}: n = {finding.result.n:,}" for finding in headlines)
    return ResultTable(
        title=kind + (", shares in %" if any_share else ""),
        header=("encoder", "real images", *columns.values()),
        rows=tuple(rows),
        notes=(f"± one standard error. {'; '.join(data)}.",),
    )


def against_first(headlines: Sequence[Finding], seed: int = 0) -> list[tuple[Finding, Finding, Comparison]]:
    """Every encoder against the first, measurement by measurement: the two numbers, and the first minus the other.

    Left out is what has no cases, or none in common; p-values are corrected over all that are compared here.
    """
    first = headlines[0].encoder if headlines else None
    own = {column_key(finding): finding for finding in headlines if finding.encoder == first}
    pairs, compared = [], []
    for other in headlines:
        reference = own.get(column_key(other))
        if reference is None or other.encoder == first:
            continue
        a, b = reference.score(), other.score()
        if a.per_case is not None and b.per_case is not None and set(a.case_names) & set(b.case_names):
            pairs.append((reference, other))
            compared.append(compare(a, b, seed=seed))
    return [(a, b, one) for (a, b), one in zip(pairs, corrected(compared), strict=True)]


def comparison_tables(kind: str, headlines: Sequence[Finding], seed: int = 0) -> list[ResultTable]:
    """Every encoder against the first; none where there is nothing to compare."""
    compared = against_first(headlines, seed)
    if not compared:
        return []
    columns, encoders = columns_of(headlines), encoders_of(headlines)
    rows = [
        (encoders[other.encoder], columns[column_key(other)], *_comparison_cells(comparison, other.is_share))
        for _, other, comparison in compared
    ]
    note = (
        f"Paired over cases: bootstrap intervals; p {_tests(rows, compared)}, corrected over this table (Holm). z: the "
        f"papers' test, as if the cases were different ones. Equivalent: p of a difference of {MARGIN:.0%} or more."
    )
    header = ("encoder", "measured", "difference", "95 % interval", "p", "p (Holm)", "p (z)", "p (equivalent)", "cases")
    title = f"{kind}: {next(iter(encoders.values()))} minus the others, on the same cases"
    return [ResultTable(title=title, header=header, rows=tuple(rows), notes=(note,))]


def _tests(rows: Sequence[tuple[str, ...]], compared: Sequence[tuple[Finding, Finding, Comparison]]) -> str:
    """Which tests gave the p-values, and where there are several, of what was measured."""
    measured: dict[str, dict[str, None]] = {}
    for (_, column, *_), (*_, comparison) in zip(rows, compared, strict=True):
        measured.setdefault(TESTS[comparison.difference.test], {})[column] = None
    if len(measured) == 1:
        return next(iter(measured))
    return "; ".join(f"{test} ({', '.join(columns)})" for test, columns in measured.items())


def _comparison_cells(comparison: Comparison, is_share: bool) -> tuple[str, ...]:
    found = comparison.difference
    factor, digits = (100, 1) if is_share else (1, 3)
    value, low, high = (f"{factor * number:+.{digits}f}" for number in (found.value, found.low, found.high))
    others = [f"{one.p_value:.2g}" if one else NOTHING for one in (comparison.unpaired, comparison.equivalence)]
    p_values = (f"{found.p_value:.2g}", f"{comparison.adjusted_p_value:.2g}", *others)
    return value, f"[{low}, {high}]", *p_values, f"{found.num_queries:,}"


def selection_tables(findings: Sequence[Finding]) -> list[ResultTable]:
    """Numbers whose setting was chosen in several ways: the papers' rule, the corrected one and a held-out one."""
    groups: dict[tuple[tuple[str, str], str, str], dict[str, Finding]] = {}
    first_rules: dict[str, Any] = {}
    for finding in findings:
        selection = finding.result.config.get("selection")
        if selection not in SELECTIONS:
            continue
        rule = finding.result.config.get("rule")
        if finding.result.headline:
            first_rules[finding.measurement] = rule
        key = (finding.encoder, finding.measurement, f"{finding.result.metric}/{rule}")
        groups.setdefault(key, {})[selection] = finding
    labels = encoders_of(findings)
    rows = []
    for (encoder, measurement, _), ways in groups.items():
        any_one = next(iter(ways.values())).result
        if len(ways) < 2 or any_one.config.get("rule") != first_rules.get(measurement):
            continue
        cells = [
            f"{with_error(ways[name])} ({_chosen(ways[name])})" if name in ways else NOTHING for name in SELECTIONS
        ]
        rows.append((labels[encoder], dataset_name(any_one.settings, any_one.dataset), *cells))
    if not rows:
        return []
    kind = findings[0].result.task
    note = "The first of the three is picked on the queries that it is reported on and is optimistic."
    return [
        ResultTable(
            title=f"{kind}: the setting chosen in three ways, %",
            header=("encoder", "measured", *SELECTIONS.values()),
            rows=tuple(rows),
            notes=(note,),
        )
    ]


def _chosen(finding: Finding) -> str:
    """The setting that was chosen: ``k = 20``."""
    config = finding.result.config
    return ", ".join(f"{name.replace('_', ' ')} = {config[name]:g}" for name in CHOSEN_SETTINGS if name in config)


def paper_tables(findings: Sequence[Finding]) -> list[ResultTable]:
    """The papers' tables of which a column was measured here, ours above theirs."""
    tables = []
    for table in published_tables():
        placed = [(column, f) for f in findings if (column := table.column_of(f.result)) is not None]
        if not placed:
            continue
        columns = [column for column in table.columns if any(column is own for own, _ in placed)]
        encoders = encoders_of([finding for _, finding in placed])
        ours = []
        for encoder, label in encoders.items():
            own = {column.title: finding for column, finding in placed if finding.encoder == encoder}
            cells = [_beside(table, own[column.title]) if column.title in own else NOTHING for column in columns]
            ours.append((label, *cells))
        theirs = [
            (f"paper: {row}", *(table.as_printed(cells[c.title]) if c.title in cells else NOTHING for c in columns))
            for row, cells in table.rows.items()
            if any(column.title in cells for column in columns)
        ]
        tables.append(
            ResultTable(
                title=f"{table.paper}, {table.title}",
                header=("encoder", *(column.title for column in columns)),
                rows=(*ours, *theirs),
                notes=_paper_notes(table, placed),
                num_marked=len(ours),
            )
        )
    return tables


def _paper_notes(table: PublishedTable, placed: Sequence[tuple[Column, Finding]]) -> tuple[str, ...]:
    notes = [
        "Ours ± one standard error; in brackets the paper's number for an encoder made the same way, "
        f"with {DIFFERS} where the two differ by more than two standard errors."
    ]
    if table.rule:
        notes.append(f"The paper: {table.rule}.")
    other_sizes = dict.fromkeys(
        f"{column.title} has {finding.result.n:,} cases here and {column.n:,} there ({finding.result.dataset})"
        for column, finding in placed
        if column.n not in (None, finding.result.n)
    )
    if other_sizes:
        notes.append(f"No replication: {'; '.join(other_sizes)}.")
    return tuple(notes)


def _beside(table: PublishedTable, finding: Finding) -> str:
    result = finding.result
    digits = 1 if table.scale >= 10 else 3
    text = f"{table.scale * result.value:.{digits}f} ± {table.scale * result.standard_error:.{digits}f}"
    printed = table.beside(result)
    if printed is None:
        return text
    mark = f" {DIFFERS}" if table.differs(result, printed) else ""
    return f"{text} ({table.as_printed(printed)}{mark})"


def with_error(finding: Finding) -> str:
    """``31.4 ± 0.6``: a share in percent with one decimal, anything else with three digits."""
    value, error = finding.result.value, finding.result.standard_error
    if is_share(finding.result.metric):
        return f"{100 * value:.1f} ± {100 * error:.1f}"
    return f"{value:.3g} ± {error:.2g}" if error else f"{value:.3g}"


def written(table: ResultTable, form: Format) -> str:
    """A table as Markdown, LaTeX (booktabs) or CSV, with its title and notes (CSV: cells only)."""
    if form == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([table.header, *table.rows])
        return text.getvalue()
    if form == "latex":
        return _latex(table)
    notes = "".join(f"{note}\n" for note in table.notes)
    return f"{table.title}\n\n{markdown_table(table.header, table.rows)}\n{notes}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table whose columns line up in a terminal too; every column but the first is set right."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in ([*header], *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first, *others = row
        padded = [first.ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *map(line, cells[1:])]) + "\n"


LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", DIFFERS: r"$\neq$", NOTHING: "--",
        "·": r"$\cdot$",
    }
)  # fmt: skip
"""What LaTeX would read as a command."""


def _latex(table: ResultTable) -> str:
    def line(row: Sequence[str]) -> str:
        return " & ".join(cell.translate(LATEX) for cell in row) + r" \\"

    rows = [line(row) for row in table.rows]
    if table.num_marked is not None and table.num_marked < len(rows):
        rows.insert(table.num_marked, r"\midrule")
    notes = " ".join(table.notes)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{table.title.translate(LATEX)}. {notes.translate(LATEX)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            r"\toprule",
            line(table.header),
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
