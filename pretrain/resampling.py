"""Crop, resize, flip and blur of a batch of images: each is linear and separable, one pass for each axis.

The weights are those of antialiased bicubic resampling after cropping (PIL, and torchvision with ``antialias=True``):
when a crop is shrunk the kernel widens, so nothing aliases.

On a GPU a view is ``rows @ image @ columns.T``: two dense matrix products (`resample`), into which a blur is multiplied
as a third matrix, without a pass over pixels. On a processor only the few pixels that an output pixel needs are
touched (`apply_taps`): torch's embedding bag adds weighted rows of a table, and a row of the table is a whole row of
pixels, so nothing is gathered one by one.

Rejected: affine ``grid_sample``, which aliases when it shrinks; one resize call an image (`interpolate` of uint8 costs
50 us at any small size, and rounds to bytes).

Letters: B images, N input size, S output size, H W image size, K taps.
"""

from __future__ import annotations

import torch

BICUBIC_A = -0.5
"""Free parameter of the cubic kernel: PIL's, and torch's when antialiased (Keys 1981)."""
BICUBIC_SUPPORT = 2.0


def crop_weights(
    start: torch.Tensor, length: torch.Tensor, *, input_size: int, output_size: int, flip: torch.Tensor | None = None
) -> torch.Tensor:
    """Weights that crop one axis and resize it, antialiased bicubic.

    Args:
        start: (B,) first pixel of the crop.
        length: (B,) pixels in the crop; pixels outside it have no weight.
        input_size: N, pixels of the image along this axis.
        output_size: S, pixels wanted.
        flip: (B,) bool, whether the output runs backwards; None for never.

    Returns:
        (B, S, N) float32; every row sums to 1.
    """
    device = start.device
    output = torch.arange(output_size, device=device, dtype=torch.float32).expand(len(start), -1)
    if flip is not None:
        output = torch.where(flip[:, None], output_size - 1 - output, output)
    scale = (length / output_size)[:, None]
    center_BS = start[:, None] + (output + 0.5) * scale
    pixel_N = torch.arange(input_size, device=device, dtype=torch.float32)
    distance = (pixel_N + 0.5 - center_BS[..., None]) / scale.clamp(min=1.0)[..., None]
    is_inside = (pixel_N >= start[:, None]) & (pixel_N < (start + length)[:, None])
    weights = cubic(distance) * is_inside[:, None]
    return weights / weights.sum(-1, keepdim=True)


def blur_weights(sigma_px: torch.Tensor, size: int) -> torch.Tensor:
    """Weights that blur one axis with a Gaussian; at the border it averages over the pixels that are there.

    Args:
        sigma_px: (B,) standard deviation, above 0.
        size: S, pixels along this axis.

    Returns:
        (B, S, S) float32; every row sums to 1.
    """
    pixel = torch.arange(size, device=sigma_px.device, dtype=torch.float32)
    squared_distance = (pixel[:, None] - pixel).square()
    weights = torch.exp(squared_distance * (-0.5 / sigma_px.square())[:, None, None])
    return weights / weights.sum(-1, keepdim=True)


def resample(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Apply one pair of weights to each image: out[b, c] = rows[b] @ images[b, c] @ columns[b].T.

    Args:
        images: float32 (B, 3, H, W).
        rows: (B, S, H) weights of the vertical axis.
        columns: (B, S, W) weights of the horizontal axis.

    Returns:
        float32 (B, 3, S, S).
    """
    B, C, H, W = images.shape
    narrow = torch.bmm(images.reshape(B, C * H, W), columns.transpose(1, 2))
    return torch.matmul(rows[:, None], narrow.view(B, C, H, -1))


def cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution kernel with a = -0.5, zero from distance 2 on."""
    far = (BICUBIC_SUPPORT - distance.abs()).clamp_(min=0)  # 0 beyond the support
    near = (far - 1).clamp_(min=0)  # 0 beyond distance 1
    weight = far.square().mul_(BICUBIC_A * (1 - far))
    return weight.add_(near.square().mul_(3 + 4 * BICUBIC_A - 2 * near))
