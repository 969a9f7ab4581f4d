"""What an audit on the command line looks at: one version of a memory, and queries that are not in it.

The version is pinned: everything is read from the version that was opened, also if someone changes the memory
meanwhile, and the result says which version that was. A query that is itself in the memory (same name in the same data
set, or the very same embedding) would be its own nearest neighbour and make nonsense of every count, so it is refused
unless the user leaves such queries out by name.

Letters: N entries, Q queries, C classes, D embedding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.memory import VisualMemory
from memory.neighbors import Neighbors
from memory.voting import Rule
from procmem.errors import UserError
from procmem.progress import say

DEFAULT_K = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditSubject:
    """One version of a memory, and queries.

    Attributes:
        path: of the memory.
        memory: opened; it stays at its version.
        version: that version.
        uris: (N,) name of each entry.
        queries: (Q, D) embeddings.
        query_labels: (Q,) true classes, numbered as in the memory.
        query_uris: (Q,) names.
        num_excluded: queries left out because they are in the memory.
        device: of the search.
    """

    path: Path
    memory: VisualMemory
    version: int
    uris: list[str | None]
    queries: npt.NDArray[np.float32]
    query_labels: npt.NDArray[np.int64]
    query_uris: tuple[str, ...]
    num_excluded: int
    device: str

    def search(self, k: int) -> Neighbors:
        """The k nearest entries of all queries, at most all of them."""
        return self.memory.search(self.queries, min(k, len(self.memory)), device=self.device)

    def searcher(self) -> Callable[[npt.NDArray[np.int64], int], Neighbors]:
        """For audits that must look deeper for some queries: (rows, k) -> their neighbours."""
        return lambda rows, k: self.memory.search(self.queries[rows], k, device=self.device)

    def check_k(self, ks: list[int]) -> None:
        """Refuse numbers of neighbours that cannot be meant.

        Raises:
            UserError: unless each is at least 1 and below the number of entries.
        """
        N = len(self.memory)
        for k in ks:
            if not 1 <= k < N:
                raise UserError(f"k is {k}; it must be at least 1 and below the {N} entries of the memory")

    def groups(self, by: str) -> list[str | None]:
        """(N,) owner, data set or class of each entry."""
        if by == "owner":
            return self.memory.owners()
        if by == "dataset":
            return self.memory.datasets()
        return [self.memory.class_names[label] for label in self.memory.entries.labels.tolist()]

    def near_duplicates(self, threshold: float) -> list[str | None]:
        """(N,) group of near-duplicates of each entry; None for one that is like no other.

        Raises:
            UserError: for a threshold out of range, or if no two entries are so alike.
        """
        from memory.audit.near_duplicates import find_near_duplicates

        entries = self.memory.entries
        found = find_near_duplicates(entries.embeddings, entries.ids, threshold=threshold, device=self.device)
        if not found.num_groups:
            raise UserError(f"no two entries have a similarity of {threshold} or more; try a lower threshold")
        say(f"near-duplicates: {found.num_entries} entries in {found.num_groups} groups, {len(found.pairs)} pairs")
        return found.groups

    def description(self) -> dict[str, Any]:
        """What was audited, in plain JSON types; warns if the memory has another version by now."""
        latest = VisualMemory.open(self.path).version
        if latest != self.version:
            say(f"warning: the memory changed during the audit: version {self.version} was audited, {latest} is latest")
        return {
            "memory": str(self.path),
            "version": self.version,
            "latest_version": latest,
            "memory_size": len(self.memory),
            "encoder": self.memory.card.name,
            "encoder_fingerprint": self.memory.card.fingerprint,
            "num_queries": len(self.queries),
            "num_excluded_queries": self.num_excluded,
        }


def audit_subject(
    memory: Path, dataset: str, encoder: str | None, *, max_queries: int | None = None, exclude_self: bool = False
) -> AuditSubject:
    """Open a memory and embed the queries.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries.
        encoder: the memory's encoder; None takes the specification that the memory was built with.
        max_queries: a subset of so many queries, drawn by class with a fixed seed.
        exclude_self: leave out queries that are in the memory.

    Raises:
        UserError: for another encoder, a class that the memory has not, or queries that are in the memory.
    """
    from eval.datasets import find_dataset
    from eval.extract import extract
    from pretrain.encoder import load_encoder

    device = find_device()
    opened = VisualMemory.open(memory)
    if not len(opened):
        raise UserError(f"the memory in {str(memory)!r} is empty; there is nothing to audit")
    loaded = load_encoder(encoder or opened.card.name, device=device)
    opened.check_card(loaded.card())
    images = find_dataset(dataset).val
    unknown = sorted({images.class_names[label] for label in set(images.labels.tolist())} - set(opened.class_names))
    if unknown:
        raise UserError(f"queries have classes that the memory has not: {', '.join(unknown[:5])}")
    if max_queries is not None:
        images = images.subset(max_queries, 0)
    found = extract(loaded, images)
    uris = opened.uris()
    is_known = _are_in_memory(opened, uris, images.name, found.values, found.uris)
    if is_known.any():
        example = found.uris[int(np.flatnonzero(is_known)[0])]
        if not exclude_self:
            raise UserError(
                f"{is_known.sum()} of {len(is_known)} queries are in the memory themselves, for example {example!r}; "
                "give other images, or add --exclude-self to leave these out"
            )
        say(f"warning: left out {is_known.sum()} queries that are in the memory themselves, for example {example!r}")
        if is_known.all():
            raise UserError("all queries are in the memory themselves; give other images")
    rows = np.flatnonzero(~is_known)
    translation = np.array(
        [opened.class_names.index(name) if name in opened.class_names else -1 for name in images.class_names]
    )
    return AuditSubject(
        path=memory,
        memory=opened,
        version=opened.version,
        uris=uris,
        queries=found.values[rows],
        query_labels=translation[found.labels[rows]].astype(np.int64),
        query_uris=tuple(found.uris[row] for row in rows),
        num_excluded=int(is_known.sum()),
        device=device,
    )


def find_device() -> str:
    """A GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def begin_audit(
    memory: Path,
    dataset: str,
    encoder: str | None,
    k: list[int] | None,
    rules: list[Rule] | None,
    max_queries: int | None,
    exclude_self: bool,
) -> tuple[AuditSubject, list[int], list[Rule]]:
    """The subject, the numbers of neighbours and the rules of an audit, by default 20 and softmax.

    Raises:
        UserError: as `audit_subject`, or for a k out of range.
    """
    ks = sorted(set(k or [DEFAULT_K]))
    chosen: list[Rule] = list(dict.fromkeys(rules)) if rules else ["softmax"]
    subject = audit_subject(memory, dataset, encoder, max_queries=max_queries, exclude_self=exclude_self)
    subject.check_k(ks)
    return subject, ks, chosen


def _are_in_memory(
    opened: VisualMemory,
    uris: list[str | None],
    dataset: str,
    queries: npt.NDArray[np.float32],
    query_uris: tuple[str, ...],
) -> npt.NDArray[np.bool_]:
    """(Q,) whether a query has the name of an entry of its data set, or the very bytes of an entry."""
    entries = opened.entries.embeddings
    stored = queries.astype(opened.store.ledger.precision).astype(entries.dtype)
    near = np.isin(entries[:, 0], stored[:, 0])  # few rows have a query's very first number: a set of bytes of those
    known_rows = {row.tobytes() for row in entries[near]}
    known_names = set(zip(opened.datasets(), uris, strict=True))
    return np.array(
        [
            (dataset, uri) in known_names or row.tobytes() in known_rows
            for uri, row in zip(query_uris, stored, strict=True)
        ],
        dtype=bool,
    )
