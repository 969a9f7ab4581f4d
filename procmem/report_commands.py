"""`procmem report`: a page, or the tables alone, from run folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from procmem.errors import UserError
from procmem.progress import say

SUFFIXES = {"html": ".html", "markdown": ".md", "latex": ".tex", "csv": ".csv"}


def report(
    runs: list[Path],
    *,
    format: Literal["html", "markdown", "latex", "csv"] = "html",  # noqa: A002 (the option's usual name)
    output: Path | None = None,
    figures: Path | None = None,
) -> None:
    """Make one page of run folders, or write their tables.

    The page holds what is there (training, evaluation, audits, studies, receipts), says what is not, and needs nothing
    but itself: no network, no script. Several runs stand side by side.

    Args:
        runs: run folders of pretrain and eval, or folders with the JSON of audits and studies.
        format: a page, or the tables of the evaluations as Markdown, LaTeX or CSV.
        output: the file to write; the default is report.html in the first folder, and standard output for tables.
        figures: folder for the charts as PNG and SVG, one pair each.
    """
    if format == "html":
        _write_page(runs, output or runs[0] / "report.html")
    else:
        _write_tables(runs, format, output)
    if figures is not None:
        _write_figures(runs, figures)


def _write_page(runs: list[Path], output: Path) -> None:
    from eval.pages.page import page_of
    from eval.report import write_report

    if output.suffix != SUFFIXES["html"]:
        raise UserError(f"the page is a .html file; received {str(output)!r}")
    write_report(output, page_of(runs))
    say(f"{output}: {output.stat().st_size / 1e6:.1f} MB, opens without a network")


def _write_tables(runs: list[Path], form: Literal["markdown", "latex", "csv"], output: Path | None) -> None:
    from eval.findings import read_findings
    from eval.tables import tables_of, written
    from procmem.files import write_text

    findings, problems = read_findings(runs)
    for problem in problems:
        say(f"warning: {problem}; it is left out")
    text = "\n".join(written(table, form) for table in tables_of(findings))
    if output is None:
        sys.stdout.write(text)
        return
    if output.suffix != SUFFIXES[form]:
        raise UserError(f"tables as {form} go to a {SUFFIXES[form]} file; received {str(output)!r}")
    write_text(output, text)
    say(f"wrote {output}")


def _write_figures(runs: list[Path], folder: Path) -> None:
    from eval.figures import png_bytes, svg_bytes
    from eval.pages.page import charts_of
    from procmem.files import atomic_write

    charts = charts_of(runs)
    for name, chart in charts.items():
        for suffix, content in ((".png", png_bytes(chart)), (".svg", svg_bytes(chart))):
            with atomic_write(folder / f"{name}{suffix}") as file:
                file.write(content)
    say(f"{folder}: {', '.join(charts) or 'nothing to draw'}")
