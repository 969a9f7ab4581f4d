"""Hierarchy: coarser levels above the classes of a memory (product -> kind, character -> alphabet).

An entry stores its finest class only; a level says which of its groups each class belongs to, so that a class has one
group on each level and no entry can contradict another. Rejected: one label column for each level, where a relabelled
entry could be an apple by class and a milk by kind.

Letters: N labels, C classes.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError, unknown_name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """One coarser level.

    Attributes:
        name: for example ``"kind"``.
        class_names: names of its groups.
        group_of: (C,) the group of each finest class, a position in `class_names`.
    """

    name: str
    class_names: tuple[str, ...]
    group_of: tuple[int, ...]

    def labels(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """(...) finest labels as labels of this level; -1 (padding) stays."""
        table = np.array([*self.group_of, -1], np.int64)
        return table[labels]


def make_levels(class_names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> tuple[Level, ...]:
    """Levels from the group names of each class.

    Args:
        class_names: (C,) the finest classes.
        groups: level name -> (C,) name of each class's group; coarsest level first.

    Raises:
        UserError: if a list has another length, or a group of one level lies in two groups of the level above.
    """
    levels = []
    for name, members in groups.items():
        if isinstance(members, str) or len(members) != len(class_names):
            raise UserError(f"level {name!r} names {len(members)} groups for {len(class_names)} classes")
        names = tuple(dict.fromkeys(members))
        positions = {group: position for position, group in enumerate(names)}
        levels.append(Level(name=name, class_names=names, group_of=tuple(positions[str(group)] for group in members)))
    for above, below in itertools.pairwise(levels):
        parents: dict[int, int] = {}
        for group, parent in zip(below.group_of, above.group_of, strict=True):
            if parents.setdefault(group, parent) != parent:
                raise UserError(
                    f"group {below.class_names[group]!r} of level {below.name!r} lies in two groups of level "
                    f"{above.name!r}; give the coarsest level first, and one group above each"
                )
    return tuple(levels)


def complete_groups(name: str, given: Mapping[str, str], levels: Sequence[Level]) -> dict[str, str]:
    """The group of a new class on each level, where a person named some of them or none.

    From the finest level up: the group that was named; else, where the group below is known, the group that it lies in;
    else a group of the class's own, which has the class's name.

    Args:
        name: of the new class.
        given: level -> group, known or new.
        levels: of the memory, coarsest first.
    """
    chosen: dict[str, str] = {}
    below: int | None = None  # a class in the group that was chosen last, where that group is known
    for level in reversed(levels):
        group = given.get(level.name) or (name if below is None else level.class_names[level.group_of[below]])
        chosen[level.name] = group
        known = level.class_names.index(group) if group in level.class_names else None
        below = None if known is None else level.group_of.index(known)
    return {level.name: chosen[level.name] for level in levels}


def groups_of(levels: Sequence[Level]) -> dict[str, list[str]]:
    """Inverse of `make_levels`."""
    return {level.name: [level.class_names[group] for group in level.group_of] for level in levels}


def find_level(levels: Sequence[Level], name: str) -> Level:
    """The level of that name.

    Raises:
        UserError: if there is none.
    """
    for level in levels:
        if level.name == name:
            return level
    if not levels:
        raise UserError(f"this memory has no level {name!r}: its classes have no levels above them")
    raise unknown_name("level", name, [level.name for level in levels])


def classes_called(name: str, class_names: Sequence[str], levels: Sequence[Level]) -> list[int]:
    """The finest classes that a name means: a class, or all classes of a group.

    Raises:
        UserError: if nothing is called so.
    """
    if name in class_names:
        return [list(class_names).index(name)]
    for level in levels:
        if name in level.class_names:
            group = level.class_names.index(name)
            return [label for label, own in enumerate(level.group_of) if own == group]
    raise unknown_name("class", name, [*class_names, *(group for level in levels for group in level.class_names)])


def levels_to_json(levels: Sequence[Level]) -> list[dict[str, Any]]:
    """Plain JSON types."""
    return [{"name": name, "groups": groups} for name, groups in groups_of(levels).items()]
