"""Queries of the explorer: images that are not in the memory, to pick from and to judge entries by.

They are embedded once, when a view first needs all of them, and searched once a version; every k and rule then comes
from the same lists. An image that is in the memory itself (same name in the same data set, or the very same
embedding) would be its own nearest neighbour and is left out.

Letters: N entries, Q queries, K neighbours.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from eval.explorer.answers import MOST_NEIGHBORS, Question
from eval.explorer.session import Session
from eval.extract import extract
from eval.images import LabelledImages
from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.neighbors import Neighbors
from memory.reliability import right_neighbors
from memory.voting import Rule
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decided:
    """A query whose answer turns if one entry goes."""

    position: int
    name: str
    true_class: str
    with_it: str
    without_it: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class EntryNumbers:
    """What the queries say of each entry, by ascending id; each (N,).

    Attributes:
        ids: of the entries.
        decides: queries whose answer turns without the entry.
        near: queries that have it among their k nearest.
        right: share of those that are of its class, 0..1; NaN where `near` is 0.
    """

    ids: npt.NDArray[np.int64]
    decides: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]
    right: npt.NDArray[np.float64]


class Queries:
    """Labelled images beside a memory.

    Args:
        session: the memory and its encoder.
        images: the queries.
    """

    def __init__(self, session: Session, images: LabelledImages) -> None:
        known = set(zip(session.texts().datasets, session.texts().uris, strict=True))
        outside = [row for row, uri in enumerate(images.uris) if (images.name, uri) not in known]
        if not outside:
            raise UserError(f"all images of {images.name!r} are in the memory themselves; give other queries")
        self.session, self.images = session, images.select(np.array(outside))
        self._found: tuple[int, Neighbors] | None = None
        self._audits: dict[tuple[int, Rule], LeaveOneOutResult] = {}  # of the version in `_found`

    def __len__(self) -> int:
        return len(self.images)

    def true_class(self, position: int) -> str:
        """Name of the class of one query."""
        return str(self.images.class_names[self.images.labels[position]])

    def question(self, position: int) -> Question:
        """One query, ready to be asked."""
        image = self.images.image(position)
        return self.session.question(image, self.images.uris[position], true_class=self.true_class(position))

    def neighbors(self) -> Neighbors:
        """(Q, K) the nearest entries of every query, at the newest version."""
        embeddings = self._embeddings  # may take a while, and others need not wait for it
        with self.session.holding() as memory:
            if self._found is None or self._found[0] != memory.version:
                depth = min(MOST_NEIGHBORS + 1, len(memory))
                self._found = memory.version, memory.search(embeddings, max(depth, 1))
                self._audits = {}
            return self._found[1]

    def audit(self, k: int, rule: Rule) -> LeaveOneOutResult:
        """Every entry that changes the answer to a query by going."""
        with self.session.holding():
            neighbors, audits = self.neighbors(), self._audits
        if (k, rule) not in audits:
            audits[k, rule] = leave_one_out(neighbors, k, query_labels=self._labels, voting=rule)
        return audits[k, rule]

    def decided_by(self, entry_id: int, k: int, rule: Rule) -> list[Decided]:
        """The queries whose answer turns without an entry."""
        audit, names = self.audit(k, rule), self.session.memory.class_names
        return [
            Decided(
                position=int(audit.query_rows[flip]),
                name=self.images.uris[audit.query_rows[flip]],
                true_class=self.true_class(int(audit.query_rows[flip])),
                with_it=names[audit.from_classes[flip]],
                without_it=names[audit.to_classes[flip]] if audit.to_classes[flip] >= 0 else "nothing",
            )
            for flip in np.flatnonzero(audit.entry_ids == entry_id)
        ]

    def numbers(self, k: int, rule: Rule) -> EntryNumbers:
        """Influence and reliability of every entry."""
        with self.session.holding():
            neighbors, ids, audit = self.neighbors(), self.session.texts().ids, self.audit(k, rule)
        first = neighbors.first(min(k, neighbors.num_neighbors))
        is_right, present = right_neighbors(first, self._labels)
        rows = np.searchsorted(ids, first.ids[present])
        near = np.bincount(rows, minlength=len(ids))
        right = np.bincount(rows, weights=is_right[present], minlength=len(ids))
        decides = np.bincount(np.searchsorted(ids, audit.entry_ids), minlength=len(ids))
        share = np.divide(right, near, out=np.full(len(ids), np.nan), where=near > 0)
        return EntryNumbers(ids=ids, decides=decides, near=near, right=share)

    @functools.cached_property
    def _embeddings(self) -> npt.NDArray[np.float32]:
        return extract(self.session.encoder, self.images).values

    @functools.cached_property
    def _labels(self) -> npt.NDArray[np.int64]:
        """(Q,) as the memory numbers its classes; for a class that it has not, a number that no entry has."""
        numbers = {name: label for label, name in enumerate(self.session.memory.class_names)}
        unknown = len(numbers)
        translation = np.array([numbers.get(name, unknown) for name in self.images.class_names], np.int64)
        labels: npt.NDArray[np.int64] = translation[self.images.labels]
        return labels
