"""One entry of the table of data sets: where a set lies, how it is recognised, how to get it, and what reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from eval.sets.labelled import Dataset
from eval.sets.masked import MaskedDataset
from eval.sets.triplets import Triplets
from procmem.errors import UserError
from procmem.files import cache_root, data_root

Kind = Literal["labelled", "masked", "triplets"]
AnySet = Dataset | MaskedDataset | Triplets
RESEARCH = "non-commercial research"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A data set that this program knows.

    Attributes:
        name: what one asks for.
        kind: "labelled" gives a `Dataset`, "masked" a `MaskedDataset`, "triplets" `Triplets`.
        title: what it is, for people.
        places: folders under ``PROCMEM_DATA`` where it is looked for, the recommended one first.
        marks: patterns of files that it must hold there (its authors' own layout).
        load: (folder, variant) -> the set; "" is the default variant.
        url: its official page.
        command: gets it in a shell, in ``PROCMEM_DATA``; "" where one must register or choose on the page.
        size: to download.
        licence: in short; the page decides.
        variants: what may follow "@" in its name, the default first.
        needs: names of other sets that it cannot do without.
        is_distinct: whether the marks tell it from any other set, so that a path is enough.
    """

    name: str
    kind: Kind
    title: str
    places: tuple[str, ...]
    marks: tuple[str, ...]
    load: Callable[[Path, str], AnySet]
    url: str
    command: str = ""
    size: str
    licence: str
    variants: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    is_distinct: bool = True

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds all marks."""
        return folder.is_dir() and all(any(folder.glob(mark)) for mark in self.marks)

    def find(self) -> Path | None:
        """The first place that holds it, under ``PROCMEM_DATA`` or among what was downloaded into the cache folder."""
        roots = [root for root in (data_root(), cache_root() / "datasets") if root is not None]
        folders = [root / Path(place).expanduser() for root in roots for place in self.places]
        return next((folder for folder in folders if self.is_in(folder)), None)

    def require(self) -> Path:
        """Its folder.

        Raises:
            UserError: if it is not here; the message says how to get it.
        """
        folder = self.find()
        if folder is None:
            raise UserError(f"{self.why_missing()}; {self.how_to_get()}")
        return folder

    def why_missing(self) -> str:
        """What was looked for where, after `find` gave None."""
        root = data_root()
        if root is None:
            return f"data set {self.name!r} is not here: PROCMEM_DATA is not set"
        present = next((root / place for place in self.places if (root / place).is_dir() and place != "."), None)
        if present is None:
            return f"data set {self.name!r} is not here: no folder {str(root / self.places[0])!r}"
        missing = next(mark for mark in self.marks if not any(present.glob(mark)))
        return f"data set {self.name!r} is not complete: {str(present)!r} has no {missing}"

    def how_to_get(self) -> str:
        """One line for a person."""
        target = " or ".join("PROCMEM_DATA" if place == "." else f"PROCMEM_DATA/{place}" for place in self.places[:2])
        way = f"in PROCMEM_DATA run: {self.command}" if self.command else f"get it from {self.url}"
        return f"{way} ({self.size}), so that {target} holds {', '.join(self.marks)}; licence: {self.licence}"


def torchvision_command(call: str) -> str:
    """The line that downloads a set by torchvision."""
    return f'python -c "from torchvision.datasets import *; {call}"'
