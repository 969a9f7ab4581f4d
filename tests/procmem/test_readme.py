"""What the README tells a newcomer to type works, at small size, in the order in which it stands there."""

import re
import shlex
from pathlib import Path

import pytest

from procmem.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def lines_that_start_with(program):
    return [line.split("#")[0] for block in blocks("sh") for line in block.splitlines() if line.startswith(program)]


def test_the_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {line.split()[1] for line in lines_that_start_with("make")}
    assert named == {"demo", "test"}
    assert named <= targets


def test_the_table_names_every_command():
    for name, entry in COMMANDS.items():
        if name:
            assert f"`procmem {name}" in README
        if isinstance(entry, dict):
            assert all(f"`procmem {name} {own}`" in README or f"`{own}`" in README for own in entry if own)


def test_every_file_and_picture_named_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.opengl
@pytest.mark.slow
def test_library_example_and_commands_run(workplace, image_set_writer, small_recipe, monkeypatch, capsys):
    for name in ("cifar10", "grocery81"):
        image_set_writer(workplace / "data" / name)
    monkeypatch.setenv("PROCMEM_DATA", str(workplace / "data"))
    smaller = {
        "preview": ["--images", "4", "--image-size-px", "8"],
        "generate": ["--images", "8", "--size", "8", "--block-size", "8", "--workers", "0"],
        "pretrain": ["--overrides", *small_recipe],
        "synthesize": ["--count", "7"],
        "screen": ["--children", "1"],
    }
    assert main(["pretrain", "--config", "cpu_demo", "--run", "runs/demo/training", *smaller["pretrain"]]) == 0
    (example,) = blocks("python")
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["receipt"].found_before == 1
    assert names["audit"].memory_size == 24
    commands = [shlex.split(line)[1:] for line in lines_that_start_with("procmem")]
    assert len(commands) == 10
    for words in commands:
        own = [option for word in words[:2] for option in smaller.get(word, [])]
        assert main([*words, *own]) == 0, capsys.readouterr().err
