"""Patches: where in an image an encoder sees what, and a segmentation from one painted example.

The colours are the first three principal components of the patch tokens (`eval.patch_pca`). In-context segmentation is
the memory's own rule on a smaller scale: the patches of the painted image are entries, inside and outside of the paint
are their two classes, and each patch of another image asks its nearest ones. Nothing is trained.

Letters: h w patch grid, D embedding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from eval.patch_pca import pca_colors
from memory.search import exact_search
from memory.voting import vote
from pretrain.encoder import Encoder
from procmem.errors import UserError

SHOWN_PX = 448
NUM_NEIGHBORS = 5
PAINTED_SHARE = 0.5
"""A patch is inside where the paint covers at least so much of it."""

OVERLAY = (213, 94, 0)


def seen_square(encoder: Encoder, image: Image.Image) -> Image.Image:
    """The square of an image that the encoder sees, enlarged."""
    pixels = encoder.transform(image).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels).resize((SHOWN_PX, SHOWN_PX), Image.Resampling.BICUBIC)


def patch_colors(encoder: Encoder, image: Image.Image) -> Image.Image:
    """Patch tokens as colours, one flat square a patch.

    Raises:
        UserError: if the encoder has no patch tokens.
    """
    colors = pca_colors(_tokens(encoder, image).unsqueeze(0))[0]
    pixels = (colors * 255).round().to(torch.uint8).cpu().numpy()
    return Image.fromarray(pixels).resize((SHOWN_PX, SHOWN_PX), Image.Resampling.NEAREST)


def segment(
    encoder: Encoder, example: Image.Image, painted: npt.NDArray[np.bool_], target: Image.Image
) -> npt.NDArray[np.float64]:
    """How much each patch of an image belongs to what was painted in another (or in itself).

    Args:
        encoder: with patch tokens.
        example: the painted image.
        painted: (H, W) flags over the square of the example that the encoder sees, at any size.
        target: the image to segment.

    Returns:
        (h, w) share of the votes, 0..1.

    Raises:
        UserError: if nothing, or everything, is painted, or the encoder has no patch tokens.
    """
    tokens = _tokens(encoder, example)
    h, w, _ = tokens.shape
    cover = F.interpolate(torch.from_numpy(painted).float()[None, None], size=(h, w), mode="area")[0, 0]
    inside = (cover >= PAINTED_SHARE).flatten().numpy()
    if not inside.any() and painted.any():
        inside = (cover == cover.max()).flatten().numpy()  # a stroke thinner than a patch still means that patch
    if not inside.any() or inside.all():
        raise UserError("paint a part of the image: at least one patch, and not all of them")
    neighbors = exact_search(
        _unit(_tokens(encoder, target)), _unit(tokens), min(NUM_NEIGHBORS, h * w), labels=inside.astype(np.int64)
    )
    shares = vote(neighbors, num_classes=2, voting="softmax").shares()[:, 1]
    return shares.reshape(_tokens(encoder, target).shape[:2])


def overlay(square: Image.Image, shares: npt.NDArray[np.float64]) -> Image.Image:
    """The segmented part in colour over a darkened image."""
    alpha = Image.fromarray((shares * 255).round().astype(np.uint8)).resize(square.size, Image.Resampling.BILINEAR)
    grey = Image.blend(square, Image.new("RGB", square.size), 0.55)
    tinted = Image.blend(square, Image.new("RGB", square.size, OVERLAY), 0.25)
    return Image.composite(tinted, grey, alpha)


def _tokens(encoder: Encoder, image: Image.Image) -> torch.Tensor:
    return encoder.patch_tokens(encoder.transform(image).unsqueeze(0))[0].cpu()


def _unit(tokens: torch.Tensor) -> npt.NDArray[np.float32]:
    """(h * w, D) unit rows; a patch without any direction (plain black pixels) gets one of its own."""
    flat = torch.nn.functional.pad(tokens.flatten(0, 1).double(), (0, 1), value=1e-3)
    unit: npt.NDArray[np.float32] = torch.nn.functional.normalize(flat, dim=1).float().numpy()
    return unit
