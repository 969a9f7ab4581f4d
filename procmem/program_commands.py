"""What the commands about shader programs do; see `procmem.commands` for the conventions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from procmem.commands import print_json
from procmem.errors import UserError, WorkError, unknown_name
from procmem.files import write_json
from procmem.progress import progress, say

if TYPE_CHECKING:
    from procgen.programs import ShaderProgram
    from procgen.screening.screen import Screening

FULL_CACHE = 0.9  # share of its limit from which on a driver's cache is called nearly full


def programs_list(programs: Path | None = None, *, families: list[str] | None = None, json: bool = False) -> None:
    """List programs: id, cost, number of parameters, licence, title.

    Args:
        programs: a program set (its file, or a shipped one's name: grammar); without it the native ones are listed.
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
                "detail": program.detail,
                "licence": program.licence,
                "dialect": program.dialect,
                "parameters": [parameter.describe() for parameter in program.parameters],
                "fingerprint": program.fingerprint,
            }
            for program in found
        ]
        print_json(entries)
        return
    width = max((len(program.id) for program in found), default=0)
    for program in found:
        counts = f"{len(program.parameters):>2} parameters"
        sys.stdout.write(f"{program.id:<{width}}  {program.cost:<6}  {counts}  {program.licence}  {program.title}\n")
    say(f"{len(found)} programs in {len({program.family for program in found})} families")


def programs_render(
    program: str,
    *,
    images: int = 24,
    columns: int = 12,
    image_size_px: int = 128,
    samples_per_side: int = 1,
    root_seed: int = 0,
    output: Path = Path("program.png"),
) -> None:
    """Draw one shader program with many parameters: a contact sheet, or a looping clip.

    Args:
        program: its id such as sky/clouds, or a .glsl file.
        images: how many images, or frames of a clip.
        columns: images in a row.
        image_size_px: side of an image.
        samples_per_side: n; each pixel is the mean of n x n samples, which smooths edges.
        root_seed: fixes the parameters.
        output: the picture to write; .png and .jpg are sheets, .gif and .mp4 are clips.
    """
    import numpy as np

    from procgen.clip import SUFFIXES, clip_parameters, save_clip
    from procgen.preview import contact_sheet, save_sheet
    from procgen.programs import find_program
    from procgen.renderer import shared_renderer

    found = find_program(program)
    is_clip = output.suffix.lower() in SUFFIXES
    if is_clip:
        parameters = clip_parameters(found, root_seed, num_frames=images)
    else:
        parameters = found.draw_parameters(root_seed, "render", found.id, counters=np.arange(images))
    rendered = shared_renderer().render(
        found, parameters, image_size_px, image_size_px, samples_per_side=samples_per_side
    )
    if is_clip:
        save_clip(rendered, output)
    else:
        save_sheet(contact_sheet(rendered, columns=columns), output)
    say(f"{output}: {found.title}")


def programs_sheet(
    programs: Path | None = None,
    *,
    families: list[str] | None = None,
    draws: int = 1,
    rows: int = 12,
    columns: int = 16,
    image_size_px: int = 64,
    root_seed: int = 0,
    output: Path = Path("sheet.png"),
) -> None:
    """Draw many programs: one image of each, families by turns, or one program a row with its variation.

    Args:
        programs: a program set (its file, or the name of a shipped one: grammar); without it the native programs are
            drawn.
        families: families to draw; the default is all.
        draws: images of a program; with more than one, each row is one program, and columns is not used.
        rows: rows of the sheet.
        columns: images in a row.
        image_size_px: side of an image.
        root_seed: fixes the parameters.
        output: the sheet to write (.png or .jpg).
    """
    import numpy as np
    import torch

    from procgen.preview import contact_sheet, save_sheet
    from procgen.renderer import shared_renderer
    from procgen.screening.report import spread

    for name, value in (("draws", draws), ("rows", rows), ("columns", columns)):
        if value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")
    chosen = spread(_find_programs(programs, families), rows * (columns if draws == 1 else 1))
    renderer, images = shared_renderer(), []
    for program in progress(chosen, "drawing a sheet", unit="program"):
        parameters = program.draw_parameters(root_seed, "render", program.id, counters=np.arange(draws))
        images.append(renderer.render(program, parameters, image_size_px, image_size_px))
    save_sheet(contact_sheet(torch.cat(images), columns=columns if draws == 1 else draws), output)
    say(f"{output}: {len(chosen)} programs")


def programs_synthesize(*, count: int, out: Path, seed: int = 0) -> None:
    """Write a set of generated programs, evenly over the scene classes.

    The file holds seeds and a hash, not sources: a few bytes a program.

    Args:
        count: how many programs.
        out: the set's file (.json).
        seed: which set; sets of different seeds have no program in common.
    """
    from procgen.program_sets import make_program_set, members_of

    program_set = make_program_set(members_of(count, seed))
    program_set.write(out)
    say(f"wrote {out}: {count} programs, hash {program_set.hash}")


def programs_screen(
    programs: Path | None = None,
    *,
    families: list[str] | None = None,
    sample: int | None = None,
    sample_seed: int = 0,
    output: Path = Path("screened.json"),
    passed_set: Path | None = None,
    sheets: Path | None = None,
    children: int | None = None,
    time_limit_seconds: float = 60.0,
    json: bool = False,
) -> None:
    """Render small probes of programs, reject bad ones and near-duplicates, and print the yields.

    Programs are rendered in processes that can be killed, so that an endless loop costs one process and not the run.
    An interrupted screening continues: findings are kept in a file beside the output.

    Args:
        programs: a program set (its file, or a shipped one's name: grammar); without it the native ones are screened.
        families: families to screen; the default is all.
        sample: screen only so many programs, drawn at random.
        sample_seed: fixes which.
        output: list of the programs that passed, with hashes and reasons, as JSON.
        passed_set: file for the programs that passed as a program set, which can be trained on as the one screened.
        sheets: folder for contact sheets of what passed and of each reason.
        children: rendering processes; the default is one for each processor core.
        time_limit_seconds: a program that gives no answer for so long is a killer.
        json: print the result as JSON instead of a table.
    """
    from procgen.screening.report import write_sheets, yield_table
    from procgen.screening.screen import screen

    if programs is None and passed_set is not None:
        raise UserError("passed_set needs a program set to screen; the shipped programs are none")
    chosen = _sample(_find_programs(programs, families), sample, sample_seed)
    screening = screen(
        chosen,
        output.with_name(output.name + ".findings.jsonl"),
        num_children=children or os.cpu_count() or 1,
        time_limit_seconds=time_limit_seconds,
    )
    result = screening.to_dict()
    write_json(output, result)
    if passed_set is not None:
        _write_program_set(screening, passed_set)
        say(f"wrote {passed_set}")
    if sheets is not None:
        for path in write_sheets(screening, sheets):
            say(f"wrote {path}")
    if json:
        print_json(result)
    else:
        sys.stdout.write(yield_table(screening))
    say(f"wrote {output}")


def programs_prewarm(
    programs: Path | None = None,
    *,
    families: list[str] | None = None,
    children: int | None = None,
    time_limit_seconds: float = 60.0,
    json: bool = False,
) -> None:
    """Compile programs ahead of use into the graphics driver's cache on disk, in parallel.

    A run that was interrupted is continued by running it again: what the cache holds takes milliseconds.

    Args:
        programs: a program set made by 'procmem programs synthesize'; without it the shipped programs are compiled.
        families: families to compile; the default is all.
        children: compiling processes; the default is one for each processor core.
        time_limit_seconds: a program that takes longer is given up.
        json: print the result as JSON.
    """
    from procgen.prewarm import mesa_cache, prewarm

    chosen = _find_programs(programs, families)
    before = mesa_cache()
    say(f"cache {before.folder}: {before.used_bytes / 1e6:.0f} MB of {before.limit_bytes / 1e6:.0f} MB used")
    found = prewarm(chosen, num_children=children or os.cpu_count() or 1, time_limit_seconds=time_limit_seconds)
    findings = list(progress(found, "compiling", total=len(chosen), unit="program"))
    failed = {finding.program_id: finding.message for finding in findings if finding.failure is not None}
    after = mesa_cache()
    for name, message in sorted(failed.items()):
        say(f"{name}: {message}")
    if json:
        cache = {"folder": str(after.folder), "used_bytes": after.used_bytes, "limit_bytes": after.limit_bytes}
        print_json({"compiled": len(findings) - len(failed), "failed": failed, "cache": cache})
    say(
        f"{len(findings) - len(failed)} programs are compiled, {len(failed)} failed; "
        f"the cache grew by {(after.used_bytes - before.used_bytes) / 1e6:.0f} MB to {after.used_bytes / 1e6:.0f} MB"
    )
    if after.used_bytes > FULL_CACHE * after.limit_bytes:
        say("the cache is nearly full: set MESA_SHADER_CACHE_MAX_SIZE higher, for example to 16G")
    if failed:
        raise WorkError(f"{len(failed)} programs cannot be used here, {min(failed)} for one")


def programs_import(folder: Path, *, out: Path, dialect: Literal["shadertoy", "twigl", "plain"] = "plain") -> None:
    """Read programs written for Shadertoy, TwiGL or as plain fragment shaders.

    What cannot run is listed with the reason. The set's file holds your programs' sources; mind their licences.

    Args:
        folder: the programs' folder.
        out: the set's file (.json).
        dialect: shadertoy (JSON files), twigl (fragments/ beside modes/) or plain (.frag, .glsl).
    """
    from procgen.dialects.importing import import_folder, write_imported
    from procgen.renderer import shared_renderer

    found = import_folder(folder, dialect, shared_renderer().compile)
    for file, reason in found.skipped:
        sys.stdout.write(f"cannot run {file}: {reason}\n")
    set_hash = write_imported(out, found)
    num_stand_ins = sum(bool(program.stand_ins) for program in found.programs)
    say(
        f"wrote {out}: {len(found.programs)} programs, {len(found.skipped)} cannot run, "
        f"{num_stand_ins} with a noise texture for a missing one, hash {set_hash}"
    )


def _find_programs(path: Path | None, families: list[str] | None) -> tuple[ShaderProgram, ...]:
    """Shipped programs, or those of a program set; of some families."""
    from procgen.programs import load_programs

    if path is None:
        return load_programs(families)
    from procgen.program_sets import load_program_set

    found = tuple(load_program_set(path))
    known = {program.family for program in found}
    for family in families or ():
        if family not in known:
            raise unknown_name("family of shader programs", family, known)
    return tuple(program for program in found if families is None or program.family in families)


def _write_program_set(screening: Screening, path: Path) -> None:
    """Write the programs of the grammar that passed as a program set; their ids end in their seeds."""
    from procgen.context import describe_gl
    from procgen.program_sets import make_program_set

    if not screening.passed:
        raise WorkError("no program passed, so there is no set to write")
    passed = make_program_set((program.family, int(program.id.rsplit("/", 1)[1])) for program in screening.passed)
    result = screening.to_dict()
    record = {"driver": describe_gl().renderer} | {key: result[key] for key in ("probe", "thresholds", "yields")}
    passed.write(path, screening=record)


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
