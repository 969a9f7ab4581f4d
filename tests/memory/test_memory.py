"""VisualMemory on disk: what goes in comes out, every change is one version, and bad requests change nothing.

Run: pytest tests/memory/test_memory.py.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from memory.memory import VisualMemory
from memory.search import exact_search
from memory.voting import vote
from procmem.errors import UserError
from procmem.provenance import EncoderCard

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def test_entries_come_back_as_they_went_in(memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(5, 16)
    memory.add(rows[:2], [2, 0], owner="ann", uri=["a.png", None])
    memory.add(torch.from_numpy(rows[2:]), torch.tensor([1, 1, 2]), owner=["bob", None, "cy"])
    reopened = VisualMemory.open(tmp_path / "memory")
    assert len(reopened) == 5
    assert reopened.entries.ids.tolist() == [0, 1, 2, 3, 4]
    assert reopened.entries.labels.tolist() == [2, 0, 1, 1, 2]
    assert np.array_equal(reopened.entries.embeddings, rows)
    assert reopened.owners() == ["ann", "ann", "bob", None, "cy"]
    assert reopened.uris() == ["a.png", None, None, None, None]
    assert reopened.class_names == ("cat", "dog", "owl")
    assert reopened.card == memory.card


def test_given_ids_are_kept_and_entries_are_read_by_ascending_id(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(4, 16)
    assert memory.add(rows[:3], [0, 1, 2], ids=[30, 10, 20], uri=["x", "y", "z"]).tolist() == [30, 10, 20]
    assert memory.add(rows[3:], [0]).tolist() == [31]
    assert memory.entries.ids.tolist() == [10, 20, 30, 31]
    assert memory.entries.labels.tolist() == [1, 2, 0, 0]
    assert np.array_equal(memory.entries.embeddings, rows[[1, 2, 0, 3]])
    assert memory.uris() == ["y", "z", "x", None]


def test_search_and_classify_equal_search_and_vote_over_the_arrays(
    memory: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    rows, queries = unit_rows(50, 16, 1), unit_rows(9, 16, 2)
    labels = np.arange(50) % 3
    memory.add(rows, labels)
    direct = exact_search(queries, rows, 7, labels=labels)
    found = memory.search(queries, 7)
    assert np.array_equal(found.ids, direct.ids)
    assert np.array_equal(found.similarities, direct.similarities)
    votes = memory.classify(queries, 7, voting="rank")
    assert np.array_equal(votes.scores, vote(direct, num_classes=3, voting="rank").scores)
    assert memory.search(queries, 60).memory_size == 50


def test_a_removed_entry_is_out_of_the_next_answer_and_history_still_has_it(
    memory: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    rows = unit_rows(10, 16)
    memory.add(rows, [0] * 10)
    before = memory.version
    assert memory.search(rows[4:5], 1).ids.tolist() == [[4]]
    memory.remove(ids=[4, 7])
    assert memory.search(rows[4:5], 10).ids[0, -2:].tolist() == [-1, -1]
    assert memory.search(rows[4:5], 1).ids[0, 0] not in (4, 7)
    then = memory.checkout(before)
    assert then.search(rows[4:5], 1).ids.tolist() == [[4]]
    assert [version.number for version in memory.versions()][-2:] == [before, memory.version]


def test_removing_an_entry_restores_the_earlier_prediction(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    query = unit_rows(1, 16)
    memory.add(unit_rows(5, 16, 1), [0] * 5)
    assert memory.classify(query, 1).predictions.tolist() == [0]
    (added,) = memory.add(query, [1])
    assert memory.classify(query, 1).predictions.tolist() == [1]
    memory.remove([added])
    assert memory.classify(query, 1).predictions.tolist() == [0]


def test_ids_are_never_given_twice_even_after_removal_and_erasure(
    memory: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    memory.add(unit_rows(3, 16), [0, 0, 0])
    memory.remove([2])
    assert memory.add(unit_rows(1, 16, 1), [0]).tolist() == [3]
    memory.erase([3])
    assert memory.add(unit_rows(1, 16, 2), [0]).tolist() == [4]


def test_unknown_ids_remove_nothing(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    memory.add(unit_rows(3, 16), [0, 0, 0])
    version = memory.version
    with pytest.raises(UserError, match=r"nothing was removed: .* no entry with id 7, 8"):
        memory.remove([0, 7, 8])
    assert (len(memory), memory.version) == (3, version)


def test_ids_in_use_or_given_twice_add_nothing(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    memory.add(unit_rows(2, 16), [0, 0])
    version = memory.version
    for ids in ([1, 5], [5, 5]):
        with pytest.raises(UserError, match=r"nothing was added: ids already taken, or given twice: [15]$"):
            memory.add(unit_rows(2, 16, 1), [0, 0], ids=ids)
    assert (len(memory), memory.version) == (2, version)


def test_after_the_largest_id_there_are_still_free_ones(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    largest = (1 << 62) - 1
    memory.add(unit_rows(1, 16), [0], ids=[largest])
    assert memory.add(unit_rows(2, 16, 1), [0, 0]).tolist() == [largest + 1, largest + 2]


def test_embeddings_of_another_encoder_are_refused_with_both_fingerprints(
    memory: VisualMemory, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    other = dataclasses.replace(card, name="other", fingerprint="b" * 64)
    with pytest.raises(UserError, match=f"'other' \\({'b' * 64}\\).*'random:test' \\({'a' * 64}\\)"):
        memory.add(unit_rows(1, 16), [0], card=other)
    memory.add(unit_rows(1, 16), [0], card=card)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": [0]}, "labels has 1 values for 2 embeddings"),
        ({"labels": [0, 3]}, "labels holds 0 to 3; valid: 0 to 2"),
        ({"labels": [0.0, 1.0]}, "labels must be a list of integers"),
        ({"ids": [-1, 0]}, "ids holds -1 to 0; valid: 0 to "),
        ({"ids": [0, 1 << 62]}, "ids holds 0 to 4611686018427387904; valid: 0 to 4611686018427387903"),
        ({"owner": ["ann"]}, "owner has 1 values for 2 embeddings"),
        ({"uri": ["a", "b", "c"]}, "uri has 3 values for 2 embeddings"),
        ({"owner": [1, 2]}, "owner must be str or None; received 1"),
        ({"time": [None, 2026]}, "time must be datetime or None; received 2026"),
        ({"weight": [1, 2, 3]}, "weight has 3 values for 2 entries"),
        ({"weight": -1}, "weights must be finite and 0 or more"),
        ({"embeddings": np.eye(2, 8)}, "embeddings have dimension 8; this memory holds dimension 16"),
        ({"embeddings": [[1.0, 0.0], [1.0]]}, "embeddings must be .* received rows of different lengths"),
        ({"embeddings": np.zeros((2, 16))}, "embeddings: row 0 is zero"),
        ({"embeddings": np.full((2, 16), np.nan)}, "embeddings: row 0 holds NaN"),
    ],
)
def test_bad_columns_add_nothing(memory: VisualMemory, unit_rows: MakeUnitRows, arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        memory.add(**({"embeddings": unit_rows(2, 16), "labels": [0, 1]} | arguments))
    assert len(memory) == 0


def test_adding_nothing_makes_no_version(memory: VisualMemory) -> None:
    version = memory.version
    assert memory.add(np.empty((0, 16), np.float32), []).tolist() == []
    assert memory.version == version


def test_an_empty_memory_is_a_memory_that_cannot_be_searched(
    memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    for _ in range(2):  # new, then emptied
        with pytest.raises(UserError, match="this memory is empty"):
            memory.search(unit_rows(1, 16), 1)
        assert memory.entries.embeddings.shape == (0, 16)
        assert memory.owners() == memory.times() == memory.find_damage() == []
        with pytest.raises(UserError, match="no entry of this memory meets"):
            memory.select(owner="ann")
        with pytest.raises(UserError, match="holds no entry with id 7"):
            memory.remove([7])
        memory.remove([])
        memory.remove(memory.add(unit_rows(1, 16), [0]))
    assert len(memory.copy_to(tmp_path / "copy")) == 0


def test_history_cannot_be_changed(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    memory.add(unit_rows(2, 16), [0, 0])
    then = memory.checkout(1)
    for change in (lambda: then.add(unit_rows(1, 16), [0]), lambda: then.remove([0]), lambda: then.erase([0])):
        with pytest.raises(UserError, match="version 1 is history and cannot be changed"):
            change()
    with pytest.raises(
        UserError, match=r"version 99 of memory '.*': it has none of that number; the latest held are 1, 2 "
    ):
        memory.checkout(99)


def test_two_openers_see_each_others_changes_when_they_write(
    memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    other = VisualMemory.open(tmp_path / "memory")
    memory.add(unit_rows(2, 16), [0, 0])
    with pytest.raises(UserError, match="already taken, or given twice: 1"):
        other.add(unit_rows(1, 16, 1), [1], ids=[1])
    assert other.add(unit_rows(1, 16, 1), [1]).tolist() == [2]
    assert len(other) == 3
    memory.remove([2])
    assert memory.entries.ids.tolist() == [0, 1]


def test_a_second_writer_is_refused_while_one_writes(
    memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    with (tmp_path / "memory" / ".writer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is writing"):
            memory.add(unit_rows(1, 16), [0])


def test_create_refuses_a_folder_that_holds_anything_and_repeated_classes(
    memory: VisualMemory, tmp_path: Path, card: EncoderCard
) -> None:
    with pytest.raises(UserError, match="is not empty"):
        VisualMemory.create(tmp_path / "memory", card, class_names=["cat"])
    with pytest.raises(UserError, match="precision is 'float64'; valid: float32, float16"):
        VisualMemory.create(tmp_path / "new", card, class_names=["cat"], precision="float64")
    with pytest.raises(UserError, match="store dimension 1 as float32"):
        VisualMemory.create(
            tmp_path / "new", dataclasses.replace(card, dimension=1), class_names=["cat"], precision="float16"
        )
    with pytest.raises(UserError, match="class names must be given and differ"):
        VisualMemory.create(tmp_path / "new", card, class_names=["cat", "cat"])
    with pytest.raises(UserError, match="class names are one string, 'cat'; give a list"):
        VisualMemory.create(tmp_path / "new", card, class_names="cat")


def test_a_missing_newer_or_damaged_ledger_is_named(memory: VisualMemory, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no memory in"):
        VisualMemory.open(tmp_path / "nothing")
    ledger = tmp_path / "memory" / "ledger.json"
    good = json.loads(ledger.read_text())
    ledger.write_text(json.dumps(good | {"format": 3}))
    with pytest.raises(UserError, match=r"has format 3; this procmem reads up to 2"):
        VisualMemory.open(tmp_path / "memory")
    del good["card"]["dimension"]
    for text, message in ((json.dumps(good), "is damaged"), ("{}", "is damaged"), (ledger.read_text()[:40], "JSON")):
        ledger.write_text(text)
        with pytest.raises(UserError, match=message):
            VisualMemory.open(tmp_path / "memory")


def test_a_read_only_folder_can_be_searched_but_not_changed(
    memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    memory.add(unit_rows(3, 16), [0, 0, 0])
    folder = tmp_path / "memory"
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user can write anywhere")
        opened = VisualMemory.open(folder)
        assert opened.search(unit_rows(1, 16), 1).ids.shape == (1, 1)
        with pytest.raises(UserError, match="cannot write in memory"):
            opened.remove([0])
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)


def test_weights_of_entries_count_in_votes(memory: VisualMemory) -> None:
    near, far = np.eye(16, dtype=np.float32)[:2]
    query = (0.9 * near + 0.8 * far)[None] / np.linalg.norm(0.9 * near + 0.8 * far)
    memory.add(np.stack([near, far]), [0, 1], weight=[1.0, 1.0])
    assert memory.search(query, 2).weights is None
    assert memory.classify(query, 2, voting="plurality").predictions.tolist() == [0]
    memory.reweigh([0], [0.5])
    assert memory.classify(query, 2, voting="plurality").scores.tolist() == [[0.5, 1.0, 0.0]]
    assert memory.classify(query, 2, voting="plurality").predictions.tolist() == [1]
