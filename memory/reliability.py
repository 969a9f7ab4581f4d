"""Reliability: how often the neighbour of each rank has the query's class, and how often any of the first k has.

The first is what a vote may trust: it falls with rank along a logarithm (Geirhos et al., "Towards flexible perception
with visual memory", 2024, arXiv 2408.08172, figure 1 and appendix H). The second, the hit rate, is the most that any
vote over k neighbours can reach (appendix E). Both come from one search at the largest k.

Letters: Q queries, K neighbours.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.line_fit import Line, fit_line
from memory.neighbors import PADDING, Neighbors
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reliability:
    """What the neighbours of each rank are worth.

    Attributes:
        accuracy: (K,) share of the neighbours of each rank (the nearest first) that have their query's class; NaN
            for a rank that no query has a neighbour of.
        hit_rate: (K,) share of all queries with a neighbour of their class among the first 1, 2, ..., K.
        log_fit: accuracy against ln(1 + rank), the nearest has rank 0; None where fewer than two ranks are known.
    """

    accuracy: npt.NDArray[np.float64]
    hit_rate: npt.NDArray[np.float64]
    log_fit: Line | None

    def fitted(self) -> npt.NDArray[np.float64]:
        """(K,) accuracy by the fit; NaN without one."""
        ranks = np.arange(len(self.accuracy))
        return np.full(len(ranks), np.nan) if self.log_fit is None else self.log_fit.at(np.log1p(ranks))


def reliability(neighbors: Neighbors, query_labels: npt.NDArray[np.int64]) -> Reliability:
    """Compare every neighbour's class with its query's.

    The paper's index starts at 0, and a logarithm needs a start above it: ours is ln(1 + rank). Every rank counts the
    same in the fit.

    Args:
        neighbors: (Q, K).
        query_labels: (Q,) true classes.

    Raises:
        UserError: without queries, or for labels of another length.
    """
    is_right, present = right_neighbors(neighbors, query_labels)
    counts = present.sum(axis=0)
    accuracy: npt.NDArray[np.float64] = np.divide(
        is_right.sum(axis=0), counts, out=np.full(neighbors.num_neighbors, np.nan), where=counts > 0
    )
    known = np.flatnonzero(counts)
    return Reliability(
        accuracy=accuracy,
        hit_rate=np.logical_or.accumulate(is_right, axis=1).mean(axis=0),
        log_fit=fit_line(np.log1p(known), accuracy[known]) if len(known) > 1 else None,
    )


def right_neighbors(
    neighbors: Neighbors, query_labels: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(Q, K) whether each neighbour is of its query's class, and whether it is there at all.

    Raises:
        UserError: without queries, or for labels of another length.
    """
    labels = np.asarray(query_labels)
    if labels.shape != (neighbors.num_queries,) or not len(labels):
        raise UserError(f"at least 1 query with one label each is needed; received {labels.shape} labels")
    present = neighbors.ids != PADDING
    return (neighbors.labels == labels[:, None]) & present, present
