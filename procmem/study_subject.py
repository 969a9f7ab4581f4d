"""What the studies of a memory look at: entries, and queries that are not among them.

Queries come from a data set's validation images, or, without one, from the memory itself: a seeded fifth of it is held
out, whole owners where every entry has one, so that no drawer's own hand answers for him.

Letters: N entries, Q queries, D embedding, C classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from memory.hierarchy import Level
from memory.memory import VisualMemory
from memory.neighbors import Neighbors
from memory.search import ExactSearch
from memory.voting import Rule
from procgen.seeds import generator
from procmem.audit_subject import audit_subject
from procmem.errors import UserError

HELD_OUT = 5
"""One in so many is a query where the memory asks itself."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """What is studied.

    Attributes:
        entries: (N, D) embeddings, by ascending id.
        ids: (N,).
        labels: (N,) classes.
        owners: (N,) names.
        queries: (Q, D) embeddings.
        query_labels: (Q,) classes.
        class_names: C names.
        levels: above the classes, coarsest first.
        k: neighbours that vote.
        rule: how they vote.
        seed: of all draws.
        device: of the searches.
    """

    entries: npt.NDArray[np.float32]
    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    owners: Sequence[str | None]
    queries: npt.NDArray[np.float32]
    query_labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    levels: tuple[Level, ...]
    k: int = 20
    rule: Rule = "softmax"
    seed: int = 0
    device: str = "cpu"

    def search(self, k: int) -> Neighbors:
        """The k nearest entries of the queries, or all of fewer."""
        ready = ExactSearch(self.entries, ids=self.ids, labels=self.labels, device=self.device, checked=True)
        return ready.search(self.queries, min(k, len(self.ids)))

    def rng(self, name: str) -> np.random.Generator:
        """The draws of one study."""
        return generator(self.seed, "memory study", name)


def find_subject(memory: Path, dataset: str | None, *, k: int, rule: Rule, seed: int) -> Subject:
    """Open a memory and find queries for it.

    Raises:
        UserError: as `audit_subject`, or if the memory is too small to hold entries out.
    """
    opened = VisualMemory.open(memory) if dataset is None else None
    if opened is None:
        found = audit_subject(memory, str(dataset), None)
        opened, queries, query_labels, device = found.memory, found.queries, found.query_labels, found.device
        kept = np.ones(len(opened), bool)
    else:
        kept, device = ~held_out(opened.owners(), generator(seed, "memory study", "held out")), "cpu"
        queries, query_labels = opened.entries.embeddings[~kept], opened.entries.labels[~kept]
    entries = opened.entries
    if not 1 <= k < kept.sum():
        raise UserError(f"k is {k}; it must be at least 1 and below the {kept.sum()} entries")
    return Subject(
        entries=entries.embeddings[kept],
        ids=entries.ids[kept],
        labels=entries.labels[kept],
        owners=[owner for owner, own in zip(opened.owners(), kept.tolist(), strict=True) if own],
        queries=queries,
        query_labels=query_labels,
        class_names=opened.class_names,
        levels=opened.levels,
        k=k,
        rule=rule,
        seed=seed,
        device=device,
    )


def held_out(owners: Sequence[str | None], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(N,) flags of a fifth: of the owners if every entry has one, else of the entries.

    Raises:
        UserError: if there are fewer than two owners or entries.
    """
    names = list(range(len(owners))) if None in owners else list(owners)
    groups = sorted(set(names), key=str)
    if len(groups) < 2:
        raise UserError("a memory needs two entries (of two owners) to hold some out as queries; give --dataset")
    drawn = {groups[place] for place in rng.permutation(len(groups))[: max(1, len(groups) // HELD_OUT)]}
    return np.array([name in drawn for name in names])
