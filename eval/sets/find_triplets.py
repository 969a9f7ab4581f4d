"""Triplet data sets by name or path."""

from __future__ import annotations

from eval.sets.registry import load_set
from eval.sets.triplets import Triplets


def find_triplets(name_or_path: str) -> Triplets:
    """The triplets of that name under ``PROCMEM_DATA``, or at that path.

    Args:
        name_or_path: for example ``nights`` (its val), ``nights@test_imagenet``, ``zappos-triplets``, or a folder of
            your own in the layout of `triplet_table`.

    Raises:
        UserError: if there are none (with how to get them), or they are damaged.
    """
    found = load_set(name_or_path, "triplets")
    assert isinstance(found, Triplets)
    return found
