"""Labels for patches by attention: a softmax over labelled tokens, averaging their labels.

    answer(query) = sum over entries of softmax(<query, entry> / divisor) * value(entry)

An image's memory is small; a data set's is not (512 images of 28 x 28 tokens are 401,408), so the softmax is summed a
block of entries at a time with a running maximum (Milakov and Gimelshein 2018, arXiv 1805.02867): working memory is
bounded by a budget and the answer is that of the whole, up to the rounding of float32 products.

Letters: Q queries, N entries, D embedding, C channels of a value.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 256 << 20
_COPIES = 3
"""Products of a block, their exponentials, and one temporary."""
_MOST_QUERIES = 1024
_CACHE_PAIRS = 1 << 20
"""Products of a block on a processor: 4 MB stay in its cache between product, exponential and sum, twice as fast."""


def soft_labels(
    queries: torch.Tensor,
    entries: torch.Tensor,
    values: torch.Tensor,
    divisor: float,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> torch.Tensor:
    """Average of the entries' values, weighted by a softmax of their products with each query.

    Args:
        queries: (Q, D) floats, as they are (not normalised).
        entries: (N, D) floats on the same device.
        values: (N, C) floats, or (N,) int64 labels, which count as one-hot rows over C = largest + 1.
        divisor: of the products: C of the paper's in-context rule is D, of its kNN rule sqrt(D).
        budget_bytes: bound on working memory beside inputs and answer.

    Returns:
        (Q, C) float32; rows of one-hot values sum to 1.

    Raises:
        UserError: if shapes do not fit, there is no entry, the divisor is not positive, or the budget is below one
            product.
    """
    if queries.ndim != 2 or entries.ndim != 2 or queries.shape[1] != entries.shape[1] or len(values) != len(entries):
        raise UserError(
            f"queries (Q, D), entries (N, D) and values (N, ...) do not fit: {tuple(queries.shape)}, "
            f"{tuple(entries.shape)}, {tuple(values.shape)}"
        )
    if not len(entries) or divisor <= 0:
        raise UserError(f"soft labels need entries and a divisor above 0, received {len(entries)} and {divisor}")
    num_pairs = budget_bytes // (4 * _COPIES)
    if num_pairs < 1:
        raise UserError(f"budget_bytes must hold at least one product ({4 * _COPIES} bytes), received {budget_bytes}")
    if entries.device.type == "cpu":
        num_pairs = min(num_pairs, _CACHE_PAIRS)
    num_channels = int(values.max()) + 1 if values.ndim == 1 else values.shape[1]
    answer = torch.empty(len(queries), num_channels, device=queries.device)
    block = min(_MOST_QUERIES, num_pairs, max(1, len(queries)))
    for start in range(0, len(queries), block):
        part = slice(start, start + block)
        answer[part] = _one_block(queries[part].float() / divisor, entries, values, num_channels, num_pairs // block)
    return answer


def _one_block(
    queries: torch.Tensor, entries: torch.Tensor, values: torch.Tensor, num_channels: int, entries_at_once: int
) -> torch.Tensor:
    largest = torch.full((len(queries), 1), -torch.inf, device=queries.device)
    sums = torch.zeros(len(queries), num_channels, device=queries.device)
    total = torch.zeros(len(queries), 1, device=queries.device)
    for start in range(0, len(entries), entries_at_once):
        part = slice(start, start + entries_at_once)
        products = queries @ entries[part].T.to(queries.dtype)
        new_largest = torch.maximum(largest, products.amax(dim=1, keepdim=True))
        weights = products.sub_(new_largest).exp_()
        fade = (largest - new_largest).exp()  # 0 at the first block
        sums, total = sums * fade, total * fade + weights.sum(1, keepdim=True)
        block = values[part] if values.ndim == 2 else F.one_hot(values[part], num_channels)
        sums = sums + weights @ block.to(weights.dtype)
        largest = new_largest
    return sums / total
