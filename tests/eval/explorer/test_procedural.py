"""Sliders of programs: their ranges are the parameters', and what they leave out stays as drawn."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from eval.explorer import procedural
from eval.explorer.procedural import dials, explain_image, parameter_row, program_names, render_program, rendering
from procgen.programs import find_program, load_programs
from procmem.errors import UserError


def test_every_program_has_a_slider_for_each_parameter_within_its_range():
    for program in load_programs(families=["sky", "machines", "ornament"]):
        for dial, parameter in zip(dials(program.id, 3), program.parameters, strict=True):
            assert dial.name == parameter.name
            assert dial.low <= dial.value <= dial.high
            assert 0 < dial.step <= (dial.high - dial.low) / 2 or parameter.kind == "integer"


def test_a_slider_moves_its_own_number_only_and_stays_in_range():
    program = find_program("sky/clouds")
    drawn = parameter_row(program, {}, 3)
    assert np.array_equal(drawn, program.draw_parameters(3, "explorer", counters=[0]))
    moved = parameter_row(program, {"cover": 0.5}, 3)
    assert np.count_nonzero(moved != drawn) == 1
    assert 0.5 in moved
    assert 0.75 in parameter_row(program, {"cover": 1e9}, 3)  # the program's own largest
    assert np.count_nonzero(parameter_row(program, {"sky": 5}, 3) != drawn) > 3  # another palette
    assert np.array_equal(parameter_row(program, {"sky": 0}, 3), drawn)
    with pytest.raises(UserError, match="must be a number"):
        parameter_row(program, {"cover": float("nan")}, 3)


def test_whoever_asks_one_thread_renders():
    with ThreadPoolExecutor(2) as askers:
        threads = {rendering(threading.get_ident)} | set(askers.map(rendering, [threading.get_ident] * 4))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


@pytest.mark.opengl
def test_a_program_is_rendered_and_an_image_explained(monkeypatch):
    # In this thread: the process has one context, and other tests render here too.
    monkeypatch.setattr(procedural, "rendering", lambda work: work())
    assert "sky/clouds" in program_names()
    first, second = (render_program("sky/clouds", {"cover": cover}, 3) for cover in (0.4, 0.7))
    assert first.size == (448, 448)
    assert first.tobytes() != second.tobytes()
    made = explain_image("shaders", 1, 5)
    assert made.recipe["operator"] == "shaders"
    assert made.page.width > 100
    with pytest.raises(UserError, match="did you mean"):
        explain_image("shader", 1, 5)
