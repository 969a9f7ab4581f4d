"""What a memory is built of and what it is asked about agree: the same classes, levels and names of images.

Run: pytest tests/procmem/test_memory_images.py.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.datasets import find_dataset
from procmem.memory_images import find_images

SPECIES = (
    "00000_Animalia_Arthropoda_Insecta_Lepidoptera_Pieridae_Pieris_brassicae",
    "00001_Plantae_Tracheophyta_Magnoliopsida_Ericales_Ericaceae_Pieris_japonica",
)
LAYOUTS = {
    "omniglot-small": [
        f"images/{character}/0_{drawer:02d}.png"
        for character in ("Greek/character01", "Greek/character02", "Latin/character01")
        for drawer in (1, 2, 20)
    ],
    "inaturalist2021": [f"{split}/{name}/a.png" for split in ("train", "val") for name in SPECIES],
    "grocery81": [f"{split}/{name}/a.png" for split in ("train", "val") for name in ("00_apple", "01_pear", "02_milk")],
    "ninco": [f"{name}/{number}.png" for name in ("Araneus", "amphiuma") for number in range(3)],
    "things": [f"{split}/{name}/a.png" for split in ("train", "val") for name in ("oak", "cat", "dog")],
    "heap@holdout": [f"{name}/{number}.png" for name in ("home/cat", "wood/fox", "wood/owl") for number in range(3)],
}
"""Every layout that has levels or no splits of its own, in its smallest form."""

PLACES = {"ninco": "ninco/NINCO_OOD_classes", "heap@holdout": "heap"}
TABLES = {
    "grocery81": (
        "classes.csv",
        "Class ID (int),Coarse Class Name (str)\n0,Fruit\n1,Fruit\n2,Milk\n",
    ),
    "things": ("levels.csv", "class,kingdom,home\noak,plant,wood\ncat,animal,house\ndog,animal,house\n"),
}
NUM_LEVELS = {"omniglot-small": 1, "inaturalist2021": 6, "grocery81": 1, "ninco": 0, "things": 2, "heap@holdout": 1}


def laid_out(name: str, root: Path) -> None:
    folder = root / PLACES.get(name, name)
    for number, file in enumerate(LAYOUTS[name]):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 4, 3), number, np.uint8)).save(folder / file)
    if name in TABLES:
        (folder / TABLES[name][0]).write_text(TABLES[name][1])


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PROCMEM_DATA."""
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_memory_knows_the_classes_and_levels_that_it_is_asked_about(name: str, data: Path) -> None:
    laid_out(name, data)
    found, asked = find_images(name), find_dataset(name)
    assert found.images.class_names == asked.val.class_names
    assert found.levels == asked.levels
    assert len(found.levels) == NUM_LEVELS[name]
    assert (found.images.name, found.images.uris) == (asked.train.name, asked.train.uris)
    assert not set(found.images.uris) & set(asked.val.uris)


def test_a_heap_without_splits_gives_all_its_images_and_the_classes_of_its_held_out_third(data: Path) -> None:
    laid_out("heap@holdout", data)
    found, asked = find_images("heap"), find_dataset("heap@holdout")
    assert set(found.images.uris) == {*asked.train.uris, *asked.val.uris}
    assert (found.images.class_names, found.levels) == (asked.val.class_names, asked.levels)
    assert found.levels == {"folder": ["home", "wood", "wood"]}
