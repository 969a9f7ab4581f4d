"""Names of processes, and processes from configuration.

A specification is a name (``"shaders_kml_mixup"``) or a mapping with one operator or source and its options, nested
at will:

    mixup:
      num_images: 2
      weights: equal
      source:
        leaves:
          source:
            union:
              sources: [shaders, fractals, {dead_leaves: {shape: mixed}}]
              weights: [2, 1, 1]
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from procgen.operators import CutMix, Leaves, Mixup
from procgen.process import Process, Shaders
from procgen.sources.dead_leaves import DeadLeaves
from procgen.sources.fractals import Flames, Fractals
from procgen.sources.real_images import ImageFolder, WebDataset
from procgen.sources.statistical import Statistical
from procgen.sources.stylegan import StyleGAN
from procgen.union import Union, shares
from procmem.errors import UserError, unknown_name

Specification = str | Mapping[str, Any]

SOURCES: dict[str, Callable[..., Process]] = {
    "shaders": Shaders,
    "stylegan": StyleGAN,
    "dead_leaves": DeadLeaves,
    "statistical": Statistical,
    "fractals": Fractals,
    "flames": Flames,
    "image_folder": ImageFolder,
    "webdataset": WebDataset,
}
OPERATORS: dict[str, Callable[..., Process]] = {"mixup": Mixup, "leaves": Leaves, "cutmix": CutMix}

NAMED_SOURCES: dict[str, Specification] = {
    "shaders": {"shaders": {}},
    "stylegan": {"stylegan": {}},
    "dead_leaves_squares": {"dead_leaves": {"shape": "square"}},
    "dead_leaves_oriented": {"dead_leaves": {"shape": "oriented"}},
    "dead_leaves_mixed": {"dead_leaves": {"shape": "mixed"}},
    "dead_leaves_textures": {"dead_leaves": {"shape": "mixed", "textures": "spectrum_color_wmm"}},
    "spectrum": {"statistical": {"model": "spectrum"}},
    "wmm": {"statistical": {"model": "wmm"}},
    "spectrum_color": {"statistical": {"model": "spectrum_color"}},
    "spectrum_color_wmm": {"statistical": {"model": "spectrum_color_wmm"}},
    "fractals": {"fractals": {}},
    "flames": {"flames": {}},
}
"""Sources by the names of Rodriguez-Munoz et al. 2025, table 1, and of Baradad et al. 2021."""

REAL_SOURCES = ("image_folder", "webdataset")
SHADER_PROCESSES = ("shaders", "shaders_mixup", "shaders_kml", "shaders_kml_mixup")
"""The processes of Rodriguez-Munoz et al. 2025, in the order of their quality there."""


def _mixes(source: str) -> dict[str, Specification]:
    """The published mixes of a source, by name."""
    return {
        f"{source}_mixup": {"mixup": {"num_images": 6, "weights": "normalised_uniform", "source": source}},
        f"{source}_kml": {"leaves": {"source": source}},
        f"{source}_kml_mixup": {"mixup": {"num_images": 2, "weights": "equal", "source": f"{source}_kml"}},
        f"{source}_cutmix": {"cutmix": {"num_images": 2, "source": source}},
    }


NAMED: dict[str, Specification] = NAMED_SOURCES | {
    name: mix for source in NAMED_SOURCES for name, mix in _mixes(source).items()
}
"""All processes with a name: every source, and its mixup, kml, kml_mixup and cutmix. Real images have none, since
they need a folder: ``{image_folder: {folder: ...}}``."""


def make_process(
    specification: Specification, *, image_size_px: int, block_size: int = 1024, images_per_program: int = 16
) -> Process:
    """Build a process from its name or its composition.

    Args:
        specification: a name of `NAMED`, or ``{operator: options}`` where an operator's options hold its ``source``.
        image_size_px: side of the images.
        block_size: images in a block.
        images_per_program: images of a block that share a program.

    Raises:
        UserError: if a name or option is unknown (nearest valid names are given) or a value is out of range.
    """
    common = {"image_size_px": image_size_px, "block_size": block_size, "images_per_program": images_per_program}
    return _build(specification, common)


def _build(specification: Specification, common: dict[str, int]) -> Process:
    if isinstance(specification, str):
        if specification in REAL_SOURCES:
            return _build({specification: {}}, common)  # which says what is missing
        if specification not in NAMED:
            raise _unknown_process(specification)
        return _build(NAMED[specification], common)
    if not isinstance(specification, Mapping) or len(specification) != 1:
        raise UserError(f"a process is a name or one {{operator: options}}, got {specification!r}")
    ((name, options),) = specification.items()
    if not isinstance(options, Mapping | None):
        raise UserError(f"the options of {name!r} must be keys and values, got {options!r}")
    builders = dict.fromkeys(SOURCES, _source) | dict.fromkeys(OPERATORS, _operator) | {"union": _union}
    if name not in builders:
        raise unknown_name("process operator", str(name), builders)
    return builders[name](name, dict(options or {}), common)


def _unknown_process(name: str) -> UserError:
    near = difflib.get_close_matches(name, NAMED, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    mixes = ", ".join(mix for mix in _mixes(""))
    return UserError(f"unknown process {name!r}; {hint}valid: {', '.join(NAMED_SOURCES)}, each also with {mixes}")


def _source(name: str, options: dict[str, Any], common: dict[str, int]) -> Process:
    _check_options(name, SOURCES[name], options)
    if options.get("textures") is not None:
        options["textures"] = _build(options["textures"], common)
    known = inspect.signature(SOURCES[name]).parameters
    return SOURCES[name](**({key: value for key, value in common.items() if key in known} | options))


def _operator(name: str, options: dict[str, Any], common: dict[str, int]) -> Process:
    if "source" not in options:
        raise UserError(f"operator {name!r} needs a source, for example source: shaders")
    source = _build(options.pop("source"), common)
    _check_options(name, OPERATORS[name], options)
    return OPERATORS[name](source, **options)


def _union(name: str, options: dict[str, Any], common: dict[str, int]) -> Process:
    for option in options:
        if option not in ("sources", "weights"):
            raise unknown_name(f"option of {name!r}", str(option), ["sources", "weights"])
    sources = options.get("sources")
    if not isinstance(sources, list) or not sources:
        raise UserError(f"a union needs a list of sources, for example sources: [shaders, fractals], got {sources!r}")
    weights = options.get("weights", [1] * len(sources))
    if not isinstance(weights, list) or len(weights) != len(sources):
        raise UserError(f"a union of {len(sources)} sources needs as many weights, got {weights!r}")
    counts = shares(weights, common["block_size"])
    built = [_build(source, common | {"block_size": count}) for source, count in zip(sources, counts, strict=True)]
    return Union(built)


def _check_options(name: str, factory: Callable[..., Process], options: Mapping[str, Any]) -> None:
    valid = [p for p in inspect.signature(factory).parameters if p != "source"]
    for option in options:
        if option not in valid:
            raise unknown_name(f"option of {name!r}", str(option), valid)
