"""What a session answers, worked out by hand, against the memory itself, and while others change it."""

import dataclasses

import numpy as np
import pytest

from eval.explorer.answers import Choice
from eval.explorer.session import Session
from memory.memory import VisualMemory
from memory.voting import vote
from procmem.errors import UserError


def shown(answer):
    return [(one.id, one.is_on) for one in answer.neighbors]


def test_an_answer_names_neighbours_shares_and_what_each_decides(session, ask_at):
    # At 5 degrees: cat 4 (1 away), cat 0 (5), dog 10 (5, larger id), dog 14 (9), cat 40, dog 90.
    answer = session.ask(ask_at(5), Choice(k=3, rule="plurality"))
    assert [one.id for one in answer.neighbors] == [1, 0, 3]
    assert (answer.prediction, answer.whole_prediction) == ("cat", "cat")
    assert answer.scores == (("cat", pytest.approx(2 / 3)), ("dog", pytest.approx(1 / 3)))
    assert [one.share for one in answer.neighbors] == pytest.approx([1 / 3] * 3)
    assert [one.owner for one in answer.neighbors] == ["bob", "ann", "ann"]
    # Without either cat, dog 14 moves in and it is two dogs to one cat; without the dog nothing turns.
    assert [one.without_it for one in answer.neighbors] == ["dog", "dog", None]
    assert answer.neighbors[0].similarity == pytest.approx(np.cos(np.deg2rad(1)), abs=1e-6)


def test_switching_off_gives_the_answer_of_a_memory_without_the_entry(session, ask_at):
    off = Choice(k=3, rule="plurality", off=frozenset({1}))
    answer = session.ask(ask_at(5), off)
    assert (answer.prediction, answer.whole_prediction) == ("dog", "cat")
    assert shown(answer) == [(1, False), (0, True), (3, True), (4, True)]
    assert answer.neighbors[0].share == 0
    assert len(session.memory) == 6
    session.memory.remove([1])
    session.changed_here()
    after = session.ask(ask_at(5), Choice(k=3, rule="plurality"))
    assert (after.prediction, after.scores) == (answer.prediction, answer.scores)
    assert shown(after) == shown(answer)[1:]


@pytest.mark.parametrize("rule", ["plurality", "distance", "softmax", "rank"])
def test_any_switches_equal_the_masked_search_of_the_memory(session, ask_at, rule):
    random = np.random.default_rng(0)
    memory = session.memory
    for _ in range(20):
        off = frozenset(random.choice(6, size=random.integers(0, 6), replace=False).tolist())
        question, k = ask_at(float(random.uniform(0, 90))), int(random.integers(1, 7))
        answer = session.ask(question, Choice(k=k, rule=rule, off=off))
        allowed = ~np.isin(memory.entries.ids, list(off))
        found = memory.search(question.embedding, k, allowed=allowed)
        votes = vote(found, num_classes=2, voting=rule)
        assert [one.id for one in answer.neighbors if one.is_on] == [i for i in found.ids[0] if i >= 0]
        assert answer.prediction == memory.class_names[votes.predictions[0]]
        assert answer.confidence == pytest.approx(votes.confidence()[0], abs=1e-15)


def test_what_decides_equals_really_switching_it_off(session, ask_at):
    for degrees in range(3, 90, 17):
        for rule in ("plurality", "softmax", "rank"):
            choice = Choice(k=3, rule=rule, off=frozenset({2}))
            answer = session.ask(ask_at(degrees), choice)
            for one in answer.neighbors:
                if one.is_on:
                    without = session.ask(ask_at(degrees), choice.switched(one.id)).prediction
                    assert (one.without_it or answer.prediction) == without


def test_with_everything_off_nobody_answers_and_all_stay_visible(session, ask_at):
    answer = session.ask(ask_at(5), Choice(k=3, off=frozenset(range(6))))
    assert (answer.prediction, answer.scores, answer.confidence) == (None, (), 0.0)
    assert shown(answer) == [(i, False) for i in (1, 0, 3, 4, 2, 5)]


def test_an_entry_asked_about_itself_does_not_answer(session, ask_at):
    answer = session.ask(ask_at(90, hidden_id=5), Choice(k=2, rule="plurality"))
    assert [one.id for one in answer.neighbors] == [2, 4]
    assert answer.whole_prediction == "cat"


def test_weights_of_entries_count(session, ask_at):
    session.memory.reweigh([0, 1], 0.25)
    answer = session.ask(ask_at(5), Choice(k=3, rule="plurality"))
    assert answer.prediction == "dog"
    assert [one.share for one in answer.neighbors] == pytest.approx([1 / 6, 1 / 6, 2 / 3])


def test_a_memory_edited_by_another_program_answers_anew_and_says_so(session, ask_at):
    question, choice = ask_at(5), Choice(k=3, rule="plurality")
    assert session.ask(question, choice).note == ""
    other = VisualMemory.open(session.memory.store.place.name)
    other.erase([1])
    answer = session.ask(question, choice)
    assert 1 not in [one.id for one in answer.neighbors]
    assert answer.prediction == "dog"
    assert "changed by another program" in answer.note
    assert str(answer.version) in answer.note
    assert session.ask(question, choice).note == ""


def test_a_memory_that_stays_unreadable_is_told_in_one_sentence(session, ask_at, monkeypatch):
    def vanished(*args, **options):
        raise OSError("No such file or directory")

    monkeypatch.setattr("eval.explorer.session._PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(session.memory, "refresh", vanished)
    with pytest.raises(UserError, match="being changed by another program right now"):
        session.ask(ask_at(5), Choice())


def test_an_encoder_of_another_memory_is_refused_with_both_fingerprints(session, pixels):
    with pytest.raises(UserError) as refused:
        Session(session.memory, pixels)
    assert session.memory.card.fingerprint[:8] in str(refused.value)
    assert pixels.card().fingerprint[:8] in str(refused.value)


def test_k_out_of_range_is_refused_and_k_above_the_memory_is_not(session, ask_at):
    with pytest.raises(UserError, match=r"within 1\.\.100"):
        session.ask(ask_at(5), Choice(k=0))
    assert len(session.ask(ask_at(5), Choice(k=50)).neighbors) == 6
    assert dataclasses.replace(Choice(), k=3).switched(4).switched(4).off == frozenset()
