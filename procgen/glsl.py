"""GLSL assembly: a program's body, its includes and its parameters become one shader. Pure text, no GL.

The compute shader renders a whole batch: z of the work group is the image, parameters come from a uniform block and
pixels go to a storage buffer as packed RGBA bytes, row 0 at the top. Around the body stand

    prelude    version, buffers, ``ZERO``
    includes   shaders/include/NAME.glsl, each once, what it includes before it
    parameters one global each, under its plain name, filled once per pixel (a macro would be replaced inside struct
               members and local names too, and would read the buffer again in every loop); a palette named
               ``colours`` gives ``vec3 colours(float t)``, t in [0, 1], and ``vec3 colours_at(int i)``, i in 0..3
    body       the program's own file, which defines ``vec3 shade(vec2 p)``
    main       pixel centre to p, shade, bytes (clamp, times 255, round half to even; NaN and infinity give 0); a work
               group shades a tile, an invocation every eighth pixel of every eighth row of it

Two measurements on llvmpipe decide the form. Parameters in a storage buffer cost light programs up to 40 % of their
time there, since each lane loads each number by itself; from a uniform block they cost next to nothing (a block of
16 KB is granted everywhere; larger batches are split). Eight neighbouring lanes shade 4 x 2 pixels and not 8 x 1:
ray-marched scenes branch less and are 7 to 10 % faster.

llvmpipe cuts loops short after 65,536 turns of all loops of an invocation together, to end endless ones. A tile of
many pixels can use that up honestly, and the rest would be wrong or missing. Hence the last loop of main: if it cannot
turn twice, the limit was met, and ``_cut_short`` says so; the caller renders again in smaller tiles.

An assembly remembers at which line each file begins, so that the driver's messages can be given as file and line of
our own files. (``#line`` was rejected: Mesa 22 forgets the file's number inside expressions.)
The fragment shader of `procgen.fragment` differs in prelude and main only. Imported programs are assembled by
`procgen.dialects.assembly`.
``ZERO`` is 0, but the compiler cannot know: ``for (int i = ZERO; i < 48; i++)`` is not unrolled. ``PIXEL`` is the side
of a pixel in the units of p, for soft edges.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from procgen.parameters import Parameter, table_width
from procmem.errors import UserError, unknown_name

GROUP_SIZE_PX = 8  # side of the square work group
PARAMETER_BINDING = 0  # of uniform blocks
PIXEL_BINDING, CUT_SHORT_BINDING = 1, 2  # of storage buffers
PARAMETER_VECTORS = 1024  # of four floats: the 16 KB that every driver grants
SIZE_UNIFORM = "_size"
TILE_UNIFORM = "_tile"  # pixels that one work group shades: columns, rows
STRIDE_UNIFORM = "_stride"  # pixel rows from one image to the next on the fragment path

Path = Literal["compute", "fragment"]

_INCLUDE = re.compile(r"^//\s*include:\s*(.*)$")
_DRIVER_PLACE = re.compile(r"^(?:ERROR: |WARNING: )?\d+(?::(?P<line>\d+)(?:\(\d+\))?|\((?P<other>\d+)\)) ?:")

_PRELUDE = f"""#version 430
layout(local_size_x = {GROUP_SIZE_PX}, local_size_y = {GROUP_SIZE_PX}) in;
layout(std140, binding = {PARAMETER_BINDING}) uniform _ParameterBlock {{ vec4 _parameters[{PARAMETER_VECTORS}]; }};
layout(std430, binding = {PIXEL_BINDING}) restrict writeonly buffer _PixelBuffer {{ uint _pixels[]; }};
layout(std430, binding = {CUT_SHORT_BINDING}) restrict writeonly buffer _CutShortBuffer {{ uint _cut_short; }};
uniform ivec2 {SIZE_UNIFORM};
uniform ivec2 {TILE_UNIFORM};
#define ZERO min(0, {SIZE_UNIFORM}.x)
#define PIXEL (2.0 / float(min({SIZE_UNIFORM}.x, {SIZE_UNIFORM}.y)))
"""

_MAIN = f"""uint _byte(float value) {{
    if ((floatBitsToUint(value) & 0x7f800000u) == 0x7f800000u) return 0u;
    return uint(roundEven(clamp(value, 0.0, 1.0) * 255.0));
}}
void main() {{
    int image = int(gl_WorkGroupID.z), lane = int(gl_LocalInvocationIndex);
    ivec2 first = {TILE_UNIFORM} * ivec2(gl_WorkGroupID.xy), end = min(first + {TILE_UNIFORM}, {SIZE_UNIFORM});
    first += ivec2(lane & 3 | lane >> 1 & 4, lane >> 2 & 1 | lane >> 3 & 6);
    _load_parameters(image);
    for (int row = first.y; row < end.y; row += {GROUP_SIZE_PX}) {{
        for (int column = first.x; column < end.x; column += {GROUP_SIZE_PX}) {{
            vec2 position = vec2(2 * column + 1 - {SIZE_UNIFORM}.x, {SIZE_UNIFORM}.y - 1 - 2 * row);
            vec3 colour = shade(position / float(min({SIZE_UNIFORM}.x, {SIZE_UNIFORM}.y)));
            uint rgba = _byte(colour.r) | _byte(colour.g) << 8 | _byte(colour.b) << 16 | 255u << 24;
            _pixels[(image * {SIZE_UNIFORM}.y + row) * {SIZE_UNIFORM}.x + column] = rgba;
        }}
    }}
    int turns = 0;
    for (int i = ZERO; i < 2; i++) turns++;
    if (turns < 2) _cut_short = 1u;
}}
"""

_FRAGMENT_PRELUDE = "".join(
    line for line in _PRELUDE.splitlines(keepends=True) if "local_size" not in line and "_cut_short" not in line
).replace(f"uniform ivec2 {TILE_UNIFORM};", f"uniform int {STRIDE_UNIFORM};")
_FRAGMENT_MAIN = f"""flat in int _image;
{_MAIN[: _MAIN.index("void main")]}void main() {{
    int column = int(gl_FragCoord.x), row = {SIZE_UNIFORM}.y - 1 - (int(gl_FragCoord.y) - _image * {STRIDE_UNIFORM});
    int place = (_image * {SIZE_UNIFORM}.y + row) * {SIZE_UNIFORM}.x + column;
    _load_parameters(_image);
    vec2 position = vec2(2 * column + 1 - {SIZE_UNIFORM}.x, {SIZE_UNIFORM}.y - 1 - 2 * row);
    vec3 colour = shade(position / float(min({SIZE_UNIFORM}.x, {SIZE_UNIFORM}.y)));
    _pixels[place] = _byte(colour.r) | _byte(colour.g) << 8 | _byte(colour.b) << 16 | 255u << 24;
}}
"""
PRELUDES: dict[Path, str] = {"compute": _PRELUDE, "fragment": _FRAGMENT_PRELUDE}
MAINS: dict[Path, str] = {"compute": _MAIN, "fragment": _FRAGMENT_MAIN}


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """A complete shader and the files it came from.

    Attributes:
        text: the GLSL.
        places: (line of `text` at which a part begins, file it comes from), ascending.
    """

    text: str
    places: tuple[tuple[int, str], ...]

    def place(self, line: int) -> str:
        """``FILE:LINE`` of our own files for a line of `text`; both count from 1."""
        first, file = self.places[max(bisect.bisect_right(self.places, line, key=lambda place: place[0]) - 1, 0)]
        return f"{file}:{line - first + 1}"


def assemble(
    *, source: str, file: str, includes: Sequence[str], parameters: Sequence[Parameter], path: Path = "compute"
) -> Assembly:
    """Join prelude, includes, parameters, body and main.

    Args:
        source: the program's file; defines ``vec3 shade(vec2 p)``.
        file: its name for messages.
        includes: names of files in ``shaders/include``, without suffix.
        parameters: the parameter table, in order.
        path: kind of shader, see `procgen.fragment`.

    Raises:
        UserError: if an include does not exist or includes itself.
    """
    parts = [("assembled prelude", PRELUDES[path])]
    parts += [(f"shaders/include/{name}.glsl", include_source(name)) for name in resolve_includes(includes)]
    parts += [("assembled parameters", parameter_code(parameters)), (file, source), ("assembled main", MAINS[path])]
    return join(parts)


def join(parts: Sequence[tuple[str, str]]) -> Assembly:
    """Join (file, text) parts; each begins on a line of its own."""
    text, line, places = "", 1, []
    for name, part in parts:
        places.append((line, name))
        text += part.rstrip("\n") + "\n"
        line = text.count("\n") + 1
    return Assembly(text=text, places=tuple(places))


@functools.cache
def include_source(name: str) -> str:
    """Text of ``shaders/include/NAME.glsl``.

    Raises:
        UserError: if there is no such file; the nearest names are given.
    """
    folder = resources.files("shaders") / "include"
    file = folder / f"{name}.glsl"
    if not file.is_file():
        names = [entry.name.removesuffix(".glsl") for entry in folder.iterdir() if entry.name.endswith(".glsl")]
        raise unknown_name("include", name, names)
    return file.read_text(encoding="utf-8")


def split_names(text: str) -> tuple[str, ...]:
    """Names of a comma-separated list."""
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def resolve_includes(names: Sequence[str]) -> tuple[str, ...]:
    """Every include once, in order, each after the includes that it needs itself.

    Raises:
        UserError: if an include does not exist or includes itself, directly or not.
    """
    resolved: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise UserError(f"include {name!r} includes itself: {' -> '.join((*above, name))}")
        if name in resolved:
            return
        for line in include_source(name).splitlines():
            if match := _INCLUDE.match(line):
                for needed in split_names(match[1]):
                    visit(needed, (*above, name))
        resolved.append(name)

    for name in names:
        visit(name, ())
    return tuple(resolved)


def compile_error_message(driver_message: str, assembly: Assembly) -> str:
    """The driver's messages with file and line of our own files instead of its numbers.

    Understands ``0:12(3): error: ...`` (Mesa), ``0(12) : error C1: ...`` (NVIDIA) and ``ERROR: 0:12: ...`` (others).
    Lines in another form are dropped, unless there are only such lines.
    """
    lines = [line.strip() for line in driver_message.splitlines()]
    placed = [
        f"{assembly.place(int(match['line'] or match['other']))}:{line[match.end() :]}"
        for line in lines
        if (match := _DRIVER_PLACE.match(line))
    ]
    return "\n".join(placed or [line for line in lines if line])


def parameter_code(parameters: Sequence[Parameter]) -> str:
    """Globals of the parameters and ``_load_parameters(int image)``, which fills them."""
    declarations, assignments, offset = [], [], 0
    for parameter in parameters:
        name = parameter.name
        if parameter.kind == "palette":
            declarations.append(_palette_code(name))
            assignments += [
                f"_{name}_{i} = vec3({', '.join(_parameter(offset + 3 * i + c) for c in range(3))});" for i in range(4)
            ]
        else:
            declarations.append(f"float {name};")
            assignments.append(f"{name} = {_parameter(offset)};")
        offset += parameter.width
    row = f"int row = image * {vectors_per_row(table_width(parameters))};"
    load = f"void _load_parameters(int image) {{ {row} {' '.join(assignments)} }}"
    return "\n".join((*declarations, load)) + "\n"


def vectors_per_row(num_floats: int) -> int:
    """Vectors of four floats that hold one row of parameters; each row begins with a new one."""
    return -(-num_floats // 4)


def _parameter(place: int) -> str:
    """The number at a place of the row."""
    return f"_parameters[row + {place // 4}].{'xyzw'[place % 4]}"


def _palette_code(name: str) -> str:
    c0, c1, c2, c3 = (f"_{name}_{i}" for i in range(4))
    return (
        f"vec3 {c0}, {c1}, {c2}, {c3};\n"
        f"vec3 {name}(float t) {{ t = clamp(t, 0.0, 1.0) * 3.0;"
        f" return mix(mix(mix({c0}, {c1}, clamp(t, 0.0, 1.0)), {c2}, clamp(t - 1.0, 0.0, 1.0)), {c3},"
        f" clamp(t - 2.0, 0.0, 1.0)); }}\n"
        f"vec3 {name}_at(int i) {{ return i <= 0 ? {c0} : i == 1 ? {c1} : i == 2 ? {c2} : {c3}; }}"
    )
