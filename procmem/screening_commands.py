"""``procmem programs screen`` and ``procmem programs list``; see `procmem.commands` for the conventions."""

from __future__ import annotations

import json as json_format
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from procmem.errors import UserError
from procmem.files import write_json
from procmem.progress import say

if TYPE_CHECKING:
    from procgen.programs import ShaderProgram


def programs_screen(
    programs: Path | None = None,
    *,
    families: list[str] | None = None,
    sample: int | None = None,
    sample_seed: int = 0,
    output: Path = Path("screened.json"),
    sheets: Path | None = None,
    children: int | None = None,
    time_limit_seconds: float = 60.0,
    json: bool = False,
) -> None:
    """Render small probes of programs, reject bad ones and near-duplicates, and print the yields.

    Programs are rendered in processes that can be killed, so that an endless loop costs one process and not the run.
    An interrupted screening continues: findings are kept in a file beside the output.

    Args:
        programs: a program set made by 'procmem programs synthesize'; without it the shipped programs are screened.
        families: families to screen; the default is all.
        sample: screen only so many programs, drawn at random.
        sample_seed: fixes which.
        output: list of the programs that passed, with hashes and reasons, as JSON.
        sheets: folder for contact sheets of what passed and of each reason.
        children: rendering processes; the default is one for each processor core.
        time_limit_seconds: a program that gives no answer for so long is a killer.
        json: print the result as JSON instead of a table.
    """
    from procgen.screening.report import write_sheets, yield_table
    from procgen.screening.screen import screen

    chosen = _sample(_find_programs(programs, families), sample, sample_seed)
    screening = screen(
        chosen,
        output.with_name(output.name + ".findings.jsonl"),
        num_children=children or os.cpu_count() or 1,
        time_limit_seconds=time_limit_seconds,
    )
    result = screening.to_dict()
    write_json(output, result)
    if sheets is not None:
        for path in write_sheets(screening, sheets):
            say(f"wrote {path}")
    sys.stdout.write(json_format.dumps(result, indent=2) + "\n" if json else yield_table(screening))
    say(f"wrote {output}")


def programs_list(programs: Path | None = None, *, families: list[str] | None = None, json: bool = False) -> None:
    """List programs: id, cost, number of parameters, licence, title.

    Args:
        programs: a program set made by 'procmem programs synthesize'; without it the shipped programs are listed.
        families: families to list; the default is all.
        json: print the list as JSON, with fingerprints.
    """
    found = _find_programs(programs, families)
    if json:
        entries = [
            {
                "id": program.id,
                "family": program.family,
                "title": program.title,
                "cost": program.cost,
                "licence": program.licence,
                "dialect": program.dialect,
                "parameters": [parameter.describe() for parameter in program.parameters],
                "fingerprint": program.fingerprint,
            }
            for program in found
        ]
        sys.stdout.write(json_format.dumps(entries, indent=2) + "\n")
        return
    width = max(len(program.id) for program in found)
    for program in found:
        counts = f"{len(program.parameters):>2} parameters"
        sys.stdout.write(f"{program.id:<{width}}  {program.cost:<6}  {counts}  {program.licence}  {program.title}\n")
    say(f"{len(found)} programs in {len({program.family for program in found})} families")


def _find_programs(path: Path | None, families: list[str] | None) -> tuple[ShaderProgram, ...]:
    """Shipped programs, or those of a program set; of some families."""
    from procgen.programs import load_programs
    from procmem.errors import unknown_name

    if path is None:
        return load_programs(families)
    from procgen.program_sets import load_program_set

    found = tuple(load_program_set(path))
    known = {program.family for program in found}
    for family in families or ():
        if family not in known:
            raise unknown_name("family of shader programs", family, known)
    return tuple(program for program in found if families is None or program.family in families)


def _sample(programs: tuple[ShaderProgram, ...], count: int | None, seed: int) -> tuple[ShaderProgram, ...]:
    """`count` programs by chance, in order of id."""
    from procgen.seeds import generator

    if count is None:
        return programs
    if count < 1:
        raise UserError(f"sample must be at least 1, got {count}")
    ordered = sorted(programs, key=lambda program: program.id)
    order = generator(seed, "screening", "sample").permutation(len(ordered))
    return tuple(ordered[index] for index in sorted(order[:count]))
