"""Sets with levels above their classes. Run: PROCMEM_DATA=... pytest tests/eval/sets/test_leveled.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.datasets import find_dataset
from eval.sets.levels import with_own_names
from memory.hierarchy import make_levels
from procmem.errors import UserError

Picture = Callable[..., Path]
REAL_DATA = Path(os.environ.get("PROCMEM_DATA", "/nonexistent"))  # read before the fixture takes it away
WHITE = "00000_Animalia_Arthropoda_Insecta_Lepidoptera_Pieridae_Pieris_brassicae"
SMALL = "00001_Animalia_Arthropoda_Insecta_Lepidoptera_Pieridae_Pieris_rapae"
SHRUB = "00002_Plantae_Tracheophyta_Magnoliopsida_Ericales_Ericaceae_Pieris_japonica"


@pytest.fixture
def species(data: Path, picture: Picture) -> Path:
    folder = data / "inaturalist2021"
    for number, name in enumerate((WHITE, SMALL, SHRUB)):
        picture(folder / "train" / name / "a.jpg", number)
        picture(folder / "val" / name / "b.jpg", 10 + number)
    picture(folder / "train_mini" / WHITE / "a.jpg", 0)
    picture(folder / "train_mini" / SMALL / "a.jpg", 0)
    picture(folder / "train_mini" / SHRUB / "c.jpg", 9)
    return folder


def test_species_have_six_levels_above_them(species: Path) -> None:
    found = find_dataset("inaturalist2021")
    assert found.train.class_names == ("Pieris brassicae", "Pieris rapae", "Pieris japonica")
    assert list(found.levels) == ["kingdom", "phylum", "class", "order", "family", "genus"]
    assert found.levels["kingdom"] == ["Animalia", "Animalia", "Plantae"]
    # a genus of butterflies and one of shrubs share a name: two groups all the same
    assert found.levels["genus"] == ["Pieris (Pieridae)", "Pieris (Pieridae)", "Pieris (Ericaceae)"]
    levels = make_levels(found.train.class_names, found.levels)
    assert levels[-1].labels(found.val.labels).tolist() == [0, 0, 1]
    assert int(np.asarray(found.val.image(2))[0, 0, 0]) == 12
    assert find_dataset("inaturalist2021@mini").train.uris[2] == f"train_mini/{SHRUB}/c.jpg"


def test_a_folder_that_tells_no_taxonomy_is_named(species: Path, picture: Picture) -> None:
    picture(species / "train" / "odd" / "x.jpg")
    with pytest.raises(UserError, match=r"NUMBER and seven names, received \['odd'\]"):
        find_dataset("inaturalist2021")


def test_a_name_below_two_groups_is_told_apart_on_every_level() -> None:
    levels = {"top": ["A", "A", "B"], "middle": ["x", "y", "x"], "low": ["m", "n", "m"]}
    assert with_own_names(levels) == {
        "top": ["A", "A", "B"],
        "middle": ["x (A)", "y", "x (B)"],
        "low": ["m (x (A))", "n", "m (x (B))"],
    }


def test_levels_of_a_folder_come_from_its_table(data: Path, picture: Picture) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog", "oak"):
            picture(data / "things" / split / name / "x.png")
    table = data / "things" / "levels.csv"
    table.write_text("class,kingdom,home\noak,plant,forest\ndog,animal,house\ncat,animal,house\n")
    assert find_dataset("things").levels == {
        "kingdom": ["animal", "animal", "plant"],
        "home": ["house", "house", "forest"],
    }
    table.write_text("class,kingdom\noak,plant\ndog,animal\n")
    with pytest.raises(UserError, match=r"must have a row for each class .* no row for cat"):
        find_dataset("things")


@pytest.mark.skipif(not (REAL_DATA / "grocery81").is_dir(), reason="needs grocery81 under PROCMEM_DATA")
def test_real_groceries_know_their_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCMEM_DATA", str(REAL_DATA))
    found = find_dataset("grocery81")
    kinds = dict(zip(found.train.class_names, found.levels["kind"], strict=True))
    assert (len(found.train), len(found.val), len(kinds)) == (1296, 810, 81)
    assert (kinds["00_golden-delicious"], kinds["09_lime"], kinds["41_arla-standard-milk"]) == ("Apple", "Lime", "Milk")


@pytest.mark.skipif(not (REAL_DATA / "omniglot-small").is_dir(), reason="needs omniglot-small under PROCMEM_DATA")
def test_no_real_drawer_is_in_both_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCMEM_DATA", str(REAL_DATA))
    found = find_dataset("omniglot-small")
    train, val = ({uri[-6:-4] for uri in own.uris} for own in (found.train, found.val))
    assert (train, val) == ({f"{i:02d}" for i in range(1, 15)}, {f"{i:02d}" for i in range(15, 21)})
    assert (len(found.train), len(found.val)) == (242 * 14, 242 * 6)
    assert len(set(found.levels["alphabet"])) == 8
