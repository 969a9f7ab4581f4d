"""The held-out fifth. Run: pytest tests/eval/test_held_out.py."""

from __future__ import annotations

import numpy as np

from eval.held_out import held_out
from procgen.seeds import generator


def test_a_fifth_of_each_class_is_held_out_and_never_the_only_image() -> None:
    labels = np.repeat([0, 1, 2, 3], [10, 1, 2, 6])
    is_held_out = held_out(labels, generator(0, "test"))
    assert np.bincount(labels[is_held_out], minlength=4).tolist() == [2, 0, 1, 1]
    assert is_held_out.tolist() == held_out(labels, generator(0, "test")).tolist()
    assert is_held_out.tolist() != held_out(labels, generator(1, "test")).tolist()
