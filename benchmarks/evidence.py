"""The evidence of docs/evidence.md: train, choose, measure, the table of wins, and the comparison of sources.

    python benchmarks/evidence.py train runs/contrast              a recipe, with the curve of kNN on held-out fifths
    python benchmarks/evidence.py table runs/contrast              one encoder against untrained, pixels, histogram
    python benchmarks/evidence.py sources --seeds 5 --images 38400 [--sources shaders_kml_mixup cifar10 ...]
    python benchmarks/evidence.py compare --seeds 5 --images 38400 [--sources ...]      what `sources` has trained

Everything is kept under --run (runs/evidence), so that a step goes on where it was stopped and nothing is measured
twice. Size, features, k and rule are chosen on held-out fifths of two train splits, before any other image is looked at
(`choose`): for each encoder of a table by itself, for a comparison once, with its first source and seed. The sets are
measured by the tasks of `eval`, whose records hold every case for the comparisons.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eval.comparison import compare, corrected
from eval.datasets import Dataset, find_dataset
from eval.extract import extract
from eval.held_out import held_out
from eval.probe import knn_probe
from eval.records import score_of
from eval.resampling import seeds_difference
from eval.suite import Suite, run_suite
from eval.task import Conditions, Score, Task
from eval.tasks.knn import Knn
from eval.tasks.pca_segmentation import PcaSegmentation
from eval.tasks.two_afc import TwoAfc
from memory.search import exact_search
from memory.sweep import sweep
from memory.voting import Rule, Voting
from pretrain.callbacks import Probe
from pretrain.config import PretrainConfig
from pretrain.encoder import PIXEL_ENCODERS, load_encoder
from pretrain.train import pretrain
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.files import make_folder, write_json
from procmem.recipes import find_recipe

CHOOSING_SETS = ("grocery81", "cifar10")
KNN_SETS = ("grocery81", "cifar10", "fashion-mnist", "bccd-crops3", "omniglot-small")
DENSE_SET, TRIPLET_SET = "coco100-semseg", "zappos-triplets"
SETS = (*KNN_SETS, DENSE_SET, TRIPLET_SET)
SIZES_PX = (32, 48, 64, 96)
FEATURES = ("", "+grid2", "+grid4", "+grid2~1", "+grid4~1")
NUM_NEIGHBORS = (1, 5, 10, 20, 50)
RULES: tuple[Rule, ...] = ("softmax", "plurality", "distance", "rank")
DENSE_SIZE_PX = 224
SOURCES = (
    "shaders", "shaders_mixup", "shaders_kml", "shaders_kml_mixup", "stylegan", "dead_leaves_mixed", "spectrum",
    "fractals", "cifar10",
)  # fmt: skip
"""The last one is the upper bound: real images, the train split of cifar10."""
CONDITIONS = Conditions(batch_size=256, pictures=False)
SIGNIFICANT = 0.05


class Choice(NamedTuple):
    """What is fixed before any `val` is looked at: how images are shown and read (@SIZE+FEATURES), k and rule."""

    shown: str
    k: int
    rule: Rule


def described(choice: Choice) -> str:
    """A choice in words."""
    return f"{choice.shown[1:]}, k = {choice.k}, {choice.rule}"


def choose(spec: str, run: Path, names: Sequence[str] = CHOOSING_SETS) -> Choice:
    """Size, features, k and rule with the best mean accuracy over the held-out fifths of these sets."""
    path = run / "choices.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    key = load_encoder(spec).card().fingerprint
    if tuple(names) != CHOOSING_SETS:
        key += f" {' '.join(names)}"
    if key not in known:
        accuracies = {
            Choice(shown, k, rule): accuracy
            for shown in possible(spec)
            for (rule, k), accuracy in held_out_accuracies(spec + shown, names).items()
        }
        best = max(accuracies, key=lambda choice: accuracies[choice])
        known[key] = {"encoder": spec, "choice": best, "held_out_accuracy": accuracies[best]}
        write_json(path, known)
    return Choice(*known[key]["choice"])


def possible(spec: str) -> list[str]:
    """Sizes, and for networks features, that this encoder can take."""
    found = []
    for size_px in SIZES_PX:
        for features in FEATURES if spec not in PIXEL_ENCODERS else FEATURES[:1]:
            with contextlib.suppress(UserError):  # too few patch tokens for the grid
                load_encoder(f"{spec}@{size_px}{features}")
                found.append(f"@{size_px}{features}")
    return found


def asking(name: str, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which images of a train split are held out to ask the others."""
    return held_out(labels, generator(0, "evidence", "held-out fifth", name))


def held_out_fifth(name: str) -> Dataset:
    """The train split of a set as a memory of four fifths and the held-out fifth that asks."""
    dataset = find_dataset(name)
    asks = asking(name, dataset.train.labels)
    memory, queries = (dataset.train.select(np.flatnonzero(part)) for part in (~asks, asks))
    return dataclasses.replace(dataset, train=memory, val=queries)


def held_out_accuracies(spec: str, names: Sequence[str]) -> dict[tuple[Rule, int], float]:
    """(rule, k) -> mean accuracy over these sets."""
    encoder = load_encoder(spec)
    means: dict[tuple[Rule, int], float] = {}
    for name in names:
        found = extract(encoder, find_dataset(name).train, batch_size=CONDITIONS.batch_size)
        asks = asking(name, found.labels)
        values, labels = found.values, found.labels
        neighbors = exact_search(values[asks], values[~asks], max(NUM_NEIGHBORS), labels=labels[~asks])
        votings = [Voting(rule=rule) for rule in RULES]
        for row in sweep(neighbors, labels[asks], num_neighbors=NUM_NEIGHBORS, votings=votings):
            key = row.voting.rule, row.k
            means[key] = means.get(key, 0.0) + row.top1_accuracy / len(names)
    return means


def measure(spec: str, choice: Choice, run: Path, sets: Sequence[str] = SETS) -> dict[str, Score]:
    """Set -> headline with its cases, under the protocol; what is measured already is read."""
    tasks: list[Task] = [
        Knn(dataset=name, num_neighbors=(choice.k,), rules=(choice.rule,)) for name in KNN_SETS if name in sets
    ]
    if TRIPLET_SET in sets:
        tasks.append(TwoAfc(dataset=TRIPLET_SET))
    if DENSE_SET in sets and spec != "histogram":  # which has no places
        tasks.append(PcaSegmentation(dataset=DENSE_SET, image_size_px=DENSE_SIZE_PX))
    folder = run / "measured"
    suite = Suite(name="evidence", tasks=tuple(tasks), conditions=CONDITIONS)
    done = run_suite(suite, [spec + choice.shown], folder)
    for problem in done.not_measured:
        sys.exit(f"{spec}: {problem.task}: {problem.reason}")
    found = {}
    for result in done.results:
        name = next(name for name in SETS if result.dataset.startswith(name))
        if result.headline:
            found[name] = score_of(folder, result)
    return found


def measure_by_own_choice(spec: str, run: Path, names: Sequence[str]) -> dict[str, Score]:
    """As `measure`, each kNN set with what its own train split chooses."""
    scores = {}
    for name in names:
        choice = choose(spec, run, [name])
        scores |= measure(spec, choice, run, [name])
        print(f"{spec} on {name}: {described(choice)}")
    print()
    return scores


def print_table(specs: Sequence[str], run: Path, sets: Sequence[str], *, own_choice: bool) -> None:
    """Markdown: each encoder, then the baselines, and on how many sets the first one wins."""
    if own_choice:
        rows = {spec: measure_by_own_choice(spec, run, sets) for spec in specs}
    else:
        rows = {spec: measure(spec, choose(spec, run), run, sets) for spec in specs}
    print("| encoder | " + " | ".join(sets) + " |\n|" + " --- |" * (len(sets) + 1))
    for spec, scores in rows.items():
        cells = [f"{100 * s.value:.1f} ± {100 * s.standard_error:.1f}" if (s := scores.get(n)) else "" for n in sets]
        chosen = "chosen by each set" if own_choice else described(choose(spec, run))
        print(f"| {spec} ({chosen}) | " + " | ".join(cells) + " |")
    first, *others = specs
    pairs = [(name, spec) for name in sets for spec in others if name in rows[spec]]
    comparisons = corrected([compare(rows[first][name], rows[spec][name]) for name, spec in pairs])
    print(f"\nDifferences of {first} (points, 95 % interval, p after Holm over the table):\n")
    print("| set | " + " | ".join(others) + " | win |\n|" + " --- |" * (len(others) + 2))
    for name in sets:
        own = {spec: c for (set_name, spec), c in zip(pairs, comparisons, strict=True) if set_name == name}
        cells = [
            f"{100 * c.difference.value:+.1f} [{100 * c.difference.low:+.1f}, {100 * c.difference.high:+.1f}], "
            f"p {c.adjusted_p_value:.1g}"
            if (c := own.get(spec))
            else ""
            for spec in others
        ]
        wins = all(c.difference.value > 0 and c.adjusted_p_value < SIGNIFICANT for c in own.values())
        print(f"| {name} | " + " | ".join(cells) + f" | {'yes' if wins else 'no'} |")


def train(recipe: str, folder: Path) -> None:
    """Train a recipe; its curve is the kNN accuracy on the held-out fifths of the sets that choose."""
    path = find_recipe(recipe, "pretrain")
    pretrain(PretrainConfig.from_yaml(path), folder, probe=held_out_probe(path))


def held_out_probe(recipe: Path) -> Probe:
    """Accuracy of kNN on the held-out fifths of the sets that choose, at the size of the recipe's global crops."""
    size_px = PretrainConfig.from_yaml(recipe).crops.global_crop_px
    probes = [knn_probe(held_out_fifth(name), size_px) for name in CHOOSING_SETS]
    return lambda embed, step: {name: value for probe in probes for name, value in probe(embed, step).items()}


def source_folder(name: str, images: int, seed: int, run: Path) -> Path:
    """Run folder of one source and seed."""
    return run / "sources" / f"{name}-{images}-seed{seed}"


def train_sources(names: Sequence[str], num_seeds: int, images: int, recipe: str, run: Path) -> None:
    """Train every (source, seed) at the same budget, seed by seed; finished ones stay, stopped ones go on."""
    real = find_dataset("cifar10")
    first = real.train.sources[0]
    probe = held_out_probe(find_recipe(recipe, "pretrain"))
    for seed in range(num_seeds):
        for name in names:
            process: Any = name
            if name == "cifar10":
                assert isinstance(first, Path)
                process = {"image_folder": {"folder": str(first.parents[1])}}
            changes = {"process": process, "root_seed": seed, "optimization.images": images}
            changes |= {"optimization.warmup_images": images // 10, "probe_every_steps": 100}
            config = PretrainConfig.from_yaml(find_recipe(recipe, "pretrain"), changes)
            pretrain(config, source_folder(name, images, seed, run), probe=probe)


def print_comparison(names: Sequence[str], num_seeds: int, images: int, run: Path, sets: Sequence[str]) -> None:
    """Markdown: mean over seeds of every source, and its difference to the same networks untrained."""
    choice = choose(str(source_folder(names[0], images, 0, run)), run)
    print(f"Shown as {described(choice)}.\n")
    print("| source | " + " | ".join(sets) + " |\n|" + " --- |" * (len(sets) + 1))
    for name in names:
        folders = [source_folder(name, images, seed, run) for seed in range(num_seeds)]
        trained = [measure(str(folder), choice, run, sets) for folder in folders]
        untrained = [measure(f"random:{folder}:{seed}", choice, run, sets) for seed, folder in enumerate(folders)]
        cells = []
        for set_name in sets:
            a, b = (np.stack([scores[set_name].per_case for scores in side]) for side in (trained, untrained))
            difference = seeds_difference(a, b, generator(0, "evidence", name, set_name))
            interval = f"[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
            cells.append(f"{100 * a.mean():.1f} ({100 * difference.value:+.1f} {interval})")
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    """One step of the evidence."""
    parser = argparse.ArgumentParser(description="The evidence of docs/evidence.md.")
    parser.add_argument("what", choices=("train", "table", "sources", "compare"))
    parser.add_argument("encoders", nargs="*", help="run folders; `table` adds the untrained one of the first")
    parser.add_argument("--run", type=Path, default=Path("runs/evidence"))
    parser.add_argument("--sources", nargs="+", default=SOURCES)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS, help="of `table` and `compare`")
    parser.add_argument(
        "--own-choice", action="store_true", help="of `table`: each kNN set chooses on its own train split"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=38_400)
    parser.add_argument("--recipe", default="evidence/contrast_cpu")
    options = parser.parse_args()
    make_folder(options.run)
    if options.what == "train":
        train(options.recipe, Path(options.encoders[0]))
    elif options.what == "table":
        first = options.encoders[0]
        specs = [*options.encoders, f"random:{first}", "pixels", "histogram"]
        print_table(specs, options.run, options.sets, own_choice=options.own_choice)
    elif options.what == "sources":
        train_sources(options.sources, options.seeds, options.images, options.recipe, options.run)
    else:
        print_comparison(options.sources, options.seeds, options.images, options.run, options.sets)


if __name__ == "__main__":
    main()
