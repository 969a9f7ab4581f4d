"""The way through the explorer, step by step, without a browser."""

import json

import pytest

from eval.explorer.desk import View
from eval.explorer.edits import Editor
from eval.explorer.pictures import Pictures
from eval.explorer.render import answer_html, entry_html, header_html, percent, picks_html, said_html
from memory.memory import VisualMemory
from memory.receipt import Receipt, verify_receipt


def test_a_person_asks_switches_the_deciding_entry_off_and_on(desk):
    view = desk.choose(desk.begin(), 3, "plurality")  # 2 degrees: cats 0 and 4, dog 10
    assert desk.answer(view).prediction == "cat"
    decisive = next(one.id for one in desk.answer(view).neighbors if one.without_it)
    off = desk.act(view, {"send": "switch", "id": str(decisive)})
    assert desk.answer(off).prediction == "dog"
    page = answer_html(desk, off)
    assert "with all on it says <b>cat</b>" in page
    assert 'aria-checked="false"' in page
    assert desk.answer(desk.act(off, {"send": "all-on"})).prediction == "cat"


def test_erasing_asks_first_is_logged_and_leaves_a_receipt(desk, session):
    view = desk.act(desk.begin(), {"send": "select", "id": "1"})
    asked = desk.act(view, {"send": "erase", "id": "1"})
    assert "This cannot be undone" in entry_html(desk, asked)
    assert len(session.memory) == 6
    done = desk.act(asked, {"send": "erase-confirmed", "id": "1"}, by="127.0.0.1")
    assert "gone from every file" in done.said
    assert 1 not in session.texts().rows
    (path,) = desk.editor.receipts.iterdir()
    receipt = Receipt.from_dict(json.loads(path.read_text()))
    verify_receipt(receipt)
    assert receipt.found_before == 1
    ended, began = desk.editor.log()
    assert (began["action"], ended["action"], ended["ids"]) == ("erase begins", "erase", [1])
    assert (ended["receipt"], ended["by"]) == (path.name, "127.0.0.1")
    assert "does not hold this entry" in entry_html(desk, done)
    assert desk.answer(done).note == ""


@pytest.mark.parametrize("action", ["erase", "remove"])
def test_nothing_goes_without_the_question_or_for_another_entry(desk, session, action):
    view = desk.begin()
    for before in (view, desk.act(view, {"send": action, "id": "2"}), desk.act(view, {"send": "select", "id": "1"})):
        after = desk.act(before, {"send": f"{action}-confirmed", "id": "1"})
        assert after.is_problem
    kept = desk.act(desk.act(view, {"send": action, "id": "1"}), {"send": "keep", "id": "1"})
    assert desk.act(kept, {"send": f"{action}-confirmed", "id": "1"}).is_problem
    assert len(session.memory) == 6
    assert desk.editor.log() == []


def test_an_explorer_that_only_looks_changes_nothing(desk, session, tmp_path):
    object.__setattr__(desk, "editor", Editor(session, tmp_path / "run", allow_edit=False))
    for action in ("remove", "erase", "restore"):
        after = desk.act(View(asking=action, selected=1), {"send": action, "id": "1"})
        assert "--allow-edit" in after.said
    confirmed = desk.act(View(asking="erase", selected=1), {"send": "erase-confirmed", "id": "1"})
    assert "--allow-edit" in confirmed.said
    assert len(VisualMemory.open(session.memory.store.place.name)) == 6
    assert "Erase…" not in entry_html(desk, View(selected=1))
    assert "looking only" in header_html(desk)


def test_a_removed_entry_can_be_restored(desk, session):
    asked = desk.act(desk.begin(), {"send": "remove", "id": "1"})
    gone = desk.act(asked, {"send": "remove-confirmed", "id": "1"})
    assert len(session.memory) == 5
    assert "Restore it" in entry_html(desk, gone)
    back = desk.act(gone, {"send": "restore", "id": "1"})
    assert not back.is_problem
    assert len(session.memory) == 6
    assert [line["action"] for line in desk.editor.log()] == ["restore", "remove"]


def test_an_upload_becomes_the_question_and_leaves_no_file(desk, picture_at):
    path = desk.uploads / "mine.png"
    picture_at(12).save(path)
    view = desk.upload(desk.begin(), str(path))
    assert desk.answer(view).neighbors[0].class_name == "dog"
    assert not path.exists()
    assert "mine.png" in answer_html(desk, view)


def test_an_entrys_own_image_is_asked_without_itself(desk):
    view = desk.act(desk.begin(), {"send": "ask-entry", "id": "5"})
    assert not view.is_problem
    assert 5 not in [one.id for one in desk.answer(view).neighbors]
    assert view.question.true_class == "dog"


def test_an_entry_shows_what_it_decides(desk, queries):
    view = desk.choose(desk.act(desk.begin(), {"send": "select", "id": "1"}), 3, "plurality")
    brute = []
    for position in range(len(queries)):
        asked = desk.pick(view, position)
        without = desk.act(asked, {"send": "switch", "id": "1"})
        if desk.answer(asked).prediction != desk.answer(without).prediction:
            brute.append(position)
    assert brute
    assert [one.position for one in queries.decided_by(1, 3, "plurality")] == brute
    page = entry_html(desk, view)
    assert f"Of 4 queries, {len(brute)}" in page
    assert f'data-send="pick" data-id="{brute[0]}"' in page


def test_nonsense_from_a_browser_is_a_sentence_and_no_accident(desk):
    for sent in ({}, {"send": "switch"}, {"send": "pick", "id": "99"}, {"send": "select", "id": "-1"}, {"send": 5}):
        after = desk.act(desk.begin(), sent)
        assert after.is_problem
        assert "pm-problem" in said_html(after)


def test_text_from_a_memory_is_never_markup(desk, session):
    session.memory.add_classes(["<script>alert(1)</script>"])
    session.memory.relabel([0, 1], 2)
    session.changed_here()
    page = answer_html(desk, desk.begin())
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "pick" in picks_html(desk, [0, 1])


def test_names_that_lead_out_of_a_folder_are_not_followed(tmp_path):
    (tmp_path / "images").mkdir()
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    pictures = Pictures([tmp_path / "images"])
    assert pictures.find("images", "../secret.png") is None
    assert pictures.find("images", str(tmp_path / "secret.png")) is None
    assert pictures.find(None, None) is None


def test_shares_are_never_rounded_to_certainty():
    assert [percent(share) for share in (0, 0.001, 0.5, 0.999, 1)] == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
