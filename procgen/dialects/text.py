"""Small rewrites of WebGL source into desktop GLSL. Pure text; every rewrite keeps the line numbers.

* comments become spaces, ``#version`` and ``#extension`` lines become empty;
* declarations of uniforms and outputs are taken out and handed back, since the assembly provides them as globals;
* variables without a value get zero: WebGL clears them, and short programs (``for (float i; i++ < 9.;)``) count on it;
  desktop drivers do not.

A GLSL parser was rejected: these programs are text that no two compilers agree on, and the driver says the rest.
"""

from __future__ import annotations

import re

from procmem.errors import UserError

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?:version|extension)\b[^\n]*", re.MULTILINE)
_PRECISION = r"(?:(?:highp|mediump|lowp)\s+)?"
_UNIFORM = re.compile(rf"\buniform\s+{_PRECISION}(\w+)\s+{_PRECISION}([^;{{}}]+);")
_OUTPUT = re.compile(rf"(?:\blayout\s*\([^)]*\)\s*)?\bout\s+{_PRECISION}(\w+)\s+(\w+)\s*;")
_ZEROED_TYPE = r"(?:float|int|uint|bool|[iub]?vec[234]|mat[234](?:x[234])?)"
_DECLARATION = re.compile(rf"(?:^|(?<=[;{{}}])|(?<=for\()|(?<=for \())\s*{_PRECISION}({_ZEROED_TYPE})\s+(?=\w)")
_STRUCT = re.compile(r"\bstruct\b[^{;]*\{[^}]*\}")


def blank(match: re.Match[str]) -> str:
    """What a match leaves behind: its line breaks, else spaces."""
    return re.sub(r"[^\n]", " ", match[0])


def without_comments(source: str) -> str:
    """The source with comments, ``#version`` and ``#extension`` blanked."""
    return _DIRECTIVE.sub(blank, _COMMENT.sub(blank, source.replace("\r\n", "\n")))


def take_uniforms(code: str) -> tuple[str, dict[str, str]]:
    """Take the declarations of uniforms out of code without comments.

    Returns:
        The rest, and {name: type}; an array's type ends in ``[]``.
    """
    found: dict[str, str] = {}
    for declaration in _UNIFORM.finditer(code):
        for declarator in declaration[2].split(","):
            name, bracket, _ = declarator.strip().partition("[")
            found[name.strip()] = declaration[1] + ("[]" if bracket else "")
    return _UNIFORM.sub(blank, code), found


def take_outputs(code: str) -> tuple[str, tuple[str, ...]]:
    """Take global ``out vec4 NAME;`` declarations out of code without comments; the names come back in order.

    Raises:
        UserError: if an output is not a vec4.
    """
    for output in _OUTPUT.finditer(code):
        if output[1] != "vec4":
            raise UserError(f"output {output[2]!r} is a {output[1]}, but a colour is a vec4")
    return _OUTPUT.sub(blank, code), tuple(output[2] for output in _OUTPUT.finditer(code))


def zero_initialised(code: str) -> str:
    """Give ``= TYPE(0)`` to every variable without a value; arrays, structs and parameters of functions stay."""
    spans = [match.span() for match in _STRUCT.finditer(code)]
    pieces, done = [], 0
    for match in _DECLARATION.finditer(code):
        start = match.end()
        if start < done or any(low < start < high for low, high in spans):
            continue
        end = _end_of_declaration(code, start)
        if end is not None:
            declarators = split_outside_brackets(code[start:end])
            pieces += [code[done:start], ",".join(_with_value(part, match[1]) for part in declarators)]
            done = end
    return "".join((*pieces, code[done:]))


def split_outside_brackets(text: str) -> list[str]:
    """Split at commas that stand in no bracket."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _end_of_declaration(code: str, start: int) -> int | None:
    """Place of the semicolon, or None where this is a function or holds a directive."""
    depth = 0
    for position in range(start, len(code)):
        character = code[position]
        if character == ";" and depth == 0:
            return None if re.match(r"\w+\s*\(", code[start:position]) else position
        depth += (character in "([") - (character in ")]")
        if depth < 0 or character in "{}#":
            return None
    return None


def _with_value(declarator: str, type_name: str) -> str:
    if "=" in declarator or "[" in declarator or not declarator.strip():
        return declarator
    return f"{declarator}={type_name}(0)"
