"""Program sets: any number of generated programs as a short list of integers.

A set's file holds the class and seed of each program, the version of the grammar that turns them into text, and the
hash of their texts and of the includes they use. Reading writes every program again and checks the hash, under 1 ms
a program: nobody can train on other programs than the file names. The code that the engine puts around a program is
left out of this hash (a process pins it, see `procgen.programs.program_set_hash`), or every change of the engine would
spoil every set. Shipping the sources was rejected: a seed says all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from procgen.dialects.importing import is_imported, load_imported
from procgen.glsl import include_source, resolve_includes
from procgen.grammar.synthesis import GRAMMAR_VERSION, SCENE_CLASSES, synthesize
from procgen.programs import ShaderProgram
from procmem.errors import UserError, unknown_name
from procmem.files import canonical_json, fingerprint, read_json, write_text
from procmem.progress import progress

FORMAT = 1
SEEDS_PER_SET = 10**9  # sets of different root seeds share no program
HASH_DIGITS = 64

Member = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class ProgramSet:
    """Programs of the grammar, by class and seed.

    Attributes:
        members: (scene class, seed) of each program, in order.
        hash: 64 hex digits, `hash_texts` of the programs.
        grammar_version: version of the grammar that writes them.

    Raises:
        UserError: if the set is empty or a program is there twice.
    """

    members: tuple[Member, ...]
    hash: str
    grammar_version: int = GRAMMAR_VERSION

    def __post_init__(self) -> None:
        if not self.members:
            raise UserError("a program set needs at least one program, got none")
        if len(set(self.members)) < len(self.members):
            raise UserError("a program set names each program once, but a program is there twice")

    def describe(self) -> dict[str, Any]:
        """The file's content: seeds by class, ascending."""
        seeds: dict[str, list[int]] = {}
        for scene_class, seed in sorted(self.members):
            seeds.setdefault(scene_class, []).append(seed)
        return {"format": FORMAT, "grammar_version": self.grammar_version, "hash": self.hash, "seeds": seeds}

    def write(self, path: Path, screening: Mapping[str, Any] | None = None) -> None:
        """Write the set's file atomically.

        Args:
            path: the file.
            screening: how the programs were chosen, as JSON; kept with them, and not part of what they are.
        """
        content = self.describe() | ({"screening": dict(screening)} if screening else {})
        write_text(path, canonical_json(content) + "\n")


def shipped_sets() -> dict[str, Path]:
    """Name -> file of the program sets that come with the package."""
    folder = Path(str(resources.files("shaders") / "sets"))
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def find_program_set(name_or_path: str | Path) -> Path:
    """File of a program set: a shipped one by its name, or the path itself.

    Raises:
        UserError: if what reads like a name is neither a shipped set nor a file (nearest names are given).
    """
    path, shipped = Path(name_or_path), shipped_sets()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    if path.name == str(name_or_path) and not path.suffix and not path.exists():
        raise unknown_name("program set", str(name_or_path), shipped)
    return path


def members_of(count: int, root_seed: int) -> tuple[Member, ...]:
    """The programs of a fresh set: the i-th belongs to class i modulo the number of classes.

    Args:
        count: how many programs, from 1 to `SEEDS_PER_SET`.
        root_seed: which set; sets of different root seeds have no program in common.

    Raises:
        UserError: if an argument is out of range.
    """
    if not 1 <= count <= SEEDS_PER_SET:
        raise UserError(f"the number of programs must be within 1..{SEEDS_PER_SET}, got {count}")
    if root_seed < 0:
        raise UserError(f"the seed of a program set must be 0 or larger, got {root_seed}")
    classes = list(SCENE_CLASSES)
    return tuple((classes[i % len(classes)], root_seed * SEEDS_PER_SET + i) for i in range(count))


def make_program_set(members: Iterable[Member]) -> ProgramSet:
    """The set of these programs, with the hash of the grammar at hand.

    Raises:
        UserError: if there are none, one is there twice, a class is unknown or a seed is negative.
    """
    members = tuple(members)
    return ProgramSet(members=members, hash=hash_texts(_write_programs(members)))


def read_program_set(path: Path) -> ProgramSet:
    """Read a set's file without writing its programs.

    Raises:
        UserError: if the file is missing or not a program set, or another version of the grammar made it; the message
            names the version to use.
    """
    content = read_json(path)
    try:
        if content["format"] != FORMAT:
            raise UserError(f"{str(path)!r} has format {content['format']}, but this version reads format {FORMAT}")
        version, set_hash = content["grammar_version"], content["hash"]
        members = _members_by_class(content["seeds"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{str(path)!r} is not a program set: it needs format, grammar_version, hash, seeds") from error
    if version != GRAMMAR_VERSION:
        raise UserError(
            f"{str(path)!r} was made with version {version} of the grammar, but this is version {GRAMMAR_VERSION}; "
            f"use a release of procmem with grammar version {version}, or synthesize and screen the set again"
        )
    if not (isinstance(set_hash, str) and len(set_hash) == HASH_DIGITS):
        raise UserError(f"{str(path)!r} needs a hash of {HASH_DIGITS} hex digits, got {set_hash!r}")
    return ProgramSet(members=members, hash=set_hash)


def load_program_set(path: str | Path) -> tuple[ShaderProgram, ...]:
    """The programs of a set, generated or imported, checked against its hash.

    Args:
        path: the set's file, or the name of a shipped set.

    Returns:
        The programs, sorted by class and seed.

    Raises:
        UserError: as `find_program_set` and `read_program_set`, and if the programs do not give the hash.
    """
    path = find_program_set(path)
    if is_imported(read_json(path)):
        return load_imported(path)
    program_set = read_program_set(path)
    programs = _write_programs(program_set.members)
    found = hash_texts(programs)
    if found != program_set.hash:
        raise UserError(
            f"the programs of {str(path)!r} have hash {found}, but the file says {program_set.hash}: the file was "
            f"edited, or the includes or the grammar changed without a new version; use the release of procmem that "
            f"wrote it (grammar version {program_set.grammar_version}), or synthesize and screen the set again"
        )
    return programs


def hash_texts(programs: Iterable[ShaderProgram]) -> str:
    """64 hex digits over ids and texts of programs and the includes they use; the order does not matter."""
    texts: dict[str, str] = {}
    includes: set[str] = set()
    for program in programs:
        texts[program.id] = fingerprint(program.source)
        includes |= set(resolve_includes(program.includes))
    return fingerprint({"programs": texts, "includes": {name: include_source(name) for name in includes}})


def _write_programs(members: tuple[Member, ...]) -> tuple[ShaderProgram, ...]:
    return tuple(synthesize(*member) for member in progress(members, "writing programs", unit="program"))


def _members_by_class(seeds: Mapping[str, list[Any]]) -> tuple[Member, ...]:
    for scene_class, numbers in seeds.items():
        if scene_class not in SCENE_CLASSES:
            raise unknown_name("scene class", scene_class, SCENE_CLASSES)
        for seed in numbers:
            if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
                raise UserError(f"the seeds of class {scene_class!r} must be whole numbers >= 0, got {seed!r}")
    return tuple(sorted((scene_class, seed) for scene_class, numbers in seeds.items() for seed in numbers))
