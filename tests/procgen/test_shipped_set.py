"""The shipped program set: found by name, with its record, and of the same bytes alone, in a batch and in a process."""

import collections

import numpy as np
import pytest
import torch

from procgen.context import describe_gl
from procgen.grammar.synthesis import GRAMMAR_VERSION, SCENE_CLASSES, synthesize
from procgen.process import Shaders
from procgen.program_sets import find_program_set, load_program_set, read_program_set
from procgen.renderer import shared_renderer
from procmem.files import fingerprint, read_json

NAME = "grammar"
SAMPLE_SIZE = 14  # two programs of each class
# Bytes of the sample's images; floating point differs between drivers. Changes with the set only.
GOLDEN = {"llvmpipe (LLVM 15.0.6, 256 bits)": "d334a1aca6bfe5ee"}


@pytest.fixture(scope="module")
def sample():
    """The first, middle and so on of each class, without writing all programs."""
    members = sorted(read_program_set(find_program_set(NAME)).members)
    chosen = []
    for scene_class in SCENE_CLASSES:
        own = [member for member in members if member[0] == scene_class]
        chosen += [synthesize(*own[0]), synthesize(*own[len(own) // 2])]
    return chosen


@pytest.fixture(scope="module")
def images(sample):
    """(programs, 3 draws, 3, 32, 32)."""
    return torch.stack([render(program, [0, 1, 2]) for program in sample])


def render(program, counters):
    return shared_renderer().render(program, program.draw_parameters(0, "golden", counters=counters), 32, 32)


def test_the_set_is_large_holds_every_class_and_says_how_it_was_screened():
    content = read_json(find_program_set(NAME))
    members = read_program_set(find_program_set(NAME)).members
    counts = collections.Counter(scene_class for scene_class, _ in members)
    assert len(members) >= 5000
    assert set(counts) == set(SCENE_CLASSES)
    assert min(counts.values()) > 0.7 * len(members) / len(SCENE_CLASSES)
    yields = content["screening"]["yields"]
    assert content["grammar_version"] == GRAMMAR_VERSION
    assert {scene_class: yields[scene_class]["passed"] for scene_class in SCENE_CLASSES} == counts
    assert yields["all"]["passed"] / yields["all"]["programs"] >= 0.85
    assert content["screening"]["driver"]
    assert content["screening"]["thresholds"]["min_neighbor_correlation"] == 0.6


def test_the_whole_set_is_written_as_its_hash_says():
    assert len(load_program_set(NAME)) == len(read_program_set(find_program_set(NAME)).members)


@pytest.mark.opengl
def test_a_sample_has_the_golden_bytes_of_this_driver(images):
    driver = describe_gl().renderer
    if driver not in GOLDEN:
        pytest.skip(f"no golden bytes for {driver}: floating point differs between drivers")
    assert len(images) == SAMPLE_SIZE
    assert fingerprint(images.numpy().tobytes())[:16] == GOLDEN[driver]


@pytest.mark.opengl
def test_an_image_is_the_same_alone_and_in_any_batch(sample, images):
    for program, together in zip(sample, images, strict=True):
        assert torch.equal(render(program, [2])[0], together[2]), program.id
        assert torch.equal(render(program, [1, 2, 0, 2])[[2, 0, 1, 3]], together[[0, 1, 2, 2]]), program.id


@pytest.mark.opengl
def test_an_image_of_a_process_over_the_set_is_the_image_of_its_recipe(sample):
    process = Shaders(image_size_px=32, block_size=8, images_per_program=2, programs=sample)
    block = process.block(0, 3)
    by_id = {program.id: program for program in sample}
    for index in (0, 5):
        recipe = process.recipe(0, 3, index)
        parameters = np.array([recipe["parameters"]], dtype=np.float32)
        assert torch.equal(shared_renderer().render(by_id[recipe["program"]], parameters, 32, 32)[0], block[index])
