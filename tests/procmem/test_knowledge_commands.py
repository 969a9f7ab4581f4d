"""The commands about a memory's knowledge. Run: pytest tests/procmem/test_knowledge_commands.py."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from memory.memory import VisualMemory
from procmem.cli import main
from procmem.provenance import EncoderCard, Provenance
from procmem.study_subject import held_out

pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture
def clusters(tmp_path: Path) -> Path:
    """Four far classes of 12 entries, two groups above them, six owners with two entries in each class."""
    rng = np.random.default_rng(0)
    labels, owners = np.repeat(np.arange(4), 12), np.tile(np.arange(12) % 6, 4)
    rows = 4 * np.eye(8)[labels] + 0.5 * rng.standard_normal((48, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    card = EncoderCard(
        name="random:test",
        fingerprint="a" * 64,
        dimension=8,
        preprocessing={},
        provenance=Provenance(real_images=False),
    )
    memory = VisualMemory.create(
        tmp_path / "memory", card, class_names=["a", "b", "c", "d"], levels={"kind": ["x", "x", "y", "y"]}
    )
    memory.add(rows.astype(np.float32), labels, owner=[f"owner {owner}" for owner in owners])
    return tmp_path / "memory"


def test_whole_owners_are_held_out_where_there_are_owners() -> None:
    owners = [f"owner {i % 10}" for i in range(40)]
    flags = held_out(owners, np.random.default_rng(0))
    assert flags.sum() == 8  # a fifth of ten owners, four entries each
    assert {owner for owner, out in zip(owners, flags, strict=True) if out}.isdisjoint(
        {owner for owner, out in zip(owners, flags, strict=True) if not out}
    )
    assert held_out([None, *owners[1:]], np.random.default_rng(0)).sum() == 8  # entries, then: one has no owner


def test_every_study_of_a_small_memory_by_numbers_known_beforehand(
    clusters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["memory", "study", str(clusters), "--k", "3", "--output", "out", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(Path("out/study.json").read_text())
    assert (found["queries"], found["entries"]) == (8, 40)  # one owner of six
    tables = {name: part["table"] for name, part in found.items() if isinstance(part, dict)}
    # Far clusters of 10: the first ten neighbours are right, the other thirty wrong, and nothing needs pruning.
    ranks = {row["rank"]: row["accuracy"] for row in tables["reliability"]}
    assert [ranks[rank] for rank in (1, 5, 10, 20)] == [1, 1, 1, 0]
    assert {row["accuracy, k = 3"] for row in tables["pruning"]} == {1.0}
    assert [row["classes"] for row in tables["classes"]] == [1, 2, 3, 4]
    assert [row["accuracy on all"] for row in tables["classes"]] == [0.25, 0.5, 0.75, 1.0]
    assert [row["accuracy"] for row in tables["samples"]] == [1.0] * len(tables["samples"])
    assert [row["owners"] for row in tables["owners"]] == [1, 2, 3, 4, 5]
    assert tables["levels"][0] == {"examples": 0, "kind": tables["levels"][0]["kind"], "class": 0.0}
    assert tables["levels"][-1] == {"examples": 10, "kind": 1.0, "class": 1.0}
    assert tables["novelty"][0] == {"score": "distance to the nearest", "AUROC": 1.0}
    with Path("out/corruption.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["k = 3"] == "1.0"
    assert float(rows[-1]["k = 1"]) < 1
    assert Path("out/samples.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--studies", "owners"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["owners"] == found["owners"]  # alone or among others


def test_a_sweep_is_printed_and_written(clusters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["memory", "sweep", str(clusters), "--k", "1", "40", "--rules", "plurality", "rank"]
    assert main([*words, "--output", "sweep.csv"]) == 0
    printed = capsys.readouterr().out
    assert "plurality (best on these queries) |   1 | 100.00 ± 0.00" in printed
    assert len(printed.splitlines()) == 2 + 4
    with Path("sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["rule"], row["k"]) for row in rows] == [
        ("plurality", "1"), ("plurality", "40"), ("rank", "1"), ("rank", "40"),
    ]  # fmt: skip
    assert main([*words, "--sensitivity", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2 * (1 + 8)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sweep", "--k", "41"], "each must lie in 1 to 40"),
        (["study", "--k", "40"], "below the 40 entries"),
        (["study", "--k", "3", "--studies", "calibrations"], "did you mean 'calibration'"),
    ],
)
def test_wrong_requests_get_one_line(
    words: list[str], said: str, clusters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", words[0], str(clusters), *words[1:]]) == 2
    assert said in capsys.readouterr().err
