"""What the commands about audits do; see `procmem.commands` for the conventions."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from memory.voting import Rule
from procmem.audit_output import print_subject, print_table, write_sheet
from procmem.commands import print_json
from procmem.errors import UserError
from procmem.files import atomic_write, read_json, write_json, write_text
from procmem.progress import say

if TYPE_CHECKING:
    from memory.audit.leave_one_out import LeaveOneOutResult
    from memory.neighbors import Neighbors
    from procmem.audit_subject import AuditSubject

Grouping = Literal["owner", "dataset", "class", "near-duplicates"]
DEEPER = 2
"""Audits of groups and radii start from lists so many times k long; where that is too short they search deeper."""


def audit_leave_one_out(
    *,
    memory: Path,
    dataset: str,
    encoder: str | None = None,
    k: list[int] | None = None,
    rules: list[Rule] | None = None,
    max_queries: int | None = None,
    exclude_self: bool = False,
    influential: int = 10,
    sheet: Path | None = None,
    output: Path | None = None,
    json: bool = False,
) -> None:
    """Count the entries of a memory whose removal changes an answer, exactly, for several k and rules at once.

    Beside the softmax rule stands the count of the published script ("Separating Knowledge and Perception", section 6).

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote; several come from one search. The default is 20.
        rules: voting rules; the default is softmax.
        max_queries: most queries, a seeded subset.
        exclude_self: leave out queries that are in the memory themselves, which are refused otherwise.
        influential: how many of the most influential entries to name, with the queries that they decide.
        sheet: .png file; pictures of those entries and queries, for the first rule and k.
        output: CSV file of all flips.
        json: print everything as JSON.
    """
    from memory.audit.leave_one_out import leave_one_out
    from memory.audit.tables import flips_as_csv, relative_counts
    from procmem.audit_subject import begin_audit

    if sheet is not None and sheet.suffix != ".png":
        raise UserError(f"the sheet is a .png file; received {str(sheet)!r}")
    if influential < 0:
        raise UserError(f"influential is {influential}; it must be 0 or more")
    subject, ks, chosen = begin_audit(memory, dataset, encoder, k, rules, max_queries, exclude_self)
    neighbors = subject.search(max(ks) + 1)
    results = [
        leave_one_out(neighbors, each, query_labels=subject.query_labels, voting=rule) for rule in chosen for each in ks
    ]
    if output is not None:
        names = dict(zip(subject.memory.entries.ids.tolist(), subject.uris, strict=True))
        write_text(output, flips_as_csv(results, subject.query_uris, subject.memory.class_names, names))
        say(f"flips: {output}")
    if sheet is not None:
        write_sheet(sheet, dataset, results[0], subject, influential)
    description = subject.description()
    if json:
        audits = [_detailed(subject, neighbors, result, influential) for result in results]
        print_json(description | {"audits": audits})
        return
    print_subject(description)
    rows = [result.summary() | relative_counts(result) for result in results]
    print_table(
        rows,
        {
            "rule": "rule",
            "k": "k",
            "top1_accuracy": "accuracy",
            "num_non_private": "non-private",
            "fraction_non_private": "of memory",
            "fraction_non_private_of_reached": "of reached",
            "non_private_per_query": "per query",
            "num_helpful": "helpful",
            "num_harmful": "harmful",
            "num_queries_decided_by_one": "queries",
        },
    )
    for result in results:
        published = _published(subject, neighbors, result)
        if published:
            sys.stdout.write(
                f"published script, k = {result.k}: names {published['num_by_script']} "
                f"(misses {published['script_missed']}, wrongly {published['script_named_wrongly']}); "
                f"as published {published['num_as_published']}\n"
            )
    _print_influential(_detailed(subject, neighbors, results[0], influential)["influential"])


def audit_groups(
    *,
    memory: Path,
    dataset: str,
    by: Grouping = "owner",
    threshold: float = 0.98,
    encoder: str | None = None,
    k: list[int] | None = None,
    rules: list[Rule] | None = None,
    max_queries: int | None = None,
    exclude_self: bool = False,
    show: int = 20,
    json: bool = False,
) -> None:
    """Say what would change if all entries of an owner, data set, class or set of near-duplicates had never been there.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries.
        by: what makes a group.
        threshold: least similarity of near-duplicates.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote. The default is 20.
        rules: voting rules; the default is softmax.
        max_queries: most queries, a seeded subset.
        exclude_self: leave out queries that are in the memory themselves, which are refused otherwise.
        show: how many groups to list, most changed queries first.
        json: print everything as JSON.
    """
    from memory.audit.groups import remove_groups
    from procmem.audit_subject import begin_audit

    subject, ks, chosen = begin_audit(memory, dataset, encoder, k, rules, max_queries, exclude_self)
    groups = subject.near_duplicates(threshold) if by == "near-duplicates" else subject.groups(by)
    neighbors = subject.search(DEEPER * max(ks))
    results = [
        remove_groups(
            neighbors,
            each,
            entry_ids=subject.memory.entries.ids,
            entry_groups=groups,
            search=subject.searcher(),
            query_labels=subject.query_labels,
            voting=rule,
        )
        for rule in chosen
        for each in ks
    ]
    description = subject.description() | {"by": by}
    if json:
        audits = [
            {"rule": result.voting.rule, "k": result.k, "accuracy": result.accuracy(), "groups": result.table()}
            for result in results
        ]
        print_json(description | {"audits": audits})
        return
    print_subject(description)
    for result in results:
        sys.stdout.write(
            f"{result.voting.rule}, k = {result.k}: accuracy {result.accuracy():.4f}; "
            f"{len(result.names)} groups, {int((result.num_changed() > 0).sum())} of them change an answer\n"
        )
        print_table(
            result.table()[:show],
            {
                "group": by,
                "num_entries": "entries",
                "num_queries_changed": "queries",
                "num_helpful": "helpful",
                "num_harmful": "harmful",
                "accuracy_without": "accuracy without",
            },
        )


def audit_radius(
    *,
    memory: Path,
    dataset: str,
    encoder: str | None = None,
    k: list[int] | None = None,
    rules: list[Rule] | None = None,
    max_queries: int | None = None,
    exclude_self: bool = False,
    json: bool = False,
) -> None:
    """Count how many entries must go, or come (poisoning), before an answer can change; worst case over all choices.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote. The default is 20.
        rules: voting rules; the default is softmax.
        max_queries: most queries, a seeded subset.
        exclude_self: leave out queries that are in the memory themselves, which are refused otherwise.
        json: print everything as JSON.
    """
    from memory.audit.radius import radius
    from procmem.audit_subject import begin_audit

    subject, ks, chosen = begin_audit(memory, dataset, encoder, k, rules, max_queries, exclude_self)
    neighbors = subject.search(DEEPER * max(ks))
    summaries = [radius(neighbors, each, voting=rule).summary() for rule in chosen for each in ks]
    description = subject.description()
    if json:
        print_json(description | {"audits": summaries})
        return
    print_subject(description)
    print_table(
        summaries,
        {
            "rule": "rule",
            "k": "k",
            "median_removals": "median removals",
            "median_insertions": "median insertions",
            "num_exact": "exact queries",
        },
    )


def audit_certificate(
    *,
    memory: Path,
    dataset: str,
    output: Path,
    encoder: str | None = None,
    k: list[int] | None = None,
    rules: list[Rule] | None = None,
    max_queries: int | None = None,
    exclude_self: bool = False,
    against: Path | None = None,
    json: bool = False,
) -> None:
    """Certify, after an erasure, that a memory answers as if it had never held the erased entries; signed.

    Writes the certificate (JSON) and a page for people beside it (the same name with .html).

    Args:
        memory: the memory's folder, after 'memory erase'.
        dataset: its validation images are the queries.
        output: the certificate to write, a .json file.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote. The default is 20.
        rules: voting rules; the default is all four.
        max_queries: most queries, a seeded subset.
        exclude_self: leave out queries that are in the memory themselves, which are refused otherwise.
        against: a memory that never held the entries, built from the images under the same ids; without it one is
            built from the entries that remain.
        json: print the certificate as JSON.
    """
    import tempfile

    from memory.audit.certificate import certify, rebuild
    from memory.audit.certificate_page import render_page
    from memory.memory import VisualMemory
    from procmem.audit_subject import begin_audit

    if output.suffix != ".json":
        raise UserError(f"the certificate is a .json file, its page .html beside it; received {str(output)!r}")
    every: list[Rule] = list(get_args(Rule))
    subject, ks, chosen = begin_audit(memory, dataset, encoder, k, rules or every, max_queries, exclude_self)
    with tempfile.TemporaryDirectory() as folder:
        certificate = certify(
            subject.memory,
            rebuild(subject.memory, Path(folder) / "memory") if against is None else VisualMemory.open(against),
            subject.queries,
            rebuilt_from="the entries that remain"
            if against is None
            else f"the images of the entries that remain, as the signer states (memory {against.name})",
            ks=ks,
            votings=chosen,
            name=memory.name,
        )
    write_json(output, certificate.to_dict())
    write_text(output.with_suffix(".html"), render_page(certificate))
    if json:
        print_json(certificate.to_dict())
    say(f"{output}: covers {certificate.scope}; page {output.with_suffix('.html')}")


def audit_verify(certificate: Path, *, page: Path | None = None, public_key: str | None = None) -> None:
    """Check that a certificate (or an erasure receipt) is unchanged since it was signed; exit code 2 if not.

    Args:
        certificate: the JSON file.
        page: the page that came with it, to be compared with the certificate.
        public_key: the signer's key as known from elsewhere, 64 hex digits; without it the check proves only that the
            file is of one piece.
    """
    from memory.audit.certificate import Certificate, verify_certificate
    from memory.audit.certificate_page import render_page
    from memory.receipt import Receipt, verify_receipt

    value = read_json(certificate)
    if isinstance(value, dict) and "kind" not in value and "found_before" in value:
        if page is not None:
            raise UserError("this is an erasure receipt, which has no page")
        receipt = Receipt.from_dict(value)
        verify_receipt(receipt, public_key)
        sys.stdout.write(f"unchanged receipt of {len(receipt.erased)} erased entries, key {receipt.public_key}\n")
        return
    found = Certificate.from_dict(value)
    verify_certificate(found, public_key)
    if page is not None and _read_text(page) != render_page(found):
        raise UserError(f"{str(page)!r} is not the page of this certificate, or was changed")
    sys.stdout.write(
        f"unchanged certificate of {found.num_erased} erased entries, covers {found.scope}, key {found.public_key}\n"
    )
    if public_key is None:
        say("the key was not compared with any that you know; ask the signer for it and add --public-key")


def audit_figure(*, audits: list[Path], output: Path) -> None:
    """Draw accuracy against the share of entries that change an answer, for several encoders, by k and rule.

    Args:
        audits: what 'audit leave-one-out --json' printed, one file an encoder.
        output: the picture to write, a .png file.
    """
    from eval.privacy_figure import privacy_figure

    if output.suffix != ".png":
        raise UserError(f"the picture is a .png file; received {str(output)!r}")
    found = {}
    for path in audits:
        value = read_json(path)
        if not isinstance(value, dict) or not {"encoder", "audits"} <= value.keys() or value["encoder"] in found:
            raise UserError(f"{str(path)!r} is not the JSON of a leave-one-out audit of another encoder")
        found[value["encoder"]] = value["audits"]
    with atomic_write(output) as file:
        file.write(privacy_figure(found))
    say(f"wrote {output}")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {str(path)!r}: {error}") from error


def _detailed(
    subject: AuditSubject, neighbors: Neighbors, result: LeaveOneOutResult, influential: int
) -> dict[str, Any]:
    from memory.audit.tables import influential_entries, rates_by_group, relative_counts

    names = dict(zip(subject.memory.entries.ids.tolist(), subject.uris, strict=True))
    entries = influential_entries(result, subject.query_uris, subject.memory.class_names, influential)
    detailed: dict[str, Any] = result.summary() | relative_counts(result)
    detailed["influential"] = [entry | {"uri": names[int(str(entry["id"]))]} for entry in entries]
    for by in ("class", "owner"):
        detailed[f"by_{by}"] = rates_by_group(result, subject.memory.entries.ids, subject.groups(by))
    return detailed | {"published": _published(subject, neighbors, result)}


def _published(subject: AuditSubject, neighbors: Neighbors, result: LeaveOneOutResult) -> dict[str, int] | None:
    """The published count beside the definition; None where it does not apply."""
    from memory.audit.published_rule import published_count

    if result.voting.rule != "softmax" or (neighbors.weights is not None and (neighbors.weights != 1).any()):
        return None
    last = int(subject.memory.entries.labels[-1])
    return published_count(neighbors, result.k, query_labels=subject.query_labels, last_label=last).compared(result)


def _print_influential(entries: Sequence[Mapping[str, Any]]) -> None:
    for entry in entries:
        first = entry["queries"][0]
        others = entry["num_queries"] - 1
        more = f"; and {others} more {'query' if others == 1 else 'queries'}" if others else ""
        sys.stdout.write(
            f"entry {entry['id']} ({entry['uri'] or 'no uri'}) decides {first['query']}: "
            f"{first['from']}, without it {first['to']}{more}\n"
        )
