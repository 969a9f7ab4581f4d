"""What a person sees of a screening: the table of yields, and a contact sheet for each reason.

Sheets are rendered in this process, and only of programs that have already answered in a child.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from procgen.preview import contact_sheet, save_sheet
from procgen.programs import ShaderProgram
from procgen.renderer import shared_renderer
from procgen.screening.probe import draw
from procgen.screening.screen import Screening
from procgen.screening.verdict import REASONS
from procmem.progress import progress

SHEET_COLUMNS = 16
SHEET_ROWS = 12
UNSEEN = ("killer", "error")  # reasons under which there is no picture


def yield_table(screening: Screening) -> str:
    """Text table of families by reason, without the reasons that nobody met; ends with a newline."""
    yields = screening.yields()
    reasons = [reason for reason in REASONS if yields["all"][reason]]
    head = ["family", "programs", "passed", "yield", *reasons]
    rows = [head]
    for family, counts in yields.items():
        share = f"{100 * counts['passed'] / counts['programs']:.1f} %"
        numbers = [str(counts[reason]) for reason in reasons]
        rows.append([family, str(counts["programs"]), str(counts["passed"]), share, *numbers])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def write_sheets(screening: Screening, folder: Path) -> list[Path]:
    """Write passed.png, and REASON.png for each reason with pictures.

    The sheet of what passed shows one image of programs spread evenly over each family, under random numbers of their
    own as in training; a reason's sheet shows the draws that were judged, those of a program side by side.

    Raises:
        UserError: if a file cannot be written.
    """
    written = []
    for reason in (None, *(reason for reason in REASONS if reason not in UNSEEN)):
        pairs = zip(screening.programs, screening.verdicts, strict=True)
        chosen = [program for program, verdict in pairs if verdict.reason == reason]
        if not chosen:
            continue
        draws = 1 if reason is None else screening.probe.num_draws
        programs_a_row = max(SHEET_COLUMNS // draws, 1)
        programs = spread(chosen, programs_a_row * SHEET_ROWS)
        table = [_own_draw(program) if reason is None else draw(program, screening.probe) for program in programs]
        sheet = contact_sheet(_render(programs, table, screening.probe.image_size_px), columns=programs_a_row * draws)
        written.append(folder / f"{reason or 'passed'}.png")
        save_sheet(sheet, written[-1])
    return written


def spread(programs: Sequence[ShaderProgram], count: int) -> list[ShaderProgram]:
    """At most `count` programs, evenly spaced in each family, the families by turns.

    In a sheet neighbours then come from different families, as long as there are several.
    """
    by_family: dict[str, list[ShaderProgram]] = {}
    for program in programs:
        by_family.setdefault(program.family, []).append(program)
    share = -(-count // len(by_family))
    spaced = [_spaced(family, share) for family in by_family.values()]
    return [program for row in itertools.zip_longest(*spaced) for program in row if program is not None][:count]


def _spaced(programs: Sequence[ShaderProgram], count: int) -> list[ShaderProgram]:
    if len(programs) <= count:
        return list(programs)
    return [programs[index * len(programs) // count] for index in range(count)]


def _own_draw(program: ShaderProgram) -> npt.NDArray[np.float32]:
    """One row of parameters that no other program shares."""
    return program.draw_parameters(0, "screening", "sheet", program.id, counters=[0])


def _render(
    programs: Sequence[ShaderProgram], table: Sequence[npt.NDArray[np.float32]], image_size_px: int
) -> torch.Tensor:
    """uint8 (N, 3, H, W): for each program one image per row of its parameters."""
    size, renderer = image_size_px, shared_renderer()
    pairs = progress(zip(programs, table, strict=True), "drawing a sheet", total=len(programs), unit="program")
    return torch.cat([renderer.render(program, parameters, size, size) for program, parameters in pairs])
