"""A place to work in that touches nothing of the user's, the smallest recipe, and a small set of images."""

import numpy as np
import pytest
from PIL import Image

CLASSES = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


@pytest.fixture
def workplace(monkeypatch, tmp_path):
    """An empty current folder, with caches and keys inside it and no data of the user's."""
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PROCMEM_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("PROCMEM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def image_set(tmp_path):
    """The folder "colours": three classes of noisy flat colours, 8 images each in train and 4 in val."""
    return write_image_set(tmp_path / "colours")


@pytest.fixture
def image_set_writer():
    """The function behind `image_set`."""
    return write_image_set


def write_image_set(folder):
    random = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for name, colour in CLASSES.items():
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = np.clip(np.array(colour) + random.normal(0, 25, (20, 20, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    return folder


@pytest.fixture
def small_recipe():
    """Settings that make a recipe one of seconds: six steps of four images."""
    return (
        "process=shaders",
        "image_size_px=16",
        "block_size=8",
        "backbone.options={depth: 1}",
        "crops.global_crop_px=16",
        "crops.local_crop_px=8",
        "crops.num_local_crops=1",
        "head.num_prototypes=16",
        "head.hidden_size=8",
        "head.bottleneck_size=4",
        "optimization.batch_size=4",
        "optimization.images=24",
        "optimization.warmup_images=4",
        "optimization.frozen_prototypes_images=0",
        "log_every_steps=1",
        "checkpoint_every_steps=2",
        "num_workers=0",
    )
