"""A process without some programs: what they would have drawn is drawn anew, all other images stay."""

import numpy as np
import pytest
import torch

from procgen.operators import Leaves, Mixup
from procgen.process import Shaders
from procgen.programs import load_programs
from procgen.registry import make_process
from procgen.renderer import shared_renderer
from procmem.errors import UserError

PROGRAMS = load_programs()[:6]
BAD = PROGRAMS[2].fingerprint


def shaders(**options):
    return Shaders(image_size_px=8, block_size=24, images_per_program=4, programs=PROGRAMS, **options)


def programs_of(process, block_index):
    return [process.recipe(0, block_index, i)["program_fingerprint"] for i in range(process.block_size)]


def test_only_images_of_the_excluded_program_are_drawn_anew():
    full, without = shaders(), shaders(excluded_programs=[BAD])
    for block_index in range(5):
        for i, program in enumerate(programs_of(full, block_index)):
            recipe = without.recipe(0, block_index, i)
            assert recipe["program_fingerprint"] != BAD
            assert program == BAD or recipe == full.recipe(0, block_index, i)


def test_replacements_differ_between_blocks_and_repeat():
    without = shaders(excluded_programs=[BAD])
    drawn = [programs_of(without, block_index) for block_index in range(6)]
    bad = [np.flatnonzero(np.array(programs_of(shaders(), block_index)) == BAD) for block_index in range(6)]
    replacements = [{drawn[b][i] for i in bad[b]} for b in range(6)]
    assert len({frozenset(one) for one in replacements}) > 1
    assert drawn == [programs_of(shaders().excluding([BAD]), block_index) for block_index in range(6)]


def test_an_exclusion_is_part_of_the_description_only_where_there_is_one():
    full, without = shaders(), shaders().excluding([BAD])
    assert "excluded_programs" not in full.describe()["shaders"]
    assert without.describe()["shaders"]["excluded_programs"] == [BAD]
    assert full.fingerprint == shaders(excluded_programs=[]).fingerprint != without.fingerprint
    assert without.program_set_hash == full.program_set_hash


def test_a_composition_passes_the_exclusion_to_its_shaders_and_stays_as_it_was_itself():
    process = Mixup(Leaves(shaders()), num_images=2)
    before = process.fingerprint
    without = process.excluding([BAD]).excluding([PROGRAMS[0].fingerprint])
    inner = without.describe()["mixup"]["source"]["leaves"]["source"]["shaders"]
    assert inner["excluded_programs"] == sorted([BAD, PROGRAMS[0].fingerprint])
    assert process.fingerprint == before


def test_exclusions_of_other_sets_are_ignored_by_a_composition_but_refused_by_name():
    assert shaders().excluding(["0" * 64]).fingerprint == shaders().fingerprint
    with pytest.raises(UserError, match="not among the 6 programs: '0000"):
        shaders(excluded_programs=["0" * 64])


def test_excluding_every_program_is_refused():
    with pytest.raises(UserError, match="all 6 are excluded"):
        shaders().excluding([program.fingerprint for program in PROGRAMS])


def test_a_recipe_in_yaml_may_name_excluded_programs():
    process = make_process({"shaders": {"excluded_programs": [BAD]}}, image_size_px=8, block_size=64)
    assert process.describe()["shaders"]["excluded_programs"] == [BAD]


@pytest.mark.opengl
def test_who_watches_hears_of_every_program_and_of_the_end():
    heard: list[str] = []
    renderer = shared_renderer()
    renderer.on_program = heard.append
    try:
        block = shaders().block(0, 0)
    finally:
        renderer.on_program = None
    assert sorted(heard) == sorted(["", *(program.fingerprint for program in PROGRAMS)])
    assert heard[-1] == ""
    without = shaders(excluded_programs=[BAD]).block(0, 0)
    same = torch.tensor([program != BAD for program in programs_of(shaders(), 0)])
    assert torch.equal(block[same], without[same])
