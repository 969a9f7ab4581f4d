"""Entries in an order that means something, against counts by brute force."""

import numpy as np
import pytest

from eval.explorer.answers import Choice
from eval.explorer.browse import PAGE_ENTRIES, Wanted, browse
from eval.explorer.render import shelf_html
from procmem.errors import UserError

CHOICE = Choice(k=3, rule="plurality")


def ids(shelf):
    return [one.id for one in shelf.entries]


def brute(desk):
    """(decides, near, right) of each entry, by asking every query with and without it."""
    counts = {entry: [0, 0, 0] for entry in range(6)}
    for position in range(len(desk.queries)):
        view = desk.choose(desk.pick(desk.begin(), position), 3, "plurality")
        answer = desk.answer(view)
        for one in answer.neighbors:
            without = desk.answer(desk.act(view, {"send": "switch", "id": one.id}))
            counts[one.id][0] += without.prediction != answer.prediction
            counts[one.id][1] += 1
            counts[one.id][2] += one.class_name == desk.queries.true_class(position)
    return counts


def test_numbers_equal_asking_every_query_with_and_without_each_entry(desk):
    counts = brute(desk)
    for one in browse(desk.session, desk.queries, Wanted(), CHOICE).entries:
        decides, near, right = counts[one.id]
        assert (one.decides, one.near) == (decides, near)
        assert one.right == (pytest.approx(right / near) if near else None)


def test_orders_put_first_what_matters_most(desk):
    counts = brute(desk)
    by_influence = ids(browse(desk.session, desk.queries, Wanted(order="influence"), CHOICE))
    assert [counts[i][0] for i in by_influence] == sorted((c[0] for c in counts.values()), reverse=True)
    by_use = ids(browse(desk.session, desk.queries, Wanted(order="use"), CHOICE))
    assert [counts[i][1] for i in by_use] == sorted((c[1] for c in counts.values()), reverse=True)
    shares = [one.right for one in browse(desk.session, desk.queries, Wanted(order="reliability"), CHOICE).entries]
    known = [share for share in shares if share is not None]
    assert known == sorted(known)
    assert None not in shares[: len(known)]


def test_classes_and_owners_filter(session, queries):
    assert ids(browse(session, queries, Wanted(class_name="dog"), CHOICE)) == [3, 4, 5]
    assert ids(browse(session, queries, Wanted(class_name="dog", owner="bob"), CHOICE)) == [4]
    assert browse(session, queries, Wanted(owner="nobody"), CHOICE).total == 0
    with pytest.raises(UserError, match="dgo"):
        browse(session, queries, Wanted(class_name="dgo"), CHOICE)
    with pytest.raises(UserError, match="counted over queries"):
        browse(session, None, Wanted(order="influence"), CHOICE)


def test_pages_hold_each_entry_once_and_end_where_the_entries_do(session):
    angles = np.deg2rad(np.linspace(1, 80, 2 * PAGE_ENTRIES))
    session.memory.add(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32), [0] * (2 * PAGE_ENTRIES))
    shelves = [browse(session, None, Wanted(page=page), CHOICE) for page in range(3)]
    assert sorted(i for shelf in shelves for i in ids(shelf)) == list(range(2 * PAGE_ENTRIES + 6))
    assert [len(shelf.entries) for shelf in shelves] == [PAGE_ENTRIES, PAGE_ENTRIES, 6]
    assert browse(session, None, Wanted(page=99), CHOICE).page == 2


def test_a_change_of_the_memory_changes_the_counts(desk, session):
    before = browse(desk.session, desk.queries, Wanted(), CHOICE)
    session.memory.remove([1])
    after = browse(desk.session, desk.queries, Wanted(), CHOICE)
    assert ids(after) == [0, 2, 3, 4, 5]
    assert {one.id: one.near for one in after.entries} != {one.id: one.near for one in before.entries}
    assert "5 entries" in shelf_html(desk, desk.begin(), Wanted())
