"""Browse: the entries by class, owner, influence, reliability or use."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr

from eval.explorer.browse import ORDERS, Wanted
from eval.explorer.desk import View
from eval.explorer.page import EVENT, Shared, asked_by, html_panel, sent_by
from eval.explorer.render import shelf_html

MOST_NAMES = 500
"""More names than this are typed, not picked from a list that every page would carry."""

ANY = "all"


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    wanted = gr.State(Wanted())
    owners = sorted({owner for owner in desk.session.texts().owners if owner})
    with gr.Row(elem_classes="pm-filters"):
        orders = list(ORDERS) if desk.queries is not None else ["number"]
        order = gr.Radio(orders, value="number", label="Order by", elem_id="order", scale=2)
        class_name = _names("Class", list(desk.session.memory.class_names), "class-filter")
        owner = _names("Owner", owners, "owner-filter")
    shelf = html_panel(elem_id="shelf")

    def show(current: View | None, now: Wanted) -> tuple[Any, ...]:
        return now, shelf_html(desk, current or View(), now)

    def filtered(current: View | None, name: str, own: str, by: str) -> tuple[Any, ...]:
        chosen = Wanted(class_name=_plain(name), owner=_plain(own), order=by)  # type: ignore[arg-type]
        return show(current, chosen)

    def clicked(current: View | None, now: Wanted, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        sent = sent_by(event)
        if sent.get("send") == "page":
            turned = dataclasses.replace(now, page=int(str(sent["id"])))
            return gr.skip(), gr.skip(), gr.skip(), *show(current, turned)
        return *shared.shown(desk.act(current or View(), sent, asked_by(request))), gr.skip(), gr.skip()

    for control in (order, class_name, owner):
        control.change(filtered, [view, class_name, owner, order], [wanted, shelf], **EVENT)
    shelf.click(clicked, [view, wanted], [*shared.outputs, wanted, shelf], **EVENT)
    tab.select(show, [view, wanted], [wanted, shelf], **EVENT)


def _names(label: str, names: list[str], elem_id: str) -> Any:
    if len(names) > MOST_NAMES:
        return gr.Textbox("", label=f"{label} (exact name; empty for all)", elem_id=elem_id)
    return gr.Dropdown([ANY, *names], value=ANY, label=label, elem_id=elem_id, interactive=len(names) > 0)


def _plain(name: str | None) -> str:
    return "" if name in (None, ANY) else str(name).strip()
