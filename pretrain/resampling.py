"""Crop, resize, flip and blur of a batch of images: each is linear and separable, one pass for each axis.

The weights are those of antialiased bicubic resampling after cropping (PIL, and torchvision with ``antialias=True``):
when a crop is shrunk the kernel widens, so nothing aliases.

On a GPU a view is ``rows @ image @ columns.T``: two dense matrix products (`resample`), into which a blur is multiplied
as a third matrix, without a pass over pixels. On a processor only the few pixels that an output pixel needs are
touched (`resample_sparse`): torch's embedding bag adds weighted rows of a table, and a row of the table is a whole
row of pixels, so nothing is gathered one by one. Measured for 96 -> 32 px: 22 us an image against 46 for the dense
products' first half; for 256 -> 224 px see benchmarks/views.py.

Rejected: affine ``grid_sample``, which aliases when it shrinks; one resize call an image (`interpolate` of uint8 costs
50 us at any small size, and rounds to bytes; it would be the faster one from 96 px on).

Letters: B images, N input size, S output size, H W image size, K taps.
"""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F

BICUBIC_A = -0.5
"""Free parameter of the cubic kernel: PIL's, and torch's when antialiased (Keys 1981)."""
BICUBIC_SUPPORT = 2.0
BLUR_SUPPORT_SIGMAS = 4.0
"""Where the sparse blur ends: beyond lies a share of 6e-5 of the weight, a 60th of what a byte rounds away."""


@dataclasses.dataclass(frozen=True)
class Taps:
    """Sparse weights of one axis: output s of image b is the sum over k of weight[b, s, k] * input[b, index[b, s, k]].

    Attributes:
        index: int64 (B, S, K).
        weight: float32 (B, S, K); sums to 1 over k.
    """

    index: torch.Tensor
    weight: torch.Tensor

    def part(self, some: slice) -> Taps:
        """The taps of some of the images."""
        return Taps(self.index[some], self.weight[some])


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


def crop_taps(
    start: torch.Tensor, length: torch.Tensor, *, input_size: int, output_size: int, flip: torch.Tensor | None = None
) -> Taps:
    """The weights of `crop_weights` without their zeros."""
    output = torch.arange(output_size, dtype=torch.float32).expand(len(start), -1)
    if flip is not None:
        output = torch.where(flip[:, None], output_size - 1 - output, output)
    scale = (length / output_size)[:, None]
    center_BS = start[:, None] + (output + 0.5) * scale
    width = scale.clamp(min=1.0)
    first_BS = torch.maximum((center_BS - BICUBIC_SUPPORT * width).floor(), start[:, None])
    K = math.ceil(2 * BICUBIC_SUPPORT * float(width.max())) + 1
    pixel_BSK = first_BS[..., None] + torch.arange(K, dtype=torch.float32)
    weight = _cubic((pixel_BSK + 0.5 - center_BS[..., None]) / width[..., None])
    weight *= pixel_BSK < (start + length)[:, None, None]
    weight /= weight.sum(-1, keepdim=True)
    return Taps(pixel_BSK.clamp_(max=input_size - 1).long(), weight)


def blur_taps(sigma_px: torch.Tensor, size: int) -> Taps:
    """The weights of `blur_weights` up to four standard deviations."""
    radius = math.ceil(BLUR_SUPPORT_SIGMAS * float(sigma_px.max()))
    offset_K = torch.arange(-radius, radius + 1)
    index_SK = torch.arange(size)[:, None] + offset_K
    is_inside_SK = (index_SK >= 0) & (index_SK < size)
    kernel_BK = torch.exp(offset_K.square() * (-0.5 / sigma_px.square())[:, None])
    weight = kernel_BK[:, None] * is_inside_SK
    weight /= weight.sum(-1, keepdim=True)
    return Taps(index_SK.clamp(0, size - 1).expand(len(sigma_px), -1, -1), weight)


def apply_taps(table: torch.Tensor, taps: Taps) -> torch.Tensor:
    """Weighted sums over the second axis: float32 (B, N, ...) -> (B, S, ...)."""
    B, N = table.shape[:2]
    S, K = taps.index.shape[1:]
    row = taps.index + torch.arange(0, B * N, N)[:, None, None]
    sums = F.embedding_bag(
        row.view(B * S, K), table.reshape(B * N, -1), per_sample_weights=taps.weight.reshape(B * S, K), mode="sum"
    )
    return sums.view(B, S, *table.shape[2:])


def resample_sparse(
    columns_first: torch.Tensor, rows: Taps, columns: Taps, blurred: torch.Tensor, blur: Taps | None
) -> torch.Tensor:
    """Apply taps along both axes, and a blur to some of the images.

    Args:
        columns_first: float32 (B, W, 3, H), contiguous.
        rows: of the vertical axis, (B, S, K).
        columns: of the horizontal axis, (B, S, K).
        blurred: (M,) which images are blurred.
        blur: (M, S, K) taps of both axes; None if M is 0.

    Returns:
        float32 (B, 3, S, S).
    """

    def along(table: torch.Tensor, taps: Taps) -> torch.Tensor:
        table = apply_taps(table, taps)
        if blur is not None:
            table[blurred] = apply_taps(table[blurred], blur)
        return table

    rows_first = along(columns_first, columns).permute(0, 3, 2, 1).contiguous()  # (B, H, 3, S)
    return along(rows_first, rows).permute(0, 2, 1, 3).contiguous()


def _cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution kernel with a = -0.5, zero from distance 2 on."""
    d = distance.abs()
    a = BICUBIC_A
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d < 1, near, far) * (d < BICUBIC_SUPPORT)
