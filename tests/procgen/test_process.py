"""Composition: every image is a pure function of (root seed, block index), and its recipe says how it came about."""

from typing import Any

import numpy as np
import pytest
import torch

from procgen.leaves import join_by_mask, leaf_masks
from procgen.operators import Leaves, Mixup
from procgen.process import Process, Shaders
from procgen.registry import SHADER_PROCESSES, make_process
from procmem.errors import UserError


class NumberedSource(Process):
    """Image i of block b is random noise keyed by (seed, b, i, path): cheap, and every image differs."""

    program_set_hash = ""

    def __init__(self, block_size=12, image_size_px=6):
        self.block_size, self.image_size_px = block_size, image_size_px

    def block(self, root_seed, block_index, path=()):
        random = np.random.default_rng([root_seed, block_index, len(path)])
        shape = (self.block_size, 3, self.image_size_px, self.image_size_px)
        return torch.from_numpy(random.integers(0, 256, shape, dtype=np.uint8))

    def recipe(self, root_seed, block_index, image_index, path=()) -> dict[str, Any]:
        return {"operator": "numbered", "index": image_index, "path": list(path)}

    def describe(self):
        return {"numbered": {"block_size": self.block_size, "image_size_px": self.image_size_px}}


def source_images(source, recipe, path_length):
    pool = source.block(3, 4, ("x",) * path_length)
    return [pool[part["index"]] for part in recipe["sources"]]


def test_a_mixup_image_is_the_mix_that_its_recipe_names():
    source = NumberedSource()
    process = Mixup(source, num_images=3)
    block = process.block(3, 4)
    for i in range(process.block_size):
        recipe = process.recipe(3, 4, i)
        images = source_images(source, recipe, path_length=1)
        exact = sum(w * image.double() for w, image in zip(recipe["weights"], images, strict=True))
        assert (block[i].double() - exact).abs().max() <= 0.5 + 1e-4


def test_a_leaves_image_is_what_its_recipe_names():
    source = NumberedSource(image_size_px=9)
    process = Leaves(source)
    block = process.block(3, 4)
    for i in range(process.block_size):
        recipe = process.recipe(3, 4, i)
        assert recipe["roles"] == ["mask", "texture_a", "texture_b"]
        mask, a, b = (image.unsqueeze(0) for image in source_images(source, recipe, path_length=1))
        assert torch.equal(block[i : i + 1], join_by_mask(leaf_masks(mask), a, b))


def test_the_images_of_a_mix_differ_and_every_source_image_serves_equally_often():
    process = Mixup(NumberedSource(block_size=10), num_images=6)
    used = [[part["index"] for part in process.recipe(0, 7, i)["sources"]] for i in range(10)]
    assert all(len(set(indices)) == 6 for indices in used)
    assert np.bincount(np.ravel(used)).tolist() == [6] * 10


def test_reuse_deals_a_block_again_with_other_draws():
    source = NumberedSource(block_size=10)
    process, once = Mixup(source, num_images=3, reuse=4), Mixup(source, num_images=3)
    assert process.block_size == 40
    used = [[part["index"] for part in process.recipe(0, 7, i)["sources"]] for i in range(40)]
    assert used[:10] == [[part["index"] for part in once.recipe(0, 7, i)["sources"]] for i in range(10)]
    assert len({tuple(indices) for indices in used}) > 30
    for start in range(0, 40, 10):
        assert all(len(set(indices)) == 3 for indices in used[start : start + 10])
        assert np.bincount(np.ravel(used[start : start + 10])).tolist() == [3] * 10
    block, pool = process.block(0, 7), source.block(0, 7, ("x",))
    for i in range(40):
        weights = process.recipe(0, 7, i)["weights"]
        exact = sum(w * pool[index].double() for w, index in zip(weights, used[i], strict=True))
        assert (block[i].double() - exact).abs().max() <= 0.5 + 1e-4
    assert process.fingerprint != once.fingerprint
    assert Leaves(source, reuse=2).fingerprint != Leaves(source).fingerprint
    with pytest.raises(UserError, match="reuse must be at least 1, got 0"):
        Mixup(source, reuse=0)


def test_blocks_repeat_and_differ_between_indices_and_seeds():
    process = Mixup(Leaves(NumberedSource()), num_images=2, weights="equal")
    assert torch.equal(process.block(0, 1), process.block(0, 1))
    assert not torch.equal(process.block(0, 1), process.block(0, 2))
    assert not torch.equal(process.block(0, 1), process.block(1, 1))


def test_sources_are_dealt_anew_in_every_block():
    process = Mixup(NumberedSource(), num_images=2)
    dealt = [[[part["index"] for part in process.recipe(0, b, i)["sources"]] for i in range(12)] for b in (0, 1)]
    assert dealt[0] != dealt[1]


def test_an_operators_draws_depend_on_its_place_in_the_composition():
    alone = Mixup(NumberedSource(), num_images=2)
    inside = Mixup(Mixup(NumberedSource(), num_images=2), num_images=2)
    assert alone.recipe(0, 0, 0)["weights"] != inside.recipe(0, 0, 0)["sources"][0]["weights"]


def test_fingerprints_tell_compositions_apart():
    processes = [
        Mixup(NumberedSource(), num_images=2),
        Mixup(NumberedSource(), num_images=3),
        Mixup(NumberedSource(), num_images=2, weights="equal"),
        Mixup(NumberedSource(block_size=14), num_images=2),
        Leaves(NumberedSource()),
        Leaves(NumberedSource(), mask_size_px=32),
    ]
    assert len({process.fingerprint for process in processes}) == len(processes)
    assert processes[0].fingerprint == Mixup(NumberedSource(), num_images=2).fingerprint


def test_a_mix_larger_than_its_block_is_refused():
    with pytest.raises(UserError, match="takes 6 images, but a block has only 4"):
        Mixup(NumberedSource(block_size=4))


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("shaders_klm", "unknown process 'shaders_klm'; did you mean 'shaders_kml'"),
        ({"mixupp": {"source": "shaders"}}, "did you mean 'mixup'"),
        ({"mixup": {}}, "needs a source"),
        ({"mixup": {"source": "shaders", "num_image": 3}}, "did you mean 'num_images'"),
        ({"mixup": {"source": "shaders", "weights": "equall"}}, "did you mean 'equal'"),
        ({"mixup": {"source": "shaders", "num_images": 0}}, "num_images=0"),
        ({"mixup": 1, "leaves": 2}, "one {operator: options}"),
        ({"shaders": {"families": ["no_such_family"]}}, "no_such_family"),
        ({"shaders": {"image_size_px": 0}}, "image_size_px must be at least 1"),
    ],
)
def test_bad_specifications_are_refused_with_the_nearest_name(specification, message):
    with pytest.raises(UserError, match=message):
        make_process(specification, image_size_px=8)


def test_named_processes_are_the_compositions_of_the_paper():
    described = make_process("shaders_kml_mixup", image_size_px=8, block_size=32).describe()
    assert described["mixup"]["num_images"] == 2
    assert described["mixup"]["weights"] == "equal"
    assert set(described["mixup"]["source"]) == {"leaves"}
    assert make_process("shaders_mixup", image_size_px=8).describe()["mixup"]["num_images"] == 6


@pytest.mark.opengl
@pytest.mark.parametrize("name", SHADER_PROCESSES)
def test_every_shader_process_renders_blocks_that_repeat(name):
    process = make_process(name, image_size_px=16, block_size=24, images_per_program=4)
    block = process.block(5, 2)
    assert block.dtype == torch.uint8
    assert torch.equal(block, process.block(5, 2))
    assert block.float().flatten(1).std(dim=1).median() > 5


@pytest.mark.opengl
def test_supersampling_draws_the_same_pictures_smoother_and_enters_the_fingerprint_only_where_it_is_used():
    options = {"image_size_px": 16, "block_size": 12, "families": ["cells"], "images_per_program": 4}
    plain, smooth = Shaders(**options), Shaders(**options, samples_per_side=2)
    assert Shaders(**options, samples_per_side=1).fingerprint == plain.fingerprint
    assert "samples_per_side" not in plain.describe()["shaders"]
    assert smooth.describe()["shaders"]["samples_per_side"] == 2
    assert smooth.fingerprint != plain.fingerprint
    larger = Shaders(**options | {"image_size_px": 32}).block(5, 2).double()
    assert torch.equal(smooth.block(5, 2), torch.nn.functional.avg_pool2d(larger, 2).round().to(torch.uint8))
    with pytest.raises(UserError, match="samples_per_side must be at least 1, got 0"):
        Shaders(**options, samples_per_side=0)


@pytest.mark.opengl
def test_a_shaders_recipe_holds_the_parameters_that_made_the_image():
    process = make_process("shaders", image_size_px=16, block_size=24, images_per_program=4)
    assert isinstance(process, Shaders)
    block = process.block(5, 2)
    from procgen.renderer import shared_renderer

    by_id = {program.id: program for program in process.programs}
    for i in (0, 11, 23):
        recipe = process.recipe(5, 2, i)
        parameters = np.array([recipe["parameters"]], dtype=np.float32)
        rendered = shared_renderer().render(by_id[recipe["program"]], parameters, 16, 16)
        assert torch.equal(rendered[0], block[i])


@pytest.mark.opengl
def test_a_program_never_draws_the_same_parameters_twice():
    process = make_process("shaders", image_size_px=4, block_size=4, images_per_program=4)
    recipes = [process.recipe(0, b, i) for b in range(100) for i in range(4)]
    drawn = [(recipe["program"], *recipe["parameters"]) for recipe in recipes]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.opengl
def test_a_block_holds_as_many_programs_as_asked():
    process = make_process("shaders", image_size_px=4, block_size=40, images_per_program=10)
    programs = [process.recipe(0, 0, i)["program"] for i in range(40)]
    assert sorted(programs.count(program) for program in set(programs)) == [10, 10, 10, 10]
    assert programs != sorted(programs)
