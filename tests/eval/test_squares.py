"""Labels lie on the pixels that the encoder sees. Run: pytest tests/eval/test_squares.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from eval.squares import square_box, square_of_image, square_of_mask
from pretrain.preprocessing import to_square


def blocks(width: int, height: int, side: int) -> np.ndarray:
    """Labels 0..3 in a pattern of blocks without symmetry."""
    rows, columns = np.arange(height)[:, None] // side, np.arange(width) // side
    return (rows * 3 + columns * 2 + rows * columns) % 4


@pytest.mark.parametrize("square", ["crop", "short_side", "squash"])
@pytest.mark.parametrize("size", [(300, 201), (150, 290), (97, 97)])
def test_the_label_of_a_pixel_is_that_of_its_colour(square: str, size: tuple[int, int]) -> None:
    mask = blocks(*size, 29)
    image = Image.fromarray((mask * 80).astype(np.uint8)).convert("RGB")
    pixels = square_of_image(image, 128, square)
    labels = square_of_mask(mask, 128, square, 128)
    assert pixels.shape == (3, 128, 128)
    seen = (pixels[0].numpy().astype(float) / 80).round()
    edges = np.zeros((128, 128), bool)  # blurred by the resize
    for shift in (-2, -1, 1, 2):
        for axis in (0, 1):
            edges |= np.roll(labels, shift, axis) != labels
    assert (seen == labels)[~edges].all()
    assert (~edges).mean() > 0.5


def test_crop_is_the_square_of_every_encoder_and_boxes_are_where_a_hand_puts_them() -> None:
    image = Image.fromarray(np.random.Generator(np.random.Philox(1)).integers(0, 256, (90, 140, 3)).astype(np.uint8))
    assert torch.equal(square_of_image(image, 56, "crop"), to_square(image, 56))
    assert square_box((200, 100), 224, "squash") == (0, 0, 200, 100)
    assert square_box((200, 100), 50, "short_side") == (50, 0, 100, 100)
    assert square_box((512, 256), 224, "crop") == (144, 16, 224, 224)


def test_squash_keeps_the_whole_image_and_nearest_takes_the_pixel_under_the_centre() -> None:
    mask = np.arange(8).reshape(2, 4)
    assert square_of_mask(mask, 64, "squash", 2).tolist() == [[1, 3], [5, 7]]
    assert square_of_mask(mask, 64, "squash", 4).tolist() == [[0, 1, 2, 3]] * 2 + [[4, 5, 6, 7]] * 2
