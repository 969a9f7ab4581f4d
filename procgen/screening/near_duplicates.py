"""Near-duplicates among embedded programs: exact distances, and one rule for which of two goes.

The distance of two programs is the root mean square difference of their embeddings, in levels of 255. Embeddings are
bytes, so inner products are whole numbers below 2^53 and a float64 matrix product of them is exact in any order: no
margin, no ties by rounding. An approximate search was not needed: 21,000 programs take a quarter of a tera-operation.

Letters: N programs, E bytes of a program's embedding (all draws).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

ROWS_AT_ONCE = 256


def near_duplicates(
    ids: Sequence[str], embeddings: npt.NDArray[np.uint8], max_distance: float
) -> dict[str, tuple[str, float]]:
    """Programs to drop so that no two that stay are within `max_distance`.

    In order of id: a program stays unless one that stayed before it lies within the distance. In a chain a, b, c of
    which only neighbours are near, b goes and c stays.

    Args:
        ids: N different ids, in any order.
        embeddings: uint8 (N, E).
        max_distance: in levels of 255; at 0 only equal embeddings are duplicates.

    Returns:
        Dropped id -> (nearest id that stayed before it, distance); of equally near ones the smaller id.

    Raises:
        UserError: if two ids are equal or the shapes do not fit.
    """
    if len(set(ids)) != len(ids) or embeddings.ndim != 2 or len(embeddings) != len(ids):
        raise UserError(f"need one embedding for each of N different ids, got {len(ids)} and {embeddings.shape}")
    order = sorted(range(len(ids)), key=lambda index: ids[index])
    values = embeddings[order].astype(np.float64)
    squares = (values**2).sum(axis=1)
    limit = max_distance**2 * embeddings.shape[1]
    kept = np.zeros(len(ids), dtype=bool)
    dropped: dict[str, tuple[str, float]] = {}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        distances = squares[rows, None] + squares - 2 * values[rows] @ values.T
        for row, distance in enumerate(distances, start=start):
            to_kept = np.where(kept[:row], distance[:row], np.inf)
            nearest = int(to_kept.argmin()) if row else 0
            if row and to_kept[nearest] <= limit:
                rms = float(np.sqrt(to_kept[nearest] / embeddings.shape[1]))
                dropped[ids[order[row]]] = (ids[order[nearest]], rms)
            else:
                kept[row] = True
    return dropped
