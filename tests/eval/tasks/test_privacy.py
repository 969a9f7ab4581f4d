"""The privacy count of a suite equals removing every entry for real. Run: pytest tests/eval/tasks/test_privacy.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.datasets import find_dataset
from eval.extract import extract
from eval.task import Conditions
from eval.tasks.privacy import Privacy
from memory.search import exact_search
from memory.voting import vote
from pretrain.encoder import load_encoder


def test_the_share_is_that_of_entries_whose_real_removal_changes_an_answer(color_folder: Path) -> None:
    for name in ("0.png", "1.png"):  # two blue pictures that are called red
        (color_folder / "train" / "blue" / name).rename(color_folder / "train" / "red" / f"blue-{name}")
    encoder = load_encoder("pixels")
    found = Privacy(dataset=str(color_folder), k=3).measure(encoder, Conditions(pictures=False))
    dataset = find_dataset(str(color_folder))
    train, val = extract(encoder, dataset.train), extract(encoder, dataset.val)

    def answers(kept: np.ndarray) -> np.ndarray:
        neighbors = exact_search(val.values, train.values[kept], 3, labels=train.labels[kept])
        predictions: np.ndarray = vote(neighbors, num_classes=3, voting="softmax").predictions
        return predictions

    everything = np.arange(len(train.labels))
    whole = answers(everything)
    changes = [bool((answers(np.delete(everything, entry)) != whole).any()) for entry in everything]
    share, accuracy, *published = found.scores
    assert (share.metric, share.n, share.value) == ("non_private_share", 12, np.mean(changes))
    assert 0 < share.value < 1
    assert share.per_case is not None
    assert share.per_case.tolist() == [float(change) for change in changes]
    assert (accuracy.metric, accuracy.value) == ("top1_accuracy", np.mean(whole == val.labels))
    by_name = {score.metric: score.value for score in published}
    assert by_name["by_definition_share"] == share.value
    assert "as_published_share" in by_name


def test_only_the_papers_rule_has_the_papers_count_beside_it(color_folder: Path) -> None:
    found = Privacy(dataset=str(color_folder), k=3, rule="rank").measure(load_encoder("pixels"), Conditions())
    assert [score.metric for score in found.scores] == ["non_private_share", "top1_accuracy"]
