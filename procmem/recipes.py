"""Recipes: YAML files by path, or the shipped ones by name, from any folder."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from procmem.errors import unknown_name

SUFFIX = ".yaml"


def find_recipe(name: str, kind: str) -> Path:
    """A YAML file by its path, or a shipped one by its name.

    Args:
        name: a path, or a name with or without ``configs/``, `kind` and suffix: ``pretrain/cpu_demo.yaml``,
            ``cpu_demo``.
        kind: folder of `configs`: "pretrain" or "eval".

    Raises:
        UserError: if there is none; the nearest shipped names are given.
    """
    if Path(name).is_file():
        return Path(name)
    root = Path(str(importlib.resources.files("configs"))) / kind
    shipped = {path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob(f"*{SUFFIX}")}
    wanted = name.removeprefix("configs/").removeprefix(f"{kind}/").removesuffix(SUFFIX)
    if wanted not in shipped:
        raise unknown_name(f"{kind} recipe", name, shipped)
    return shipped[wanted]
