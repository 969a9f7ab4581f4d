"""Findings on disk, one JSON line each, so that an interrupted screening goes on where it was.

The first line says under what settings the findings were made; other settings need another file. Only the parent
writes, one `write` a line in append mode, so the worst an interruption leaves is an unfinished last line, which is cut
off. A database was rejected: a text file can be read, joined and mailed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from procgen.screening.probe import Finding
from procmem.errors import UserError
from procmem.files import canonical_json

FORMAT = 1


class Record:
    """Findings kept in a file.

    Args:
        path: the file; made with its folder if it does not exist.
        settings: JSON values that decide the findings.

    Raises:
        UserError: if the file holds something else, was made under other settings, or cannot be read or written.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        header = {"format": FORMAT, "settings": settings}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            content = path.read_bytes()
            complete = content[: content.rfind(b"\n") + 1]
            if len(complete) < len(content):
                os.truncate(path, len(complete))
            if not complete:
                self._append(header)
        except OSError as error:
            raise UserError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
        first, *lines = complete.splitlines() or [canonical_json(header).encode()]
        self._check_header(first, header)
        found = [self._parse(line, number) for number, line in enumerate(lines, start=2)]
        self._findings = {(finding.program_id, finding.program_fingerprint): finding for finding in found}

    def get(self, program_id: str, program_fingerprint: str) -> Finding | None:
        """The finding about a program; None where it was not examined yet."""
        return self._findings.get((program_id, program_fingerprint))

    def add(self, finding: Finding) -> None:
        """Keep a finding.

        Raises:
            UserError: if the file cannot be written.
        """
        try:
            self._append(finding.to_dict())
        except OSError as error:
            raise UserError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error
        self._findings[(finding.program_id, finding.program_fingerprint)] = finding

    def _append(self, value: dict[str, Any]) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(canonical_json(value).encode() + b"\n")

    def _check_header(self, line: bytes, expected: dict[str, Any]) -> None:
        try:
            header = json.loads(line)
        except ValueError:
            header = None
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise UserError(f"{str(self.path)!r} holds no findings of a screening; choose another output")
        if header != expected:
            raise UserError(
                f"{str(self.path)!r} was made with settings {canonical_json(header.get('settings'))}, now they are "
                f"{canonical_json(expected['settings'])}; use the same, or remove it, or choose another output"
            )

    def _parse(self, line: bytes, number: int) -> Finding:
        try:
            return Finding.from_dict(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.path}:{number} is no finding ({error}); remove the line or the file") from error
