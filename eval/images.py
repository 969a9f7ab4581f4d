"""A labelled set of images: class names, labels, and where each image comes from.

One class for folders and for arrays (data sets that ship as one file, which may lie on disk): the pixels are read when
asked for, so a set of a million paths costs what its names cost. Order is fixed by sorted names, never by the file
system. A subset is again such a set, drawn by class from a counter-based generator, so the same words in a report mean
the same images.

Letters: N images, C classes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from procgen.seeds import generator
from procmem.errors import UserError
from procmem.files import fingerprint

Sources = tuple[Path, ...] | npt.NDArray[np.uint8]
OnCorrupt = Literal["fail", "skip"]
"""What an unreadable image does: stops the work with its name, or is left out and told."""


class CorruptImageError(UserError):
    """One image of a set cannot be read; the message names it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """One split of a data set.

    Attributes:
        name: the data set's name.
        split: "train" or "val" (the name of its folder, for folders).
        class_names: C names; a label is a position in it.
        labels: (N,) int64 in [0, C).
        uris: N names, unique in the set: path relative to the data set's folder, or ``name/split/number``.
        sources: N paths, or uint8 (M, H, W) grey or (M, H, W, 3) RGB, in memory or mapped from a file.
        rows: (N,) row of an array of sources that each image is; None for paths, or where they are 0..N-1.
        accepted: labels that count as right for each image, where there may be several (ReaL); None where only its
            own label does. See `is_correct`.
        drawn: how this subset was drawn; "" for the whole split.
    """

    name: str
    split: str
    class_names: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    uris: tuple[str, ...]
    sources: Sources
    rows: npt.NDArray[np.int64] | None = None
    accepted: tuple[tuple[int, ...], ...] | None = None
    drawn: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, position: int) -> Image.Image:
        """Decode one image completely.

        Raises:
            CorruptImageError: if the file is missing, truncated or no image; the message names it.
        """
        source = self.sources[position if self.rows is None else self.rows[position]]
        if not isinstance(source, Path):
            return Image.fromarray(source)
        return read_image(source)

    def is_correct(self, predictions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(N,) whether each prediction (N,) is a label that counts as right for its image."""
        if self.accepted is None:
            return np.equal(predictions, self.labels)
        return np.array([label in own for label, own in zip(predictions.tolist(), self.accepted, strict=True)], bool)

    def select(self, positions: npt.NDArray[np.int64], drawn: str = "") -> LabelledImages:
        """The images at these positions, in this order."""
        sources, rows = self.sources, None
        if isinstance(sources, tuple):
            sources = tuple(sources[i] for i in positions)
        else:  # not copied: it may be larger than the memory of the machine
            rows = np.asarray(positions) if self.rows is None else self.rows[positions]
        return dataclasses.replace(
            self,
            labels=self.labels[positions],
            uris=tuple(self.uris[i] for i in positions),
            sources=sources,
            rows=rows,
            accepted=None if self.accepted is None else tuple(self.accepted[i] for i in positions),
            drawn=drawn or self.drawn,
        )

    def subset(self, count: int | None, seed: int = 0) -> LabelledImages:
        """A seeded subset with every class in its share (largest remainders), in the original order.

        Args:
            count: number of images; None or a count not below N gives the set itself.
            seed: root seed of the draw.

        Raises:
            UserError: if count is below 1.
        """
        if count is None or count >= len(self):
            return self
        if count < 1:
            raise UserError(f"a subset needs at least 1 image, received {count}")
        chance = generator(seed, "subset", self.name, self.split)
        chosen = [
            chance.permutation(np.flatnonzero(self.labels == label))[:share]
            for label, share in enumerate(
                class_shares(np.bincount(self.labels, minlength=len(self.class_names)), count)
            )
        ]
        return self.select(np.sort(np.concatenate(chosen)), f"{count} of {len(self)}, by class, seed {seed}")

    def fingerprint(self) -> str:
        """64 hex digits over names, labels and contents.

        Of files the size and the time of change stand for the content: reading a million files to learn whether a
        cache is good would cost as much as the decoding it saves.
        """
        content = content_fingerprint(self.sources)
        rows = None if self.rows is None else self.rows.tolist()
        return fingerprint([self.name, list(self.class_names), self.labels.tolist(), list(self.uris), content, rows])


def drawn_positions(name: str, split: str, total: int, count: int | None, seed: int) -> npt.NDArray[np.int64] | None:
    """Positions of a seeded subset of a split, ascending; None where all are taken (count None, or not below total).

    Raises:
        UserError: if count is below 1.
    """
    if count is None or count >= total:
        return None
    if count < 1:
        raise UserError(f"a subset needs at least 1 of {total}, received {count}")
    return np.sort(generator(seed, "subset", name, split).permutation(total)[:count])


def read_image(path: Path) -> Image.Image:
    """Decode an image file completely.

    Raises:
        CorruptImageError: if the file is missing, truncated or no image; the message names it.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorruptImageError(f"cannot read image {str(path)!r}: {error}") from error


def content_fingerprint(sources: Sources) -> str:
    """64 hex digits over the bytes of an array in memory, or over size and time of change of files."""
    if isinstance(sources, tuple):
        return fingerprint([_stamp(path) for path in sources])
    if isinstance(sources, np.memmap) and sources.filename is not None:
        return fingerprint([str(sources.filename), sources.offset, _stamp(Path(sources.filename))])
    return fingerprint(np.ascontiguousarray(sources).tobytes())


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; (-1, -1) for a link to nowhere, which decoding will name."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def class_shares(counts: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Divide `total` over classes in proportion to `counts`, by largest remainders (ties to the earlier class)."""
    quotas = counts * (total / counts.sum())
    shares: npt.NDArray[np.int64] = np.floor(quotas).astype(np.int64)
    order = np.argsort(-(quotas - shares), kind="stable")
    shares[order[: total - shares.sum()]] += 1
    return shares
