"""An imported program becomes one complete shader, its source nearly as it was. Pure text, no GL.

Everything of ours stands before the body, so that no macro of the program can reach it:

    prelude, parameters, main   as for native programs, with ``shade`` still to come
    head                        uniforms as globals, gl_FragCoord, ``shade``, which fills them and calls the program
    body                        the program, see `procgen.dialects.text` for what is rewritten

gl_FragCoord comes from ``shade``'s p, exactly: p times the shorter side is a whole number. Globals of the program are
alive for one pixel only, so the renderer gives each invocation one pixel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from procgen.dialects import uniforms
from procgen.dialects.geekest import SNIPPETS
from procgen.dialects.text import take_outputs, take_uniforms, without_comments, zero_initialised
from procgen.dialects.uniforms import Dialect, Table
from procgen.glsl import MAINS, PRELUDES, Assembly, Path, join, parameter_code
from procmem.errors import UserError, unknown_name

NEEDS_FRAGMENT = re.compile(
    r"\b(?:(?:dFd[xy]|fwidth)(?:Fine|Coarse)?|discard|texture(?:2D)?(?:Proj)?(?:Offset)?(?=\s*\()|textureQueryLod)\b"
)
_MAIN_IMAGE = re.compile(r"\bvoid\s+mainImage\s*\(")
_MAIN = re.compile(r"\bvoid\s+main\s*\(")
# Names that WebGL leaves free and desktop GLSL or the head above takes.
_TAKEN = (
    "sample patch subroutine shared buffer coherent restrict readonly writeonly resource precise smooth centroid "
    f"common partition active filter shade ZERO PIXEL {uniforms.TIME.name}"
).split()
_OLD_TEXTURE_NAMES = {
    "texture2D": "texture",
    "texture2DProj": "textureProj",
    "texture2DLod": "textureLod",
    "texture2DLodEXT": "textureLod",
    "texture2DProjLodEXT": "textureProjLod",
    "texture2DGradEXT": "textureGrad",
}


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A program's body ready for assembly, and what it asks for.

    Attributes:
        body: rewritten source, same line numbers.
        table: uniforms that it may use, by name.
        outputs: names of colours that it writes; the first is the picture.
        needs_main: whether the body is the inside of ``main`` only.
        main_image: whether it defines Shadertoy's ``mainImage``.
    """

    body: str
    table: Table
    outputs: tuple[str, ...]
    needs_main: bool
    main_image: bool

    @property
    def path(self) -> Path:
        """Kind of shader that can run it."""
        return "fragment" if NEEDS_FRAGMENT.search(self.body) else "compute"

    @property
    def samplers(self) -> tuple[str, ...]:
        """Samplers that it uses, sorted; the noise texture stands in for each."""
        return tuple(sorted(name for name in self.table if self.table[name][0] == "sampler2D"))


def read_source(source: str, dialect: Dialect) -> Imported:
    """Read an imported program.

    Raises:
        UserError: if there is no entry function, or a uniform is unknown or of another type.
    """
    code, declared = take_uniforms(without_comments(source))
    if not code.strip():
        raise UserError("the program is empty")
    main_image = _MAIN_IMAGE.search(code) is not None and dialect in ("shadertoy", "plain")
    has_main = _MAIN.search(code) is not None
    if dialect == "shadertoy" and not main_image:
        raise UserError("no void mainImage(out vec4, in vec2), where a Shadertoy program begins")
    needs_main = not has_main and dialect.startswith("twigl_geekest")
    if not (main_image or has_main or needs_main):
        raise UserError("no void main() or void mainImage(out vec4, in vec2), where a program begins")
    code, outputs = (code, ()) if main_image else take_outputs(code)
    outputs += tuple(name for name in _implicit_outputs(dialect) if name not in outputs)
    table = _implicit_uniforms(dialect, main_image) | _declared_uniforms(declared, dialect)
    code = re.sub(r"\bgl_FragData\s*\[\s*0\s*\]", "gl_FragColor", code)
    code = code.replace("gl_FragColor", "_fragment_colour").replace("gl_FragCoord", "_fragment_coordinate")
    used = {name: entry for name, entry in table.items() if re.search(rf"\b{name}\b", code)}
    return Imported(
        body=zero_initialised(code), table=used, outputs=outputs, needs_main=needs_main, main_image=main_image
    )


def assemble_imported(imported: Imported, *, dialect: Dialect, file: str, path: Path | None = None) -> Assembly:
    """The complete shader.

    Args:
        imported: the program.
        dialect: what it is written in.
        file: its name for messages.
        path: another kind of shader than the program's own, to compare them.
    """
    path = path or imported.path
    end = "}" if imported.needs_main else ""
    return join(
        [
            ("assembled prelude", PRELUDES[path]),
            ("assembled parameters", parameter_code((uniforms.TIME,))),
            ("assembled main", "vec3 shade(vec2 p);\n" + MAINS[path]),
            ("assembled head", _head(imported, dialect)),
            (file, imported.body),
            ("assembled end", end),
        ]
    )


def _head(imported: Imported, dialect: Dialect) -> str:
    table = imported.table
    lines = ["vec4 _fragment_coordinate, _fragment_colour;"]
    lines += [f"uniform {kind} {name};" for name, (kind, _) in table.items() if kind == "sampler2D"]
    values = {name: entry for name, entry in table.items() if entry[0] != "sampler2D"}
    lines += [f"{kind} {name};" for name, (kind, _) in values.items()]
    lines += [f"vec4 {name};" for name in imported.outputs]
    geekest = dialect.startswith("twigl_geekest")
    if geekest:
        lines += ["vec4 FC;", SNIPPETS]
    entry = "mainImage" if imported.main_image else "_program"
    signature = "out vec4 colour, in vec2 coordinate" if imported.main_image else ""
    lines += [
        f"void {entry}({signature});",
        "vec3 shade(vec2 p) {",
        "    vec2 whole = round(p * float(min(_size.x, _size.y)));",
        "    _fragment_coordinate = vec4(0.5 * (whole + vec2(_size)), 0.0, 1.0);",
        *(f"    {name} = {expression};" for name, (_, expression) in values.items()),
        *(f"    {name} = vec4(0.0);" for name in ("_fragment_colour", *imported.outputs)),
        *(["    FC = _fragment_coordinate;"] if geekest else []),
        *_call(imported),
        "}",
        "#undef ZERO",
        "#undef PIXEL",
        *_renamed(imported.body, {name: f"_imported_{name}" for name in _TAKEN} | _OLD_TEXTURE_NAMES),
    ]
    if not imported.main_image:
        lines.append("void _program() {" if imported.needs_main else "#define main _program")
    return "\n".join(lines)


def _call(imported: Imported) -> list[str]:
    if imported.main_image:
        return [
            "    mainImage(_fragment_colour, _fragment_coordinate.xy);",
            "    return _fragment_colour.rgb;",
        ]
    return ["    _program();", f"    return {(*imported.outputs, '_fragment_colour')[0]}.rgb;"]


def _renamed(body: str, names: Mapping[str, str]) -> list[str]:
    """Macros for the names that the body uses and does not define as macros itself."""
    return [
        f"#define {name} {new}"
        for name, new in names.items()
        if re.search(rf"\b{name}\b", body) and not re.search(rf"#\s*(?:define|undef)\s+{name}\b", body)
    ]


def _implicit_outputs(dialect: Dialect) -> tuple[str, ...]:
    name = "outColor" if dialect.startswith("twigl_classic") else "o"
    if dialect.endswith("_mrt"):
        return (f"{name}0", f"{name}1")
    return (name,) if dialect.endswith("_300es") else ()


def _implicit_uniforms(dialect: Dialect, main_image: bool) -> Table:
    """Uniforms that a program may use without declaring them."""
    if main_image:
        return uniforms.SHADERTOY
    return _geek_uniforms(dialect) if dialect.startswith(("twigl_geeker", "twigl_geekest")) else {}


def _geek_uniforms(dialect: Dialect) -> Table:
    return uniforms.GEEK | (uniforms.GEEK_BACKBUFFERS if dialect.endswith("_mrt") else uniforms.GEEK_BACKBUFFER)


def _declared_uniforms(declared: Mapping[str, str], dialect: Dialect) -> Table:
    if dialect == "plain":
        known = uniforms.PLAIN
    elif dialect == "shadertoy":
        known = uniforms.SHADERTOY
    else:
        known = uniforms.CLASSIC if dialect.startswith("twigl_classic") else _geek_uniforms(dialect)
    for name, kind in declared.items():
        if name not in known:
            raise unknown_name("uniform", name, known)
        if kind.removesuffix("[]") != known[name][0].partition("[")[0]:
            raise UserError(f"uniform {name!r} is declared as {kind}, but it is a {known[name][0]}")
    return {name: known[name] for name in declared}
