"""Shader programs: what they are, how their files are read, and the shipped set.

One file is one program, ``shaders/programs/FAMILY/NAME.glsl``. Its comment header is its manifest entry, so a program
and its parameter table cannot drift apart:

    // title: Dunes under a low sun
    // licence: Apache-2.0                    (this is what a missing line means)
    // cost: medium                           light | medium | heavy; light where missing
    // detail: fine                           coarse | medium | fine: the finest texture; unknown where missing
    // include: noise, palette
    // parameter: scale log_uniform 1.0 6.0   see `procgen.parameters` for the kinds
    // parameter: colours palette

The header ends at the first line that is not a comment; other comment lines in it are free. The body defines
``vec3 shade(vec2 p)``: p is centred, y up, the shorter side spans [-1, 1]; it returns display-referred RGB in [0, 1].
A separate manifest file was rejected: two places to keep in step.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from procgen.dialects.assembly import Imported, assemble_imported, read_source
from procgen.dialects.uniforms import Dialect
from procgen.glsl import Assembly, assemble, split_names
from procgen.glsl import Path as ShaderPath
from procgen.parameters import KINDS_WITH_RANGE, Kind, Parameter, draw_table, table_width
from procmem.errors import UserError, unknown_name
from procmem.files import fingerprint

__all__ = ["Cost", "Parameter", "ShaderProgram", "find_program", "load_programs", "parse_program", "program_set_hash"]

Cost = Literal["light", "medium", "heavy"]
Detail = Literal["coarse", "medium", "fine"]

OWN_FAMILY = "file"
"""Family of a program that was read from a file outside the shipped set."""

_FIELD = re.compile(r"^//\s*(title|licence|cost|detail|include|parameter)\s*:\s*(.*?)\s*$")
_LOOKS_LIKE_A_FIELD = re.compile(r"^//\s*([a-z]+)\s*:\s")


@dataclass(frozen=True, kw_only=True)
class ShaderProgram:
    """A program and everything that decides its pixels.

    Attributes:
        id: "family/name".
        family: scene class.
        title: what the picture shows.
        source: the whole file; defines ``vec3 shade(vec2 p)``, or what its dialect asks for.
        includes: names of files in ``shaders/include`` that stand before the source.
        parameters: the parameter table, in order.
        cost: order of magnitude of the time for one image.
        detail: how fine its texture may become, as a hint for choosing an image size; None where nobody said.
        licence: SPDX identifier.
        dialect: the language the source is written in.

    Raises:
        UserError: if two parameters have one name.
    """

    id: str
    family: str
    title: str
    source: str
    includes: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    cost: Cost = "light"
    detail: Detail | None = None
    licence: str = "Apache-2.0"
    dialect: Dialect = "native"

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"program {self.id!r} has two parameters named {name!r}; names must differ")

    @property
    def file(self) -> str:
        """Name of the program's file, for messages."""
        return _file_of(self.id) if self.dialect == "native" else self.id

    @property
    def num_floats(self) -> int:
        """P: floats in one row of parameters."""
        return table_width(self.parameters)

    @property
    def assembly(self) -> Assembly:
        """The complete shader; not kept, since 18 KB a program are 380 MB for a set of 21,000."""
        return self.assembly_for(self.path)

    def assembly_for(self, path: ShaderPath) -> Assembly:
        """The complete shader of one kind; `assembly` is the one that is rendered."""
        if self._imported is not None:
            return assemble_imported(self._imported, dialect=self.dialect, file=self.file, path=path)
        return assemble(
            source=self.source, file=self.file, includes=self.includes, parameters=self.parameters, path=path
        )

    @property
    def path(self) -> ShaderPath:
        """Kind of shader that runs it: compute, unless it needs derivatives, discard or sampled textures."""
        return self._imported.path if self._imported is not None else "compute"

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Samplers for which a fixed noise texture stands in."""
        return self._imported.samplers if self._imported is not None else ()

    @functools.cached_property
    def _imported(self) -> Imported | None:
        return None if self.dialect == "native" else read_source(self.source, self.dialect)

    @functools.cached_property
    def fingerprint(self) -> str:
        """64 hex digits over the complete shader (source, includes, code around them) and the parameter table."""
        table = [parameter.describe() for parameter in self.parameters]
        return fingerprint({"dialect": self.dialect, "shader": self.assembly.text, "table": table})

    def draw_parameters(self, root_seed: int, *path: int | str, counters: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Draw parameters for images.

        Args:
            root_seed: the run's seed.
            path: purpose of the draw, for example the program's place in a process.
            counters: (B,) integers in [0, 2^64), for example sample indices.

        Returns:
            (B, P) float32; row i depends on the key and ``counters[i]`` only.
        """
        return draw_table(self.parameters, root_seed, *path, counters=counters)


def load_programs(families: Sequence[str] | None = None) -> tuple[ShaderProgram, ...]:
    """The shipped programs, sorted by id.

    Args:
        families: families to take; None takes all.

    Raises:
        UserError: if a family is unknown (nearest names are given) or a file has a mistake in its header.
    """
    programs = _shipped_programs()
    if families is None:
        return programs
    known = {program.family for program in programs}
    for family in families:
        if family not in known:
            raise unknown_name("family of shader programs", family, known)
    return tuple(program for program in programs if program.family in families)


def find_program(name_or_path: str) -> ShaderProgram:
    """A shipped program by its id, or one from a .glsl file (whose id is "file/NAME").

    Raises:
        UserError: if the id is unknown (nearest ids are given), the file is unreadable, or its header has a mistake.
    """
    if name_or_path.endswith(".glsl"):
        path = Path(name_or_path)
        try:
            return parse_program(f"{OWN_FAMILY}/{path.stem}", path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {name_or_path!r}: {error}") from error
    by_id = {program.id: program for program in _shipped_programs()}
    if name_or_path not in by_id:
        raise unknown_name("shader program", name_or_path, by_id)
    return by_id[name_or_path]


def program_set_hash(programs: Iterable[ShaderProgram]) -> str:
    """64 hex digits over ids and fingerprints of a set of programs; the order does not matter."""
    return fingerprint(sorted((program.id, program.fingerprint) for program in programs))


def parse_program(program_id: str, source: str) -> ShaderProgram:
    """Read one program file.

    Args:
        program_id: "family/name".
        source: the file's text.

    Raises:
        UserError: if the header has a mistake; the message names the file and the line.
    """
    once: dict[str, str] = {}
    includes: list[str] = []
    parameters: list[Parameter] = []
    file = _file_of(program_id)
    for number, line in enumerate(source.splitlines(), start=1):
        if not line.startswith("//"):
            break
        try:
            _read_line(line, once, includes, parameters)
        except UserError as error:
            raise UserError(f"{file}:{number}: {error}") from error
    if not once.get("title"):
        raise UserError(f"{file}:1: the header needs a title, for example // title: Dunes under a low sun")
    return ShaderProgram(
        id=program_id,
        family=program_id.split("/")[0],
        title=once["title"],
        source=source,
        includes=tuple(includes),
        parameters=tuple(parameters),
        cost=cast(Cost, once.get("cost", "light")),
        detail=cast(Detail | None, once.get("detail")),
        licence=once.get("licence", "Apache-2.0"),
    )


def _file_of(program_id: str) -> str:
    family, _, name = program_id.partition("/")
    return f"{name}.glsl" if family == OWN_FAMILY else f"shaders/programs/{program_id}.glsl"


def _read_line(line: str, once: dict[str, str], includes: list[str], parameters: list[Parameter]) -> None:
    match = _FIELD.match(line)
    if match is None:
        if near := _LOOKS_LIKE_A_FIELD.match(line):
            raise unknown_name("header field", near[1], ("title", "licence", "cost", "detail", "include", "parameter"))
        return
    field, value = match.groups()
    if field == "include":
        includes += split_names(value)
    elif field == "parameter":
        parameter = _read_parameter(value)
        if any(parameter.name == other.name for other in parameters):
            raise UserError(f"parameter {parameter.name!r} is already there; names must differ")
        parameters.append(parameter)
    elif field in once:
        raise UserError(f"a second {field}; give it once")
    elif field == "cost" and value not in get_args(Cost):
        raise unknown_name("cost", value, get_args(Cost))
    elif field == "detail" and value not in get_args(Detail):
        raise unknown_name("detail", value, get_args(Detail))
    else:
        once[field] = value


def _read_parameter(value: str) -> Parameter:
    words = value.split()
    if len(words) < 2:
        raise UserError(f"a parameter is 'name kind [low high]', got {value!r}")
    name, kind, *limits = words
    if kind not in get_args(Kind):
        raise unknown_name("parameter kind", kind, get_args(Kind))
    expected = 2 if kind in KINDS_WITH_RANGE else 0
    if len(limits) != expected:
        raise UserError(f"kind {kind!r} takes {expected} numbers after it, got {len(limits)}: {value!r}")
    try:
        numbers = [float(limit) for limit in limits]
    except ValueError:
        raise UserError(f"the range of parameter {name!r} must be two numbers, got {' '.join(limits)!r}") from None
    if not numbers:
        return Parameter(name=name, kind=cast(Kind, kind))
    return Parameter(name=name, kind=cast(Kind, kind), low=numbers[0], high=numbers[1])


@functools.cache
def _shipped_programs() -> tuple[ShaderProgram, ...]:
    programs = []
    for family in (resources.files("shaders") / "programs").iterdir():
        if not family.is_dir():
            continue
        for file in family.iterdir():
            if file.name.endswith(".glsl"):
                program_id = f"{family.name}/{file.name.removesuffix('.glsl')}"
                programs.append(parse_program(program_id, file.read_text(encoding="utf-8")))
    return tuple(sorted(programs, key=lambda program: program.id))
