"""Tables of triplets: votes, names, missing files. Run: pytest tests/eval/sets/test_triplet_table.py."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.sets.find_triplets import find_triplets
from eval.sets.triplet_table import triplet_table
from procmem.errors import UserError

TABLE = "id,ref,left,right,left_vote,right_vote\n7,c.png,a.png,b.png,1,3\n9,a.png,b.png,c.png,2,0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data" / "shoes"
    (root / "images").mkdir(parents=True)
    for level, name in enumerate("abc"):
        Image.new("L", (2, 2), level).save(root / "images" / f"{name}.png")
    (root / "triplets.csv").write_text(TABLE)
    (root / "triplets_full.csv.gz").write_bytes(gzip.compress((TABLE + "11,b.png,a.png,c.png,0,1\n").encode()))
    return root


def test_roles_and_vote_shares_by_hand(folder: Path) -> None:
    found = triplet_table(folder)
    assert found.names == ("7", "9")
    assert found.uris == ("images/a.png", "images/b.png", "images/c.png")
    assert (found.reference.tolist(), found.left.tolist(), found.right.tolist()) == ([2, 0], [0, 1], [1, 2])
    assert found.right_share.tolist() == [0.75, 0.0]
    assert np.asarray(found.image(2)).max() == 2


def test_the_packed_table_and_the_name_under_procmem_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCMEM_DATA", str(folder.parent))
    assert len(find_triplets("shoes")) == 2
    assert find_triplets("shoes@full").right_share.tolist() == [0.75, 0.0, 1.0]


def test_missing_images_are_counted_and_named(folder: Path) -> None:
    (folder / "images" / "b.png").unlink()
    with pytest.raises(UserError, match=r"names 1 images that are not there, for example '.*images/b\.png'"):
        triplet_table(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TABLE.replace("9,", "7,"), "must name each triplet once; it has 2 with 1 names"),
        (TABLE.replace(",2,0", ",0,0"), "votes must be 0 or more, and some for each triplet"),
        (TABLE.replace("left_vote", "vote"), "cannot read id, ref, left, right, left_vote, right_vote"),
        (TABLE.replace(",2,0", ",two,0"), "cannot read"),
        (TABLE.splitlines()[0] + "\n", "it has 0 with 0 names"),
    ],
)
def test_a_wrong_table_is_refused(folder: Path, content: str, message: str) -> None:
    (folder / "triplets.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        triplet_table(folder)
