"""Study: the layout of the forced-choice experiments."""

from __future__ import annotations

import secrets
import time
from typing import Any

import gradio as gr

from eval.explorer.desk import View
from eval.explorer.page import EVENT, Shared, html_panel, sent_by
from eval.explorer.render import study_html
from eval.explorer.study import Study, begin_study
from procmem.errors import UserError

STUDIES = {"Foretell what the memory says": "predict", "Which label fits better": "labels"}
FOLDER_NAME = "studies"


def build(shared: Shared, tab: gr.Tab) -> None:
    """Lay the tab out and wire it."""
    desk, view = shared.desk, shared.view
    state, shown_at = gr.State(None), gr.State(0.0)
    with gr.Row(elem_classes="pm-columns"):
        with gr.Column(scale=0, min_width=300, elem_classes="pm-side"):
            kind = gr.Radio(list(STUDIES), value=next(iter(STUDIES)), label="Study", elem_id="study-kind")
            trials = gr.Slider(4, 100, 20, step=2, label="Trials", elem_id="study-trials")
            seed = gr.Number(secrets.randbelow(10_000), precision=0, minimum=0, label="Seed", elem_id="study-seed")
            begin = gr.Button("Begin", variant="primary", elem_id="study-begin")
        with gr.Column(scale=1, min_width=480):
            panel = html_panel(value=study_html(None), elem_id="study")

    def begun(current: View | None, name: str, count: float, start: float | None) -> tuple[Any, ...]:
        try:
            if desk.queries is None:
                raise UserError("a study needs queries; start the explorer with --queries")
            study = begin_study(
                desk.queries,
                STUDIES.get(name, name),
                num_trials=int(count),
                seed=int(start or 0),
                choice=(current or View()).choice,
                folder=desk.editor.run / FOLDER_NAME,
            )
        except UserError as error:
            return None, 0.0, study_html(None, problem=f"{error}.")
        return study, time.monotonic(), study_html(study)

    def answered(study: Study | None, since: float, event: gr.EventData) -> tuple[Any, ...]:
        sent = sent_by(event)
        trial = None if study is None else study.current
        if study is None or trial is None or str(sent.get("trial")) != str(len(study.answers)):
            return study, since, gr.skip()  # a second press for the same trial
        try:
            chosen = trial.labels[int(str(sent.get("id")))]
            study = study.answer(chosen, time.monotonic() - since)
        except (UserError, ValueError, IndexError) as error:
            return study, since, study_html(study, problem=f"{error}.")
        return study, time.monotonic(), study_html(study)

    begin.click(begun, [view, kind, trials, seed], [state, shown_at, panel], **EVENT)
    panel.click(answered, [state, shown_at], [state, shown_at, panel], **EVENT)
