"""Relabelling, weights, new classes, replacement and streams: each one version, all or nothing, seen by the next query.

Run: pytest tests/memory/test_changes.py.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from memory.schema import Batch
from memory.store import Store
from procmem.errors import UserError
from procmem.provenance import EncoderCard

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
NOON = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


@pytest.fixture
def filled(memory: VisualMemory, unit_rows: MakeUnitRows) -> VisualMemory:
    """Ten entries; ids 0 to 9, labels 0 1 2 0 1 2 ...; read into RAM."""
    memory.add(unit_rows(10, 16), np.arange(10) % 3, owner="ann", dataset="first", time=NOON, weight=np.arange(10) / 4)
    assert len(memory.entries.ids) == 10
    return memory


def reopened(memory: VisualMemory, tmp_path: Path) -> VisualMemory:
    """A second look from disk, which must agree with what is in RAM."""
    again = VisualMemory.open(tmp_path / "memory")
    for name in ("ids", "embeddings", "labels", "weights"):
        assert np.array_equal(getattr(again.entries, name), getattr(memory.entries, name)), name
    return again


def test_every_column_comes_back(filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    filled.add(unit_rows(2, 16, 1), [0, 0], dataset=[None, "second"], time=[None, NOON.replace(year=2020)])
    again = reopened(filled, tmp_path)
    assert again.datasets() == ["first"] * 10 + [None, "second"]
    assert again.times() == [NOON] * 10 + [None, NOON.replace(year=2020)]
    assert again.entries.weights.tolist() == [*(np.arange(10) / 4), 1.0, 1.0]


def test_an_entry_without_a_time_stands_for_the_moment_it_was_added(
    memory: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    before = datetime.datetime.now(datetime.UTC)
    memory.add(unit_rows(1, 16), [0])
    (time,) = memory.times()
    assert time is not None
    assert before <= time <= datetime.datetime.now(datetime.UTC)


def test_half_precision_stores_the_nearest_half_floats(
    tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    memory = VisualMemory.create(tmp_path / "memory", card, class_names=["a"], precision="float16")
    rows = unit_rows(40, 16)
    memory.add(rows[:20], [0] * 20)
    assert np.array_equal(memory.entries.embeddings, rows[:20].astype(np.float16).astype(np.float32))
    memory.add(rows[20:], [0] * 20)
    reopened(memory, tmp_path)
    assert memory.search(rows[7:8], 1).ids.tolist() == [[7]]
    half = rows[7].astype(np.float16).tobytes()
    assert any(half in path.read_bytes() for path in (tmp_path / "memory").rglob("*") if path.is_file())
    assert memory.erase([7]).found_before == 1
    assert not any(half in path.read_bytes() for path in (tmp_path / "memory").rglob("*") if path.is_file())


def test_relabelled_entries_vote_for_their_new_class_and_history_for_the_old(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    queries, before = unit_rows(10, 16), filled.version
    filled.relabel([4, 0], [2, 1])
    assert filled.entries.labels.tolist() == [1, 1, 2, 0, 2, 2, 0, 1, 2, 0]
    assert filled.version == before + 1
    assert filled.classify(queries, 1).predictions.tolist() == filled.entries.labels.tolist()
    filled.relabel([3, 6], 1)
    again = reopened(filled, tmp_path)
    assert again.entries.labels.tolist() == [1, 1, 2, 1, 2, 2, 1, 1, 2, 0]
    assert again.owners() == ["ann"] * 10
    assert again.times() == [NOON] * 10
    assert filled.checkout(before).classify(queries, 1).predictions.tolist() == (np.arange(10) % 3).tolist()


def test_weights_are_changed_in_one_version(filled: VisualMemory, tmp_path: Path) -> None:
    filled.reweigh([9, 1], [0.5, 8.0])
    assert filled.entries.weights[[1, 9, 2]].tolist() == [8.0, 0.5, 0.5]
    reopened(filled, tmp_path)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(UserError, match="weights must be finite and 0 or more"):
            filled.reweigh([1], [bad])


@pytest.mark.parametrize(
    ("ids", "label", "message"),
    [
        ([0, 77], 1, "nothing was changed: this memory holds no entry with id 77"),
        ([2, 2], 1, "nothing was changed: ids given twice: 2"),
        ([0], 3, "labels holds 3 to 3; valid: 0 to 2"),
    ],
)
def test_bad_relabelling_changes_nothing(filled: VisualMemory, ids: list[int], label: int, message: str) -> None:
    version = filled.version
    with pytest.raises(UserError, match=message):
        filled.relabel(ids, label)
    assert (filled.version, filled.entries.labels[0]) == (version, 0)


def test_new_classes_stand_behind_the_old_ones_and_need_a_group_on_each_level(
    tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    rows = unit_rows(4, 16)
    memory = VisualMemory.create(
        tmp_path / "memory", card, class_names=["gala", "milk"], levels={"kind": ["apple", "dairy"]}
    )
    memory.add(rows[:2], [0, 1])
    memory.add_classes(["fuji", "tea"], levels={"kind": ["apple", "drink"]})
    memory.add(rows[2:], [2, 3])
    assert memory.class_names == ("gala", "milk", "fuji", "tea")
    assert memory.classify(rows, 1).predictions.tolist() == [0, 1, 2, 3]
    assert memory.classify(rows, 1, level="kind").predictions.tolist() == [0, 1, 0, 2]
    assert VisualMemory.open(tmp_path / "memory").levels[0].class_names == ("apple", "dairy", "drink")
    for names, levels, message in (
        (["pear"], {}, r"need a group on each level: the memory has levels \['kind'\], given \[\]"),
        (["gala"], {"kind": ["apple"]}, "class names must be given and differ"),
    ):
        with pytest.raises(UserError, match=message):
            memory.add_classes(names, levels=levels)


def test_duplicates_replace_where_asked_and_history_keeps_the_old(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    before, new = filled.version, unit_rows(2, 16, 5)
    assert filled.add(new, [0, 0], ids=[4, 40], on_duplicate="replace").tolist() == [4, 40]
    assert filled.version == before + 1
    assert len(filled) == 11
    assert np.array_equal(filled.entries.embeddings[[4, 10]], new)
    assert filled.owners()[4] is None
    reopened(filled, tmp_path)
    assert np.array_equal(filled.checkout(before).entries.embeddings[4], unit_rows(10, 16)[4])
    with pytest.raises(UserError, match="given twice: 4"):
        filled.add(new, [0, 0], ids=[4, 4], on_duplicate="replace")
    with pytest.raises(UserError, match="valid: refuse, replace"):
        filled.add(new, [0, 0], on_duplicate="ignore")


def test_a_stream_is_one_version_read_batch_by_batch(memory: VisualMemory, unit_rows: MakeUnitRows) -> None:
    rows, version = unit_rows(60, 16), memory.version
    taken: list[int] = []

    def batches() -> Iterator[Batch]:
        for start in range(0, 60, 20):
            taken.append(start)
            yield Batch(embeddings=rows[start : start + 20], labels=np.zeros(20, int), owner=f"owner {start}")

    ids = memory.add_batches(batches())
    assert ids.tolist() == list(range(60))
    assert taken == [0, 20, 40]
    assert memory.version == version + 1
    assert np.array_equal(memory.entries.embeddings, rows)
    assert memory.owners()[19:21] == ["owner 0", "owner 20"]


def test_a_stream_that_fails_adds_nothing_and_keeps_its_error(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    rows, version = unit_rows(10, 16, 3), filled.version
    data = tmp_path / "memory" / "entries.lance" / "data"
    num_files = len(list(data.iterdir()))
    for second, message in (
        (Batch(embeddings=rows[:2], labels=[0]), "labels has 1 values for 2 embeddings"),
        (Batch(embeddings=rows[:1], labels=[0], ids=[50]), "already taken, or given twice: 50"),
        (Batch(embeddings=rows[:1] * np.nan, labels=[0]), "row 0 holds NaN"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            filled.add_batches([Batch(embeddings=rows[:1], labels=[0], ids=[50]), second])
        assert "cannot add to" not in str(caught.value)  # ours, not Lance's account of it
    assert (len(filled), filled.version) == (10, version)
    assert len(list(data.iterdir())) == num_files  # and leaves no file behind


def test_what_is_in_ram_stays_in_step_over_many_changes(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_out = filled.entries
    copies = [handed_out.embeddings.copy(), handed_out.labels.copy(), handed_out.weights.copy()]
    monkeypatch.setattr(type(filled.store), "read", None)  # no second reading
    filled.relabel([4], 2)
    filled.reweigh([4], 9.0)
    filled.remove([3, 9])
    filled.add(unit_rows(30, 16, 1), np.ones(30, int))
    filled.relabel([10, 11], 2)
    filled.remove([0, 15])
    filled.reweigh([1], 3.0)
    found = filled.search(unit_rows(10, 16)[[0, 3, 4]], 36)
    assert found.ids[2, 0] == 4
    assert not np.isin(found.ids, [0, 3, 9, 15]).any()
    for view, copied in zip((handed_out.embeddings, handed_out.labels, handed_out.weights), copies, strict=True):
        assert np.array_equal(view, copied)
    monkeypatch.undo()
    reopened(filled, tmp_path)


def test_ids_out_of_order_are_in_order_in_ram_as_on_disk(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    filled.add(unit_rows(3, 16, 1), [0, 1, 2], ids=[40, 30, 20])
    filled.add(unit_rows(1, 16, 2), [2], ids=[25])
    assert filled.entries.ids.tolist() == [*range(10), 20, 25, 30, 40]
    reopened(filled, tmp_path)


def test_a_mask_over_the_entries_holds_after_a_removal(filled: VisualMemory, unit_rows: MakeUnitRows) -> None:
    filled.remove([2, 5])
    allowed = np.isin(filled.entries.ids, [0, 3, 6])
    assert sorted(filled.search(unit_rows(1, 16, 4), 5, allowed=allowed).ids[0].tolist()) == [-1, -1, 0, 3, 6]
    with pytest.raises(UserError, match="allowed have shape"):
        filled.search(unit_rows(1, 16), 1, allowed=np.ones(10, bool))


def test_anothers_change_in_between_is_not_overlooked(
    filled: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    other = VisualMemory.open(tmp_path / "memory")
    other.remove([1])
    filled.remove([2])
    assert filled.entries.ids.tolist() == [0, 3, 4, 5, 6, 7, 8, 9]
    other.refresh()
    filled.remove([])
    filled.add(unit_rows(1, 16, 8), [0])
    filled.remove([])
    other.remove([3])
    filled.remove([])
    assert filled.entries.ids.tolist() == other.entries.ids.tolist() == [0, 4, 5, 6, 7, 8, 9, 10]


def test_rows_that_a_second_writer_moved_meanwhile_are_not_taken_for_others(
    filled: VisualMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Store.rows
    monkeypatch.setattr(Store, "rows", lambda store, ids, *args, **scan: found(store, ids + 1, *args, **scan))

    with pytest.raises(UserError, match=r"another process changed memory .* 1 of 2 entries were removed"):
        filled.remove([3, 4])  # found where 4 and 5 lie

    assert filled.entries.ids.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_queries_of_another_encoder_are_refused(filled: VisualMemory, unit_rows: MakeUnitRows) -> None:
    import dataclasses

    other = dataclasses.replace(filled.card, fingerprint="b" * 64)
    with pytest.raises(UserError, match=f"{'b' * 64}.*{'a' * 64}"):
        filled.search(unit_rows(1, 16), 1, card=other)
    with pytest.raises(UserError, match="dimension 8; this memory holds dimension 16"):
        filled.search(unit_rows(1, 8), 1)
    with pytest.raises(UserError, match="is not L2-normalised"):
        filled.search(2 * unit_rows(1, 16), 1)
