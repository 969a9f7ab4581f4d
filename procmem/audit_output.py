"""What commands about audits print and draw: the subject in a line, tables in columns, a sheet of pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procmem.errors import UserError
from procmem.files import atomic_write
from procmem.progress import say

if TYPE_CHECKING:
    from eval.images import LabelledImages
    from memory.audit.leave_one_out import LeaveOneOutResult
    from procmem.audit_subject import AuditSubject


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


def write_sheet(path: Path, dataset: str, result: LeaveOneOutResult, subject: AuditSubject, count: int) -> None:
    """Draw the entries that decide most queries, beside those queries.

    Args:
        path: of the PNG file.
        dataset: whose training images the entries are and whose validation images were asked.
        result: of the audit.
        subject: what was audited.
        count: most entries.

    Raises:
        UserError: if no entry decides a query, or the image of one is not in the data set.
    """
    from eval.datasets import find_dataset
    from eval.influence_sheet import EFFECTS, MOST_QUERIES, InfluenceRow, influence_sheet
    from memory.audit.tables import class_name, influential_entries

    found, names = find_dataset(dataset), subject.memory.class_names
    effects = result.effects()
    rows = []
    for entry in influential_entries(result, subject.query_uris, names, count):
        place = int(subject.memory.entries.ids.searchsorted(int(str(entry["id"]))))
        flips = (result.entry_ids == entry["id"]).nonzero()[0]
        shown = sorted(flips.tolist(), key=lambda flip: -abs(int(effects[flip])))[:MOST_QUERIES]
        rows.append(
            InfluenceRow(
                entry=_picture(found.train, subject.uris[place]),
                caption=names[int(subject.memory.entries.labels[place])],
                num_queries=len(flips),
                queries=[_picture(found.val, subject.query_uris[int(result.query_rows[flip])]) for flip in shown],
                answers=[
                    (names[int(result.from_classes[flip])], class_name(names, int(result.to_classes[flip])))
                    for flip in shown
                ],
                effects=[EFFECTS[int(effects[flip])] for flip in shown],
            )
        )
    content = influence_sheet(rows)
    with atomic_write(path) as file:
        file.write(content)
    say(f"sheet: {path}")


def _picture(images: LabelledImages, uri: str | None) -> Any:
    from eval.figures import thumbnail

    if uri not in images.uris:
        raise UserError(f"cannot draw the sheet: {images.name} has no image {uri!r} among {images.split}")
    return thumbnail(images.image(images.uris.index(uri)))
