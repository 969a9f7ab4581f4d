"""What a page says of audits, of studies of a memory, and of erasures: from the JSON that those commands write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.figures import CurvePanel, draw_curves, svg_bytes
from eval.pages.folder import RunFolder
from eval.privacy_figure import privacy_figure
from eval.report import Block, Facts, Figure, Note, Prose, Section, Table
from procmem.errors import UserError

MOST_INFLUENTIAL = 10
MOST_ROWS = 14
INFLUENTIAL_COLUMNS = ("entry", "queries", "for example", "answer", "without the entry")


def audit_sections(runs: Sequence[RunFolder]) -> list[Section]:
    """Sections on audits, studies and erasures; none where there are none."""
    audits = [audit for run in runs for audit in run.audits.values()]
    studies = [study for run in runs for study in run.studies.values()]
    receipts = [(str(run.path / name), receipt) for run in runs for name, receipt in run.receipts.items()]
    sections = []
    if audits:
        sections.append(Section("What each entry changes", _audit_blocks(audits)))
    if studies:
        sections.append(Section("What the memory knows", [b for study in studies for b in _study_blocks(study)]))
    if receipts:
        sections.append(Section("What was erased", [b for name, one in receipts for b in _receipt_blocks(name, one)]))
    return sections


def _audit_blocks(audits: Sequence[Mapping[str, Any]]) -> list[Block]:
    blocks: list[Block] = [
        Prose(
            "An entry is leave-one-out private if taking it out changes no answer to any query. The count is exact: "
            "every removal of a neighbour is voted again. It is not differential privacy, and it grows with the "
            "number of queries."
        )
    ]
    rows = [
        (
            str(audit.get("encoder", "")),
            str(audit.get("memory", "")),
            row["rule"],
            str(row["k"]),
            f"{100 * row['top1_accuracy']:.1f}" if row.get("top1_accuracy") is not None else "–",
            f"{row['num_non_private']:,} of {row['memory_size']:,}",
            f"{100 * row['fraction_non_private']:.2f}",
        )
        for audit in audits
        for row in audit["audits"]
    ]
    header = ("encoder", "memory", "rule", "k", "top-1 %", "entries that change an answer", "% of memory")
    counts = sorted({audit.get("num_queries", 0) for audit in audits})
    blocks.append(Table(header, rows, f"Over {' or '.join(f'{count:,}' for count in counts)} queries."))
    by_encoder = {str(audit.get("encoder", i)): audit["audits"] for i, audit in enumerate(audits)}
    try:
        caption = "Accuracy against the share of entries that change an answer (figure 12 of the procedural paper)."
        blocks.append(Figure(privacy_figure(by_encoder), caption))
    except (UserError, KeyError, TypeError) as error:
        blocks.append(Note(f"The figure cannot be drawn: {error}"))
    for audit in audits:
        influential = audit["audits"][0].get("influential", ())[:MOST_INFLUENTIAL]
        if influential:
            first = audit["audits"][0]
            caption = (
                f"The entries that decide most queries, {audit.get('encoder', '')}, {first['rule']}, k = {first['k']}."
            )
            blocks.append(Table(INFLUENTIAL_COLUMNS, _influential(influential), caption, wraps=True))
    return blocks


def _influential(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in entries:
        first = entry["queries"][0]
        name = entry.get("uri") or f"entry {entry['id']}"
        rows.append((name, str(entry["num_queries"]), first["query"], first["from"], first["to"]))
    return rows


def _study_blocks(study: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Prose(
            f"{study.get('entries', 0):,} entries, {study.get('queries', 0):,} queries, k = {study.get('k')}, "
            f"{study.get('rule')} voting."
        )
    ]
    for part in study.values():
        if not isinstance(part, Mapping) or "table" not in part:
            continue
        if part["table"]:
            header = list(part["table"][0])
            rows = [tuple(_cell(row.get(name)) for name in header) for row in part["table"][:MOST_ROWS]]
            blocks.append(Table(header, rows, part["title"]))
        if part.get("curves"):
            panels = [CurvePanel(**(panel | {"reference": _reference(panel)})) for panel in part["curves"]]
            blocks.append(Figure(svg_bytes(draw_curves(panels)), part["title"], wide=len(panels) > 1))
    return blocks


def _reference(panel: Mapping[str, Any]) -> tuple[str, float] | None:
    reference = panel.get("reference")
    return None if reference is None else (reference[0], reference[1])


def _receipt_blocks(name: str, receipt: Mapping[str, Any]) -> list[Block]:
    return [
        Prose(f"`{name}`: entries deleted, the store compacted, earlier versions dropped, every file scanned."),
        Facts(
            [
                ("entries erased", len(receipt["erased"])),
                ("their bytes found before", receipt.get("found_before", "unknown")),
                ("files scanned", len(receipt["files_scanned"])),
                ("derived files deleted", len(receipt.get("artefacts_deleted", ()))),
            ]
        ),
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
