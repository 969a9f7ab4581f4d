"""Pseudo-labels: a memory filled with another classifier's answers, each source trusted as far as it deserves.

The classifier's name goes into the column `dataset`, its trust into `weight`, so its entries can be weighed anew,
found and removed as any others (Geirhos et al., "Towards flexible perception with visual memory", 2024, arXiv
2408.08172, section 3.3, fill a memory of 10^9 entries so, all with one trust). Trust is measured on queries with known
answers: how often a neighbour from that source has the query's class.

Letters: N entries, Q queries, K neighbours, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memory.neighbors import Neighbors
from memory.reliability import right_neighbors
from procmem.errors import UserError, unknown_name

if TYPE_CHECKING:
    from memory.memory import VisualMemory


def add_pseudo_labelled(
    memory: VisualMemory,
    embeddings: npt.ArrayLike,
    probabilities: npt.NDArray[np.floating],
    *,
    source: str,
    trust: float = 1.0,
    min_confidence: float = 0.0,
    uri: Sequence[str | None] | None = None,
) -> npt.NDArray[np.int64]:
    """Add entries under the classes that another classifier finds most likely.

    Args:
        memory: where they go.
        embeddings: (N, D) unit-length embeddings by the memory's encoder.
        probabilities: (N, C) of the other classifier; equal ones go to the smaller class.
        source: the classifier's name, kept as the entries' data set.
        trust: weight of their votes, >= 0.
        min_confidence: images whose largest probability is below it are left out.
        uri: (N,) where each image comes from.

    Returns:
        Ids of the entries added.

    Raises:
        UserError: for probabilities that do not fit, none confident enough, and what the memory refuses.
    """
    probabilities = np.asarray(probabilities)
    N, C = len(np.asarray(embeddings)), len(memory.class_names)
    if probabilities.shape != (N, C) or not np.isfinite(probabilities).all():
        raise UserError(f"probabilities must be finite, ({N}, {C}); received shape {probabilities.shape}")
    kept = np.flatnonzero(probabilities.max(axis=1) >= min_confidence)
    if not len(kept):
        raise UserError(f"none of {N} images is classified with confidence {min_confidence} or more")
    return memory.add(
        np.asarray(embeddings)[kept],
        probabilities.argmax(axis=1)[kept],
        dataset=source,
        weight=trust,
        uri=None if uri is None else [uri[row] for row in kept.tolist()],
    )


def measure_trust(
    neighbors: Neighbors,
    query_labels: npt.NDArray[np.int64],
    entry_ids: npt.NDArray[np.int64],
    sources: Sequence[str | None],
) -> dict[str | None, float]:
    """How often a neighbour from each source has its query's class.

    Args:
        neighbors: (Q, K) of queries whose classes are known, not the ones that are to be measured later.
        query_labels: (Q,) true classes.
        entry_ids: (N,) ascending.
        sources: (N,) source of each entry, for example `VisualMemory.datasets()`.

    Returns:
        Source -> share, 0..1; sources that are nobody's neighbour are left out.
    """
    names = list(dict.fromkeys(sources))
    position = {name: number for number, name in enumerate(names)}
    numbered = np.array([position[source] for source in sources], np.int64)
    is_right, present = right_neighbors(neighbors, query_labels)
    source_of = neighbors.labelled(entry_ids, numbered).labels
    shares = {name: is_right[present & (source_of == number)] for number, name in enumerate(names)}
    return {name: float(flags.mean()) for name, flags in shares.items() if len(flags)}


def trust_weights(
    sources: Sequence[str | None], trust: Mapping[str | None, float], *, default: float | None = None
) -> npt.NDArray[np.float64]:
    """(N,) weight of each entry by its source, for `VisualMemory.reweigh` or `Neighbors.weighted`.

    Args:
        sources: (N,) source of each entry.
        trust: source -> weight.
        default: weight of sources that `trust` does not name; refused where omitted.

    Raises:
        UserError: for a source without trust.
    """
    if default is None:
        unknown = [source for source in sources if source not in trust]
        if unknown:
            raise unknown_name("source", str(unknown[0]), [str(name) for name in trust])
        return np.array([trust[source] for source in sources], np.float64)
    return np.array([trust.get(source, default) for source in sources], np.float64)
