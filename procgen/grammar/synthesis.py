"""Synthesis: (scene class, seed) -> shader program.

The text of a program is a function of the grammar's version, its class and its seed, the same on every machine. A draft
whose work is beyond the limit is thrown away and the next one is drawn, until one fits: the limit holds for every
program, and no driver has to be trusted with a runaway loop. Whoever changes a production raises `GRAMMAR_VERSION`.

Rejected: one recursive soup over all productions (every picture turns into the same mixture); seeds alone without
classes (yields differ between kinds of scene, so a screened set would lose some of them).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping

from procgen.grammar import fractals, occluders, optics, ornament, particles, relief, scenes
from procgen.grammar.draft import Draft
from procgen.programs import Cost, Detail, ShaderProgram, parse_program
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

GRAMMAR_VERSION = 2
WORK_LIMIT = 1500  # units of `procgen.grammar.work` for one pixel
LIGHT_WORK, MEDIUM_WORK = 80, 400
COARSE_DETAIL, MEDIUM_DETAIL = 3.0, 8.0  # highest frequency of a texture, in periods per unit of p

SCENE_CLASSES: Mapping[str, Callable[[Draft], str]] = {
    "occluders": occluders.write,
    "relief": relief.write,
    "scenes": scenes.write,
    "fractals": fractals.write,
    "ornament": ornament.write,
    "particles": particles.write,
    "optics": optics.write,
}


def synthesize(scene_class: str, seed: int) -> ShaderProgram:
    """Write one program.

    Args:
        scene_class: a name of `SCENE_CLASSES`; it becomes the program's family.
        seed: any whole number >= 0.

    Returns:
        The program "grammar/CLASS/SEED".

    Raises:
        UserError: if the class is unknown or the seed is negative.
    """
    text = synthesize_source(scene_class, seed)
    return dataclasses.replace(parse_program(f"grammar/{scene_class}/{seed}", text), family=scene_class)


def synthesize_source(scene_class: str, seed: int) -> str:
    """The file of one program; arguments and errors as `synthesize`."""
    if scene_class not in SCENE_CLASSES:
        raise unknown_name("scene class", scene_class, SCENE_CLASSES)
    if seed < 0:
        raise UserError(f"the seed of a program must be 0 or larger, got {seed}")
    for attempt in itertools.count():
        draft = Draft(generator(seed, "grammar", GRAMMAR_VERSION, scene_class, attempt))
        title = SCENE_CLASSES[scene_class](draft)
        if draft.work <= WORK_LIMIT:
            return draft.text(title, _cost(draft.work), _detail(draft.finest))
    raise AssertionError("the attempts never end")


def _cost(work: int) -> Cost:
    if work <= LIGHT_WORK:
        return "light"
    return "medium" if work <= MEDIUM_WORK else "heavy"


def _detail(finest: float) -> Detail:
    if finest <= COARSE_DETAIL:
        return "coarse"
    return "medium" if finest <= MEDIUM_DETAIL else "fine"
