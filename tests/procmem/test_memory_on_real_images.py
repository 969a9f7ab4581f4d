"""The round trip on real images: build with levels or owners, query, take a person out, erase, prove the bytes gone.

Needs the folders grocery81 and omniglot-small under PROCMEM_DATA; skipped elsewhere.
Run: PROCMEM_DATA=... pytest tests/procmem/test_memory_on_real_images.py.
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from eval.datasets import find_dataset
from eval.extract import extract
from memory.memory import VisualMemory
from memory.receipt import Receipt, verify_receipt
from pretrain.encoder import load_encoder
from procmem.cli import main

DATA = Path(os.environ.get("PROCMEM_DATA", "/nonexistent"))


def needs(name):
    return pytest.mark.skipif(not (DATA / name).is_dir(), reason=f"needs {name} under PROCMEM_DATA")


@pytest.fixture
def place(workplace, monkeypatch):
    monkeypatch.setenv("PROCMEM_DATA", str(DATA))
    return workplace


def bytes_of(folder):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@needs("grocery81")
def test_groceries_are_known_by_product_and_by_kind(place, capsys):
    with (DATA / "grocery81" / "classes.csv").open(newline="") as file:
        kinds = {int(row["Class ID (int)"]): row["Coarse Class Name (str)"] for row in csv.DictReader(file)}
    dataset = find_dataset("grocery81")
    with (place / "levels.csv").open("w", newline="") as file:
        rows = [(name, kinds[int(name.split("_")[0])]) for name in dataset.train.class_names]
        csv.writer(file).writerows([("class", "kind"), *rows])
    build = ["memory", "build", "--dataset", "grocery81", "--encoder", "histogram", "--output", "m"]
    assert main([*build, "--levels", "levels.csv", "--precision", "float16"]) == 0
    memory = VisualMemory.open(place / "m")
    assert (len(memory), len(memory.class_names), len(memory.levels[0].class_names)) == (1296, 81, 43)
    queries = extract(load_encoder("histogram"), dataset.val, cache=False)
    of_classes = memory.classify(queries.values, 5).predictions == queries.labels
    kinds_of_queries = memory.levels[0].labels(queries.labels)
    of_kinds = memory.classify(queries.values, 5, level="kind").predictions == kinds_of_queries
    assert 0.06 < of_classes.mean() < of_kinds.mean()  # chance is 0.012 and 0.05
    apples = memory.select(label="Apple")
    assert {memory.class_names[label].split("_")[0] for label in memory.entries.labels[apples]} <= {
        f"{i:02d}" for i, kind in kinds.items() if kind == "Apple"
    }
    stored = memory.entries.embeddings[apples].astype(np.float16)
    receipt = memory.erase(apples)
    verify_receipt(receipt)
    assert receipt.found_before == len(apples)
    twins = {tuple(row) for row in memory.entries.embeddings.tolist()}
    for content in bytes_of(place / "m"):
        for row in stored:
            assert row.tobytes() not in content or tuple(row.astype(np.float32).tolist()) in twins
    capsys.readouterr()


@needs("omniglot-small")
def test_a_drawer_leaves_the_memory_without_a_trace(place, capsys):
    build = ["memory", "build", "--dataset", "omniglot-small/images", "--encoder", "pixels", "--output", "m"]
    assert main([*build, "--owner", r"_(\d+)\.png$"]) == 0
    memory = VisualMemory.open(place / "m")
    assert (len(memory), len(memory.class_names)) == (4840, 242)
    assert len(memory.levels[0].class_names) == 8  # alphabets
    drawn_by_07 = memory.select(owner="07")
    assert len(drawn_by_07) == 242
    rows = memory.entries.embeddings[drawn_by_07]
    assert (memory.search(rows, 1).ids[:, 0] == drawn_by_07).mean() > 0.99
    capsys.readouterr()
    assert main(["memory", "remove", "m", "--owner", "07", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 4598
    memory.refresh()
    assert not np.isin(memory.search(rows, 20).ids, drawn_by_07).any()
    assert main(["memory", "erase", "m", "--owner", "07", "--json"]) == 0
    receipt = Receipt.from_dict(json.loads(capsys.readouterr().out))
    verify_receipt(receipt)
    assert (receipt.found_before, len(receipt.erased)) == (242, 242)
    memory.refresh()
    twins = {row.tobytes() for row in memory.entries.embeddings}
    for content in bytes_of(place / "m"):
        for row in rows:
            assert row.tobytes() not in content or row.tobytes() in twins
    assert set(memory.owners()) == {f"{drawer:02d}" for drawer in range(1, 21) if drawer != 7}


@needs("omniglot-small")
def test_drawers_are_audited_in_a_memory_that_was_built_by_the_same_name(place, capsys):
    build = ["memory", "build", "--dataset", "omniglot-small", "--encoder", "pixels", "--output", "m"]
    assert main([*build, "--owner", r"_(\d+)\.png$"]) == 0
    capsys.readouterr()
    audit = [
        "audit",
        "groups",
        "--memory",
        "m",
        "--dataset",
        "omniglot-small",
        "--by",
        "owner",
        "--max_queries",
        "300",
        "--json",
    ]
    assert main(audit) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["memory_size"], told["num_queries"]) == (14 * 242, 300)
    (found,) = told["audits"]
    assert sorted(row["group"] for row in found["groups"]) == [f"{drawer:02d}" for drawer in range(1, 15)]
    assert {row["num_entries"] for row in found["groups"]} == {242}
