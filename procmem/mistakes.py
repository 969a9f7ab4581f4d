"""Mistakes on a command line, in a person's words: what was received and what would be right.

jsonargparse and argparse speak of types, unions and keys ("Does not validate against any of the Union subtypes"). Their
messages are the only place where they say what is wrong, so they are read here and said anew; what is not recognised
passes as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from procmem.errors import UserError, unknown_name

KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}

_UNKNOWN = re.compile(r"(?:does not accept (?:option|nested key) '|unrecognized arguments: --)([\w.-]+)")
_START = r"^(--[\w.-]+): (?:Does not validate against [^:]*: \[.*\] Errors: - )?"
_WRONG_VALUE = (
    re.compile(rf"{_START}Expected a (.+?)\. Got value: (.+?)(?: - Expected a .*)?$"),
    re.compile(rf"{_START}Expected a (.+?) - Expected a NoneType .*Given value: (.+)$"),
)
"""Of one type, and of one type or none."""


def explained(message: str, program: str, options: Collection[str], required: Sequence[str]) -> UserError:
    """The error that a person reads.

    Args:
        message: of the parser.
        program: the command, as it is called.
        options: names of the command's options, with dashes.
        required: those that must be given and are not, in order; words without an option's name have no dashes.
    """
    more = f"see: {program} --help"
    if unknown := _UNKNOWN.search(message):
        return _unknown_option("--" + unknown[1], options)
    if missing := re.search(r"the following arguments are required: (.+)", message):
        names = [name if name.upper() in required else f"--{name}" for name in missing[1].split(", ")]
        return UserError(f"missing {_listed([n if n.startswith('--') else n.upper() for n in names])}; {more}")
    if spare := re.search(r"unrecognized arguments: (.+)", message):
        first = spare[1].split()[0]
        named = next((name for name in required if name.startswith("--")), None)
        hint = f"name what it is, for example {named} {first}" if named else "it belongs to no option"
        return UserError(f"unexpected {first!r}: {hint}; {more}")
    plain = re.sub(r"<class '([\w.]+)'>", r"\1", re.sub(r'^Parser key "([\w.+-]+)":', r"--\1:", message))
    if wrong := next(filter(None, (pattern.search(plain) for pattern in _WRONG_VALUE)), None):
        return _wrong_value(*wrong.groups())
    return UserError(plain)


def _unknown_option(name: str, options: Collection[str]) -> UserError:
    if "." in name and "--overrides" in options:
        return UserError(f"unknown option {name!r}; settings of a recipe go like this: --overrides {name[2:]}=VALUE")
    return unknown_name("option", name, options)


def _wrong_value(option: str, expected: str, received: str) -> UserError:
    names = re.findall(r"'([^']+)'", expected) if "Literal" in expected else []
    if names:
        return unknown_name(f"value of {option}", received, names)
    several = "; several are separated by spaces" if "," in received else ""
    return UserError(f"{option} is {received!r}; it must be {KINDS.get(expected, expected)}{several}")


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
