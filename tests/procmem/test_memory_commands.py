"""Memories from the command line: built from folders, continued after a kill, changed, protected, erased."""

import json
import re
import shutil

import numpy as np
import pytest

from eval import extract
from memory.memory import VisualMemory
from procmem import memory_images
from procmem.cli import main

pytestmark = pytest.mark.usefixtures("workplace")

OWNER = r"(\d)\.png$"
BUILD = ["memory", "build", "--dataset", "colours", "--encoder", "pixels", "--output", "m", "--owner", OWNER]


def told(capsys, *words):
    """What a command prints as JSON."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def built(image_set, tmp_path):
    (tmp_path / "levels.csv").write_text("class,tone\nblue,cold\ngreen,cold\nred,warm\n")
    assert main([*BUILD, "--levels", "levels.csv"]) == 0
    return image_set


def test_a_memory_goes_through_its_whole_life(built, tmp_path, capsys):
    description = told(capsys, "memory", "info", "m")
    assert (description["entries"], description["levels"], description["precision"]) == (24, {"tone": 2}, "float32")
    protected = told(capsys, "memory", "protect", "m", "built")
    assert protected == {"built": description["version"]}
    assert told(capsys, "memory", "remove", "m", "--owner", "3")["removed"] == [3, 11, 19]
    assert told(capsys, "memory", "remove", "m", "--label", "warm", "--where", "id > 22")["removed"] == [23]
    assert told(capsys, "memory", "restore", "m", "--ids", "3", "11")["entries"] == 22
    assert told(capsys, "memory", "relabel", "m", "--to", "blue", "--label", "red")["relabelled"][0] == 16
    found = told(capsys, "memory", "search", "m", "--images", "colours/train/red/0.png", "--k", "1")
    assert found[0]["prediction"] == "blue"
    assert found[0]["neighbors"][0]["uri"] == "train/red/0.png"
    found = told(
        capsys, "memory", "search", "m", "--images", "colours/train/green/0.png", "--k", "1", "--level", "tone"
    )
    assert found[0]["prediction"] == "cold"
    versions = told(capsys, "memory", "versions", "m")
    assert [version["names"] for version in versions if version["names"]] == [["built"]]
    assert told(capsys, "memory", "checkout", "m", "built", "--output", "copy")["entries"] == 24
    assert main(["memory", "erase", "m", "--owner", "3"]) == 2
    assert "release them first" in capsys.readouterr().err
    assert told(capsys, "memory", "release", "m", "built") == {}
    receipt = told(capsys, "memory", "erase", "m", "--owner", "3", "--receipt", "receipt.json")
    assert receipt == json.loads((tmp_path / "receipt.json").read_text())
    assert (len(receipt["erased"]), receipt["found_before"]) == (3, 3)  # 19 had been removed before
    assert told(capsys, "memory", "restore", "copy", "--version", "2")["version"] == 3
    assert main(["memory", "info", "m"]) == 0
    assert re.search(r"entries +20\n", capsys.readouterr().out)


def test_images_are_added_with_the_memorys_encoder_and_classes_by_name(built, tmp_path, capsys):
    shutil.copytree(built / "train" / "red", tmp_path / "more" / "red")
    shutil.copytree(built / "train" / "blue", tmp_path / "more" / "violet")
    assert main(["memory", "add", "m", "--dataset", "more"]) == 2
    assert "has no class violet" in capsys.readouterr().err
    assert main(["memory", "add", "m", "--dataset", "more", "--new-classes"]) == 2
    assert "need a group on level 'tone'" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "more" / "violet")
    assert told(capsys, "memory", "add", "m", "--dataset", "more")["added"] == list(range(24, 32))
    memory = VisualMemory.open(tmp_path / "m")
    assert memory.entries.labels[24:].tolist() == [2] * 8
    assert memory.datasets()[23:25] == ["colours", "more"]
    assert np.array_equal(memory.entries.embeddings[24:], memory.entries.embeddings[16:24])


def test_a_build_that_was_killed_continues_and_ends_in_the_same_entries(built, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(memory_images, "PART_IMAGES", 5)
    words = [*BUILD[:7], "whole", *BUILD[8:]]
    assert main(words) == 0
    whole = VisualMemory.open(tmp_path / "whole")
    write = memory_images._write_state
    for killed_at in (1, 4):
        folder = f"killed-{killed_at}"
        words[7] = folder
        num_written = 0

        def dying(store, state, killed_at=killed_at):
            nonlocal num_written
            num_written += 1
            if num_written == killed_at + 1:  # the first is written at the start; the part is in, its note is not
                raise KeyboardInterrupt
            write(store, state)

        with monkeypatch.context() as patch:
            patch.setattr(memory_images, "_write_state", dying)
            assert main(words) == 1
        assert len(VisualMemory.open(tmp_path / folder)) == 5 * killed_at if killed_at < 4 else 24
        assert main([*words, "--precision", "float16"]) == 2
        assert "a build with other precision" in capsys.readouterr().err
        assert main(words) == 0
        memory = VisualMemory.open(tmp_path / folder)
        for name in ("ids", "embeddings", "labels"):
            assert np.array_equal(getattr(memory.entries, name), getattr(whole.entries, name))
        assert (memory.uris(), memory.owners()) == (whole.uris(), whole.owners())
    assert main(words) == 2
    assert "is complete" in capsys.readouterr().err


def test_a_build_takes_cached_embeddings_and_an_erasure_takes_the_cache(built, tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise AssertionError("embedded anew")

    with monkeypatch.context() as patch:
        patch.setattr(extract, "_embed", refuse)
        assert main([*BUILD[:7], "again", *BUILD[8:]]) == 0
    first, again = VisualMemory.open(tmp_path / "m"), VisualMemory.open(tmp_path / "again")
    assert np.array_equal(first.entries.embeddings, again.entries.embeddings)
    assert first.uris() == again.uris()
    (cached,) = (tmp_path / "cache" / "embeddings").glob("*.npz")
    assert first.entries.embeddings[5].tobytes() in cached.read_bytes()
    receipt = told(capsys, "memory", "erase", "m", "--ids", "5")
    assert str(cached) in receipt["artefacts_deleted"]
    assert not cached.exists()


def test_a_build_whose_last_images_are_unreadable_is_complete(image_set, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(memory_images, "PART_IMAGES", 4)
    names = sorted((image_set / "train" / "red").iterdir())
    for path in names[-5:]:
        path.write_bytes(b"no image")
    assert main([*BUILD, "--on-corrupt", "skip"]) == 0
    assert VisualMemory.open(tmp_path / "m").entries.ids.tolist() == list(range(19))
    assert main([*BUILD, "--on-corrupt", "skip"]) == 2
    assert "is complete" in capsys.readouterr().err


def test_nested_folders_give_a_level_and_wrong_descriptions_are_refused(image_set, tmp_path, capsys):
    shutil.copytree(image_set / "train", tmp_path / "nested" / "plain")
    shutil.copytree(image_set / "val" / "red", tmp_path / "nested" / "other" / "red")
    build = ["memory", "build", "--dataset", "nested", "--encoder", "pixels", "--output"]
    assert main([*build, "n"]) == 0
    memory = VisualMemory.open(tmp_path / "n")
    assert memory.class_names == ("other/red", "plain/blue", "plain/green", "plain/red")
    assert memory.select(label="plain").tolist() == list(range(4, 28))
    (tmp_path / "levels.csv").write_text("class,tone\nred,warm\n")
    for options, said in (
        (["--owner", "["], "no regular expression"),
        (["--owner", "png"], "needs one group"),
        (["--owner", "(jpeg)"], "found in no image's name"),
        (["--levels", "levels.csv"], "no row for other/red"),
        (["--levels", "none.csv"], "cannot read levels"),
    ):
        assert main([*build, "x", *options]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_entries_are_named_by_ids_or_conditions(built, capsys):
    for words, said in (
        (["remove", "m"], "name the entries"),
        (["remove", "m", "--ids", "1", "--owner", "3"], "not both"),
        (["remove", "m", "--ids", "1", "99"], "no entry with id 99"),
        (["restore", "m"], "give either the ids"),
        (["relabel", "m", "--to", "blu", "--ids", "1"], "did you mean 'blue'"),
        (["erase", "m", "--resume"], "nothing to resume"),
        (["erase", "m", "--resume", "--ids", "1"], "give --resume alone"),
        (["search", "m", "--images", "none.png"], "cannot read image"),
        (["checkout", "m", "77", "--output", "x"], "cannot open version 77"),
    ):
        assert main(["memory", *words]) == 2
        assert said in capsys.readouterr().err


def test_an_erasure_cut_short_is_resumed(built, tmp_path, capsys, monkeypatch):
    from memory import erasure

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_check_gone", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(["memory", "erase", "m", "--ids", "7"]) == 1
    assert main(["memory", "remove", "m", "--ids", "1"]) == 2
    assert "memory erase MEMORY --resume" in capsys.readouterr().err
    assert told(capsys, "memory", "erase", "m", "--resume")["found_before"] == 1
    assert told(capsys, "memory", "info", "m")["entries"] == 23
