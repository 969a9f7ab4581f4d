"""Exact search on a torch device: entries stay there, products, cut and ranking happen there, only the answer returns.

The same argument as in `memory.search`, with a cheaper fast pass: products in half precision where the hardware has
units for them (tensor cores: float16, whose 11 bits make the bound eight times tighter than bfloat16's; AMX: bfloat16).
The bound is not the worst case of rounding but measured: with q' and e' the rounded vectors,
|q.e - q'.e'| <= |q - q'| |e| + |q'| |e - e'|, and both residual lengths are known once the vectors are rounded. What
the bound leaves is ranked by float64 similarities in the fixed order of `memory.similarity`, so the answer has the same
bits everywhere. Where half precision leaves too many (near-duplicates), the block is searched again in float32.

Assumed of the hardware: half-precision products are summed in at least 22 correct bits (tensor cores cut instead of
rounding, which costs one to two bits of float32's 24), and the result is rounded once. No GPU has run this yet.

Letters: Q queries, N entries, D embedding, M pairs.
"""

from __future__ import annotations

import contextlib
import functools
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from memory.mask import Mask
from memory.products import processor_has_matrix_units
from memory.similarity import NORM_TOLERANCE, product_error_bound
from procmem.errors import UserError

Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]

_SUM_ROUNDOFF = 2.0**-22
_INPUT_ROUNDOFF = {"tf32": 2.0**-10, "bf16": 2.0**-7}
"""Relative error of a float32 input that torch was allowed to cut; truncation is assumed, rounding would halve it."""
_BYTES_PER_PRODUCT = 8  # product, flag and room for a copy
_BYTES_PER_PAIR = 96  # rows, product, sort keys and their copies
_FIRST_BLOCK = 256
_MOST_CANDIDATES = 64  # for each neighbour wanted; float32 leaves one or two
_RANKED_VALUES = 1 << 24  # float64 values of one step of the ranking
_TRIAL = (512, 384, 4096)  # queries, dimension, entries of the product that decides on half precision
_WORTHWHILE = 1.3  # half precision must be so much faster, since it leaves more to rank


class _Pairs(NamedTuple):
    query_rows: torch.Tensor
    entry_rows: torch.Tensor
    products: torch.Tensor

    def at(self, places: torch.Tensor) -> _Pairs:
        return _Pairs(self.query_rows[places], self.entry_rows[places], self.products[places])


class _Operands(NamedTuple):
    """What a fast pass multiplies, and the bound (Q, 1) on the error of its products, float64."""

    queries: torch.Tensor
    entries: torch.Tensor
    error: torch.Tensor


class TorchSearch:
    """Entries on a torch device, ready to be searched.

    Args:
        entries: (N, D) float32, checked, N >= 1.
        ids: (N,) int64.
        device: a torch device.
        half: multiply in half precision; by default on CUDA, and on processors where that was measured faster.

    Raises:
        UserError: if there is no such device, or the entries do not fit.
    """

    def __init__(
        self, entries: npt.NDArray[np.float32], ids: npt.NDArray[np.int64], device: str, *, half: bool | None = None
    ) -> None:
        try:
            self._device = torch.device(device)
            self._entries = torch.from_numpy(entries).to(self._device)
            self._ids = torch.from_numpy(np.ascontiguousarray(ids)).to(self._device)
            self._half: torch.Tensor | None = None
            if half_is_faster(self._device.type) if half is None else half:
                self._half = self._entries.to(_half_type(self._device))
                self._half_residual = _residual_lengths(self._entries, self._half).max()
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"{len(entries)} entries do not fit on {device!r} ({_first_line(error)}); split them over several "
                "devices (memory.sharded_search) or search on the processor"
            ) from error
        except (RuntimeError, AssertionError) as error:
            raise UserError(f"cannot search on device {device!r}: {_first_line(error)}") from error

    def default_budget(self) -> int | None:
        """A quarter of what is free on a GPU: it is efficient only for large products; None elsewhere."""
        return torch.cuda.mem_get_info(self._device)[0] // 4 if self._device.type == "cuda" else None

    def query_block(self, budget_bytes: int) -> int:
        """Queries to search at once: a square of products within the budget, as large products are efficient."""
        return int(np.clip((budget_bytes // (2 * _BYTES_PER_PRODUCT)) ** 0.5 / 4, 1, 8192))

    def nearest(self, queries: npt.NDArray[np.float32], k: int, mask: Mask, budget_bytes: int) -> Found:
        """Rows (Q, k) of the nearest entries, -1 where fewer may answer, and their similarities; k <= N."""
        on_device = torch.from_numpy(queries).to(self._device)
        masking = _Masking(mask, self._device)
        pairs = None
        if self._half is not None:
            pairs = self._candidates(self._half_operands(on_device), on_device, k, masking, budget_bytes)
        if pairs is None:
            pairs = self._candidates(self._float_operands(on_device), on_device, k, masking, budget_bytes)
        assert pairs is not None  # float32 ranks on the way and never gives up
        rows = torch.full((len(queries), k), -1, dtype=torch.int64, device=self._device)
        similarities = torch.full((len(queries), k), -torch.inf, dtype=torch.float64, device=self._device)
        kept, ranks, values = self._ranked(pairs, on_device, k)
        rows[kept.query_rows, ranks] = kept.entry_rows
        similarities[kept.query_rows, ranks] = values
        return rows.cpu().numpy(), similarities.cpu().numpy()

    def _half_operands(self, queries: torch.Tensor) -> _Operands:
        assert self._half is not None
        rounded = queries.to(self._half.dtype)
        residual = _residual_lengths(queries, rounded)
        longest = 1 + NORM_TOLERANCE
        rounding = residual * longest + (longest + residual) * self._half_residual
        longest_product = (longest + residual) * (longest + self._half_residual)
        summing = product_error_bound(queries.shape[1], sum_roundoff=_SUM_ROUNDOFF)
        result = torch.finfo(self._half.dtype).eps / 2 * (1 + summing)
        return _Operands(rounded, self._half, (rounding + longest_product * (summing + result))[:, None])

    def _float_operands(self, queries: torch.Tensor) -> _Operands:
        error = product_error_bound(queries.shape[1], float32_roundoff())
        return _Operands(
            queries, self._entries, torch.full((len(queries), 1), error, dtype=torch.float64).to(queries.device)
        )

    def _candidates(
        self, operands: _Operands, queries: torch.Tensor, k: int, masking: _Masking, budget_bytes: int
    ) -> _Pairs | None:
        """Pairs that may be among the nearest; None where half precision leaves too many."""
        Q, N = len(queries), len(self._entries)
        longest = max(1, budget_bytes // (2 * _BYTES_PER_PRODUCT * Q))
        most_hits = max(2 * Q * k, budget_bytes // (2 * _BYTES_PER_PAIR))
        thresholds = torch.full((Q, 1), -torch.inf, dtype=torch.float64, device=self._device)
        kept = _Pairs(
            *(torch.empty(0, dtype=t, device=self._device) for t in (torch.int64, torch.int64, torch.float32))
        )
        start, length = 0, min(_FIRST_BLOCK, longest)
        while start < N:
            length = min(length, N - start)
            found = _reaching(operands, thresholds, start, length, masking, most_hits)
            if found is None:  # too many at once: half the block; one entry alone never is
                length = (length + 1) // 2
                continue
            kept = _Pairs(*(torch.cat(columns) for columns in zip(kept, found, strict=True)))
            thresholds = _kth_largest(kept, Q, k) - 2 * operands.error
            kept = kept.at(kept.products >= thresholds[kept.query_rows, 0])
            if len(kept.products) > min(most_hits, _MOST_CANDIDATES * Q * k):
                if operands.entries is self._half:
                    return None
                kept = self._ranked(kept, queries, k)[0]
            start += length
            length = min(2 * length, longest)
        return kept

    def _ranked(self, pairs: _Pairs, queries: torch.Tensor, k: int) -> tuple[_Pairs, torch.Tensor, torch.Tensor]:
        """At most k pairs of each query, nearest first, ties by smaller id; their ranks and similarities."""
        similarities = _pair_similarities(queries, self._entries, pairs.query_rows, pairs.entry_rows)
        order = torch.argsort(self._ids[pairs.entry_rows])
        order = order[torch.argsort(similarities[order], descending=True, stable=True)]
        order = order[torch.argsort(pairs.query_rows[order], stable=True)]
        query_rows = pairs.query_rows[order]
        ranks = torch.arange(len(order), device=self._device) - torch.searchsorted(query_rows, query_rows)
        near = ranks < k
        return pairs.at(order[near]), ranks[near], similarities[order[near]]


class _Masking:
    """A mask on the device."""

    def __init__(self, mask: Mask, device: torch.device) -> None:
        self._allowed = None if mask.allowed is None else torch.from_numpy(mask.allowed).to(device)
        self._codes = [tuple(torch.from_numpy(codes).to(device) for codes in pair) for pair in mask.exclusions]

    def hide(self, flags: torch.Tensor, start: int) -> None:
        """Clear the flags (Q, n) of the entries from row `start` on that may not answer."""
        rows = slice(start, start + flags.shape[1])
        if self._allowed is not None:
            flags &= self._allowed[rows]
        for entry_codes, query_codes in self._codes:
            flags &= entry_codes[rows] != query_codes[:, None]


def _reaching(
    operands: _Operands, thresholds: torch.Tensor, start: int, length: int, masking: _Masking, most_hits: int
) -> _Pairs | None:
    """Pairs of a block of entries that reach the thresholds (Q, 1); None where they are more than `most_hits`."""
    with _exact_sums():
        products = operands.queries @ operands.entries[start : start + length].T
    resolution = torch.finfo(products.dtype).eps
    below = (thresholds - thresholds.abs() * resolution - 2.0**-24).to(products.dtype)  # not above, once rounded
    flags = products >= below
    masking.hide(flags, start)
    if length > 1 and int(flags.sum()) > most_hits:
        return None
    query_rows, entry_rows = torch.nonzero(flags, as_tuple=True)
    return _Pairs(query_rows, entry_rows + start, products[query_rows, entry_rows].float())


def _kth_largest(pairs: _Pairs, num_queries: int, k: int) -> torch.Tensor:
    """(Q, 1) float64: the k-th largest product of each query, -inf where it has fewer pairs; one sort of integers."""
    bits = pairs.products.view(torch.int32).to(torch.int64) & 0xFFFFFFFF
    descending = torch.where(bits >> 31 == 1, bits, bits ^ 0x7FFFFFFF)
    order = torch.argsort((pairs.query_rows << 32) | descending)
    starts = torch.searchsorted(pairs.query_rows[order], torch.arange(num_queries + 1, device=order.device))
    enough = (starts[1:] - starts[:-1]) >= k
    values = torch.full((num_queries, 1), -torch.inf, dtype=torch.float64, device=order.device)
    values[enough, 0] = pairs.products[order[starts[:-1][enough] + k - 1]].double()
    return values


def _pair_similarities(
    queries: torch.Tensor, entries: torch.Tensor, query_rows: torch.Tensor, entry_rows: torch.Tensor
) -> torch.Tensor:
    """`memory.similarity.pair_similarities` on a device: the same additions in the same order, so the same bits."""
    similarities = torch.empty(len(query_rows), dtype=torch.float64, device=queries.device)
    block = max(1, _RANKED_VALUES // queries.shape[1])
    for start in range(0, len(query_rows), block):
        part = slice(start, start + block)
        products = entries[entry_rows[part]].double() * queries[query_rows[part]].double()
        width = products.shape[1]
        while width > 1:
            half = (width + 1) // 2
            products[:, : width - half] += products[:, half:width]
            width = half
        similarities[part] = products[:, 0]
    return similarities


def _residual_lengths(rows: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    """(N,) float64, at least the length of what rounding took away."""
    block = max(1, _RANKED_VALUES // rows.shape[1])
    parts = [
        torch.linalg.vector_norm(rows[start : start + block].double() - rounded[start : start + block].double(), dim=1)
        for start in range(0, len(rows), block)
    ]
    return torch.cat(parts) * (1 + 2.0**-40)  # the rounding of this very sum


def _half_type(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.bfloat16


@functools.cache
def half_is_faster(device_type: str) -> bool:
    """Whether half-precision products are clearly faster: on CUDA yes, on a processor with matrix units if measured so.

    Not measured without such units: there torch emulates them, seen a hundred times slower than float32.
    """
    if device_type != "cpu" or not processor_has_matrix_units():
        return device_type == "cuda"
    Q, D, N = _TRIAL
    rows, columns = torch.ones(Q, D), torch.ones(D, N)
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = rows.to(dtype), columns.to(dtype)
        times = []
        for _ in range(4):
            begin = time.perf_counter()
            left @ right
            times.append(time.perf_counter() - begin)
        seconds[dtype] = statistics.median(times[1:])
    return seconds[torch.float32] > _WORTHWHILE * seconds[torch.bfloat16]


def float32_roundoff() -> float:
    """Relative error that torch may make on a float32 input before it multiplies.

    Torch may be told to use TF32 or bfloat16 for float32 products. The coarsest format that any of its settings
    names is assumed: too coarse a bound costs time, never an answer.
    """
    from torch import backends

    places = (backends, backends.cuda.matmul, getattr(backends.mkldnn, "matmul", None))
    settings = [getattr(place, "fp32_precision", "ieee") for place in places]
    return max(_INPUT_ROUNDOFF.get(setting, 0.0) for setting in settings)


@contextlib.contextmanager
def _exact_sums() -> Iterator[None]:
    """Sum half-precision products in float32, whatever torch was told."""
    flags = ("allow_fp16_reduced_precision_reduction", "allow_fp16_accumulation")
    before = {flag: getattr(torch.backends.cuda.matmul, flag) for flag in flags}
    try:
        for flag in flags:
            setattr(torch.backends.cuda.matmul, flag, False)
        yield
    finally:
        for flag, value in before.items():
            setattr(torch.backends.cuda.matmul, flag, value)


def _first_line(error: BaseException) -> str:
    return str(error).split("\n")[0]
