"""Shader programs that must not be rendered any more, in the folder of a run or a data set: one file each.

Workers find them out (`procgen.workers`). They are kept so that work that goes on does not lose workers to them again,
and draws the same images. Everyone writes what he meets; two who meet the same program write the same file.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from procgen.workers import Exclusion
from procmem.errors import UserError
from procmem.files import SHORT_FINGERPRINT_DIGITS, read_json, write_json

FOLDER = "excluded_programs"


class Exclusions:
    """The excluded programs of a folder.

    Raises:
        UserError: if a record there cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    @property
    def programs(self) -> tuple[str, ...]:
        """Fingerprints, sorted."""
        return tuple(sorted(exclusion.program for exclusion in self._read()))

    @property
    def notes(self) -> tuple[str, ...]:
        """For the provenance."""
        return tuple(f"shader program {one.program_id} excluded: {one.reason}" for one in self._read())

    def add(self, exclusion: Exclusion) -> None:
        """Write one down."""
        path = self._folder / f"{exclusion.program[:SHORT_FINGERPRINT_DIGITS]}.json"
        write_json(path, dataclasses.asdict(exclusion))

    def _read(self) -> list[Exclusion]:
        records = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                records.append(Exclusion(**read_json(path)))
            except TypeError as error:
                raise UserError(f"{str(path)!r} is not the record of an excluded program; delete it") from error
        return records
