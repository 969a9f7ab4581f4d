"""Statistics of the corpus beside real images: classes of the grammar, families of the shipped programs, photographs.

    PROCMEM_DATA=... python benchmarks/corpus.py [--program-set grammar] [--programs 40] [--draws 2] [--size-px 64]

A script and no command: only whoever has these data sets can run it, and no other part of the package reads real
images to describe a corpus. Programs are spread evenly over each group; photographs are the training splits, cut to
their largest centred square and shrunk with a box filter of the full footprint (PIL's BOX), which adds no ringing.
CIFAR-10 is shown at its own 32 px, enlarged it would have the smoothness of the enlarging: edges, neighbours and calm
blocks depend on the size, so compare it with the programs at 32 px (--size-px 32), not with the other rows.

The result stands in docs/corpus.md. Whoever chooses programs by these numbers has looked at real images: say so in the
provenance of what is trained on them.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from procgen.program_sets import load_program_set
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import shared_renderer
from procgen.screening.report import spread
from procgen.screening.statistics import NAMES, Statistics, describe
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.files import data_root
from procmem.progress import progress

CIFAR_SIZE_PX = 32
HEADS = ("spectrum", "contrast", "neighbours", "edges", "calm", "colour", "between", "within")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program-set", default="grammar", help="name or file of a program set")
    parser.add_argument("--programs", type=int, default=40, help="programs of each group")
    parser.add_argument("--draws", type=int, default=2, help="images of each program")
    parser.add_argument("--photographs", type=int, default=400, help="photographs of each data set, at most")
    parser.add_argument("--size-px", type=int, default=64)
    options = parser.parse_args()
    print("| group | images | " + " | ".join(HEADS) + " |\n" + "|---" * (len(HEADS) + 2) + "|")
    for name, images in groups(options):
        print(row(name, images.shape[0] * images.shape[1], describe(images)), flush=True)


def groups(options: argparse.Namespace) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Name and images (P, D, 3, H, W) of each group."""
    for path in (Path("coco100-semseg/images"), Path("grocery81/train")):
        yield f"photographs: {path.parts[0]}", photographs(path, options.photographs, options.size_px)
    yield (
        f"photographs: cifar10, {CIFAR_SIZE_PX} px",
        photographs(Path("cifar10/train"), options.photographs, CIFAR_SIZE_PX),
    )
    for label, programs in (("classes", load_program_set(options.program_set)), ("families", load_programs())):
        drawn = []
        for family in dict.fromkeys(program.family for program in programs):
            chosen = spread([program for program in programs if program.family == family], options.programs)
            drawn.append(draw(chosen, options))
            yield f"`{family}`", drawn[-1]
        yield f"**all {label}**", np.concatenate(drawn)


def draw(programs: list[ShaderProgram], options: argparse.Namespace) -> npt.NDArray[np.uint8]:
    """Images (P, D, 3, H, W), each program under its own random numbers."""
    size, renderer = options.size_px, shared_renderer()
    images = []
    for program in progress(programs, "drawing", unit="program"):
        parameters = program.draw_parameters(0, "statistics", program.id, counters=np.arange(options.draws))
        images.append(renderer.render(program, parameters, size, size).numpy())
    return np.stack(images)


def photographs(folder: Path, count: int, size_px: int) -> npt.NDArray[np.uint8]:
    """At most `count` images (P, 1, 3, size, size) of a folder below the data root."""
    root = data_root()
    if root is None or not (root / folder).is_dir():
        raise UserError(f"real images at {folder} are needed as the reference; set PROCMEM_DATA")
    files = sorted(path for path in (root / folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if (splits := root / folder.parts[0] / "splits.csv").is_file():
        trained_on = {line.split(",")[0] for line in splits.read_text().splitlines() if line.split(",")[1] == "train"}
        files = [path for path in files if path.stem in trained_on]
    order = generator(0, "corpus statistics").permutation(len(files))[:count]
    images = [np.asarray(square(Image.open(files[index]).convert("RGB"), size_px)) for index in sorted(order)]
    return np.stack(images).transpose(0, 3, 1, 2)[:, None]


def square(image: Image.Image, size_px: int) -> Image.Image:
    """The largest centred square, shrunk."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.resize((size_px, size_px), Image.Resampling.BOX, box=(left, top, left + side, top + side))


def row(name: str, count: int, found: Statistics) -> str:
    """One line of the table."""
    values = [getattr(found, field) for field in NAMES]
    digits = (2, 3, 3, 3, 2, 1, 1, 1)
    cells = ["" if math.isnan(value) else f"{value:.{places}f}" for value, places in zip(values, digits, strict=True)]
    return f"| {name} | {count} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
