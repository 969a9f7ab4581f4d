"""The page: tabs, one drawer for the entry that is looked at, and the wires between them.

Everything that a person sees of a memory is HTML from `eval.explorer.render`; its buttons send their name and an
entry's number here (`SCRIPT`), and the desk makes the next view of it. Gradio's own components are used where a browser
needs help: uploads, sliders, painting. Events go straight to the server instead of through Gradio's queue, which saves
a third of an answer's time.
"""

from __future__ import annotations

import dataclasses
from importlib import resources
from typing import Any

import gradio as gr

from eval.explorer.desk import Desk, View
from eval.explorer.render import answer_html, entry_html, header_html, said_html

SCRIPT = (resources.files("eval.explorer") / "page.js").read_text(encoding="utf-8")
STYLE = (resources.files("eval.explorer") / "page.css").read_text(encoding="utf-8")
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
EVENT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How every wire of the page is laid."""

KEPT_SECONDS = (60, 300)
"""How often pictures that Gradio keeps for the browser are looked through, and how old they may become."""

WHILE_MOVING: dict[str, Any] = EVENT | {"trigger_mode": "always_last"}
"""For sliders: while one is pulled, the last position counts and those on the way may be left out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shared:
    """What all tabs share.

    Attributes:
        desk: behind the page.
        view: one person's `View`.
        header: facts about what is open.
        answer: the answer to the question.
        drawer: the entry that is looked at.
    """

    desk: Desk
    view: gr.State
    header: gr.HTML
    answer: gr.HTML
    drawer: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """What changes with a view."""
        return [self.view, self.answer, self.drawer]

    def shown(self, view: View) -> tuple[View, str, str]:
        """Values of `outputs`."""
        said = "" if view.selected is not None else said_html(view)
        return view, said + answer_html(self.desk, view), entry_html(self.desk, view)


def html_panel(**options: Any) -> gr.HTML:
    """HTML whose buttons send their data (``data-send``, ``data-id``) as a click event."""
    return gr.HTML(js_on_load=SCRIPT, padding=False, apply_default_css=False, **options)


def drop_zone(label: str, elem_id: str, **options: Any) -> gr.File:
    """Where images are dropped; it holds files, since the explorer decodes them itself."""
    return gr.File(
        label=label, file_types=["image"], elem_id=elem_id, elem_classes="pm-drop", **{"height": 130} | options
    )


def sent_by(event: gr.EventData) -> dict[str, object]:
    """What a button of a panel sent."""
    data = event._data
    return dict(data) if isinstance(data, dict) else {}


def asked_by(request: gr.Request | None) -> str:
    """Who asked, for the log of changes."""
    client = getattr(request, "client", None)
    return str(getattr(client, "host", "") or "")


def build_page(desk: Desk) -> gr.Blocks:
    """The whole page."""
    from eval.explorer import tabs

    with gr.Blocks(
        title="procmem explorer", analytics_enabled=False, fill_width=True, delete_cache=KEPT_SECONDS
    ) as page:
        view = gr.State(None)
        header = gr.HTML(header_html(desk), padding=False, apply_default_css=False)
        answer = html_panel(elem_id="answer", render=False)
        drawer = html_panel(elem_id="drawer", render=False)
        shared = Shared(desk=desk, view=view, header=header, answer=answer, drawer=drawer)
        with gr.Tabs():
            for name, build in tabs.of(desk):
                with gr.Tab(name) as tab:
                    build(shared, tab)
        drawer.render()

        def act(current: View | None, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
            new = desk.act(current or View(), sent_by(event), asked_by(request))
            return *shared.shown(new), header_html(desk)

        for panel in (answer, drawer):
            panel.click(act, [view], [*shared.outputs, header], **EVENT)
        page.load(lambda: shared.shown(desk.begin()), None, shared.outputs, **EVENT)
    return page


def look() -> dict[str, Any]:
    """Theme and style: the system's own fonts, since fonts from elsewhere would be a request to elsewhere."""
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        font=list(FONTS),
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        button_primary_background_fill="#0072b2",
        button_primary_background_fill_hover="#005f94",
        button_primary_background_fill_dark="#1577ad",
        button_primary_background_fill_hover_dark="#0072b2",
        slider_color="#0072b2",
        slider_color_dark="#58b4e8",
    )
    return {"theme": theme, "css": STYLE}
