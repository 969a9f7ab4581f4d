"""The commands about programs: sheets show what they promise, and what cannot be done is said in one line."""

import numpy as np
import pytest
from PIL import Image

from procgen.preview import contact_sheet
from procgen.program_sets import make_program_set, members_of
from procgen.programs import load_programs
from procgen.renderer import shared_renderer
from procgen.screening.report import spread
from procmem.cli import main
from procmem.errors import UserError
from procmem.program_commands import programs_sheet

FAMILIES = ["cells", "sky"]


def image_of(program, root_seed, counters, size):
    parameters = program.draw_parameters(root_seed, "render", program.id, counters=counters)
    return shared_renderer().render(program, parameters, size, size)


def test_families_come_by_turns_and_evenly_spaced():
    programs = load_programs(FAMILIES)
    chosen = spread(programs, 5)
    assert [program.family for program in chosen] == ["cells", "sky", "cells", "sky", "cells"]
    cells = [program for program in programs if program.family == "cells"]
    assert [program for program in chosen if program.family == "cells"] == [
        cells[i * len(cells) // 3] for i in range(3)
    ]
    assert sorted(spread(programs, 999), key=lambda program: program.id) == list(programs)


@pytest.mark.opengl
def test_with_draws_a_row_is_one_program_under_other_parameters(tmp_path):
    output = tmp_path / "sheet.png"
    programs_sheet(families=FAMILIES, draws=3, rows=2, image_size_px=16, root_seed=5, output=output)
    first, second = spread(load_programs(FAMILIES), 2)
    row = contact_sheet(image_of(first, 5, [0, 1, 2], 16), columns=3)
    with Image.open(output) as sheet:
        assert sheet.size == (3 * 16 + 4, 2 * 16 + 2)
        assert np.array_equal(np.asarray(sheet)[:16], np.asarray(row))
        below = np.asarray(sheet)[18:, :16]
    assert np.array_equal(below, image_of(second, 5, [0], 16)[0].permute(1, 2, 0).numpy())


@pytest.mark.opengl
def test_without_draws_every_image_is_another_program(tmp_path):
    output = tmp_path / "sheet.png"
    programs_sheet(families=["sky"], rows=2, columns=2, image_size_px=16, output=output)
    chosen = spread(load_programs(["sky"]), 4)
    with Image.open(output) as sheet:
        last = np.asarray(sheet)[18:, 18:]
    assert np.array_equal(last, image_of(chosen[3], 0, [0], 16)[0].permute(1, 2, 0).numpy())


@pytest.mark.parametrize("name", ["draws", "rows", "columns"])
def test_an_empty_sheet_is_refused(name):
    with pytest.raises(UserError, match=f"{name} must be at least 1, got 0"):
        programs_sheet(**{name: 0})


@pytest.mark.opengl
@pytest.mark.parametrize(
    "command",
    [
        "list nothing",
        "sheet --families skyy",
        "sheet --families sky --rows 1 --columns 1 --image-size-px 8 --output file/sheet.png",
        "sheet --families sky --rows 1 --columns 1 --image-size-px 8 --output sheet.bmp",
        "render sky/none",
        "render sky/clouds --images 2 --image-size-px 8 --output file/clip.gif",
        "render sky/clouds --images 2 --image-size-px 9 --output clip.mp4",
        "render sky/clouds --images 0 --output clip.gif",
        "synthesize --count 2 --out file/set.json",
        "synthesize --count 0 --out set.json",
        "screen set.json --families occluders --sample 1 --output file/screened.json",
        "import . --out set.json",
        "import missing --out set.json",
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a file, no folder")
    make_program_set(members_of(2, 0)).write(tmp_path / "set.json")
    before = sorted(tmp_path.iterdir())
    code = main(["programs", *command.split()])
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("procmem: ")]
    assert code in (1, 2)
    assert len(said) == 1, said
    assert sorted(tmp_path.iterdir()) == before
