"""Patches: what the encoder sees where, and a segmentation from one painted example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from eval.explorer.desk import Desk, View
from eval.explorer.page import EVENT, Shared, drop_zone
from eval.explorer.patches import SHOWN_PX, overlay, patch_colors, seen_square, segment
from eval.explorer.render import fill, percent
from eval.explorer.uploads import take_upload
from procmem.errors import UserError

PAINT = "#d55e00"


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    said = gr.HTML(padding=False, apply_default_css=False)
    picture: dict[str, Any] = {"interactive": False, "buttons": [], "format": "png"}
    with gr.Row(elem_classes="pm-patches"):
        seen = gr.Image(label="What the encoder sees", elem_id="seen", height=320, **picture)
        names = [desk.session.encoder.name, *([] if desk.second is None else [desk.second.encoder.name])]
        colors = [
            gr.Image(label=f"Patch colours: {name}", elem_id=f"colors-{number}", height=320, **picture)
            for number, name in enumerate(names)
        ]
    gr.HTML(
        "<h3>Segment by one example</h3><p class='pm-hint'>Paint over a part of the image, then segment. Each patch of "
        "the other image (or of this one, if there is none) asks its nearest painted and unpainted patches.</p>",
        padding=False,
        apply_default_css=False,
    )
    with gr.Row(elem_classes="pm-patches"):
        editor = gr.ImageEditor(
            label="Paint here",
            type="numpy",
            image_mode="RGBA",
            sources=(),
            transforms=(),
            layers=False,
            height=SHOWN_PX + 60,
            brush=gr.Brush(default_size=36, colors=[PAINT], color_mode="fixed"),
            buttons=[],
            canvas_size=(SHOWN_PX, SHOWN_PX),
            fixed_canvas=True,
            elem_id="painted",
        )
        with gr.Column(scale=0, min_width=230):
            other = drop_zone("Another image (optional)", "segment-other")
            go = gr.Button("Segment", variant="primary", elem_id="segment")
        result = gr.Image(label="What belongs to it", elem_id="segmented", height=SHOWN_PX + 60, **picture)
    target = gr.State(None)

    def chosen(path: str | None) -> tuple[Any, str]:
        try:
            return None if path is None else take_upload(Path(path), desk.uploads), ""
        except UserError as error:
            return None, _told(f"{error}.", problem=True)

    def painted(current: View | None, drawn: dict[str, Any] | None, image: Any) -> tuple[Any, str]:
        try:
            return _segmented(desk, current or View(), drawn, image)
        except UserError as error:
            return None, _told(f"{error}.", problem=True)

    tab.select(lambda current: _views(desk, current or View()), view, [said, seen, *colors, editor], **EVENT)
    other.upload(chosen, other, [target, said], **EVENT)
    other.clear(lambda: None, None, target, **EVENT)
    go.click(painted, [view, editor, target], [result, said], **EVENT)


def _views(desk: Desk, view: View) -> tuple[Any, ...]:
    """A sentence, the square, its colours by each encoder, and the square to paint on."""
    sessions = [session for session in (desk.session, desk.second) if session is not None]
    if view.image is None:
        return _told("Ask about an image first; its patches are shown here."), None, *(None for _ in sessions), None
    square = seen_square(desk.session.encoder, view.image)
    colors: list[Image.Image | None] = []
    problems = []
    for session in sessions:
        try:
            colors.append(patch_colors(session.encoder, view.image))
        except UserError as error:
            colors.append(None)
            problems.append(f"{error}.")
    told = _told(" ".join(problems), problem=True) if problems else ""
    return told, square, *colors, {"background": square, "layers": [], "composite": None}


def _segmented(desk: Desk, view: View, drawn: dict[str, Any] | None, target: Image.Image | None) -> tuple[Any, str]:
    """The segmented image, and a sentence about it."""
    if view.image is None or not drawn:
        raise UserError("ask about an image first, and paint a part of it")
    layers = [np.asarray(layer)[..., 3] > 0 for layer in drawn.get("layers", [])]
    flags = np.any(layers, axis=0) if layers else np.zeros((1, 1), bool)
    onto = view.image if target is None else target
    encoder = desk.session.encoder
    shares = segment(encoder, view.image, flags, onto)
    inside = percent(float((shares > 0.5).mean()))
    return overlay(seen_square(encoder, onto), shares), _told(f"{inside} of the patches belong to what you painted.")


def _told(sentence: str, *, problem: bool = False) -> str:
    return fill("said", view=View().saying(sentence, problem=problem))
