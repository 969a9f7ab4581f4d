"""Grad-CAM of a linear probe: which patches speak for its answer.

    importance of a channel = mean over patches of d(logit) / d(token's channel)
    map = max(0, sum over channels of importance * token's channel)

Selvaraju et al. 2017 ("Grad-CAM", arXiv 1610.02391, equations 1 and 2), on the tokens that enter the last attention
block after its first norm: behind it the class token no longer depends on the patches. The logit is the probe's,
through the length normalisation of the embedding. For a backbone that averages its last tokens and a linear head it
is the class activation map of Zhou et al. (2016) but for a factor. Written here because the library for it wraps the
network in hooks of its own for what is one gradient.

Letters: B batch, S image side, h w patch grid, L = h w, D embedding, C classes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from eval.figures import BLUE, CAPTION_LETTERS, INK, RIGHT, VERMILION, WRONG, new_figure, png_bytes, shortened
from eval.linear_probe import Probe
from pretrain.encoder import Encoder
from procmem.errors import UserError


@runtime_checkable
class GradCamEncoder(Protocol):
    """An encoder that can show what its embedding is made of."""

    def embed_from_tokens(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (B, h, w, D') and, with gradient to them, unit-length embeddings (B, D) of uint8 (B, 3, S, S)."""
        ...


def grad_cam(
    encoder: Encoder, images: torch.Tensor, probe: Probe, classes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Maps of what speaks for a class.

    Args:
        encoder: of `GradCamEncoder` kind.
        images: uint8 (B, 3, S, S).
        probe: the linear classifier.
        classes: (B,) the class of each image's map, for example the predicted one.

    Returns:
        (B, h, w) at least 0; all 0 where nothing speaks for the class.

    Raises:
        UserError: if the encoder's embedding is not made of patch tokens.
    """
    if not isinstance(encoder, GradCamEncoder):
        raise UserError(
            f"Grad-CAM needs an encoder whose embedding is made of patch tokens; {encoder.name!r} is none: use a "
            "checkpoint, timm:NAME or random:NAME"
        )
    with torch.enable_grad():
        tokens, embeddings = encoder.embed_from_tokens(images)
        weight = torch.from_numpy(probe.weight[:, classes]).to(embeddings).T
        (gradient,) = torch.autograd.grad((embeddings * weight).sum(), tokens)  # each logit has its own image
    importance = gradient.mean(dim=(1, 2), keepdim=True)
    maps: npt.NDArray[np.float32] = F.relu((importance * tokens.detach()).sum(dim=3)).cpu().numpy()
    return maps


def overlay_sheet(
    images: torch.Tensor, maps: npt.NDArray[np.float32], captions: Sequence[tuple[str, str]]
) -> Image.Image:
    """Images in the first row, below them the same in grey with the map as light, each scaled to its own largest.

    Args:
        images: uint8 (B, 3, S, S).
        maps: (B, h, w).
        captions: class of each image, and the answer that its map is about.
    """
    figure = new_figure(1.4 * len(images), 3.2)
    grid = figure.subplots(2, len(images), squeeze=False, gridspec_kw={"wspace": 0.06, "hspace": 0.16})
    largest = maps.max(axis=(1, 2), keepdims=True)
    scaled = torch.from_numpy(maps / np.maximum(largest, 1e-30))[:, None]
    light = F.interpolate(scaled, size=images.shape[2:], mode="bilinear", align_corners=False)[:, 0].numpy()
    for column, (truth, answer) in enumerate(captions):
        picture = images[column].permute(1, 2, 0).numpy()
        grey = picture.mean(axis=2) / 255
        grid[0, column].imshow(picture)
        grid[1, column].imshow(grey * (0.25 + 0.75 * light[column]), cmap="gray", vmin=0, vmax=1)
        mark, color = (RIGHT, BLUE) if answer == truth else (WRONG, VERMILION)
        about = "" if largest[column] > 0 else "\nnothing speaks for it"
        grid[0, column].set_xlabel(shortened(truth, CAPTION_LETTERS), fontsize=7, color=INK)
        grid[1, column].set_xlabel(f"{mark} {shortened(answer, CAPTION_LETTERS - 2)}{about}", fontsize=7, color=color)
    for panel in grid.ravel():
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set_visible(False)
    grid[0, 0].set_ylabel("image", fontsize=8, color=INK)
    grid[1, 0].set_ylabel("Grad-CAM", fontsize=8, color=INK)
    return Image.open(io.BytesIO(png_bytes(figure)))
