"""Few-shot and the RBF machine. Run: pytest tests/eval/tasks/test_few_shot.py."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from eval.task import Conditions
from eval.tasks.embedded import embed_dataset
from eval.tasks.few_shot import FewShot
from eval.tasks.rbf_svm import RbfSvm
from memory.lifelong import ranks_in_class
from pretrain.encoder import load_encoder
from procgen.seeds import generator
from procmem.errors import UserError

QUIET = Conditions(pictures=False)


def test_one_shot_equals_the_nearest_of_one_image_a_class_averaged_over_draws(hard_folder: Path) -> None:
    encoder = load_encoder("pixels")
    task = FewShot(dataset=str(hard_folder), shots_per_class=(1, 3), draws=4, classifiers=("knn",))
    big, one = task.measure(encoder, QUIET).scores
    embedded = embed_dataset(str(hard_folder), encoder, QUIET)
    draws = []
    for draw in range(4):
        ranks = ranks_in_class(embedded.train.labels, generator(0, "few_shot", "hard", draw))
        rows = ranks == 0
        assert np.bincount(embedded.train.labels[rows]).tolist() == [1, 1, 1]
        peer = KNeighborsClassifier(1).fit(embedded.train.values[rows], embedded.train.labels[rows])
        draws.append(peer.predict(embedded.val.values) == embedded.val.labels)
    assert one.config["shots_per_class"] == 1
    assert one.value == pytest.approx(np.mean(draws))
    assert one.per_case == pytest.approx(np.mean(draws, axis=0))
    of_draws = np.mean(draws, axis=1)
    assert of_draws.std() > 0
    over_draws = of_draws.std(ddof=1) / 2
    over_queries = np.mean(draws, axis=0).std() / math.sqrt(12)
    assert one.config["standard_error_over_draws"] == pytest.approx(over_draws)
    assert one.standard_error == pytest.approx(math.hypot(over_draws, over_queries))
    assert (big.config["shots_per_class"], big.is_headline, one.is_headline) == (3, True, False)


def test_a_probe_on_a_handful_learns_the_colours(color_folder: Path) -> None:
    task = FewShot(dataset=str(color_folder), shots_per_class=(2, 16), draws=2, classifiers=("linear",))
    scores = task.measure(load_encoder("histogram"), QUIET).scores
    assert scores[0].value == 1.0
    assert scores[0].config["smallest_class"] == 4  # fewer than the 16 asked for, and told


def test_the_rbf_machine_is_scikit_learns(color_folder: Path) -> None:
    encoder = load_encoder("pixels")
    score = RbfSvm(dataset=str(color_folder), penalty=0.5).measure(encoder, QUIET).scores[0]
    embedded = embed_dataset(str(color_folder), encoder, QUIET)
    peer = SVC(C=0.5).fit(embedded.train.values, embedded.train.labels)
    assert score.value == peer.score(embedded.val.values, embedded.val.labels)
    assert score.config["support_vectors"] == len(peer.support_)


def test_impossible_settings_are_refused(color_folder: Path) -> None:
    with pytest.raises(UserError, match="ascending shots_per_class"):
        FewShot(dataset="x", shots_per_class=(4, 1))
    with pytest.raises(UserError, match="2 draws, got"):
        FewShot(dataset="x", draws=1)
    with pytest.raises(UserError, match="did you mean 'linear'"):
        FewShot(dataset="x", classifiers=("liner",))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="two classes or more"):
        RbfSvm(dataset=str(color_folder)).measure(load_encoder("pixels"), dataclasses.replace(QUIET, max_train=1))
