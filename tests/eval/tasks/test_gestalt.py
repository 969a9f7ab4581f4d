"""Gestalt scores and error analysis. Run: pytest tests/eval/tasks/test_gestalt.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from eval.gestalt_stimuli import PRINCIPLES, gestalt_stimulus
from eval.patch_pca import pca_colors
from eval.segmentation_scores import explained_share
from eval.squares import square_of_mask
from eval.task import Conditions
from eval.tasks.error_analysis import ErrorAnalysis, joint_colors
from eval.tasks.gestalt import Gestalt
from pretrain.pixel_encoders import Histogram, Pixels
from procmem.errors import UserError


def test_each_principle_is_the_mean_share_of_its_stimuli() -> None:
    task = Gestalt(principles=["closure", "similarity"], num_stimuli=5, image_size_px=64, grid=32, num_permutations=1)
    outcome = task.measure(Pixels(image_size_px=64), Conditions(batch_size=2, seed=4))
    headlines = {score.metric: score for score in outcome.scores if score.is_headline}
    assert list(headlines) == ["gestalt_r2_closure", "gestalt_r2_similarity"]
    assert len(outcome.scores) == 6
    shares = []
    for number in range(5):
        stimulus = gestalt_stimulus("similarity", 4, number, 64)
        tokens = Pixels(image_size_px=64).patch_tokens(torch.from_numpy(stimulus.image).permute(2, 0, 1)[None])
        colors = pca_colors(tokens, 32).reshape(1, -1, 3)
        labels = torch.from_numpy(square_of_mask(stimulus.mask, 64, "squash", 32)).reshape(1, -1)
        shares.append(explained_share(colors, labels)[0])
    assert headlines["gestalt_r2_similarity"].per_case == pytest.approx(shares)
    assert headlines["gestalt_r2_similarity"].case_names[3] == "similarity/3"
    assert headlines["gestalt_r2_closure"].value < 0.1  # colour does not know inside from outside
    assert min(outcome.pictures["gestalt"].size) > 200
    fewer = task.measure(Pixels(image_size_px=64), Conditions(max_val=3, seed=4, pictures=False))
    assert fewer.scores[0].n == 3
    assert np.array_equal(fewer.scores[0].per_case, headlines["gestalt_r2_closure"].per_case[:3])


def test_wrong_settings_and_encoders_without_places_are_refused() -> None:
    assert tuple(Gestalt().principles) == tuple(PRINCIPLES)
    with pytest.raises(UserError, match="did you mean 'closure'"):
        Gestalt(principles=["closures"])
    with pytest.raises(UserError, match="a list of names"):
        Gestalt(principles="closure")
    with pytest.raises(UserError, match="at least 1, received 0"):
        Gestalt(num_stimuli=0)
    with pytest.raises(UserError, match="'histogram' has no patch tokens"):
        Gestalt(num_stimuli=1, image_size_px=64).measure(Histogram(image_size_px=64), Conditions())


def test_joint_colours_come_from_one_pca_of_both_images() -> None:
    tokens = torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(1)) * torch.arange(1.0, 7)
    rows = tokens.reshape(24, 6).double().numpy()
    components = PCA(3).fit_transform(rows)
    scaled = (components - components.min(0)) / (components.max(0) - components.min(0))
    found = joint_colors(tokens).reshape(24, 3).numpy()
    for channel in range(3):  # signs are free
        same, turned = (
            np.abs(found[:, channel] - scaled[:, channel]),
            np.abs(found[:, channel] - 1 + scaled[:, channel]),
        )
        assert min(same.max(), turned.max()) < 1e-4


def test_errors_are_sorted_into_right_and_wrong(color_folder: Path) -> None:
    # one red query is put among the blue ones: its neighbour is red, so the answer is wrong
    (color_folder / "val" / "red" / "0.png").rename(color_folder / "val" / "blue" / "stray.png")
    task = ErrorAnalysis(dataset=str(color_folder), num_pictures=2, image_size_px=32)
    outcome = task.measure(Pixels(image_size_px=16), Conditions())
    found = {score.metric: score for score in outcome.scores}
    assert found["top1_accuracy"].value == pytest.approx(5 / 6)
    assert found["similarity_when_wrong"].n == 1
    assert "stray" in found["similarity_when_wrong"].case_names[0]
    assert found["similarity_when_right"].n == 5
    assert list(outcome.pictures) == ["right", "wrong"]
    assert outcome.pictures["right"].size[1] > 1.5 * outcome.pictures["wrong"].size[1]  # two rows, one row
    with pytest.raises(UserError, match="'histogram' has no patch tokens"):
        task.measure(Histogram(image_size_px=16), Conditions())
    with pytest.raises(UserError, match="at least 1, received 0"):
        ErrorAnalysis(dataset=str(color_folder), num_pictures=0)
