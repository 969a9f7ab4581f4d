"""Near-duplicates: groups of entries so alike that removing one is masked by another.

"Private" by leave-one-out can be an accident of duplication: of two copies of an image neither decides anything alone.
So pairs at or above a stated similarity are found by exact search, pairs that share an entry are joined (connected
groups), and the groups can be removed as one with `memory.audit.groups.remove_groups`. Similarity is not transitive:
the ends of a chain may be less alike than the threshold; the least similar pair that holds a group together is told.

The list of each entry is deepened until its last neighbour is below the threshold, so no pair is missed; the cost is
one search of the memory with itself.

Letters: N entries, P pairs.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.search import exact_search
from procmem.errors import UserError

FIRST_DEPTH = 8
ROUNDING = 1e-6
"""Unit rows in float32 have a similarity of 1 up to this much."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """Pairs and their connected groups.

    Attributes:
        pairs: (P, 2) int64 ids, the smaller first; ordered.
        similarities: (P,) float64 of each pair.
        groups: name of the group of each entry, by ascending id; None for an entry that is like no other.
        threshold: smallest similarity of a pair.
    """

    pairs: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]
    groups: list[str | None]
    threshold: float

    @property
    def num_groups(self) -> int:
        """Connected groups of at least two entries."""
        return len({name for name in self.groups if name is not None})

    @property
    def num_entries(self) -> int:
        """Entries that are in a group."""
        return sum(name is not None for name in self.groups)


def find_near_duplicates(
    embeddings: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64] | None = None,
    *,
    threshold: float,
    device: str = "cpu",
) -> NearDuplicates:
    """Find all pairs at least so similar.

    Args:
        embeddings: (N, D) L2-normalised.
        ids: (N,) ascending; positions where omitted.
        threshold: cosine similarity, above -1, at most 1; at 1, rows that are equal up to rounding.
        device: of the search.

    Raises:
        UserError: for a threshold out of range, or no entries.
    """
    N = len(embeddings)
    if not -1 < threshold <= 1 or not N:
        raise UserError(f"a similarity is above -1 and at most 1, and needs entries; received {threshold}, {N} entries")
    ids = np.arange(N) if ids is None else ids
    least = threshold - ROUNDING
    pending, depth = np.arange(N), min(FIRST_DEPTH, N)
    members: list[npt.NDArray[np.int64]] = []
    similarities: list[npt.NDArray[np.float64]] = []
    while len(pending):
        found = exact_search(embeddings[pending], embeddings, depth, device=device)
        is_done = (found.similarities[:, -1] < least) | (depth == N)
        rows, ranks = np.nonzero((found.similarities >= least) & is_done[:, None])
        members.append(np.stack([pending[rows], found.ids[rows, ranks]], axis=1))
        similarities.append(found.similarities[rows, ranks])
        pending, depth = pending[~is_done], min(4 * depth, N)
    pairs, similarity = np.concatenate(members), np.concatenate(similarities)
    once = pairs[:, 0] < pairs[:, 1]
    pairs, similarity = pairs[once], similarity[once]
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return NearDuplicates(
        pairs=ids[pairs[order]],
        similarities=similarity[order],
        groups=_connected(pairs, ids),
        threshold=threshold,
    )


def _connected(pairs: npt.NDArray[np.int64], ids: npt.NDArray[np.int64]) -> list[str | None]:
    """Name of the group of each position: its smallest id; None where alone."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    N = len(ids)
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(N, N))
    _, component = connected_components(graph, directed=False)
    first = np.full(N, N)
    np.minimum.at(first, component, np.arange(N))
    sizes = np.bincount(component, minlength=N)
    width = len(str(int(ids[-1])))
    return [f"near-duplicates-{ids[first[c]]:0{width}d}" if sizes[c] > 1 else None for c in component.tolist()]
