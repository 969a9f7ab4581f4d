"""K-means leaves: an image's two colour clusters as a soft mask that joins two other images.

The rule of Rodriguez-Munoz et al. 2025 (Shaders KML), for a whole batch at once:

    centres = lexicographically smallest and largest colour of the image
    three times: assign each pixel to the nearer centre (a tie goes to cluster 0); between assignments move the
                 centres to the means of their pixels
    mask = membership of cluster 0, 3x3 box blur, bilinear resize to the image size, 3x3 box blur
    out  = mask * texture_a + (1 - mask) * texture_b

With two centres the nearest-centre test is one linear threshold, ``x . w <= t`` with ``w = c1 - c0`` and
``t = (|c1|^2 - |c0|^2) / 2``, so an assignment costs one small matrix product. Sums of pixel values stay below 2^24 up
to 256 x 256 pixels and are therefore exact in float32, in any order and on any device.

Choices the paper leaves open: blurs repeat the edge pixel, so that a constant mask stays constant; an empty cluster
keeps its centre, so that a one-colour image gives mask 1. Rejected: a library's k-means (one image at a time, random
starts, 20 times slower).

Letters: B batch, H W image size, N = H * W pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from procmem.errors import UserError

NUM_ASSIGNMENTS = 3
PAPER_MASK_SIZE_PX = 256
CHUNK_PIXELS = 1 << 22  # float32 working set of about 100 MB


def leaf_masks(images: torch.Tensor, size_px: int | None = None) -> torch.Tensor:
    """Soft masks of the colour cluster that starts at each image's lexicographically smallest colour.

    Args:
        images: uint8 (B, 3, H, W).
        size_px: side of the square on which pixels are clustered; None clusters at the image's own size, at most
            256 a side; 256 is the paper's.

    Returns:
        float32 (B, 1, H, W) in [0, 1].

    Raises:
        UserError: if the images are not uint8 (B, 3, H, W) or `size_px` is not within 1..256.
    """
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise UserError(f"leaf masks need uint8 images (B, 3, H, W), got {images.dtype} {tuple(images.shape)}")
    H, W = images.shape[-2:]
    if size_px is not None and not 1 <= size_px <= PAPER_MASK_SIZE_PX:
        raise UserError(f"the side on which pixels are clustered must be within 1..{PAPER_MASK_SIZE_PX}, got {size_px}")
    grid = (size_px or min(H, PAPER_MASK_SIZE_PX), size_px or min(W, PAPER_MASK_SIZE_PX))
    chunk = max(1, CHUNK_PIXELS // max(grid[0] * grid[1], H * W))
    masks = [_masks_of_chunk(part, grid) for part in torch.split(images, chunk)]
    return torch.cat(masks) if len(masks) != 1 else masks[0]


def join_by_mask(mask: torch.Tensor, texture_a: torch.Tensor, texture_b: torch.Tensor) -> torch.Tensor:
    """``mask * a + (1 - mask) * b``, rounded half to even.

    Args:
        mask: float32 (B, 1, H, W) in [0, 1].
        texture_a: uint8 (B, 3, H, W), seen where the mask is 1.
        texture_b: uint8 (B, 3, H, W).

    Returns:
        uint8 (B, 3, H, W).

    Raises:
        UserError: if the sizes differ.
    """
    if texture_a.shape != texture_b.shape or mask.shape[-2:] != texture_a.shape[-2:] or len(mask) != len(texture_a):
        sizes = [tuple(tensor.shape) for tensor in (mask, texture_a, texture_b)]
        raise UserError(f"mask and textures must have equal batch and image size, got {sizes}")
    b = texture_b.float()
    return texture_a.float().sub_(b).mul_(mask).add_(b).round_().to(torch.uint8)


def _masks_of_chunk(images: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    pixels = images.float()
    if grid != tuple(images.shape[-2:]):
        pixels = F.interpolate(pixels, size=grid, mode="bilinear", antialias=True).round_()
    members = _cluster_0(pixels.flatten(2)).view(-1, 1, *grid)
    mask = _box_blur(members)
    if grid != tuple(images.shape[-2:]):
        mask = F.interpolate(mask, size=tuple(images.shape[-2:]), mode="bilinear")
    return _box_blur(mask)


def _cluster_0(pixels_B3N: torch.Tensor) -> torch.Tensor:
    """Membership (B, N) of cluster 0, as 0.0 / 1.0, after the third assignment; pixel values are whole numbers."""
    N = pixels_B3N.shape[2]
    code = (pixels_B3N[:, 0] * 256 + pixels_B3N[:, 1]) * 256 + pixels_B3N[:, 2]  # below 2^24: exact in float32
    centre_0, centre_1 = _colour(code.amin(1)), _colour(code.amax(1))
    total = pixels_B3N.sum(2)
    members = _assign(pixels_B3N, centre_0, centre_1)
    for _ in range(NUM_ASSIGNMENTS - 1):
        count_0 = members.sum(1, keepdim=True)
        sum_0 = torch.bmm(pixels_B3N, members.unsqueeze(2)).squeeze(2)
        centre_0 = torch.where(count_0 > 0, sum_0 / count_0.clamp(min=1), centre_0)
        centre_1 = torch.where(count_0 < N, (total - sum_0) / (N - count_0).clamp(min=1), centre_1)
        members = _assign(pixels_B3N, centre_0, centre_1)
    return members


def _assign(pixels_B3N: torch.Tensor, centre_0: torch.Tensor, centre_1: torch.Tensor) -> torch.Tensor:
    direction = centre_1 - centre_0
    threshold = (direction * (centre_0 + centre_1)).sum(1, keepdim=True) / 2
    projection = torch.bmm(direction.unsqueeze(1), pixels_B3N).squeeze(1)
    return (projection <= threshold).float()


def _colour(code: torch.Tensor) -> torch.Tensor:
    """(B,) packed colours to (B, 3)."""
    red = torch.div(code, 65536, rounding_mode="floor")
    green = torch.div(code - red * 65536, 256, rounding_mode="floor")
    return torch.stack([red, green, code - red * 65536 - green * 256], dim=1)


def _box_blur(mask_B1HW: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(F.pad(mask_B1HW, (1, 1, 1, 1), mode="replicate"), 3, stride=1).clamp_(0, 1)
