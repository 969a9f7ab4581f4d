"""Pruning: entries that led the memory itself astray count less, or not at all.

The memory is asked about its own entries, each with itself excluded, and every entry gets a count v of harm done.
Hard pruning drops entries from v = 128 on out of the lists that a search returned, without refilling them; soft
pruning multiplies their votes by 1.75 / (1 + v), and by 1 where v = 0. Constants and both readings of v are those of
Geirhos et al., "Towards flexible perception with visual memory" (2024, arXiv 2408.08172), section 3.6 and appendix I:

* ``"code"``, their notebook: the queries that had this entry among the k nearest while being of another class;
* ``"text"``, their article: the wrong decisions it contributed to. We read it as: the vote went wrong, and for the
  class of this entry.

The counts cost one search of the memory with itself. The alternative, leaving entries out one by one and measuring,
is the audit of `memory.audit`.

Letters: N entries, K neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.mask import Mask, excluding
from memory.neighbors import PADDING, Neighbors
from memory.reliability import right_neighbors
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError, unknown_name

if TYPE_CHECKING:
    from memory.memory import VisualMemory

Harm = Literal["code", "text"]

NUM_NEIGHBORS = 100
"""k of the memory's search of itself, in hard pruning of the paper and in its code for both."""

SOFT_NUM_NEIGHBORS = 10
"""k of the votes that soft pruning weighs, in the paper's code."""

HARD_THRESHOLD = 128
SOFT_NUMERATOR, SOFT_OFFSET = 1.75, 1.0


def search_itself(memory: VisualMemory, k: int = NUM_NEIGHBORS, *, device: str = "cpu") -> Neighbors:
    """The k nearest other entries of each entry, in the order of `memory.entries`.

    Raises:
        UserError: for an empty memory or k < 1.
    """
    entries = memory.entries
    mask = Mask(exclusions=[excluding(entries.ids, entries.ids)])
    return memory.search(entries.embeddings, k, allowed=mask, device=device)


def count_harm(
    own: Neighbors,
    entry_ids: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    *,
    harm: Harm = "code",
    voting: Voting | Rule = "rank",
) -> npt.NDArray[np.int64]:
    """Count v, the harm that each entry did in the memory's answers about itself.

    ``for q: for j: v[ids[q, j]] += labels[q, j] != label of q [and labels[q, j] == prediction of q, in the text]``

    Args:
        own: (N, K) from `search_itself`.
        entry_ids: (N,) ascending, the entry that each row was asked about.
        labels: (N,) classes of the entries.
        harm: which of the paper's two definitions.
        voting: how decisions are made, for ``"text"``.

    Returns:
        (N,) counts, in the order of `entry_ids`.

    Raises:
        UserError: if shapes differ, an entry is its own neighbour, or the definition is unknown.
    """
    if harm not in get_args(Harm):
        raise unknown_name("definition of harm", harm, get_args(Harm))
    if np.shape(entry_ids) != (own.num_queries,) or (np.diff(entry_ids) <= 0).any():
        raise UserError(
            f"harm needs one ascending id a row; received {np.shape(entry_ids)} ids, {own.num_queries} rows"
        )
    if (own.ids == np.asarray(entry_ids)[:, None]).any():
        raise UserError("an entry is among its own neighbours; exclude it as `search_itself` does")
    is_right, present = right_neighbors(own, labels)
    is_harm = present & ~is_right
    if harm == "text":
        predictions = vote(own, num_classes=int(max(own.labels.max(), 0)) + 1, voting=voting).predictions
        is_harm &= own.labels == predictions[:, None]
    found = own.ids[is_harm]
    positions = np.searchsorted(entry_ids, found)
    if (np.append(entry_ids, PADDING)[positions] != found).any():
        raise UserError("a neighbour is none of the entries")
    return np.bincount(positions, minlength=len(entry_ids))


def hard_mask(harm: npt.NDArray[np.int64], threshold: int = HARD_THRESHOLD) -> npt.NDArray[np.bool_]:
    """(N,) which entries stay: those with less harm than the threshold; also fit for `search(allowed=...)`."""
    return np.asarray(harm) < threshold


def soft_weights(
    harm: npt.NDArray[np.int64], *, numerator: float = SOFT_NUMERATOR, offset: float = SOFT_OFFSET
) -> npt.NDArray[np.float64]:
    """(N,) factors of the entries' votes, for `VisualMemory.reweigh` or `Neighbors.weighted`.

    As the paper has it: 1 at v = 0, 0.875 at 1, 0.16 at 10, 0.017 at 100.
    """
    return np.where(np.asarray(harm) == 0, 1.0, numerator / (offset + np.asarray(harm)))


def prune(neighbors: Neighbors, entry_ids: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_]) -> Neighbors:
    """Hard pruning as the paper does it: entries leave the lists after the search, and nobody fills their place.

    `search(allowed=hard_mask(harm))` refills.

    Args:
        neighbors: (Q, K).
        entry_ids: (N,) ascending.
        kept: (N,) flags of `hard_mask`.
    """
    flags = neighbors.weighted(entry_ids, kept.astype(np.float64)).weights
    assert flags is not None
    return neighbors.keeping(flags > 0)
