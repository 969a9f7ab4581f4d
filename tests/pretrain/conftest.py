"""A process without OpenGL, and the smallest run that still has every part of a real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pretrain.whitening
from pretrain.checkpoint import load_checkpoint
from pretrain.config import PretrainConfig
from pretrain.whitening import fractals
from procgen.process import Process
from procgen.seeds import generator


class Squares(Process):
    """Images of coloured squares, a pure function of (root seed, block)."""

    image_size_px = 32
    block_size = 32
    program_set_hash = ""

    def __init__(self, version: int = 0) -> None:
        self.version = version

    def block(self, root_seed: int, block_index: int, path: tuple[int | str, ...] = ()) -> torch.Tensor:
        random = generator(root_seed, "squares", self.version, block_index)
        squares = random.integers(0, 256, (self.block_size, 3, 4, 4), dtype=np.uint8)
        return torch.from_numpy(squares).repeat_interleave(8, 2).repeat_interleave(8, 3)

    def recipe(
        self, root_seed: int, block_index: int, image_index: int, path: tuple[int | str, ...] = ()
    ) -> dict[str, Any]:
        return {"operator": "squares"}

    def describe(self) -> dict[str, Any]:
        return {"squares": {"version": self.version}}


TINY_RUN: dict[str, Any] = {
    "image_size_px": 32,
    "block_size": 32,
    "root_seed": 3,
    "backbone": {
        "name": "vit_tiny_patch16_224",
        "patch_size_px": 8,
        "drop_path_rate": 0.3,
        "options": {"depth": 2, "embed_dim": 24, "num_heads": 2},
    },
    "crops": {"global_crop_px": 24, "local_crop_px": 16, "num_local_crops": 2},
    "head": {"hidden_size": 32, "bottleneck_size": 16, "num_prototypes": 40, "use_batch_norm": True},
    "optimization": {
        "images": 12 * 16,
        "batch_size": 16,
        "accumulation": 2,
        "base_learning_rate": 0.01,
        "warmup_images": 3 * 16,
        "frozen_prototypes_images": 2 * 16,
    },
    "precision": "float32",
    "log_every_steps": 2,
    "checkpoint_every_steps": 4,
    "keep_checkpoints": 2,
    "probe_every_steps": 6,
}


def tiny(**changes: Any) -> PretrainConfig:
    """12 steps of two micro-batches of 8 images."""
    return PretrainConfig.from_dict(TINY_RUN | changes)


def two_lanes() -> PretrainConfig:
    """The same for one rank or two, without what each does by itself: drop path, and batch norm on processors."""
    backbone, head = TINY_RUN["backbone"] | {"drop_path_rate": 0.0}, TINY_RUN["head"] | {"use_batch_norm": False}
    return tiny(backbone=backbone, head=head, blocks_per_batch=2)


def two_lanes_contrastive() -> PretrainConfig:
    """The same with the contrastive loss, whose negatives are on both ranks."""
    return PretrainConfig.from_dict(two_lanes().to_dict() | {"loss": {"objective": "contrastive"}})


@pytest.fixture(scope="session")
def tiny_config() -> PretrainConfig:
    return tiny()


@pytest.fixture(scope="session")
def two_lane_config() -> PretrainConfig:
    return two_lanes()


@pytest.fixture(scope="session")
def contrastive_config() -> PretrainConfig:
    return two_lanes_contrastive()


@pytest.fixture(scope="session")
def squares() -> Squares:
    return Squares()


@pytest.fixture(scope="session")
def assert_same_weights() -> Callable[[Path, Path], None]:
    """Compares two checkpoints bit by bit: weights, centre, optimizer."""

    def leaves(value: Any, where: str = "") -> dict[str, Any]:
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            return {k: v for key, item in items for k, v in leaves(item, f"{where}/{key}").items()}
        return {where: value}

    def compare(ours: Path, theirs: Path) -> None:
        first, second = (
            leaves({part: load_checkpoint(path)[part] for part in ("state_dict", "optimizer_states")})
            for path in (ours, theirs)
        )
        assert first.keys() == second.keys()
        assert "/state_dict/loss.center" in first
        for name, value in first.items():
            assert torch.equal(value, second[name]) if torch.is_tensor(value) else value == second[name], name

    return compare


@pytest.fixture
def few_fractals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Whitening with 128 images, 40 directions at most, and a cache of its own."""
    monkeypatch.setattr(pretrain.whitening, "MOST_DIRECTIONS", 40)
    monkeypatch.setattr(pretrain.whitening, "NUM_IMAGES", 128)
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path))
    fractals.cache_clear()
    yield
    fractals.cache_clear()  # or the next test of this process would whiten with few
