"""Search indexes from the command line."""

import json

import numpy as np
import pytest

from memory import approximate
from memory.memory import VisualMemory
from procmem.cli import main
from procmem.provenance import EncoderCard, Provenance

pytestmark = pytest.mark.usefixtures("workplace")


def test_an_index_is_built_reported_brought_up_to_date_and_erased(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(approximate, "RECALL_QUERIES", 20)
    card = EncoderCard(
        name="random:x", fingerprint="a" * 64, dimension=8, preprocessing={}, provenance=Provenance(real_images=False)
    )
    rows = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    memory = VisualMemory.create(tmp_path / "m", card, class_names=["cat"])
    memory.add(rows[:100], np.zeros(100, int))
    assert main(["memory", "index", "m"]) == 0
    assert capsys.readouterr().out.startswith("hnsw: 100 entries, recall@10 1.0000 +- 0.0000 against exact search")
    memory.add(rows[100:], np.zeros(300, int))
    assert main(["memory", "index", "m", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["entries"]) == ("hnsw", 400)
    assert told["recall"]["value"] > 0.9
    assert main(["memory", "index", "m", "--kind", "ivfpq"]) == 2
    assert "400 entries are too few" in capsys.readouterr().err
    assert (tmp_path / "m/derived/search-index-hnsw/index.npz").is_file()
    assert main(["memory", "erase", "m", "--ids", "3"]) == 0
    assert not list((tmp_path / "m/derived").rglob("*.npz"))


def test_a_search_by_an_approximate_engine_says_its_recall(image_set, tmp_path, capsys):
    assert main(["memory", "build", "--dataset", "colours", "--encoder", "pixels", "--output", "m"]) == 0
    search = ["memory", "search", "m", "--images", "colours/train/red/0.png", "--k", "3", "--json"]
    capsys.readouterr()
    assert main(search) == 0
    exact = capsys.readouterr()
    assert main([*search, "--engine", "hnsw"]) == 0
    approximate_answer = capsys.readouterr()
    assert json.loads(approximate_answer.out) == json.loads(exact.out)
    assert "found 100.0% of the true neighbours" in approximate_answer.err
    assert main([*search, "--engine", "hnws"]) == 2
    assert "hnsw" in capsys.readouterr().err
