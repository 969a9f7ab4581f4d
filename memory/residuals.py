"""Residuals: what else is in an image, once its nearest neighbour is taken out of it.

The nearest entry's embedding is subtracted from the query's, the rest is brought to length 1 and asked again (Geirhos
et al., "Towards flexible perception with visual memory", 2024, arXiv 2408.08172, appendix O). Where an encoder adds
up what it sees, the second answer is another object of the same image.

Letters: Q queries, K neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from memory.neighbors import Neighbors
from memory.similarity import as_embeddings
from procmem.errors import UserError

if TYPE_CHECKING:
    from memory.memory import VisualMemory

SHORTEST = 1e-3
"""A residual below it is rounding: the query is the entry."""


class Residuals(NamedTuple):
    """Neighbours (Q, K) of the queries and of what remains of them, and the lengths (Q,) of that, 0..2."""

    whole: Neighbors
    rest: Neighbors
    lengths: npt.NDArray[np.float64]


def search_residuals(memory: VisualMemory, queries: npt.ArrayLike, k: int, *, device: str = "cpu") -> Residuals:
    """Search, subtract the nearest neighbour, search again.

    Args:
        memory: what is asked.
        queries: (Q, D) unit-length embeddings.
        k: neighbours of each search.
        device: of the searches.

    Raises:
        UserError: if a query is an entry, so that nothing remains of it, and what the search refuses.
    """
    checked = as_embeddings(queries, "queries", memory.card.dimension)
    whole = memory.search(checked, k, device=device)
    entries = memory.entries
    rest = checked.astype(np.float64) - entries.embeddings[np.searchsorted(entries.ids, whole.ids[:, 0])]
    lengths = np.linalg.norm(rest, axis=1)
    if (lengths < SHORTEST).any():
        row = int(np.argmin(lengths))
        raise UserError(f"query {row} is entry {whole.ids[row, 0]} itself; nothing remains of it")
    again = memory.search((rest / lengths[:, None]).astype(np.float32), k, device=device)
    return Residuals(whole, again, lengths)
