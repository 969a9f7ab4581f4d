"""Tables of an audit: which entries decide which queries, and how often by class, owner or any other grouping.

A fraction of non-private entries says little alone: it grows with the number of queries and with accuracy. So it is
given beside the number of queries, per query, and relative to the entries that any query reached at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import LeaveOneOutResult
from procmem.errors import UserError

FLIP_COLUMNS = ("rule", "k", "entry_id", "entry_uri", "query", "from_class", "to_class", "effect")
EFFECTS = {1: "helpful", -1: "harmful", 0: "neutral"}
NO_PREDICTION = "(none)"


def relative_counts(result: LeaveOneOutResult) -> dict[str, float]:
    """Non-private entries per query, and as a share of the entries among the first k + 1 of any query."""
    return {
        "num_reached": len(result.reached_ids),
        "non_private_per_query": result.num_non_private / max(1, len(result.predictions)),
        "fraction_non_private_of_reached": result.num_non_private / max(1, len(result.reached_ids)),
    }


def influential_entries(
    result: LeaveOneOutResult, query_uris: Sequence[str], class_names: Sequence[str], count: int
) -> list[dict[str, object]]:
    """The entries that decide most queries, with those queries, in plain JSON types.

    Args:
        result: of an audit.
        query_uris: (Q,) name of each query.
        class_names: (C,) name of each class.
        count: most entries; of equals, those with smaller ids.
    """
    ids, flips = result.flips_per_entry()
    order = np.argsort(-flips, kind="stable")[:count]
    rows: list[dict[str, object]] = []
    for entry in ids[order].tolist():
        own = np.flatnonzero(result.entry_ids == entry)
        decided = [
            {
                "query": query_uris[int(result.query_rows[flip])],
                "from": class_names[int(result.from_classes[flip])],
                "to": class_name(class_names, int(result.to_classes[flip])),
            }
            for flip in own
        ]
        rows.append({"id": entry, "num_queries": len(own), "queries": decided})
    return rows


def rates_by_group(
    result: LeaveOneOutResult, entry_ids: npt.NDArray[np.int64], entry_groups: Sequence[str | None]
) -> list[dict[str, object]]:
    """How many entries of each class, owner or data set are non-private, and what their flips do.

    Args:
        result: of an audit.
        entry_ids: (N,) ascending ids of all entries.
        entry_groups: (N,) group of each; None belongs to none.

    Returns:
        One row a group, by name, in plain JSON types; helpful and harmful flips where the audit had query labels.

    Raises:
        UserError: if the columns do not describe the audited memory.
    """
    if len(entry_ids) != len(entry_groups) or len(entry_ids) != result.memory_size:
        raise UserError(
            f"the audited memory has {result.memory_size} entries; received {len(entry_ids)} ids and "
            f"{len(entry_groups)} groups"
        )
    positions = {name: g for g, name in enumerate(sorted({name for name in entry_groups if name is not None}))}
    G = len(positions)
    codes = np.array([G if name is None else positions[name] for name in entry_groups], np.int64)
    non_private, _ = result.flips_per_entry()
    columns = {
        "num_entries": np.bincount(codes, minlength=G + 1),
        "num_non_private": np.bincount(codes[np.searchsorted(entry_ids, non_private)], minlength=G + 1),
    }
    of_flip = codes[np.searchsorted(entry_ids, result.entry_ids)]
    columns["num_flips"] = np.bincount(of_flip, minlength=G + 1)
    if result.query_labels is not None:
        effects = result.effects()
        columns["num_helpful"] = np.bincount(of_flip[effects > 0], minlength=G + 1)
        columns["num_harmful"] = np.bincount(of_flip[effects < 0], minlength=G + 1)
    return [
        {"group": name}
        | {column: int(values[g]) for column, values in columns.items()}
        | {"fraction_non_private": float(columns["num_non_private"][g] / columns["num_entries"][g])}
        for name, g in positions.items()
    ]


def flips_as_csv(
    results: Sequence[LeaveOneOutResult],
    query_uris: Sequence[str],
    class_names: Sequence[str],
    entry_uris: Mapping[int, str | None],
) -> str:
    """Every flip of several audits as CSV with a header line; no effect where an audit had no query labels."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FLIP_COLUMNS)
    for result in results:
        effects = None if result.query_labels is None else result.effects()
        for flip, (entry, query) in enumerate(zip(result.entry_ids.tolist(), result.query_rows.tolist(), strict=True)):
            writer.writerow(
                (
                    result.voting.rule,
                    result.k,
                    entry,
                    entry_uris.get(entry) or "",
                    query_uris[query],
                    class_names[int(result.from_classes[flip])],
                    class_name(class_names, int(result.to_classes[flip])),
                    "" if effects is None else EFFECTS[int(effects[flip])],
                )
            )
    return text.getvalue()


def class_name(class_names: Sequence[str], label: int) -> str:
    """Name of a class; of the prediction -1, which no neighbour makes, "(none)"."""
    return class_names[label] if label >= 0 else NO_PREDICTION
