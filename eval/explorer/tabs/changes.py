"""Changes: what was done to the memory from this page, and the receipts of erasures."""

from __future__ import annotations

import gradio as gr

from eval.explorer.page import EVENT, Shared, html_panel, sent_by
from eval.explorer.render import changes_html


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk = shared.desk
    panel = html_panel(elem_id="changes")

    def clicked(event: gr.EventData) -> str:
        return changes_html(desk, str(sent_by(event).get("id", "")))

    panel.click(clicked, None, panel, **EVENT)
    tab.select(lambda: changes_html(desk), None, panel, **EVENT)
