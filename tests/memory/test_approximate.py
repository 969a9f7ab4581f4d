"""Approximate search: exact similarities, honest recall, right under change. Letters: N entries, D embedding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory import approximate
from memory.approximate import ApproximateSearch, Present, build, hash_rows, measure_recall
from memory.audit.leave_one_out import leave_one_out
from memory.mask import Mask, excluding
from memory.search import exact_search
from procmem.errors import UserError

Rows = npt.NDArray[np.float32]
MakeUnitRows = Callable[..., Rows]
N, D = 1500, 16


def present_of(ids: npt.NDArray[np.int64], rows: Rows, counting: npt.NDArray[np.bool_] | None = None) -> Present:
    return Present(ids, rows, ids % 3, hash_rows(rows), counting)


@pytest.fixture(scope="module")
def rows() -> Rows:
    made = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def indexes(rows: Rows) -> dict[str, ApproximateSearch]:
    return {kind: build(kind, present_of(np.arange(N), rows)) for kind in ("hnsw", "ivfpq")}


@pytest.mark.parametrize("kind", ["hnsw", "ivfpq"])
def test_returned_similarities_are_exact_and_recall_is_what_it_says(
    kind: str, rows: Rows, indexes: dict[str, ApproximateSearch], unit_rows: MakeUnitRows
) -> None:
    queries = unit_rows(100, D, 9)
    found = indexes[kind].search(present_of(np.arange(N), rows), queries, 10, Mask())
    exact = exact_search(queries, rows, 10, labels=np.arange(N) % 3)
    shared = [set(a) & set(b) for a, b in zip(found.ids.tolist(), exact.ids.tolist(), strict=True)]
    assert np.mean([len(both) / 10 for both in shared]) == pytest.approx(found.recall, abs=0.05)
    assert found.recall > 0.9
    every = exact_search(queries, rows, N)
    for q in range(100):
        right = dict(zip(every.ids[q].tolist(), every.similarities[q].tolist(), strict=True))
        assert [right[i] for i in found.ids[q].tolist()] == found.similarities[q].tolist()
    assert np.array_equal(found.labels, found.ids % 3)
    assert found.memory_size == N


def test_recall_by_hand(rows: Rows) -> None:
    """An index that proposes only even entries finds the even ones of the true neighbours."""

    class OnlyEven:
        def search(self, queries: Rows, num: int, params: object) -> tuple[None, npt.NDArray[np.int64]]:
            return None, np.broadcast_to(np.arange(0, N, 2), (len(queries), N // 2))

    present = present_of(np.arange(N), rows)
    nothing = approximate.Recall(k=0, value=0, standard_error=0, num_queries=0)
    made = ApproximateSearch(
        kind="hnsw", index=OnlyEven(), ids=np.arange(N), hashes=present.hashes, num_trained=N, recall=nothing
    )
    recall = measure_recall(made, present, k=4)
    exact = exact_search(rows, rows, 5).ids[:, 1:]
    shares = (exact % 2 == 0).mean(axis=1)
    assert recall.value == pytest.approx(shares.mean(), abs=4 * recall.standard_error)
    assert recall.standard_error == pytest.approx(shares.std() / np.sqrt(recall.num_queries), rel=0.2)
    assert (recall.k, recall.num_queries) == (4, approximate.RECALL_QUERIES)


def test_audits_refuse_what_it_finds(rows: Rows, indexes: dict[str, ApproximateSearch]) -> None:
    found = indexes["hnsw"].search(present_of(np.arange(N), rows), rows[:5], 4, Mask())
    with pytest.raises(UserError, match="approximate search; an audit needs an exact one"):
        leave_one_out(found, 3)
    with pytest.raises(UserError, match="approximate search"):
        leave_one_out(found.first(4), 3)


@pytest.mark.parametrize("kind", ["hnsw", "ivfpq"])
def test_removed_replaced_and_added_entries(
    kind: str, rows: Rows, indexes: dict[str, ApproximateSearch], unit_rows: MakeUnitRows
) -> None:
    changed = rows.copy()
    changed[7] = unit_rows(1, D, 50)[0]  # id 7 was replaced
    ids = np.concatenate([np.arange(N), [N + 5, N + 6]])
    added = unit_rows(2, D, 51)
    counting = np.ones(N + 2, np.bool_)
    counting[[3, 4]] = False  # removed
    present = present_of(ids, np.concatenate([changed, added]), counting)
    assert present.rows_of(indexes[kind])[[2, 3, 4, 7]].tolist() == [2, -1, -1, -1]
    assert present.beside(indexes[kind]).tolist() == [7, N, N + 1]
    asked = np.concatenate([rows[[3, 4, 7]], changed[[7]], added])
    found = indexes[kind].search(present, asked, 5, Mask(allowed=counting))
    assert not np.isin(found.ids, [3, 4]).any()
    assert found.ids[2, 0] != 7  # not where it was
    assert found.ids[3:, 0].tolist() == [7, N + 5, N + 6]
    assert found.similarities[3:, 0] == pytest.approx(1, abs=1e-6)
    assert found.memory_size is None or found.memory_size == N


def test_when_it_is_worn_and_when_it_takes_entries_in(
    rows: Rows, unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximate, "RECALL_QUERIES", 5)
    made = build("hnsw", present_of(np.arange(500), rows[:500]))
    counting = np.ones(500, np.bool_)
    counting[:100] = False
    assert not made.is_worn(present_of(np.arange(500), rows[:500], counting))
    counting[100] = False
    assert made.is_worn(present_of(np.arange(500), rows[:500], counting))
    assert not made.take_in(present_of(np.arange(756), rows[:756]))
    present = present_of(np.arange(757), rows[:757])
    assert not made.is_worn(present)
    assert made.take_in(present)
    assert len(present.beside(made)) == 0
    assert made.search(present, rows[700:702], 1, Mask()).ids.tolist() == [[700], [701]]
    assert made.is_worn(present_of(np.arange(1001), rows[:1001]))  # twice what it was built from


@pytest.mark.parametrize("kind", ["hnsw", "ivfpq"])
def test_masks_and_short_rows_fall_back_to_exact_search(
    kind: str, rows: Rows, indexes: dict[str, ApproximateSearch]
) -> None:
    present = present_of(np.arange(N), rows)
    few = np.zeros(N, np.bool_)
    few[[5, 600, 1400]] = True
    mask = Mask(allowed=few, exclusions=[excluding(np.arange(N), [5, 77])])
    found = indexes[kind].search(present, rows[[5, 77]], 3, mask)
    exact = exact_search(rows[[5, 77]], rows, 3, labels=np.arange(N) % 3, allowed=mask)
    assert found.ids.tolist() == exact.ids.tolist()
    assert found.ids[0, 2] == -1
    assert found.labels.tolist() == exact.labels.tolist()
    own = indexes[kind].search(present, rows[:50], 3, Mask(exclusions=[excluding(np.arange(N), np.arange(50))]))
    assert not (own.ids == np.arange(50)[:, None]).any()
    assert not own.exact


def test_the_hash_sees_every_bit_and_only_the_row_itself(rows: Rows) -> None:
    hashes = hash_rows(rows)
    assert len(np.unique(hashes)) == N
    assert hash_rows(rows[40:41])[0] == hashes[40]
    words = rows[:1].view(np.uint32)
    for place in (0, 5, D - 1):
        for bit in (0, 31):
            flipped = words.copy()
            flipped[0, place] ^= np.uint32(1 << bit)
            assert hash_rows(flipped.view(np.float32))[0] != hashes[0]


def test_building_is_refused_where_it_makes_no_sense(rows: Rows) -> None:
    with pytest.raises(UserError, match="50 entries are too few to train compressed lists on"):
        build("ivfpq", present_of(np.arange(50), rows[:50]))
    with pytest.raises(UserError, match="memory is empty"):
        build("hnsw", present_of(np.arange(0), rows[:0]))
    with pytest.raises(UserError, match="did you mean 'hnsw'"):
        build("hsnw", present_of(np.arange(50), rows[:50]))  # type: ignore[arg-type]
