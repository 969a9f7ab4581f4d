"""Certificates: equal to a memory that really never held the entries, honest about the encoder, and tamper-evident."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from memory.audit.certificate import Certificate, certify, rebuild, stored_receipts, verify_certificate
from memory.audit.certificate_page import render_page
from memory.memory import VisualMemory
from memory.receipt import signing_key
from memory.voting import Rule
from procmem.errors import UserError, WorkError
from procmem.provenance import EncoderCard, Provenance

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
RULES: tuple[Rule, ...] = ("softmax", "plurality", "distance", "rank")


@pytest.fixture
def erased(memory: VisualMemory, unit_rows: MakeUnitRows) -> VisualMemory:
    """60 entries of which 4, 30 and 59 have been erased, in two erasures."""
    memory.add(unit_rows(60, 16, 1), np.arange(60) % 3, weight=np.linspace(0.5, 1.5, 60))
    memory.erase([4])
    memory.erase([30, 59])
    return memory


@pytest.fixture
def certificate(erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> Certificate:
    never_held = rebuild(erased, tmp_path / "rebuilt")
    return certify(
        erased, never_held, unit_rows(20, 16, 2), rebuilt_from="what remains", ks=(1, 7), votings=RULES, name="m"
    )


def test_equals_a_memory_built_without_the_entries_and_names_what_was_done(
    certificate: Certificate, erased: VisualMemory, card: EncoderCard, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    rows, kept = unit_rows(60, 16, 1), np.setdiff1d(np.arange(60), [4, 30, 59])
    never = VisualMemory.create(tmp_path / "never", card, class_names=["cat", "dog", "owl"])
    never.add(rows[kept], kept % 3, ids=kept, weight=np.linspace(0.5, 1.5, 60)[kept])
    again = certify(erased, never, unit_rows(20, 16, 2), rebuilt_from="images", ks=(1, 7), votings=RULES, name="m")
    assert again.answers == certificate.answers
    assert len(certificate.answers) == 8
    assert (certificate.num_entries, certificate.num_erased, certificate.num_queries) == (57, 3, 20)
    assert [len(receipt["erased"]) for receipt in certificate.receipts] == [1, 2]
    assert certificate.files_unchanged
    verify_certificate(certificate, signing_key().public_key().public_bytes_raw().hex())


def test_a_memory_that_answers_otherwise_gets_no_certificate(
    erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    other = rebuild(erased, tmp_path / "other")
    other.relabel([7, 8], [1, 0])
    with pytest.raises(WorkError, match=r"no certificate: with softmax voting and k = 5, \d+ of 20 queries"):
        certify(erased, other, unit_rows(20, 16, 2), rebuilt_from="x", ks=(5,))


def test_a_score_that_differs_in_its_last_bits_gets_no_certificate(
    erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    other = rebuild(erased, tmp_path / "other")
    other.reweigh(other.entries.ids, np.nextafter(other.entries.weights, np.float32(9)))
    with pytest.raises(WorkError, match=r"no certificate: with softmax voting and k = 5, \d+ of 20 queries"):
        certify(erased, other, unit_rows(20, 16, 2), rebuilt_from="x", ks=(5,))


def test_a_receipt_that_was_changed_in_the_store_gets_no_certificate(
    erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    path = next((tmp_path / "memory" / "receipts").iterdir())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"found_before": 9}))
    with pytest.raises(UserError, match="the receipt was changed after it was signed"):
        certify(erased, rebuild(erased, tmp_path / "r"), unit_rows(5, 16, 2), rebuilt_from="x")


def test_an_entry_that_came_back_is_found_by_its_hash(
    erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    never_held, rows = rebuild(erased, tmp_path / "never"), unit_rows(60, 16, 1)
    erased.add(rows[[30]], [0], ids=[30])
    never_held.add(rows[[30]], [0], ids=[31_000])
    with pytest.raises(WorkError, match="the memory holds entry 30, of which a receipt says"):
        certify(erased, never_held, rows[:3], rebuilt_from="x")


def test_an_erased_entry_under_an_id_given_anew_is_found_in_the_memory_to_compare_with(
    erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows
) -> None:
    never_held, rows = rebuild(erased, tmp_path / "never"), unit_rows(60, 16, 1)
    erased.add(unit_rows(1, 16, 9), [0], ids=[30])
    never_held.add(rows[[30]], [0], ids=[30])
    with pytest.raises(WorkError, match="the memory to compare with holds entry 30"):
        certify(erased, never_held, rows[:3], rebuilt_from="x")


def test_what_both_memories_hold_is_hashed_once_for_each_receipt(
    erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    monkeypatch.setattr("memory.audit.certificate.hash_entry", lambda salt, entry, content: hashed.append(entry) or "")
    receipts = len(stored_receipts(erased))
    never_held = rebuild(erased, tmp_path / "never")
    erased.add(unit_rows(2, 16, 9), [0, 1], ids=[500, 501])
    never_held.add(unit_rows(2, 16, 9), [0, 1], ids=[500, 502])
    certify(erased, never_held, unit_rows(3, 16, 2), rebuilt_from="x", ks=(1,))
    assert len(hashed) == receipts * (len(erased) + 1)
    assert hashed[-1] == 502


def test_a_memory_to_compare_with_must_be_comparable_and_without_the_erased_entries(
    erased: VisualMemory, tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    rows, queries = unit_rows(60, 16, 1), unit_rows(5, 16, 2)
    kept = np.setdiff1d(np.arange(60), [4, 30, 59])

    def other(name: str, ids: npt.NDArray[np.int64], *class_names: str, own: EncoderCard = card) -> VisualMemory:
        made = VisualMemory.create(tmp_path / name, own, class_names=class_names or ("cat", "dog", "owl"))
        made.add(rows[ids], ids % 3, ids=ids)
        return made

    def refused(never_held: VisualMemory) -> pytest.ExceptionInfo[Exception]:
        with pytest.raises((UserError, WorkError)) as error:
            certify(erased, never_held, queries, rebuilt_from="x")
        return error

    error = refused(other("names", kept, "dog", "cat", "owl"))
    assert "has other classes, or has them in another order" in str(error.value)
    error = refused(other("fewer", kept[:-1]))
    assert "holds 56 entries, not the 57 that remain" in str(error.value)
    error = refused(other("encoder", kept, own=dataclasses.replace(card, fingerprint="c" * 64)))
    assert "c" * 16 in str(error.value)
    # still holds one of the erased, which no question comes near enough to tell
    error = refused(other("holds", np.sort(np.append(kept[1:], 30))))
    assert "the memory to compare with holds entry 30" in str(error.value)


def test_later_additions_are_said(erased: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    erased.add(unit_rows(1, 16, 9), [0])
    made = certify(erased, rebuild(erased, tmp_path / "r"), unit_rows(5, 16, 2), rebuilt_from="x")
    assert not made.files_unchanged
    page = render_page(made)
    assert "have changed, as they do when entries are added or edited" in page
    assert "have not changed" not in page


@pytest.mark.parametrize("real", [True, "unknown"])
def test_an_encoder_of_real_or_unknown_provenance_limits_the_scope(
    real: Any, tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    seen = dataclasses.replace(card, provenance=Provenance(real_images=real))
    memory = VisualMemory.create(tmp_path / "m", seen, class_names=["cat"])
    memory.add(unit_rows(5, 16), np.zeros(5, np.int64))
    memory.erase([2])
    made = certify(memory, rebuild(memory, tmp_path / "r"), unit_rows(3, 16, 2), rebuilt_from="x", ks=(2,))
    assert made.scope == "memory only"
    assert "COVERS THE MEMORY ONLY" in render_page(made)


def test_a_procedural_encoder_is_covered_too(certificate: Certificate) -> None:
    assert certificate.scope == "memory and encoder"
    page = render_page(certificate)
    assert "states that no real image was used to train it" in certificate.statement
    assert "does not prove it" in certificate.statement
    assert "MEMORY ONLY" not in page
    assert "have not changed" in page


def test_the_page_says_what_was_asked_erased_and_seen(erased: VisualMemory, certificate: Certificate) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", render_page(certificate)).split())
    assert "3 entries were erased from the visual memory m ; 57 entries remain." in page
    assert "the same 20 questions in 8 ways of voting" in page
    assert "plurality 1, 7 20 of 20" in page
    assert "There is an exception" not in page
    first, second = certificate.receipts
    files = [len(receipt["files_scanned"]) for receipt in (first, second)]
    assert f"UTC 1 1 {files[0]} {len(first['versions_dropped'])} 0" in page
    assert f"UTC 2 2 {files[1]} {len(second['versions_dropped'])} 0" in page
    time = datetime.datetime.fromisoformat(certificate.time_utc)
    assert f"Made on {time.day} {time:%B %Y, %H:%M} UTC." in page  # in the tests' locale, which is English
    for value in (certificate.signature, certificate.public_key, certificate.queries_sha256):
        assert value in page


def test_twins_and_notes_of_the_encoder_are_on_the_page(
    tmp_path: Path, card: EncoderCard, unit_rows: MakeUnitRows
) -> None:
    provenance = Provenance(real_images=False, images_seen=192_000, notes=("chosen on <flowers>",))
    memory = VisualMemory.create(
        tmp_path / "m", dataclasses.replace(card, provenance=provenance), class_names=["cat"], precision="float32"
    )
    memory.add(unit_rows(5, 16)[[0, 1, 2, 3, 3]], np.zeros(5, np.int64))
    memory.erase([3])
    page = render_page(certify(memory, rebuild(memory, tmp_path / "r"), unit_rows(3, 16, 2), rebuilt_from="x", ks=(2,)))
    assert "There is an exception: 1 of the erased entries has exactly the same numbers" in " ".join(page.split())
    assert "chosen on &lt;flowers&gt;" in page
    assert "<td>192,000</td>" in page


def changed(value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return ("0" if value[:1] != "0" else "1") + value[1:]
    if isinstance(value, list):
        return value[:-1] if value else ["x"]
    return value | {"x": 1}


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the JSON, inner ones too."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))[:2]
    return [place for key, item in items for place in [(*path, key), *paths(item, (*path, key))]]


def test_a_change_of_any_field_at_any_depth_is_detected(certificate: Certificate) -> None:
    text = json.dumps(certificate.to_dict())
    places = paths(json.loads(text))
    assert len(places) > 100
    verify_certificate(Certificate.from_dict(json.loads(text)))
    for path in places:
        value = json.loads(text)
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = changed(holder[path[-1]])
        with pytest.raises(UserError):
            verify_certificate(Certificate.from_dict(value))
        if isinstance(holder, dict):
            del holder[path[-1]]
            with pytest.raises(UserError):
                verify_certificate(Certificate.from_dict(value))


def resigned(certificate: Certificate, **changes: Any) -> Certificate:
    """As a dishonest signer would, with the right key."""
    altered = dataclasses.replace(certificate, **changes)
    return dataclasses.replace(altered, signature=signing_key().sign(altered.signed_bytes()).hex())


def test_a_signer_cannot_contradict_the_parts(certificate: Certificate) -> None:
    verify_certificate(resigned(certificate))
    card = json.loads(json.dumps(certificate.card))
    card["provenance"]["real_images"] = True
    with pytest.raises(UserError, match="another scope than the encoder's provenance allows"):
        verify_certificate(resigned(certificate, card=card))
    with pytest.raises(UserError, match="counts other erased entries"):
        verify_certificate(resigned(certificate, num_erased=4))
    receipts = json.loads(json.dumps(certificate.receipts))
    receipts[0]["found_before"] = 7
    with pytest.raises(UserError, match="the receipt was changed"):
        verify_certificate(resigned(certificate, receipts=tuple(receipts)))
    with pytest.raises(UserError, match="another encoder"):
        verify_certificate(resigned(certificate, card=certificate.card | {"fingerprint": "b" * 64}))
    with pytest.raises(UserError, match="not with 0000"):
        verify_certificate(certificate, "0" * 64)


def test_nothing_to_certify_is_refused(memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    rows = unit_rows(10, 16)
    memory.add(rows, np.zeros(10, np.int64))
    with pytest.raises(UserError, match="nothing was erased"):
        certify(memory, memory, rows, rebuilt_from="x")
    memory.erase([1])
    with pytest.raises(UserError, match="at least one query"):
        certify(memory, memory, rows[:0], rebuilt_from="x")
    receipt = next((tmp_path / "memory" / "receipts").iterdir())
    receipt.write_text("{")
    with pytest.raises(UserError, match="receipt of the memory cannot be read"):
        certify(memory, memory, rows, rebuilt_from="x")
