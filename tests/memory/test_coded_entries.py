"""The 8-bit pass proposes every entry that may be among the nearest, or says that it did not.

Letters: Q queries, N entries, D embedding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from memory import search
from memory.coded_entries import MOST_DIMENSIONS, CodedEntries
from memory.mask import Mask, excluding
from memory.search import ExactSearch, exact_search
from memory.similarity import table_similarities
from tests.memory.conftest import MakeUnitRows

Rows = npt.NDArray[np.float32]


def normalised(rows: npt.NDArray[np.floating]) -> Rows:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def hard_rows(kind: str, N: int, D: int) -> Rows:
    """Entries that 8 bits tell apart badly, or whose dimensions are of very different sizes."""
    rng = np.random.default_rng(3)
    values = rng.standard_normal((N, D))
    return normalised(
        {
            "plain": lambda: values,
            "one large dimension": lambda: values * np.where(np.arange(D) == 1, 50, 1),
            "tiny and empty dimensions": lambda: values * np.choose(np.arange(D) % 3, [1, 1e-30, 0]),
            "near ties": lambda: values[:1] + 1e-3 * values,
            "twins": lambda: values[rng.integers(0, N // 9, N)],
        }[kind]()
    )


@pytest.fixture
def coded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_FEWEST_CODED", 1)
    monkeypatch.setattr(search, "_CODED_AFTER", 0)
    monkeypatch.setattr(search, "_MOST_OPEN_ENDED", 2.0)  # never given up


@pytest.mark.parametrize("kind", ["plain", "one large dimension", "tiny and empty dimensions", "near ties", "twins"])
@pytest.mark.parametrize(("D", "k"), [(2, 1), (33, 7), (48, 200)])
def test_what_is_left_out_is_not_among_the_nearest(kind: str, D: int, k: int) -> None:
    entries = hard_rows(kind, 900, D)
    queries = np.concatenate([hard_rows(kind, 900, D)[:60], normalised(np.random.default_rng(4).random((60, D)))])
    similarities = table_similarities(queries, entries, np.tile(np.arange(900), (120, 1)))

    pairs, open_ended = CodedEntries(entries).pairs(queries, k)

    for query in np.flatnonzero(~open_ended):
        others = np.delete(similarities[query], pairs.entry_rows[pairs.query_rows == query])
        assert (np.sort(similarities[query])[-k] > others).all()
    assert not np.isin(pairs.query_rows, np.flatnonzero(open_ended)).any()


def test_nothing_is_lost_where_all_roundings_of_the_entries_add_up() -> None:
    # In steps of the codes: the first entry is 63.49 everywhere and loses 0.49 of each, the second is 63.51 and wins
    # 0.49, but for one place. So the first is nearer, by 0.04 steps, and its codes are farther, by 0.94: nearly twice
    # the bound of 0.49.
    step, query = 0.2 / 127, np.repeat([[0.25, 0]], [16, 3], axis=1).astype(np.float32)
    entries = np.zeros((3, 19))
    entries[:, :16] = np.array([63.49, 63.51, -127])[:, None] * step
    entries[1, 15] = 62.51 * step
    entries[[0, 1, 2], [16, 17, 18]] = np.sqrt(1 - (entries**2).sum(axis=1))  # to length 1, without roundings

    assert_nearest_is_left(query, entries, 0)


def test_nothing_is_lost_where_all_roundings_of_the_query_add_up() -> None:
    # The same with the query's 16 values in steps of its own, 63.49 eight times and 63.51 seven times, and two entries
    # that are opposite to each other there; the last dimension sets the query's step.
    entries = np.zeros((3, 19))
    entries[0, :16] = np.repeat([0.2, -0.2], 8)
    entries[1] = -entries[0]
    entries[[0, 1], [16, 17]] = 0.6
    entries[2, 18] = -1
    query = np.repeat([[63.49 * 5, 63.51 * 5, 0, 127]], [8, 8, 2, 1], axis=1)
    query[0, 15] = 62.51 * 5

    assert_nearest_is_left(normalised(query), entries, 0)


def assert_nearest_is_left(query: Rows, entries: npt.NDArray[np.float64], nearest: int) -> None:
    rounded = entries.astype(np.float32)
    assert (rounded @ query[0]).argmax() == nearest
    pairs, _ = CodedEntries(rounded).pairs(query, 1)
    assert nearest in pairs.entry_rows


def test_too_many_twins_are_left_open_and_the_list_grows(unit_rows: MakeUnitRows) -> None:
    entries = np.concatenate([np.tile(unit_rows(1, 16), (300, 1)), unit_rows(10_000, 16, 5)])
    codes = CodedEntries(entries)
    query = entries[:1]

    assert codes.pairs(query, 5)[1].tolist() == [True]

    pairs, open_ended = codes.pairs(query, 5)
    assert open_ended.tolist() == [False]
    assert set(range(300)) <= set(pairs.entry_rows.tolist())
    assert CodedEntries(entries[:60]).pairs(query, 5)[1].tolist() == [False]  # all were looked at


def test_with_few_that_may_answer_all_of_them_are_left(unit_rows: MakeUnitRows) -> None:
    entries = unit_rows(1000, 20)
    allowed = np.isin(np.arange(1000), [3, 500, 999])

    pairs, open_ended = CodedEntries(entries).pairs(unit_rows(2, 20, 7), 5, allowed)

    assert not open_ended.any()
    assert pairs.query_rows.tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(pairs.entry_rows[:3]) == sorted(pairs.entry_rows[3:]) == [3, 500, 999]


@pytest.mark.usefixtures("coded_at_once")
@pytest.mark.parametrize("kind", ["plain", "near ties", "twins"])
@pytest.mark.parametrize("masked", [False, True])
def test_answers_have_the_bits_of_the_numpy_engine(kind: str, masked: bool) -> None:
    entries = hard_rows(kind, 600, 33)
    ids = np.random.default_rng(1).permutation(9000)[:600]
    allowed = np.random.default_rng(2).random(600) < 0.5 if masked else None
    ready = ExactSearch(entries, ids=ids)
    for start in range(0, 30, 3):
        queries = entries[start : start + 3]
        found = ready.search(queries, 9, allowed=allowed)
        expected = exact_search(queries, entries, 9, ids=ids, allowed=allowed, engine="numpy")
        assert np.array_equal(found.ids, expected.ids)
        assert np.array_equal(found.similarities, expected.similarities)


@pytest.mark.usefixtures("coded_at_once")
def test_an_entry_that_may_not_answer_one_query_does_not(unit_rows: MakeUnitRows) -> None:
    entries = unit_rows(50, 8)
    ready = ExactSearch(entries)

    for row in range(3):
        mask = Mask(exclusions=[excluding(np.arange(50), [row])])
        assert row not in ready.search(entries[row : row + 1], 5, allowed=mask).ids


def count_codings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the entries that get codes from now on."""
    made: list[int] = []

    class Counted(CodedEntries):
        def __init__(self, entries: Rows) -> None:
            made.append(len(entries))
            super().__init__(entries)

    monkeypatch.setattr(search, "CodedEntries", Counted)
    return made


def test_codes_are_made_once_after_many_single_queries(
    unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = count_codings(monkeypatch)
    monkeypatch.setattr(search, "_FEWEST_CODED", 100)
    monkeypatch.setattr(search, "_CODED_AFTER", 8)
    entries = unit_rows(100, 8)
    ready, short = ExactSearch(entries), ExactSearch(entries[1:])
    wide = ExactSearch(unit_rows(100, MOST_DIMENSIONS + 1))
    for _ in range(search._CODED_AFTER):
        ready.search(entries[:1], 3)
        ready.search(entries[:40], 3)  # many queries do not count
        short.search(entries[:3], 3)
    for _ in range(3):
        wide.search(wide.entries[:3], 3)
    assert made == []

    ready.search(entries[:1], 3)
    ready.search(entries[:1], 3)
    short.search(entries[:1], 3)

    assert made == [len(entries)]


def test_codes_that_leave_most_queries_open_are_not_asked_any_more(
    unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    pairs = CodedEntries.pairs
    monkeypatch.setattr(CodedEntries, "pairs", lambda codes, q, *rest: asked.append(len(q)) or pairs(codes, q, *rest))
    monkeypatch.setattr(search, "_FEWEST_CODED", 100)
    monkeypatch.setattr(search, "_CODED_AFTER", 8)
    ready = ExactSearch(np.tile(unit_rows(1, 8), (500, 1)))  # all alike
    for _ in range(30):
        ready.search(ready.entries[:1], 3)

    assert 2 < len(asked) < 9
