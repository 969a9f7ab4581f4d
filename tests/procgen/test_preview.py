"""Contact sheets: where each pixel lands, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from procgen.preview import contact_sheet, save_sheet
from procmem.errors import UserError


def test_images_are_laid_out_row_by_row_with_white_between():
    images = torch.stack([torch.full((3, 1, 2), value, dtype=torch.uint8) for value in (10, 20, 30)])
    sheet = np.asarray(contact_sheet(images, columns=2, gap_px=1))[..., 0]
    assert sheet.tolist() == [[10, 10, 255, 20, 20], [255] * 5, [30, 30, 255, 255, 255]]


def test_channels_keep_their_order():
    image = torch.tensor([1, 2, 3], dtype=torch.uint8).view(1, 3, 1, 1)
    assert contact_sheet(image, columns=4).getpixel((0, 0)) == (1, 2, 3)


def test_a_png_comes_back_as_it_was_and_nothing_else_is_left_behind(tmp_path):
    sheet = contact_sheet(torch.arange(48, dtype=torch.uint8).view(1, 3, 4, 4), columns=1)
    save_sheet(sheet, tmp_path / "sheet.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), np.asarray(sheet))
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_bad_requests_are_refused(tmp_path):
    images = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    with pytest.raises(UserError, match=r"needs uint8 images \(N, 3, H, W\), got torch.float32"):
        contact_sheet(images.float(), columns=1)
    with pytest.raises(UserError, match="needs uint8 images"):
        contact_sheet(images[:0], columns=1)
    with pytest.raises(UserError, match="columns >= 1"):
        contact_sheet(images, columns=0)
    with pytest.raises(UserError, match=r"saved as \.png, \.jpg, \.jpeg, got 'sheet.gif'"):
        save_sheet(contact_sheet(images, columns=1), tmp_path / "sheet.gif")
