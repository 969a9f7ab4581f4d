"""YAML into frozen dataclasses, strictly: an unknown key or a value of another type is an error that names it.

Types are read from the dataclass: int, float, bool, str, None, Literal, fixed tuples, dict, unions of these, and
nested dataclasses. Nothing is converted, except that an int is a float and a list is a tuple. jsonargparse was not
taken here: it names no nearest key and reports a nested error as a page of text.

Ranges are checked by each dataclass itself (`check_range` in its ``__post_init__``), so Python callers are checked too.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast

import yaml

from procmem.errors import UserError, unknown_name

T = TypeVar("T")
ABOVE_ZERO = 1e-9
"""Lower end for numbers that must not be 0."""
BELOW_ONE = 1 - 1e-9
"""Upper end for numbers that must not be 1."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number, as YAML 1.2 and people do (YAML 1.1 wants 1.0e-3)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d[\d_]*(\.\d*)?([eE][-+]?\d+)$"), list("-+0123456789")
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        UserError: if the file is missing, is not YAML, or is not a mapping.
    """
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{str(path)!r} is not valid YAML: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{str(path)!r} must hold keys and values, got {type(value).__name__}")
    return value


def read_value(text: str) -> Any:
    """One value, read as in a recipe.

    Raises:
        UserError: if it is not YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{text!r} is not valid YAML: {' '.join(str(error).split())}") from error


def with_overrides(value: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested mappings with some entries replaced, each named by its dotted path (``head.hidden_size``)."""
    result = dict(value)
    for dotted, new in overrides.items():
        first, _, rest = dotted.partition(".")
        inner = result.get(first)
        result[first] = with_overrides(inner if isinstance(inner, Mapping) else {}, {rest: new}) if rest else new
    return result


def build(kind: type[T], value: Any, where: str = "") -> T:
    """Make a dataclass from nested plain values.

    Args:
        kind: a dataclass; missing keys take its defaults.
        value: a mapping from its field names.
        where: dotted path of `value`, for messages.

    Raises:
        UserError: for an unknown key (with the nearest valid ones), a missing key, or a value of another type (with
            key, value and expected type).
    """
    if not isinstance(value, Mapping):
        raise UserError(f"{where or 'the configuration'} must hold keys and values, got {value!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    arguments = {}
    for key, item in value.items():
        if key not in fields:
            raise unknown_name(f"key in {where}" if where else "configuration key", str(key), fields)
        arguments[key] = _convert(hints[key], item, f"{where}.{key}" if where else key)
    for name, field in fields.items():
        is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if is_required and name not in arguments:
            raise UserError(f"missing key {f'{where}.{name}' if where else name!r} ({_describe(hints[name])})")
    return kind(**arguments)


def check_range(config: object, names: Sequence[str], low: float, high: float = math.inf) -> None:
    """Refuse a number (or any number of a tuple) outside low .. high, both included.

    Raises:
        UserError: naming the field, its value and the range.
    """
    for name in names:
        value = getattr(config, name)
        if not all(low <= number <= high for number in (value if isinstance(value, tuple) else (value,))):
            least = "be above 0" if low == ABOVE_ZERO else f"be at least {low:g}"
            wanted = least if high == math.inf else f"lie in {low:g} .. {high:g}"
            raise UserError(f"{name} must {wanted}, got {value}")


def plain(value: Any) -> Any:
    """Inverse of `build`: dataclasses to dicts and tuples to lists, ready for YAML or JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """What changed between two nested plain values, one ``key: old -> new`` a line."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        lines = []
        for key in [*old, *(key for key in new if key not in old)]:
            lines += differences(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
        return lines
    return [] if old == new else [f"{where}: {old!r} -> {new!r}"]


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return build(cast(type[Any], kind), value, where)
    if origin in (Union, types.UnionType):
        for option in typing.get_args(kind):
            if _fits(option, value):
                return _convert(option, value, where)
    elif origin is tuple and isinstance(value, list | tuple) and len(value) == len(typing.get_args(kind)):
        return tuple(
            _convert(item_kind, item, f"{where}[{i}]")
            for i, (item_kind, item) in enumerate(zip(typing.get_args(kind), value, strict=True))
        )
    elif _fits(kind, value):
        return float(value) if kind is float else value
    if origin is Literal and isinstance(value, str):
        raise unknown_name(f"value of {where}", value, typing.get_args(kind))
    raise UserError(f"{where} must be {_describe(kind)}, got {value!r} ({type(value).__name__})")


def _fits(kind: Any, value: Any) -> bool:
    origin = typing.get_origin(kind)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in typing.get_args(kind))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    plain_kind = origin or kind
    return isinstance(plain_kind, type) and isinstance(value, plain_kind)


def _describe(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(repr(option) for option in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(option) for option in arguments)
    if origin is tuple:
        return f"a list of {len(arguments)} ({', '.join(_describe(option) for option in arguments)})"
    if origin is dict or dataclasses.is_dataclass(kind):
        return "keys and values"
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}.get(
        kind, str(kind)
    )
