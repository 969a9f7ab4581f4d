"""Embeddings, cards and a private configuration folder for the tests of the memory.

Letters: N rows, D embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from procmem.provenance import EncoderCard, Provenance

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture(autouse=True)
def _private_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCMEM_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))  # an erasure reaches what lies there
    monkeypatch.delenv("PROCMEM_KEY", raising=False)


@pytest.fixture
def unit_rows() -> MakeUnitRows:
    """(N, D) random float32 rows of length 1, a function of the seed."""

    def make(N: int, D: int, seed: int = 0) -> npt.NDArray[np.float32]:
        rows = np.random.default_rng(seed).standard_normal((N, D))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    return make


@pytest.fixture
def card() -> EncoderCard:
    return EncoderCard(
        name="random:test",
        fingerprint="a" * 64,
        dimension=16,
        preprocessing={"image_size_px": 8},
        provenance=Provenance(real_images=False),
    )


@pytest.fixture
def memory(tmp_path: Path, card: EncoderCard) -> VisualMemory:
    """An empty memory of three classes."""
    return VisualMemory.create(tmp_path / "memory", card, class_names=["cat", "dog", "owl"])
