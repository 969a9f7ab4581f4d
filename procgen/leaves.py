"""K-means leaves: an image's colour clusters as soft masks that join other images.

The rule of Rodriguez-Munoz et al. 2025 (Shaders KML), for a whole batch at once:

    centres = lexicographically smallest and largest colour of the image
    three times: assign each pixel to the nearest centre (a tie goes to the earlier one); between assignments move the
                 centres to the means of their pixels
    mask = membership of cluster 0, 3x3 box blur, bilinear resize to the image size, 3x3 box blur
    out  = mask * texture_a + (1 - mask) * texture_b

and its extension to K leaves: further centres are, one after the other, the colour farthest from those already there
(a tie goes to the smaller colour), and K masks, which sum to 1, join K textures.

Exact and small: pixels are whole numbers, so sums up to 256 x 256 pixels stay below 2^24 and are exact in float32, in
any order and on any device. With two centres the nearest one is decided by one linear threshold, ``x . w <= t`` with
``w = c1 - c0`` and ``t = (|c1|^2 - |c0|^2) / 2``. Where nothing is resized both blurs are one sum of bytes: a mask is a
count of 81sts. Chunks are as small as the processor's cache.

Choices the paper leaves open: blurs repeat the edge pixel, so that a constant mask stays constant; an empty cluster
keeps its centre, so that a one-colour image gives mask 1. Rejected: a library's k-means (one image at a time, random
starts, 20 times slower); evenly spaced ranks as centres (a sort costs more than all the rest).

Letters: B batch, K leaves, C channels of the colour space, H W image size, N = H * W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import torch
import torch.nn.functional as F

from procgen.colour_spaces import ColourSpace, convert
from procmem.errors import UserError, unknown_name

NUM_ASSIGNMENTS = 3
PAPER_MASK_SIZE_PX = 256
MAX_LEAVES = 16
"""More leaves than this would only be slivers."""
CHUNK_PIXELS = {"cpu": 1 << 18, "other": 1 << 22}
"""Pixels clustered at once: what fits a processor's cache, and what keeps a GPU's working set below some 200 MB."""


def leaf_masks(images: torch.Tensor, size_px: int | None = None, colour_space: ColourSpace = "rgb") -> torch.Tensor:
    """Soft masks of the colour cluster that starts at each image's lexicographically smallest colour.

    The first of two `kmeans_leaves`; `size_px` 256 is the paper's.

    Returns:
        float32 (B, 1, H, W) in [0, 1].
    """
    return kmeans_leaves(images, 2, size_px, colour_space)[:, :1]


def kmeans_leaves(
    images: torch.Tensor, num_leaves: int, size_px: int | None = None, colour_space: ColourSpace = "rgb"
) -> torch.Tensor:
    """Soft masks of an image's K colour clusters.

    Args:
        images: uint8 (B, 3, H, W).
        num_leaves: K, at least 2. An image of fewer colours leaves the last masks empty.
        size_px: side of the square on which pixels are clustered; None clusters at the image's own size, at most
            256 a side; 256 is the paper's.
        colour_space: where distances are measured; rgb is the paper's.

    Returns:
        float32 (B, K, H, W) in [0, 1]; the K masks of a pixel sum to 1.

    Raises:
        UserError: if the images are not uint8 (B, 3, H, W), or a number is out of range.
    """
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise UserError(f"leaf masks need uint8 images (B, 3, H, W), got {images.dtype} {tuple(images.shape)}")
    check_leaves(num_leaves, size_px, colour_space)
    B, _, H, W = images.shape
    grid = (size_px or min(H, PAPER_MASK_SIZE_PX), size_px or min(W, PAPER_MASK_SIZE_PX))
    masks = torch.empty((B, num_leaves, H, W), dtype=torch.float32, device=images.device)
    chunk = max(1, CHUNK_PIXELS["cpu" if images.device.type == "cpu" else "other"] // max(grid[0] * grid[1], H * W))
    for part, out in zip(torch.split(images, chunk), torch.split(masks, chunk), strict=True):
        _write_masks(part, grid, colour_space, out)
    return masks


def check_leaves(num_leaves: int, size_px: int | None, colour_space: str) -> None:
    """Refuse settings out of range.

    Raises:
        UserError: naming the setting, its value and the range.
    """
    if not 2 <= num_leaves <= MAX_LEAVES:
        raise UserError(f"the number of leaves must be within 2..{MAX_LEAVES}, got {num_leaves}")
    if size_px is not None and not 1 <= size_px <= PAPER_MASK_SIZE_PX:
        raise UserError(f"the side on which pixels are clustered must be within 1..{PAPER_MASK_SIZE_PX}, got {size_px}")
    if colour_space not in get_args(ColourSpace):
        raise unknown_name("colour space", colour_space, get_args(ColourSpace))


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
    joined = torch.empty_like(texture_a)
    for part, a, b, out in zip(
        *(torch.split(t, _join_chunk(mask)) for t in (mask, texture_a, texture_b, joined)), strict=True
    ):
        b = b.float()
        out.copy_(a.float().sub_(b).mul_(part).add_(b).round_())
    return joined


def join_leaves(masks: torch.Tensor, textures: Sequence[torch.Tensor]) -> torch.Tensor:
    """``sum_k masks[:, k] * textures[k]``, summed in order, rounded half to even.

    Args:
        masks: float32 (B, K, H, W), summing to 1 over K.
        textures: K tensors, each uint8 (B, 3, H, W).

    Returns:
        uint8 (B, 3, H, W).

    Raises:
        UserError: if the sizes differ or there are not as many textures as masks.
    """
    B, K, H, W = masks.shape
    if len(textures) != K or any(tuple(texture.shape) != (B, 3, H, W) for texture in textures):
        sizes = [tuple(texture.shape) for texture in textures]
        raise UserError(f"{K} masks of shape {tuple(masks.shape)} join {K} textures of equal size, got {sizes}")
    if K == 2:
        return join_by_mask(masks[:, :1], *textures)
    joined = torch.empty_like(textures[0])
    for part, out, *leaves in zip(
        *(torch.split(t, _join_chunk(masks)) for t in (masks, joined, *textures)), strict=True
    ):
        total = leaves[0].float().mul_(part[:, :1])
        for k, leaf in enumerate(leaves[1:], start=1):
            total.addcmul_(leaf.float(), part[:, k : k + 1])
        out.copy_(total.round_().clamp_(0, 255))
    return joined


def _join_chunk(masks: torch.Tensor) -> int:
    pixels = CHUNK_PIXELS["cpu" if masks.device.type == "cpu" else "other"]
    return max(1, pixels // (masks.shape[-1] * masks.shape[-2]))


def _write_masks(images: torch.Tensor, grid: tuple[int, int], colour_space: ColourSpace, out: torch.Tensor) -> None:
    size, K = tuple(images.shape[-2:]), out.shape[1]
    if grid != size:
        resized = F.interpolate(images.float(), size=grid, mode="bilinear", antialias=True)
        images = resized.round_().to(torch.uint8)
    members = _members(convert(images, colour_space).flatten(2).float(), K).view(len(images), -1, *grid)
    if grid == size:
        torch.mul(_box_sum(_box_sum(members)), 1 / 81, out=out[:, : members.shape[1]])
    else:
        resized = F.interpolate(_box_sum(members).float().div_(9), size=size, mode="bilinear")
        out[:, : members.shape[1]] = _box_sum(resized).div_(9).clamp_(0, 1)
    if K == 2:
        torch.sub(1, out[:, :1], out=out[:, 1:])


def _members(pixels_BCN: torch.Tensor, K: int) -> torch.Tensor:
    """0/1 uint8 membership of clusters after the third assignment: (B, K, N), or (B, 1, N) of cluster 0 if K = 2."""
    B, C, N = pixels_BCN.shape
    codes = _dot(_powers(C, pixels_BCN), pixels_BCN)  # below 2^24: exact in float32, ordered as the colours are
    centres = torch.stack([_colour(codes.amin(1), C), _colour(codes.amax(1), C)], dim=1)
    if K == 2:
        return _two_clusters(pixels_BCN, centres).view(B, 1, N)
    centres = _add_farthest(pixels_BCN, codes, centres, K)
    members = _assign(pixels_BCN, centres)
    for _ in range(NUM_ASSIGNMENTS - 1):
        counts = members.sum(2, keepdim=True)
        sums = torch.bmm(members, pixels_BCN.transpose(1, 2))
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
        members = _assign(pixels_BCN, centres)
    return members.to(torch.uint8)


def _two_clusters(pixels_BCN: torch.Tensor, centres_B2C: torch.Tensor) -> torch.Tensor:
    """(B, N) membership of cluster 0."""
    N = pixels_BCN.shape[2]
    centre_0, centre_1 = centres_B2C.unbind(1)
    total = pixels_BCN.sum(2)
    members = _nearer_to_first(pixels_BCN, centre_0, centre_1)
    for _ in range(NUM_ASSIGNMENTS - 1):
        count_0 = members.sum(1, keepdim=True)
        sum_0 = torch.bmm(members.unsqueeze(1), pixels_BCN.transpose(1, 2)).squeeze(1)
        centre_0 = torch.where(count_0 > 0, sum_0 / count_0.clamp(min=1), centre_0)
        centre_1 = torch.where(count_0 < N, (total - sum_0) / (N - count_0).clamp(min=1), centre_1)
        members = _nearer_to_first(pixels_BCN, centre_0, centre_1)
    return members.to(torch.uint8)


def _nearer_to_first(pixels_BCN: torch.Tensor, centre_0: torch.Tensor, centre_1: torch.Tensor) -> torch.Tensor:
    direction = centre_1 - centre_0
    threshold = (direction * (centre_0 + centre_1)).sum(1, keepdim=True) / 2
    return _dot(direction, pixels_BCN).le_(threshold)


def _assign(pixels_BCN: torch.Tensor, centres_BKC: torch.Tensor) -> torch.Tensor:
    """(B, K, N) 0.0 / 1.0; |x - c|^2 without |x|^2, which is the same for every centre."""
    scores = torch.stack(
        [
            _dot(centre, pixels_BCN).mul_(-2).add_(centre.square().sum(1, keepdim=True))
            for centre in centres_BKC.unbind(1)
        ],
        dim=1,
    )
    members = scores.le_(scores.amin(1, keepdim=True))
    taken = members[:, 0].clone()
    for nearest in members.unbind(1)[1:]:
        nearest.addcmul_(nearest, taken, value=-1)  # of equally near centres the first
        taken.add_(nearest)
    return members


def _add_farthest(pixels_BCN: torch.Tensor, codes_BN: torch.Tensor, centres_B2C: torch.Tensor, K: int) -> torch.Tensor:
    """(B, K, C): after the first two, always the colour farthest from its nearest centre, of several the smallest.

    Whole numbers below 2^24 throughout, so that "of several" means what it says.
    """
    centres = list(centres_B2C.unbind(1))
    squares = pixels_BCN.square().sum(1)
    distance = torch.minimum(*(_distance(pixels_BCN, squares, centre) for centre in centres))
    while len(centres) < K:
        nearer = distance < distance.amax(1, keepdim=True)
        centres.append(_colour(codes_BN.masked_fill(nearer, float(1 << 24)).amin(1), pixels_BCN.shape[1]))
        distance = torch.minimum(distance, _distance(pixels_BCN, squares, centres[-1]))
    return torch.stack(centres, dim=1)


def _distance(pixels_BCN: torch.Tensor, squares_BN: torch.Tensor, centre_BC: torch.Tensor) -> torch.Tensor:
    own = centre_BC.square().sum(1, keepdim=True)
    return _dot(centre_BC, pixels_BCN).mul_(-2).add_(squares_BN).add_(own)


def _dot(vectors_BC: torch.Tensor, pixels_BCN: torch.Tensor) -> torch.Tensor:
    """(B, N) products. Not by bmm on a GPU, which a trainer may have told to round its inputs (TF32)."""
    if pixels_BCN.device.type == "cpu":
        return torch.bmm(vectors_BC.unsqueeze(1), pixels_BCN).squeeze(1)
    return (vectors_BC.unsqueeze(2) * pixels_BCN).sum(1)


def _powers(C: int, like: torch.Tensor) -> torch.Tensor:
    """(B, C) of 256^2, 256, 1: a colour as one number."""
    return (256.0 ** torch.arange(C - 1, -1, -1, dtype=like.dtype, device=like.device)).expand(len(like), C)


def _colour(codes: torch.Tensor, C: int) -> torch.Tensor:
    """(B,) colours as numbers to (B, C)."""
    digits = []
    for _ in range(C):
        rest = torch.div(codes, 256, rounding_mode="floor")
        digits.append(codes - rest * 256)
        codes = rest
    return torch.stack(digits[::-1], dim=1)


def _box_sum(values: torch.Tensor) -> torch.Tensor:
    """Sum over 3x3 neighbours, the edge repeated, in the values' own type (0/1 bytes summed twice reach 81)."""
    for axis in (-2, -1):
        length = values.shape[axis]
        total = values.clone()
        total.narrow(axis, 1, length - 1).add_(values.narrow(axis, 0, length - 1))
        total.narrow(axis, 0, length - 1).add_(values.narrow(axis, 1, length - 1))
        for edge in (0, length - 1):
            total.narrow(axis, edge, 1).add_(values.narrow(axis, edge, 1))
        values = total
    return values
