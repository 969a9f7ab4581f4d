"""Crop, resize, flip and blur of a batch of images as two matrix products.

Each of the four is linear and separable, so a view is ``rows @ image @ columns.T``, and what differs from image to
image is only the pair of matrices. The weights are those of antialiased bicubic resampling after cropping (PIL, and
torchvision with ``antialias=True``): when a crop is shrunk the kernel widens, so nothing aliases. A Gaussian blur is a
third matrix multiplied into both, which costs no pass over pixels.

Cost: 82 million multiply-adds for 256 -> 224 px (2 % of a ViT-S/16 forward pass), far fewer for small crops.
Rejected: affine ``grid_sample``, which aliases when it shrinks; bicubic it is as slow as this on a CPU, bilinear it
is 4x faster but differs from the paper's resampling. One resize call an image: B times the kernel launches.

Letters: B images, N input size, S output size, H W image size.
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
    weights = _cubic(distance) * is_inside[:, None]
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


def _cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution kernel with a = -0.5, zero from distance 2 on."""
    d = distance.abs()
    a = BICUBIC_A
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d < 1, near, far) * (d < BICUBIC_SUPPORT)
