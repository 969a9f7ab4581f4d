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

import dataclasses
import functools
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
    start: torch.Tensor, length: torch.Tensor, flip: torch.Tensor, *, input_size: int, output_size: int
) -> Taps:
    """The weights of `crop_weights` without their zeros, on the host.

    But for its start, a crop is given by its length: the taps of all lengths are made once and looked up.

    Args:
        start: int64 (B,) first pixel of the crop.
        length: int64 (B,) pixels in the crop.
        flip: bool (B,) whether the output runs backwards.
        input_size: N.
        output_size: S.
    """
    K = math.ceil(2 * BICUBIC_SUPPORT * max(1.0, int(length.max()) / output_size)) + 1
    all_lengths = _taps_of_all_lengths(input_size, output_size, K)
    row = 2 * length + flip
    index = all_lengths.index.index_select(0, row)
    return Taps(index.add_(start[:, None, None]), all_lengths.weight.index_select(0, row))


@functools.lru_cache(maxsize=16)
def _taps_of_all_lengths(input_size: int, output_size: int, K: int) -> Taps:
    """Rows 2 n and 2 n + 1: K taps of the first n pixels of an axis, forwards and backwards (one for n too large)."""
    length = torch.arange(input_size + 1, dtype=torch.float32).clamp_(min=1)
    scale = (length / output_size)[:, None]
    center_NS = (torch.arange(output_size) + 0.5) * scale
    width = scale.clamp(min=1.0)
    first_NS = (center_NS - BICUBIC_SUPPORT * width).floor_().clamp_(min=0)
    pixel_NSK = first_NS[..., None] + torch.arange(K)
    weight = _cubic((pixel_NSK + 0.5 - center_NS[..., None]) / width[..., None])
    weight *= pixel_NSK < length[:, None, None]
    weight /= weight.sum(-1, keepdim=True)
    index = pixel_NSK.minimum(length[:, None, None] - 1).long()
    return Taps(*(torch.stack([taps, taps.flip(1)], 1).flatten(0, 1) for taps in (index, weight)))


def blur_taps(sigma_px: torch.Tensor, size: int) -> Taps:
    """The weights of `blur_weights` up to four standard deviations."""
    radius = math.ceil(BLUR_SUPPORT_SIGMAS * float(sigma_px.max())) if len(sigma_px) else 0
    offset_K = torch.arange(-radius, radius + 1)
    index_SK = torch.arange(size)[:, None] + offset_K
    is_inside_SK = ((index_SK >= 0) & (index_SK < size)).float()
    kernel_BK = torch.exp(offset_K.square() * (-0.5 / sigma_px.square())[:, None])
    total_BS = kernel_BK @ is_inside_SK.T
    weight = kernel_BK[:, None] * is_inside_SK
    return Taps(index_SK.clamp_(0, size - 1).expand(len(sigma_px), -1, -1), weight.div_(total_BS[..., None]))


def apply_taps(table: torch.Tensor, taps: Taps, image: torch.Tensor | None = None) -> torch.Tensor:
    """Weighted sums over the second axis of a table.

    Args:
        table: float32 (B, N, ...).
        taps: (n, S, K).
        image: int64 (n,) which of the B each of the n is made of; None for each of its own.

    Returns:
        float32 (n, S, ...).
    """
    N = table.shape[1]
    n, S, K = taps.index.shape
    first = torch.arange(0, n * N, N) if image is None else image * N
    row = taps.index + first[:, None, None]
    sums = F.embedding_bag(
        row.view(n * S, K), table.flatten(2).flatten(0, 1), per_sample_weights=taps.weight.view(n * S, K), mode="sum"
    )
    return sums.view(n, S, *table.shape[2:])


def _cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution kernel with a = -0.5, zero from distance 2 on."""
    far = (BICUBIC_SUPPORT - distance.abs()).clamp_(min=0)  # 0 beyond the support
    near = (far - 1).clamp_(min=0)  # 0 beyond distance 1
    weight = far.square().mul_(BICUBIC_A * (1 - far))
    return weight.add_(near.square().mul_(3 + 4 * BICUBIC_A - 2 * near))
