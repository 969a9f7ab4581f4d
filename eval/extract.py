"""Embeddings of a set of images: decoding overlapped with the network, results kept on disk.

The result is cached under a fingerprint of (encoder with its preprocessing, images), so a second evaluation costs a
file read; a cache file that cannot be read is made again. While it is made, what is done is written as parts every
half minute, and the same call after an interruption continues behind them. Files are plain npz, not compressed: an
audit that looks for the bytes of an erased embedding finds them, and an erasure takes along every file that was made
from the erased image (`procmem.extraction_cache`).

Letters: N images, D embedding, S image side.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from eval.decoding import Decoder, ImageSource
from eval.images import CorruptImageError, LabelledImages, OnCorrupt
from pretrain.embedding import UnusableEmbeddingError
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.extraction_cache import INDEX_SUFFIX, index_extraction
from procmem.files import atomic_write, cache_root, fingerprint
from procmem.progress import say

CACHE_FORMAT = 2
PART_SECONDS = 30.0
"""At most so much work is lost by an interruption, and a batch."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embeddings:
    """What an encoder makes of a set of images.

    Attributes:
        values: (N, D) float32, unit length.
        labels: (N,) int64; -1 where the images have none.
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
    images: ImageSource,
    *,
    batch_size: int = 64,
    num_threads: int | None = None,
    on_corrupt: OnCorrupt = "fail",
    cache: bool = True,
) -> Embeddings:
    """Embed every image of a set, in its order.

    Args:
        encoder: any encoder.
        images: the set, labelled or not.
        batch_size: images a forward pass.
        num_threads: decoding threads; None takes one a core, at most 8.
        on_corrupt: what an unreadable image does: "fail" stops with its name, "skip" leaves it out and says so.
        cache: read and write the cache under the cache folder.

    Raises:
        CorruptImageError: if an image cannot be read and `on_corrupt` is "fail".
        UserError: if a setting is out of range, an embedding is zero or not finite, or no image is readable.
    """
    decoder = Decoder(encoder, images, batch_size=batch_size, num_threads=num_threads, on_corrupt=on_corrupt)
    found = _found_or_made(encoder, images, decoder, cache_path(encoder, images) if cache else None)
    if not len(found.positions):
        raise UserError(
            f"none of the {len(images)} images of {images.name}/{images.split} is readable: {found.skipped[:1]}"
        )
    if found.skipped and on_corrupt == "fail":
        raise CorruptImageError(found.skipped[0])
    if found.skipped:
        say(f"{images.name}/{images.split}: left out {len(found.skipped)} unreadable images: {found.skipped[0]}")
    return found


def cache_path(encoder: Encoder, images: ImageSource) -> Path:
    """Where the embeddings of a set by an encoder are kept."""
    key = fingerprint([CACHE_FORMAT, encoder.card().fingerprint, images.fingerprint()])
    return cache_root() / "embeddings" / f"{key}.npz"


def extract_shard(encoder: Encoder, images: ImageSource, batch_size: int = 64) -> Embeddings:
    """As `extract` into the cache, without unreadable images; there may be none left."""
    decoder = Decoder(encoder, images, batch_size=batch_size, on_corrupt="skip")
    return _found_or_made(encoder, images, decoder, cache_path(encoder, images))


def _found_or_made(encoder: Encoder, images: ImageSource, decoder: Decoder, path: Path | None) -> Embeddings:
    found = _read_cache(path, encoder.dimension, images) if path is not None and path.is_file() else None
    return found or _compute(encoder, images, decoder, path)


def _compute(encoder: Encoder, images: ImageSource, decoder: Decoder, path: Path | None) -> Embeddings:
    """Embed what no part holds yet; with a path, write parts on the way and the whole at the end."""
    parts: list[_Part] = []
    if path is not None:
        index_extraction("embeddings", path.stem, images.name, images.uris)
        parts = _read_parts(path, encoder.dimension)
    done = parts[-1].end if parts else 0
    if done:
        say(f"{images.name}/{images.split}: continues behind {done} of {len(images)} images")
    open_part, start = _Part(start=done, end=done), time.perf_counter()
    try:
        for batch in decoder.batches(done, "embedding"):
            if batch.squares:
                open_part.values.append(_embed(encoder, batch.squares, [images.uris[i] for i in batch.positions]))
                open_part.positions += batch.positions  # only what is embedded: an interruption may come in between
            open_part.skipped += batch.skipped
            open_part.end = batch.end
            open_part.seconds = time.perf_counter() - start
            if path is not None and open_part.seconds >= PART_SECONDS and open_part.end < len(images):
                _write_part(path, open_part)
                parts.append(open_part)
                open_part, start = _Part(start=open_part.end, end=open_part.end), time.perf_counter()
    except KeyboardInterrupt:
        if path is not None and open_part.end > open_part.start:
            _write_part(path, open_part)
            say(f"interrupted behind {open_part.end} of {len(images)} images; the same call continues there")
        raise
    found = _joined([*parts, open_part], images, encoder.dimension)
    if path is not None:
        _write_cache(path, found)
        shutil.rmtree(_parts_folder(path), ignore_errors=True)
        found = dataclasses.replace(found, cache_path=path)
    return found


@dataclasses.dataclass(kw_only=True)
class _Part:
    """Embeddings of the images from `start` to `end`, without the unreadable ones."""

    start: int
    end: int
    values: list[npt.NDArray[np.float32]] = dataclasses.field(default_factory=list)
    positions: list[int] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0


def _joined(parts: list[_Part], images: ImageSource, dimension: int) -> Embeddings:
    kept = [position for part in parts for position in part.positions]
    skipped = tuple(message for part in parts for message in part.skipped)
    positions = np.asarray(kept, dtype=np.int64)
    nothing = np.empty((0, dimension), np.float32)
    return Embeddings(
        values=np.concatenate([nothing, *(values for part in parts for values in part.values)]),
        labels=labels_of(images, positions),
        uris=tuple(images.uris[position] for position in kept),
        positions=positions,
        skipped=skipped,
        seconds=sum(part.seconds for part in parts),
    )


def join_shards(encoder: Encoder, images: LabelledImages, shards: list[npt.NDArray[np.int64]]) -> Embeddings:
    """One cache file of a set from those of its consecutive shards, which go.

    Args:
        encoder: made the shards.
        images: the whole set.
        shards: positions of each, in order, together 0..N-1; all extracted.

    Raises:
        UserError: if the cache cannot be written.
    """
    start, parts, paths = 0, [], []
    for shard in shards:
        own = extract_shard(encoder, images.select(shard))
        positions = (start + own.positions).tolist()
        end, skipped = start + len(shard), list(own.skipped)
        parts.append(
            _Part(start=start, end=end, values=[own.values], positions=positions, skipped=skipped, seconds=own.seconds)
        )
        paths.append(own.cache_path)
        start = end
    path = cache_path(encoder, images)
    index_extraction("embeddings", path.stem, images.name, images.uris)
    seconds = max(part.seconds for part in parts)  # they worked at the same time
    found = dataclasses.replace(_joined(parts, images, encoder.dimension), seconds=seconds, cache_path=path)
    _write_cache(path, found)
    for own_path in paths:
        if own_path is not None and own_path != path:
            own_path.unlink(missing_ok=True)
            own_path.with_suffix(INDEX_SUFFIX).unlink(missing_ok=True)
    return found


def read_embeddings(path: Path, images: ImageSource) -> Embeddings:
    """The embeddings of a set from their cache file.

    Raises:
        UserError: if the file is missing, damaged or of another set.
    """
    found = _read_cache(path, None, images)
    if found is None:
        raise UserError(f"no embeddings of {images.name}/{images.split} in {str(path)!r}; make them again")
    return found


def labels_of(images: ImageSource, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Labels at these positions; -1 where the images have none."""
    labels = getattr(images, "labels", None)
    return np.full(len(positions), -1, np.int64) if labels is None else np.asarray(labels)[positions]


def _embed(encoder: Encoder, squares: list[torch.Tensor], names: list[str]) -> npt.NDArray[np.float32]:
    try:
        embedded: npt.NDArray[np.float32] = encoder.embed(torch.stack(squares)).cpu().numpy()
    except UnusableEmbeddingError as error:
        raise UserError(f"{', '.join(names[row] for row in error.rows[:3])}: {error}") from error
    return embedded


def _parts_folder(path: Path) -> Path:
    return path.with_suffix(".parts")


def _write_part(path: Path, part: _Part) -> None:
    with atomic_write(_parts_folder(path) / f"{part.start:09d}-{part.end:09d}.npz") as file:
        np.savez(
            file,
            values=np.concatenate(part.values) if part.values else np.empty((0, 0), np.float32),
            positions=np.asarray(part.positions, dtype=np.int64),
            skipped=np.asarray(part.skipped, dtype=np.str_),
            seconds=np.float64(part.seconds),
        )


def _read_parts(path: Path, dimension: int) -> list[_Part]:
    """Parts that follow each other from the first image on; a damaged one ends them."""
    parts: list[_Part] = []
    for file in sorted(_parts_folder(path).glob("*.npz")):
        start, end = (int(number) for number in file.stem.split("-"))
        if start != (parts[-1].end if parts else 0):
            break
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as members:
                values, positions = members["values"], members["positions"].tolist()
                skipped, seconds = members["skipped"].tolist(), float(members["seconds"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            say(f"warning: {str(file)!r} is damaged, the images from {start} on are embedded again: {error}")
            break
        if len(positions) and values.shape != (len(positions), dimension):
            break
        own = [values] if len(positions) else []
        parts.append(_Part(start=start, end=end, values=own, positions=positions, skipped=skipped, seconds=seconds))
    return parts


def _write_cache(path: Path, embeddings: Embeddings) -> None:
    with atomic_write(path) as file:
        np.savez(
            file,
            values=embeddings.values,
            positions=embeddings.positions,
            skipped=np.asarray(embeddings.skipped, dtype=np.str_),
            seconds=np.float64(embeddings.seconds),
        )


def _read_cache(path: Path, dimension: int | None, images: ImageSource) -> Embeddings | None:
    try:
        # numpy leaves a file open that it opened itself and cannot read
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            values, positions, skipped = file["values"], file["positions"], tuple(file["skipped"].tolist())
            seconds = float(file["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        say(f"warning: cached embeddings {str(path)!r} are damaged and are made again: {error}")
        return None
    is_sound = positions.ndim == 1 and (not len(positions) or 0 <= positions.min() <= positions.max() < len(images))
    is_sound = is_sound and values.ndim == 2 and len(values) == len(positions) and dimension in (None, values.shape[1])
    if not is_sound or not np.isfinite(values).all():
        say(f"warning: cached embeddings {str(path)!r} do not fit and are made again")
        return None
    return Embeddings(
        values=values,
        labels=labels_of(images, positions),
        uris=tuple(images.uris[position] for position in positions.tolist()),
        positions=positions,
        skipped=skipped,
        cache_path=path,
        seconds=seconds,
        from_cache=True,
    )
