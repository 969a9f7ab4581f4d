"""The torch engine gives the bits of the numpy engine: in float32 and half precision, whatever budget, mask or setting.

Here on CPU tensors; the same code runs on a GPU, where the tests marked `gpu` repeat it.

Letters: Q queries, N entries, D embedding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from memory import torch_search
from memory.mask import Mask, excluding
from memory.search import exact_search
from memory.torch_search import TorchSearch, float32_roundoff
from procmem.errors import UserError

Rows = npt.NDArray[np.float32]
BUDGET = 4 << 20


def problem(kind: str, Q: int, N: int, D: int) -> tuple[Rows, Rows]:
    rng = np.random.default_rng(7)
    base = rng.standard_normal((max(1, N // 10), D))
    entries = {
        "random": rng.standard_normal((N, D)),
        "duplicates": base[rng.integers(0, len(base), N)],
        "all equal": np.repeat(base[:1], N, axis=0),
        "near ties": base[:1] + 1e-4 * rng.standard_normal((N, D)),
    }[kind]
    queries = rng.standard_normal((Q, D))
    queries[0] = base[0]
    return tuple((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (queries, entries))


def assert_equals_numpy(
    queries: Rows, entries: Rows, k: int, half: bool, device: str, mask: Mask | None = None
) -> None:
    ids = np.random.default_rng(1).permutation(len(entries))
    mask = mask or Mask()
    rows, similarities = TorchSearch(entries, ids, device, half=half).nearest(queries, k, mask, BUDGET)
    right = exact_search(queries, entries, k, ids=ids, allowed=mask, engine="numpy")
    assert np.array_equal(np.where(rows < 0, -1, ids[rows]), right.ids)
    assert np.array_equal(similarities, right.similarities)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", ["random", "duplicates", "all equal", "near ties"])
def test_equals_the_numpy_engine_bit_for_bit(kind: str, half: bool) -> None:
    queries, entries = problem(kind, Q=9, N=3000, D=40)
    assert_equals_numpy(queries, entries, 8, half, "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", ["random", "duplicates", "near ties"])
def test_a_gpu_equals_the_numpy_engine(kind: str, half: bool) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    queries, entries = problem(kind, Q=300, N=30_000, D=384)
    assert_equals_numpy(queries, entries, 20, half, "cuda")


@pytest.mark.parametrize("half", [False, True])
def test_masks_hide_entries(half: bool) -> None:
    queries, entries = problem("duplicates", Q=6, N=500, D=16)
    owners = [f"owner {n % 7}" if n % 5 else None for n in range(500)]
    mask = Mask(
        allowed=np.random.default_rng(3).random(500) < 0.3,
        exclusions=[excluding(owners, ["owner 1", None, "owner 2", "owner 2", "nobody", "owner 0"])],
    )
    assert_equals_numpy(queries, entries, 9, half, "cpu", mask)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_no_half_precision_product_errs_more_than_its_bound(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_search, "_half_type", lambda _: dtype)
    queries, entries = problem("near ties", Q=40, N=400, D=384)
    entries[:200] = problem("random", Q=40, N=200, D=384)[1]
    queries[:20] = entries[:20]
    operands = TorchSearch(entries, np.arange(400), "cpu", half=True)._half_operands(torch.from_numpy(queries))
    products = (operands.queries @ operands.entries.T).double().numpy()
    errors = np.abs(products - queries.astype(np.float64) @ entries.astype(np.float64).T)
    bound = operands.error.numpy()
    assert (errors <= bound).all()
    assert errors.max() > bound.max() / 20  # a bound far above what happens would leave everything open


@pytest.mark.parametrize(
    ("dtype", "bits", "last"), [(torch.bfloat16, 8, 181 * 2.0**-12), (torch.float16, 11, 127 / 2**13)]
)
def test_the_half_precision_bound_holds_where_every_rounding_errs_to_the_same_side(
    dtype: torch.dtype, bits: int, last: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Components just below the middle of two half-precision numbers lose 2^-bits each, in queries and in entries; the
    # last one brings the product just below a middle too. No part of the bound can be left out.
    monkeypatch.setattr(torch_search, "_half_type", lambda _: dtype)
    num = {8: 253, 11: 1022}[bits]
    size = {8: 2.0**-4, 11: 2.0**-5}[bits] * (1 + 2.0**-bits - 2.0**-20)
    signs = np.random.default_rng(0).choice([-1, 1], (10, num + 1))
    rows = (signs * np.array([*[size] * num, last])).astype(np.float32)
    operands = TorchSearch(rows, np.arange(10), "cpu", half=True)._half_operands(torch.from_numpy(rows))
    products = (operands.queries @ operands.entries.T).double().numpy()
    errors = np.abs(products - rows.astype(np.float64) @ rows.astype(np.float64).T)
    assert (errors <= operands.error.numpy()).all()
    assert errors.max() > 2.4 * 2.0**-bits  # of at most 1 for the queries, 1 for the entries, 0.5 for the result


def test_half_precision_that_leaves_too_many_gives_way_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, entries = problem("near ties", Q=3, N=4000, D=24)
    used: list[torch.dtype] = []
    reaching = torch_search._reaching

    def noted(operands: torch_search._Operands, *rest: object) -> torch_search._Pairs | None:
        used.append(operands.entries.dtype)
        return reaching(operands, *rest)

    monkeypatch.setattr(torch_search, "_reaching", noted)
    monkeypatch.setattr(torch_search, "_MOST_CANDIDATES", 8)
    assert_equals_numpy(queries, entries, 5, True, "cpu")
    assert used[0] == torch.bfloat16
    assert used[-1] == torch.float32


def test_a_tiny_budget_changes_nothing() -> None:
    queries, entries = problem("all equal", Q=5, N=900, D=12)
    ids = np.arange(900)[::-1].copy()
    for half in (False, True):
        rows, _ = TorchSearch(entries, ids, "cpu", half=half).nearest(queries, 4, Mask(), 2000)
        assert ids[rows].tolist() == [[0, 1, 2, 3]] * 5


def test_similarities_on_the_device_have_the_bits_of_the_fixed_order() -> None:
    from memory.similarity import pair_similarities

    queries, entries = problem("random", Q=50, N=60, D=77)
    query_rows, entry_rows = np.divmod(np.arange(3000), 60)
    here = torch_search._pair_similarities(
        *map(torch.from_numpy, (queries, entries, query_rows, entry_rows)),
    )
    assert np.array_equal(here.numpy(), pair_similarities(queries, entries, query_rows, entry_rows))


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_the_float32_pass_gives_the_same_answer_at_any_precision_setting(precision: str) -> None:
    before = torch.get_float32_matmul_precision()
    queries, entries = problem("duplicates", Q=11, N=600, D=40)
    try:
        torch.set_float32_matmul_precision(precision)
        on_torch = exact_search(queries, entries, 8, engine="torch")
    finally:
        torch.set_float32_matmul_precision(before)
    on_numpy = exact_search(queries, entries, 8, engine="numpy")
    assert np.array_equal(on_torch.ids, on_numpy.ids)
    assert np.array_equal(on_torch.similarities, on_numpy.similarities)


def test_the_bound_follows_the_coarsest_precision_that_torch_may_use() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        assert float32_roundoff() == 0.0
        torch.set_float32_matmul_precision("high")
        assert float32_roundoff() == 2.0**-10
        torch.set_float32_matmul_precision("medium")
        assert float32_roundoff() == 2.0**-7
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_device_that_does_not_exist_is_a_clear_error() -> None:
    entries = np.eye(3, dtype=np.float32)
    with pytest.raises(UserError, match="cannot search on device 'cuda:99'"):
        TorchSearch(entries, np.arange(3), "cuda:99")
    with pytest.raises(UserError, match="cannot search on device 'gpu'"):
        TorchSearch(entries, np.arange(3), "gpu")


@pytest.mark.parametrize(
    ("named", "measured", "half"), [(False, True, False), (True, True, True), (True, False, False)]
)
def test_half_precision_needs_matrix_units_and_a_measured_gain(
    named: bool, measured: bool, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_search, "processor_has_matrix_units", lambda: named)
    monkeypatch.setattr(torch_search, "_WORTHWHILE", 0.0 if measured else np.inf)
    monkeypatch.setattr(torch_search, "_TRIAL", (2, 4, 8))
    assert torch_search.half_is_faster.__wrapped__("cpu") is half
    assert torch_search.half_is_faster.__wrapped__("cuda") is True
