"""Patch tokens of a set of images, on disk in half precision.

28 x 28 tokens of 384 numbers are 0.6 MB an image: a thousand images do not fit a small machine's memory twice. So the
tokens go straight into a file that is mapped (``numpy.memmap``), batch by batch, and only a batch is ever in memory. A
note beside it says how far it is; the same call after an interruption continues there. Half precision moves a token's
direction by less than 1e-3; a token that does not fit (above 65,504) is refused.

Letters: N images, B batch, h w patch grid, D embedding.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from eval.decoding import Batch, Decoder, ImageSource
from eval.images import CorruptImageError, OnCorrupt
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.extraction_cache import index_extraction
from procmem.files import cache_root, fingerprint, make_folder, read_json, write_json
from procmem.progress import say

FORMAT = 1
NOTE_SECONDS = 30.0
"""At most so much work is lost by a kill; an interruption from the keyboard loses a batch."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchTokens:
    """What an encoder makes of the places of each image.

    Attributes:
        tokens: (N, h, w, D) float16 after the final norm, not normalised; read from disk when they are touched.
        uris: N names, as in the set.
        positions: (N,) int64, where each stands in the set (not 0..N-1 where images were left out).
        skipped: one message for each image that could not be read and was left out.
        path: the file that holds them; None where they are in memory.
        seconds: time the extraction took.
        from_cache: whether they were found and not computed.
    """

    tokens: npt.NDArray[np.float16]
    uris: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    skipped: tuple[str, ...] = ()
    path: Path | None = None
    seconds: float = 0.0
    from_cache: bool = False


@dataclasses.dataclass(kw_only=True)
class _Note:
    """How far an extraction is; what stands beside the tokens on disk.

    Attributes:
        end: position behind the last image that is done.
        shape: (h, w, D); empty before the first batch.
        positions: of the images whose tokens are written, in the order of their rows.
    """

    end: int = 0
    shape: list[int] = dataclasses.field(default_factory=list)
    positions: list[int] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0


def extract_patches(
    encoder: Encoder,
    images: ImageSource,
    *,
    batch_size: int = 16,
    num_threads: int | None = None,
    on_corrupt: OnCorrupt = "fail",
    cache: bool = True,
) -> PatchTokens:
    """Patch tokens of every image of a set, in its order.

    Args:
        encoder: one with patch tokens; its transform makes the square.
        images: the set, labelled, masked or neither.
        batch_size: images a forward pass.
        num_threads: decoding threads; None takes one a core, at most 8.
        on_corrupt: what an unreadable image does: "fail" stops with its name, "skip" leaves it out and says so.
        cache: keep the tokens on disk under the cache folder; else in memory.

    Raises:
        CorruptImageError: if an image cannot be read and `on_corrupt` is "fail".
        UserError: if the encoder has no patch tokens, one is not finite or does not fit half precision, a setting is
            out of range, or no image is readable.
    """
    decoder = Decoder(encoder, images, batch_size=batch_size, num_threads=num_threads, on_corrupt=on_corrupt)
    path = patches_path(encoder, images) if cache else None
    note = _read_note(path, len(images)) if path is not None else _Note()
    is_whole = note.end == len(images)
    sink = _Sink(path, len(images), note)
    if not is_whole:
        if path is not None:
            index_extraction("patches", path.stem, images.name, images.uris)
        if note.end:
            say(f"{images.name}/{images.split}: continues behind {note.end} of {len(images)} images")
        _fill(encoder, images, decoder, sink)
    if not note.positions:
        raise UserError(
            f"none of the {len(images)} images of {images.name}/{images.split} is readable: {note.skipped[:1]}"
        )
    if note.skipped and on_corrupt == "fail":
        raise CorruptImageError(note.skipped[0])
    if note.skipped:
        say(f"{images.name}/{images.split}: left out {len(note.skipped)} unreadable images: {note.skipped[0]}")
    return PatchTokens(
        tokens=sink.rows()[: len(note.positions)],
        uris=tuple(images.uris[position] for position in note.positions),
        positions=np.asarray(note.positions, dtype=np.int64),
        skipped=tuple(note.skipped),
        path=path,
        seconds=note.seconds,
        from_cache=is_whole,
    )


def patches_path(encoder: Encoder, images: ImageSource) -> Path:
    """Where the patch tokens of a set by an encoder are kept."""
    key = fingerprint([FORMAT, "patches", encoder.card().fingerprint, images.fingerprint()])
    return cache_root() / "patches" / f"{key}.npy"


def _fill(encoder: Encoder, images: ImageSource, decoder: Decoder, sink: _Sink) -> None:
    note, before, start = sink.note, sink.note.seconds, time.perf_counter()
    noted = start
    try:
        for batch in decoder.batches(note.end, "patch tokens of"):
            if batch.squares:
                sink.append(_tokens(encoder, images, batch))
            note.positions += batch.positions
            note.skipped += batch.skipped
            note.end = batch.end
            now = time.perf_counter()
            note.seconds = before + now - start
            if now - noted >= NOTE_SECONDS:
                sink.keep()
                noted = now
    except KeyboardInterrupt:
        sink.keep()
        say(f"interrupted behind {note.end} of {len(images)} images; the same call continues there")
        raise
    sink.keep()


def _tokens(encoder: Encoder, images: ImageSource, batch: Batch) -> npt.NDArray[np.float16]:
    tokens = encoder.patch_tokens(torch.stack(batch.squares))
    halves = tokens.half()
    for kind, own in (("NaN or infinite", tokens), ("too large for half precision", halves)):
        wrong = ~torch.isfinite(own).flatten(1).all(dim=1)
        if wrong.any():
            names = [images.uris[batch.positions[row]] for row in wrong.nonzero()[:3, 0].tolist()]
            raise UserError(
                f"encoder {encoder.name!r} gave patch tokens that are {kind} for {', '.join(names)}; "
                "look at the image, or at the encoder's weights"
            )
    array: npt.NDArray[np.float16] = halves.cpu().numpy()
    return array


class _Sink:
    """Takes tokens in the order of rows: a mapped file with its note, or memory."""

    def __init__(self, path: Path | None, most_rows: int, note: _Note) -> None:
        self._path, self._most_rows, self.note = path, most_rows, note
        self._rows: npt.NDArray[np.float16] | None = None

    def append(self, tokens: npt.NDArray[np.float16]) -> None:
        if not self.note.shape:
            self.note.shape = list(tokens.shape[1:])
        if list(tokens.shape[1:]) != self.note.shape:
            raise UserError(f"patch tokens changed their shape from {self.note.shape} to {list(tokens.shape[1:])}")
        first = len(self.note.positions)
        self.rows()[first : first + len(tokens)] = tokens

    def rows(self) -> npt.NDArray[np.float16]:
        """All rows, (most_rows, h, w, D)."""
        if self._rows is None:
            shape = (self._most_rows, *self.note.shape)
            if self._path is None:
                self._rows = np.empty(shape, np.float16)
            elif self._path.is_file() and self.note.positions:
                self._rows = np.lib.format.open_memmap(
                    self._path, mode="r+" if self.note.end < self._most_rows else "r"
                )
            else:
                make_folder(self._path.parent)
                self._rows = np.lib.format.open_memmap(self._path, mode="w+", dtype=np.float16, shape=shape)
        return self._rows

    def keep(self) -> None:
        """Put the tokens on disk, then the note that promises them."""
        if self._path is None:
            return
        if isinstance(self._rows, np.memmap):
            self._rows.flush()
        write_json(self._path.with_suffix(".json"), dataclasses.asdict(self.note))


def _read_note(path: Path, num_images: int) -> _Note:
    """The note beside the tokens, if both are whole; else a new one."""
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return _Note()
    try:
        value: Any = read_json(beside)
        note = _Note(**value)
        if note.positions:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if array.shape != (num_images, *note.shape) or array.dtype != np.float16:
                raise ValueError(f"tokens {array.shape} of {array.dtype}")
    except (UserError, OSError, TypeError, ValueError) as error:
        say(f"warning: cached patch tokens {str(path)!r} are damaged and are made again: {error}")
        return _Note()
    return note
