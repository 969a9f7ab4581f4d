"""Tables of kNN trials: rows for a report, Markdown for a terminal.

Each encoder is compared with the first one query by query; a bare difference of two accuracies is never printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eval.images import LabelledImages
from eval.knn import KnnScore
from eval.statistics import Difference, paired_difference
from eval.suite import Trial
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.provenance import RealImages

HEADER = ("encoder", "real images", "k", "top-1 %", "best k on val*", "first minus this, 95 %", "p")
REAL_IMAGES: dict[RealImages, str] = {True: "yes", False: "none", "unknown": "unknown"}


def compare(first: Trial, second: Trial, seed: int = 0) -> Difference:
    """Accuracy of `first` minus that of `second` on the same queries, each at its own chosen k.

    Raises:
        UserError: if the two did not answer the same queries.
    """
    if first.val.uris != second.val.uris:
        raise UserError(f"{first.card.name!r} and {second.card.name!r} did not answer the same queries")
    chance = generator(seed, "compare", first.card.fingerprint, second.card.fingerprint)
    return paired_difference(first.outcome.correct, second.outcome.correct, chance)


def summary_rows(trials: Sequence[Trial]) -> list[tuple[str, ...]]:
    """Rows under `HEADER` for the trials of one data set; the first trial is what the others are compared with."""
    rows: list[tuple[str, ...]] = []
    for trial in trials:
        chosen, best = trial.outcome.chosen, trial.outcome.best_on_val
        difference, p_value = "", ""
        if trial is not trials[0]:
            paired = compare(trials[0], trial)
            difference = f"{100 * paired.value:+.1f} [{100 * paired.low:+.1f}, {100 * paired.high:+.1f}]"
            p_value = f"{paired.p_value:.1g}"
        rows.append(
            (
                trial.card.name,
                REAL_IMAGES[trial.card.provenance.real_images],
                str(chosen.k),
                percent(chosen),
                f"{100 * best.top1_accuracy:.1f} ({best.rule}, {best.k})",
                difference,
                p_value,
            )
        )
    return rows


def percent(score: KnnScore) -> str:
    """``31.4 ± 0.6``: accuracy and one standard error, in percent."""
    return f"{100 * score.top1_accuracy:.1f} ± {100 * score.standard_error:.1f}"


def markdown_summary(trials: Sequence[Trial]) -> str:
    """One table a data set, with what was measured above it and what must be known below."""
    parts = []
    for name in dict.fromkeys(trial.dataset.name for trial in trials):
        own = [trial for trial in trials if trial.dataset.name == name]
        train, val = own[0].dataset.train, own[0].dataset.val
        sizes = f"{_described(train, 'entries')}, {_described(val, 'queries')}, {len(train.class_names)} classes"
        parts.append(f"{name}: {sizes}\n\n{markdown_table(HEADER, summary_rows(own))}\n")
    parts.append(
        "k by leave-one-out on the memory, softmax voting; ± one standard error over queries.\n"
        "* picked on the queries themselves, as the papers do: optimistic.\n"
        "Differences are paired over queries (bootstrap interval, exact McNemar p).\n"
    )
    return "".join(parts)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table whose columns line up in a terminal too; every column but the first is set right."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in ([*header], *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first, *others = row
        padded = [first.ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(cells[0]), f"| {' | '.join(rule)} |", *map(line, cells[1:])]) + "\n"


def _described(images: LabelledImages, noun: str) -> str:
    return f"{len(images)} {noun}" + (f" ({images.drawn})" if images.drawn else "")
