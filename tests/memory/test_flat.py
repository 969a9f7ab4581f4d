"""faiss as the fast pass: the answer is that of the numpy engine, also where its k + m products do not suffice.

Letters: Q queries, N entries, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory import flat, search
from memory.flat import flat_pairs
from memory.search import exact_search
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.mark.parametrize("num_queries", [1, 40])
@pytest.mark.parametrize("copies", [1, 3, 200])
def test_equals_the_numpy_engine_also_with_many_twins(num_queries: int, copies: int, unit_rows: MakeUnitRows) -> None:
    entries = np.tile(unit_rows(600 // copies, 20), (copies, 1))
    ids = np.random.default_rng(0).permutation(len(entries))
    queries = np.concatenate([entries[:1], unit_rows(40, 20, 5)])[:num_queries]
    by_faiss = exact_search(queries, entries, 7, ids=ids, engine="faiss")
    by_numpy = exact_search(queries, entries, 7, ids=ids, engine="numpy")
    assert np.array_equal(by_faiss.ids, by_numpy.ids)
    assert np.array_equal(by_faiss.similarities, by_numpy.similarities)


def test_queries_with_more_than_it_looked_at_are_named(unit_rows: MakeUnitRows) -> None:
    others = unit_rows(50, 8, 1)
    entries = np.concatenate([np.tile(-others[20], (50, 1)), others])  # 50 twins opposite to the second query
    queries = np.stack([entries[0], entries[70]])
    pairs, open_ended = flat_pairs(queries, entries, 3, 1e-6)
    assert open_ended.tolist() == [True, False]
    assert set(pairs.entry_rows[pairs.query_rows == 1]) == {*np.argsort(-(entries @ queries[1]), kind="stable")[:3]}
    whole, none_open = flat_pairs(queries, entries[:10], 3, 1e-6)  # all entries were looked at
    assert not none_open.any()
    assert (whole.query_rows == 0).sum() == 10


def test_one_query_takes_faiss_and_many_do_not(unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    monkeypatch.setattr(
        search, "flat_pairs", lambda queries, *rest: used.append(len(queries)) or flat_pairs(queries, *rest)
    )
    entries = unit_rows(100, 8)
    exact_search(entries[:1], entries, 3)
    exact_search(entries[:50], entries, 3)
    exact_search(entries[:1], entries, 3, allowed=np.arange(100) < 50)
    assert used == [1]


def test_what_is_missing_is_said(unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = unit_rows(10, 8)
    if not hasattr(flat.load_faiss(), "StandardGpuResources"):
        with pytest.raises(UserError, match="no GPU part"):
            exact_search(entries, entries, 1, engine="faiss", device="cuda")
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(UserError, match="pip install faiss-cpu"):
        exact_search(entries, entries, 1, engine="faiss")
    with pytest.raises(UserError, match="did you mean 'numpy'"):
        exact_search(entries, entries, 1, engine="nunpy")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="engine numpy runs on the processor only"):
        exact_search(entries, entries, 1, engine="numpy", device="cuda")
