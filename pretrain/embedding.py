"""What every encoder checks on the way in and on the way out.

An embedding must have a direction: a zero or a NaN would be silently "similar" to everything or to nothing, and a vote
built on it would look like any other. So the check lives where embeddings are made, and costs one pass over (B, D).

Letters: B batch, D embedding, S image side.
"""

from __future__ import annotations

import torch

from procmem.errors import UserError

SMALLEST_NORM = 1e-12


class UnusableEmbeddingError(UserError):
    """Some images of a batch have no direction.

    Attributes:
        rows: their positions in the batch.
    """

    def __init__(self, message: str, rows: list[int]) -> None:
        super().__init__(message)
        self.rows = rows


def check_images(images: torch.Tensor, image_size_px: int) -> None:
    """Refuse anything but uint8 (B, 3, S, S).

    Raises:
        UserError: with the received type and shape.
    """
    expected = (3, image_size_px, image_size_px)
    if images.dtype != torch.uint8 or images.ndim != 4 or tuple(images.shape[1:]) != expected:
        raise UserError(
            f"an encoder takes uint8 images of shape (B, {', '.join(map(str, expected))}); "
            f"received {images.dtype} {tuple(images.shape)}: pass pictures through encoder.transform first"
        )


def unit_length(embeddings: torch.Tensor, encoder_name: str) -> torch.Tensor:
    """L2-normalise rows in float32.

    Args:
        embeddings: (B, D) of any floating type.
        encoder_name: for the message.

    Returns:
        (B, D) float32, each row of length 1.

    Raises:
        UnusableEmbeddingError: if a row is not finite or is zero, with the rows.
    """
    embeddings = embeddings.float()
    norms: torch.Tensor = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
    bad = ~(torch.isfinite(norms[:, 0]) & (norms[:, 0] > SMALLEST_NORM))
    if bad.any():
        rows = bad.nonzero()[:, 0].tolist()
        kind = "NaN or infinite" if not torch.isfinite(norms[rows[0]]) else "zero"
        raise UnusableEmbeddingError(
            f"encoder {encoder_name!r} gave {kind} embeddings for images {rows[:5]} of a batch of {len(embeddings)}; "
            "such an image has no neighbours: look at the image, or at the encoder's weights",
            rows,
        )
    unit: torch.Tensor = embeddings / norms
    return unit
