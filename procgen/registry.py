"""Names of processes, and processes from configuration.

A specification is a name (``"shaders_kml_mixup"``) or a mapping with one operator and its options, nested at will:

    mixup:
      num_images: 2
      weights: equal
      source:
        leaves: {source: shaders}
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from procgen.operators import Leaves, Mixup
from procgen.process import Process, Shaders
from procmem.errors import UserError, unknown_name

Specification = str | Mapping[str, Any]

NAMED: dict[str, Specification] = {
    "shaders": {"shaders": {}},
    "shaders_mixup": {"mixup": {"num_images": 6, "weights": "normalised_uniform", "source": "shaders"}},
    "shaders_kml": {"leaves": {"source": "shaders"}},
    "shaders_kml_mixup": {"mixup": {"num_images": 2, "weights": "equal", "source": "shaders_kml"}},
}
"""The processes of the papers' tables (Rodriguez-Munoz et al. 2025, table 1)."""

SOURCES: dict[str, Callable[..., Process]] = {"shaders": Shaders}
OPERATORS: dict[str, Callable[..., Process]] = {"mixup": Mixup, "leaves": Leaves}


def make_process(
    specification: Specification, *, image_size_px: int, block_size: int = 1024, images_per_program: int = 16
) -> Process:
    """Build a process from its name or its composition.

    Args:
        specification: a name of `NAMED`, or ``{operator: options}`` where an operator's options hold its ``source``.
        image_size_px: side of the images.
        block_size: images in a block.
        images_per_program: images of a block that share a shader program.

    Raises:
        UserError: if a name or option is unknown (nearest valid names are given) or a value is out of range.
    """
    common = {"image_size_px": image_size_px, "block_size": block_size, "images_per_program": images_per_program}
    return _build(specification, common)


def _build(specification: Specification, common: dict[str, int]) -> Process:
    if isinstance(specification, str):
        if specification not in NAMED:
            raise unknown_name("process", specification, NAMED)
        return _build(NAMED[specification], common)
    if not isinstance(specification, Mapping) or len(specification) != 1:
        raise UserError(f"a process is a name or one {{operator: options}}, got {specification!r}")
    ((name, options),) = specification.items()
    options = dict(options or {})
    if name in SOURCES:
        _check_options(name, SOURCES[name], options)
        return SOURCES[name](**(common | options))
    if name not in OPERATORS:
        raise unknown_name("process operator", str(name), [*OPERATORS, *SOURCES])
    if "source" not in options:
        raise UserError(f"operator {name!r} needs a source, for example source: shaders")
    source = _build(options.pop("source"), common)
    _check_options(name, OPERATORS[name], options)
    return OPERATORS[name](source, **options)


def _check_options(name: str, factory: Callable[..., Process], options: Mapping[str, Any]) -> None:
    valid = [p for p in inspect.signature(factory).parameters if p != "source"]
    for option in options:
        if option not in valid:
            raise unknown_name(f"option of {name!r}", str(option), valid)
