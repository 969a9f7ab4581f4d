"""A biased subset: the entries that teach a shortcut, found by what they look like, then removed.

If fishes are often held by fingers, a picture of fingers is answered "fish"; removing the fishes with fingers mends
it, as long as the class has others (Geirhos et al., "Towards flexible perception with visual memory", 2024, arXiv
2408.08172, appendix P). This finds them: entries near example images of the shortcut, within a class or clause.

    ids = find_alike(memory, embeddings_of_fingers, min_similarity=0.6, label="fish")
    before, after = memory.search(q, k), memory.search(q, k, allowed=others(memory, ids))  # look before removing
    memory.remove(ids)

Letters: N entries, Q queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

if TYPE_CHECKING:
    from memory.memory import VisualMemory


def find_alike(
    memory: VisualMemory,
    queries: npt.ArrayLike,
    *,
    min_similarity: float,
    label: str | None = None,
    where: str | None = None,
    device: str = "cpu",
) -> npt.NDArray[np.int64]:
    """Entries at least so similar to one of the queries; exact, ties at the border included.

    Args:
        memory: where to look.
        queries: (Q, D) unit-length embeddings of examples.
        min_similarity: -1..1.
        label: only within this class, or group of any level.
        where: only where this SQL clause holds; see `VisualMemory.select`.
        device: of the search.

    Returns:
        Ids, ascending; empty where none is so similar.

    Raises:
        UserError: for a similarity out of range, and what `select` and `search` refuse.
    """
    if not -1 <= min_similarity <= 1:
        raise UserError(f"min_similarity is {min_similarity}; a similarity lies in -1 to 1")
    entries = memory.entries
    candidates = entries.ids if label is None and where is None else memory.select(label=label, where=where)
    allowed = np.isin(entries.ids, candidates)
    k, found = min(64, max(1, len(candidates))), None
    while found is None or (k < len(candidates) and found.similarities[:, -1].max(initial=-1) >= min_similarity):
        k = k if found is None else min(4 * k, len(candidates))  # until no list ends among the similar
        found = memory.search(queries, k, allowed=allowed, device=device)
    return np.unique(found.ids[found.similarities >= min_similarity])


def others(memory: VisualMemory, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(N,) flags of all entries but these, for `search(allowed=...)`: the answers as they would be without them."""
    return ~np.isin(memory.entries.ids, ids)
