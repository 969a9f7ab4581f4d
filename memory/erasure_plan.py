"""Erasure plan: what an erasure is about to do, on disk before it does anything.

An erasure that is killed half-way must not lose its proof: once the rows are gone nobody can tell what to look for.
So the plan is written first, with the very bytes to seek, and the store takes no other change until it is completed.
After the proof the bytes give way to the unsigned receipt, and after signing the plan goes too:

    planned (bytes to seek)  ->  rows deleted, files rewritten, scan  ->  proved (unsigned receipt)  ->  signed, no plan

Each step can be repeated. The plan is the one file that the scan leaves out, which is why no receipt is signed while
it holds bytes. Rejected: keeping hashes instead of bytes, since a raw scan at every offset needs the bytes.

Letters: E entries to erase, D embedding.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.place import Place
from memory.receipt import Receipt
from memory.store import PENDING_ERASURE_NAME
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErasurePlan:
    """What is to be erased, or was.

    Attributes:
        ids: (E,) int64; an id occurs once for each embedding that it has had.
        embeddings: (E, D) as stored, float32 or float16.
        salt: of the receipt.
        versions: numbers of the versions that will go.
        artefacts: paths of the artefacts that will go.
    """

    ids: npt.NDArray[np.int64]
    embeddings: npt.NDArray[Any]
    salt: str
    versions: tuple[int, ...]
    artefacts: tuple[str, ...]

    def write(self, place: Place) -> None:
        """Put the plan on disk."""
        value = {
            "ids": self.ids.tolist(),
            "dtype": self.embeddings.dtype.name,
            "embeddings": base64.b64encode(self.embeddings.tobytes()).decode(),
            "salt": self.salt,
            "versions": list(self.versions),
            "artefacts": list(self.artefacts),
        }
        place.write(PENDING_ERASURE_NAME, json.dumps(value).encode())


def write_proved(place: Place, receipt: Receipt) -> None:
    """Replace the plan by the unsigned receipt: the proof stands, the bytes are gone."""
    place.write(PENDING_ERASURE_NAME, json.dumps({"receipt": receipt.to_dict()}).encode())


def read_plan(place: Place) -> ErasurePlan | Receipt:
    """The plan, or the unsigned receipt where the proof stands.

    Raises:
        UserError: if the file is damaged.
    """
    try:
        value = json.loads(place.read(PENDING_ERASURE_NAME))
        if "receipt" in value:
            return Receipt.from_dict(value["receipt"])
        numbers = np.frombuffer(base64.b64decode(value["embeddings"]), dtype=value["dtype"])
        return ErasurePlan(
            ids=np.array(value["ids"], np.int64),
            embeddings=numbers.reshape(len(value["ids"]), -1),
            salt=value["salt"],
            versions=tuple(value["versions"]),
            artefacts=tuple(value["artefacts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{place.uri(PENDING_ERASURE_NAME)!r} is damaged: {error!r}; delete it and erase the same ids again"
        ) from error
