"""What the command about values of entries does; see `procmem.commands` for the conventions."""

from __future__ import annotations

from pathlib import Path

from procmem.audit_output import print_subject, print_table
from procmem.commands import print_json
from procmem.errors import UserError
from procmem.files import write_text
from procmem.progress import say

DEFAULT_K = 5
DEFAULT_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)


def audit_shapley(
    *,
    memory: Path,
    dataset: str,
    encoder: str | None = None,
    k: int = DEFAULT_K,
    max_queries: int | None = None,
    exclude_self: bool = False,
    shares: list[float] | None = None,
    seed: int = 0,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Value each entry by its exact Shapley value and by leave-one-out, and show what pruning by value does.

    Every second query makes the values, the others measure accuracy while entries are removed by value.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote, unweighted.
        max_queries: most queries, a seeded subset.
        exclude_self: leave out queries that are in the memory themselves, which are refused otherwise.
        shares: of the memory to remove, from 0 to below 1.
        seed: of the random order that the others are compared with, and of the order of equal values.
        output: CSV file of all values.
        json: print the curves as JSON.
    """
    import csv
    import dataclasses
    import io

    import numpy as np

    from memory.audit.leave_one_out import leave_one_out
    from memory.audit.shapley import knn_shapley, leave_one_out_values, removal_curve
    from memory.voting import Voting
    from procgen.seeds import generator
    from procmem.audit_subject import begin_audit

    subject, _, _ = begin_audit(memory, dataset, encoder, [k], None, max_queries, exclude_self)
    entries, own = subject.memory.entries, slice(0, None, 2)
    if len(subject.queries) < 2:
        raise UserError("values and their test need at least 2 queries")
    shapley = knn_shapley(
        subject.queries[own],
        subject.query_labels[own],
        entries.embeddings,
        entries.labels,
        k,
        ids=entries.ids,
        device=subject.device,
    )
    found = subject.memory.search(subject.queries[own], k + 1, device=subject.device)
    audit = leave_one_out(found, k, query_labels=subject.query_labels[own], voting=Voting(rule="plurality"))
    values = {"shapley": shapley, "leave-one-out": leave_one_out_values(audit, entries.ids)}
    chance = generator(seed, "removal curve")
    orders = {"random": chance.permutation(len(entries.ids))}
    for name, found_values in values.items():
        order = np.searchsorted(entries.ids, found_values.most_valuable_first(chance))
        orders |= {f"{name}, least first": order[::-1], f"{name}, most first": order}
    curves = [
        removal_curve(
            subject.queries[1::2],
            subject.query_labels[1::2],
            entries.embeddings,
            entries.labels,
            order,
            shares=tuple(shares or DEFAULT_SHARES),
            k=k,
            name=name,
            device=subject.device,
        )
        for name, order in orders.items()
    ]
    if output is not None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("id", "uri", "class", *values))
        columns = [each.values.tolist() for each in values.values()]
        names = [subject.memory.class_names[label] for label in entries.labels.tolist()]
        writer.writerows(zip(entries.ids.tolist(), subject.uris, names, *columns, strict=True))
        write_text(output, text.getvalue())
        say(f"values: {output}")
    description = subject.description() | {"k": k, "num_value_queries": len(subject.queries[own])}
    if json:
        print_json(description | {"curves": [dataclasses.asdict(curve) for curve in curves]})
        return
    print_subject(description)
    heads = {"removed": "removed first"} | {str(share): f"{share:.0%} gone" for share in curves[0].shares}
    print_table(
        [
            {"removed": curve.name} | dict(zip(map(str, curve.shares), curve.accuracies, strict=True))
            for curve in curves
        ],
        heads,
    )
