"""Patch tokens on disk: the encoder's own, resumable, bounded. Run: pytest tests/eval/test_extract_patches.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from eval import extract_patches as module
from eval.extract_patches import extract_patches, patches_path
from eval.images import CorruptImageError, LabelledImages
from eval.sets.class_folders import read_class_folders
from pretrain.pixel_encoders import Histogram, Pixels
from procmem.errors import UserError


class CountingPixels(Pixels):
    """Pixels that count forward passes, and are interrupted at one of them."""

    def __init__(self, at: int = -1) -> None:
        super().__init__(image_size_px=16)
        self.passes, self.at = 0, at

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        if self.passes == self.at:
            raise KeyboardInterrupt
        self.passes += 1
        return super().patch_tokens(images)


@pytest.fixture
def images(color_folder: Path) -> LabelledImages:
    return read_class_folders(color_folder).train


def reference(images: LabelledImages) -> np.ndarray:
    encoder = Pixels(image_size_px=16)
    own = [encoder.patch_tokens(encoder.transform(images.image(i))[None])[0].numpy() for i in range(len(images))]
    return np.stack(own).astype(np.float16)


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_tokens_equal_the_encoders_own_in_half_precision(images: LabelledImages, batch_size: int, cache: bool) -> None:
    found = extract_patches(Pixels(image_size_px=16), images, batch_size=batch_size, cache=cache)
    assert found.tokens.dtype == np.float16
    assert np.array_equal(found.tokens, reference(images))
    assert (found.uris, found.positions.tolist()) == (images.uris, list(range(12)))
    assert isinstance(found.tokens, np.memmap) == cache
    assert (found.path is None) != cache


def test_the_second_time_is_read_from_disk(images: LabelledImages) -> None:
    encoder = CountingPixels()
    first, second = (extract_patches(encoder, images, batch_size=5) for _ in range(2))
    assert encoder.passes == 3
    assert (first.from_cache, second.from_cache) == (False, True)
    assert np.array_equal(first.tokens, second.tokens)
    assert (second.seconds, second.path) == (first.seconds, first.path)
    with pytest.raises(ValueError, match="read-only"):
        second.tokens[0] = 0


@pytest.mark.parametrize("note_seconds", [0.0, 1e9])
def test_an_interrupted_extraction_continues_where_it_stood(
    color_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], note_seconds: float
) -> None:
    monkeypatch.setattr(module, "NOTE_SECONDS", note_seconds)
    (color_folder / "train" / "blue" / "1.png").write_bytes(b"no image")
    images = read_class_folders(color_folder).train
    with pytest.raises(KeyboardInterrupt):
        extract_patches(CountingPixels(at=2), images, batch_size=3, on_corrupt="skip")
    encoder = CountingPixels()
    found = extract_patches(encoder, images, batch_size=3, on_corrupt="skip")
    assert encoder.passes == 2
    assert "continues behind 6 of 12 images" in capsys.readouterr().err
    kept = [0, *range(2, 12)]
    assert found.positions.tolist() == kept
    assert np.array_equal(found.tokens, reference(images.select(np.array(kept))))
    with pytest.raises(CorruptImageError, match=r"train/blue/1\.png"):
        extract_patches(encoder, images)


@pytest.mark.parametrize("damage", ["note", "tokens", "other shape"])
def test_damaged_files_are_made_again_with_a_warning(
    images: LabelledImages, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    encoder = CountingPixels()
    path = extract_patches(encoder, images).path
    assert path is not None
    if damage == "note":
        path.with_suffix(".json").write_text("{")
    elif damage == "tokens":
        path.write_bytes(path.read_bytes()[:90])
    else:
        note = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps(note | {"shape": [4, 4, 5]}))
    assert np.array_equal(extract_patches(encoder, images).tokens, reference(images))
    assert encoder.passes == 2
    assert "are damaged and are made again" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "message"), [(torch.nan, "NaN or infinite"), (1e5, "too large for half precision")])
def test_tokens_that_cannot_be_kept_are_named(images: LabelledImages, value: float, message: str) -> None:
    class Broken(Pixels):
        def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
            tokens = super().patch_tokens(images).clone()
            tokens[1, 0, 0, 0] = value
            return tokens

    with pytest.raises(UserError, match=rf"patch tokens that are {message} for train/blue/1\.png"):
        extract_patches(Broken(image_size_px=16), images)


def test_an_encoder_without_patch_tokens_and_a_set_without_images_are_refused(
    color_folder: Path, images: LabelledImages
) -> None:
    with pytest.raises(UserError, match="encoder 'histogram' has no patch tokens"):
        extract_patches(Histogram(image_size_px=16), images)
    for path in (color_folder / "train").rglob("*.png"):
        path.write_bytes(b"no image")
    broken = read_class_folders(color_folder).train
    with pytest.raises(UserError, match="none of the 12 images of colors/train is readable"):
        extract_patches(Pixels(image_size_px=16), broken, on_corrupt="skip")
    with pytest.raises(UserError, match="batch_size and num_threads must be at least 1"):
        extract_patches(Pixels(image_size_px=16), images, batch_size=0)


def test_other_images_and_other_encoders_have_other_files(images: LabelledImages) -> None:
    few = images.select(np.arange(3))
    paths = [patches_path(Pixels(image_size_px=size), own) for size in (16, 32) for own in (images, few)]
    assert len(set(paths)) == 4
