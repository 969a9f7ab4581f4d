"""From a table of typed functions to a command line that answers mistakes in one line.

jsonargparse builds every option, help text and type check from a function's signature and docstring, so that Python,
YAML and the command line share one set of names. This module adds what people expect and it does not offer: bare
flags (``--force``), lists without brackets (``--encoders A B C``, or one by one: ``--encoder A --encoder B``), optional
words by place, nearest names for what is misspelt, and errors as one `UserError` instead of a page of usage.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, get_type_hints

import jsonargparse

from procmem.errors import UserError, unknown_name
from procmem.help_page import help_page, is_by_place, is_list, is_required, shown_name
from procmem.mistakes import explained

Command = Callable[..., int | None]
Table = Mapping[str, "Command | Table | str"]


class _Parser(jsonargparse.ArgumentParser):
    """Raises `UserError` where argparse would print usage and exit, and writes the help page anew."""

    command: Command
    words: Sequence[str] = ()

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        names = {name for action in self._actions for name in action.option_strings if name.startswith("--")}
        options = {name for name in names if not name.endswith("+")} - {"--help", "--print_shtab"}
        required = [
            shown_name(parameter)
            for parameter in inspect.signature(self.command).parameters.values()
            if is_required(parameter)
        ]
        missing = [name for name in required if name not in self.words]
        raise explained(" ".join(message.split()), self.prog, options, missing) from ex

    def format_help(self, formatter: argparse.HelpFormatter | None = None) -> str:
        return help_page(self.command, self.prog, self.description or "", self._actions)


def parse(table: Table, program: str, argv: Sequence[str]) -> tuple[Command, dict[str, Any]]:
    """Find the command that `argv` names and check its options.

    Args:
        table: name -> function, or -> another table (``memory build``); the key ``""`` holds its description.
        program: how the program is called, for help texts.
        argv: the words after the program's name.

    Returns:
        The function and its keyword arguments.

    Raises:
        UserError: for an unknown command or option (nearest names are given) or a value of the wrong type.
        SystemExit: with code 0 after printing a help page.
    """
    words = list(argv)
    entry: Any = table
    while isinstance(entry, Mapping):
        if not words or words[0] in ("-h", "--help"):
            sys.stdout.write(_help_of_table(entry, program))
            raise SystemExit(0 if words else 2)
        name = words.pop(0)
        if not name or name not in entry:
            raise unknown_name("command", name, filter(None, entry))
        program, entry = f"{program} {name}", entry[name]
    parser = _Parser(prog=program, description=_description(entry), allow_abbrev=False)
    parser.command, parser.words = entry, words
    parser.add_function_arguments(entry, as_group=False, as_positional=True, sub_configs=True)
    values = parser.instantiate(parser.parse_args(_spelt_out(entry, words)))
    return entry, dict(vars(values))


def _description(command: Command) -> str:
    return (inspect.getdoc(command) or "").split("\n\nArgs:")[0]


def _help_of_table(table: Table, program: str) -> str:
    """A page that names each command with the first line of its docstring."""
    lines = [f"usage: {program} COMMAND ...", "", str(table.get("", "")), "", "commands:"]
    for name, entry in table.items():
        if isinstance(entry, Mapping):
            lines.append(f"  {name:<16}{entry.get('', '')}")
        elif callable(entry):
            lines.append(f"  {name:<16}{_description(entry).splitlines()[0]}")
    return "\n".join([*lines, "", f"'{program} COMMAND --help' explains one command.", ""])


def _spelt_out(command: Command, words: Sequence[str]) -> list[str]:
    """Words as jsonargparse wants them: ``--a-b`` is ``--a_b``, a flag gets its ``true``, a list becomes JSON."""
    hints = get_type_hints(command)
    spelt: list[str] = []
    lists: dict[str, list[str]] = {}
    position = 0
    for parameter in _positionals(command):
        if position == len(words) or words[position].startswith("-"):
            break
        optional = not is_required(parameter)
        if is_list(hints[parameter.name]):  # takes all words up to the first option
            following = next((i for i in range(position, len(words)) if words[i].startswith("-")), len(words))
            spelt += [*([f"--{parameter.name}"] if optional else []), json.dumps(words[position:following])]
            position = following
            continue
        spelt += [f"--{parameter.name}", words[position]] if optional else [words[position]]
        position += 1
    while position < len(words):
        word = words[position]
        position += 1
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            name = "--" + name[2:].replace("-", "_")
            if name[2:] not in hints and is_list(hints.get(f"{name[2:]}s")):
                name += "s"
                words, value, equals = [*words[:position], *([value] if equals else []), *words[position:]], "", ""
            word = name + equals + value
        following = next((i for i in range(position, len(words)) if words[i].startswith("--")), len(words))
        hint = hints.get(word.removeprefix("--")) if word.startswith("--") else None
        if hint is bool and following == position:
            spelt += [word, "true"]
        elif is_list(hint) and following == position and "=" not in word:
            raise UserError(f"{word} needs at least one value")
        elif is_list(hint) and not "".join(words[position:following]).startswith("["):
            lists.setdefault(word, []).extend(words[position:following])
            position = following
        else:
            spelt.append(word)
    return [*spelt, *(part for name, given in lists.items() for part in (name, json.dumps(given)))]


def _positionals(command: Command) -> list[inspect.Parameter]:
    """Parameters that may be given by place; jsonargparse takes those with a default by name only."""
    return [parameter for parameter in inspect.signature(command).parameters.values() if is_by_place(parameter)]
