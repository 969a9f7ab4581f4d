"""A report that people read: one HTML file that needs nothing but itself.

Images are inlined, there is no script and no request to anywhere; light and dark follow the reader's system, and it
prints. What a report says is the caller's: this module knows a few kinds of block and how they look. Everything is
escaped; the only mark-up in a text is `code` between backticks.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from procmem.files import write_text
from procmem.progress import say

LARGEST_BYTES = 15_000_000
"""A report above this is slow to open and too big for most mail."""


@dataclasses.dataclass(frozen=True)
class Prose:
    """One paragraph."""

    text: str
    kind: ClassVar[str] = "prose"


@dataclasses.dataclass(frozen=True)
class Note:
    """A remark that must not be overlooked: a limit, a failure, a caution."""

    text: str
    kind: ClassVar[str] = "note"


@dataclasses.dataclass(frozen=True)
class Code:
    """Commands or a record, shown as written."""

    text: str
    caption: str = ""
    kind: ClassVar[str] = "code"


@dataclasses.dataclass(frozen=True)
class Facts:
    """Named numbers or short statements, in reading order."""

    facts: Sequence[tuple[str, object]]
    kind: ClassVar[str] = "facts"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table whose first column names the row.

    Attributes:
        header: names of the columns.
        rows: cells, already written as text.
        caption: what is measured, in which unit, on how many.
        marked_row: position of the row to set off; None for none.
        marked_rows: positions of rows to set off, where they are several.
        wraps: cells hold names that may be broken, left-aligned, instead of numbers.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str
    marked_row: int | None = None
    marked_rows: Sequence[int] = ()
    wraps: bool = False
    kind: ClassVar[str] = "table"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        png: PNG (or JPEG) bytes; also SVG, which is shown as sharp as the screen or the printer can.
        caption: what is to be seen.
        alternative: the same for someone who cannot see it; the caption where omitted.
        wide: may use more than the width of the text.
    """

    png: bytes
    caption: str
    alternative: str = ""
    wide: bool = False
    kind: ClassVar[str] = "figure"

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        kinds = {b"\xff\xd8": "jpeg", b"<?": "svg+xml"}
        return f"data:image/{kinds.get(self.png[:2], 'png')};base64,{base64.b64encode(self.png).decode()}"


Block = Prose | Note | Code | Facts | Table | Figure


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The title as an address inside the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "section"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportContext:
    """Everything a report says.

    Attributes:
        title: of the page.
        summary: the finding in two or three sentences, first thing on the page.
        facts: the few numbers a reader looks for first.
        sections: the rest, in order.
        colophon: last line: version, date, command.
    """

    title: str
    summary: str
    facts: Sequence[tuple[str, object]] = ()
    sections: Sequence[Section] = ()
    colophon: str = ""


def render_report(context: ReportContext) -> str:
    """The page as one string of HTML."""
    import jinja2
    from markupsafe import Markup, escape

    def inline(text: object) -> Markup:  # what is marked safe here was escaped one call earlier
        return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = inline
    return environment.get_template("report.html.jinja").render(report=context)


def write_report(path: Path, context: ReportContext) -> Path:
    """Render and write the page atomically; warn where it is larger than people like to open.

    Raises:
        UserError: if the file cannot be written.
    """
    page = render_report(context)
    if len(page) > LARGEST_BYTES:
        say(
            f"warning: {str(path)!r} has {len(page) / 1e6:.0f} MB, more than "
            f"{LARGEST_BYTES / 1e6:.0f} MB; use fewer pictures"
        )
    write_text(path, page)
    return path
