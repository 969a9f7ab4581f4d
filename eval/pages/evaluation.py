"""What a page says of evaluations: tables beside the papers', bars, and what the tasks drew, encoder beside encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from eval.charts import Point, draw_bars, draw_scatter
from eval.figures import svg_bytes
from eval.findings import REAL_IMAGES, Finding, column_key, columns_of, dataset_name, encoders_of, grid_of
from eval.pages.folder import RunFolder
from eval.pages.training import jpeg, processes_of
from eval.report import Block, Figure, Note, Prose, Section, Table
from eval.tables import ResultTable, comparison_tables, headline_table, paper_tables, selection_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

LARGEST_PICTURES_BYTES = 9_000_000
"""Of all pictures of the tasks together; a page must stay below 15 MB, and base64 adds a third."""
LARGEST_SIDE_PX = 1400
FEWEST_FOR_A_SCATTER = 3
SERIES: dict[str, tuple[str, str, dict[str, str]]] = {
    "knn": ("k", "k, softmax voting", {"selection": "none", "rule": "softmax"}),
    "few_shot": ("shots_per_class", "images a class, kNN", {"classifier": "knn"}),
    "scaling": ("memory_size", "entries in the memory", {}),
    "lifelong": ("memory_size", "entries in the memory", {}),
    "label_corruption": ("corrupted_share", "share of wrong labels", {}),
}
"""Kind of task -> the setting along the x axis, its name, and the settings that are held fixed."""


def evaluation_sections(runs: Sequence[RunFolder]) -> list[Section]:
    """Sections on all evaluations together; none where there is none."""
    findings = [finding for run in runs for finding in run.findings]
    not_measured = [one for run in runs for one in run.not_measured]
    if not findings and not not_measured:
        return []
    return [
        section
        for section in (
            _encoders(findings),
            *(_kind(kind, findings) for kind in dict.fromkeys(finding.result.task for finding in findings)),
            _papers(findings),
            _pictures(findings),
            _absent(not_measured),
        )
        if section.blocks
    ]


def table_block(table: ResultTable) -> Table:
    """A table of results as a block of a page, ours set off from the papers'."""
    marked = range(table.num_marked) if table.num_marked is not None else ()
    title = f"{table.title}{'' if table.title.endswith('.') else '.'}"
    return Table(table.header, table.rows, " ".join([title, *table.notes]), marked_rows=tuple(marked))


def _encoders(findings: Sequence[Finding]) -> Section:
    rows = []
    for encoder, label in encoders_of(findings).items():
        result = next(finding.result for finding in findings if finding.encoder == encoder)
        record, size = result.provenance, result.preprocessing.get("image_size_px", "")
        rows.append(
            (
                label,
                REAL_IMAGES.get(record.get("real_images", "unknown"), "unknown"),
                processes_of(record),
                f"{record.get('images_seen', 0):,}",
                str(size),
                encoder[1][:12],
            )
        )
    header = ("encoder", "real images", "trained on", "images seen", "side, px", "fingerprint")
    machines = dict.fromkeys(
        f"{f.result.machine.get('gpu') or f.result.machine.get('processor')}, {f.result.machine.get('cores')} cores, "
        f"torch {f.result.machine.get('torch')}, procmem {f.result.code_version}"
        for f in findings
    )
    blocks: list[Block] = [Table(header, rows, f"What was compared, on {'; '.join(machines)}.")] if rows else []
    return Section("The encoders", blocks)


def _kind(kind: str, findings: Sequence[Finding]) -> Section:
    own = [finding for finding in findings if finding.result.task == kind]
    headlines = [finding for finding in own if finding.result.headline]
    tables = [headline_table(kind, headlines)] if headlines else []
    tables += [*comparison_tables(kind, headlines), *selection_tables(own)]
    blocks: list[Block] = [table_block(table) for table in tables]
    drawn = draw_kind(kind, findings)
    if drawn is not None:
        caption = (
            f"{kind}: ± one standard error. A heavy line across a bar is the paper's number for an encoder made the "
            "same way."
        )
        blocks.insert(1, Figure(svg_bytes(drawn), caption, wide=True))
    for data, series in draw_series(kind, findings).items():
        caption = f"{kind} on {data}: accuracy by {SERIES[kind][1]}, ± one standard error."
        blocks.append(Figure(svg_bytes(series), caption))
    return Section(kind.replace("_", " "), blocks)


def draw_series(kind: str, findings: Sequence[Finding]) -> dict[str, MatplotlibFigure]:
    """Data set -> accuracy by what the task varies (k, entries, images a class, wrong labels), all encoders."""
    if kind not in SERIES:
        return {}
    name, x_label, fixed = SERIES[kind]
    drawn: dict[str, dict[str, list[Point]]] = {}
    labels = encoders_of(findings)
    own = [f for f in findings if f.result.task == kind and f.result.metric == "top1_accuracy"]
    for finding in own:
        result = finding.result
        if name not in result.config or any(result.config.get(key) != value for key, value in fixed.items()):
            continue
        data = dataset_name(result.settings, result.dataset)
        point = Point(x=result.config[name], y=100 * result.value, y_error=100 * result.standard_error)
        drawn.setdefault(data, {}).setdefault(labels[finding.encoder], []).append(point)
    return {
        data: draw_scatter(points, x_label, f"top-1 % on {data}", log_x=name != "corrupted_share", joined=True)
        for data, points in drawn.items()
        if any(len(one) > 1 for one in points.values())
    }


def draw_kind(kind: str, findings: Sequence[Finding]) -> MatplotlibFigure | None:
    """Bars of the headline numbers of one kind of task; None where they have no common unit."""
    headlines = [finding for finding in findings if finding.result.headline and finding.result.task == kind]
    shares = [finding for finding in headlines if finding.is_share]
    drawn = shares or (headlines if len({finding.result.metric for finding in headlines}) == 1 else [])
    return draw_bars(drawn) if drawn else None


def _papers(findings: Sequence[Finding]) -> Section:
    blocks: list[Block] = [table_block(table) for table in paper_tables(findings)]
    scatter = _scatter([finding for finding in findings if finding.result.headline and finding.is_share])
    return Section("Beside the papers", [*blocks, *scatter])


def _scatter(headlines: Sequence[Finding]) -> list[Block]:
    """The two columns that most encoders have, against each other: does what is good at one do well at the other?"""
    columns, grid = columns_of(headlines), grid_of(headlines)
    encoders = encoders_of(headlines)
    counts = {column: sum((encoder, column) in grid for encoder in encoders) for column in columns}
    kinds: dict[str, tuple[str, str, str]] = {}
    for finding in headlines:  # the first column of each kind of task
        kinds.setdefault(finding.result.task, column_key(finding))
    chosen = [column for column in kinds.values() if counts[column] >= FEWEST_FOR_A_SCATTER][:2]
    if len(chosen) < 2:
        return []
    points = {}
    for encoder, label in encoders.items():
        if all((encoder, column) in grid for column in chosen):
            x, y = (grid[encoder, column].result for column in chosen)
            points[label] = [
                Point(x=100 * x.value, y=100 * y.value, x_error=100 * x.standard_error, y_error=100 * y.standard_error)
            ]
    if len(points) < FEWEST_FOR_A_SCATTER:
        return []
    labels = [f"{columns[column]}, %" for column in chosen]
    return [Figure(svg_bytes(draw_scatter(points, *labels)), "One task against another, one mark an encoder.")]


def _pictures(findings: Sequence[Finding]) -> Section:
    """What the tasks drew, task by task, one encoder below the other; the first ones where they are too many."""
    labels = encoders_of(findings)
    blocks: list[Block] = []
    size = left_out = 0
    seen = set()
    for finding in findings:
        key = (finding.folder, finding.result.record)
        if key in seen:
            continue
        seen.add(key)
        for name, path in finding.pictures().items():
            if size > LARGEST_PICTURES_BYTES:
                left_out += 1
                continue
            try:
                with Image.open(path) as picture:
                    picture.thumbnail((LARGEST_SIDE_PX, LARGEST_SIDE_PX))
                    content = jpeg(picture)
            except (OSError, UnidentifiedImageError) as error:
                blocks.append(Note(f"`{path}` cannot be shown: {error}"))
                continue
            size += len(content)
            result = finding.result
            what = f"{result.task} on {dataset_name(result.settings, result.dataset)}"
            blocks.append(Figure(content, f"{what}, `{labels[finding.encoder]}`: {name}.", wide=True))
    if left_out:
        blocks.append(Note(f"{left_out} more pictures are in the run folder, under `records/`."))
    if blocks:
        blocks.insert(0, Prose("Drawn by the tasks. A tick marks what is right, a cross what is wrong."))
    return Section("Pictures", blocks)


def _absent(not_measured: Sequence[dict[str, str]]) -> Section:
    blocks: list[Block] = [
        Note(f"{one.get('task') or 'every task'}, {one.get('encoder') or 'every encoder'}: {one.get('reason', '')}")
        for one in not_measured
    ]
    return Section("Not measured", blocks)
