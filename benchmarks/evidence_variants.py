"""What the evidence trains at an equal budget: sources of images, and one knob of the corpus or recipe at a time.

Every (variant, seed) is a run folder; finished ones stay, stopped ones go on. Their curves are the accuracies of kNN
on held-out fifths of two train splits, which the trainer writes beside its losses.
"""

from __future__ import annotations

import csv
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence_choices import held_out_fifth

from eval.datasets import find_dataset
from eval.probe import knn_probe
from pretrain.callbacks import Probe
from pretrain.config import PretrainConfig
from pretrain.train import pretrain
from procgen.program_sets import find_program_set, make_program_set, read_program_set
from procmem.files import make_folder
from procmem.recipes import find_recipe

CURVE_SETS = ("grocery81", "cifar10")
SOURCES = (
    "shaders", "shaders_mixup", "shaders_kml", "shaders_kml_mixup", "stylegan", "dead_leaves_mixed", "spectrum",
    "fractals", "cifar10",
)  # fmt: skip
"""The last one is the upper bound: real images, the train split of cifar10."""
KNOBS: dict[str, dict[str, Any]] = {
    "recipe": {},
    "programs-10": {},
    "programs-100": {},
    "programs-1000": {},
    "programs-5000": {},
    "images_per_program-4": {"images_per_program": 4},
    "images_per_program-64": {"images_per_program": 64},
    "mixup-1": {"process.mixup.num_images": 1},
    "mixup-4": {"process.mixup.num_images": 4},
    "crops-0.1": {"crops.global_crop_scale": [0.1, 1.0]},
    "crops-0.6": {"crops.global_crop_scale": [0.6, 1.0]},
    "stride-8": {"backbone.options.output_stride": 8},
    "stride-32": {"backbone.options.output_stride": 32},
    "head-128": {"head.hidden_size": 128},
    "head-2048": {"head.hidden_size": 2048},
}
"""One change of the recipe each; `programs-N` draws from N generated programs instead of the hand-written ones."""


def folder_of(kind: str, name: str, images: int, seed: int, run: Path) -> Path:
    """Run folder of one variant and seed; `kind` is "sources" or "knobs"."""
    return run / kind / f"{name}-{images}-seed{seed}"


def train_variants(kind: str, names: Sequence[str], num_seeds: int, images: int, recipe: str, run: Path) -> None:
    """Train every variant at the same budget, seed by seed."""
    path = find_recipe(recipe, "pretrain")
    budget = {"optimization.images": images, "optimization.warmup_images": images // 10, "probe_every_steps": 100}
    for seed in range(num_seeds):
        for name in names:
            changes = _source(name) if kind == "sources" else _knob(name, run)
            config = PretrainConfig.from_yaml(path, changes | budget | {"root_seed": seed})
            pretrain(config, folder_of(kind, name, images, seed, run), probe=held_out_probe(path))


def held_out_probe(recipe: Path) -> Probe:
    """Accuracy of kNN on the held-out fifths of two sets, at the size of the recipe's global crops."""
    size_px = PretrainConfig.from_yaml(recipe).crops.global_crop_px
    probes = [knn_probe(held_out_fifth(name), size_px) for name in CURVE_SETS]
    return lambda embed, step: {name: value for probe in probes for name, value in probe(embed, step).items()}


def print_curves(kind: str, names: Sequence[str], num_seeds: int, images: int, run: Path) -> None:
    """Markdown: kNN on the held-out fifths at every probe, every seed at the last, loss and spread there."""
    rows = {
        name: [_metrics(folder_of(kind, name, images, seed, run), images) for seed in range(num_seeds)]
        for name in names
    }
    columns = [f"probe/knn_top1_accuracy/{name}" for name in CURVE_SETS]
    steps = [row["images"] for row in rows[names[0]][0] if row[columns[0]]]
    heads = [f"{name} at {float(step):,.0f}" for name in CURVE_SETS for step in steps]
    print(f"| {kind} | " + " | ".join(heads) + " | seeds at the last | spread |\n|" + " --- |" * (len(heads) + 3))
    for name, seeds in rows.items():
        probed = [[row for row in metrics if row[columns[0]]] for metrics in seeds]
        cells, last = [], []
        for column in columns:
            values = [[100 * float(row[column]) for row in rows_of_seed] for rows_of_seed in probed]
            cells += [f"{statistics.mean(at):.1f}" for at in zip(*values, strict=True)]
            last.append(" ".join(f"{of_seed[-1]:.1f}" for of_seed in values))
        spread = statistics.mean(float(metrics[-1]["embedding_spread"]) for metrics in seeds)
        print(f"| {name} | " + " | ".join(cells) + f" | {'; '.join(last)} | {spread:.2f} |")


def _metrics(folder: Path, images: int) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    if float(rows[-1]["images"]) < images:
        sys.exit(f"{folder} has seen {rows[-1]['images']} of {images} images; the command that trains it goes on")
    return rows


def _source(name: str) -> dict[str, Any]:
    if name != "cifar10":
        return {"process": name}
    first = find_dataset("cifar10").train.sources[0]
    assert isinstance(first, Path)
    return {"process": {"image_folder": {"folder": str(first.parents[1])}}}


def _knob(name: str, run: Path) -> dict[str, Any]:
    kind, _, count = name.partition("-")
    if kind != "programs":
        return KNOBS[name]
    return {"process.mixup.source.leaves.source": {"shaders": {"program_set": str(_subset(int(count), run))}}}


def _subset(count: int, run: Path) -> Path:
    """A program set of this many of the shipped generated programs, spread over its classes."""
    path = run / "sets" / f"grammar-{count}.json"
    if not path.exists():
        members = read_program_set(find_program_set("grammar")).members
        make_folder(path.parent)
        make_program_set(members[i * len(members) // count] for i in range(count)).write(path)
    return path
