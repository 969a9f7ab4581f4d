"""Leaf masks against a slow per-pixel k-means written from the rule, and the degenerate images."""

import itertools

import numpy as np
import pytest
import torch

from procgen.leaves import join_by_mask, leaf_masks
from procmem.errors import UserError


def reference_mask(image):
    """The rule, one image (3, H, W) at a time, pixel by pixel in float64; no resize."""
    _, H, W = image.shape
    pixels = [tuple(int(v) for v in image[:, y, x]) for y in range(H) for x in range(W)]
    centres = [min(pixels), max(pixels)]
    for step in range(3):
        nearest = [
            0
            if sum((p - c) ** 2 for p, c in zip(pixel, centres[0], strict=True))
            <= sum((p - c) ** 2 for p, c in zip(pixel, centres[1], strict=True))
            else 1
            for pixel in pixels
        ]
        if step < 2:
            for j in (0, 1):
                own = [pixel for pixel, cluster in zip(pixels, nearest, strict=True) if cluster == j]
                if own:
                    centres[j] = tuple(sum(channel) / len(own) for channel in zip(*own, strict=True))
    mask = 1.0 - np.array(nearest, dtype=np.float64).reshape(H, W)
    return reference_box_blur(reference_box_blur(mask))


def reference_box_blur(mask):
    H, W = mask.shape
    out = np.zeros_like(mask)
    for y, x, dy, dx in itertools.product(range(H), range(W), (-1, 0, 1), (-1, 0, 1)):
        out[y, x] += mask[min(max(y + dy, 0), H - 1), min(max(x + dx, 0), W - 1)] / 9
    return out


def two_tone(dark, light, size=6):
    image = torch.empty(1, 3, size, size, dtype=torch.uint8)
    image[...] = torch.tensor(light, dtype=torch.uint8).view(1, 3, 1, 1)
    image[..., : size // 2] = torch.tensor(dark, dtype=torch.uint8).view(1, 3, 1, 1)
    return image


def test_masks_equal_the_slow_reference():
    random = np.random.default_rng(0)
    smooth = random.integers(0, 256, (8, 3, 4, 4)).repeat(4, axis=2).repeat(4, axis=3)
    images = np.clip(smooth + random.integers(-30, 30, (8, 3, 16, 16)), 0, 255).astype(np.uint8)
    masks = leaf_masks(torch.from_numpy(images))
    for image, mask in zip(images, masks, strict=True):
        np.testing.assert_allclose(mask[0].numpy(), reference_mask(image), atol=1e-6)


def test_a_two_tone_image_gives_its_dark_half_by_hand():
    mask = leaf_masks(two_tone((10, 0, 0), (200, 255, 255)))[0, 0]
    # One row of the membership is 1 1 1 0 0 0; blurred once 1 1 2/3 1/3 0 0; blurred twice:
    expected = torch.tensor([1, 8 / 9, 6 / 9, 3 / 9, 1 / 9, 0])
    torch.testing.assert_close(mask, expected.expand(6, 6))


def test_the_smallest_colour_is_lexicographic_not_darkest():
    # (0, 255, 255) comes before (1, 0, 0): cluster 0 is the bright cyan half.
    mask = leaf_masks(two_tone((1, 0, 0), (0, 255, 255)))[0, 0]
    assert mask[0, 0] == 0
    assert mask[0, -1] == 1


def test_a_one_colour_image_gives_a_valid_image():
    flat = torch.full((2, 3, 8, 8), 77, dtype=torch.uint8)
    assert torch.equal(leaf_masks(flat), torch.ones(2, 1, 8, 8))
    texture = torch.randint(0, 256, (2, 3, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert torch.equal(join_by_mask(leaf_masks(flat), texture, flat), texture)


def test_a_mask_does_not_depend_on_the_batch_or_the_chunk(monkeypatch):
    images = torch.randint(0, 256, (5, 3, 12, 20), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    together = leaf_masks(images)
    monkeypatch.setattr("procgen.leaves.CHUNK_PIXELS", 2 * 12 * 20)
    assert torch.equal(leaf_masks(images), together)
    assert torch.equal(leaf_masks(images[3:4]), together[3:4])


def test_clustering_at_another_size_keeps_the_regions():
    image = two_tone((10, 20, 30), (220, 210, 200), size=64)
    mask = leaf_masks(image, size_px=256)
    assert mask.shape == (1, 1, 64, 64)
    assert (mask[..., :30] == 1).all()
    assert (mask[..., 34:] == 0).all()


def test_large_images_are_clustered_at_256_px():
    image = two_tone((10, 20, 30), (220, 210, 200), size=300)
    torch.testing.assert_close(leaf_masks(image), leaf_masks(image, size_px=256))


def test_joining_is_a_convex_combination_rounded_to_even():
    mask = torch.tensor([1.0, 0.0, 0.5, 0.75]).view(1, 1, 1, 4)
    a, b = torch.full((1, 3, 1, 4), 101, dtype=torch.uint8), torch.full((1, 3, 1, 4), 200, dtype=torch.uint8)
    assert join_by_mask(mask, a, b)[0, 0, 0].tolist() == [101, 200, 150, 126]  # 150.5 -> 150, 125.75 -> 126


@pytest.mark.parametrize(
    ("images", "size_px", "message"),
    [
        (torch.zeros(2, 3, 4, 4), None, "uint8"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), None, r"\(B, 3, H, W\)"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), 0, r"within 1\.\.256, got 0"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 257, r"within 1\.\.256, got 257"),
    ],
)
def test_bad_images_are_refused(images, size_px, message):
    with pytest.raises(UserError, match=message):
        leaf_masks(images, size_px)


def test_textures_of_other_sizes_are_refused():
    a, b = torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 3, 5, 5, dtype=torch.uint8)
    with pytest.raises(UserError, match="equal batch and image size"):
        join_by_mask(torch.ones(1, 1, 4, 4), a, b)
