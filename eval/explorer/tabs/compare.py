"""Compare: the same question to two memories, each with its own encoder."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eval.explorer.desk import View
from eval.explorer.page import EVENT, Shared, asked_by, html_panel, sent_by
from eval.explorer.render import compare_html
from eval.explorer.tabs.ask import some_picks


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    with gr.Row(elem_classes="pm-columns"):
        with gr.Column(scale=0, min_width=300, elem_classes="pm-side"):
            picks = html_panel(value=some_picks(desk), elem_id="compare-picks")
        with gr.Column(scale=1, min_width=480):
            sides = html_panel(elem_id="sides")

    def picked(current: View | None, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        sent = sent_by(event)
        if sent.get("send") == "others":
            return gr.skip(), gr.skip(), gr.skip(), some_picks(desk), gr.skip()
        new = desk.act(current or View(), sent, asked_by(request))
        return *shared.shown(new), gr.skip(), compare_html(desk, new)

    picks.click(picked, [view], [*shared.outputs, picks, sides], **EVENT)
    tab.select(lambda current: compare_html(desk, current or View()), view, sides, **EVENT)
