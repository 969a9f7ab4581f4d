"""NIGHTS' table by name and by position. Run: pytest tests/eval/sets/test_nights.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.sets.find_triplets import find_triplets
from procmem.errors import UserError

Picture = Callable[..., Path]
HEAD = "id,left_vote,right_vote,votes,ref_path,left_path,right_path,prompt,is_imagenet,split"
ROWS = (
    "0,1,0,8,ref/000/000.png,distort/000/000_0.png,distort/000/000_1.png,a dog,True,val",
    "1,0,1,6,ref/000/001.png,distort/000/001_0.png,distort/000/001_1.png,a cat,False,val",
    "2,0,1,5,ref/000/002.png,distort/000/002_0.png,distort/000/002_1.png,a cup,False,val",  # too few agree
    "3,0,1,9,ref/000/003.png,distort/000/003_0.png,distort/000/003_1.png,a jar,False,train",
    "4,1,0,7,ref/000/004.png,distort/000/004_0.png,distort/000/004_1.png,a bus,True,test",
    "5,0,1,7,ref/000/005.png,distort/000/005_0.png,distort/000/005_1.png,a car,False,test",
)


@pytest.fixture
def folder(data: Path, picture: Picture) -> Path:
    for row in ROWS:
        for path in row.split(",")[4:7]:
            picture(data / "nights" / path)
    (data / "nights" / "data.csv").write_text("\n".join((HEAD, *ROWS)) + "\n")
    return data / "nights"


def reorder(head: str, rows: tuple[str, ...]) -> str:
    """The same table with its columns backwards."""
    return "\n".join(",".join(reversed(row.split(","))) for row in (head, *rows)) + "\n"


@pytest.mark.parametrize("form", ["official", "other order", "other names"])
def test_columns_are_found_by_name_or_by_place(folder: Path, form: str) -> None:
    if form == "other order":
        (folder / "data.csv").write_text(reorder(HEAD, ROWS))
    if form == "other names":
        other = HEAD.replace("left_vote", "l").replace("votes", "n")
        (folder / "data.csv").write_text("\n".join((other, *ROWS)) + "\n")
    found = find_triplets("nights")
    assert (found.name, found.split, found.names) == ("nights", "val", ("0", "1"))
    assert found.right_share.tolist() == [0.0, 1.0]
    for triplet, number in enumerate(("000", "001")):
        own = [found.uris[role[triplet]] for role in (found.reference, found.left, found.right)]
        assert own == [f"ref/000/{number}.png", f"distort/000/{number}_0.png", f"distort/000/{number}_1.png"]


@pytest.mark.parametrize(
    ("part", "names"),
    [("train", ("3",)), ("test", ("4", "5")), ("test_imagenet", ("4",)), ("test_no_imagenet", ("5",))],
)
def test_parts(folder: Path, part: str, names: tuple[str, ...]) -> None:
    assert folder.is_dir()
    found = find_triplets(f"nights@{part}")
    assert (found.split, found.names) == (part, names)


def test_a_wrong_part_a_missing_image_and_a_wrong_table_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match="unknown variant of nights 'tests'; did you mean 'test'"):
        find_triplets("nights@tests")
    (folder / "distort" / "000" / "001_1.png").unlink()
    with pytest.raises(UserError, match=r"names 1 images that are not there, for example .*001_1\.png"):
        find_triplets("nights")
    (folder / "data.csv").write_text("\n".join((HEAD, ROWS[0].replace(",1,0,8,", ",1,0,many,"))) + "\n")
    with pytest.raises(UserError, match=r"data\.csv': votes must be numbers"):
        find_triplets("nights")
    (folder / "data.csv").write_text("id,ref\n1,x\n")
    with pytest.raises(UserError, match="must have the columns id, left_vote"):
        find_triplets("nights")
