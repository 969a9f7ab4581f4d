"""The help page of one command, from its signature and docstring.

jsonargparse's own page spells out Python types (``Optional[list[Literal['plurality', ...]]]``) and flags as
``{true,false}``; this one says what to type.
"""

from __future__ import annotations

import inspect
import textwrap
from argparse import Action
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

WIDTH, INDENT = 100, 26
_NUMBERS = {int: "N", float: "X"}


def help_page(command: Callable[..., Any], program: str, description: str, actions: Sequence[Action]) -> str:
    """Usage, what the command does, and one paragraph for each word and option.

    Args:
        command: the function.
        program: how it is called.
        description: what it does.
        actions: of its parser, whose help texts come from the docstring.
    """
    hints, parameters = get_type_hints(command), inspect.signature(command).parameters
    words: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for action in actions:
        if action.help is None or action.dest in ("help", "print_shtab") or "==SUPPRESS==" in action.help:
            continue
        hint = hints.get(action.dest)
        parameter = parameters.get(action.dest)
        required = parameter is not None and is_required(parameter)
        name = f"--{action.dest}" if parameter is None else shown_name(parameter)
        if name.startswith("--"):
            name = f"{name} {_placeholder(hint, action.dest)}".rstrip()
        (options if name.startswith("--") else words).append((name, _explained(action, hint, required)))
    called = [word + (" ..." if is_list(hints[word.lower()]) else "") for word, _ in words]
    called += [f"[{own.name.upper()}]" for own in parameters.values() if is_by_place(own) and not is_required(own)]
    called += [name for name, text in options if "(required" in text]
    lines = [f"usage: {program} {' '.join([*called, *(['[options]'] if len(options) else [])])}", ""]
    for paragraph in description.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, WIDTH), ""]
    for name, text in [*words, *options]:
        lines += _paragraph(name, text)
    return "\n".join([*lines, ""])


def _explained(action: Action, hint: Any, required: bool) -> str:
    text = str(action.help).rstrip(".")
    choices = [value for part in _parts(hint) if get_origin(part) is Literal for value in get_args(part)]
    notes = ["required"] if required and action.option_strings else []
    if choices:
        notes.append("one of " if not is_list(hint) else "of ")
        notes[-1] += ", ".join(str(choice) for choice in choices)
    default = action.default
    if not required and default not in (None, False, "==SUPPRESS==") and not isinstance(default, list | dict):
        notes.append(f"default: {default}")
    return f"{text} ({'; '.join(notes)})." if notes else f"{text}."


def _placeholder(hint: Any, name: str) -> str:
    if hint is bool:
        return ""
    number = next((letter for part in _parts(hint) for kind, letter in _NUMBERS.items() if part is kind), None)
    return (number or name.rsplit(".", 1)[-1].upper()) + (" ..." if is_list(hint) else "")


def _parts(hint: Any) -> list[Any]:
    """A type and the types inside it, without the values of literals."""
    inner = [] if get_origin(hint) is Literal else [part for own in get_args(hint) for part in _parts(own)]
    return [hint, *inner]


def is_by_place(parameter: inspect.Parameter) -> bool:
    """Whether its value may be given by place, without a name."""
    return parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def is_required(parameter: inspect.Parameter) -> bool:
    """Whether the command does not run without it."""
    return parameter.default is inspect.Parameter.empty


def shown_name(parameter: inspect.Parameter) -> str:
    """What a person writes for it, or in whose place: ``--dataset``, or MEMORY for a word that must be given."""
    is_word = is_by_place(parameter) and is_required(parameter)
    return parameter.name.upper() if is_word else f"--{parameter.name}"


def is_list(hint: Any) -> bool:
    """Whether an option of this type takes several values."""
    return any(get_origin(part) is list for part in _parts(hint))


def _paragraph(name: str, text: str) -> list[str]:
    head = f"  {name}"
    body = textwrap.wrap(text, WIDTH - INDENT)
    if len(head) + 2 > INDENT:
        return [head, *(" " * INDENT + line for line in body)]
    return [head.ljust(INDENT) + body[0], *(" " * INDENT + line for line in body[1:])]
