"""Leaf masks against a slow per-pixel k-means written from the rule, and the degenerate images."""

import itertools

import numpy as np
import pytest
import torch

from procgen.colour_spaces import convert
from procgen.leaves import join_by_mask, join_leaves, kmeans_leaves, leaf_masks
from procmem.errors import UserError


def reference_masks(image, num_leaves):
    """The rule, one image (C, H, W) at a time, pixel by pixel in float64; no resize."""
    _, H, W = image.shape
    pixels = [tuple(int(v) for v in image[:, y, x]) for y in range(H) for x in range(W)]
    centres = [min(pixels), max(pixels)]
    while len(centres) < num_leaves:
        nearest = {pixel: min(squared(pixel, centre) for centre in centres) for pixel in pixels}
        centres.append(min(pixel for pixel in pixels if nearest[pixel] == max(nearest.values())))
    for step in range(3):
        clusters = [min(range(num_leaves), key=lambda j: (squared(pixel, centres[j]), j)) for pixel in pixels]
        if step < 2:
            for j in range(num_leaves):
                own = [pixel for pixel, cluster in zip(pixels, clusters, strict=True) if cluster == j]
                if own:
                    centres[j] = tuple(sum(channel) / len(own) for channel in zip(*own, strict=True))
    members = [(np.array(clusters) == j).astype(np.float64).reshape(H, W) for j in range(num_leaves)]
    return np.stack([reference_box_blur(reference_box_blur(member)) for member in members])


def squared(pixel, centre):
    return sum((p - c) ** 2 for p, c in zip(pixel, centre, strict=True))


def reference_mask(image):
    return reference_masks(image, 2)[0]


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
    monkeypatch.setattr("procgen.leaves.CHUNK_PIXELS", {"cpu": 2 * 12 * 20})
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


def patches(seed, count=4, size=12):
    random = np.random.default_rng(seed)
    smooth = random.integers(0, 256, (count, 3, size // 4, size // 4)).repeat(4, axis=2).repeat(4, axis=3)
    noise = random.integers(-30, 30, (count, 3, size, size))
    return torch.from_numpy(np.clip(smooth + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("num_leaves", [2, 3, 5])
def test_general_leaves_equal_the_slow_reference_and_sum_to_one(num_leaves):
    images = patches(num_leaves)
    masks = kmeans_leaves(images, num_leaves)
    for image, mask in zip(images, masks, strict=True):
        np.testing.assert_allclose(mask.numpy(), reference_masks(image, num_leaves), atol=1e-6)
    torch.testing.assert_close(masks.sum(1), torch.ones(4, 12, 12))
    torch.testing.assert_close(kmeans_leaves(images, num_leaves, 20).sum(1), torch.ones(4, 12, 12))


@pytest.mark.parametrize("colour_space", ["luminance", "oklab"])
def test_other_colour_spaces_cluster_the_converted_image(colour_space):
    images = patches(7)
    masks = leaf_masks(images, colour_space=colour_space)
    for image, mask in zip(convert(images, colour_space), masks, strict=True):
        np.testing.assert_allclose(mask[0].numpy(), reference_mask(image), atol=1e-6)
    assert not torch.equal(masks, leaf_masks(images))


def test_oklab_of_known_colours():
    # Ottosson's table: white (1, 0, 0); red (0.628, 0.2249, 0.1258); blue (0.452, -0.0325, -0.3115).
    colours = torch.tensor([[255, 255, 255], [255, 0, 0], [0, 0, 255]], dtype=torch.uint8).view(3, 3, 1, 1)
    expected = [[1, 0.5, 0.5], [0.628, 0.7249, 0.6258], [0.452, 0.4675, 0.1885]]
    found = convert(colours, "oklab").view(3, 3)
    np.testing.assert_allclose(found.numpy(), np.array(expected) * 255, atol=0.6)
    assert convert(colours, "luminance").view(-1).tolist() == [255, 54, 18]


def test_more_leaves_than_colours_leave_the_last_masks_empty():
    masks = kmeans_leaves(two_tone((10, 0, 0), (200, 255, 255)), 5)
    torch.testing.assert_close(masks.sum(1), torch.ones(1, 6, 6))
    assert masks[:, 2:].abs().max() == 0
    assert masks[0, 0, 0, 0] == 1
    assert masks[0, 1, 0, -1] == 1
    flat = torch.full((1, 3, 8, 8), 77, dtype=torch.uint8)
    assert kmeans_leaves(flat, 4)[:, 0].unique().tolist() == [1]


def test_joining_general_leaves_equals_exact_sums():
    masks = kmeans_leaves(patches(1), 4)
    textures = [patches(seed) for seed in range(10, 14)]
    exact = sum(masks[:, k : k + 1].double() * textures[k] for k in range(4))
    assert (join_leaves(masks, textures).double() - exact).abs().max() <= 0.5 + 1e-4
    assert torch.equal(join_leaves(masks, [textures[0]] * 4), textures[0])
    two = kmeans_leaves(patches(2), 2)
    assert torch.equal(join_leaves(two, textures[:2]), join_by_mask(two[:, :1], *textures[:2]))


@pytest.mark.parametrize("num_leaves", [2, 4])
def test_masks_of_many_leaves_do_not_depend_on_batch_or_chunk(monkeypatch, num_leaves):
    images = patches(3, count=7)
    together = kmeans_leaves(images, num_leaves)
    monkeypatch.setattr("procgen.leaves.CHUNK_PIXELS", {"cpu": 1})
    assert torch.equal(kmeans_leaves(images, num_leaves), together)


def test_leaves_out_of_range_are_refused():
    image = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    for num_leaves in (1, 17):
        with pytest.raises(UserError, match=rf"within 2\.\.16, got {num_leaves}"):
            kmeans_leaves(image, num_leaves)
    with pytest.raises(UserError, match="did you mean 'oklab'"):
        kmeans_leaves(image, 2, colour_space="oklap")
    with pytest.raises(UserError, match="join 3 textures"):
        join_leaves(torch.ones(1, 3, 4, 4) / 3, [image, image])
