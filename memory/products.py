"""Float32 products of queries and entries, cut at a threshold: the fast pass of the exact search.

On the CPU numpy's product: measured on 2 cores 0.74 s for 2,000 x 100,000 x 384, against 1.02 s for torch, and true
float32 whatever torch's settings are. On any other device torch's, with the comparison there, so that only the few
pairs that pass travel back.

Letters: Q queries, N entries (of one block), D embedding, M pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_INPUT_ROUNDOFF = {"tf32": 2.0**-10, "bf16": 2.0**-7}
"""Relative error of an input cut to a shorter format; truncation is assumed, rounding would halve it."""


def products_reaching(
    thresholds: npt.NDArray[np.float64],
    queries: npt.NDArray[np.float32],
    entries: npt.NDArray[np.float32],
    device: str,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """All pairs whose product is at least the query's threshold.

    Args:
        thresholds: (Q,) float64.
        queries: (Q, D).
        entries: (N, D).
        device: ``"cpu"`` or a torch device.

    Returns:
        Rows of queries (M,), rows of entries (M,), products (M,).
    """
    # rounded down to float32, so that the matrix need not be widened for the comparison
    thresholds_32 = np.nextafter(thresholds.astype(np.float32), np.float32(-np.inf))
    if device == "cpu":
        products = queries @ entries.T
        places = np.flatnonzero(products >= thresholds_32[:, None])  # 8x faster than nonzero in two dimensions
        query_rows, entry_rows = np.divmod(places, len(entries))
        return query_rows, entry_rows, products.reshape(-1)[places]
    return _with_torch(thresholds_32, queries, entries, device)


def _with_torch(
    thresholds: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], entries: npt.NDArray[np.float32], device: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    import torch

    products = torch.from_numpy(queries).to(device) @ torch.from_numpy(entries).to(device).T
    query_rows, entry_rows = torch.nonzero(products >= torch.from_numpy(thresholds).to(device)[:, None], as_tuple=True)
    return query_rows.cpu().numpy(), entry_rows.cpu().numpy(), products[query_rows, entry_rows].cpu().numpy()


def input_roundoff(device: str) -> float:
    """Relative error that the device may make on an input before it multiplies.

    Torch may be told to use TF32 or bfloat16 for float32 products. The coarsest format that any of its settings
    names is assumed: too coarse a bound costs time, never an answer.
    """
    if device == "cpu":
        return 0.0
    from torch import backends

    places = (backends, backends.cuda.matmul, getattr(backends.mkldnn, "matmul", None))
    settings = [getattr(place, "fp32_precision", "ieee") for place in places]
    return max(_INPUT_ROUNDOFF.get(setting, 0.0) for setting in settings)
