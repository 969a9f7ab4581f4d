"""What each command does: typed functions that join the rooms.

A signature here is the command line: its names, types, defaults and docstring become options and help texts. Rooms are
imported inside, so that ``--help`` answers at once and a missing optional part only matters where it is used.
"""

from __future__ import annotations

import importlib.resources
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from procmem.errors import UserError, unknown_name
from procmem.files import make_folder, write_json
from procmem.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from memory.memory import VisualMemory

RECIPE_SUFFIX = ".yaml"


def doctor(*, json: bool = False) -> int:
    """Say what works on this machine, what is missing, and what that would give.

    Exit code 1 if no image can be rendered.

    Args:
        json: print the findings as JSON.
    """
    from procmem import doctor as examination

    findings = examination.examine()
    if json:
        _print_json(examination.to_json(findings))
    else:
        sys.stdout.write(examination.render(findings))
    return int(any(finding.part == "opengl" and finding.state == "missing" for finding in findings))


def demo(*, run: Path = Path("runs/demo"), minutes: float = 4.0) -> None:
    """Show the whole story on this machine: images, training, memory, comparison, audit, erasure, report.

    Continues where it was interrupted. Real images come from PROCMEM_DATA, else from a download, else from
    scikit-learn.

    Args:
        run: folder of the results; the report is report.html in it.
        minutes: rough time for training on two processor cores; more images are trained on when it is longer.
    """
    from procmem.demo import run_demo

    sys.stdout.write(run_demo(run, minutes=minutes))


def preview(
    process: str,
    *,
    images: int = 48,
    columns: int = 12,
    image_size_px: int = 128,
    root_seed: int = 0,
    families: list[str] | None = None,
    output: Path = Path("preview.png"),
) -> None:
    """Draw a contact sheet of a process.

    Args:
        process: a name such as shaders_kml_mixup, or a YAML file that holds a composition.
        images: how many images.
        columns: images in a row.
        image_size_px: side of an image.
        root_seed: fixes the images.
        families: families of shader programs to draw from (for the process shaders).
        output: the picture to write (.png or .jpg).
    """
    from procgen.preview import contact_sheet, save_sheet
    from procgen.registry import make_process

    specification: Any = process
    if process.endswith(RECIPE_SUFFIX):
        specification = yaml.safe_load(_read(Path(process)))
    if families is not None:
        if process != "shaders":
            raise UserError(f"families are chosen for the process shaders, got {process!r}")
        specification = {"shaders": {"families": families}}
    made = make_process(specification, image_size_px=image_size_px, block_size=images, images_per_program=1)
    save_sheet(contact_sheet(made.block(root_seed, 0), columns=columns), output)
    say(f"wrote {output}")


def pretrain(
    config: str,
    *,
    run: Path | None = None,
    set: list[str] | None = None,  # noqa: A002
    probe: str | None = None,
    allow_changed_config: bool = False,
) -> None:
    """Train an encoder on procedural images.

    If the run folder holds a checkpoint, training continues from it; Ctrl-C keeps one.

    Args:
        config: a recipe: a YAML file, or the name of a shipped one such as pretrain/cpu_demo.yaml.
        run: run folder; the default is runs/ and the recipe's name.
        set: settings to change, KEY=VALUE with dots, for example optimization.batch_size=64.
        probe: real image set on which a kNN classifier is measured during training; it never enters the training.
        allow_changed_config: continue although the recipe has changed.
    """
    from pretrain.config import PretrainConfig
    from pretrain.train import pretrain as train

    recipe = find_recipe(config)
    configuration = PretrainConfig.from_yaml(recipe, _assignments(set or []))
    folder = run or Path("runs") / recipe.stem
    train(
        configuration,
        folder,
        probe=_knn_probe(probe, configuration.image_size_px) if probe else None,
        allow_changed_config=allow_changed_config,
    )
    say(f"encoder: {folder}")


def find_recipe(name: str) -> Path:
    """A YAML file by its path, or a shipped one by its name (``pretrain/cpu_demo.yaml``, with or without ``configs/``).

    Raises:
        UserError: if there is none; the nearest shipped names are given.
    """
    if Path(name).is_file():
        return Path(name)
    root = Path(str(importlib.resources.files("configs")))
    shipped = {path.relative_to(root).as_posix(): path for path in root.rglob(f"*{RECIPE_SUFFIX}")}
    wanted = name.removeprefix("configs/")
    if wanted not in shipped:
        raise unknown_name("recipe", name, shipped)
    return shipped[wanted]


def _assignments(words: list[str]) -> dict[str, Any]:
    """``["a.b=3"]`` to ``{"a.b": 3}``; values are read as YAML."""
    assignments = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UserError(f"a setting is KEY=VALUE, for example optimization.batch_size=64, got {word!r}")
        assignments[key] = yaml.safe_load(value)
    return assignments


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror or error}") from error


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
