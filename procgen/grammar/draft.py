"""A draft: a shader program while the grammar writes it.

It draws the choices, collects parameters, functions and includes, counts the work and prints the file. GLSL types are
Python types here (`Field`, `Colour`, ...), so that mypy checks the grammar: a production that puts a colour where a
field belongs is an error before a driver sees it.

Every number of a program becomes a parameter. The grammar names the widest sensible range; a draft narrows it to a part
of its own, so that programs differ from each other and the images of one program still differ among themselves.

Only ``Generator.random`` is called, and ranges are cut with correctly rounded operations (+, *, sqrt), so the
text is the same on every machine; ``pow`` and numpy's ``choice`` were rejected, since they may change between versions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NewType, TypeVar

import numpy as np

from procgen.grammar.work import count_work

Field = NewType("Field", str)  # float NAME(vec2 p), within [0, 1]
Warp = NewType("Warp", str)  # vec2 NAME(vec2 p)
Figure = NewType("Figure", str)  # float NAME(vec2 p), signed distance of a shape of radius about 1
Colour = NewType("Colour", str)  # vec3 NAME(vec2 p), display-referred
Solid = NewType("Solid", str)  # float NAME(vec3 q), signed distance

Choice = TypeVar("Choice")

RANGE_SHARE = 0.5  # of a range, linear or in octaves, that one program keeps
STEPS = 6  # cuts of an eighth of the octaves: (7/8)**6 = 0.45 of them is left; 2**STEPS places for a linear range
SALT_STEP = 32  # room for the octaves of a noise between two salts

_WORD = re.compile(r"[a-z]\w*?(?=_at\b|\b)")

SIGNATURES = {
    "field": "float {}(vec2 p)",
    "warp": "vec2 {}(vec2 p)",
    "figure": "float {}(vec2 p)",
    "colour": "vec3 {}(vec2 p)",
    "solid": "float {}(vec3 q)",
}


class Draft:
    """One program in the making.

    Args:
        random: source of every choice.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._parameters: list[str] = []
        self._functions: list[str] = []
        self._includes: list[str] = []
        self._palettes: dict[str, str] = {}
        self._work: dict[str, int] = {}
        self._finest = 0.0
        self._num_names = 0
        self._num_salts = 0

    @property
    def work(self) -> int:
        """Most units of work of one pixel (see `procgen.grammar.work`) once `shade` is written."""
        return self._work["shade"]

    @property
    def finest(self) -> float:
        """Highest frequency, in periods per unit of p, that a texture was given."""
        return self._finest

    def reach(self, detail: float) -> None:
        """Note that a texture may reach this frequency, in periods per unit of p."""
        self._finest = max(self._finest, detail)

    def choose(self, *options: Choice) -> Choice:
        """One of the options, all alike."""
        return options[int(self._random.random() * len(options))]

    def weigh(self, options: Sequence[tuple[float, Choice]]) -> Choice:
        """One of the (weight, option) pairs."""
        place = self._random.random() * sum(weight for weight, _ in options)
        for weight, option in options:
            place -= weight
            if place < 0:
                return option
        return options[-1][1]

    def chance(self, share: float) -> bool:
        """True in this share of the drafts."""
        return bool(self._random.random() < share)

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included, fixed for the program."""
        return low + int(self._random.random() * (high - low + 1))

    def uniform(self, name: str, low: float, high: float, *, whole_range: bool = False) -> str:
        """A parameter, evenly drawn from a part of [low, high]."""
        if not whole_range:
            low, high = self._part(low, high)
        return self._parameter(name, f"uniform {low:.4g} {high:.4g}")

    def octaves(self, name: str, low: float, high: float) -> str:
        """A parameter, evenly drawn by octaves from a part of [low, high]; low > 0."""
        for _ in range(STEPS):
            eighth = math.sqrt(math.sqrt(math.sqrt(high / low)))
            low, high = (low, high / eighth) if self.chance(0.5) else (low * eighth, high)
        return self._parameter(name, f"log_uniform {low:.4g} {high:.4g}")

    def integer(self, name: str, low: int, high: int) -> str:
        """A parameter: a whole number of the whole range, as a float."""
        return self._parameter(name, f"integer {low} {high}")

    def angle(self, name: str) -> str:
        """A parameter: any angle."""
        return self._parameter(name, "angle")

    def salt(self) -> str:
        """A key for noises that nothing else in the program uses."""
        if not self._num_salts:
            self._parameters.append("salt seed")
        self._num_salts += 1
        return f"salt + {SALT_STEP * (self._num_salts - 1)}.0"

    def palette(self, role: str) -> str:
        """The palette of a role (ground, figure, accent), the same one each time."""
        if role not in self._palettes:
            self._palettes[role] = self._parameter(role, "palette")
        return self._palettes[role]

    def include(self, *names: str) -> None:
        """Put files of ``shaders/include`` before the program."""
        self._includes += [name for name in names if name not in self._includes]

    def field(self, body: str) -> Field:
        """Write ``float NAME(vec2 p)`` within [0, 1]."""
        return Field(self._function("field", body))

    def warp(self, body: str) -> Warp:
        """Write ``vec2 NAME(vec2 p)``."""
        return Warp(self._function("warp", body))

    def figure(self, body: str) -> Figure:
        """Write a signed distance ``float NAME(vec2 p)``."""
        return Figure(self._function("figure", body))

    def colour(self, body: str) -> Colour:
        """Write ``vec3 NAME(vec2 p)``."""
        return Colour(self._function("colour", body))

    def solid(self, body: str) -> Solid:
        """Write a signed distance ``float NAME(vec3 q)``."""
        return Solid(self._function("solid", body))

    def define(self, name: str, signature: str, body: str) -> None:
        """Write a function under a fixed name: ``scene``, ``relief`` or ``shade``."""
        self._work[name] = count_work(body, self._work)
        self._functions.append(f"{signature} {{\n{_indent(body)}\n}}\n")

    def text(self, title: str, cost: str, detail: str) -> str:
        """The program's file; parameters that the code does not use are left out."""
        used = set(_WORD.findall("".join(self._functions)))
        header = [f"title: {title}", "licence: Apache-2.0", f"cost: {cost}", f"detail: {detail}"]
        header.append(f"include: {', '.join(self._includes)}")
        header += [f"parameter: {parameter}" for parameter in self._parameters if parameter.split()[0] in used]
        return "\n".join([*(f"// {line}" for line in header), "", *self._functions])

    def _function(self, kind: str, body: str) -> str:
        name = self._name(kind)
        self.define(name, SIGNATURES[kind].format(name), body)
        return name

    def _parameter(self, name: str, rest: str) -> str:
        name = self._name(name)
        self._parameters.append(f"{name} {rest}")
        return name

    def _name(self, word: str) -> str:
        self._num_names += 1
        return f"{word}_{self._num_names}"

    def _part(self, low: float, high: float) -> tuple[float, float]:
        width = RANGE_SHARE * (high - low)
        places = 1 << STEPS
        start = low + (high - low - width) * self.whole(0, places) / places
        return start, start + width


def _indent(body: str) -> str:
    return "\n".join(f"    {line.strip()}" for line in body.strip().splitlines())
