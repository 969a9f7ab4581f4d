"""Prewarm: programs compiled ahead of use into the driver's cache on disk, in parallel processes that may be killed.

Compiling a generated program takes llvmpipe a third of a second, finding it in the cache a few milliseconds. The cache
is the driver's own, so there is no list of what is done: an interrupted run is continued by running it again, which
passes over what is there. (A list of ours was rejected: it would be wrong as soon as the driver throws something out.)
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from procgen.context import CACHE_LIMITS
from procgen.programs import ShaderProgram
from procgen.renderer import Renderer
from procgen.screening.children import examine_all
from procgen.screening.probe import Finding, Probe
from procmem.errors import UserError

_SIZE = re.compile(r"(\d+)([KMG]?)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DriverCache:
    """Mesa's cache of compiled shaders.

    Attributes:
        folder: where it lies; it may not exist yet.
        used_bytes: sum of its files.
        limit_bytes: where Mesa begins to throw programs out.
    """

    folder: Path
    used_bytes: int
    limit_bytes: int


def prewarm(programs: Sequence[ShaderProgram], *, num_children: int, time_limit_seconds: float) -> Iterator[Finding]:
    """Compile programs in parallel; findings come as they are ready, without order.

    Args:
        programs: the programs.
        num_children: processes.
        time_limit_seconds: a program that takes longer is a killer, and its process is replaced.

    Returns:
        One finding a program, with `failure` where it does not compile; `cost_ms` is the time that compiling took.

    Raises:
        UserError, WorkError: as `examine_all`.
    """
    return examine_all(
        programs, Probe(), num_children=num_children, time_limit_seconds=time_limit_seconds, work=compile_only
    )


def compile_only(program: ShaderProgram, probe: Probe, renderer: Renderer, beat: Callable[[], None]) -> Finding:
    """What a child does with one program; the signature is that of `procgen.screening.probe.examine`."""
    finding = Finding(program_id=program.id, program_fingerprint=program.fingerprint)
    start = time.perf_counter()
    try:
        renderer.compile(program)
    except UserError as error:
        return replace(finding, failure="error", message=str(error))
    return replace(finding, cost_ms=round(1000 * (time.perf_counter() - start), 3))


def mesa_cache() -> DriverCache:
    """Where Mesa keeps compiled shaders, how much, and how much it may keep (the rules of Mesa's ``disk_cache.c``)."""
    chosen = os.environ.get("MESA_SHADER_CACHE_DIR")
    root = Path(chosen or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "mesa_shader_cache"
    files = folder.rglob("*") if folder.is_dir() else ()
    used_bytes = sum(file.stat().st_size for file in files if file.is_file())
    name = "MESA_SHADER_CACHE_MAX_SIZE"
    return DriverCache(
        folder=folder, used_bytes=used_bytes, limit_bytes=size_in_bytes(os.environ.get(name, CACHE_LIMITS[name]))
    )


def size_in_bytes(text: str) -> int:
    """Mesa's way to write a size: a number with K, M or G; without a letter it means gigabytes.

    Raises:
        UserError: if it is not written so.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UserError(f"MESA_SHADER_CACHE_MAX_SIZE must be a number with K, M or G such as 4G, got {text!r}")
    return int(match[1]) << {"K": 10, "M": 20, "G": 30, "": 30}[match[2].upper()]
