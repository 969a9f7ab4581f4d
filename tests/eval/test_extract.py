"""Extraction: equal to a plain loop, cached, honest about bad images. Run: pytest tests/eval/test_extract.py."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eval import extract as extract_module
from eval.extract import Embeddings, cache_path, extract
from eval.images import CorruptImageError
from eval.sets.class_folders import read_class_folders
from eval.sets.masked import MaskedImages
from pretrain.embedding import unit_length
from pretrain.pixel_encoders import Pixels
from procmem.errors import UserError


class CountingPixels(Pixels):
    """Pixels that count forward passes and remember the threads that decoded."""

    def __init__(self) -> None:
        super().__init__(image_size_px=16)
        self.passes = 0
        self.threads: set[str] = set()

    def transform(self, image: Image.Image) -> torch.Tensor:
        self.threads.add(threading.current_thread().name)
        return super().transform(image)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        return super().embed(images)


def same(first: Embeddings, second: Embeddings) -> bool:
    return (
        np.array_equal(first.values, second.values)
        and np.array_equal(first.labels, second.labels)
        and first.uris == second.uris
        and np.array_equal(first.positions, second.positions)
        and first.skipped == second.skipped
    )


@pytest.mark.parametrize(("batch_size", "num_threads"), [(1, 1), (5, 2), (64, None)])
def test_batches_and_threads_change_nothing(color_folder: Path, batch_size: int, num_threads: int | None) -> None:
    images, encoder = read_class_folders(color_folder).train, Pixels(image_size_px=16)
    expected = [encoder.embed(encoder.transform(images.image(i))[None])[0].numpy() for i in range(len(images))]
    found = extract(encoder, images, batch_size=batch_size, num_threads=num_threads, cache=False)
    assert np.allclose(found.values, np.stack(expected), atol=1e-7)
    assert found.values.dtype == np.float32
    assert found.uris == images.uris
    assert found.labels.tolist() == images.labels.tolist()
    assert found.positions.tolist() == list(range(12))
    assert found.cache_path is None


def test_the_second_time_is_read_from_the_cache_and_equals_the_first(color_folder: Path) -> None:
    images, encoder = read_class_folders(color_folder).train, CountingPixels()
    first = extract(encoder, images, batch_size=5)
    second = extract(encoder, images, batch_size=5)
    assert encoder.passes == 3
    assert all(name.startswith("decode") for name in encoder.threads)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert same(first, second)
    assert second.cache_path == first.cache_path
    assert first.cache_path is not None
    # what an audit for erased embeddings relies on: the bytes lie open in the file
    assert first.values[7].tobytes() in first.cache_path.read_bytes()


def test_changed_images_and_another_encoder_are_not_taken_from_the_cache(color_folder: Path) -> None:
    images, encoder = read_class_folders(color_folder).train, CountingPixels()
    first = extract(encoder, images)
    Image.new("RGB", (9, 9), "white").save(color_folder / "train" / "blue" / "0.png")
    changed = extract(encoder, read_class_folders(color_folder).train)
    assert encoder.passes == 2
    assert not np.array_equal(first.values[0], changed.values[0])
    assert np.array_equal(first.values[1:], changed.values[1:])
    assert extract(Pixels(image_size_px=32), images).cache_path not in (first.cache_path, changed.cache_path)


@pytest.mark.parametrize("damage", ["cut", "text", "shape"])
def test_a_damaged_cache_file_is_made_again_with_a_warning(
    color_folder: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    images, encoder = read_class_folders(color_folder).train, CountingPixels()
    first = extract(encoder, images)
    path = first.cache_path
    assert path is not None
    content = path.read_bytes()
    if damage == "shape":
        with np.load(path) as file:
            fields = dict(file)
        np.savez(path, **(fields | {"values": fields["values"][:, :5]}))
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"nothing")
    assert same(extract(encoder, images), first)
    assert encoder.passes == 2
    assert "warning: cached embeddings" in capsys.readouterr().err
    assert extract(encoder, images).from_cache


def test_a_corrupt_image_stops_or_is_left_out_by_name(color_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (color_folder / "train" / "green" / "1.png").write_bytes(b"no image")
    images, encoder = read_class_folders(color_folder).train, Pixels(image_size_px=16)
    with pytest.raises(CorruptImageError, match=r"train/green/1\.png"):
        extract(encoder, images)
    for _ in range(2):  # computed, then from the cache
        found = extract(encoder, images, on_corrupt="skip")
        assert found.positions.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
        assert found.labels.tolist() == [0] * 4 + [1] * 3 + [2] * 4
        assert "left out 1 unreadable images: train/green/1.png" in capsys.readouterr().err
    with pytest.raises(CorruptImageError, match=r"train/green/1\.png"):
        extract(encoder, images)  # what was skipped before is still fatal where it should be


def test_a_set_without_one_readable_image_is_refused(color_folder: Path) -> None:
    for path in (color_folder / "val").rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match="none of the 6 images of colors/val is readable"):
        extract(Pixels(image_size_px=16), read_class_folders(color_folder).val, on_corrupt="skip")


def test_an_image_without_direction_is_named(color_folder: Path) -> None:
    class ZeroForRed(Pixels):
        def embed(self, images: torch.Tensor) -> torch.Tensor:
            is_red = images[:, 0].float().mean((1, 2)) > 200
            return unit_length(torch.where(is_red[:, None], 0.0, 1.0).expand(-1, 768), "half blind")

    Image.new("RGB", (20, 20), "red").save(color_folder / "train" / "blue" / "2.png")
    images = read_class_folders(color_folder).train.select(np.arange(8))
    with pytest.raises(UserError, match=r"train/blue/2\.png: encoder 'half blind' gave zero embeddings"):
        extract(ZeroForRed(image_size_px=16), images, batch_size=5)


def test_settings_out_of_range_are_refused(color_folder: Path) -> None:
    images, encoder = read_class_folders(color_folder).train, Pixels(image_size_px=16)
    with pytest.raises(UserError, match="batch_size and num_threads must be at least 1, received 0"):
        extract(encoder, images, batch_size=0)
    with pytest.raises(UserError, match="on_corrupt must be 'fail' or 'skip', received 'ignore'"):
        extract(encoder, images, on_corrupt="ignore")  # type: ignore[arg-type]


class Interrupted(CountingPixels):
    """Pixels that are interrupted from the keyboard at one forward pass."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        if self.passes == self.at:
            raise KeyboardInterrupt
        return super().embed(images)


@pytest.mark.parametrize("part_seconds", [0.0, 1e9])
def test_an_interrupted_extraction_continues_where_it_stood(
    color_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], part_seconds: float
) -> None:
    monkeypatch.setattr(extract_module, "PART_SECONDS", part_seconds)
    (color_folder / "train" / "blue" / "1.png").write_bytes(b"no image")
    images = read_class_folders(color_folder).train
    with pytest.raises(KeyboardInterrupt):
        extract(Interrupted(at=3), images, batch_size=3, on_corrupt="skip")
    assert "interrupted behind 9 of 12 images" in capsys.readouterr().err or part_seconds == 0.0
    assert not cache_path(CountingPixels(), images).is_file()
    encoder = CountingPixels()
    found = extract(encoder, images, batch_size=3, on_corrupt="skip")
    assert encoder.passes == 1
    assert "continues behind 9 of 12 images" in capsys.readouterr().err
    assert same(found, extract(Pixels(image_size_px=16), images, batch_size=3, on_corrupt="skip", cache=False))
    assert found.positions.tolist() == [0, *range(2, 12)]
    folder = cache_path(encoder, images).parent
    assert sorted(path.name.partition(".")[2] for path in folder.iterdir()) == ["images.json", "npz"]


def test_a_damaged_part_ends_what_is_taken_over(
    color_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extract_module, "PART_SECONDS", 0.0)
    images = read_class_folders(color_folder).train
    with pytest.raises(KeyboardInterrupt):
        extract(Interrupted(at=3), images, batch_size=3)
    parts = sorted(cache_path(CountingPixels(), images).with_suffix(".parts").iterdir())
    assert [path.name for path in parts] == [f"{i:09d}-{i + 3:09d}.npz" for i in (0, 3, 6)]
    parts[1].write_bytes(parts[1].read_bytes()[:50])
    encoder = CountingPixels()
    found = extract(encoder, images, batch_size=3)
    assert encoder.passes == 3
    assert "the images from 3 on are embedded again" in capsys.readouterr().err
    assert same(found, extract(Pixels(image_size_px=16), images, batch_size=3, cache=False))


def test_features_that_are_not_numbers_are_named_and_leave_no_cache(color_folder: Path) -> None:
    class Broken(Pixels):
        def embed(self, images: torch.Tensor) -> torch.Tensor:
            return unit_length(torch.full((len(images), 768), torch.nan), "broken")

    images = read_class_folders(color_folder).train
    with pytest.raises(UserError, match=r"train/blue/0\.png.*: encoder 'broken' gave NaN or infinite embeddings"):
        extract(Broken(image_size_px=16), images)
    assert not cache_path(Broken(image_size_px=16), images).is_file()


def test_images_without_labels_are_embedded_too(color_folder: Path) -> None:
    images = read_class_folders(color_folder).train
    masked = MaskedImages(
        name="colors",
        split="train",
        label_names=("nothing",),
        uris=images.uris,
        paths=tuple(color_folder / uri for uri in images.uris),
        read_mask=lambda position: np.zeros((1, 1), np.int64),
        positions=np.arange(len(images)),
    )
    found = extract(Pixels(image_size_px=16), masked)
    assert np.array_equal(found.values, extract(Pixels(image_size_px=16), images).values)
    assert found.labels.tolist() == [-1] * 12
    assert extract(Pixels(image_size_px=16), masked.subset(2)).uris == masked.subset(2).uris
