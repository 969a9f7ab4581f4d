"""Certificates: a signed statement, after an erasure, of what can be shown and of what cannot.

Three things are shown. (a) The memory answers a set of queries exactly, to the last bit of every score, as a memory
that does not hold the erased entries: one is really built and asked. (b) The receipts of the erasures are whole, and no
present entry is one of those that they name. (c) What the encoder saw, as its provenance record says. An encoder that
saw real images, or of which that is unknown, may hold something of the erased images in its weights, and then the
certificate says that it covers the memory only.

The signature is that of `memory.receipt`: it proves that the statement is unchanged and who made it, if the reader
knows the public key from elsewhere; it cannot prove that the signer told the truth. Whoever holds the memory and the
queries can repeat (a); that is why the hashes of queries and answers are part of it.

Letters: N entries, Q queries.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from memory.erasure import RECEIPTS_NAME
from memory.memory import VisualMemory
from memory.receipt import Receipt, check_signature, hash_entry, signing_key, verify_receipt
from memory.voting import Rule, Voting
from procmem.errors import UserError, WorkError
from procmem.files import canonical_json
from procmem.provenance import EncoderCard, code_version

FORMAT = 2
KIND = "procmem erasure certificate"
Scope = Literal["memory and encoder", "memory only"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answers:
    """One way of voting, asked of both memories.

    Attributes:
        k: neighbours that vote.
        voting: the rule with its numbers.
        predictions_sha256: over the predictions, (Q,) little-endian int64.
        scores_sha256: over the scores, (Q, C) little-endian float64.
    """

    k: int
    voting: dict[str, Any]
    predictions_sha256: str
    scores_sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Certificate:
    """What is certified.

    Attributes:
        time_utc: when it was made, ISO 8601.
        memory: name of the memory, for people.
        version: of the memory that was asked.
        num_entries: N, entries that remain.
        num_erased: entries that the receipts name.
        receipts: of the erasures, each signed by itself.
        files_unchanged: whether the store's files are those that the last receipt lists; entries added later change
            them rightly.
        rebuilt_from: what the memory that never held the entries was built from.
        num_queries: Q.
        queries_sha256: over the query embeddings, (Q, D) little-endian float32.
        answers: equal for both memories, bit by bit.
        card: the encoder, with its provenance.
        scope: what the certificate covers.
        statement: the same in words.
        code_version: of the program that made it.
        public_key: 64 hex digits, Ed25519.
        signature: 128 hex digits over all other fields; "" before signing.
        kind: what this record is.
        format: version of this record.
    """

    time_utc: str
    memory: str
    version: int
    num_entries: int
    num_erased: int
    receipts: tuple[dict[str, Any], ...]
    files_unchanged: bool
    rebuilt_from: str
    num_queries: int
    queries_sha256: str
    answers: tuple[dict[str, Any], ...]
    card: dict[str, Any]
    scope: Scope
    statement: str
    code_version: str
    public_key: str = ""
    signature: str = ""
    kind: str = KIND
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return dataclasses.asdict(self) | {"receipts": list(self.receipts), "answers": list(self.answers)}

    @classmethod
    def from_dict(cls, value: Any) -> Certificate:
        """Inverse of `to_dict`.

        Raises:
            UserError: if it is no such record, or a field is missing or unknown.
        """
        if not isinstance(value, dict) or value.get("kind") != KIND or value.get("format") != FORMAT:
            raise UserError(f"not a {KIND} of format {FORMAT}")
        try:
            return cls(**value | {name: tuple(value[name]) for name in ("receipts", "answers")})
        except (KeyError, TypeError) as error:
            raise UserError(f"not a {KIND}: {error}") from error

    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return canonical_json(self.to_dict() | {"signature": ""}).encode()


def certify(
    memory: VisualMemory,
    never_held: VisualMemory,
    queries: npt.NDArray[np.float32],
    *,
    rebuilt_from: str,
    ks: Sequence[int] = (20,),
    votings: Sequence[Voting | Rule] = ("softmax",),
    name: str = "",
) -> Certificate:
    """Ask both memories and sign what was found.

    Args:
        memory: after its erasures.
        never_held: built without the erased entries; with `rebuild` or, better, from the images themselves.
        queries: (Q, D) L2-normalised.
        rebuilt_from: what `never_held` was built from, in words.
        ks: numbers of neighbours that vote.
        votings: rules.
        name: of the memory, for people.

    Raises:
        UserError: if nothing was erased, an erasure is not complete, there is no query, or the two memories cannot be
            compared: another encoder, other classes, another number of entries.
        WorkError: if the answers differ, or an erased entry is present in either memory.
    """
    receipts = stored_receipts(memory)
    if memory.store.erasure_is_pending:
        raise UserError("an erasure was cut short; complete it first: procmem memory erase MEMORY --resume")
    if not receipts:
        raise UserError(
            "nothing was erased from this memory (it has no receipt), so there is nothing to certify; erase first: "
            "procmem memory erase MEMORY"
        )
    if not len(queries):
        raise UserError("a certificate needs at least one query")
    for receipt in receipts:
        verify_receipt(receipt)
    _check_comparable(memory, never_held)
    _check_absent(memory, never_held, receipts)
    answers = [_compare(memory, never_held, queries, k, Voting.of(voting)) for voting in votings for k in ks]
    scope, statement = encoder_statement(memory.card)
    key = signing_key()
    certificate = Certificate(
        time_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        memory=name,
        version=memory.version,
        num_entries=len(memory),
        num_erased=sum(len(receipt.erased) for receipt in receipts),
        receipts=tuple(receipt.to_dict() for receipt in receipts),
        files_unchanged=_files_unchanged(memory, receipts[-1]),
        rebuilt_from=rebuilt_from,
        num_queries=len(queries),
        queries_sha256=hashlib.sha256(np.ascontiguousarray(queries, "<f4").tobytes()).hexdigest(),
        answers=tuple(dataclasses.asdict(answer) for answer in answers),
        card=memory.card.to_dict(),
        scope=scope,
        statement=statement,
        code_version=code_version(),
        public_key=key.public_key().public_bytes_raw().hex(),
    )
    return dataclasses.replace(certificate, signature=key.sign(certificate.signed_bytes()).hex())


def rebuild(memory: VisualMemory, folder: Path) -> VisualMemory:
    """A new memory with the present entries of another, under the same ids and with the same weights.

    It is written by the ordinary calls into files of its own, so nothing of the other's files, indexes or caches can
    reach it; the embeddings themselves are taken from the other.
    """
    entries = memory.entries
    made = VisualMemory.create(
        folder, memory.card, class_names=memory.class_names, precision=memory.store.ledger.precision
    )
    if len(entries.ids):
        made.add(entries.embeddings, entries.labels, ids=entries.ids, weight=entries.weights)
    return made


def stored_receipts(memory: VisualMemory) -> list[Receipt]:
    """The receipts that a memory keeps, oldest first.

    Raises:
        UserError: if one cannot be read.
    """
    place = memory.store.place
    names = sorted(place.files(RECEIPTS_NAME))
    try:
        return [Receipt.from_dict(json.loads(place.read(name))) for name in names]
    except ValueError as error:
        raise UserError(f"a receipt of the memory cannot be read: {error}") from error


def encoder_statement(card: EncoderCard) -> tuple[Scope, str]:
    """What the certificate covers, and why, by the encoder's provenance."""
    real = card.provenance.real_images
    if real is False:
        return "memory and encoder", (
            f"The provenance record of the encoder {card.name!r} states that no real image was used to train it. If "
            "that is right, its weights hold nothing of the erased images. The record is the statement of whoever "
            "trained the encoder; this certificate repeats it and does not prove it."
        )
    history = "was trained on real images" if real is True else "has an unknown history"
    return "memory only", (
        f"The encoder {card.name!r} {history}. THIS CERTIFICATE COVERS THE MEMORY ONLY: whether the weights of the "
        "encoder hold something of the erased images is not known and not claimed."
    )


def verify_certificate(certificate: Certificate, public_key: str | None = None) -> None:
    """Check that a certificate is unchanged since it was signed, and that it agrees with what it contains.

    Args:
        certificate: as received.
        public_key: the signer's key known from elsewhere (64 hex digits); without it the key inside is used, which
            proves only that the certificate is of one piece.

    Raises:
        UserError: if a signature does not fit, another key signed, or parts contradict each other.
    """
    check_signature(
        "certificate", certificate.public_key, certificate.signature, certificate.signed_bytes(), public_key
    )
    receipts = [Receipt.from_dict(receipt) for receipt in certificate.receipts]
    for receipt in receipts:
        verify_receipt(receipt)
        if receipt.card_fingerprint != certificate.card["fingerprint"]:
            raise UserError("a receipt in the certificate is of a memory with another encoder")
    if sum(len(receipt.erased) for receipt in receipts) != certificate.num_erased:
        raise UserError("the certificate counts other erased entries than its receipts name")
    if encoder_statement(EncoderCard.from_dict(certificate.card)) != (certificate.scope, certificate.statement):
        raise UserError("the certificate claims another scope than the encoder's provenance allows")


def _compare(
    memory: VisualMemory, never_held: VisualMemory, queries: npt.NDArray[np.float32], k: int, voting: Voting
) -> Answers:
    found, expected = (each.classify(queries, k, voting=voting) for each in (memory, never_held))
    same_scores = found.scores.tobytes() == expected.scores.tobytes()
    if not same_scores or not np.array_equal(found.predictions, expected.predictions):
        changed = int(np.count_nonzero((found.scores != expected.scores).any(axis=1)))
        raise WorkError(
            f"no certificate: with {voting.rule} voting and k = {k}, {changed} of {len(queries)} queries are answered "
            "otherwise than by the memory to compare with, which does not hold the erased entries"
        )
    return Answers(
        k=k,
        voting=dataclasses.asdict(voting),
        predictions_sha256=hashlib.sha256(found.predictions.astype("<i8").tobytes()).hexdigest(),
        scores_sha256=hashlib.sha256(found.scores.astype("<f8").tobytes()).hexdigest(),
    )


def _check_comparable(memory: VisualMemory, never_held: VisualMemory) -> None:
    """Equal numbers mean equal answers only between memories of one encoder and the same classes in the same order."""
    never_held.check_card(memory.card)
    if never_held.class_names != memory.class_names:
        raise UserError("the memory to compare with has other classes, or has them in another order")
    if len(never_held) != len(memory):
        raise UserError(
            f"the memory to compare with holds {len(never_held)} entries, not the {len(memory)} that remain; "
            "build it from the images of the entries that remain, no more and no fewer"
        )


def _check_absent(memory: VisualMemory, never_held: VisualMemory, receipts: Sequence[Receipt]) -> None:
    """No entry of either memory is one that a receipt names, by id and bytes.

    Every receipt has a salt of its own, so an entry is hashed once for each of them. What both memories hold is hashed
    once for both.
    """
    erased = [(receipt.salt, frozenset(receipt.erased)) for receipt in receipts]
    own, other = _stored_rows(memory), _stored_rows(never_held)
    entries, others = memory.entries.ids, never_held.entries.ids
    _, places, other_places = np.intersect1d(entries, others, assume_unique=True, return_indices=True)
    is_new = np.ones(len(others), bool)
    if own.shape[1] == other.shape[1]:
        is_new[other_places] = (own[places] != other[other_places]).any(axis=1)
    for ids, rows, name in (
        (entries, own, "the memory"),
        (others[is_new], other[is_new], "the memory to compare with"),
    ):
        for entry, row in zip(ids.tolist(), rows, strict=True):
            content = row.tobytes()
            if any(hash_entry(salt, entry, content) in hashes for salt, hashes in erased):
                raise WorkError(
                    f"no certificate: {name} holds entry {entry}, of which a receipt says that it was erased"
                )


def _stored_rows(memory: VisualMemory) -> npt.NDArray[np.uint8]:
    """(N, bytes) the embeddings as the store holds them."""
    stored = memory.entries.embeddings.astype(memory.store.ledger.precision)
    return np.ascontiguousarray(stored).view(np.uint8)


def _files_unchanged(memory: VisualMemory, receipt: Receipt) -> bool:
    place = memory.store.place
    now = {
        name: hashlib.sha256(place.read(name)).hexdigest()
        for name in place.files()
        if not name.startswith(f"{RECEIPTS_NAME}/")
    }
    listed = {item["name"]: item["sha256"] for item in receipt.files_scanned}
    return now == {name: digest for name, digest in listed.items() if not name.startswith(f"{RECEIPTS_NAME}/")}
