"""The demo's page: what was found, in the order of the story, with nothing claimed that was not measured."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import numpy as np
import torch

from eval.comparison import compare
from eval.figures import CurvePanel, SheetRow, accuracy_bars, curves, neighbor_sheet, patch_pictures, sheet_rows
from eval.patch_pca import pca_colors
from eval.report import Block, Code, Facts, Figure, Note, Prose, ReportContext, Section, Table
from eval.statistics import Difference
from eval.tables import comparison_tables, headline_table
from pretrain.encoder import load_encoder
from procgen.preview import contact_sheet
from procmem.demo_findings import Findings
from procmem.provenance import code_version

PAPER_IMAGES = 130_000_000
"""100 epochs of 1.3 M images (Rodriguez-Munoz et al. 2025, appendix A)."""
NUM_SHEET_QUERIES = 6
NUM_SHEET_NEIGHBORS = 5
NUM_PATCH_IMAGES = 6
HOURS_A_DAY = 24
SECONDS_AN_HOUR = 3600

METHOD = {
    "shaders": "one GLSL program with fresh parameters",
    "shaders_mixup": "six of them, a random convex combination",
    "shaders_kml": "k-means leaves: one image's two colour clusters join two other images",
    "shaders_kml_mixup": "the mean of two such images: what this network was trained on",
}


def report_of(findings: Findings, run: Path) -> ReportContext:
    """Everything that the page says.

    Args:
        findings: of the demo.
        run: the demo's folder, for the commands.
    """
    return ReportContext(
        title="Eyes trained on no real image, knowledge in a memory you can edit",
        summary=" ".join(
            f"{verdict(name, gain, findings)} {white_box(name, findings)}" for name, gain in findings.gains().items()
        ),
        facts=_key_facts(findings),
        sections=[
            _images(findings),
            _training(findings),
            _comparison(findings),
            *_longer_training(findings),
            _neighbors(findings),
            _patches(findings),
            _audit(findings),
            _removal(findings),
            _provenance(findings),
            _timings(findings, run),
        ],
        colophon=f"procmem {code_version()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
    )


def verdict(dataset: str, gain: Difference, findings: Findings) -> str:
    """One sentence on whether training has beaten the untrained network; a win only where the interval excludes 0."""
    points = f"{100 * gain.value:+.1f} points (95 % interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    if gain.low > 0:
        return f"On {dataset} the trained encoder beats the same network untrained: {points}."
    images = findings.training.completed_steps * findings.config.optimization.batch_size
    sentence = (
        f"On {dataset} training has not beaten the untrained network in this budget of {images:,} images: {points}."
    )
    speed = findings.training.images_per_second or _mean_speed(findings)
    if speed <= 0:
        return sentence
    days = PAPER_IMAGES / speed / SECONDS_AN_HOUR / HOURS_A_DAY
    return (
        f"{sentence} The paper trains a larger network on {PAPER_IMAGES:,} images, "
        f"{PAPER_IMAGES / images:,.0f} times as many; this small one would take {days:,.1f} days for them at the "
        f"{speed:,.0f} images a second measured here."
    )


def white_box(dataset: str, findings: Findings) -> str:
    """One sentence on what needs no network at all, so that nobody mistakes a gain over noise for sight."""
    shipped = findings.shipped(dataset)
    trained, _, *others = [number.result for number in findings.headlines(dataset) if number not in shipped]
    accuracies = [f"{100 * other.value:.1f} % by {other.encoder}" for other in others]
    own = 100 * trained.value
    baselines = " and ".join(accuracies)
    return f"The trained encoder answers {own:.1f} % of the queries rightly; without any network it is {baselines}."


def _key_facts(findings: Findings) -> list[tuple[str, object]]:
    audit = findings.audit
    return [
        ("images trained on", f"{findings.training.provenance.images_seen:,}, all procedural"),
        (
            "real images in the weights",
            "none" if findings.training.provenance.real_images is False else "see provenance",
        ),
        ("entries in the memory", f"{audit.memory_size:,}"),
        ("entries whose removal changes an answer", f"{audit.num_non_private:,} ({audit.fraction_non_private:.1%})"),
        ("wall-clock time", f"{sum(findings.seconds.values()):,.0f} s"),
    ]


def _images(findings: Findings) -> Section:
    sheets = list(findings.sheets.values())
    sheet = contact_sheet(torch.cat(sheets), columns=len(sheets[0]))
    rows = "; ".join(f"row {i}, {name}: {METHOD[name]}" for i, name in enumerate(findings.sheets, start=1))
    return Section(
        "What it was trained on",
        [
            Prose(
                "No photograph enters the training. Images are rendered from GLSL programs with random parameters and "
                "mixed. A root seed and a sample index fix every one of them, so any can be made again."
            ),
            Figure(_jpeg(sheet), rows[0].upper() + rows[1:] + ".", wide=True),
        ],
    )


def _training(findings: Findings) -> Section:
    metrics = findings.training.metrics
    config = findings.config

    def series(name: str, label: str) -> dict[str, tuple[list[float], list[float]]]:
        points = [(row["images"], row[name]) for _, row in sorted(metrics.items()) if name in row and "images" in row]
        return {label: ([x for x, _ in points], [y for _, y in points])}

    plateau = float(np.log(config.num_targets))
    panels = [
        CurvePanel(title="loss", x_label="images", series=series("loss", "loss"), reference=("uniform: ln K", plateau)),
        CurvePanel(
            title="entropy of the teacher's outputs, nats",
            x_label="images",
            series=series("entropy_of_mean_teacher", "of the mean output")
            | series("mean_teacher_entropy", "mean over outputs"),
            reference=("ln K", plateau),
        ),
        CurvePanel(
            title="spread of embeddings (0 is collapse)", x_label="images", series=series("embedding_spread", "")
        ),
        CurvePanel(title="images per second", x_label="images", series=series("images_per_second", "")),
    ]
    panels = [panel for panel in panels if any(x for x, _ in panel.series.values())]
    patches = f" with patches of {size} px" if (size := config.backbone.patch_size_px) else ""
    is_dino = config.loss.objective == "dino"
    blocks: list[Block] = [
        Prose(
            f"{'DINO' if is_dino else 'The contrastive objective'} on `{config.backbone.name}`{patches}, "
            f"{config.crops.num_local_crops} local and {config.crops.num_global_crops} global crops, "
            f"{f'{config.num_targets:,} prototypes' if is_dino else f'{config.num_targets} images to tell apart'}, "
            f"{findings.training.completed_steps:,} steps of {config.optimization.batch_size} images."
        ),
        Figure(curves(panels), "A collapse would show as a spread near 0, or as an entropy of the mean output near 0."),
    ]
    blocks += [Note(warning) for warning in findings.training.warnings]
    return Section("Training", blocks)


def _comparison(findings: Findings) -> Section:
    blocks: list[Block] = [
        Prose(
            "Each encoder embeds the same real images; the training images become the memory, the validation images "
            "ask it. `random:` is the same network with its initial weights, `pixels` and `histogram` need no network. "
            "k is chosen on the memory alone, each entry left out in turn; ± is one standard error over queries."
        )
    ]
    for name in findings.datasets():
        headlines = findings.headlines(name)
        results = [number.result for number in headlines]
        num_classes = findings.num_classes[name]
        bars = accuracy_bars(
            [result.encoder for result in results],
            [result.value for result in results],
            [result.standard_error for result in results],
            chance=1 / num_classes,
        )
        for i, table in enumerate([headline_table("knn", headlines), *comparison_tables("knn", headlines)]):
            own = 0 if i == 0 else None  # only the first has a row for the encoder itself
            blocks.append(Table(table.header, table.rows, f"{table.title}. {' '.join(table.notes)}", marked_row=own))
        blocks.append(Figure(bars, f"{name}: accuracy and chance ({num_classes} classes)."))
    return Section("What the eyes are worth", blocks)


def _longer_training(findings: Findings) -> list[Section]:
    """What the encoders that come with procmem add to a training of minutes; nothing where none comes with it."""
    rows = []
    for dataset in findings.datasets():
        own = findings.headlines(dataset)[0]
        for number in findings.shipped(dataset):
            gain = compare(number.score(), own.score()).difference
            rows.append(
                (
                    number.result.encoder,
                    f"{number.result.provenance['images_seen']:,}",
                    dataset,
                    f"{100 * number.result.value:.1f} ± {100 * number.result.standard_error:.1f}",
                    f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]",
                )
            )
    if not rows:
        return []
    said = (
        "The training above took minutes. This encoder came with the code: the same kind of images, more of them. It "
        "is loaded by name (`procmem:NAME`) and serves every command that takes an encoder. Where features are written "
        "behind the name, the same network is read at earlier blocks; any encoder can be, yours too "
        "(`docs/encoders.md`). What it can and cannot do is measured in `docs/evidence.md`."
    )
    header = ("encoder", "images seen", "data set", "top-1 %", "more than yours, points, 95 %")
    return [Section("What a longer training sees", [Prose(said), Table(header, rows, "Same queries, same memories.")])]


def _neighbors(findings: Findings) -> Section:
    embedded = findings.embedded
    queries, entries = embedded.dataset.val, embedded.dataset.train
    positions = np.linspace(0, len(queries) - 1, NUM_SHEET_QUERIES).astype(int).tolist()
    # an entry's id is its position: the memory was made from the set in its order
    rows = sheet_rows(queries, entries, findings.neighbors, positions, NUM_SHEET_NEIGHBORS)
    caption = (
        "A query (left) and the five entries of the memory nearest to it, for queries at even distances through the "
        "validation set. A tick and a solid frame: the entry is of the query's class. Numbers are cosine similarities."
    )
    return Section("What it finds alike", [Figure(neighbor_sheet(rows), caption)])


def _patches(findings: Findings) -> Section:
    val = findings.embedded.dataset.val
    names = [number.result.encoder for number in findings.headlines(findings.datasets()[0])[:2]]
    chosen = np.linspace(0, len(val) - 1, NUM_PATCH_IMAGES + 2).astype(int)[1:-1]
    colors, squares = {}, torch.empty(0)
    for label, name in zip(("trained", "untrained"), names, strict=True):
        # Four times the size it was trained at: sixteen times the patches to see.
        encoder = load_encoder(name)
        encoder = load_encoder(name, image_size_px=4 * encoder.image_size_px)
        squares = torch.stack([encoder.transform(val.image(int(i))) for i in chosen])
        colors[label] = pca_colors(encoder.patch_tokens(squares))
    pictures = [square.permute(1, 2, 0).numpy() for square in squares]
    caption = (
        f"Patch tokens of {val.name} images at four times the training size, their first three principal components "
        "(per image) as red, green and blue. Patches of one colour are alike to the encoder."
    )
    return Section("What it tells apart", [Figure(patch_pictures(pictures, colors), caption)])


def _audit(findings: Findings) -> Section:
    audit = findings.audit
    effects = audit.effects()
    return Section(
        "What each entry changes",
        [
            Prose(
                "An entry is leave-one-out private if taking it out changes no answer to any query. This is "
                "exact: every removal of a neighbour is voted again. It is a count over these queries and not "
                "differential privacy, and it grows with the number of queries."
            ),
            Facts(
                [
                    ("entries", f"{audit.memory_size:,}"),
                    ("queries", f"{len(audit.predictions):,}, k = {audit.k}, {audit.voting.rule} voting"),
                    ("entries that change an answer", f"{audit.num_non_private:,} ({audit.fraction_non_private:.2%})"),
                    ("pairs of entry and changed answer", f"{audit.num_flips:,}"),
                    ("of these, the entry keeps a right answer right", f"{np.count_nonzero(effects == 1):,}"),
                    (
                        "of these, the entry keeps a wrong answer from being right",
                        f"{np.count_nonzero(effects == -1):,}",
                    ),
                    ("queries that one entry decides", f"{np.count_nonzero(audit.deciding_neighbors()):,}"),
                ]
            ),
        ],
    )


def _removal(findings: Findings) -> Section:
    change, receipt = findings.change, findings.receipt
    blocks: list[Block] = []
    if change is None:
        blocks.append(Note("No single entry changes any answer here, so one was erased without a change to show."))
    else:
        blocks += [
            Prose(
                f"Entry {change.entry_id} (`{change.entry_uri}`) was removed. The answer for `{change.query_uri}`, "
                f"truly {change.true_class}, changed from {change.before} to {change.after}, as the audit had "
                f"foretold; in all {change.queries_changed} of {len(findings.audit.predictions):,} answers changed."
            ),
            Figure(_removal_picture(findings), "The query, and the entry that decided it."),
        ]
    blocks += [
        Prose("Then it was erased: deleted, the store compacted, earlier versions dropped, every file scanned."),
        Facts(
            [
                ("its bytes found before", f"{receipt.found_before} of {len(receipt.erased)}"),
                ("its bytes found after, identical twins aside", "0"),
                ("identical twins that remain", f"{sum(len(ids) for ids in receipt.twins.values())}"),
                ("files scanned", f"{len(receipt.files_scanned)}"),
                ("versions dropped", f"{len(receipt.versions_dropped)}"),
                ("derived files deleted", f"{len(receipt.artefacts_deleted)}"),
                ("signed with Ed25519 by", f"key {receipt.public_key[:8]}…"),
            ]
        ),
    ]
    return Section("Taking one entry out", blocks)


def _removal_picture(findings: Findings) -> bytes:
    change, embedded = findings.change, findings.embedded
    dataset = embedded.dataset
    assert change is not None
    names = dataset.train.class_names
    position = dataset.train.uris.index(change.entry_uri)
    entry_class = names[dataset.train.labels[position]]
    row = SheetRow(
        query=dataset.val.image(change.query_row).convert("RGB"),
        caption=change.true_class,
        neighbors=[dataset.train.image(position).convert("RGB")],
        neighbor_captions=[entry_class],
        similarities=[float(embedded.val.values[change.query_row] @ embedded.train.values[position])],
        is_right=[entry_class == change.true_class],
    )
    return neighbor_sheet([row])


def _provenance(findings: Findings) -> Section:
    record = findings.training.provenance.to_dict()
    return Section(
        "Provenance",
        [
            Prose("What went into the weights, as every checkpoint carries it."),
            Code(json.dumps(record, indent=2), "provenance.json"),
        ],
    )


def _timings(findings: Findings, run: Path) -> Section:
    rows = [(step, f"{seconds:.1f}") for step, seconds in findings.seconds.items()]
    embedded = findings.embedded
    num_images = len(embedded.train.labels) + len(embedded.val.labels)
    speed = num_images / max(embedded.train.seconds + embedded.val.seconds, 1e-9)
    return Section(
        "Time and commands",
        [
            Table(["step", "seconds"], rows, "Wall-clock time on this machine; a continued run shows the last part."),
            Facts(
                [
                    ("training, images per second", f"{_mean_speed(findings):,.0f}"),
                    ("decoding and embedding real images, per second", f"{speed:,.0f}"),
                ]
            ),
            Code(
                "procmem demo\n"
                f"procmem pretrain --config cpu_demo --run {run / 'training'}\n"
                f"procmem eval --encoders {run / 'training'} random:{run / 'training'} pixels histogram",
                "The whole demo, and two of its steps alone",
            ),
        ],
    )


def _mean_speed(findings: Findings) -> float:
    speeds = [row["images_per_second"] for row in findings.training.metrics.values() if "images_per_second" in row]
    return float(np.median(speeds)) if speeds else 0.0


def _jpeg(sheet: object) -> bytes:
    buffer = io.BytesIO()
    sheet.save(buffer, format="JPEG", quality=90)  # type: ignore[attr-defined]
    return buffer.getvalue()
