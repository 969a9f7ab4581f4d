"""Names, paths, what is missing and how to get it. Run: pytest tests/eval/sets/test_registry.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.datasets import find_dataset
from eval.sets.catalogue import DATASETS, ENTRIES
from eval.sets.find_masked import find_masked_dataset
from eval.sets.find_triplets import find_triplets
from eval.sets.registry import Available, Missing, availability, describe_dataset
from procmem.errors import UserError

Picture = Callable[..., Path]
DOCS = Path(__file__).parents[3] / "docs" / "datasets.md"
REAL_DATA = Path(os.environ.get("PROCMEM_DATA", "/nonexistent"))  # read before the fixture takes it away


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_set_says_how_to_get_it_when_it_is_missing(data: Path, entry: object) -> None:
    name = getattr(entry, "name")  # noqa: B009
    found = availability(name)
    assert isinstance(found, Missing)
    assert f"PROCMEM_DATA/{DATASETS[name].places[0]}" in found.how_to_get or DATASETS[name].places[0] == "."
    assert "licence: " in found.how_to_get
    assert DATASETS[name].url.startswith("http")
    assert DATASETS[name].url in describe_dataset(name)
    find = {"labelled": find_dataset, "masked": find_masked_dataset, "triplets": find_triplets}[found.kind]
    with pytest.raises(UserError, match=f"data set '{name}' is not here: no folder"):
        find(name)
    assert data.is_dir()


def test_the_table_has_no_name_twice_and_the_page_lists_them_all() -> None:
    assert len(DATASETS) == len(ENTRIES)
    page = DOCS.read_text(encoding="utf-8")
    missing = [entry.name for entry in ENTRIES if f"`{entry.name.partition('mnist_')[0]}" not in page]
    assert not missing


def test_a_known_name_in_a_plain_layout_is_read_as_what_it_is(data: Path, picture: Picture) -> None:
    for split in ("train", "val"):
        picture(data / "cifar10" / split / "cat" / "0.png")
    assert availability("cifar10") == Available(name="cifar10", kind="labelled", folder=data / "cifar10")
    assert find_dataset("cifar10").train.class_names == ("cat",)


def test_an_official_layout_is_recognised_at_any_path(data: Path, picture: Picture) -> None:
    folder = data / "elsewhere" / "birds"
    picture(folder / "images" / "001.Auk" / "a.jpg")
    picture(folder / "images" / "001.Auk" / "b.jpg")
    for file, rows in {
        "images": ["001.Auk/a.jpg", "001.Auk/b.jpg"],
        "image_class_labels": ["1", "1"],
        "train_test_split": ["0", "1"],
        "classes": ["001.Auk"],
    }.items():
        (folder / f"{file}.txt").write_text("".join(f"{number} {row}\n" for number, row in enumerate(rows, 1)))
    assert find_dataset(str(folder)).name == "cub200"


def test_what_is_not_complete_says_what_it_lacks(data: Path, picture: Picture) -> None:
    picture(data / "flowers102" / "jpg" / "image_00001.jpg")
    found = availability("flowers102")
    assert isinstance(found, Missing)
    assert found.reason.endswith("flowers102' has no imagelabels.mat")
    with pytest.raises(UserError, match=r"is not complete: .* has no imagelabels\.mat; in PROCMEM_DATA run: python"):
        find_dataset("flowers102")


def test_without_a_data_folder_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROCMEM_DATA", raising=False)
    found = availability("voc2012")
    assert isinstance(found, Missing)
    assert found.reason == "data set 'voc2012' is not here: PROCMEM_DATA is not set"


def test_another_kind_and_an_unknown_name_are_refused(data: Path) -> None:
    with pytest.raises(UserError, match="data set 'voc2012' is masked, not labelled"):
        find_dataset("voc2012")
    with pytest.raises(UserError, match="unknown data set 'nihgts'; did you mean 'nights'"):
        find_triplets("nihgts")
    with pytest.raises(UserError, match="no image folder at"):
        availability(str(data / "nowhere" / "x"))
    with pytest.raises(UserError, match="unknown data set 'food'"):
        describe_dataset("food")


def test_a_set_that_needs_no_files_is_always_there() -> None:
    assert availability("digits") == Available(name="digits", kind="labelled", folder=None)


REAL_SETS = {
    "bccd-crops3": (1092, 340),
    "cifar10": (5000, 1000),
    "fashion-mnist": (60000, 10000),
    "coco100-semseg": (100, 100),
    "zappos-triplets": (10000, 85),
}


@pytest.mark.parametrize("name", REAL_SETS)
def test_real_sets_have_their_sizes_and_readable_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (REAL_DATA / name).is_dir():
        pytest.skip(f"needs {name} under PROCMEM_DATA")
    monkeypatch.setenv("PROCMEM_DATA", str(REAL_DATA))
    found = availability(name)
    assert isinstance(found, Available)
    if found.kind == "triplets":
        triplets = find_triplets(name)
        assert (len(triplets), len(triplets.uris)) == REAL_SETS[name]
        assert set(triplets.right_share) == {0.0, 1.0}
        assert triplets.image(84).size == (136, 102)
        return
    whole = find_masked_dataset(name) if found.kind == "masked" else find_dataset(name)
    assert (len(whole.train), len(whole.val)) == REAL_SETS[name]
    for images in (whole.train, whole.val):
        for position in (0, len(images) - 1):
            assert min(images.image(position).size) > 0
    if found.kind == "masked":
        masked = find_masked_dataset(f"{name}@fine")
        assert masked.val.label_names[1] == "person"
        assert masked.val.mask(0).shape == masked.val.image(0).size[::-1]
        assert len(find_masked_dataset(name).val.label_names) == 28
