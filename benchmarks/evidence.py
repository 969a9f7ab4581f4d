"""The evidence of docs/evidence.md: train, choose, measure, the table of wins, comparisons of sources and of knobs.

    python benchmarks/evidence.py train runs/contrast              a recipe, with the curve of kNN on held-out fifths
    python benchmarks/evidence.py table runs/contrast              one encoder against untrained, pixels, histogram
    python benchmarks/evidence.py sources --seeds 5 --images 25600 [--only shaders_kml_mixup cifar10 ...]
    python benchmarks/evidence.py compare runs/contrast --seeds 5 --images 25600 [--only ...]     what `sources` has
                                                                   trained, shown as this encoder chose in `table`
    python benchmarks/evidence.py knobs --seeds 3 --images 25600 [--only programs-10 ...]

Everything is kept under --run (runs/evidence), so that a step goes on where it was stopped and nothing is measured
twice. What is chosen for an encoder and a set is chosen on the set's train split (`evidence_choices`). The sets are
measured by the tasks of `eval`, whose records hold every case for the comparisons.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from evidence_choices import (
    CONDITIONS,
    DENSE_SET,
    DENSE_SIZE_PX,
    TRIPLET_SET,
    Choice,
    choose,
)
from evidence_variants import KNOBS, SOURCES, folder_of, held_out_probe, print_curves, train_variants

from eval.comparison import compare, corrected
from eval.records import score_of
from eval.resampling import seeds_difference
from eval.suite import Suite, run_suite
from eval.task import Score, Task
from eval.tasks.knn import Knn
from eval.tasks.pca_segmentation import PcaSegmentation
from eval.tasks.two_afc import TwoAfc
from pretrain.config import PretrainConfig
from pretrain.train import pretrain
from procgen.seeds import generator
from procmem.files import make_folder
from procmem.recipes import find_recipe

SETS = ("grocery81", "cifar10", "fashion-mnist", "bccd-crops3", "omniglot-small", DENSE_SET, TRIPLET_SET)
SIGNIFICANT = 0.05


def choices_of(spec: str, run: Path, sets: Sequence[str]) -> dict[str, Choice]:
    """Set -> what this encoder chooses there; without the segmentation set for a histogram, which has no places."""
    return {name: choose(spec, name, run) for name in sets if (spec, name) != ("histogram", DENSE_SET)}


def measure(spec: str, choices: Mapping[str, Choice], run: Path) -> dict[str, Score]:
    """Set -> headline with its cases, under the protocol; what is measured already is read."""
    return {name: measure_one(spec, name, choice, run / "measured") for name, choice in choices.items()}


def measure_one(spec: str, name: str, choice: Choice, folder: Path) -> Score:
    """The headline of one set."""
    if name == TRIPLET_SET:
        task: Task = TwoAfc(dataset=name)
    elif name == DENSE_SET:
        task = PcaSegmentation(dataset=name, image_size_px=DENSE_SIZE_PX)
    else:
        task = Knn(dataset=name, num_neighbors=(choice.k,), rules=(choice.rule,))
    suite = Suite(name="evidence", tasks=(task,), conditions=CONDITIONS)
    done = run_suite(suite, [spec + choice.shown], folder)
    for problem in done.not_measured:
        sys.exit(f"{spec}: {problem.task}: {problem.reason}")
    (headline,) = (result for result in done.results if result.headline)
    return score_of(folder, headline)


def print_table(specs: Sequence[str], run: Path, sets: Sequence[str]) -> None:
    """Markdown: each encoder, then the baselines, on how many sets the first one wins, and what was chosen."""
    choices = {spec: choices_of(spec, run, sets) for spec in specs}
    rows = {spec: measure(spec, choices[spec], run) for spec in specs}
    print("| encoder | " + " | ".join(sets) + " |\n|" + " --- |" * (len(sets) + 1))
    for spec, scores in rows.items():
        cells = [f"{100 * s.value:.1f} ± {100 * s.standard_error:.1f}" if (s := scores.get(n)) else "" for n in sets]
        print(f"| {spec} | " + " | ".join(cells) + " |")
    first, *others = specs
    pairs = [(name, spec) for name in sets for spec in others if name in rows[spec]]
    comparisons = corrected([compare(rows[first][name], rows[spec][name]) for name, spec in pairs])
    print(f"\nDifferences of {first} (points, 95 % interval, p after Holm over the table):\n")
    print("| set | " + " | ".join(others) + " | win |\n|" + " --- |" * (len(others) + 2))
    for name in sets:
        own = {spec: c for (set_name, spec), c in zip(pairs, comparisons, strict=True) if set_name == name}
        cells = [
            f"{100 * c.difference.value:+.1f} [{100 * c.difference.low:+.1f}, {100 * c.difference.high:+.1f}], "
            f"p {max(c.adjusted_p_value, 1e-300):.1g}"
            if (c := own.get(spec))
            else ""
            for spec in others
        ]
        wins = all(c.difference.value > 0 and c.adjusted_p_value < SIGNIFICANT for c in own.values())
        print(f"| {name} | " + " | ".join(cells) + f" | {'yes' if wins else 'no'} |")
    print("\nChosen:\n\n| set | " + " | ".join(specs) + " |\n|" + " --- |" * (len(specs) + 1))
    for name in sets:
        print(f"| {name} | " + " | ".join(str(choices[spec].get(name, "")) for spec in specs) + " |")


def train(recipe: str, folder: Path) -> None:
    """Train a recipe; its curve is the kNN accuracy on the held-out fifths of two sets."""
    path = find_recipe(recipe, "pretrain")
    pretrain(PretrainConfig.from_yaml(path), folder, probe=held_out_probe(path))


def print_comparison(
    chooser: str, names: Sequence[str], num_seeds: int, images: int, run: Path, sets: Sequence[str]
) -> None:
    """Markdown: mean over seeds of every source, and its difference to the same networks untrained."""
    choices = choices_of(chooser, run, sets)
    print("Shown as " + "; ".join(f"{name}: {choice}" for name, choice in choices.items()) + ".\n")
    print("| source | " + " | ".join(sets) + " |\n|" + " --- |" * (len(sets) + 1))
    folders = {name: [folder_of("sources", name, images, seed, run) for seed in range(num_seeds)] for name in names}
    # the initial weights depend on recipe and seed alone, so those of one source are those of all
    untrained = [measure(f"random:{folder}:{seed}", choices, run) for seed, folder in enumerate(folders[names[0]])]
    for name in names:
        trained = [measure(str(folder), choices, run) for folder in folders[name]]
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
    parser.add_argument("what", choices=("train", "table", "sources", "compare", "knobs"))
    parser.add_argument("encoders", nargs="*", help="run folders; `table` adds the untrained one of the first")
    parser.add_argument("--run", type=Path, default=Path("runs/evidence"))
    parser.add_argument("--only", nargs="+", choices=(*SOURCES, *KNOBS), help="some of the sources or knobs")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS, help="of `table` and `compare`")
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
        print_table(specs, options.run, options.sets)
    elif options.what == "compare":
        names = options.only or SOURCES
        print_comparison(options.encoders[0], names, options.seeds, options.images, options.run, options.sets)
    else:
        kind, names = options.what, options.only or (SOURCES if options.what == "sources" else tuple(KNOBS))
        train_variants(kind, names, options.seeds, options.images, options.recipe, options.run)
        print_curves(kind, names, options.seeds, options.images, options.run)


if __name__ == "__main__":
    main()
