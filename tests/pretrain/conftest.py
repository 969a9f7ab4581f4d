"""A process without OpenGL, and the smallest run that still has every part of a real one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pretrain.config import PretrainConfig
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


@pytest.fixture
def tiny_config() -> PretrainConfig:
    """12 steps of two micro-batches of 8 images."""
    return PretrainConfig.from_dict(TINY_RUN)


@pytest.fixture
def squares() -> Squares:
    return Squares()
