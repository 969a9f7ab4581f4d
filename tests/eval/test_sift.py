"""SIFT words by hand and by behaviour. Run: pytest tests/eval/test_sift.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eval.datasets import find_dataset
from eval.images import LabelledImages
from eval.sift import NUM_POINTS, Sift, fit_words, sift_of_dataset, sift_points
from eval.white_box import load_measured
from procgen.seeds import generator
from procmem.errors import UserError


def texture(seed: int, size: int = 64) -> torch.Tensor:
    """Random boxes: corners for SIFT to find."""
    chance, image = generator(seed, "boxes"), np.full((3, size, size), 128, np.uint8)
    for _ in range(25):
        y, x, h, w = chance.integers(0, size - 12, 2).tolist() + chance.integers(4, 12, 2).tolist()
        image[:, y : y + h, x : x + w] = chance.integers(0, 256)
    return torch.from_numpy(image)


@pytest.fixture
def texture_folder(tmp_path: Path) -> Path:
    for split, first in (("train", 0), ("val", 50)):
        for number in range(6):
            path = tmp_path / "textures" / split / "abc"[number % 3] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(texture(first + number).permute(1, 2, 0).numpy()).save(path)
    return tmp_path / "textures"


def test_words_are_counted_by_their_nearest_centre_by_hand() -> None:
    words = np.zeros((2, 128), np.float32)
    words[1, 0] = 10
    points = np.zeros((4, 128), np.float32)
    points[:, 0] = [1, 4.9, 5.1, 30]
    encoder = Sift(words, dataset="none", image_size_px=64, name="sift:test")
    assert encoder.count_words(points).tolist() == [2, 2, 0]
    assert encoder.count_words(points[:0]).tolist() == [0, 0, 1]


def test_an_embedding_is_the_square_root_of_word_shares() -> None:
    image = texture(1)
    words = sift_points(image)[:3]
    encoder = Sift(words, dataset="none", image_size_px=64, name="sift:test")
    counts = [0.0] * 4
    for point in sift_points(image):
        counts[int(np.argmin([np.linalg.norm(point - word) for word in words]))] += 1
    embedded = encoder.embed(image[None])[0]
    assert embedded.numpy() == pytest.approx(np.sqrt(np.array(counts) / sum(counts)), abs=1e-6)
    flat = encoder.embed(torch.full((1, 3, 64, 64), 90, dtype=torch.uint8))[0]
    assert flat.tolist() == [0, 0, 0, 1]


def test_no_more_points_than_the_strongest() -> None:
    assert 0 < len(sift_points(texture(1))) <= NUM_POINTS


def test_a_turned_image_keeps_its_words(texture_folder: Path) -> None:
    train = find_dataset(str(texture_folder)).train
    encoder = Sift(fit_words(train, 64, num_words=8), dataset="textures", image_size_px=64, name="sift:test")
    images = torch.stack([texture(1), torch.rot90(texture(1), 1, (1, 2)), texture(2), texture(3)])
    similarity = encoder.embed(images) @ encoder.embed(images).T
    assert similarity[0, 1] > similarity[0, 2:].max()


def test_words_come_from_training_images_and_the_provenance_says_so(texture_folder: Path) -> None:
    train = find_dataset(str(texture_folder)).train
    first, again, other = (fit_words(train, 64, num_words=8, seed=seed) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    encoder = Sift(first, dataset="textures/train", image_size_px=64, name="sift:test")
    assert encoder.provenance.real_images is True
    assert "textures/train" in encoder.provenance.notes[0]
    changed = Sift(other, dataset="textures/train", image_size_px=64, name="sift:test")
    assert encoder.card().fingerprint != changed.card().fingerprint


def test_words_are_fitted_once_and_a_damaged_cache_is_made_again(
    texture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("eval.sift.NUM_WORDS", 8)
    calls = []

    def counted(images: LabelledImages, size: int, seed: int = 0) -> np.ndarray:
        calls.append(size)
        return fit_words(images, size, num_words=8, seed=seed)

    monkeypatch.setattr("eval.sift.fit_words", counted)
    first = sift_of_dataset(str(texture_folder), 64)
    again = sift_of_dataset(str(texture_folder), 64)
    assert (first.card().fingerprint, calls) == (again.card().fingerprint, [64])
    sized = load_measured(f"sift:{texture_folder}@64")
    assert (sized.name, sized.card().fingerprint) == (f"sift:{texture_folder}@64", first.card().fingerprint)
    (kept,) = (tmp_path / "cache" / "sift").iterdir()
    kept.write_bytes(b"damaged")
    assert sift_of_dataset(str(texture_folder), 64).card().fingerprint == first.card().fingerprint
    assert calls == [64, 64]
    assert "are damaged and are made again" in capsys.readouterr().err


def test_too_few_points_and_patch_tokens_are_refused(texture_folder: Path, color_folder: Path) -> None:
    with pytest.raises(UserError, match="too few for 150 words"):
        load_measured(f"sift:{color_folder}", image_size_px=32)
    with pytest.raises(UserError, match="no image folder"):
        sift_of_dataset("nowhere/at/all")
    encoder = Sift(np.eye(2, 128, dtype=np.float32), dataset="none", image_size_px=64, name="sift:test")
    with pytest.raises(UserError, match="no patch tokens"):
        encoder.patch_tokens(texture(1)[None])
