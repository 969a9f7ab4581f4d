"""Teaching a class, comparing two memories, and what goes with an erased entry."""

import dataclasses
import json

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
    _, path = desk.editor.erase(ids[0])
    (left,) = desk.editor.added.iterdir()
    assert json.loads(path.read_text())["artefacts_deleted"] == [str(left).replace("-1.png", "-0.png")]
    assert [line["action"] for line in desk.editor.log()] == ["erase", "erase begins", "teach"]
    assert desk.editor.log()[-1]["class_name"] == "red fox"


def test_a_taught_picture_goes_with_its_entry_whoever_erases_it(desk, session, picture_at):
    first, second = desk.editor.teach("fox", [picture_at(60), picture_at(64)])
    pictures = sorted(desk.editor.added.iterdir())
    elsewhere = VisualMemory.open(session.memory.store.place.folder)  # as the command line does
    assert elsewhere.erase([0]).artefacts_deleted == ()
    assert elsewhere.erase([second]).artefacts_deleted == (str(pictures[1]),)
    assert list(desk.editor.added.iterdir()) == [pictures[0]]
    assert [(a.path, a.entries) for a in elsewhere.artefacts.all()] == [(str(pictures[0]), (first,))]
    elsewhere.remove([first])
    assert pictures[0].exists()  # it can be restored
    elsewhere.erase([first])
    assert not list(desk.editor.added.iterdir())


def test_a_picture_whose_entry_cannot_be_added_does_not_stay(desk, session, picture_at, monkeypatch):
    def full(*values, **options):
        raise UserError("no space left")

    monkeypatch.setattr(session.memory, "add", full)
    with pytest.raises(UserError, match="no space left"):
        desk.editor.teach("dog", [picture_at(50), picture_at(60)])
    assert not list(desk.editor.added.iterdir())
    assert session.memory.artefacts.all() == []


def test_a_class_is_taught_to_a_memory_with_levels(session, desk, tmp_path, picture_at):
    levels = {"realm": ["pet", "pet"], "kind": ["feline", "canine"]}
    memory = VisualMemory.create(tmp_path / "deep", session.memory.card, class_names=["cat", "dog"], levels=levels)
    editor = Editor(Session(memory, session.encoder), tmp_path / "deep-run", allow_edit=True)
    editor.teach("fox", [picture_at(60)], groups={"realm": "", "kind": " canine "})
    editor.teach("oak", [picture_at(20)], groups={"realm": "plant", "kind": ""})
    editor.teach("stone", [picture_at(80)])
    editor.teach("cat", [picture_at(5)], groups={"realm": "plant", "kind": "tree"})  # known: keeps its groups
    groups = {level.name: [level.class_names[own] for own in level.group_of] for level in memory.levels}
    assert groups == {
        "realm": ["pet", "pet", "pet", "plant", "stone"],
        "kind": ["feline", "canine", "canine", "oak", "stone"],
    }
    answer = memory.classify(editor.session.question(picture_at(61), "q").embedding, 1, level="kind")
    assert memory.levels[1].class_names[int(answer.predictions[0])] == "canine"
    with pytest.raises(UserError, match="group 'canine' of level 'kind' lies in two groups of level 'realm'"):
        editor.teach("wolf", [picture_at(62)], groups={"realm": "wild", "kind": "canine"})
    with pytest.raises(UserError, match="a group needs a name of 1 to 80 letters"):
        editor.teach("wolf", [picture_at(62)], groups={"realm": "w" * 81})
    assert len(memory) == 4
    assert "wolf" not in memory.class_names


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
