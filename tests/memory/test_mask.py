"""Masks hide entries as if they did not exist, for all queries or for some. Letters: Q queries, N entries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from memory.mask import Mask, excluding
from memory.search import exact_search
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("num_queries", [1, 60])
def test_only_some_entries_answer_like_a_memory_of_just_those(
    share: float, num_queries: int, unit_rows: MakeUnitRows
) -> None:
    entries, queries = unit_rows(900, 12, 1), unit_rows(num_queries, 12, 2)
    allowed = np.random.default_rng(0).random(900) < share
    ids = np.arange(900) * 3
    masked = exact_search(queries, entries, 5, ids=ids, allowed=Mask(allowed=allowed))
    rebuilt = exact_search(queries, entries[allowed], 5, ids=ids[allowed])
    assert np.array_equal(masked.ids, rebuilt.ids)
    assert np.array_equal(masked.similarities, rebuilt.similarities)
    assert masked.memory_size == allowed.sum()


def test_each_query_leaves_out_its_own_entry(unit_rows: MakeUnitRows) -> None:
    entries = unit_rows(300, 10, 3)
    ids = np.random.default_rng(1).permutation(1000)[:300]
    chosen = np.arange(0, 300, 7)
    masked = exact_search(entries[chosen], entries, 6, ids=ids, allowed=Mask(exclusions=[excluding(ids, ids[chosen])]))
    with_self = exact_search(entries[chosen], entries, 7, ids=ids)
    assert np.array_equal(with_self.ids[:, 0], ids[chosen])
    assert np.array_equal(masked.ids, with_self.ids[:, 1:])
    assert masked.memory_size is None  # it depends on the query, and audits then refuse


def test_nobody_answers_for_his_own_images(unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(200, 8, 4), unit_rows(4, 8, 5)
    owners = np.array([["ann", "bob", None][n % 3] for n in range(200)], dtype=object)
    asking = ["ann", "bob", None, "cy"]
    masked = exact_search(queries, entries, 9, allowed=Mask(exclusions=[excluding(owners, asking)]))
    for row, asker in enumerate(asking):
        others = np.array([asker is None or owner != asker for owner in owners])
        alone = exact_search(queries[row : row + 1], entries[others], 9, ids=np.flatnonzero(others))
        assert masked.ids[row].tolist() == alone.ids[0].tolist()


def test_both_kinds_combine_and_short_rows_are_padded(unit_rows: MakeUnitRows) -> None:
    entries = unit_rows(6, 4, 6)
    mask = Mask(
        allowed=np.array([True, True, True, False, False, False]),
        exclusions=[excluding(["a", "a", "b", "b", "c", "c"], ["a", "b"])],
    )
    found = exact_search(entries[:2], entries, 4, allowed=mask)
    assert found.ids[0].tolist() == [2, -1, -1, -1]
    assert sorted(found.ids[1].tolist()) == [-1, -1, 0, 1]
    assert found.labels[0].tolist() == [0, -1, -1, -1]


def test_a_mask_follows_its_queries_over_blocks(unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch) -> None:
    from memory import threaded_search

    entries = unit_rows(120, 6, 7)
    mask = Mask(exclusions=[excluding(range(120), range(120))])
    whole = exact_search(entries, entries, 3, allowed=mask)
    monkeypatch.setattr(threaded_search, "QUERY_BLOCK", 7)
    assert np.array_equal(exact_search(entries, entries, 3, allowed=mask).ids, whole.ids)
    assert not (whole.ids == np.arange(120)[:, None]).any()


def test_masks_that_do_not_fit_are_refused() -> None:
    entries = np.eye(3, dtype=np.float32)
    with pytest.raises(UserError, match=r"allowed has shape \(2,\) of bool; the 3 entries need \(3,\) of bool"):
        exact_search(entries, entries, 1, allowed=np.ones(2, np.bool_))
    with pytest.raises(UserError, match="of int64; the 3 entries"):
        exact_search(entries, entries, 1, allowed=Mask(allowed=np.ones(3, np.int64)))
    with pytest.raises(UserError, match="names 3 entries and 2 queries; this search has 3 entries and 3 queries"):
        exact_search(entries, entries, 1, allowed=Mask(exclusions=[excluding([1, 2, 3], [1, 2])]))
