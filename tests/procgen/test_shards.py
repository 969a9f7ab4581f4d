"""Data sets in files: same recipe, same bytes, whatever happened on the way. Most tests use a source without OpenGL."""

import io
import itertools
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from procgen import registry
from procgen.process import Process
from procgen.seeds import generator
from procgen.shards import blocks
from procgen.shards.explain import explain
from procgen.shards.generate import generate
from procgen.shards.index import merge, verify
from procgen.shards.recipe import Recipe, class_names, class_of, parse_shard, read_recipe
from procmem.errors import UserError, WorkError

NUM_IMAGES, BLOCK = 10, 4  # three blocks, the last one cut


class MadeSource(Process):
    program_set_hash = ""

    def __init__(self, *, image_size_px, block_size, images_per_program):
        self.image_size_px, self.block_size = image_size_px, block_size

    def block(self, root_seed, block_index, path=()):
        shape = (self.block_size, 3, self.image_size_px, self.image_size_px)
        random = generator(root_seed, *path, "made", block_index)
        return torch.from_numpy(random.integers(0, 256, shape, dtype=np.uint8))

    def recipe(self, root_seed, block_index, image_index, path=()):
        return {"operator": "made", "index": image_index}

    def describe(self):
        return {"made": {"image_size_px": self.image_size_px, "block_size": self.block_size}}


@pytest.fixture(autouse=True)
def made(monkeypatch):
    monkeypatch.setitem(registry.SOURCES, "made", MadeSource)


def make_recipe(**changes):
    common = {"specification": {"made": {}}, "images": NUM_IMAGES, "image_size_px": 5, "block_size": BLOCK}
    return Recipe(**(common | {"image_format": "png"} | changes))


def make(folder, shard=(0, 1), **changes):
    return generate(make_recipe(**changes), folder, shard=shard, num_workers=0)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stored(folder):
    """Sample index -> (pixels, metadata), read as webdataset does: equal names up to the first dot belong together."""
    found = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            parts = {member.name: tar.extractfile(member).read() for member in tar}
        for key, names in itertools.groupby(parts, key=lambda name: name.split(".")[0]):
            by_suffix = {name.split(".", 1)[1]: parts[name] for name in names}
            assert list(by_suffix) == ["png", "json"]
            pixels = np.array(Image.open(io.BytesIO(by_suffix["png"])))
            found[int(key)] = (torch.from_numpy(pixels).permute(2, 0, 1), json.loads(by_suffix["json"]))
    return found


def test_a_tar_holds_each_image_beside_its_recipe_and_class(tmp_path):
    assert make(tmp_path / "set", root_seed=7) == 3
    found, process = stored(tmp_path / "set"), make_recipe(root_seed=7).process
    assert list(found) == list(range(NUM_IMAGES))
    for index, (pixels, metadata) in found.items():
        block_index, i = divmod(index, BLOCK)
        assert torch.equal(pixels, process.block(7, block_index)[i])
        recipe = {"operator": "made", "index": i}
        assert metadata == {"sample_index": index, "label": 0, "class": "made", "recipe": recipe}
    assert json.loads((tmp_path / "set" / "classes.json").read_text()) == ["made"]


def test_the_folder_layout_holds_the_same_images_by_class(tmp_path):
    make(tmp_path / "set", layout="folder")
    process = make_recipe().process
    lines = [json.loads(line) for path in sorted(tmp_path.rglob("*.jsonl")) for line in path.read_text().splitlines()]
    assert [line["sample_index"] for line in lines] == list(range(NUM_IMAGES))
    for line in lines:
        block_index, i = divmod(line["sample_index"], BLOCK)
        pixels = np.array(Image.open(tmp_path / "set" / line["file"]))
        assert torch.equal(torch.from_numpy(pixels).permute(2, 0, 1), process.block(0, block_index)[i])
        assert line["file"] == f"images/made/{line['sample_index']:09d}.png"


def test_bytes_do_not_depend_on_when_and_a_set_begins_with_every_smaller_one(tmp_path, monkeypatch):
    make(tmp_path / "a")
    monkeypatch.setattr("time.time", lambda: 1.0)
    make(tmp_path / "b")
    make(tmp_path / "small", images=BLOCK)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    first = tree(tmp_path / "small")["block-000000.tar"]
    assert first == tree(tmp_path / "a")["block-000000.tar"]
    with tarfile.open(tmp_path / "a" / "block-000000.tar") as tar:
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in tar} == {(0, 0, 0, 0o644)}


class Killed(BaseException):
    """Stands for kill -9."""


class Guillotine:
    """After so many operations on files the process is dead: nothing it still tries has any effect."""

    def __init__(self, monkeypatch, after):
        self.left = after
        for owner, name in (
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "write_bytes"),
            (os, "fsync"),
            (blocks, "_add"),
        ):
            monkeypatch.setattr(owner, name, self.guard(getattr(owner, name)))

    def guard(self, operation):
        def guarded(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                raise Killed
            return operation(*arguments, **options)

        return guarded


@pytest.mark.parametrize("layout", ["webdataset", "folder"])
def test_killed_at_any_moment_and_resumed_it_equals_the_uninterrupted_set(tmp_path, layout):
    make(tmp_path / "straight", layout=layout)
    straight = tree(tmp_path / "straight")
    for moment in itertools.count():
        folder = tmp_path / str(moment)
        with pytest.MonkeyPatch.context() as patch:
            guillotine = Guillotine(patch, moment)
            try:
                make(folder, layout=layout)
            except Killed:
                pass
            else:
                assert guillotine.left >= 0
                break
        make(folder, layout=layout)
        assert tree(folder) == straight, f"killed at operation {moment}"
    assert moment > 40


def test_damage_is_found_by_verify_and_repaired_by_the_same_command(tmp_path):
    folder = tmp_path / "set"
    make(folder)
    straight = tree(folder)
    assert verify(folder) == []
    first, second = folder / "block-000000.tar", folder / "block-000001.tar"
    first.write_bytes(first.read_bytes()[:-3000])
    second.write_bytes(bytes([second.read_bytes()[0] ^ 1]) + second.read_bytes()[1:])
    (folder / "block-000002.tar").unlink()
    (folder / "block-000009.tar").write_bytes(b"")
    problems = verify(folder)
    assert [problem.split(" (")[0] for problem in problems] == [
        "block 0 is damaged: block-000000.tar",
        "block 1 is damaged: block-000001.tar",
        "block 2 has lost block-000002.tar",
        "block-000009.tar does not belong to the data set",
    ]
    (folder / "block-000009.tar").unlink()
    assert make(folder) == 3
    assert tree(folder) == straight
    assert make(folder) == 0


def test_damage_in_the_folder_layout_is_found_and_repaired(tmp_path):
    make(tmp_path, layout="folder")
    straight = tree(tmp_path)
    (tmp_path / "images" / "made" / "000000005.png").unlink()
    (tmp_path / "images" / "made" / "000000009.png").write_bytes(b"cut")
    (tmp_path / "images" / "made" / "000000077.png").write_bytes(b"stranger")
    (tmp_path / "index" / "block-000000.json").write_text("{")
    assert [problem.split(":")[0] for problem in verify(tmp_path)] == [
        "block 0 has a record that cannot be read",
        "block 1 has lost images/made/000000005.png",
        "block 2 is damaged",
        "images/made/000000077.png does not belong to the data set",
    ]
    (tmp_path / "images" / "made" / "000000077.png").unlink()
    assert make(tmp_path, layout="folder") == 3
    assert tree(tmp_path) == straight


def test_machines_share_the_blocks_and_the_merged_index_is_that_of_one(tmp_path):
    make(tmp_path / "one")
    folder = tmp_path / "shared"
    assert make(folder, shard=(1, 2)) == 1
    with pytest.raises(WorkError, match=r"2 of 3 blocks are missing \(0, 2\)"):
        merge(folder)
    assert make(folder, shard=(0, 2)) == 2
    assert not (folder / "index.json").exists()
    assert make(folder, shard=(5, 7)) == 0
    merge(folder)
    assert tree(folder) == tree(tmp_path / "one")


@pytest.mark.parametrize(
    "changes",
    [{"root_seed": 1}, {"images": 11}, {"image_size_px": 6}, {"image_format": "jpeg"}, {"block_size": 5}],
)
def test_a_folder_of_another_recipe_is_refused_and_not_touched(tmp_path, changes):
    make(tmp_path)
    (tmp_path / ".block-000000.tar.x.partial").write_bytes(b"left over")
    before = tree(tmp_path), {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]}
    with pytest.raises(UserError, match=f"another data set .*{next(iter(changes))}"):
        make(tmp_path, **changes)
    assert before == (tree(tmp_path), {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]})


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(UserError, match="holds something else"):
        make(tmp_path)
    with pytest.raises(UserError, match="not a data set"):
        verify(tmp_path)
    assert tree(tmp_path) == {"thesis.txt": b"dear"}


def test_a_full_disk_stops_cleanly_and_the_work_goes_on_when_there_is_space(tmp_path):
    make(tmp_path / "straight")
    folder = tmp_path / "set"
    with pytest.MonkeyPatch.context() as patch:
        calls = itertools.count()
        real = blocks._add

        def fill(tar, name, content):
            if next(calls) == BLOCK * 2 + 3:  # in the middle of the second block
                raise OSError(28, "No space left on device")
            real(tar, name, content)

        patch.setattr(blocks, "_add", fill)
        with pytest.raises(UserError, match=r"block-000001.tar': No space left on device"):
            make(folder)
    assert {path for path in tree(folder) if "block" in path} == {"block-000000.tar", "index/block-000000.json"}
    assert make(folder) == 2
    assert tree(folder) == tree(tmp_path / "straight")


def test_a_disk_that_is_too_small_is_refused_before_the_work(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match=r"20000 images take about 0.1 GB, but .* has 0.0 GB free"):
        make(tmp_path, images=20_000, block_size=1000)
    assert not list(tmp_path.glob("*.tar"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write in folder"):
        make(tmp_path / "file" / "set")
    with pytest.raises(UserError, match="cannot write in folder '/proc/nowhere'"):
        make(Path("/proc/nowhere"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 0}, "at least one image, got images=0"),
        ({"images": -4}, "got images=-4"),
        ({"quality": 0}, r"within 1..100, got 0"),
        ({"specification": "shaders_klm"}, "did you mean 'shaders_kml'"),
        ({"image_size_px": 0, "specification": "shaders"}, "image_size_px must be at least 1"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        make_recipe(**changes)


def test_shards_are_read_and_refused():
    assert parse_shard("0/1") == (0, 1)
    assert parse_shard("7/8") == (7, 8)
    for wrong in ("8/8", "0/0", "-1/3", "1", "a/b", "1/2/3"):
        with pytest.raises(UserError, match="a shard"):
            parse_shard(wrong)
    with pytest.raises(UserError, match="out of range"):
        generate(make_recipe(), Path("nowhere"), shard=(3, 3))


def test_a_record_of_another_version_is_refused_with_what_is_wrong(tmp_path):
    make(tmp_path)
    path = tmp_path / "dataset.json"
    content = json.loads(path.read_text())
    assert read_recipe(tmp_path) == make_recipe()
    path.write_text(json.dumps(content | {"process_fingerprint": "0" * 64}))
    with pytest.raises(UserError, match="cannot be made again by this version of procmem: process_fingerprint: 000"):
        verify(tmp_path)
    path.write_text(json.dumps({"format": 1}))
    with pytest.raises(UserError, match="not the record of a data set"):
        verify(tmp_path)


def test_the_class_of_a_mix_is_that_of_its_mask_or_heaviest_part():
    a, b, c = ({"operator": "shaders", "program": name} for name in ("sky/a", "sky/b", "sky/c"))
    leaf = {"operator": "leaves", "sources": [b, a, c]}
    assert class_of(leaf) == "sky/b"
    assert class_of({"operator": "mixup", "weights": [0.5, 0.5], "sources": [leaf, c]}) == "sky/b"
    assert class_of({"operator": "mixup", "weights": [0.2, 0.7, 0.1], "sources": [a, c, b]}) == "sky/c"
    assert class_of({"operator": "made"}) == "made"


def test_a_data_sets_provenance_says_what_went_into_it(tmp_path):
    make(tmp_path, root_seed=3)
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert (provenance["real_images"], provenance["seeds"], provenance["images_seen"]) == (False, {"root": 3}, 10)
    assert provenance["processes"] == [{"made": {"image_size_px": 5, "block_size": 4}}]
    assert provenance["code_version"]


@pytest.mark.parametrize(
    "name", ["fractals_kml_mixup", "dead_leaves_textures", {"union": {"sources": ["shaders", "wmm"]}}]
)
def test_every_image_of_a_process_has_a_label(name):
    process = Recipe(specification=name, images=1, image_size_px=32, block_size=24, images_per_program=8).process
    classes = class_names(process)
    assert {class_of(process.recipe(0, 0, i)) for i in range(process.block_size)} <= set(classes)
    assert "union" not in classes
    assert "leaves" not in classes


@pytest.mark.opengl
@pytest.mark.slow
@pytest.mark.parametrize(("image_format", "layout"), [("jpeg", "webdataset"), ("webp", "folder")])
def test_a_stored_image_is_made_again_from_its_recipe_byte_for_byte(tmp_path, image_format, layout):
    mix = {"mixup": {"num_images": 2, "source": {"leaves": {"source": {"shaders": {"families": ["sky"]}}}}}}
    recipe = make_recipe(specification=mix, block_size=8, image_size_px=16, image_format=image_format, layout=layout)
    generate(recipe, tmp_path, num_workers=1)
    assert verify(tmp_path) == []
    for index in (0, 9):
        explained = explain(tmp_path, index)
        assert explained["equal_bytes"]
        assert explained["recipe"]["operator"] == "mixup"
        names_in_order = json.loads((tmp_path / "classes.json").read_text())
        assert names_in_order[explained["label"]] == explained["class"] == class_of(explained["recipe"])
    assert class_names(recipe.process) == names_in_order
    for wrong in (10, -1):
        with pytest.raises(UserError, match=r"holds the images 0..9"):
            explain(tmp_path, wrong)
    _change_a_byte_of_image_9(tmp_path, layout)
    with pytest.raises(WorkError, match=r"image 9 made again has other bytes|cannot read image"):
        explain(tmp_path, 9)


def _change_a_byte_of_image_9(folder, layout):
    path = next(folder.glob("images/*/000000009.*")) if layout == "folder" else folder / "block-000001.tar"
    content = bytearray(path.read_bytes())
    start = 0
    if layout != "folder":
        with tarfile.open(path) as tar:
            start = next(member.offset_data for member in tar if member.name.startswith("000000009."))
    content[start + 60] ^= 1
    path.write_bytes(bytes(content))
