"""Images of a set as batches of squares, decoded ahead of the network.

Threads decode and resize (Pillow lets go of Python's lock there) a few batches ahead of the encoder, never more, so
that memory stays bounded. Rejected: worker processes, which copy every image once more and start in seconds.

Letters: N images, B batch, S image side.
"""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import torch
from PIL import Image

from eval.images import CorruptImageError, OnCorrupt
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.progress import progress

BATCHES_AHEAD = 2
MOST_THREADS = 8


class ImageSource(Protocol):
    """What can be extracted: `LabelledImages`, `MaskedImages`, or anything like them."""

    @property
    def name(self) -> str:
        """The data set."""
        ...

    @property
    def split(self) -> str:
        """Which part of it."""
        ...

    @property
    def uris(self) -> tuple[str, ...]:
        """N names, unique in the set."""
        ...

    def __len__(self) -> int:
        """N."""
        ...

    def image(self, position: int) -> Image.Image:
        """Decode one image; raises `CorruptImageError`."""
        ...

    def fingerprint(self) -> str:
        """Changes with names and contents."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Consecutive images of a set.

    Attributes:
        squares: uint8 (3, S, S), one for each position.
        positions: where they stand in the set, without the unreadable ones.
        skipped: one message for each unreadable image.
        end: position behind the last image.
    """

    squares: list[torch.Tensor]
    positions: list[int]
    skipped: list[str]
    end: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Unreadable:
    message: str


class Decoder:
    """Decodes a set for an encoder.

    Args:
        encoder: its transform makes the squares.
        images: the set.
        batch_size: images a batch.
        num_threads: decoding threads; None takes one a core, at most 8.
        on_corrupt: what an unreadable image does.
    """

    def __init__(
        self,
        encoder: Encoder,
        images: ImageSource,
        *,
        batch_size: int,
        num_threads: int | None = None,
        on_corrupt: OnCorrupt = "fail",
    ) -> None:
        check_settings(batch_size, num_threads, on_corrupt)
        self._encoder, self._images, self._batch_size = encoder, images, batch_size
        self._num_threads = num_threads or min(MOST_THREADS, os.cpu_count() or 1)
        self._on_corrupt = on_corrupt
        self._is_pinned = getattr(getattr(encoder, "device", None), "type", "cpu") == "cuda"

    def batches(self, start: int, doing: str) -> Iterator[Batch]:
        """Batches from a position on, with a progress bar that tells what is being done.

        Raises:
            CorruptImageError: if an image cannot be read and `on_corrupt` is "fail".
        """
        firsts = range(start, len(self._images), self._batch_size)
        description = f"{doing} {self._images.name}/{self._images.split}"
        yield from progress(self._ahead(firsts), description, len(firsts), unit="batch")

    def _ahead(self, firsts: range) -> Iterator[Batch]:
        pool = ThreadPoolExecutor(self._num_threads, thread_name_prefix="decode")
        waiting: deque[tuple[range, Iterator[torch.Tensor | _Unreadable]]] = deque()
        try:
            for first in firsts:
                positions = range(first, min(first + self._batch_size, len(self._images)))
                waiting.append((positions, pool.map(self._decode, positions)))
                if len(waiting) > BATCHES_AHEAD:
                    yield _collect(*waiting.popleft())
            while waiting:
                yield _collect(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _decode(self, position: int) -> torch.Tensor | _Unreadable:
        name = self._images.uris[position]
        try:
            square = self._encoder.transform(self._images.image(position))
        except UserError as error:
            if self._on_corrupt == "fail":
                raise CorruptImageError(f"{name}: {error}") from error
            return _Unreadable(message=f"{name}: {error}")
        return square.pin_memory() if self._is_pinned else square


def _collect(positions: range, decoded: Iterator[torch.Tensor | _Unreadable]) -> Batch:
    pairs = list(zip(positions, decoded, strict=True))
    readable = [(position, item) for position, item in pairs if isinstance(item, torch.Tensor)]
    return Batch(
        squares=[item for _, item in readable],
        positions=[position for position, _ in readable],
        skipped=[item.message for _, item in pairs if isinstance(item, _Unreadable)],
        end=positions.stop,
    )


def check_settings(batch_size: int, num_threads: int | None, on_corrupt: OnCorrupt) -> None:
    """Refuse what no extraction can work with.

    Raises:
        UserError: if a setting is out of range.
    """
    if batch_size < 1 or (num_threads is not None and num_threads < 1):
        raise UserError(f"batch_size and num_threads must be at least 1, received {batch_size} and {num_threads}")
    if on_corrupt not in ("fail", "skip"):
        raise UserError(f"on_corrupt must be 'fail' or 'skip', received {on_corrupt!r}")
