"""Files that a stranger may have made: pictures come in small and upright, everything else is one sentence."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from eval.explorer import uploads
from eval.explorer.uploads import KEPT_SIDE_PX, read_picture, take_upload
from procmem.errors import UserError


def png_of_size(width, height):
    """A PNG whose header promises any size; a few bytes long."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_text_file_named_jpg_is_no_picture(tmp_path):
    (tmp_path / "holiday.jpg").write_text("dear diary")
    with pytest.raises(UserError, match=r"'holiday\.jpg' is no picture"):
        read_picture(tmp_path / "holiday.jpg")


@pytest.mark.parametrize("size", [(20_000, 10_000), (9_000, 9_000)])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(tmp_path, size):
    (tmp_path / "wall.png").write_bytes(png_of_size(*size))
    with pytest.raises(UserError, match=r"'wall.png' has .* largest picture is 50 megapixels"):
        read_picture(tmp_path / "wall.png")


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 100)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)).save(tmp_path / "big.png")
    with pytest.raises(UserError, match="largest upload"):
        read_picture(tmp_path / "big.png")


def test_a_cut_picture_is_damaged(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cut.jpg")
    content = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"'cut\.jpg' is damaged"):
        read_picture(tmp_path / "cut.jpg")


def test_formats_that_run_programs_are_not_opened(tmp_path):
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(UserError, match="no picture"):
        read_picture(tmp_path / "page.eps")


def test_a_large_photograph_comes_in_small_upright_and_rgb(tmp_path):
    image = Image.new("RGB", (3000, 1500), "blue")
    exif = image.getexif()
    exif[0x0112] = 6  # taken with the camera turned
    image.save(tmp_path / "photo.jpg", exif=exif)
    taken = read_picture(tmp_path / "photo.jpg")
    assert taken.size == (KEPT_SIDE_PX // 2, KEPT_SIDE_PX)
    assert taken.mode == "RGB"
    assert not taken.getexif()


def test_an_upload_is_deleted_once_read_also_if_it_is_refused(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no")
    assert take_upload(tmp_path / "a.png", tmp_path).getpixel((0, 0)) == (255, 255, 255)
    with pytest.raises(UserError):
        take_upload(tmp_path / "b.png", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_outside_the_uploads_is_refused_and_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "mine.png")
    (tmp_path / "run" / "link.png").symlink_to(tmp_path / "mine.png")
    for path in (tmp_path / "mine.png", tmp_path / "run" / ".." / "mine.png", tmp_path / "run" / "link.png"):
        with pytest.raises(UserError, match="not an upload"):
            take_upload(path, tmp_path / "run")
    assert (tmp_path / "mine.png").is_file()
