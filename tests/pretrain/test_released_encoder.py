"""The encoder that comes with procmem: what it says of itself, and that its numbers are those that were measured.

The golden embedding was made by `procmem:tiny` itself on an x86-64 processor; float32 sums differ by some 1e-6 between
machines, the stored weights not at all.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from pretrain.encoder import load_encoder
from pretrain.shipped import shipped_encoders

GOLDEN = Path(__file__).with_name("released_encoder.json")
MOST_BYTES = 50_000_000


def gradient(size_px: int) -> torch.Tensor:
    """A picture anyone can make again: red from left to right, green downwards, a blue disc."""
    y, x = np.mgrid[0:size_px, 0:size_px] / (size_px - 1)
    disc = (x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.09
    pixels = np.stack([255 * x, 255 * y, 200 * disc])
    return torch.from_numpy(pixels.round().astype(np.uint8))[None]


def test_it_has_seen_no_real_image_and_says_what_real_images_had_a_say_in() -> None:
    provenance = load_encoder("procmem:tiny").provenance
    assert provenance.real_images is False
    assert provenance.images_seen == json.loads(GOLDEN.read_text())["images_seen"]
    assert any("looked at real images" in note for note in provenance.notes)


def test_its_embeddings_are_those_that_were_measured() -> None:
    golden = json.loads(GOLDEN.read_text())
    encoder = load_encoder("procmem:tiny")
    assert encoder.image_size_px == golden["image_size_px"]
    embedding = encoder.embed(gradient(encoder.image_size_px))[0].numpy()
    np.testing.assert_allclose(embedding, golden["embedding"], atol=1e-4)


def test_all_shipped_encoders_together_stay_small() -> None:
    sizes = [file.stat().st_size for folder in shipped_encoders().values() for file in folder.iterdir()]
    assert 0 < sum(sizes) < MOST_BYTES
