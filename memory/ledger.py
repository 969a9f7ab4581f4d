"""Ledger: the small JSON file beside the entries that says whose embeddings a store holds.

It holds what must outlive every version: the format, the encoder's card, the class names, the next free entry id and
the registered artefacts (files derived from entries, which an erasure deletes). Ids are reserved here *before*
entries are written, so a crash wastes ids and never gives one twice, also after entries were erased. It is replaced
atomically. Rejected: Lance's schema metadata, where each change would make one more version of the entries.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from procmem.errors import UserError
from procmem.files import read_json, write_json
from procmem.provenance import EncoderCard

FORMAT = 1
FILE_NAME = "ledger.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ledger:
    """What a store says about itself.

    Attributes:
        card: the encoder whose embeddings these are.
        class_names: name of each label, by position.
        next_id: smallest id that was never given.
        artefacts: files derived from entries: relative to the store where inside it, else absolute.
    """

    card: EncoderCard
    class_names: tuple[str, ...]
    next_id: int = 0
    artefacts: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Replace the ledger of the store in `folder`."""
        value = dataclasses.asdict(self) | {"format": FORMAT, "card": self.card.to_dict()}
        write_json(folder / FILE_NAME, value)

    @classmethod
    def read(cls, folder: Path) -> Ledger:
        """Read the ledger of the store in `folder`.

        Raises:
            UserError: if there is no store, its ledger is damaged, or it comes from a newer procmem.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            raise UserError(f"no memory in {str(folder)!r} (it has no {FILE_NAME}); create one first")
        value = read_json(path)
        if not isinstance(value, dict) or not isinstance(value.get("format"), int):
            raise UserError(f"{str(path)!r} is damaged: it names no format; restore it from a backup of the store")
        if value["format"] > FORMAT:
            raise UserError(
                f"the memory in {str(folder)!r} has format {value['format']}; this procmem reads up to {FORMAT}: "
                "install a newer procmem"
            )
        return cls._from_dict(value, path)

    @classmethod
    def _from_dict(cls, value: dict[str, Any], path: Path) -> Ledger:
        try:
            return cls(
                card=EncoderCard.from_dict(value["card"]),
                class_names=tuple(value["class_names"]),
                next_id=int(value["next_id"]),
                artefacts=tuple(value["artefacts"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{str(path)!r} is damaged: {error!r}; restore it from a backup of the store") from error

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
