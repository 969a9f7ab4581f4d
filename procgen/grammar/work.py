"""Work of a program: how many loop iterations one pixel can take at most, read off the text of the program.

A unit is one pass through a loop body, or one call of a function without a loop. Generated code has one form of loop,
``for (int i = ZERO; i < BOUND; i++)`` with a literal bound, and includes take their bounds as literal arguments, so the
count needs no run. An early ``break`` is not credited. Counting the text was preferred to counters kept by the
productions: those are wrong as soon as one production forgets a call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LOOP = re.compile(r"for \(int \w+ = ZERO; \w+ < (\d+); \w+\+\+\)\s*")
_CALL = re.compile(r"\b([a-z]\w*)\(")
_BARE_LOOP = re.compile(r"\b(for|while|do)\b")

FLAT_WORK: Mapping[str, int] = {
    "noise": 1,
    "noise_offset": 2,
    "cells": 18,
    "cell_distance": 9,
    "hash1": 1,
    "hash2": 1,
    "hash3": 1,
}
"""Units of one call of an include."""

LITERAL_BOUND: Mapping[str, int] = {"fbm": 1, "ridges": 1}
"""Includes that loop as often as the argument at this place says."""

SCENE_CALLS: Mapping[str, tuple[str, int]] = {
    "march": ("scene", 0),
    "soft_shadow": ("scene", 0),
    "scene_normal": ("scene", 4),
    "openness": ("scene", 2),
    "relief_normal": ("relief", 3),
    "relief_shadow": ("relief", 1),
}
"""Includes that call the program's own function: its name, and how often beside the steps of their last argument."""

_STEPPED = ("march", "soft_shadow", "relief_shadow")


def count_work(body: str, known: Mapping[str, int]) -> int:
    """Units of work that one call of a function with this body takes at most.

    Args:
        body: GLSL statements.
        known: units of the functions that stand before it.

    Raises:
        ValueError: if the body has a loop of another form.
    """
    total, place = 1, 0
    while loop := _LOOP.search(body, place):
        total += _calls(body[place : loop.start()], known)
        end = _statement_end(body, loop.end())
        total += int(loop[1]) * count_work(body[loop.end() : end], known)
        place = end
    return total + _calls(body[place:], known)


def _calls(text: str, known: Mapping[str, int]) -> int:
    if stray := _BARE_LOOP.search(text):
        raise ValueError(f"a loop without a literal bound: {text[stray.start() : stray.start() + 60]!r}")
    return sum(_call_work(call[1], text, call.end(), known) for call in _CALL.finditer(text))


def _call_work(name: str, text: str, start: int, known: Mapping[str, int]) -> int:
    if name in known:
        return known[name]
    if name in LITERAL_BOUND:
        return int(_arguments(text, start)[LITERAL_BOUND[name]])
    if name in SCENE_CALLS:
        callee, times = SCENE_CALLS[name]
        steps = int(_arguments(text, start)[-1]) if name in _STEPPED else 0
        return (times + steps) * (known[callee] + 1)
    return FLAT_WORK.get(name, 0)


def _arguments(text: str, start: int) -> list[str]:
    """Arguments of the call whose bracket opens before `start`."""
    depth, arguments, current = 0, [], ""
    for letter in text[start:]:
        if letter == ")" and depth == 0:
            break
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            arguments.append(current.strip())
            current = ""
        else:
            current += letter
    return [*arguments, current.strip()]


def _statement_end(body: str, start: int) -> int:
    """Where the statement or block that begins at `start` ends."""
    if body[start] != "{":
        return body.index(";", start) + 1
    depth = 0
    for place in range(start, len(body)):
        depth += (body[place] == "{") - (body[place] == "}")
        if depth == 0:
            return place + 1
    raise ValueError(f"a block that does not end: {body[start : start + 60]!r}")
