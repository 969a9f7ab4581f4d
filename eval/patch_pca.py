"""Patch tokens as colours: per image, the first three principal components, each scaled to [0, 1].

The pictures and the segmentation scores of the papers (protocols: PCA R2) both start here. The papers upsample the
tokens bilinearly before they take components. Upsampling is a matrix U whose rows sum to 1, so the upsampled tokens
U X have the mean m = mean(U) X and the scatter (X - m)' U'U (X - m), and their components are U (X - m) axes: only
three channels are ever upsampled. Three axes of several hundred come from a block Lanczos iteration on products with
the tokens, with a checked error; images that it does not settle (nearly equal variances) are decomposed in full.
Which of the few leading directions come first is decided in float64, so a close call is not left to float32.

A component's sign is free; it is fixed (largest loading positive), so that a picture is the same on every machine.

Letters: B batch, h w patch grid, L = h * w tokens, D embedding, G side of the upsampled grid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from procgen.seeds import generator
from procmem.errors import UserError

NUM_COMPONENTS = 3
_BLOCK, _STEPS = 16, 5
"""Vectors a Lanczos step, and steps: enough for the tokens of trained and untrained transformers of 384 dimensions."""
_KEPT = 16
"""Leading directions among which float64 decides."""
_SMALLEST_ITERATED = 2 * _BLOCK * _STEPS
"""Up to this D a full eigen-decomposition is as fast."""
_LARGEST_ANGLE = 3e-5
"""Between an axis and the kept directions, by residual over gap (Davis and Kahan 1970), in radians."""
_START_SEED = 20


def pca_colors(tokens: torch.Tensor, grid: int | None = None) -> torch.Tensor:
    """Colours of the patches of each image.

        for each image: upsample its tokens to G x G, fit a PCA on the G * G rows, scale each component to [0, 1]

    Args:
        tokens: (B, h, w, D) patch tokens of any floating type.
        grid: G, bilinear as `torch.nn.functional.interpolate` does it (pixel centres); None leaves h x w as it is.

    Returns:
        (B, G, G, 3) float32 in [0, 1], or (B, h, w, 3); a component without any spread is 0.5 everywhere.

    Raises:
        UserError: if the tokens are not (B, h, w, D) or not finite, or the grid is below 1.
    """
    if tokens.ndim != 4:
        raise UserError(f"patch tokens must be (B, h, w, D), received shape {tuple(tokens.shape)}")
    if grid is not None and grid < 1:
        raise UserError(f"grid must be at least 1, received {grid}")
    h, w = tokens.shape[1:3]
    rows, columns = _upsampling(h, grid or h, tokens.device), _upsampling(w, grid or w, tokens.device)
    tokens = tokens.float()
    mean = _along_axes(tokens, rows.mean(0, keepdim=True), columns.mean(0, keepdim=True))
    if not torch.isfinite(mean).all():  # NaN and infinity spread to the mean; the tokens are read once
        raise UserError("patch tokens hold NaN or infinite values")
    centred = tokens - mean
    places = _along_axes(_leading_components(centred, rows, columns).float(), rows, columns)
    places = F.pad(places, (0, NUM_COMPONENTS - places.shape[3]))
    low, high = places.amin(dim=(1, 2), keepdim=True), places.amax(dim=(1, 2), keepdim=True)
    spread = high - low
    # float32 centring leaves 1e-7 of a token that is the same everywhere
    has_spread = spread > 1e-6 * mean.abs().amax(dim=3, keepdim=True)
    return torch.where(has_spread, (places - low) / spread.clamp(min=1e-30), 0.5)


def _upsampling(size: int, grid: int, device: torch.device) -> torch.Tensor:
    """(grid, size) float64 matrix of one axis of the bilinear interpolation; rows sum to 1."""
    identity = torch.eye(size, dtype=torch.float64, device=device)
    return F.interpolate(identity[None], size=grid, mode="linear", align_corners=False)[0].T


def _leading_components(centred: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """(B, h, w, min(D, 3)) float64: tokens along the axes of the upsampled ones, largest variance first.

    An axis points to where its largest loading is positive.
    """
    leading = _leading_subspace(centred, rows, columns)
    inside = (centred.flatten(1, 2) @ leading).reshape(*centred.shape[:3], -1).double()
    _, vectors = torch.linalg.eigh(_scatter(inside, rows, columns))
    vectors = vectors[:, :, -NUM_COMPONENTS:].flip(2)
    axes = leading.double() @ vectors
    signs = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()
    components: torch.Tensor = inside @ (vectors * signs)[:, None]
    return components


def _scatter(centred: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """(B, D, D) sums of products over the upsampled places, X' U'U X, of (B, h, w, D)."""
    weighted = _along_axes(centred, rows.T @ rows, columns.T @ columns)
    return centred.flatten(1, 2).transpose(1, 2) @ weighted.flatten(1, 2)


def _along_axes(values: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """(B, h, w, D) by a matrix for each axis, (G, h) and (W, w): (B, G, W, D)."""
    B, h, w, D = values.shape
    down = rows.to(values.dtype) @ values.reshape(B, h, w * D)
    across: torch.Tensor = columns.to(values.dtype) @ down.reshape(B, len(rows), w, D)
    return across


def _leading_subspace(centred: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """(B, D, S) float32 orthonormal directions that hold the three leading axes of the upsampled tokens."""
    if centred.shape[3] <= _SMALLEST_ITERATED:
        return _decomposed(centred, rows, columns)
    found, is_settled = _block_lanczos(centred, rows, columns)
    if not is_settled.all():
        found[~is_settled] = _decomposed(centred[~is_settled], rows, columns)
    return found


def _decomposed(centred: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    whole: torch.Tensor = torch.linalg.eigh(_scatter(centred, rows, columns).double()).eigenvectors
    return whole[:, :, -_KEPT:].float()


def _block_lanczos(
    centred: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The leading directions (B, D, _KEPT) that a Krylov space of few products knows, and whether (B,) it knows enough.

    for each step: multiply the newest block by the scatter, take out what is known, orthonormalise: the next block
    """
    B, h, w, D = centred.shape
    flat, weights = centred.flatten(1, 2), (rows.T @ rows, columns.T @ columns)

    def product(block: torch.Tensor) -> torch.Tensor:
        weighted = _along_axes((flat @ block).reshape(B, h, w, -1), *weights).flatten(1, 2)
        return (weighted.transpose(1, 2).contiguous() @ flat).transpose(1, 2)

    chance = torch.from_numpy(generator(_START_SEED, "block lanczos", D).standard_normal((D, _BLOCK)))
    newest = torch.linalg.qr(chance.to(centred)).Q.expand(B, D, _BLOCK)
    basis, products = newest, product(newest)
    for _ in range(_STEPS - 1):
        newest = products[:, :, -_BLOCK:]
        for _ in range(2):  # twice is enough (Kahan): once leaves what rounding brought back
            newest = newest - basis @ (basis.transpose(1, 2) @ newest)
        newest = torch.linalg.qr(newest).Q
        basis, products = torch.cat([basis, newest], 2), torch.cat([products, product(newest)], 2)
    values, vectors = torch.linalg.eigh(basis.transpose(1, 2) @ products)
    values, vectors = values[:, -_KEPT:], vectors[:, :, -_KEPT:]
    directions = basis @ vectors
    residuals = (products @ vectors - directions * values[:, None]).norm(dim=1)[:, -NUM_COMPONENTS:]
    gaps = values[:, -NUM_COMPONENTS, None] - values[:, :1]
    return directions, (residuals <= _LARGEST_ANGLE * gaps).all(dim=1)
