"""What tasks start from. Run: pytest tests/eval/tasks/test_embedded.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from eval.extract import Embeddings, extract
from eval.extract_parallel import EncoderRecipe
from eval.images import LabelledImages
from eval.sets.class_folders import read_class_folders
from eval.task import Conditions
from eval.tasks import embedded as module
from eval.tasks.embedded import embed_dataset, extracted, mean_score, spread
from eval.tasks.registry import task_class
from eval.whole_square import WholeSquareEncoder
from pretrain.encoder import Encoder, load_encoder
from pretrain.pixel_encoders import Pixels
from procmem.errors import UserError


def test_unreadable_images_leave_labels_and_names_in_step(color_folder: Path) -> None:
    (color_folder / "train" / "green" / "1.png").write_bytes(b"no picture")
    found = embed_dataset(str(color_folder), load_encoder("histogram"), Conditions(on_corrupt="skip"))
    assert len(found.train.labels) == len(found.dataset.train) == 11
    assert found.dataset.train.uris == found.train.uris
    assert np.bincount(found.train.labels).tolist() == [4, 3, 4]
    assert found.facts() == {"memory_size": 11, "queries_without_entries": 0, "left_out": 1}
    assert found.description == "colors"


def test_both_subsets_are_described(color_folder: Path) -> None:
    conditions = dataclasses.replace(Conditions(), max_train=6, max_val=3, seed=4)
    found = embed_dataset(str(color_folder), load_encoder("histogram"), conditions)
    assert found.description == "colors (train: 6 of 12, by class, seed 4; val: 3 of 6, by class, seed 4)"
    assert (len(found.train.values), len(found.val.values), found.num_classes) == (6, 3, 3)


@pytest.mark.parametrize("encoder", [Pixels(image_size_px=16), WholeSquareEncoder(Pixels(image_size_px=16))])
def test_devices_share_out_large_sets_that_are_not_cached(
    color_folder: Path, monkeypatch: pytest.MonkeyPatch, encoder: Encoder
) -> None:
    shared: list[int] = []

    def share_out(recipe: EncoderRecipe, images: LabelledImages, **how: Any) -> Embeddings:
        assert recipe.load("cpu").card() == encoder.card()  # else the cache would hold what is never read
        assert how == {"num_devices": 3, "accelerator": "cpu", "batch_size": 64, "on_corrupt": "skip"}
        shared.append(len(images))
        return extract(encoder, images)

    monkeypatch.setattr(module, "extract_on_devices", share_out)
    images, conditions = read_class_folders(color_folder).train, Conditions(num_devices=3, on_corrupt="skip")
    small = extracted(images.subset(6), encoder, conditions)
    assert shared == []  # too few to be worth it
    monkeypatch.setattr(module, "SMALLEST_SHARED", 12)
    found, again = extracted(images, encoder, conditions), extracted(images, encoder, conditions)
    assert shared == [12]
    assert again.from_cache
    assert np.array_equal(found.values, again.values)
    assert np.isin(small.uris, found.uris).all()
    with pytest.raises(UserError, match="num_devices must be at least 1, received 0"):
        Conditions(num_devices=0)


def test_a_mean_over_cases_has_its_error() -> None:
    score = mean_score("m", np.array([True, False, False, True]), ("a", "b", "c", "d"), {"k": 1}, is_headline=True)
    assert (score.value, score.n, score.standard_error) == (0.5, 4, pytest.approx(0.25))
    assert (score.is_headline, score.config, score.case_names) == (True, {"k": 1}, ("a", "b", "c", "d"))


def test_positions_are_spread_evenly() -> None:
    assert spread(np.array([3, 5, 8, 9, 12]), 3) == [3, 8, 12]
    assert spread(np.array([7, 9]), 5) == [7, 9]
    assert spread(np.array([], np.int64), 5) == []


@pytest.mark.parametrize("kind", ["knn", "rbf_svm", "privacy", "pruning", "calibration", "error_analysis"])
def test_any_of_several_accepted_labels_is_right(
    kind: str, color_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # every class but the image's own counts as right, so what answers rightly is wrong
    def others(images: LabelledImages, predictions: np.ndarray) -> np.ndarray:
        return np.not_equal(predictions, images.labels)

    task = cast(Any, task_class(kind))(dataset=str(color_folder), **({"k": 3} if kind == "privacy" else {}))
    conditions = Conditions(pictures=False)
    by_own, by_others = [], []
    for found in (by_own, by_others):
        scores = task.measure(load_encoder("histogram"), conditions).scores
        shares = [s.config["accuracy"] if kind == "calibration" else s.value for s in scores]
        found += (
            shares if kind == "calibration" else [v for v, s in zip(shares, scores, strict=True) if "top1" in s.metric]
        )
        monkeypatch.setattr(LabelledImages, "is_correct", others)
    assert max(by_own) == 1.0
    assert min(by_others) == pytest.approx(1 - max(by_own))
