"""What an encoder has seen: the record that makes "trained on no real image" a checkable statement.

A provenance is written when training starts, travels inside every checkpoint and export, and is copied into every
memory, result and certificate. It records facts and does not argue: an encoder whose history is not known is
`"unknown"`, never `False`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import subprocess
from pathlib import Path
from typing import Any, Literal

from procmem.errors import UserError

RealImages = bool | Literal["unknown"]


@functools.cache
def code_version() -> str:
    """Version of this package, with the git commit (and ``+changed``) where the code runs from a checkout."""
    try:
        version = importlib.metadata.version("procmem")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    checkout = Path(__file__).resolve().parent.parent
    if not (checkout / ".git").exists():
        return version

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        changed = "+changed" if git("status", "--porcelain", "--untracked-files=no") else ""
        return f"{version} ({git('rev-parse', '--short=12', 'HEAD')}{changed})"
    except (OSError, subprocess.SubprocessError):
        return version


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """Everything that went into an encoder's weights.

    Attributes:
        real_images: whether any real image was used: False, True, or "unknown".
        processes: the processes (image sources) trained on, as written in the configuration.
        program_set_hash: fingerprint of the shader programs' sources and parameter tables; "" without shaders.
        seeds: named root seeds.
        images_seen: how many images the encoder was trained on, with repetition.
        code_version: version and commit of the code that trained it.
        notes: anything that a reader must know, for example every choice that looked at real images.
    """

    real_images: RealImages
    processes: tuple[dict[str, Any], ...] = ()
    program_set_hash: str = ""
    seeds: dict[str, int] = dataclasses.field(default_factory=dict)
    images_seen: int = 0
    code_version: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return dataclasses.asdict(self) | {"processes": list(self.processes), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Provenance:
        """Inverse of `to_dict`.

        Raises:
            UserError: if a field is unknown or `real_images` is missing or has another value.
        """
        unknown = set(value) - {field.name for field in dataclasses.fields(cls)}
        if unknown or value.get("real_images") not in (True, False, "unknown"):
            raise UserError(f"not a provenance record: {value!r}; it needs real_images: true, false or 'unknown'")
        known = dict(value)
        known["processes"] = tuple(known.get("processes", ()))
        known["notes"] = tuple(known.get("notes", ()))
        return cls(**known)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderCard:
    """What a memory must know about the encoder whose embeddings it holds.

    Attributes:
        name: the encoder's specification, for people.
        fingerprint: 64 hex digits over weights, preprocessing and pooling; equal fingerprint, equal embeddings.
        dimension: D, the length of an embedding.
        preprocessing: size, interpolation, mean and standard deviation, in words and numbers.
        provenance: what the encoder has seen.
    """

    name: str
    fingerprint: str
    dimension: int
    preprocessing: dict[str, Any]
    provenance: Provenance

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return dataclasses.asdict(self) | {"provenance": self.provenance.to_dict()}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> EncoderCard:
        """Inverse of `to_dict`.

        Raises:
            UserError: if a field is missing or unknown.
        """
        try:
            return cls(**(value | {"provenance": Provenance.from_dict(value["provenance"])}))
        except (KeyError, TypeError) as error:
            raise UserError(f"not an encoder card: {error}") from error
