"""Patch tokens as colours: per image, the first three principal components, each scaled to [0, 1].

The picture and the segmentation score of the papers (protocols: PCA R2) both start here. Axes come from one batched
eigen-decomposition of the token covariances instead of one scikit-learn fit an image. A component's sign is free;
it is fixed (largest loading positive), so that a picture is the same on every machine.

Letters: B batch, h w patch grid, L = h * w tokens, D embedding.
"""

from __future__ import annotations

import torch

from procmem.errors import UserError

NUM_COMPONENTS = 3


def pca_colors(tokens: torch.Tensor) -> torch.Tensor:
    """Colours of the patches of each image.

    Args:
        tokens: (B, h, w, D) patch tokens of any floating type.

    Returns:
        (B, h, w, 3) float32 in [0, 1]; a component without any spread is 0.5 everywhere.

    Raises:
        UserError: if the tokens are not (B, h, w, D) or not finite.
    """
    if tokens.ndim != 4:
        raise UserError(f"patch tokens must be (B, h, w, D), received shape {tuple(tokens.shape)}")
    if not torch.isfinite(tokens).all():
        raise UserError("patch tokens hold NaN or infinite values")
    B, h, w, D = tokens.shape
    centred = tokens.reshape(B, h * w, D).double()
    centred = centred - centred.mean(dim=1, keepdim=True)
    axes = _principal_axes(centred)
    components = torch.nn.functional.pad(centred @ axes, (0, NUM_COMPONENTS - axes.shape[2]))
    low, high = components.amin(dim=1, keepdim=True), components.amax(dim=1, keepdim=True)
    spread = high - low
    has_spread = spread > 1e-9 * centred.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-300)
    scaled = torch.where(has_spread, (components - low) / spread.clamp(min=1e-300), 0.5)
    return scaled.reshape(B, h, w, NUM_COMPONENTS).float()


def _principal_axes(centred: torch.Tensor) -> torch.Tensor:
    """(B, D, min(D, 3)) unit axes of centred tokens (B, L, D), largest variance first, largest loading positive."""
    _, vectors = torch.linalg.eigh(centred.transpose(1, 2) @ centred)  # ascending eigenvalues
    axes = vectors[:, :, -NUM_COMPONENTS:].flip(2)
    largest = axes.abs().argmax(dim=1, keepdim=True)
    directed: torch.Tensor = axes * axes.gather(1, largest).sign()
    return directed
