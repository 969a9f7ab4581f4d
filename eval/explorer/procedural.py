"""Procedural images on the page: how an image came about, and a program under the person's hands.

OpenGL belongs to one thread, so everything that renders runs in one worker thread of its own, whichever thread of the
server asks; the context is made there at the first picture.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from procgen.parameters import SEED_VALUES, Parameter
from procgen.programs import ShaderProgram, find_program, load_programs
from procgen.registry import NAMED, make_process
from procmem.errors import UserError, unknown_name

T = TypeVar("T")
IMAGE_PX, PROGRAM_PX = 128, 448
BLOCK = 32
"""Images of a block on the page: enough to mix from, few enough to wait for."""

PALETTES_OFFERED = 64
LEAST_STEPS = 100

_worker = ThreadPoolExecutor(1, thread_name_prefix="opengl")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explained:
    """One procedural image: how it came about, as a picture, and its recipe."""

    page: Image.Image
    recipe: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dial:
    """One parameter of a program as a slider.

    Attributes:
        name: of the parameter.
        low: left end.
        high: right end.
        step: between two positions.
        value: now.
    """

    name: str
    low: float
    high: float
    step: float
    value: float


def rendering(work: Callable[[], T]) -> T:
    """Do work in the thread that owns OpenGL.

    Raises:
        UserError: as the work, for example where there is no OpenGL.
    """
    return _worker.submit(work).result()


def process_names() -> list[str]:
    """The processes with a name."""
    return sorted(NAMED)


def program_names() -> list[str]:
    """The shipped programs."""
    return [program.id for program in load_programs()]


def explain_image(process: str, root_seed: int, index: int) -> Explained:
    """How one image of a process came about.

    Raises:
        UserError: for an unknown process, or without OpenGL.
    """
    from procgen.explain import draw_rows, explain

    if process not in NAMED:
        raise unknown_name("process", process, NAMED)
    made = make_process(process, image_size_px=IMAGE_PX, block_size=BLOCK, images_per_program=2)
    block_index, image_index = divmod(max(0, index), made.block_size)
    return rendering(
        lambda: Explained(
            page=draw_rows(explain(made, root_seed, block_index, image_index)),
            recipe=made.recipe(root_seed, block_index, image_index),
        )
    )


def dials(program_id: str, seed: int) -> list[Dial]:
    """A slider for each number of a program, at values drawn from a seed; a palette is a slider over drawn palettes."""
    program = find_program(program_id)
    row = program.draw_parameters(seed, "explorer", counters=[0])[0]
    made, taken = [], 0
    for parameter in program.parameters:
        made.append(_dial(parameter, float(row[taken])))
        taken += parameter.width
    return made


def render_program(program_id: str, values: Mapping[str, float], seed: int) -> Image.Image:
    """A program at the values of its sliders.

    Args:
        program_id: "family/name".
        values: of the sliders by name; what is missing stays as drawn from the seed.
        seed: of everything else.

    Raises:
        UserError: for an unknown program, or without OpenGL.
    """
    program = find_program(program_id)
    row = parameter_row(program, values, seed)

    def work() -> torch.Tensor:
        from procgen.renderer import shared_renderer

        return shared_renderer().render(program, row, PROGRAM_PX, PROGRAM_PX)[0]

    return Image.fromarray(rendering(work).permute(1, 2, 0).cpu().numpy())


def parameter_row(program: ShaderProgram, values: Mapping[str, float], seed: int) -> npt.NDArray[np.float32]:
    """(1, P) the sliders' values as the program takes them, within their ranges.

    Raises:
        UserError: for a value that is no number.
    """
    row = program.draw_parameters(seed, "explorer", counters=[0])
    taken = 0
    for parameter in program.parameters:
        part, taken = slice(taken, taken + parameter.width), taken + parameter.width
        dial = _dial(parameter, 0.0)
        if parameter.name not in values:
            continue
        value = float(values[parameter.name])
        if not np.isfinite(value):
            raise UserError(f"parameter {parameter.name!r} must be a number, received {value}")
        if parameter.kind == "palette":
            drawn = program.draw_parameters(seed, "explorer", counters=[max(0, int(value))])
            row[0, part] = drawn[0, part]
            continue
        value = min(max(value, dial.low), dial.high)
        row[0, part] = round(value) if dial.step >= 1 else value
    return row


def _dial(parameter: Parameter, value: float) -> Dial:
    """The slider of a parameter; its numbers are rounded to what a person can read."""
    if parameter.kind == "palette":
        return Dial(name=parameter.name, low=0, high=PALETTES_OFFERED - 1, step=1, value=0)
    if parameter.kind == "seed":
        return Dial(name=parameter.name, low=0, high=SEED_VALUES - 1, step=1, value=value)
    if parameter.kind == "integer":
        return Dial(name=parameter.name, low=parameter.low, high=parameter.high, step=1, value=value)
    low, high = (0.0, 2 * math.pi) if parameter.kind == "angle" else (parameter.low, parameter.high)
    step = 10.0 ** math.floor(math.log10((high - low) / LEAST_STEPS))
    return Dial(
        name=parameter.name, low=low, high=high, step=step, value=min(max(round(value / step) * step, low), high)
    )
