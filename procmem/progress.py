"""Progress bars: one look everywhere, silent for work shorter than two seconds and where no terminal watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

DELAY_SECONDS = 2.0
T = TypeVar("T")


def progress(items: Iterable[T], description: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Iterate with a progress bar on standard error that appears after two seconds, if that is a terminal.

    Args:
        items: what to iterate.
        description: what is being done, in a few words.
        total: number of items, where `items` has no length.
        unit: what one item is, for the rate.
    """
    yield from tqdm(
        items,
        desc=description,
        total=total,
        unit=unit,
        delay=DELAY_SECONDS,
        disable=None,
        dynamic_ncols=True,
        leave=False,
    )


def say(message: str) -> None:
    """One line to the person at the terminal, on standard error, without disturbing a running bar."""
    tqdm.write(message, file=sys.stderr)
