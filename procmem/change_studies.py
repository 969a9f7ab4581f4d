"""Studies of a memory that changes: classes, samples and owners come and go, labels are wrong, the memory grows.

Letters: N entries, Q queries, S steps.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.figures import CurvePanel
from memory.corruption import PAPER_SHARES, corruption_curve
from memory.lifelong import by_group, by_sample, follow
from memory.scaling import measure_scaling, spread_sizes
from procmem.errors import UserError
from procmem.study_findings import DEEPEST, Study, few_rows, plain_number, points
from procmem.study_subject import Subject


def study_classes(subject: Subject) -> Study:
    """Class-incremental, and insertion of a tenth of the classes into the others."""
    order = subject.rng("classes").permutation(np.unique(subject.labels)).tolist()
    curve = _follow(subject, by_group(subject.labels, order, at_once=max(1, len(order) // 20)))
    num_new = max(1, len(order) // 10)
    insertion = _follow(subject, by_group(subject.labels, order[:num_new])) if num_new < len(order) else curve
    old = ~np.isin(subject.query_labels, order[:num_new])
    rows = few_rows(
        zip(
            curve.num_classes.tolist(),
            curve.num_entries.tolist(),
            curve.known_accuracy(),
            curve.accuracy(),
            strict=True,
        )
    )
    return Study(
        title=f"classes come in one after the other (k = {subject.k}, {subject.rule})",
        header=("classes", "entries", "accuracy on known classes", "accuracy on all"),
        rows=rows,
        panels=[
            CurvePanel(
                title="class-incremental",
                x_label="classes in memory",
                series={
                    "known classes": points(curve.num_classes, curve.known_accuracy()),
                    "all queries": points(curve.num_classes, curve.accuracy()),
                },
            ),
            CurvePanel(
                title=f"{num_new} new classes into {len(order) - num_new}",
                x_label="classes in memory",
                series={
                    "queries of old classes": points(insertion.num_classes, insertion.accuracy(old)),
                    "of new classes": points(insertion.num_classes, insertion.accuracy(~old)),
                },
            ),
        ],
        numbers={
            "new_classes": num_new,
            "drift_of_old_classes": plain_number(insertion.drift(old)[-1]),
            "accuracy_of_new_classes": plain_number(insertion.accuracy(~old)[-1]),
        },
    )


def study_samples(subject: Subject) -> Study:
    """Sample-incremental; read from the end, removal down to one entry a class."""
    largest = int(np.bincount(subject.labels).max())
    sizes = [size for size in (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000) if size < largest]
    steps = by_sample(subject.labels, subject.rng("samples"), sizes=sizes or None)
    curve = _follow(subject, steps)
    most = [int(np.bincount(subject.labels[steps <= step]).max()) for step in range(len(curve.num_entries))]
    return Study(
        title=f"every class grows; read upwards: shrinks (k = {subject.k}, {subject.rule})",
        header=("most entries a class", "entries", "accuracy"),
        rows=list(zip(most, curve.num_entries.tolist(), curve.accuracy().tolist(), strict=True)),
        panels=[
            CurvePanel(
                title="sample-incremental",
                x_label="most entries a class",
                series={"accuracy": points(most, curve.accuracy())},
            )
        ],
    )


def study_owners(subject: Subject) -> Study:
    """Owners come in one after the other; read from the end, they leave."""
    if None in subject.owners:
        raise UserError("the study 'owners' needs an owner for every entry of the memory")
    order = [subject.owners[row] for row in subject.rng("owners").permutation(len(subject.owners))]
    curve = _follow(subject, by_group(subject.owners, list(dict.fromkeys(order))))
    owners = np.arange(1, len(curve.num_entries) + 1)
    return Study(
        title=f"owners come in one after the other; read upwards: leave (k = {subject.k}, {subject.rule})",
        header=("owners", "entries", "accuracy"),
        rows=few_rows(zip(owners.tolist(), curve.num_entries.tolist(), curve.accuracy(), strict=True)),
        panels=[
            CurvePanel(
                title="by owner", x_label="owners in memory", series={"accuracy": points(owners, curve.accuracy())}
            )
        ],
    )


def study_corruption(subject: Subject) -> Study:
    """Accuracy with 0 to 90 % random labels, at the chosen k and the deepest, rule rank."""
    deep = subject.search(DEEPEST)
    curves = {
        f"k = {k}": corruption_curve(
            deep.first(k), subject.query_labels, subject.ids, subject.labels,
            num_classes=len(subject.class_names), rng=subject.rng("corruption"),
        )
        for k in sorted({1, min(subject.k, deep.num_neighbors), deep.num_neighbors})
    }  # fmt: skip
    return Study(
        title="share of random labels in the memory, rule rank",
        header=("share", *curves),
        rows=[(share, *(float(c[row]) for c in curves.values())) for row, share in enumerate(PAPER_SHARES)],
        panels=[
            CurvePanel(
                title="label corruption",
                x_label="share of labels drawn at random",
                series={name: points(PAPER_SHARES, curve) for name, curve in curves.items()},
            )
        ],
    )


def study_scaling(subject: Subject) -> Study:
    """Error against memory size with the law of the Visual memory paper."""
    sizes = spread_sizes(len(subject.ids))
    law = measure_scaling(
        subject.queries, subject.query_labels, subject.entries, subject.labels,
        sizes=sizes, k=subject.k, rng=subject.rng("scaling"), voting=subject.rule, device=subject.device,
    )  # fmt: skip
    fitted = law.predicted_error_percent(law.sizes)
    return Study(
        title=f"error by memory size (k = {subject.k}, {subject.rule})",
        header=("entries", "error %", "law %"),
        rows=list(zip(sizes, law.error_percent.tolist(), fitted.tolist(), strict=True)),
        panels=[
            CurvePanel(
                title="scaling",
                x_label="log10(log10(entries))",
                series={
                    "log10(error %)": points(
                        np.log10(np.log10(law.sizes)), np.log10(np.maximum(law.error_percent, 1e-3))
                    ),
                    "law": points(np.log10(np.log10(law.sizes)), np.log10(fitted)),
                },
            )
        ],
        numbers={"law": None if law.line is None else dataclasses.asdict(law.line)},
    )


def _follow(subject: Subject, steps: npt.NDArray[np.int64]) -> Any:
    return follow(
        subject.queries, subject.query_labels, subject.entries, subject.labels, steps,
        k=subject.k, voting=subject.rule, ids=subject.ids, device=subject.device,
    )  # fmt: skip
