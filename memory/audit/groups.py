"""Groups: what would change if all entries of an owner, data set or licence had never been there, exactly.

Without a group the first k of the remaining entries vote. Where the group holds some of the first k neighbours the
list must reach deeper, and by how much differs from query to query: a list is searched anew, twice as deep, only where
what is left of it is shorter than k. The result equals rebuilding the memory without the group, to the last bit.
Rejected: one masked search for each group, which costs the whole search again for each of thousands of owners.

Letters: Q queries, N entries, K neighbours, G groups, P pairs (query, group among its first k), F flips.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import as_query_labels, check_auditable
from memory.neighbors import PADDING, Neighbors
from memory.voting import Rule, Voting, decide, number_classes, tally
from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 64 << 20
_BYTES_PER_NEIGHBOR = 96
NO_GROUP = -1

SearchRows = Callable[[npt.NDArray[np.int64], int], Neighbors]
"""(rows of queries, k) -> their neighbours in the audited memory, exactly, with ids and weights as before."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupResult:
    """What removing each group does.

    Attributes:
        names: (G,) name of each group, sorted.
        num_entries: (G,) int64 entries of each group.
        flip_groups: (F,) int64, position in `names` of the removed group of each flip; ordered by query, then group.
        flip_queries: (F,) int64 row of the query whose prediction changes.
        from_classes: (F,) int64 prediction with the group.
        to_classes: (F,) int64 prediction without it; -1 where no neighbour is left.
        predictions: (Q,) int64 of the whole memory.
        query_labels: (Q,) int64 true classes, or None.
        num_without_group: entries that belong to no group; they are never removed.
        num_deepened: queries whose list had to be searched deeper.
        k: neighbours that vote.
        voting: the rule used.
    """

    names: tuple[str, ...]
    num_entries: npt.NDArray[np.int64]
    flip_groups: npt.NDArray[np.int64]
    flip_queries: npt.NDArray[np.int64]
    from_classes: npt.NDArray[np.int64]
    to_classes: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]
    query_labels: npt.NDArray[np.int64] | None
    num_without_group: int
    num_deepened: int
    k: int
    voting: Voting

    def num_changed(self) -> npt.NDArray[np.int64]:
        """(G,) queries whose prediction changes without each group."""
        return np.bincount(self.flip_groups, minlength=len(self.names)).astype(np.int64)

    def accuracy(self) -> float:
        """Top-1 accuracy of the whole memory, 0..1.

        Raises:
            UserError: if the audit had no query labels.
        """
        return float(np.mean(self.predictions == self._labels()))

    def accuracy_without(self) -> npt.NDArray[np.float64]:
        """(G,) top-1 accuracy, 0..1, had each group never been there.

        Raises:
            UserError: if the audit had no query labels.
        """
        truth = self._labels()[self.flip_queries]
        gained = (self.to_classes == truth).astype(np.int64) - (self.from_classes == truth)
        change = np.bincount(self.flip_groups, weights=gained, minlength=len(self.names))
        num_right: npt.NDArray[np.float64] = np.sum(self.predictions == self._labels()) + change
        return num_right / len(self.predictions)

    def table(self) -> list[dict[str, object]]:
        """One row a group, most changed queries first, in plain JSON types."""
        changed = self.num_changed()
        rows: list[dict[str, object]] = [
            {"group": name, "num_entries": int(self.num_entries[g]), "num_queries_changed": int(changed[g])}
            for g, name in enumerate(self.names)
        ]
        if self.query_labels is not None:
            without = self.accuracy_without()
            truth = self.query_labels[self.flip_queries]
            helpful = np.bincount(self.flip_groups[self.from_classes == truth], minlength=len(self.names))
            harmful = np.bincount(self.flip_groups[self.to_classes == truth], minlength=len(self.names))
            for g, row in enumerate(rows):
                row |= {"num_helpful": int(helpful[g]), "num_harmful": int(harmful[g])}
                row |= {"accuracy_without": float(without[g])}
        order = np.argsort(-changed, kind="stable")
        return [rows[g] for g in order]

    def _labels(self) -> npt.NDArray[np.int64]:
        if self.query_labels is None:
            raise UserError("the audit had no query_labels, so it knows no right answers; pass query_labels")
        return self.query_labels


def remove_groups(
    neighbors: Neighbors,
    k: int,
    *,
    entry_ids: npt.NDArray[np.int64],
    entry_groups: Sequence[str | None],
    search: SearchRows,
    query_labels: npt.NDArray[np.int64] | None = None,
    voting: Voting | Rule = "softmax",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> GroupResult:
    """Audit a memory group by group.

    ``for q: for g in groups of list(q)[:k]: flip if vote(first k of list(q) outside g) != vote(list(q)[:k])``

    Args:
        neighbors: (Q, K) from an exact search with K >= k; a K of 2 k or so saves most searches.
        k: neighbours that vote.
        entry_ids: (N,) ascending ids of all entries.
        entry_groups: (N,) group of each entry, such as its owner; None belongs to no group.
        search: searches the same memory for some queries again, deeper.
        query_labels: (Q,) true classes, for accuracies.
        voting: how a neighbour counts, or the name of a rule.
        budget_bytes: bound on working memory of the votes; it changes no result.

    Raises:
        UserError: for an approximate or empty search, too few neighbours, columns of another length, or no group.
    """
    voting = Voting.of(voting)
    memory_size = check_auditable(neighbors, k)
    Q = neighbors.num_queries
    if len(entry_ids) != len(entry_groups) or len(entry_ids) != memory_size:
        raise UserError(
            f"the audited memory has {memory_size} entries; received {len(entry_ids)} ids, {len(entry_groups)} groups"
        )
    query_labels = as_query_labels(query_labels, Q)
    names = tuple(sorted({name for name in entry_groups if name is not None}))
    if not names:
        raise UserError(
            "no entry belongs to a group, so nothing can be removed; owners come from 'memory build --owner PATTERN'"
        )
    positions = {name: g for g, name in enumerate(names)}
    codes = np.array([NO_GROUP if name is None else positions[name] for name in entry_groups], np.int64)
    audit = _Audit(entry_ids, codes, k, voting, budget_bytes)
    predictions = audit.predict_all(neighbors.first(min(k, neighbors.num_neighbors)))
    pending, flips, num_deepened = np.arange(Q), [], 0
    part = neighbors
    while len(pending):
        rows, groups, after, is_short = audit.without_groups(part)
        changed = after != predictions[pending[rows]]
        flips.append((groups[changed], pending[rows[changed]], after[changed]))
        pending = pending[is_short]
        num_deepened = num_deepened or len(pending)
        if len(pending):
            part = search(pending, min(2 * part.num_neighbors, memory_size))
    group, query, after = (np.concatenate(column) for column in zip(*flips, strict=True))
    order = np.lexsort((group, query))
    return GroupResult(
        names=names,
        num_entries=np.bincount(codes[codes >= 0], minlength=len(names)).astype(np.int64),
        flip_groups=group[order],
        flip_queries=query[order],
        from_classes=predictions[query[order]],
        to_classes=after[order],
        predictions=predictions,
        query_labels=query_labels,
        num_without_group=int(np.count_nonzero(codes == NO_GROUP)),
        num_deepened=num_deepened,
        k=k,
        voting=voting,
    )


class _Audit:
    """What stays the same from one round of deepening to the next."""

    def __init__(
        self,
        entry_ids: npt.NDArray[np.int64],
        codes: npt.NDArray[np.int64],
        k: int,
        voting: Voting,
        budget_bytes: int,
    ) -> None:
        self.entry_ids, self.codes, self.k, self.voting = entry_ids, codes, k, voting
        self.budget_bytes = budget_bytes

    def predict_all(self, neighbors: Neighbors) -> npt.NDArray[np.int64]:
        """(Q,) classes by the whole lists."""
        classes, numbers = number_classes(neighbors.labels)
        return self._vote(classes, numbers, self.voting.own_weights(neighbors))

    def without_groups(
        self, neighbors: Neighbors
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Rows, groups and predictions without the group (P,); and (Q,) whether a list is too short for one of its own.

        A query whose list is too short for any of its groups has no pair here: it is asked again, deeper.
        """
        groups_of_list = self._groups(neighbors)
        rows, groups = _pairs(groups_of_list[:, : self.k])
        complete = neighbors.num_neighbors == neighbors.memory_size
        left = neighbors.num_neighbors - (groups_of_list[rows] == groups[:, None]).sum(axis=1)
        is_short = np.zeros(neighbors.num_queries, bool)
        if not complete:
            is_short[rows[left < self.k]] = True
        rows, groups = rows[~is_short[rows]], groups[~is_short[rows]]
        classes, numbers = number_classes(neighbors.labels)
        weights = self.voting.own_weights(neighbors)
        after = np.empty(len(rows), np.int64)
        step = max(1, self.budget_bytes // (_BYTES_PER_NEIGHBOR * neighbors.num_neighbors))
        for start in range(0, len(rows), step):
            own, gone = rows[start : start + step], groups[start : start + step]
            is_gone = groups_of_list[own] == gone[:, None]
            kept = np.argsort(is_gone, axis=1, kind="stable")[:, : self.k]
            present = ~np.take_along_axis(is_gone, kept, axis=1)
            votes = np.where(present, weights[own[:, None], kept], 0.0)
            voters = np.where(present, numbers[own[:, None], kept], PADDING)
            after[start : start + step] = self._vote(classes[own], voters, votes)
        return rows, groups, after, is_short

    def _groups(self, neighbors: Neighbors) -> npt.NDArray[np.int64]:
        """(Q, K) group of each neighbour; -1 for none and for padding."""
        positions = np.minimum(np.searchsorted(self.entry_ids, neighbors.ids), len(self.entry_ids) - 1)
        present = neighbors.ids != PADDING
        if (self.entry_ids[positions][present] != neighbors.ids[present]).any():
            raise UserError("a neighbour's id is not among entry_ids; audit one version of the memory")
        return np.where(present, self.codes[positions], NO_GROUP)

    def _vote(
        self, classes: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        scores, running = tally(
            numbers, weights * self.voting.rank_weights(numbers.shape[1]), int(numbers.max(initial=0)) + 1
        )
        return classes[np.arange(len(classes)), decide(numbers, scores, running, self.voting.protocol)]


def _pairs(groups: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and groups of all different groups in each row of (Q, k), without NO_GROUP; by row, then group."""
    ordered = np.sort(groups, axis=1)
    is_new = ordered != NO_GROUP
    is_new[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    rows, columns = np.nonzero(is_new)
    return rows, ordered[rows, columns]
