"""Every kind of task by its name in YAML. Run: pytest tests/eval/tasks/test_registry.py."""

from __future__ import annotations

import pytest

from eval.suite import suite_from
from eval.tasks.registry import TASKS, task_class
from procmem.errors import UserError


@pytest.mark.parametrize("kind", sorted(TASKS))
def test_a_kind_is_the_name_of_its_class(kind: str) -> None:
    assert task_class(kind).kind == kind


def test_tasks_are_built_from_yaml_and_written_back() -> None:
    lines = [
        {"knn": {"dataset": "x", "num_neighbors": [1, 5], "rules": ["rank"], "protocol": "paper"}},
        {"linear_probe": {"dataset": "x", "solver": "sgd", "learning_rates": [0.1]}},
        {"few_shot": {"dataset": "x", "shots_per_class": [1, 5], "classifiers": ["linear"]}},
        {"rbf_svm": {"dataset": "x", "penalty": 2.0}},
        {"two_afc": {"dataset": "x"}},
        {"reliability": {"dataset": "x", "ranks": [1, 2]}},
        {"calibration": {"dataset": "x", "k": 5}},
        {"novelty": {"dataset": "x", "novel_dataset": "y"}},
        {"lifelong": {"dataset": "x", "schedule": "samples"}},
        {"pruning": {"dataset": "x"}},
        {"label_corruption": {"dataset": "x", "shares": [0.0, 0.5]}},
        {"scaling": {"dataset": "x", "sizes": [10, 100]}},
        {"cost": {"dataset": "x", "repeats": 3}},
    ]
    suite = suite_from({"tasks": lines}, "test")
    for line, written in zip(lines, suite.to_dict()["tasks"], strict=True):
        ((kind, settings),) = line.items()
        assert settings.items() <= written[kind].items()
    assert suite_from({"tasks": suite.to_dict()["tasks"]}, "again").to_dict() == suite.to_dict()


def test_an_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'two_afc'"):
        task_class("two_acf")
