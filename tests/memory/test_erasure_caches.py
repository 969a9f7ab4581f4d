"""An erasure takes along what the cache holds of the same images. Run: pytest tests/memory/test_erasure_caches.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from procmem.extraction_cache import files_made_from, index_extraction
from procmem.files import cache_root

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


@pytest.fixture
def filled(memory: VisualMemory, unit_rows: MakeUnitRows) -> VisualMemory:
    """Entries 0..3 are faces/a..d, entry 4 is a stranger's without a name."""
    uris = ["a.png", "b.png", "c.png", "d.png", None]
    memory.add(unit_rows(5, 16), np.zeros(5, int), uri=uris, dataset=["faces"] * 4 + [None])
    return memory


def cached(folder: str, key: str, dataset: str, uris: list[str], *names: str) -> list[Path]:
    """An index and the files beside it."""
    index_extraction(folder, key, dataset, uris)
    paths = [cache_root() / folder / f"{key}{name}" for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"features")
    return [cache_root() / folder / f"{key}.images.json", *paths]


def test_embeddings_parts_and_patch_tokens_of_an_erased_image_go_and_are_listed(filled: VisualMemory) -> None:
    gone = [
        *cached("embeddings", "one", "faces", ["a.png", "b.png"], ".npz", ".parts/0-2.npz"),
        *cached("patches", "two", "faces", ["b.png"], ".npy", ".json"),
    ]
    kept = [
        *cached("embeddings", "three", "faces", ["c.png"], ".npz"),
        *cached("embeddings", "four", "flowers", ["b.png"], ".npz"),  # another data set's b.png
    ]
    receipt = filled.erase([1])
    assert set(receipt.artefacts_deleted) == {str(path) for path in gone}
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert filled.erase([4]).artefacts_deleted == ()  # an entry without a name has no image to look for


def test_a_removed_entry_is_still_known_by_its_image(filled: VisualMemory) -> None:
    paths = cached("patches", "two", "faces", ["d.png"], ".npy", ".json")
    filled.remove([3])
    filled.erase([3])
    assert not any(path.exists() for path in paths)


def test_a_killed_erasure_takes_the_cache_along_when_it_is_completed(
    filled: VisualMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = cached("embeddings", "one", "faces", ["a.png"], ".npz")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("memory.artefacts.ArtefactRegistry.delete_made_from", killed)
        with pytest.raises(KeyboardInterrupt):
            filled.erase([0])
    assert all(path.exists() for path in paths)
    receipt = VisualMemory.open(tmp_path / "memory").resume_erasure()
    assert not any(path.exists() for path in paths)
    assert set(receipt.artefacts_deleted) >= {str(path) for path in paths}


def test_a_file_without_an_index_counts_as_made_from_every_image() -> None:
    old = cache_root() / "embeddings" / "old.npz"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"features")
    assert files_made_from([("faces", "a.png")]) == [old]
    assert files_made_from([(None, None)]) == []
    index_extraction("embeddings", "old", "flowers", ["x.png"])
    assert files_made_from([("faces", "x.png")]) == []
    assert [path.name for path in files_made_from([(None, "x.png")])] == ["old.images.json", "old.npz"]
