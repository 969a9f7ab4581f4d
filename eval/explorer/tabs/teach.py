"""Teach: a class of one's own from a few images, and a question about it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from eval.explorer.desk import View
from eval.explorer.edits import LONGEST_NAME
from eval.explorer.page import EVENT, Shared, asked_by, drop_zone, html_panel, sent_by
from eval.explorer.render import fill, header_html
from eval.explorer.uploads import take_upload
from memory.hierarchy import Level
from memory.memory import VisualMemory
from procmem.errors import UserError

MOST_IMAGES = 50
MOST_LISTED = 300
"""Groups of a level that a list can show."""

LEVELS_HINT = """<p class="pm-hint">Choose a group or name a new one. What you leave empty follows from the finer group,
or becomes a group of the class’s own name. A class that the memory has keeps its groups.</p>"""


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    allowed, levels = desk.editor.allow_edit, desk.session.memory.levels
    with gr.Row(elem_classes="pm-columns"):
        with gr.Column(scale=0, min_width=300, elem_classes="pm-side"):
            name = gr.Textbox(
                label="Name of the class", elem_id="teach-name", max_length=LONGEST_NAME, interactive=allowed
            )
            groups = [_group_box(level, allowed) for level in levels]
            if levels:
                html_panel(value=LEVELS_HINT)
            files = drop_zone("Images of it", "teach-images", file_count="multiple", interactive=allowed)
            button = gr.Button("Add them to the memory", variant="primary", elem_id="teach", interactive=allowed)
        with gr.Column(scale=1, min_width=400):
            taught = html_panel(value=_page(allowed), elem_id="taught")
        with gr.Column(scale=0, min_width=260, elem_classes="pm-side"):
            ask = drop_zone("Ask about another image", "teach-ask")
            asked = gr.HTML(padding=False, apply_default_css=False, elem_id="teach-answer")

    def teach(called: str, paths: list[str] | None, request: gr.Request, *named: Any) -> tuple[Any, ...]:
        try:
            images = [take_upload(Path(path), desk.uploads) for path in (paths or [])[:MOST_IMAGES]]
            own = {level.name: str(group or "") for level, group in zip(levels, named, strict=True)}
            ids = desk.editor.teach(called, images, groups=own, by=asked_by(request))
        except UserError as error:
            return _page(allowed, problem=f"{error}."), None, header_html(desk)
        name = " ".join(called.split())
        return (
            _page(allowed, ids=ids, class_name=name, groups=_groups(desk.session.memory, name)),
            None,
            header_html(desk),
        )

    def ask_now(current: View | None, path: str | None) -> tuple[Any, ...]:
        before = current or View()
        if path is None:
            return *shared.shown(before), ""
        try:
            new = desk.upload(before, path)
            answer = desk.answer(new)
        except UserError as error:
            return *shared.shown(before), fill("said", view=before.saying(f"{error}.", problem=True))
        return *shared.shown(new), fill("brief", answer=answer)

    def clicked(current: View | None, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        return shared.shown(desk.act(current or View(), sent_by(event), asked_by(request)))

    button.click(teach, [name, files, *groups], [taught, files, shared.header], **EVENT)
    ask.upload(ask_now, [view, ask], [*shared.outputs, asked], **EVENT)
    taught.click(clicked, [view], shared.outputs, **EVENT)


def _group_box(level: Level, allowed: bool) -> gr.Dropdown | gr.Textbox:
    """Where the group of a new class is chosen or named; typed, where there are too many to list."""
    label = f"Its {level.name}"
    if len(level.class_names) > MOST_LISTED:
        return gr.Textbox(label=label, max_length=LONGEST_NAME, interactive=allowed)
    return gr.Dropdown(sorted(level.class_names), value=None, label=label, allow_custom_value=True, interactive=allowed)


def _groups(memory: VisualMemory, class_name: str) -> dict[str, str]:
    """Level -> group of a class."""
    label = memory.class_names.index(class_name)
    return {level.name: level.class_names[level.group_of[label]] for level in memory.levels}


def _page(
    allowed: bool,
    *,
    problem: str = "",
    ids: list[int] | None = None,
    class_name: str = "",
    groups: dict[str, str] | None = None,
) -> str:
    return fill(
        "taught", allow_edit=allowed, problem=problem, ids=ids or [], class_name=class_name, groups=groups or {}
    )
