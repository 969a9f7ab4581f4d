"""What a measurement is: a task takes an encoder and gives scores (metric, value, n, standard error) and pictures.

A task is a frozen dataclass in `eval/tasks/`: its fields are its settings in a suite's YAML, its `kind` is its name
there, and `measure` does the work. What all tasks of a suite share (device, subset sizes, seed) comes as `Conditions`.
A score carries its value per case (query, image, triplet), because encoders are compared case by case, never by a
bare difference of means.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from eval.images import OnCorrupt
from eval.result import EvalResult
from pretrain.encoder import Encoder
from pretrain.timm_encoder import Precision
from procmem.errors import UserError
from procmem.strict_yaml import plain


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conditions:
    """What every task of a suite is measured under.

    Attributes:
        device: torch device name.
        num_devices: processes that embed side by side, one a device; what is not cached yet is shared out among them.
        precision: of the encoder: "float32", "bfloat16" (CUDA, or a processor with instructions for it) or "float16"
            (CUDA).
        batch_size: images a forward pass.
        max_train: most images that a memory (or a probe) is made of, a seeded subset; None takes all.
        max_val: most queries (or images, or triplets).
        seed: of subsets, resamples and random layouts.
        on_corrupt: "fail" stops at an unreadable image, "skip" leaves it out and says so.
        pictures: whether pictures are made.

    Raises:
        UserError: for fewer than one device.
    """

    device: str = "cpu"
    num_devices: int = 1
    precision: Precision = "float32"
    batch_size: int = 64
    max_train: int | None = None
    max_val: int | None = None
    seed: int = 0
    on_corrupt: OnCorrupt = "fail"
    pictures: bool = True

    def __post_init__(self) -> None:
        if self.num_devices < 1:
            raise UserError(f"num_devices must be at least 1, received {self.num_devices}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score:
    """One measured number.

    Attributes:
        metric: what was measured, for example "top1_accuracy"; shares are 0..1.
        value: the number.
        n: cases behind it.
        standard_error: of the value.
        config: the settings of this number beyond the task's own, for example ``{"k": 20, "rule": "softmax"}``.
        is_headline: whether a summary table shows it.
        per_case: (n,) float64 in the order of `case_names`, whose mean is the value; None where a value is no mean.
        case_names: n names; two encoders are compared on equal names only.
        case_members: (n, m) int64, the photographs that each case is made of where one stands in several cases;
            None where cases are independent. Comparisons resample members, see `eval.resampling`.

    Raises:
        UserError: if the value or its error is not finite, there are no cases, or the cases do not fit n.
    """

    metric: str
    value: float
    n: int
    standard_error: float
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    is_headline: bool = False
    per_case: npt.NDArray[np.float64] | None = None
    case_names: tuple[str, ...] = ()
    case_members: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and np.isfinite(self.standard_error)) or self.n < 1:
            raise UserError(
                f"{self.metric} is no number to report: {self.value} with standard error {self.standard_error} "
                f"over {self.n} cases"
            )
        if self.per_case is not None and not self.per_case.shape == (self.n,) == (len(self.case_names),):
            raise UserError(
                f"{self.metric} of {self.n} cases has values {self.per_case.shape} and {len(self.case_names)} names"
            )
        if self.case_members is not None and (self.case_members.ndim != 2 or len(self.case_members) != self.n):
            raise UserError(f"{self.metric} of {self.n} cases has members of shape {self.case_members.shape}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one task found out about one encoder.

    Attributes:
        dataset: what was measured on, with how a subset was drawn.
        scores: headline first.
        pictures: name -> picture, for a report.
    """

    dataset: str
    scores: tuple[Score, ...]
    pictures: dict[str, Image.Image] = dataclasses.field(default_factory=dict)


class Task(Protocol):
    """One measurement; `kind` is its name in a suite's YAML."""

    kind: ClassVar[str]

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Measure.

        Raises:
            UserError: if the data are missing or unusable, or the encoder cannot be measured this way (for example no
                patch tokens).
        """
        ...


def results_of(
    task: Task, encoder: Encoder, outcome: Outcome, conditions: Conditions | None = None, **more: Any
) -> list[EvalResult]:
    """The scores as records for results.jsonl.

    Args:
        task: what was measured.
        encoder: on which encoder.
        outcome: what was found.
        conditions: under which it was measured.
        more: further fields of every record: data_fingerprint, record, seconds.
    """
    shared = plain(conditions or Conditions())
    seed = shared.pop("seed")
    return [
        EvalResult.of(
            encoder.card(),
            task=task.kind,
            settings=plain(task),
            conditions=shared,
            seed=seed,
            dataset=outcome.dataset,
            metric=score.metric,
            value=score.value,
            n=score.n,
            standard_error=score.standard_error,
            config=plain(score.config),
            headline=score.is_headline,
            **more,
        )
        for score in outcome.scores
    ]
