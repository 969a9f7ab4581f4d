"""The encoders that come with procmem. Run: pytest tests/pretrain/test_shipped.py (kNN: with PROCMEM_DATA)."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from eval.datasets import find_dataset
from eval.extract import extract
from memory.search import exact_search
from pretrain.encoder import load_encoder
from pretrain.shipped import shipped_encoders

MOST_BYTES = 50 * 10**6
NETWORK = "procmem:shaders-tiny"


def test_every_shipped_encoder_says_what_it_has_seen_and_all_are_small() -> None:
    encoders = shipped_encoders()
    assert "shaders-tiny" in encoders
    assert sum(file.stat().st_size for folder in encoders.values() for file in folder.iterdir()) < MOST_BYTES
    for name, folder in encoders.items():
        record = load_encoder(f"procmem:{name}").provenance
        assert record.real_images is False
        assert record.images_seen
        assert record.processes
        assert any("choices that looked at real images" in note for note in record.notes)
        assert json.loads((folder / "config.json").read_text())["procmem"]["precision"] == "float16"
        assert "## Results" in (folder / "README.md").read_text()


@pytest.mark.skipif("PROCMEM_DATA" not in os.environ, reason="needs omniglot-small under PROCMEM_DATA")
def test_it_reads_handwriting_better_than_the_same_network_untrained() -> None:
    """35 characters: 14 drawers are the memory, 6 ask; chance is 2.9 %."""
    dataset = find_dataset("omniglot-small")
    memory, queries = dataset.train.select(np.arange(35 * 14)), dataset.val.select(np.arange(35 * 6))
    accuracies = {}
    for spec in (NETWORK, f"random:{shipped_encoders()['shaders-tiny']}"):
        encoder = load_encoder(f"{spec}@64+grid4~1")
        entries, asked = (extract(encoder, images, cache=False) for images in (memory, queries))
        neighbors = exact_search(asked.values, entries.values, 1, labels=entries.labels)
        accuracies[spec] = float((neighbors.labels[:, 0] == asked.labels).mean())
    trained, untrained = accuracies.values()
    assert trained > untrained + 0.04
