"""What each command does: typed functions that join the rooms.

A signature here is the command line: its names, types, defaults and docstring become options and help texts. Rooms are
imported inside, so that ``--help`` answers at once and a missing optional part only matters where it is used.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from procmem.errors import UserError, WorkError
from procmem.progress import say
from procmem.recipes import find_recipe
from procmem.strict_yaml import read_value, read_yaml

PREVIEW_POOL, LEAST_POOL = 4, 6


def doctor(*, json: bool = False) -> int:
    """Say what works on this machine, what is missing, and what that would give.

    Exit code 1 if no image can be rendered.

    Args:
        json: print the findings as JSON.
    """
    from procmem import doctor as examination

    findings = examination.examine()
    if json:
        print_json(examination.to_json(findings))
    else:
        sys.stdout.write(examination.render(findings))
    return int(any(finding.part == "opengl" and finding.state == "missing" for finding in findings))


def demo(*, run: Path = Path("runs/demo"), config: str = "cpu_demo", overrides: list[str] | None = None) -> None:
    """Show the whole story on this machine: images, training, memory, comparison, audit, erasure, report.

    Training continues where it was interrupted. Real images come from PROCMEM_DATA, else from a download, else from
    scikit-learn.

    Args:
        run: folder of the results; the report is report.html in it.
        config: recipe of the training: a YAML file, or the name of a shipped one.
        overrides: settings to change in the recipe, KEY=VALUE with dots, for example optimization.images=7680.
    """
    from procmem.demo import run_demo

    sys.stdout.write(run_demo(run, find_recipe(config, "pretrain"), assignments(overrides or [])))


def preview(
    process: str,
    *,
    images: int | None = None,
    columns: int = 12,
    image_size_px: int = 128,
    root_seed: int = 0,
    families: list[str] | None = None,
    explain: bool = False,
    output: Path = Path("preview.png"),
) -> None:
    """Draw a contact sheet of a process, or how a few of its images came about.

    Args:
        process: a name such as shaders_kml_mixup, a YAML file that holds a composition, or a composition itself, such
            as 'leaves: {source: fractals}'.
        images: how many images; the default is 48, or 2 that are explained.
        columns: images in a row.
        image_size_px: side of an image.
        root_seed: fixes the images.
        families: families of shader programs to draw from (for the process shaders).
        explain: draw the sources, masks and results behind each image, and print the recipes as JSON.
        output: the picture to write (.png or .jpg).
    """
    from procgen.explain import draw_rows
    from procgen.explain import explain as rows_of
    from procgen.preview import contact_sheet, save_sheet
    from procgen.process import Operator
    from procgen.registry import make_process
    from procgen.union import Union

    count = images if images is not None else 2 if explain else 48
    if count < 1:
        raise UserError(f"a preview needs at least one image, got {count}")
    specification = _specification(process, families)
    size = {"image_size_px": image_size_px, "images_per_program": 1}
    # Mixes are of a larger pool, as in training: neighbours share fewer sources.
    made = make_process(specification, block_size=PREVIEW_POOL * max(count, LEAST_POOL), **size)
    if not isinstance(made, Operator | Union):
        made = make_process(specification, block_size=count, **size)
    if explain:
        save_sheet(draw_rows([row for i in range(count) for row in rows_of(made, root_seed, 0, i)]), output)
        print_json([made.recipe(root_seed, 0, i) for i in range(count)])
    else:
        save_sheet(contact_sheet(made.block(root_seed, 0)[:count], columns=columns), output)
    say(f"wrote {output}")


def _specification(process: str, families: list[str] | None) -> Any:
    """A process as given on the command line: a name, a YAML file or YAML itself."""
    if families is not None:
        if process != "shaders":
            raise UserError(f"families are chosen for the process shaders, got {process!r}")
        return {"shaders": {"families": families}}
    if process.endswith((".yaml", ".yml")):
        return read_yaml(Path(process))
    return read_value(process) if ":" in process else process


def pretrain(
    *,
    config: str,
    run: Path | None = None,
    overrides: list[str] | None = None,
    probe: str | None = None,
    allow_changed_config: bool = False,
) -> None:
    """Train an encoder on procedural images.

    If the run folder holds a checkpoint, training continues from it; Ctrl-C keeps one.

    Args:
        config: a recipe: a YAML file, or the name of a shipped one such as cpu_demo.
        run: run folder; the default is runs/ and the recipe's name.
        overrides: settings to change, KEY=VALUE with dots, for example optimization.batch_size=64.
        probe: real image set on which a kNN classifier is measured during training; it never enters the training.
        allow_changed_config: continue although the recipe has changed.
    """
    from eval.datasets import find_dataset
    from eval.patch_pca import pca_colors
    from eval.probe import knn_probe
    from pretrain.config import PretrainConfig
    from pretrain.train import pretrain as train

    recipe = find_recipe(config, "pretrain")
    configuration = PretrainConfig.from_yaml(recipe, assignments(overrides or []))
    folder = run or Path("runs") / recipe.stem
    train(
        configuration,
        folder,
        probe=None if probe is None else knn_probe(find_dataset(probe), configuration.crops.global_crop_px),
        token_colors=pca_colors,
        allow_changed_config=allow_changed_config,
    )
    say(f"encoder: {folder}")


def evaluate(
    *,
    encoders: list[str] | None = None,
    suite: str = "quick",
    datasets: list[str] | None = None,
    run: Path | None = None,
    max_train: int | None = None,
    max_val: int | None = None,
    seed: int | None = None,
    devices: int = 1,
    fresh: bool = False,
) -> None:
    """Measure encoders with a suite of tasks, and print tables beside the papers'.

    Runs what data are here and says what is missing and how to get it. Every number goes to results.jsonl in the run
    folder; after an interruption the same command goes on where it stood. The first encoder is what the others are
    compared with. `procmem report` makes a page of the run folder.

    Args:
        encoders: run folders, checkpoints, exports, procmem:NAME, timm:NAME, random:NAME, random:RUN, pixels,
            histogram, sift:DATASET; psnr and ssim (for two_afc); each also with @SIZE; the default is the suite's.
        suite: a suite of configs/eval by name, or a YAML file.
        datasets: names under PROCMEM_DATA or folders, on which the suite's tasks are measured instead of its own.
        run: run folder; the default is runs/eval/ and the suite's name.
        max_train: most images in a memory, a seeded subset; the default is the suite's.
        max_val: most queries.
        seed: of subsets, resamples and random layouts; the default is the suite's.
        devices: GPUs (processes, without GPU) that share out the embedding of large sets; it changes no number.
        fresh: measure again what the run folder already holds.
    """
    import dataclasses

    from eval.findings import findings_of
    from eval.suite import load_suite, not_measured_by_reason, run_suite
    from eval.tables import tables_of, written

    made = load_suite(suite)
    if datasets is not None:
        made = made.on_datasets(datasets)
    given = {"max_train": max_train, "max_val": max_val, "seed": seed}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    device = _device()
    changes |= {"device": device, "num_devices": _num_devices(devices, device)}
    made = dataclasses.replace(made, conditions=dataclasses.replace(made.conditions, **changes))
    folder = run or Path("runs") / "eval" / made.name
    done = run_suite(made, encoders or list(made.encoders), folder, fresh=fresh)
    findings = findings_of(folder, done.results)
    sys.stdout.write("\n".join(written(table, "markdown") for table in tables_of(findings)))
    for reason, what in not_measured_by_reason(done.not_measured).items():
        say(f"not measured: {what}: {reason}")
    again = f", {done.num_reused} of them measured before" if done.num_reused else ""
    say(f"{folder}: {len(done.results):,} numbers of {done.num_pairs} pairs of task and encoder{again}")
    if not done.results:
        raise WorkError("nothing could be measured; the lines above say why")


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _num_devices(wanted: int, device: str) -> int:
    """The devices to embed on.

    Raises:
        UserError: if fewer GPUs are here.
    """
    import torch

    if device == "cuda" and wanted > torch.cuda.device_count():
        raise UserError(f"devices is {wanted}; this machine has {torch.cuda.device_count()} GPUs")
    return wanted


def assignments(words: list[str]) -> dict[str, Any]:
    """``["a.b=3"]`` to ``{"a.b": 3}``; values are read as YAML.

    Raises:
        UserError: if a word is not KEY=VALUE.
    """
    assignments = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UserError(f"a setting is KEY=VALUE, for example optimization.batch_size=64, got {word!r}")
        assignments[key] = read_value(value)
    return assignments


def print_json(value: Any) -> None:
    """Write JSON for machines to standard output."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
