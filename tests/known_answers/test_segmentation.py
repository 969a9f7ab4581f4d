"""Segmentation scores against known answers. Run: pytest tests/known_answers/test_segmentation.py."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from eval.segmentation_scores import (
    explained_share,
    jackknife_standard_error,
    matched_iou,
    mean_iou,
    region_counts,
)

HERE = Path(__file__).parent
KNOWN = json.loads((HERE / "segmentation.json").read_text())


def test_the_file_is_what_the_definitions_say() -> None:
    cases = runpy.run_path(str(HERE / "slow_segmentation.py"))["cases"]()
    assert json.loads(json.dumps(cases)) == KNOWN


def test_the_first_cases_are_what_a_hand_finds() -> None:
    # red: 0 1 | 1 1, green: 0 0 | 1 1. Totals: 3/4 + 1; within: 1/2 (red of the first segment). About the one mean
    # 5/12 of the twelve numbers (five of them 1): total 5 - 12 * 25/144.
    first = KNOWN["explained_share"][0]
    assert first["corrected"] == pytest.approx(1 - 0.5 / 1.75)
    assert first["paper"] == pytest.approx(1 - 0.5 / (5 - 25 / 12))
    # label 0: 1 of truth 2, predicted 1 + 2 -> union 4; label 1: 2 + 2 of truth 6, predicted 5 -> union 7
    assert KNOWN["mean_iou"][0]["mean_iou"] == pytest.approx((1 / 4 + 4 / 7) / 2)
    # left alone: second image (0 and 2/4), first image (1/2 and 2/3)
    assert KNOWN["mean_iou"][0]["standard_error"] == pytest.approx(abs(1 / 4 - 7 / 12) / 2)
    # cluster 7 with label 1: 2 of 3; cluster 3 with label 2: 2 of 3
    assert KNOWN["matched_iou"][0]["mean_iou"] == pytest.approx(2 / 3)
    # logits 1 and 0
    assert KNOWN["soft_vote"][0]["answer"] == pytest.approx([math.e / (1 + math.e), 1 / (1 + math.e)])


@pytest.mark.parametrize("case", KNOWN["explained_share"], ids=range(5))
@pytest.mark.parametrize("protocol", ["corrected", "paper"])
def test_explained_share(case: dict, protocol: str) -> None:
    (found,) = explained_share(torch.tensor([case["colors"]]), torch.tensor([case["labels"]]), protocol)
    if case[protocol] is None:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(case[protocol], abs=1e-6)  # colours are float32 here


@pytest.mark.parametrize("case", KNOWN["mean_iou"], ids=range(2))
def test_mean_iou_and_its_error(case: dict) -> None:
    every = [
        region_counts(np.asarray(predicted), np.asarray(truth), 5, np.ones(len(truth), bool))
        for truth, predicted in case["images"]
    ]
    assert mean_iou(np.stack(every)) == pytest.approx(case["mean_iou"])
    assert jackknife_standard_error(np.stack(every)) == pytest.approx(case["standard_error"])


@pytest.mark.parametrize("case", KNOWN["matched_iou"], ids=range(3))
def test_matched_iou_is_the_best_of_all_matches(case: dict) -> None:
    found, match = matched_iou(np.asarray(case["clusters"]), np.asarray(case["labels"]))
    # the Hungarian method maximises the sum over segments, and so does trying every match
    assert found == pytest.approx(case["mean_iou"])
    assert len(set(match.values())) == len(match)
