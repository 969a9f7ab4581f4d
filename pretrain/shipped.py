"""Encoders that come with procmem: export folders in the package ``weights``, by name."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from pretrain.export import is_export
from procmem.errors import UserError, unknown_name


def shipped_encoders() -> dict[str, Path]:
    """Name -> export folder."""
    root = Path(str(importlib.resources.files("weights")))
    return {path.name: path for path in sorted(root.iterdir()) if is_export(path)}


def find_shipped(name: str) -> Path:
    """The folder of a shipped encoder.

    Raises:
        UserError: with the names there are.
    """
    known = shipped_encoders()
    if not known:
        raise UserError(f"this copy of procmem ships no encoder, so there is no {name!r}")
    if name not in known:
        raise unknown_name("shipped encoder", name, known)
    return known[name]
