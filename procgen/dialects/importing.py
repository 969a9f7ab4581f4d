"""Folders of programs from elsewhere become one file of program records, or a reason why not.

The set's file holds the sources themselves, since no grammar can write them again, and the hash of the programs that
they make. Licences are not guessed: a record says "LicenseRef-unknown" and its owner answers for it. Every program is
compiled while it is imported; nothing is rendered, so an endless loop is met by the screening, in a process that can
be killed.

Layouts: Shadertoy, one JSON a program with ``renderpass[0].code``; TwiGL, ``fragments/NAME.fragment`` beside
``modes/NAME.fragment``; plain, ``NAME.frag`` or ``NAME.glsl``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from procgen.dialects.twigl_modes import read_mode
from procgen.dialects.uniforms import TIME, Dialect
from procgen.programs import ShaderProgram, program_set_hash
from procmem.errors import UserError, unknown_name
from procmem.files import read_json, write_json
from procmem.progress import progress

Layout = Literal["shadertoy", "twigl", "plain"]
FORMAT = 1
KIND = "imported programs"
LICENCE = "LicenseRef-unknown"
_PLAYABLE = ("", "texture", "buffer", "music", "musicstream", "mic", "video", "webcam", "keyboard")


@dataclass(frozen=True, kw_only=True)
class Import:
    """What a folder gave.

    Attributes:
        programs: those that compile, sorted by id.
        skipped: (file, reason) of the others, sorted.
    """

    programs: tuple[ShaderProgram, ...]
    skipped: tuple[tuple[str, str], ...]


def import_folder(folder: Path, layout: str, compile_program: Callable[[ShaderProgram], None]) -> Import:
    """Read every program of a folder.

    Args:
        folder: the folder.
        layout: shadertoy, twigl or plain.
        compile_program: raises UserError where a program does not compile, for example `Renderer.compile`.

    Raises:
        UserError: if the layout is unknown, the folder is missing or has no file of the layout.
    """
    if layout not in get_args(Layout):
        raise unknown_name("dialect", layout, get_args(Layout))
    read, where = _LAYOUTS[layout]
    if not folder.is_dir():
        raise UserError(f"{str(folder)!r} is no folder; name the folder that holds the programs")
    files = sorted(file for pattern in where for file in folder.glob(pattern))
    if not files:
        raise UserError(f"{str(folder)!r} has no programs: the {layout} layout is {' and '.join(where)}")
    programs: dict[str, ShaderProgram] = {}
    skipped = []
    for file in progress(files, "importing programs", unit="program"):
        try:
            program = read(file)
            if program.id in programs:
                raise UserError(f"another file gives {program.id!r}, too")
            compile_program(program)
        except UserError as error:
            skipped.append((str(file.relative_to(folder)), str(error)))
        else:
            programs[program.id] = program
    return Import(programs=tuple(programs[key] for key in sorted(programs)), skipped=tuple(skipped))


def write_imported(path: Path, found: Import) -> str:
    """Write the set's file atomically; returns the hash of its programs.

    Raises:
        UserError: if no program can run; the reasons are given.
    """
    if not found.programs:
        reasons = "\n".join(f"  {file}: {reason}" for file, reason in found.skipped)
        raise UserError(f"no program can run, so there is no set to write:\n{reasons}")
    set_hash = program_set_hash(found.programs)
    content = {
        "format": FORMAT,
        "kind": KIND,
        "hash": set_hash,
        "programs": [_to_json(program) for program in found.programs],
        "skipped": [{"file": file, "reason": reason} for file, reason in found.skipped],
    }
    write_json(path, content)
    return set_hash


def is_imported(content: Any) -> bool:
    """Whether the JSON of a set's file is one of `write_imported`."""
    return isinstance(content, dict) and content.get("kind") == KIND


def load_imported(path: str | Path) -> tuple[ShaderProgram, ...]:
    """The programs of a file that `write_imported` wrote, sorted by id.

    Raises:
        UserError: if it is missing or no such file, or its programs do not give its hash.
    """
    path = Path(path)
    content = read_json(path)
    try:
        if (content["kind"], content["format"]) != (KIND, FORMAT):
            raise UserError(f"{str(path)!r} is no set of imported programs of format {FORMAT}")
        programs = tuple(_from_json(entry) for entry in content["programs"])
        expected = content["hash"]
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{str(path)!r} is no set of imported programs: it needs kind, format, hash, programs"
        ) from error
    found = program_set_hash(programs)
    if found != expected:
        raise UserError(
            f"the programs of {str(path)!r} have hash {found}, but the file says {expected}: the file was edited, or "
            "another version of procmem wrote it; import the folder again"
        )
    return programs


def read_shadertoy(file: Path) -> ShaderProgram:
    """A program from Shadertoy's JSON.

    Raises:
        UserError: if the JSON is corrupt, has no code or several passes, or asks for a cube map or a volume.
    """
    content = read_json(file)
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, dict):
        content = content.get("Shader", content)
    try:
        passes = content["renderpass"]
        code, inputs = passes[0]["code"], passes[0].get("inputs") or []
        num_passes = len(passes)
        kinds = [entry.get("ctype", entry.get("type", "")) for entry in inputs]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"{file.name!r} is not a Shadertoy program: it needs renderpass[0].code") from error
    if num_passes != 1:
        raise UserError(f"it has {num_passes} passes; only programs of a single pass can run")
    if not isinstance(code, str):
        raise UserError(f"renderpass[0].code must be a string, got {type(code).__name__}")
    for kind in kinds:
        if kind not in _PLAYABLE:
            raise UserError(f"it reads a {kind}, for which no texture stands in")
    info = content.get("info")
    title = info.get("name") if isinstance(info, dict) else None
    return _program("shadertoy", file.stem, code, "shadertoy", title if isinstance(title, str) else file.stem)


def read_twigl(file: Path) -> ShaderProgram:
    """A program from ``fragments/NAME.fragment`` and its mode file.

    Raises:
        UserError: if the mode file is missing or says nothing known.
    """
    mode = file.parent.parent / "modes" / file.name
    if not mode.is_file():
        raise UserError(f"its mode file modes/{file.name} is missing")
    return _program("twigl", file.stem, _read_text(file), read_mode(_read_text(mode)), file.stem)


def read_plain(file: Path) -> ShaderProgram:
    """A program from a fragment shader with ``mainImage``, or ``main`` and a colour it writes.

    Raises:
        UserError: if the file is unreadable.
    """
    return _program("plain", file.stem, _read_text(file), "plain", file.stem)


_LAYOUTS: dict[str, tuple[Callable[[Path], ShaderProgram], tuple[str, ...]]] = {
    "shadertoy": (read_shadertoy, ("*.json",)),
    "twigl": (read_twigl, ("fragments/*.fragment",)),
    "plain": (read_plain, ("*.frag", "*.glsl")),
}


def _program(family: str, name: str, source: str, dialect: Dialect, title: str) -> ShaderProgram:
    return ShaderProgram(
        id=f"{family}/{name}",
        family=family,
        title=title,
        source=source,
        parameters=(TIME,),
        licence=LICENCE,
        dialect=dialect,
    )


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read it: {error}") from error


def _to_json(program: ShaderProgram) -> dict[str, Any]:
    names = ("id", "title", "dialect", "licence", "source", "path")
    return {name: getattr(program, name) for name in names} | {"stand_ins": list(program.stand_ins)}


def _from_json(entry: dict[str, Any]) -> ShaderProgram:
    if entry["dialect"] not in get_args(Dialect):
        raise unknown_name("dialect", str(entry["dialect"]), get_args(Dialect))
    family, _, name = entry["id"].partition("/")
    return _program(family, name, entry["source"], entry["dialect"], entry["title"])
