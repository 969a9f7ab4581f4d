"""The tasks by their name in a suite's YAML. Modules are imported when asked for: a suite pays for what it uses."""

from __future__ import annotations

import importlib
from typing import cast

from eval.task import Task
from procmem.errors import unknown_name

TASKS: dict[str, str] = {
    "knn": "eval.tasks.knn:Knn",
    "error_analysis": "eval.tasks.error_analysis:ErrorAnalysis",
    "gestalt": "eval.tasks.gestalt:Gestalt",
    "in_context_segmentation": "eval.tasks.in_context_segmentation:InContextSegmentation",
    "kmeans_segmentation": "eval.tasks.kmeans_segmentation:KmeansSegmentation",
    "knn_segmentation": "eval.tasks.knn_segmentation:KnnSegmentation",
    "pca_segmentation": "eval.tasks.pca_segmentation:PcaSegmentation",
    "linear_probe": "eval.tasks.linear_probe:LinearProbe",
    "few_shot": "eval.tasks.few_shot:FewShot",
    "rbf_svm": "eval.tasks.rbf_svm:RbfSvm",
    "two_afc": "eval.tasks.two_afc:TwoAfc",
    "reliability": "eval.tasks.memory_quality:ReliabilityTask",
    "calibration": "eval.tasks.memory_quality:CalibrationTask",
    "novelty": "eval.tasks.memory_quality:NoveltyTask",
    "lifelong": "eval.tasks.memory_change:LifelongTask",
    "pruning": "eval.tasks.memory_change:PruningTask",
    "label_corruption": "eval.tasks.memory_change:LabelCorruptionTask",
    "scaling": "eval.tasks.memory_change:ScalingTask",
    "cost": "eval.tasks.cost:CostTask",
    "privacy": "eval.tasks.privacy:Privacy",
}
"""kind -> "module:class"."""


def task_class(kind: str) -> type[Task]:
    """The class of a kind of task.

    Raises:
        UserError: if there is none (nearest names are offered).
    """
    if kind not in TASKS:
        raise unknown_name("task", kind, set(TASKS))
    module, _, name = TASKS[kind].partition(":")
    return cast(type[Task], getattr(importlib.import_module(module), name))
