"""What a page says of trainings: what was trained on, how an image comes about, the curves, what went into the weights.

Several trainings stand side by side; only what differs between them is in the table of settings.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from PIL import Image

from eval.figures import CurvePanel, draw_curves, svg_bytes
from eval.findings import REAL_IMAGES
from eval.pages.folder import RunFolder
from eval.published import process_chain
from eval.report import Block, Code, Facts, Figure, Note, Prose, Section, Table
from pretrain.config import PretrainConfig
from procgen.explain import draw_rows, explain
from procgen.preview import contact_sheet
from procgen.process import Process
from procgen.registry import make_process
from procmem.errors import UserError, WorkError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

SHEET_IMAGES, SHEET_COLUMNS, SHEET_IMAGE_PX = 24, 8, 112
IMAGES_A_PROGRAM = 2
"""Twelve programs for a sheet: compiling one takes a third of a second where none is cached."""
JPEG_QUALITY = 88
CURVES = {
    "loss": "loss",
    "entropy of the teacher's mean output, nats": "entropy_of_mean_teacher",
    "mean entropy of the teacher's outputs, nats": "mean_teacher_entropy",
    "spread of embeddings (0 is collapse)": "embedding_spread",
    "images per second": "images_per_second",
}
PROBE = "probe/knn_top1_accuracy/"
"""Column of metrics.csv, before the data set's name: what `eval.probe` measures, under `pretrain.callbacks`' prefix."""

OPERATORS = {
    "mixup": "the weighted mean of {num_images} images",
    "leaves": "colour clusters of one image decide where which of two others is seen",
    "cutmix": "a box of one image pasted into another",
    "union": "one of several processes, drawn for each image",
    "shaders": "a GLSL program with fresh parameters, evaluated at every pixel",
    "stylegan": "an untrained generator with structured random weights",
    "dead_leaves": "shapes dropped on each other until nothing is left uncovered",
}
"""What each step of a recipe does, in words."""


def training_sections(runs: Sequence[RunFolder]) -> list[Section]:
    """Sections on all trainings; none where there is none."""
    runs = [run for run in runs if run.is_training]
    if not runs:
        return []
    return [
        Section("What was trained", [*_provenance_blocks(runs), *_settings_blocks(runs)]),
        Section("What it was trained on", [block for run in runs for block in _image_blocks(run)]),
        Section("How training went", _curve_blocks(runs)),
    ]


def _provenance_blocks(runs: Sequence[RunFolder]) -> list[Block]:
    told = [run for run in runs if run.provenance is not None]
    if not told:
        return [Note("No provenance.json is here, so nothing can be said about what went into the weights.")]
    rows = list(zip(*(_provenance_facts(run) for run in told), strict=True))
    if len(told) == 1:
        facts: Block = Facts([(name, value) for ((name, value),) in rows])
    else:
        table = [(row[0][0], *(value for _, value in row)) for row in rows]
        caption = "Provenance; lines in which the runs differ are set off."
        facts = Table(("", *(run.name for run in told)), table, caption, marked_rows=_unequal(table))
    records = [Code(_compact(run.provenance), f"`{run.path / 'provenance.json'}`") for run in told]
    return [
        Prose("What went into the weights, as every checkpoint, memory and result of this encoder carries it."),
        facts,
        *records,
    ]


def _provenance_facts(run: RunFolder) -> list[tuple[str, object]]:
    record = run.provenance or {}
    seen = max((row.get("images", 0) for row in run.metrics.values()), default=0)
    return [
        ("real images", REAL_IMAGES.get(record.get("real_images", "unknown"), "unknown")),
        ("processes", processes_of(record)),
        ("images seen", f"{max(int(seen), record.get('images_seen', 0)):,}"),
        ("program set", (record.get("program_set_hash") or "none")[:16]),
        ("root seeds", ", ".join(f"{name} {seed}" for name, seed in record.get("seeds", {}).items()) or "none"),
        ("code", record.get("code_version") or "unknown"),
        ("notes", "; ".join(record.get("notes", ())) or "none"),
    ]


def processes_of(provenance: Mapping[str, Any]) -> str:
    """``mixup of leaves of shaders``."""
    chains = [process_chain(process).replace("/", " of ") for process in provenance.get("processes", ())]
    return ", ".join(chains) or "none"


def _settings_blocks(runs: Sequence[RunFolder]) -> list[Block]:
    told = [(run.name, _flat(run.recipe.to_dict())) for run in runs if run.recipe is not None]
    if len(told) < 2:
        return []
    names = list(dict.fromkeys(name for _, settings in told for name in settings))
    rows = [(f"`{name}`", *(str(settings.get(name, "–")) for _, settings in told)) for name in names]
    differing = [rows[i] for i in _unequal(rows)]
    if not differing:
        return [Prose("The runs have equal settings.")]
    return [Table(("setting", *(name for name, _ in told)), differing, "Settings in which the runs differ.")]


def _unequal(rows: Sequence[Sequence[object]]) -> list[int]:
    return [i for i, row in enumerate(rows) if len(set(row[1:])) > 1]


def _flat(value: Any, where: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {where: value}
    return {
        name: inner
        for key, item in value.items()
        for name, inner in _flat(item, f"{where}.{key}" if where else str(key)).items()
    }


def _image_blocks(run: RunFolder) -> list[Block]:
    if run.recipe is None:
        return [Note(f"`{run.path / 'config.yaml'}` is not there, so no image of `{run.name}` can be made again.")]
    try:
        made = _process(run.recipe)
        images = made.block(run.recipe.root_seed, 0)[:SHEET_IMAGES]
        steps = draw_rows(explain(made, run.recipe.root_seed, 0, 0))
        recipe = made.recipe(run.recipe.root_seed, 0, 0)
    except (UserError, WorkError, RuntimeError, OSError) as error:
        return [Note(f"The images of `{run.name}` cannot be made on this machine: {error}")]
    sheet = contact_sheet(images, columns=SHEET_COLUMNS)
    chain = process_chain(made.describe()).replace("/", " of ")
    caption = (
        f"`{run.name}`: images of its process ({chain}) with its root seed, made for this page in a block of "
        f"{len(images)}; the training's own blocks have {run.recipe.block_size:,} images."
    )
    return [
        Figure(jpeg(sheet), caption, wide=True),
        Prose(f"How the first of them came about. {_in_words(made.describe())}"),
        Figure(jpeg(steps), "Each row is one step: what went in, and on the right what came out.", wide=True),
        Code(_compact(recipe), "Its recipe (numbers cut to four digits): the same seed gives the same image, always."),
    ]


def _compact(value: Any) -> str:
    """Plain values as YAML whose innermost lists and mappings take one line each."""

    def cut(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {key: cut(item) for key, item in inner.items()}
        if isinstance(inner, list | tuple):
            return [cut(item) for item in inner]
        return float(f"{inner:.4g}") if isinstance(inner, float) else inner

    text: str = yaml.safe_dump(cut(value), default_flow_style=None, sort_keys=False, width=76)
    return text


def _process(recipe: PretrainConfig) -> Process:
    return make_process(
        recipe.process, image_size_px=SHEET_IMAGE_PX, block_size=SHEET_IMAGES, images_per_program=IMAGES_A_PROGRAM
    )


def _in_words(description: Any) -> str:
    """``{"mixup": {... "source": ...}}`` as sentences, last step first."""
    sentences = []
    inner = description
    while isinstance(inner, dict) and len(inner) == 1:
        ((name, settings),) = inner.items()
        words = OPERATORS.get(name)
        if words:
            sentences.append(f"`{name}`: {words.format(**settings) if isinstance(settings, dict) else words}.")
        inner = settings.get("source") if isinstance(settings, dict) else None
    return " ".join(sentences)


def draw_training(runs: Sequence[RunFolder]) -> MatplotlibFigure | None:
    """The curves of all trainings over each other; None where there are none."""
    told = [run for run in runs if run.metrics]
    panels = [_panel(title, name, told) for title, name in CURVES.items()]
    panels += [_panel(f"{_probe_title(name)}, 0..1", name, told) for name in _probes(told)]
    shown = [panel for panel in panels if panel.series]
    return draw_curves(shown) if shown else None


def _probes(runs: Sequence[RunFolder]) -> list[str]:
    names = (name for run in runs for row in run.metrics.values() for name in row if name.startswith(PROBE))
    return list(dict.fromkeys(names))


def _probe_title(name: str) -> str:
    return f"kNN top-1 on {name.removeprefix(PROBE)}"


def _curve_blocks(runs: Sequence[RunFolder]) -> list[Block]:
    told = [run for run in runs if run.metrics]
    if not told:
        return [Note("No metrics.csv is here, so there are no curves.")]
    blocks: list[Block] = []
    drawn, probes = draw_training(told), _probes(told)
    if drawn is not None:
        caption = (
            "Over images trained on. A collapse would show as a spread near 0 or as an entropy of the mean output near "
            "0; loss and mean entropy at ln K mean that nothing has been learned yet."
        )
        blocks.append(Figure(svg_bytes(drawn), caption, wide=True))
    if not probes:
        blocks.append(Note("No kNN probe was measured during training (`procmem pretrain --probe DATASET` does that)."))
    last = [(run.name, *_last(run, ("loss", "mean_teacher_entropy", "embedding_spread", *probes))) for run in told]
    header = (
        "run",
        "step",
        "images",
        "loss",
        "mean teacher entropy",
        "spread",
        *map(_probe_title, probes),
        "images/s, median",
    )
    blocks.append(Table(header, last, "Where each run stands."))
    return blocks


def _panel(title: str, name: str, runs: Sequence[RunFolder]) -> CurvePanel:
    series = {}
    for run in runs:
        points = [(row["images"], row[name]) for _, row in sorted(run.metrics.items()) if {name, "images"} <= set(row)]
        if points:
            series[run.name] = ([x for x, _ in points], [y for _, y in points])
    recipes = [run.recipe for run in runs if run.recipe is not None]
    reference = None
    if recipes and ("loss" in name or "entropy" in name):
        reference = ("ln K", float(np.log(recipes[0].num_targets)))
    return CurvePanel(title=title, x_label="images", series=series, reference=reference)


def _last(run: RunFolder, names: Iterable[str]) -> list[str]:
    steps = sorted(run.metrics)
    images = max((row.get("images", 0) for row in run.metrics.values()), default=0)
    latest = {name: value for step in steps for name, value in run.metrics[step].items()}
    speeds = [row["images_per_second"] for row in run.metrics.values() if "images_per_second" in row]
    cells = [f"{latest[name]:.4g}" if name in latest else "–" for name in names]
    return [f"{steps[-1]:,}", f"{images:,.0f}", *cells, f"{np.median(speeds):,.0f}" if speeds else "–"]


def jpeg(picture: Image.Image) -> bytes:
    """A picture small enough for a page."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()
