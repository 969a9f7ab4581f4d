"""From findings to verdicts: one frozen table of limits, and the first reason in a fixed order.

A verdict is a pure function of findings and thresholds; changing a threshold renders nothing again. Two reasons depend
on the machine as well, `killer` and `too_costly`: their limits are so generous that only a program that has no place in
a stream on any machine meets them, which is the price of asking at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from procgen.screening.near_duplicates import near_duplicates
from procgen.screening.probe import Finding

Reason = Literal[
    "killer", "error", "black", "blown_out", "low_contrast", "noise", "empty", "busy", "too_costly", "near_duplicate"
]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""In the order in which they are asked; a program is counted under the first that holds."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Limits on the median over a program's draws.

    Attributes:
        min_luminance_mean: below it a program is near black. 0.06 and its mirror image 0.94 are the limits that the
            shipped programs are tested against; photographs (100 of COCO at 64 px) lie within 0.11..0.75.
        max_luminance_mean: above it a program is blown out.
        min_luminance_std: contrast; 12 levels of 255, from the grammar's prototype. Photographs: 0.066 and more.
        min_neighbor_correlation: below it a picture is noise; from the same prototype. Photographs: 0.65 and more,
            shipped programs: 0.62 and more.
        min_edge_share: below it there is hardly more than a gradient. A third of the least photograph (0.036) and of
            the least shipped program (0.030); the first 147 programs of the grammar held three such, lone blobs.
        max_edge_share: above it texture runs from edge to edge without a calm area. No photograph exceeds it (0.69 at
            most), nor a shipped program (0.59 at most).
        max_cost_ms: for one image of 32 px on one processor core; some fifty times the heaviest shipped program.
        max_duplicate_distance: in levels of 255, see `near_duplicates`. One constant of a shipped program changed by
            10 % moved it by less than 8 in 13 of 14 cases, by 50 % in 8 of 14; two shipped programs are at least 26
            apart.
    """

    min_luminance_mean: float = 0.06
    max_luminance_mean: float = 0.94
    min_luminance_std: float = 12 / 255
    min_neighbor_correlation: float = 0.6
    min_edge_share: float = 0.01
    max_edge_share: float = 0.7
    max_cost_ms: float = 100.0
    max_duplicate_distance: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is decided about one program.

    Attributes:
        program_id: the program.
        reason: why it is rejected; None where it passed.
        detail: the driver's message, or the measured value beside its limit, or the twin; "" where it passed.
    """

    program_id: str
    reason: Reason | None
    detail: str = ""


def judge(findings: Sequence[Finding], thresholds: Thresholds) -> tuple[Verdict, ...]:
    """Verdicts in order of program id; near-duplicates are sought among those that pass everything else."""
    ordered = sorted(findings, key=lambda finding: finding.program_id)
    verdicts = {finding.program_id: judge_alone(finding, thresholds) for finding in ordered}
    passed = [finding for finding in ordered if verdicts[finding.program_id].reason is None]
    if passed:
        embeddings = np.stack([np.frombuffer(finding.embedding, dtype=np.uint8) for finding in passed])
        ids = [finding.program_id for finding in passed]
        twins = near_duplicates(ids, embeddings, thresholds.max_duplicate_distance)
        for program_id, (twin, distance) in twins.items():
            detail = f"{distance:.2f} levels from {twin}"
            verdicts[program_id] = Verdict(program_id=program_id, reason="near_duplicate", detail=detail)
    return tuple(verdicts.values())


def judge_alone(finding: Finding, thresholds: Thresholds) -> Verdict:
    """Verdict on one program without regard to the others."""
    name, measures, limits = finding.program_id, finding.measures, thresholds
    if finding.failure is not None or measures is None:
        return Verdict(program_id=name, reason=finding.failure or "error", detail=finding.message)
    questions: tuple[tuple[Reason, float, float, bool], ...] = (
        ("black", measures.luminance_mean, limits.min_luminance_mean, False),
        ("blown_out", measures.luminance_mean, limits.max_luminance_mean, True),
        ("low_contrast", measures.luminance_std, limits.min_luminance_std, False),
        ("noise", measures.neighbor_correlation, limits.min_neighbor_correlation, False),
        ("empty", measures.edge_share, limits.min_edge_share, False),
        ("busy", measures.edge_share, limits.max_edge_share, True),
        ("too_costly", finding.cost_ms, limits.max_cost_ms, True),
    )
    for reason, value, limit, is_maximum in questions:
        if value > limit if is_maximum else value < limit:
            relation = "above" if is_maximum else "below"
            return Verdict(program_id=name, reason=reason, detail=f"{value:.4g} is {relation} {limit:.4g}")
    return Verdict(program_id=name, reason=None)
