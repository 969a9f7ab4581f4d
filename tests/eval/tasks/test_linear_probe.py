"""The linear probe as a task. Run: pytest tests/eval/tasks/test_linear_probe.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from eval.task import Conditions
from eval.tasks.linear_probe import LinearProbe
from pretrain.encoder import load_encoder
from procmem.errors import UserError

QUIET = Conditions(pictures=False)


def test_the_headline_is_chosen_on_train_and_the_best_on_val_stands_beside_it(color_folder: Path) -> None:
    outcome = LinearProbe(dataset=str(color_folder), l2=(1.0, 0.01)).measure(load_encoder("histogram"), QUIET)
    assert [s.config["selection"] for s in outcome.scores] == ["held_out", "best_on_val", "none", "none"]
    assert [s.config["l2"] for s in outcome.scores[2:]] == [1.0, 0.01]
    assert outcome.scores[1].value == max(s.value for s in outcome.scores[2:])
    assert outcome.scores[0].is_headline
    assert outcome.scores[0].case_names[0] == "val/blue/0.png"
    assert outcome.scores[0].config["converged"] is True
    assert outcome.scores[0].value == 1.0


def test_sgd_is_named_with_its_learning_rate(color_folder: Path) -> None:
    task = LinearProbe(dataset=str(color_folder), solver="sgd", learning_rates=(0.1, 1.0), epochs=20)
    scores = task.measure(load_encoder("histogram"), QUIET).scores
    assert [s.config["learning_rate"] for s in scores[2:]] == [0.1, 1.0]
    assert scores[0].value == 1.0


def test_a_network_gives_a_picture_and_a_histogram_says_why_not(
    color_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = LinearProbe(dataset=str(color_folder), l2=(0.1,))
    pictures = task.measure(load_encoder("random:vit_tiny_patch16_224", image_size_px=32), Conditions()).pictures
    assert pictures["grad_cam"].width > 600
    assert task.measure(load_encoder("histogram"), Conditions()).pictures == {}
    assert "no Grad-CAM of histogram" in capsys.readouterr().err


def test_one_class_only_is_refused(color_folder: Path) -> None:
    with pytest.raises(UserError, match="at least two classes, received 1"):
        LinearProbe(dataset=str(color_folder)).measure(
            load_encoder("histogram"), dataclasses.replace(QUIET, max_train=1)
        )
