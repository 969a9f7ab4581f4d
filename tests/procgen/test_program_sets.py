"""Program sets: integers and a hash that always give the same programs, or a clear refusal."""

import json

import pytest

from procgen import program_sets
from procgen.glsl import include_source
from procgen.grammar.synthesis import GRAMMAR_VERSION, SCENE_CLASSES
from procgen.process import Shaders
from procgen.program_sets import (
    ProgramSet,
    find_program_set,
    hash_texts,
    load_program_set,
    make_program_set,
    members_of,
    read_program_set,
)
from procmem.errors import UserError
from procmem.program_commands import programs_synthesize


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "set.json"
    make_program_set(members_of(16, root_seed=3)).write(path)
    return path


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_members_go_round_the_classes():
    classes = [scene_class for scene_class, _ in members_of(15, 0)]
    assert classes[:7] == list(SCENE_CLASSES)
    assert classes[7:14] == classes[:7]
    assert classes[14] == classes[0]


def test_sets_of_two_seeds_share_no_program():
    first = set(members_of(500, 0))
    assert not any(first & set(members_of(500, root_seed)) for root_seed in range(1, 9))


def test_a_set_survives_the_file_and_gives_its_programs(file):
    made = make_program_set(members_of(16, root_seed=3))
    programs = load_program_set(file)
    assert read_program_set(file).hash == made.hash == hash_texts(programs)
    assert sorted((p.family, p.id) for p in programs) == sorted((c, f"grammar/{c}/{s}") for c, s in made.members)


def test_the_hash_does_not_depend_on_the_order_of_members():
    members = members_of(9, 0)
    assert make_program_set(members).hash == make_program_set(reversed(members)).hash


def test_an_include_that_changed_changes_the_hash(monkeypatch):
    members = members_of(7, 0)
    before = make_program_set(members).hash
    monkeypatch.setattr(program_sets, "include_source", lambda name: include_source(name) + ("//" * (name == "noise")))
    assert make_program_set(members).hash != before


def test_the_command_writes_a_set_that_loads(tmp_path):
    programs_synthesize(count=8, seed=2, out=tmp_path / "sets" / "base.json")
    assert len(load_program_set(tmp_path / "sets" / "base.json")) == 8


def test_a_wrong_hash_is_refused_with_the_version_to_use(file):
    edit(file, hash="f" * 64)
    with pytest.raises(UserError, match=f"fffff.*grammar version {GRAMMAR_VERSION}"):
        load_program_set(file)


def test_a_seed_changed_by_hand_is_refused(file):
    seeds = json.loads(file.read_text())["seeds"]
    seeds["optics"][0] += 1
    edit(file, seeds=seeds)
    with pytest.raises(UserError, match="the file was edited"):
        load_program_set(file)


def test_another_grammar_version_is_refused_with_the_version_to_use(file):
    edit(file, grammar_version=GRAMMAR_VERSION + 41)
    with pytest.raises(UserError, match=f"use a release of procmem with grammar version {GRAMMAR_VERSION + 41}"):
        load_program_set(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 9}, "format 9"),
        ({"hash": "abc"}, "64 hex digits"),
        ({"seeds": {"optic": [1]}}, "optics"),
        ({"seeds": {"optics": [-1]}}, "-1"),
        ({"seeds": {"optics": [True]}}, "True"),
        ({"seeds": {"optics": [4, 4]}}, "twice"),
        ({"seeds": {}}, "at least one"),
        ({"seeds": [1, 2]}, "not a program set"),
    ],
)
def test_a_file_that_is_not_a_set_is_refused(file, changes, message):
    edit(file, **changes)
    with pytest.raises(UserError, match=message):
        read_program_set(file)


@pytest.mark.parametrize("count", [0, -3])
def test_no_programs_are_refused(count):
    with pytest.raises(UserError, match=str(count)):
        members_of(count, 0)


def test_a_negative_set_seed_is_refused():
    with pytest.raises(UserError, match="-1"):
        members_of(3, -1)


def test_an_empty_set_is_refused():
    with pytest.raises(UserError, match="at least one"):
        ProgramSet(members=(), hash="0" * 64)


def test_the_process_draws_from_a_set_and_says_so(file):
    process = Shaders(image_size_px=8, block_size=4, program_set=str(file))
    assert process.describe()["shaders"]["program_set"] == process.program_set_hash  # wherever the file lies
    assert process.recipe(0, 0, 0)["program"].startswith("grammar/")


def test_programs_named_in_two_ways_are_refused(file):
    with pytest.raises(UserError, match="one way"):
        Shaders(image_size_px=8, families=["cells"], program_set=str(file))


def test_a_shipped_set_is_found_by_its_name_and_another_one_by_its_path(file, tmp_path, monkeypatch):
    monkeypatch.setattr(program_sets, "shipped_sets", lambda: {"mine": file})
    assert find_program_set("mine") == file
    assert load_program_set("mine") == load_program_set(str(file))
    assert find_program_set(file) == file
    bare = tmp_path / "bare"
    bare.write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert find_program_set("bare").read_bytes() == file.read_bytes()
    with pytest.raises(UserError, match="unknown program set 'mime'; did you mean 'mine'"):
        load_program_set("mime")
    assert find_program_set("missing.json").name == "missing.json"  # a path, whose reader says that it is not there


def test_how_programs_were_chosen_is_kept_and_is_no_part_of_what_they_are(file, tmp_path):
    program_set = read_program_set(file)
    program_set.write(tmp_path / "with.json", screening={"driver": "some driver"})
    assert json.loads((tmp_path / "with.json").read_text())["screening"] == {"driver": "some driver"}
    assert read_program_set(tmp_path / "with.json") == program_set
