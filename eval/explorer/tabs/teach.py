"""Teach: a class of one's own from a few images, and a question about it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from eval.explorer.desk import View
from eval.explorer.page import EVENT, Shared, asked_by, drop_zone, html_panel, sent_by
from eval.explorer.render import fill, header_html
from eval.explorer.uploads import take_upload
from procmem.errors import UserError

MOST_IMAGES = 50


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    allowed = desk.editor.allow_edit
    with gr.Row(elem_classes="pm-columns"):
        with gr.Column(scale=0, min_width=300, elem_classes="pm-side"):
            name = gr.Textbox(label="Name of the class", elem_id="teach-name", max_length=80, interactive=allowed)
            files = drop_zone("Images of it", "teach-images", file_count="multiple", interactive=allowed)
            button = gr.Button("Add them to the memory", variant="primary", elem_id="teach", interactive=allowed)
        with gr.Column(scale=1, min_width=400):
            taught = html_panel(value=_page(allowed), elem_id="taught")
        with gr.Column(scale=0, min_width=260, elem_classes="pm-side"):
            ask = drop_zone("Ask about another image", "teach-ask")
            asked = gr.HTML(padding=False, apply_default_css=False, elem_id="teach-answer")

    def teach(called: str, paths: list[str] | None, request: gr.Request) -> tuple[Any, ...]:
        try:
            images = [take_upload(Path(path), desk.uploads) for path in (paths or [])[:MOST_IMAGES]]
            ids = desk.editor.teach(called, images, by=asked_by(request))
        except UserError as error:
            return _page(allowed, problem=f"{error}."), None, header_html(desk)
        return _page(allowed, ids=ids, class_name=" ".join(called.split())), None, header_html(desk)

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

    button.click(teach, [name, files], [taught, files, shared.header], **EVENT)
    ask.upload(ask_now, [view, ask], [*shared.outputs, asked], **EVENT)
    taught.click(clicked, [view], shared.outputs, **EVENT)


def _page(allowed: bool, *, problem: str = "", ids: list[int] | None = None, class_name: str = "") -> str:
    return fill("taught", allow_edit=allowed, problem=problem, ids=ids or [], class_name=class_name)
