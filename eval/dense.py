"""Patch tokens of images with masks, a batch at a time: what every segmentation task walks over.

Decoding runs a batch ahead of the encoder. Tokens are after the final norm and not L2-normalised (protocols: tokens of
all segmentation tasks). They are not kept: 28 x 28 x 384 floats are 1.2 MB an image, and each task needs them once.

Letters: B batch, S image side, h w patch grid, D embedding, G side of the label grid.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from eval.images import CorruptImageError
from eval.sets.masked import LabelMap, MaskedImages
from eval.squares import Square, square_of_image, square_of_mask
from eval.task import Conditions
from eval.white_box import load_measured
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.progress import progress, say

_Decoded = tuple[int, torch.Tensor, LabelMap]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseBatch:
    """Some images of a set.

    Attributes:
        positions: B positions in the set; unreadable images are left out.
        squares: (B, 3, S, S) uint8.
        tokens: (B, h, w, D) float32, on the encoder's device.
        masks: (B, G, G) int64 labels of the same square.
    """

    positions: list[int]
    squares: torch.Tensor
    tokens: torch.Tensor
    masks: LabelMap


def encoder_at(encoder: Encoder, image_size_px: int | None, conditions: Conditions) -> Encoder:
    """The same encoder for images of this size (more patches a side); None and its own size give it back.

    Raises:
        UserError: if it cannot take such images.
    """
    if image_size_px in (None, encoder.image_size_px):
        return encoder
    return load_measured(encoder.name, conditions.device, image_size_px, conditions.precision)


def dense_batches(
    encoder: Encoder, images: MaskedImages, conditions: Conditions, *, square: Square, grid: int | None = None
) -> Iterator[DenseBatch]:
    """Walk over a set.

    Args:
        encoder: any with patch tokens.
        images: the set.
        conditions: batch size and what an unreadable image does.
        square: see `eval.squares`.
        grid: G; None takes S, one label a pixel of the square.

    Raises:
        CorruptImageError: if an image cannot be read and `conditions.on_corrupt` is "fail".
        UserError: if a mask is missing, damaged or of another size than its image, or the encoder has no patch tokens
            or gives some that are not finite.
    """
    size = encoder.image_size_px

    def decode(position: int) -> _Decoded | str:
        try:
            pixels = square_of_image(images.image(position), size, square)
        except UserError as error:
            if conditions.on_corrupt == "fail":
                raise CorruptImageError(f"{images.uris[position]}: {error}") from error
            return f"{images.uris[position]}: {error}"
        return position, pixels, square_of_mask(images.mask(position), size, square, grid or size)

    for decoded in _one_batch_ahead(decode, images, conditions.batch_size):
        whole = [item for item in decoded if not isinstance(item, str)]
        for message in (item for item in decoded if isinstance(item, str)):
            say(f"{images.name}/{images.split}: left out an unreadable image: {message}")
        if whole:
            positions, pixels, masks = zip(*whole, strict=True)
            squares = torch.stack(pixels)
            tokens = finite_tokens(encoder, squares, [images.uris[position] for position in positions])
            yield DenseBatch(positions=list(positions), squares=squares, tokens=tokens, masks=np.stack(masks))


def finite_tokens(encoder: Encoder, squares: torch.Tensor, names: list[str]) -> torch.Tensor:
    """Patch tokens (B, h, w, D) of uint8 squares.

    Raises:
        UserError: if the encoder has none, or gives NaN or infinite ones; the images are named.
    """
    tokens = encoder.patch_tokens(squares)
    wrong = ~torch.isfinite(tokens).flatten(1).all(dim=1)
    if wrong.any():
        named = [names[row] for row in wrong.nonzero()[:3, 0].tolist()]
        raise UserError(
            f"encoder {encoder.name!r} gave NaN or infinite patch tokens for {', '.join(named)}; "
            "look at the image, or at the encoder's weights"
        )
    return tokens


def readable(images: MaskedImages, conditions: Conditions) -> MaskedImages:
    """The set, without its unreadable images where the conditions leave them out (each is decoded once for that)."""
    if conditions.on_corrupt == "fail":
        return images
    kept = []
    for position in range(len(images)):
        try:
            images.image(position)
            kept.append(position)
        except CorruptImageError as error:
            say(f"{images.name}/{images.split}: left out an unreadable image: {error}")
    return images.select(np.asarray(kept, np.int64))


def described(name: str, *parts: MaskedImages) -> str:
    """The name of a data set with how its subsets were drawn, for results."""
    drawn = "; ".join(f"{part.split}: {part.drawn}" for part in parts if part.drawn)
    return f"{name} ({drawn})" if drawn else name


def _one_batch_ahead(
    decode: Callable[[int], _Decoded | str], images: MaskedImages, batch_size: int
) -> Iterator[list[_Decoded | str]]:
    starts = range(0, len(images), batch_size)
    with ThreadPoolExecutor(thread_name_prefix="decode") as pool:
        try:
            waiting: list[list[Future[_Decoded | str]]] = []
            for start in progress(starts, f"patch tokens of {images.name}/{images.split}", len(starts), unit="batch"):
                waiting.append([pool.submit(decode, i) for i in range(start, min(start + batch_size, len(images)))])
                if len(waiting) > 1:
                    yield [future.result() for future in waiting.pop(0)]
            for futures in waiting:
                yield [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)
