"""Ask: an image or a query, how the memory votes, the answer with its neighbours."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from eval.explorer.answers import MOST_NEIGHBORS
from eval.explorer.desk import RULES, Desk, View
from eval.explorer.page import EVENT, WHILE_MOVING, Shared, asked_by, drop_zone, html_panel, sent_by
from eval.explorer.render import PICKS_SHOWN, picks_html
from procmem.errors import UserError


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    start = desk.begin().choice
    with gr.Row(elem_classes="pm-columns"):
        with gr.Column(scale=0, min_width=300, elem_classes="pm-side"):
            upload = drop_zone("An image to ask about", "upload", show_label=False, height=110)
            k = gr.Slider(
                1, min(MOST_NEIGHBORS, max(2, len(desk.session.memory))), start.k, step=1,
                label="Neighbours (k)", elem_id="k",
            )  # fmt: skip
            rule = gr.Radio(list(RULES), value=start.rule, label="How they vote", elem_id="rule")
            picks = html_panel(value=some_picks(desk), elem_id="picks")
        with gr.Column(scale=1, min_width=480):
            shared.answer.render()

    def uploaded(current: View | None, path: str | None) -> tuple[Any, ...]:
        before = current or View()
        if path is None:
            return shared.shown(before)
        try:
            return shared.shown(desk.upload(before, path))
        except UserError as error:
            return shared.shown(before.saying(f"{error}.", problem=True))

    def chosen(current: View | None, number: float, name: str) -> tuple[Any, ...]:
        return shared.shown(desk.choose(current or View(), number, name))

    def picked(current: View | None, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        sent = sent_by(event)
        if sent.get("send") == "others":
            return gr.skip(), gr.skip(), gr.skip(), some_picks(desk)
        return *shared.shown(desk.act(current or View(), sent, asked_by(request))), gr.skip()

    upload.upload(uploaded, [view, upload], shared.outputs, **EVENT)
    k.input(chosen, [view, k, rule], shared.outputs, **WHILE_MOVING)
    rule.change(chosen, [view, k, rule], shared.outputs, **EVENT)
    picks.click(picked, [view], [*shared.outputs, picks], **EVENT)


def some_picks(desk: Desk) -> str:
    """A few queries; what is offered to pick from needs no seed."""
    count = 0 if desk.queries is None else len(desk.queries)
    return picks_html(desk, sorted(secrets.SystemRandom().sample(range(count), min(count, PICKS_SHOWN))))
