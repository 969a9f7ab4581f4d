"""The report: self-contained, escaped, complete. Run: pytest tests/eval/test_report.py."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.figures import accuracy_bars
from eval.report import Code, Facts, Figure, Note, Prose, ReportContext, Section, Table, render_report, write_report

HOSTILE = "<script>alert('x')</script>"


class Collector(HTMLParser):
    """Tags, attributes and text; checks that tags are closed in order."""

    VOID = frozenset({"meta", "img", "br", "link", "!doctype"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def context() -> ReportContext:
    png = accuracy_bars(["a"], [0.5], [0.1])
    return ReportContext(
        title="Title & more",
        summary=f"Summary with `code` and {HOSTILE}.",
        facts=[("entries", "1,296")],
        sections=[
            Section(
                "First part",
                [
                    Prose(HOSTILE),
                    Note("mind `this`"),
                    Facts([("k", 20), (HOSTILE, HOSTILE)]),
                    Table(("encoder", "top-1"), [("pixels", "9.0"), (HOSTILE, HOSTILE)], "caption", marked_row=1),
                    Code(f"procmem eval {HOSTILE}", "how"),
                    Figure(png, "Bars & bars", wide=True),
                ],
            ),
            Section("Second: part", [Figure(b"\xff\xd8jpeg", "Photo", alternative="A photo")]),
        ],
        colophon="procmem 0",
    )


def parsed(html: str) -> Collector:
    collector = Collector()
    collector.feed(html)
    assert collector.open == []
    return collector


def test_the_page_is_well_formed_and_asks_nobody_for_anything() -> None:
    page = parsed(render_report(context()))
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe"}
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#"))
    assert not re.search(r"url\(|@import|https?://", render_report(context()))


def test_everything_but_backticks_is_text() -> None:
    html = render_report(context())
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;") == 7
    assert "<code>code</code>" in html
    assert "mind <code>this</code>" in html


def test_pictures_are_inside_the_page_with_words_for_who_cannot_see_them() -> None:
    page = parsed(render_report(context()))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    png = accuracy_bars(["a"], [0.5], [0.1])
    assert images[0]["src"] == f"data:image/png;base64,{base64.b64encode(png).decode()}"
    assert images[0]["alt"] == "Bars & bars"
    assert str(images[1]["src"]).startswith("data:image/jpeg;base64,")
    assert images[1]["alt"] == "A photo"


def test_every_section_can_be_reached_and_one_row_is_set_off() -> None:
    page = parsed(render_report(context()))
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    ids = {f"#{attributes['id']}" for tag, attributes in page.tags if "id" in attributes}
    assert links == ids == {"#first-part", "#second-part"}
    marked = [attributes for tag, attributes in page.tags if tag == "tr" and attributes.get("class") == "marked"]
    assert len(marked) == 1


def test_light_dark_and_paper_are_provided_for() -> None:
    html = render_report(context())
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert '<html lang="en">' in html


def test_a_very_large_report_is_written_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_report(tmp_path / "run" / "report.html", context())
    assert path.read_text(encoding="utf-8") == render_report(context())
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("eval.report.LARGEST_BYTES", 100)
    write_report(path, context())
    assert "use fewer pictures" in capsys.readouterr().err
