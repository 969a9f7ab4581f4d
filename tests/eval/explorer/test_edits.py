"""Teaching a class, comparing two memories, and what goes with an erased entry."""

import dataclasses

import pytest

from eval.explorer.answers import Choice
from eval.explorer.edits import Editor
from eval.explorer.render import changes_html, compare_html
from eval.explorer.session import Session
from memory.memory import VisualMemory
from procmem.errors import UserError


def test_a_taught_class_answers_at_once_and_its_picture_goes_with_it(desk, session, ask_at, picture_at):
    ids = desk.editor.teach("  red   fox ", [picture_at(60), picture_at(64)], by="me")
    assert session.memory.class_names == ("cat", "dog", "red fox")
    answer = session.ask(ask_at(62), Choice(k=2))
    assert (answer.prediction, {one.id for one in answer.neighbors}) == ("red fox", set(ids))
    assert answer.note == ""
    texts = session.texts()
    rows = [texts.rows[i] for i in ids]
    assert all(desk.pictures.thumbnail(texts.datasets[row], texts.uris[row]) for row in rows)
    assert len(list(desk.editor.added.iterdir())) == 2
    desk.editor.erase(ids[0])
    assert len(list(desk.editor.added.iterdir())) == 1
    assert [line["action"] for line in desk.editor.log()] == ["erase", "erase begins", "teach"]
    assert desk.editor.log()[-1]["class_name"] == "red fox"


def test_more_images_of_a_known_class_join_it(desk, session, picture_at):
    desk.editor.teach("dog", [picture_at(50)])
    assert session.memory.class_names == ("cat", "dog")
    assert session.memory.entries.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(("name", "count"), [("", 1), ("   ", 1), ("x" * 81, 1), ("a\0b", 1), ("fox", 0)])
def test_a_class_without_a_name_or_images_is_refused(desk, session, picture_at, name, count):
    with pytest.raises(UserError):
        desk.editor.teach(name, [picture_at(50)] * count)
    assert len(session.memory) == 6
    assert session.memory.class_names == ("cat", "dog")


def test_a_memory_that_is_only_looked_at_is_not_taught(session, tmp_path, picture_at):
    with pytest.raises(UserError, match="--allow-edit"):
        Editor(session, tmp_path / "other", allow_edit=False).teach("fox", [picture_at(50)])
    assert len(session.memory) == 6


def test_two_memories_answer_one_question_and_common_images_are_marked(desk, session, tmp_path):
    other = session.memory.copy_to(tmp_path / "other")
    other.remove([1])
    both = dataclasses.replace(desk, second=Session(VisualMemory.open(tmp_path / "other"), session.encoder))
    view = both.choose(both.pick(both.begin(), 0), 3, "plurality")
    (place, _, first, common), (second_place, _, second, second_common) = both.compare(view)
    assert (place, second_place) == ("entry", "second")
    assert {one.id for one in first.neighbors} == {0, 1, 3}  # at 2 degrees: 0 and 4, then 10
    assert {one.id for one in second.neighbors} == {0, 3, 4}
    assert common == second_common == {0, 3}
    assert compare_html(both, view).count("pm-common") == 4
    asked = both.act(view, {"send": "ask-entry", "id": "0"})
    for _, _, answer, _ in both.compare(asked):
        assert 0 not in [one.id for one in answer.neighbors]
    assert desk.compare(view) == []


def test_a_changed_receipt_is_called_changed(desk):
    _, path = desk.editor.erase(1)
    assert "The signature fits" in changes_html(desk, path.name)
    path.write_text(path.read_text().replace('"found_before": 1', '"found_before": 2'))
    page = changes_html(desk, path.name)
    assert "changed after it was signed" in page
    assert "The signature fits" not in page
    for name in ("../log.jsonl", "none.json", "/etc/passwd"):
        assert "Receipt " not in changes_html(desk, name)
