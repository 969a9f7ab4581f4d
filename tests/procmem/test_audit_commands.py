"""Audits from the command line: what they print is what the rooms compute, and nonsense is refused."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from eval.datasets import find_dataset
from eval.extract import extract
from eval.figures import thumbnail
from memory.audit.leave_one_out import leave_one_out
from memory.memory import VisualMemory
from memory.voting import vote
from pretrain.encoder import load_encoder
from procmem.audit_subject import audit_subject
from procmem.cli import main

pytestmark = pytest.mark.usefixtures("workplace")

BUILD = ["memory", "build", "--dataset", "colours", "--encoder", "histogram", "--output", "m", "--owner", r"(\d)\.png$"]
SUBJECT = ["--memory", "m", "--dataset", "colours"]


def told(capsys, *words):
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    capsys.readouterr()
    assert main(list(words)) == 2
    return capsys.readouterr().err


@pytest.fixture
def queries(image_set):
    """A memory of noisy labels, so that something flips, and the embeddings of its queries."""
    assert main(BUILD) == 0
    memory = VisualMemory.open("m")
    memory.relabel(np.arange(0, 24, 3), 1)
    return extract(load_encoder("histogram"), find_dataset(str(image_set)).val)


def test_leave_one_out_tells_what_the_audit_finds_for_each_rule_and_k(queries, capsys):
    words = ["audit", "leave-one-out", *SUBJECT, "--k", "5", "2", "--rules", "softmax", "rank"]
    told_json = told(capsys, *words, "--output", "flips.csv")
    assert (told_json["version"], told_json["latest_version"], told_json["num_queries"]) == (3, 3, 12)
    assert [(audit["rule"], audit["k"]) for audit in told_json["audits"]] == [
        (rule, k) for rule in ("softmax", "rank") for k in (2, 5)
    ]
    memory = VisualMemory.open("m")
    num_flips = 0
    for audit in told_json["audits"]:
        result = leave_one_out(
            memory.search(queries.values, 6), audit["k"], query_labels=queries.labels, voting=audit["rule"]
        )
        num_flips += result.num_flips
        assert result.summary().items() <= audit.items()
        assert sum(row["num_non_private"] for row in audit["by_class"]) == result.num_non_private
        assert {row["group"] for row in audit["by_owner"]} == set("01234567")
        assert (audit["published"] is not None) == (audit["rule"] == "softmax")
        for entry in audit["influential"]:
            assert entry["uri"] == memory.uris()[entry["id"]]
            assert entry["num_queries"] == np.count_nonzero(result.entry_ids == entry["id"])
    assert len(list(csv.DictReader(Path("flips.csv").read_text().splitlines()))) == num_flips > 0
    assert main(words) == 0
    table = capsys.readouterr().out
    assert "m, version 3: 24 entries, 12 queries" in table
    assert "published script, k = 2: names" in table
    assert " decides val/" in table


def test_the_most_influential_entries_are_drawn_with_the_queries_that_they_decide(
    queries, image_set, capsys, monkeypatch
):
    drawn = []
    monkeypatch.setattr("eval.influence_sheet.influence_sheet", lambda rows: drawn.extend(rows) or b"png")
    monkeypatch.setattr("eval.influence_sheet.MOST_QUERIES", 1)
    memory = VisualMemory.open("m")
    memory.relabel([0, 8, 16], [2, 2, 0])
    memory.remove(np.setdiff1d(np.arange(24), [0, 8, 16]))  # of three wrong entries one decides many queries
    words = ["audit", "leave-one-out", *SUBJECT, "--k", "1", "--influential", "2"]
    (audit,) = told(capsys, *words, "--sheet", "sheet.png")["audits"]
    assert Path("sheet.png").read_bytes() == b"png"
    memory.refresh()
    found = find_dataset(str(image_set))
    assert [len(row.queries) for row in drawn] == [1]
    assert drawn[0].num_queries == 4  # more than are shown
    for row, entry in zip(drawn, audit["influential"], strict=True):
        assert row.caption == memory.class_names[memory.entries.labels[memory.entries.ids == entry["id"]][0]]
        assert row.num_queries == entry["num_queries"]
        position = found.train.uris.index(entry["uri"])
        assert row.entry.tobytes() == thumbnail(found.train.image(position)).tobytes()
        told_answers = {(query["query"], query["from"], query["to"]) for query in entry["queries"]}
        pictures = {thumbnail(found.val.image(i)).tobytes(): i for i in range(len(found.val))}
        shown = [pictures[picture.tobytes()] for picture in row.queries]
        assert {(found.val.uris[i], *answer) for i, answer in zip(shown, row.answers, strict=True)} <= told_answers
        for i, (before, after), effect in zip(shown, row.answers, row.effects, strict=True):
            truth = found.val.class_names[found.val.labels[i]]
            assert effect == {(True, False): "helpful", (False, True): "harmful"}.get(
                (before == truth, after == truth), "neutral"
            )
    assert ".png file; received 'sheet.jpg'" in refused(capsys, *words, "--sheet", "sheet.jpg")
    assert "influential is -1" in refused(capsys, *words, "--influential", "-1")
    (image_set / "train" / entry["uri"].removeprefix("train/")).unlink()
    assert f"has no image '{entry['uri']}' among train" in refused(capsys, *words, "--sheet", "sheet.png")


def test_groups_by_owner_equal_a_memory_without_the_owner(queries, capsys):
    answer = told(capsys, "audit", "groups", *SUBJECT, "--k", "3")
    memory = VisualMemory.open("m")
    before = memory.classify(queries.values, 3).predictions
    for row in answer["audits"][0]["groups"]:
        keep = np.array([owner != row["group"] for owner in memory.owners()])
        found = memory.search(queries.values, 3, allowed=keep)
        after = vote(found, num_classes=3).predictions
        assert row["num_queries_changed"] == np.count_nonzero(after != before)
        assert row["accuracy_without"] == pytest.approx(np.mean(after == queries.labels))
    assert any(row["num_queries_changed"] for row in answer["audits"][0]["groups"])
    assert main(["audit", "groups", *SUBJECT, "--k", "3", "--by", "class"]) == 0
    assert "softmax, k = 3: accuracy" in capsys.readouterr().out


def test_an_owner_who_owns_everything_leaves_no_answer(image_set, capsys):
    assert main([*BUILD[:-1], r"(p)ng$"]) == 0
    (audit,) = told(capsys, "audit", "groups", *SUBJECT, "--k", "3")["audits"]
    (row,) = audit["groups"]
    assert (row["group"], row["num_entries"], row["num_queries_changed"], row["accuracy_without"]) == ("p", 24, 12, 0.0)


def test_radius_is_summarised_for_each_rule(queries, capsys):
    answer = told(capsys, "audit", "radius", *SUBJECT, "--k", "3", "--rules", "plurality", "softmax")
    assert [audit["rule"] for audit in answer["audits"]] == ["plurality", "softmax"]
    for audit in answer["audits"]:
        assert sum(audit["queries_by_insertions"].values()) == 12
    assert main(["audit", "radius", *SUBJECT, "--k", "3"]) == 0
    assert "median insertions" in capsys.readouterr().out


def test_queries_that_are_in_the_memory_are_refused_or_left_out_by_name(image_set, capsys):
    assert main(BUILD) == 0
    shutil.copy(image_set / "train" / "red" / "0.png", image_set / "val" / "red" / "twin.png")
    words = ["audit", "leave-one-out", *SUBJECT, "--k", "3"]
    assert "1 of 13 queries are in the memory themselves, for example 'val/red/twin.png'" in refused(capsys, *words)
    answer = told(capsys, *words, "--exclude-self")
    assert (answer["num_queries"], answer["num_excluded_queries"]) == (12, 1)
    for image in (image_set / "val").rglob("*.png"):
        shutil.copy(image_set / "train" / "red" / "0.png", image)
    assert "all queries are in the memory" in refused(capsys, *words, "--exclude-self")


def test_a_query_with_the_name_of_an_entry_is_in_the_memory_though_it_changed(image_set, capsys):
    assert main(BUILD) == 0
    VisualMemory.open("m").add(
        np.eye(1, 1, dtype=np.float32).repeat(VisualMemory.open("m").card.dimension, 1)
        / np.sqrt(np.float32(VisualMemory.open("m").card.dimension)),
        [0],
        uri=["val/red/0.png"],
        dataset="colours",
    )
    assert "for example 'val/red/0.png'" in refused(capsys, "audit", "radius", *SUBJECT, "--k", "3")


def test_the_version_is_pinned_and_a_change_during_the_audit_is_said(queries, capsys):
    subject = audit_subject("m", "colours", None)
    before = subject.search(3)
    VisualMemory.open("m").remove([1, 2])
    assert np.array_equal(subject.search(3).ids, before.ids)
    description = subject.description()
    assert (description["version"], description["latest_version"], description["memory_size"]) == (3, 4, 24)
    assert "version 3 was audited, 4 is latest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--k", "24"], "k is 24; it must be at least 1 and below the 24 entries"),
        (["--k", "5", "0"], "k is 0"),
        (["--rules", "sofmax"], "softmax"),
        (["--encoder", "pixels"], "encoder"),
    ],
)
def test_bad_requests_are_refused(queries, words, said, capsys):
    for command in ("leave-one-out", "groups", "radius"):
        assert said in refused(capsys, "audit", command, *SUBJECT, *words)


def test_strange_classes_and_an_empty_memory_are_refused(queries, image_set, capsys):
    words = ["audit", "leave-one-out", *SUBJECT, "--k", "3"]
    for split in ("train", "val"):
        (image_set / split / "red").rename(image_set / split / "violet")
    assert "classes that the memory has not: violet" in refused(capsys, *words)
    memory = VisualMemory.open("m")
    memory.remove(memory.entries.ids)
    assert "is empty" in refused(capsys, *words)


def test_a_certificate_is_made_verified_and_seen_to_be_changed(queries, image_set, tmp_path, capsys):
    words = ["audit", "certificate", *SUBJECT, "--k", "3", "--output"]
    assert "nothing was erased" in refused(capsys, *words, "c.json")
    assert main(["memory", "erase", "m", "--ids", "3", "4", "--receipt", "receipt.json"]) == 0
    assert ".json file" in refused(capsys, *words, "c.txt")
    made = told(capsys, *words, "c.json")
    assert made == json.loads(Path("c.json").read_text())
    assert [answer["voting"]["rule"] for answer in made["answers"]] == ["plurality", "distance", "softmax", "rank"]
    verify = ["audit", "verify", "c.json", "--page", "c.html", "--public-key", made["public_key"]]
    assert main(verify) == 0
    assert "unchanged certificate of 2 erased entries" in capsys.readouterr().out
    assert main(["audit", "verify", "receipt.json"]) == 0
    assert "unchanged receipt of 2 erased entries" in capsys.readouterr().out
    assert "signed with key" in refused(capsys, *verify[:-1], "0" * 64)
    page = Path("c.html").read_text()
    Path("c.html").write_text(page.replace("2 entries were", "9 entries were", 1))
    assert "not the page of this certificate" in refused(capsys, *verify)
    Path("c.html").write_text(page)
    Path("c.json").write_text(json.dumps(made | {"num_entries": 23}))
    assert "the certificate was changed after it was signed" in refused(capsys, *verify)
    Path("c.json").write_text("[]")
    assert "not a procmem erasure certificate" in refused(capsys, *verify)
    assert "cannot read" in refused(capsys, "audit", "verify", "none.json")


def test_a_certificate_against_a_memory_that_was_built_from_images_without_the_entry(image_set, tmp_path, capsys):
    assert main(BUILD) == 0
    (image_set / "train" / "red" / "7.png").unlink()  # the last one: all others keep their ids
    assert main([*BUILD[:7], "never", *BUILD[8:]]) == 0
    assert main(["memory", "erase", "m", "--ids", "23"]) == 0
    words = ["audit", "certificate", *SUBJECT, "--k", "3", "--output", "c.json", "--against", "never"]
    assert told(capsys, *words)["rebuilt_from"] == (
        "the images of the entries that remain, as the signer states (memory never)"
    )
    assert main(["memory", "remove", "never", "--ids", "22"]) == 0
    assert "holds 22 entries, not the 23 that remain" in refused(capsys, *words)
    assert main(["memory", "restore", "never", "--ids", "22"]) == 0
    assert main(["memory", "relabel", "never", "--label", "red", "--to", "blue"]) == 0
    assert main(words) == 1
    assert "no certificate" in capsys.readouterr().err


def test_near_duplicates_can_be_groups(queries, image_set, tmp_path, capsys):
    memory = VisualMemory.open("m")
    memory.add(memory.entries.embeddings[:2], [0, 0], card=memory.card)
    words = ["audit", "groups", *SUBJECT, "--k", "3", "--by", "near-duplicates", "--threshold"]
    (audit,) = told(capsys, *words, "1.0")["audits"]
    assert {row["group"]: row["num_entries"] for row in audit["groups"]} == {
        "near-duplicates-00": 2,
        "near-duplicates-01": 2,
    }
    assert "a similarity is above -1" in refused(capsys, *words, "1.5")
    memory.remove([24, 25])
    assert "no two entries" in refused(capsys, *words, "1.0")


def test_values_are_told_with_their_removal_curves(queries, capsys):
    words = ["audit", "shapley", *SUBJECT, "--k", "3", "--shares", "0", "0.5"]
    answer = told(capsys, *words, "--output", "values.csv")
    assert [curve["name"] for curve in answer["curves"]] == [
        "random",
        "shapley, least first",
        "shapley, most first",
        "leave-one-out, least first",
        "leave-one-out, most first",
    ]
    memory = VisualMemory.open("m")
    votes = memory.classify(queries.values[1::2], 3, voting="plurality")
    accuracy = np.mean(votes.predictions == queries.labels[1::2])
    assert all(curve["accuracies"][0] == accuracy for curve in answer["curves"])
    assert answer["curves"][1]["accuracies"][1] > answer["curves"][2]["accuracies"][1]
    rows = list(csv.DictReader(Path("values.csv").read_text().splitlines()))
    nearest = memory.search(queries.values[::2], 3).labels == queries.labels[::2, None]
    assert sum(float(row["shapley"]) for row in rows) == pytest.approx(nearest.mean())
    assert main(words) == 0
    assert "shapley, least first" in capsys.readouterr().out


def test_private_voting_tells_accuracy_against_budget(queries, capsys):
    words = ["audit", "private-voting", *SUBJECT, "--k", "5", "--epsilons", "0.01", "400", "--seed", "0"]
    answer = told(capsys, *words)
    plain, *rows = answer["curve"]
    memory = VisualMemory.open("m")
    votes = memory.classify(queries.values, 5, voting="plurality").scores.argmax(axis=1)
    assert plain["accuracy"] == np.mean(votes == queries.labels)
    assert [(row["mechanism"], row["epsilon"]) for row in rows] == [
        (name, epsilon) for name in ("gaussian", "exponential") for epsilon in (0.01, 400)
    ]
    assert rows[0]["accuracy"] < rows[1]["accuracy"]
    assert main(words) == 0
    table = capsys.readouterr()
    assert "one entry added or removed" in table.out
    assert "guarantee covers the memory" not in table.err  # a histogram has seen nothing
    for bad in ("0", "-1"):
        assert "must be above 0" in refused(capsys, *words[:-3], bad)


def test_membership_attacks_plain_pruned_and_private_answers(image_set, capsys):
    assert main(BUILD) == 0
    words = ["audit", "membership", *SUBJECT, "--k", "3"]
    answer = told(capsys, *words)
    assert answer["num_entries"] == 12
    assert [(attack["memory"], attack["score"]) for attack in answer["attacks"]][::4] == [
        ("plain", "similarity"),
        ("pruned", "similarity"),
        ("private", "answer"),
    ]
    for attack in answer["attacks"]:
        assert (attack["num_members"], attack["num_others"]) == (12, 12)
        assert 0 <= attack["auc_low"] <= attack["auc"] <= attack["auc_high"] <= 1
    assert len(VisualMemory.open("m")) == 24
    assert main(words) == 0
    assert "half of it, 12 entries" in capsys.readouterr().out
    assert "below the 12 entries" in refused(capsys, *words[:-1], "12")
    (image_set / "train").rename(image_set.parent / "kept")
    shutil.copytree(image_set / "val", image_set / "train")
    for image in (image_set / "train").rglob("*.png"):
        image.rename(image.with_name(f"new-{image.name}"))
    assert "the memory holds 0 of the training images" in refused(capsys, *words)


def test_a_figure_is_drawn_from_the_json_of_audits(queries, capsys):
    answer = told(capsys, "audit", "leave-one-out", *SUBJECT, "--k", "2", "5")
    Path("a.json").write_text(json.dumps(answer))
    words = ["audit", "figure", "--audits", "a.json", "--output"]
    assert main([*words, "f.png"]) == 0
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")
    assert ".png file" in refused(capsys, *words, "f.jpg")
    assert "audit of another encoder" in refused(
        capsys, "audit", "figure", "--audits", "a.json", "a.json", "--output", "f.png"
    )
