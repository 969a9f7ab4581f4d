"""TwiGL's mode files: which of the twelve dialects a fragment is written in.

A mode file has four lines: classic, geek, geeker or geekest, then True or False for "300 es", for "MRT", and for
"assigns inside ?:" (which earlier work put into brackets; GLSL's grammar takes it as it is, so it changes nothing).
"""

from __future__ import annotations

from typing import cast

from procgen.dialects.uniforms import Dialect
from procmem.errors import UserError, unknown_name

MODES = ("classic", "geek", "geeker", "geekest")
_NUM_LINES = 4


def read_mode(text: str) -> Dialect:
    """The dialect that a mode file names.

    Raises:
        UserError: if it is not four lines, the mode is unknown, or a line is not True or False.
    """
    lines = text.split()
    if len(lines) != _NUM_LINES:
        raise UserError(f"a mode file has {_NUM_LINES} lines (mode, 300 es, MRT, ternary), got {len(lines)}")
    mode, *booleans = lines
    if mode not in MODES:
        raise unknown_name("TwiGL mode", mode, MODES)
    for value in booleans:
        if value not in ("True", "False"):
            raise UserError(f"lines 2 to 4 of a mode file are True or False, got {value!r}")
    # MRT implies GLSL ES 3.0.
    variant = "_mrt" if booleans[1] == "True" else "_300es" if booleans[0] == "True" else ""
    return cast(Dialect, f"twigl_{mode}{variant}")
