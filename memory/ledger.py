"""Ledger: the small JSON file beside the entries that says whose embeddings a store holds.

It holds what must outlive every version: the format, the encoder's card, the class names and the levels above them,
the next free entry id and the registered artefacts (files derived from entries, which an erasure deletes). Ids are
reserved here *before* entries are written, so a crash wastes ids and never gives one twice, also after entries were
erased. Classes are only ever added, so that a label means the same in every version. It is replaced atomically.
Rejected: Lance's schema metadata, where each change would make one more version of the entries.

Format 1 had no levels, no half precision, no kinds of artefacts and fewer columns; it is read as it is and carried
over by the first change (`memory.migration`).
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from memory.hierarchy import Level, levels_to_json, make_levels
from memory.place import Place
from procmem.errors import UserError
from procmem.provenance import EncoderCard

FORMAT = 2
FILE_NAME = "ledger.json"

Precision = Literal["float32", "float16"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Artefact:
    """A file derived from entries.

    Attributes:
        path: relative to the store where inside it, else absolute.
        kind: what it is, for people, for example ``"search index"``.
        entries: ids of the entries that it is made from; empty where it may hold something of any entry.
    """

    path: str
    kind: str
    entries: tuple[int, ...] = ()

    def is_made_from(self, ids: npt.NDArray[np.int64]) -> bool:
        """Whether it may hold something of one of these entries."""
        return not self.entries or bool(np.isin(self.entries, ids).any())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ledger:
    """What a store says about itself.

    Attributes:
        card: the encoder whose embeddings these are.
        class_names: name of each label, by position.
        levels: coarser levels above the classes, coarsest first.
        precision: how embeddings are stored.
        next_id: smallest id that was never given.
        artefacts: files derived from entries and kept outside the store's folder for them.
        format: of the entries on disk.
    """

    card: EncoderCard
    class_names: tuple[str, ...]
    levels: tuple[Level, ...] = ()
    precision: Precision = "float32"
    next_id: int = 0
    artefacts: tuple[Artefact, ...] = ()
    format: int = FORMAT

    def __post_init__(self) -> None:
        if not self.class_names or len(set(self.class_names)) != len(self.class_names):
            raise UserError(f"class names must be given and differ from each other; received {list(self.class_names)}")
        if self.precision not in get_args(Precision):
            raise UserError(f"precision is {self.precision!r}; valid: {', '.join(get_args(Precision))}")
        if self.precision == "float16" and self.card.dimension == 1:
            raise UserError("two bytes are too few to be found again by an erasure; store dimension 1 as float32")

    def write(self, place: Place) -> None:
        """Replace the ledger of the store at `place`."""
        value = {
            "format": self.format,
            "card": self.card.to_dict(),
            "class_names": list(self.class_names),
            "levels": levels_to_json(self.levels),
            "precision": self.precision,
            "next_id": self.next_id,
            "artefacts": [_artefact_to_dict(artefact) for artefact in self.artefacts],
        }
        place.write(FILE_NAME, (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())

    @classmethod
    def read(cls, place: Place) -> Ledger:
        """Read the ledger of the store at `place`.

        Raises:
            UserError: if there is no store, its ledger is damaged, or it comes from a newer procmem.
        """
        if not place.has(FILE_NAME):
            raise UserError(f"no memory in {place.name!r} (it has no {FILE_NAME}); create one first")
        path = place.uri(FILE_NAME)
        try:
            value = json.loads(place.read(FILE_NAME))
        except OSError as error:
            raise UserError(f"cannot read {path!r}: {error.strerror or error}") from error
        except ValueError as error:
            raise UserError(f"{path!r} is not valid JSON: {error}; restore it from a backup of the store") from error
        if not isinstance(value, dict) or not isinstance(value.get("format"), int):
            raise UserError(f"{path!r} is damaged: it names no format; restore it from a backup of the store")
        if value["format"] > FORMAT:
            raise UserError(
                f"the memory in {place.name!r} has format {value['format']}; this procmem reads up to {FORMAT}: "
                "install a newer procmem"
            )
        try:
            return cls._from_dict(value if value["format"] > 1 else _from_format_1(value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path!r} is damaged: {error!r}; restore it from a backup of the store") from error

    @classmethod
    def _from_dict(cls, value: dict[str, Any]) -> Ledger:
        class_names = tuple(value["class_names"])
        return cls(
            card=EncoderCard.from_dict(value["card"]),
            class_names=class_names,
            levels=make_levels(class_names, {level["name"]: level["groups"] for level in value["levels"]}),
            precision=value["precision"],
            next_id=int(value["next_id"]),
            artefacts=tuple(
                Artefact(**artefact | {"entries": tuple(artefact.get("entries", ()))})
                for artefact in value["artefacts"]
            ),
            format=value["format"],
        )

    def check_card(self, card: EncoderCard) -> None:
        """Refuse embeddings of another encoder.

        Raises:
            UserError: with both fingerprints.
        """
        if card.fingerprint != self.card.fingerprint:
            raise UserError(
                f"these embeddings come from encoder {card.name!r} ({card.fingerprint}), the memory holds those of "
                f"{self.card.name!r} ({self.card.fingerprint}); use that encoder or build a new memory"
            )


def _artefact_to_dict(artefact: Artefact) -> dict[str, Any]:
    """Without `entries` where there are none, as ledgers were written before artefacts could name them."""
    value = dataclasses.asdict(artefact)
    return value if artefact.entries else {"path": value["path"], "kind": value["kind"]}


def _from_format_1(value: dict[str, Any]) -> dict[str, Any]:
    artefacts = [{"path": path, "kind": "file"} for path in value["artefacts"]]
    return value | {"levels": [], "precision": "float32", "artefacts": artefacts}
