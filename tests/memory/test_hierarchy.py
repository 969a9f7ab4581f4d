"""Levels above the classes: one tree, groups by name, padding untouched.

Run: pytest tests/memory/test_hierarchy.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from memory.hierarchy import classes_called, complete_groups, find_level, groups_of, make_levels
from procmem.errors import UserError

CLASSES = ("gala", "oat milk", "fuji", "milk")
GROUPS = {"aisle": ["fresh", "dairy", "fresh", "dairy"], "kind": ["apple", "oat", "apple", "milk"]}


def test_labels_of_a_level_are_the_groups_of_the_classes_and_padding_stays() -> None:
    aisle, kind = make_levels(CLASSES, GROUPS)
    assert kind.class_names == ("apple", "oat", "milk")
    assert kind.labels(np.array([[2, 1, 3], [0, -1, -1]])).tolist() == [[0, 1, 2], [0, -1, -1]]
    assert aisle.labels(np.array([3, 0])).tolist() == [1, 0]
    assert groups_of((aisle, kind)) == GROUPS


def test_a_name_means_a_class_or_all_classes_of_a_group() -> None:
    levels = make_levels(CLASSES, GROUPS)
    assert classes_called("fuji", CLASSES, levels) == [2]
    assert classes_called("dairy", CLASSES, levels) == [1, 3]
    assert classes_called("milk", CLASSES, levels) == [3]  # the class comes before the group of that name
    with pytest.raises(UserError, match="did you mean 'apple'"):
        classes_called("aple", CLASSES, levels)


def test_levels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="level 'kind' names 1 groups for 4 classes"):
        make_levels(CLASSES, {"kind": ["apple"]})
    with pytest.raises(UserError, match="group 'apple' of level 'kind' lies in two groups of level 'aisle'"):
        make_levels(CLASSES, GROUPS | {"aisle": ["fresh", "dairy", "dairy", "dairy"]})
    with pytest.raises(UserError, match="its classes have no levels"):
        find_level((), "kind")
    with pytest.raises(UserError, match="did you mean 'aisle'"):
        find_level(make_levels(CLASSES, GROUPS), "isle")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("rye milk", {"kind": "milk"}, ("dairy", "milk")),  # the aisle follows from the kind
        ("rye milk", {"aisle": "dairy"}, ("dairy", "rye milk")),  # a kind of its own
        ("rye milk", {"aisle": "", "kind": ""}, ("rye milk", "rye milk")),
        ("apple", {}, ("fresh", "apple")),  # there is a kind of that name
        ("rye", {"kind": "grain"}, ("rye", "grain")),  # a new kind lies in no known aisle
        ("rye", {"aisle": "bread", "kind": "grain"}, ("bread", "grain")),
    ],
)
def test_groups_of_a_new_class_follow_from_those_that_are_named(
    name: str, given: dict[str, str], expected: tuple[str, str]
) -> None:
    levels = make_levels(CLASSES, GROUPS)
    chosen = complete_groups(name, given, levels)
    assert list(chosen.items()) == list(zip(("aisle", "kind"), expected, strict=True))
    make_levels([*CLASSES, name], {level: [*GROUPS[level], group] for level, group in chosen.items()})
