"""Procedural: how an image came about, and a program's numbers under one's hands."""

from __future__ import annotations

from typing import Any

import gradio as gr

from eval.explorer.desk import View
from eval.explorer.page import EVENT, WHILE_MOVING, Shared
from eval.explorer.procedural import (
    Dial,
    dials,
    explain_image,
    process_names,
    program_names,
    render_program,
)
from eval.explorer.render import fill
from procgen.programs import load_programs
from procmem.errors import UserError, WorkError

START_PROGRAM = "sky/clouds"


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    most = max(len(program.parameters) for program in load_programs())
    picture: dict[str, Any] = {"interactive": False, "buttons": ["download"], "format": "png"}
    said = gr.HTML(padding=False, apply_default_css=False)
    _heading("A program under your hands", "Every number of the program is a slider; a palette is drawn by its number.")
    with gr.Row(elem_classes="pm-columns"):
        with gr.Column(scale=1, min_width=320):
            with gr.Row():
                program = gr.Dropdown(program_names(), value=START_PROGRAM, label="Program", elem_id="program", scale=2)
                seed = gr.Number(0, precision=0, minimum=0, label="Draw number", elem_id="program-seed", scale=1)
            sliders = [
                gr.Slider(0, 1, 0, visible=False, label=f"dial {n}", elem_classes="pm-dial") for n in range(most)
            ]
        with gr.Column(scale=1, min_width=320):
            rendered = gr.Image(label="Rendered", height=448, elem_id="rendered", **picture)
    _heading("How an image came about", "One row for each step: what went in, and what came out.")
    with gr.Row(elem_classes="pm-filters"):
        process = gr.Dropdown(process_names(), value="shaders_kml_mixup", label="Process", elem_id="process")
        root_seed = gr.Number(0, precision=0, minimum=0, label="Root seed")
        index = gr.Number(0, precision=0, minimum=0, label="Image number")
        explain = gr.Button("Show", variant="primary", elem_id="explain")
    steps = gr.Image(label="Steps", elem_id="steps", **picture)
    with gr.Accordion("Recipe", open=False):
        recipe = gr.JSON(show_label=False, elem_id="recipe")

    def drawn(name: str, number: float | None) -> tuple[Any, ...]:
        try:
            found = dials(name, int(number or 0))
            values = {dial.name: dial.value for dial in found}
            image, problem = render_program(name, values, int(number or 0)), ""
        except (UserError, WorkError) as error:
            return *(gr.skip() for _ in sliders), None, _problem(error)
        updates: list[Any] = [_slider(dial) for dial in found]
        updates += [gr.Slider(visible=False)] * (len(sliders) - len(found))
        return *updates, image, problem

    def turned(name: str, number: float | None, *values: float) -> tuple[Any, str]:
        try:
            names = [dial.name for dial in dials(name, int(number or 0))]
            return render_program(name, dict(zip(names, values, strict=False)), int(number or 0)), ""
        except (UserError, WorkError) as error:
            return None, _problem(error)

    def explained(name: str, own_seed: float | None, number: float | None) -> tuple[Any, Any, str]:
        try:
            made = explain_image(name, int(own_seed or 0), int(number or 0))
        except (UserError, WorkError) as error:
            return None, None, _problem(error)
        return made.page, made.recipe, ""

    for control in (program, seed):
        control.change(drawn, [program, seed], [*sliders, rendered, said], **EVENT)
    for slider in sliders:
        slider.input(turned, [program, seed, *sliders], [rendered, said], **WHILE_MOVING)
    explain.click(explained, [process, root_seed, index], [steps, recipe, said], **EVENT)
    tab.select(drawn, [program, seed], [*sliders, rendered, said], **EVENT)


def _short(value: float) -> float:
    """Without the tail of digits of a float32."""
    return float(f"{value:.6g}") if abs(value) < 1e6 else value


def _slider(dial: Dial) -> gr.Slider:
    low, high, value = (_short(number) for number in (dial.low, dial.high, dial.value))
    return gr.Slider(low, high, value, step=dial.step, visible=True, label=dial.name.replace("_", " "))


def _heading(title: str, hint: str) -> None:
    gr.HTML(f"<h3>{title}</h3><p class='pm-hint'>{hint}</p>", padding=False, apply_default_css=False)


def _problem(error: Exception) -> str:
    return fill("said", view=View().saying(f"{error}.", problem=True))
