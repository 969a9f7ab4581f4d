"""Embeddings of a set of images: decoding overlapped with the network, results kept on disk.

Threads decode and resize (Pillow lets go of Python's lock there) a few batches ahead of the encoder. The result is
cached under a fingerprint of (encoder, images), so a second evaluation costs a file read; a cache file that cannot be
read is made again. The file is plain npz, not compressed: an audit that looks for the bytes of an erased embedding
finds them. Rejected: worker processes, which copy every image once more and start in seconds.

Letters: N images, D embedding, S image side.
"""

from __future__ import annotations

import dataclasses
import os
import time
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from eval.images import CorruptImageError, LabelledImages, OnCorrupt
from pretrain.embedding import UnusableEmbeddingError
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.files import atomic_write, cache_root, fingerprint
from procmem.progress import progress, say

BATCHES_AHEAD = 2
CACHE_FORMAT = 1
MOST_THREADS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embeddings:
    """What an encoder makes of a set of images.

    Attributes:
        values: (N, D) float32, unit length.
        labels: (N,) int64.
        uris: N names, as in the set.
        positions: (N,) int64, where each stands in the set (not 0..N-1 where images were left out).
        skipped: one message for each image that could not be read and was left out.
        cache_path: the file that holds them; None where they were not cached.
        seconds: time the extraction took (also when it was read from the cache, then the time of the first).
        from_cache: whether they were read instead of computed.
    """

    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    uris: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    skipped: tuple[str, ...] = ()
    cache_path: Path | None = None
    seconds: float = 0.0
    from_cache: bool = False

    @property
    def images_per_second(self) -> float:
        """Decoding, resizing and embedding together."""
        return len(self.labels) / self.seconds if self.seconds else float("nan")


def extract(
    encoder: Encoder,
    images: LabelledImages,
    *,
    batch_size: int = 64,
    num_threads: int | None = None,
    on_corrupt: OnCorrupt = "fail",
    cache: bool = True,
) -> Embeddings:
    """Embed every image of a set, in its order.

    Args:
        encoder: any encoder.
        images: the set.
        batch_size: images a forward pass.
        num_threads: decoding threads; None takes one a core, at most 8.
        on_corrupt: what an unreadable image does: "fail" stops with its name, "skip" leaves it out and says so.
        cache: read and write the cache under the cache folder.

    Raises:
        CorruptImageError: if an image cannot be read and `on_corrupt` is "fail".
        UserError: if a setting is out of range, an embedding is zero or not finite, or no image is readable.
    """
    if batch_size < 1 or (num_threads is not None and num_threads < 1):
        raise UserError(f"batch_size and num_threads must be at least 1, received {batch_size} and {num_threads}")
    if on_corrupt not in ("fail", "skip"):
        raise UserError(f"on_corrupt must be 'fail' or 'skip', received {on_corrupt!r}")
    path = _cache_path(encoder, images) if cache else None
    found = _read_cache(path, encoder.dimension) if path is not None and path.is_file() else None
    if found is None:
        found = _compute(encoder, images, batch_size, num_threads, on_corrupt)
        if path is not None:
            _write_cache(path, found)
            found = dataclasses.replace(found, cache_path=path)
    if found.skipped and on_corrupt == "fail":
        raise CorruptImageError(found.skipped[0])
    if found.skipped:
        say(f"{images.name}/{images.split}: left out {len(found.skipped)} unreadable images: {found.skipped[0]}")
    return found


def _compute(
    encoder: Encoder, images: LabelledImages, batch_size: int, num_threads: int | None, on_corrupt: OnCorrupt
) -> Embeddings:
    start = time.perf_counter()
    num_threads = num_threads or min(MOST_THREADS, os.cpu_count() or 1)
    num_batches = -(-len(images) // batch_size)
    values: list[npt.NDArray[np.float32]] = []
    kept: list[int] = []
    skipped: list[str] = []
    batches = _decoded_batches(encoder, images, batch_size, num_threads, on_corrupt)
    for batch in progress(batches, f"embedding {images.name}/{images.split}", num_batches, unit="batch"):
        squares = [(position, square) for position, square in batch if isinstance(square, torch.Tensor)]
        skipped += [square for _, square in batch if isinstance(square, str)]
        if squares:
            kept += [position for position, _ in squares]
            values.append(_embed(encoder, squares, images))
    if not kept:
        raise UserError(f"none of the {len(images)} images of {images.name}/{images.split} is readable: {skipped[:1]}")
    return Embeddings(
        values=np.concatenate(values),
        labels=images.labels[kept],
        uris=tuple(images.uris[position] for position in kept),
        positions=np.asarray(kept, dtype=np.int64),
        skipped=tuple(skipped),
        seconds=time.perf_counter() - start,
    )


def _embed(
    encoder: Encoder, squares: list[tuple[int, torch.Tensor]], images: LabelledImages
) -> npt.NDArray[np.float32]:
    try:
        embedded: npt.NDArray[np.float32] = encoder.embed(torch.stack([square for _, square in squares])).cpu().numpy()
    except UnusableEmbeddingError as error:
        names = [images.uris[squares[row][0]] for row in error.rows[:3]]
        raise UserError(f"{', '.join(names)}: {error}") from error
    return embedded


def _decoded_batches(
    encoder: Encoder, images: LabelledImages, batch_size: int, num_threads: int, on_corrupt: OnCorrupt
) -> Iterator[list[tuple[int, torch.Tensor | str]]]:
    """Batches of (position, square), or (position, message) for an unreadable image; never far ahead of the reader."""

    def decode(position: int) -> tuple[int, torch.Tensor | str]:
        try:
            return position, encoder.transform(images.image(position))
        except UserError as error:
            if on_corrupt == "fail":
                raise CorruptImageError(f"{images.uris[position]}: {error}") from error
            return position, f"{images.uris[position]}: {error}"

    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="decode")
    try:
        waiting: deque[Iterator[tuple[int, torch.Tensor | str]]] = deque()
        for first in range(0, len(images), batch_size):
            waiting.append(pool.map(decode, range(first, min(first + batch_size, len(images)))))
            if len(waiting) > BATCHES_AHEAD:
                yield list(waiting.popleft())
        while waiting:
            yield list(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _cache_path(encoder: Encoder, images: LabelledImages) -> Path:
    key = fingerprint([CACHE_FORMAT, encoder.card().fingerprint, images.fingerprint()])
    return cache_root() / "embeddings" / f"{key}.npz"


def _write_cache(path: Path, embeddings: Embeddings) -> None:
    with atomic_write(path) as file:
        np.savez(
            file,
            values=embeddings.values,
            labels=embeddings.labels,
            uris=np.asarray(embeddings.uris, dtype=np.str_),
            positions=embeddings.positions,
            skipped=np.asarray(embeddings.skipped, dtype=np.str_),
            seconds=np.float64(embeddings.seconds),
        )


def _read_cache(path: Path, dimension: int) -> Embeddings | None:
    try:
        # numpy leaves a file open that it opened itself and cannot read
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            values, labels, positions = file["values"], file["labels"], file["positions"]
            uris, skipped = tuple(file["uris"].tolist()), tuple(file["skipped"].tolist())
            seconds = float(file["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        say(f"warning: cached embeddings {str(path)!r} are damaged and are made again: {error}")
        return None
    if values.shape != (len(labels), dimension) or len(uris) != len(labels) or not np.isfinite(values).all():
        say(f"warning: cached embeddings {str(path)!r} do not fit and are made again")
        return None
    return Embeddings(
        values=values,
        labels=labels,
        uris=uris,
        positions=positions,
        skipped=skipped,
        cache_path=path,
        seconds=seconds,
        from_cache=True,
    )
