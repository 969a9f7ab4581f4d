"""Free composition: unions in exact shares, every operator over every source, and what is refused."""

import numpy as np
import pytest
import torch

from procgen.leaves import join_leaves, kmeans_leaves
from procgen.mixing import cutmix
from procgen.operators import CutMix, Leaves
from procgen.registry import make_process
from procgen.union import Union, shares
from procmem.errors import UserError

SIZE = {"image_size_px": 16, "block_size": 12, "images_per_program": 2}
UNION = {"union": {"sources": ["spectrum", {"dead_leaves": {"shape": "square"}}, "spectrum"], "weights": [3, 2, 1]}}


def test_a_union_holds_each_source_in_its_share_and_its_recipes_say_which():
    process = make_process(UNION, **SIZE)
    block = process.block(4, 5)
    recipes = [process.recipe(4, 5, i) for i in range(12)]
    assert np.bincount([recipe["chosen"] for recipe in recipes]).tolist() == [6, 4, 2]
    assert [recipe["chosen"] for recipe in recipes] != sorted(recipe["chosen"] for recipe in recipes)
    pools = [source.block(4, 5, ("union", k)) for k, source in enumerate(process.parts)]
    for image, recipe in zip(block, recipes, strict=True):
        source = process.parts[recipe["chosen"]]
        own = [source.recipe(4, 5, i, ("union", recipe["chosen"])) for i in range(source.block_size)]
        alike = [i for i, other in enumerate(own) if other == recipe["sources"][0]]
        assert any(torch.equal(pools[recipe["chosen"]][i], image) for i in alike)
    assert len(block.flatten(1).unique(dim=0)) == 12
    assert torch.equal(block, make_process(UNION, **SIZE).block(4, 5))


def test_twin_sources_of_a_union_are_two_streams():
    process = make_process({"union": {"sources": ["spectrum", "spectrum"]}}, **SIZE)
    assert len(process.block(0, 0).flatten(1).unique(dim=0)) == 12


def test_shares_are_exact_to_one_image():
    assert shares([1, 1, 1], 10) == [4, 3, 3]
    assert shares([0.7, 0.2, 0.1], 10) == [7, 2, 1]
    assert shares([5], 3) == [3]


def test_a_union_is_real_if_any_source_is():
    class Real(Union):
        real_images = True

    fake = make_process("spectrum", **SIZE)
    real = make_process("spectrum", **SIZE)
    real.real_images = True
    assert not Union([fake]).real_images
    assert Union([fake, real]).real_images


def test_a_leaves_image_of_many_leaves_is_what_its_recipe_names():
    source = make_process("spectrum_color", **SIZE)
    process = Leaves(source, num_leaves=4, colour_space="oklab")
    block, pool = process.block(1, 2), source.block(1, 2, ("leaves",))
    dealt = process._deal(1, 2, ("leaves",))
    for i in (0, 7):
        recipe = process.recipe(1, 2, i)
        assert recipe["roles"] == ["mask", "texture_a", "texture_b", "texture_c", "texture_d"]
        mask, *textures = (pool[index : index + 1] for index in dealt[:, i])
        expected = join_leaves(kmeans_leaves(mask, 4, None, "oklab"), textures)
        assert torch.equal(block[i : i + 1], expected)


def test_a_cutmix_image_is_what_its_recipe_names():
    source = make_process("spectrum", **SIZE)
    process = CutMix(source, num_images=3, alpha=0.5)
    block, pool = process.block(1, 2), source.block(1, 2, ("cutmix",))
    dealt = process._deal(1, 2, ("cutmix",))
    for i in range(12):
        boxes = torch.tensor(process.recipe(1, 2, i)["boxes"]).unsqueeze(1)
        images = [pool[index : index + 1] for index in dealt[:, i]]
        assert torch.equal(block[i : i + 1], cutmix(images, boxes))
    convex = CutMix(source, num_images=3, convex=True).recipe(1, 2, 0)
    assert sum(convex["weights"]) == pytest.approx(1)


def test_the_papers_protocol_is_two_leaves_in_rgb_at_256_px():
    source = make_process("spectrum", **SIZE)
    assert Leaves(source, protocol="paper").fingerprint == Leaves(source, mask_size_px=256).fingerprint
    with pytest.raises(UserError, match="protocol 'paper' clusters into 2 leaves"):
        Leaves(source, protocol="paper", num_leaves=3)
    with pytest.raises(UserError, match="unknown protocol 'papr'; did you mean 'paper'"):
        Leaves(source, protocol="papr")


def test_descriptions_of_the_first_processes_stay_as_they_were():
    # Fingerprints of finished runs depend on them.
    described = make_process("spectrum_kml_mixup", **SIZE).describe()
    assert described["mixup"].keys() == {"num_images", "weights", "source"}
    assert described["mixup"]["source"]["leaves"].keys() == {"mask_size_px", "source"}


def test_new_options_change_the_fingerprint():
    source = make_process("spectrum", **SIZE)
    processes = [
        Leaves(source),
        Leaves(source, num_leaves=3),
        Leaves(source, colour_space="oklab"),
        CutMix(source),
        CutMix(source, alpha=2.0),
        CutMix(source, convex=True),
        CutMix(source, convex=True, protocol="paper"),
        make_process({"mixup": {"source": "spectrum", "weights": "dirichlet"}}, **SIZE),
        make_process({"mixup": {"source": "spectrum", "weights": "dirichlet", "alpha": 0.5}}, **SIZE),
        make_process(UNION, **SIZE),
    ]
    assert len({process.fingerprint for process in processes}) == len(processes)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ({"union": {"sources": []}}, "needs a list of sources"),
        ({"union": {"sources": ["spectrum"], "weight": [1]}}, "did you mean 'weights'"),
        ({"union": {"sources": ["spectrum", "wmm"], "weights": [1]}}, "as many weights"),
        ({"union": {"sources": ["spectrum", "wmm"], "weights": [1, -1]}}, "above 0, one for each source, got"),
        ({"union": {"sources": ["spectrum", "wmm"], "weights": [1, "x"]}}, "above 0, one for each source, got"),
        ({"union": {"sources": ["spectrum", "wmm"], "weights": [1, 1000]}}, "without an image in a block of 12"),
        ({"union": {"sources": ["spectrum", {"wmm": {}}]}}, "unknown process operator 'wmm'"),
        (
            {"union": {"sources": [{"fractals": {"image_size_px": 8}}, "spectrum"]}},
            r"equal image sizes, got \[8, 16\] px",
        ),
        ({"leaves": {"source": "spectrum", "num_leaves": 1}}, "within 2..16, got 1"),
        ({"leaves": {"source": "spectrum", "num_leaves": 15}}, "takes 16 images, but a block has only 12"),
        ({"cutmix": {"source": "spectrum", "num_images": 1}}, "at least one box"),
        ({"cutmix": {"source": "spectrum", "alpha": 0}}, "alpha must be above 0"),
        ({"mixup": ["spectrum"]}, "must be keys and values"),
        ("stylgan_kml", "did you mean 'stylegan_kml'"),
    ],
)
def test_bad_compositions_are_refused(specification, message):
    with pytest.raises(UserError, match=message):
        make_process(specification, **SIZE)
