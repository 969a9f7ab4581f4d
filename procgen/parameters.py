"""Parameters of shader programs: the numbers that make one compiled program a family of images.

A parameter has a kind, which says how it is drawn on the host and what it means in GLSL:

    uniform low high      a float
    log_uniform low high  a float, equally likely in every octave; low > 0
    integer low high      a whole number, both ends included
    angle                 radians in [0, 2 pi)
    seed                  a 24-bit whole number, exact in a float: the key of a program's own hashes
    palette               four RGB colours (see `procgen.palettes`)

Every parameter consumes its own columns of one counter-based table, so a row depends on the key and its counter only.

Letters: B images, P floats a row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from procgen.palettes import PALETTE_NUMBERS, PALETTE_WIDTH, palettes
from procgen.seeds import uniforms
from procmem.errors import UserError, unknown_name

Kind = Literal["uniform", "log_uniform", "integer", "angle", "seed", "palette"]
KINDS_WITH_RANGE: tuple[Kind, ...] = ("uniform", "log_uniform", "integer")
SEED_VALUES = 1 << 24  # whole numbers that a float32 holds exactly
LARGEST_MAGNITUDE = float(1 << 24)

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One entry of a program's parameter table.

    Attributes:
        name: the GLSL name, lower case with single underscores.
        kind: how it is drawn.
        low: smallest value, for the kinds with a range.
        high: largest value, for the kinds with a range.

    Raises:
        UserError: if the kind is unknown, the name is not one, or the range is empty or not finite.
    """

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise unknown_name("parameter kind", self.kind, get_args(Kind))
        if not _NAME.fullmatch(self.name):
            raise UserError(f"parameter name {self.name!r} must be lower case words joined by single underscores")
        if self.kind not in KINDS_WITH_RANGE:
            return
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise UserError(f"parameter {self.name!r} needs a finite range, got {self.low} to {self.high}")
        if self.low >= self.high:
            raise UserError(f"parameter {self.name!r} needs low < high, got {self.low} to {self.high}")
        if max(abs(self.low), abs(self.high)) > LARGEST_MAGNITUDE:
            raise UserError(f"parameter {self.name!r} must stay within +-2^24, got {self.low} to {self.high}")
        if self.kind == "log_uniform" and self.low <= 0:
            raise UserError(f"log_uniform parameter {self.name!r} needs low > 0, got {self.low}")
        if self.kind == "integer" and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise UserError(f"integer parameter {self.name!r} needs whole numbers, got {self.low} to {self.high}")

    @property
    def width(self) -> int:
        """Floats that the parameter takes in a row."""
        return PALETTE_WIDTH if self.kind == "palette" else 1

    @property
    def num_uniforms(self) -> int:
        """Uniform numbers that one draw consumes."""
        return PALETTE_NUMBERS if self.kind == "palette" else 1

    def values(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Turn uniform numbers (B, `num_uniforms`) in [0, 1) into values (B, `width`)."""
        if self.kind == "palette":
            return palettes(numbers)
        if self.kind == "angle":
            return 2 * np.pi * numbers
        if self.kind == "seed":
            return np.floor(SEED_VALUES * numbers)
        if self.kind == "integer":
            return self.low + np.floor((self.high - self.low + 1) * numbers)
        if self.kind == "log_uniform":
            return np.asarray(self.low * (self.high / self.low) ** numbers)
        return self.low + (self.high - self.low) * numbers

    def describe(self) -> list[str | float]:
        """Name, kind and range as JSON."""
        return [self.name, self.kind, *((self.low, self.high) if self.kind in KINDS_WITH_RANGE else ())]


def table_width(parameters: Sequence[Parameter]) -> int:
    """P: floats in a row of the table."""
    return sum(parameter.width for parameter in parameters)


def draw_table(
    parameters: Sequence[Parameter], root_seed: int, *path: int | str, counters: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Draw one row of parameters per counter.

    Args:
        parameters: the table, in order.
        root_seed: the run's seed.
        path: purpose of the draw.
        counters: (B,) integers in [0, 2^64), for example sample indices.

    Returns:
        (B, P) float32; row i depends on the key and ``counters[i]`` only.
    """
    count = sum(parameter.num_uniforms for parameter in parameters)
    numbers = uniforms(root_seed, *path, counters=counters, count=count).astype(np.float64)
    table = np.empty((len(numbers), table_width(parameters)), dtype=np.float32)
    taken = filled = 0
    for parameter in parameters:
        values = parameter.values(numbers[:, taken : taken + parameter.num_uniforms])
        table[:, filled : filled + parameter.width] = values
        taken += parameter.num_uniforms
        filled += parameter.width
    return table
