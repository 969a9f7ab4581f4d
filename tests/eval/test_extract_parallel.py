"""Shards of ranks together equal one extraction. Run: pytest tests/eval/test_extract_parallel.py.

The processes themselves (two on gloo) were started by hand; here the ranks take turns in one process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval import extract_parallel as module
from eval.extract import extract
from eval.extract_parallel import EncoderRecipe, _PackedImages, _work, extract_on_devices, shard_of
from eval.images import CorruptImageError, LabelledImages
from eval.sets.class_folders import read_class_folders
from pretrain.pixel_encoders import Pixels
from procmem.errors import UserError

RECIPE = EncoderRecipe(spec="pixels", image_size_px=16)


@pytest.mark.parametrize(("num_images", "world_size"), [(10, 3), (2, 4), (7, 1), (0, 2)])
def test_shards_are_consecutive_whole_and_even(num_images: int, world_size: int) -> None:
    shards = [shard_of(num_images, rank, world_size) for rank in range(world_size)]
    assert np.concatenate(shards).tolist() == list(range(num_images))
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1


class Rank:
    """What Fabric tells one process; the last rank comes first, so that the first one joins what is there."""

    device = "cpu"

    def __init__(self, rank: int, world_size: int) -> None:
        self.global_rank, self.world_size = rank, world_size

    def barrier(self) -> None:
        pass


class TakesTurns:
    """Fabric with the ranks one after the other."""

    def __init__(self, *, devices: int, **_: Any) -> None:
        self.world_size = devices

    def launch(self, work: Any, *arguments: Any) -> Any:
        return [work(Rank(rank, self.world_size), *arguments) for rank in reversed(range(self.world_size))][-1]


@pytest.mark.parametrize("num_devices", [1, 2, 5, 20])
def test_any_number_of_ranks_gives_what_one_gives(
    color_folder: Path, monkeypatch: pytest.MonkeyPatch, num_devices: int
) -> None:
    monkeypatch.setattr("lightning.fabric.Fabric", TakesTurns)
    (color_folder / "train" / "green" / "1.png").write_bytes(b"no image")
    images = read_class_folders(color_folder).train
    expected = extract(Pixels(image_size_px=16), images, on_corrupt="skip", cache=False)
    found = extract_on_devices(RECIPE, images, num_devices=num_devices, accelerator="cpu", on_corrupt="skip")
    assert np.array_equal(found.values, expected.values)
    assert found.positions.tolist() == expected.positions.tolist()
    assert (found.uris, found.skipped) == (expected.uris, expected.skipped)
    assert found.labels.tolist() == expected.labels.tolist()
    # a plain extraction of the whole reads the same file, and the shards' files are gone
    plain = extract(Pixels(image_size_px=16), images, on_corrupt="skip")
    assert plain.from_cache
    assert found.cache_path is not None
    assert plain.cache_path == found.cache_path
    assert len(list(found.cache_path.parent.iterdir())) == 2
    with pytest.raises(CorruptImageError, match=r"train/green/1\.png"):
        extract_on_devices(RECIPE, images, num_devices=num_devices, accelerator="cpu")


def test_a_second_run_embeds_nothing(color_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = read_class_folders(color_folder).train
    _work(Rank(0, 1), RECIPE, _PackedImages.of(images), 4)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(module, "extract_shard", refuse)
    assert _work(Rank(0, 3), RECIPE, _PackedImages.of(images), 4).is_file()


def test_a_mapped_array_travels_as_its_name(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(48, dtype=np.uint8).reshape(3, 4, 4))
    images = LabelledImages(
        name="set",
        split="train",
        class_names=("a",),
        labels=np.zeros(3, np.int64),
        uris=("0", "1", "2"),
        sources=np.load(tmp_path / "x.npy", mmap_mode="r"),
    ).select(np.array([2, 0]))
    packed = _PackedImages.of(images)
    assert packed.images.sources == ()
    assert packed.unpacked().fingerprint() == images.fingerprint()
    assert np.array_equal(np.asarray(packed.unpacked().image(0)), np.asarray(images.image(0)))


def test_no_device_is_refused(color_folder: Path) -> None:
    with pytest.raises(UserError, match="num_devices must be at least 1, received 0"):
        extract_on_devices(RECIPE, read_class_folders(color_folder).train, num_devices=0)
