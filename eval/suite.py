"""A suite: which encoders are evaluated on which data sets, and how; `evaluate` runs it.

One dataclass serves Python, YAML (`configs/eval/*.yaml`) and the command line. `evaluate` writes results as it goes and
returns everything, also the per-query outcomes that paired comparisons and pictures need; it prints nothing.
Embeddings are cached, so a second run costs the searches.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from eval.datasets import Dataset, find_dataset
from eval.extract import Embeddings, extract
from eval.images import OnCorrupt
from eval.knn import KnnOutcome, KnnScore, KnnSettings, evaluate_knn
from eval.result import EvalResult, append_results
from pretrain.encoder import load_encoder
from pretrain.timm_encoder import Precision
from procmem.errors import UserError
from procmem.provenance import EncoderCard
from procmem.recipes import find_recipe
from procmem.strict_yaml import build, read_yaml


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    """What to evaluate.

    Attributes:
        datasets: names under PROCMEM_DATA, paths, or sets that can be downloaded.
        encoders: specifications; the first one is what the others are compared with.
        knn: k, rules, temperature.
        max_train: most images in the memory (seeded, by class); None takes all.
        max_val: most queries.
        seed: of the subsets.
        image_size_px: for every encoder; None takes each one's own.
        batch_size: images a forward pass.
        on_corrupt: "fail" stops at an unreadable image, "skip" leaves it out and says so.
        device: torch device name.
        precision: "bfloat16" on CUDA only.

    Raises:
        UserError: for a value that is no list of names or out of range.
    """

    datasets: Sequence[str]
    encoders: Sequence[str] = ()
    knn: KnnSettings = dataclasses.field(default_factory=KnnSettings)
    max_train: int | None = None
    max_val: int | None = None
    seed: int = 0
    image_size_px: int | None = None
    batch_size: int = 64
    on_corrupt: OnCorrupt = "fail"
    device: str = "cpu"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("datasets", "encoders"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(item, str) for item in value):
                raise UserError(f"{name} must be a list of names, received {value!r}")
            if len(set(value)) != len(value):
                raise UserError(f"{name} names something twice: {', '.join(value)}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One encoder on one data set.

    Attributes:
        card: of the encoder.
        dataset: what was used of it: `train` is the memory, `val` the queries (unreadable images left out).
        train: embeddings of the memory.
        val: embeddings of the queries.
        outcome: sweep, chosen k, per-query correctness, neighbours.
        seconds: of the whole trial, from loaded encoder to scores.
    """

    card: EncoderCard
    dataset: Dataset
    train: Embeddings
    val: Embeddings
    outcome: KnnOutcome
    seconds: float

    @property
    def results(self) -> list[EvalResult]:
        """The sweep as results, then the chosen k, then the papers' best k on the queries."""
        outcome = self.outcome
        return [
            *(self._result(score, "none, one point of the sweep") for score in outcome.scores),
            self._result(outcome.chosen, "k by leave-one-out on the memory"),
            self._result(outcome.best_on_val, "best on val, optimistic (the papers' rule)"),
        ]

    def _result(self, score: KnnScore, selection: str) -> EvalResult:
        return EvalResult.of(
            self.card,
            dataset=self.dataset.name,
            metric="top1_accuracy",
            value=score.top1_accuracy,
            n=score.num_queries,
            standard_error=score.standard_error,
            config={
                "task": "knn",
                "rule": score.rule,
                "k": score.k,
                "selection": selection,
                "leave_one_out_accuracy": score.leave_one_out_accuracy,
                "memory_size": len(self.train.labels),
                "memory": self.dataset.train.drawn or "all of train",
                "queries": self.dataset.val.drawn or f"all of {self.dataset.val.split}",
                "left_out": len(self.train.skipped) + len(self.val.skipped),
                "preprocessing": self.card.preprocessing,
            },
        )


def load_suite(name_or_path: str) -> Suite:
    """A suite of `configs/eval` by name, or any YAML file.

    Raises:
        UserError: if there is none (nearest names are offered), or a key or value is wrong.
    """
    return build(Suite, read_yaml(find_recipe(name_or_path, "eval")))


def evaluate(suite: Suite, output: Path | None = None) -> list[Trial]:
    """Run every encoder on every data set.

    Args:
        suite: what to evaluate.
        output: folder whose ``results.jsonl`` gets every number as soon as it is known; None writes nothing.

    Returns:
        One trial for each data set and encoder, data set by data set.

    Raises:
        UserError: if a name is unknown, a data set or encoder is unusable, or there is nothing to evaluate. Names are
            checked before any work starts.
    """
    if not suite.encoders or not suite.datasets:
        raise UserError("an evaluation needs at least one encoder and one data set, for example: pixels on cifar10")
    datasets = [_subsets(find_dataset(name), suite) for name in suite.datasets]
    encoders = [load_encoder(spec, suite.device, suite.image_size_px, suite.precision) for spec in suite.encoders]
    trials = []
    for dataset in datasets:
        for encoder in encoders:
            start = time.perf_counter()
            train, val = (
                extract(encoder, images, batch_size=suite.batch_size, on_corrupt=suite.on_corrupt)
                for images in (dataset.train, dataset.val)
            )
            outcome = evaluate_knn(
                train.values,
                train.labels,
                val.values,
                val.labels,
                num_classes=len(dataset.train.class_names),
                settings=suite.knn,
                device=suite.device,
            )
            trial = Trial(
                card=encoder.card(),
                dataset=dataclasses.replace(
                    dataset, train=dataset.train.select(train.positions), val=dataset.val.select(val.positions)
                ),
                train=train,
                val=val,
                outcome=outcome,
                seconds=time.perf_counter() - start,
            )
            trials.append(trial)
            if output is not None:
                append_results(output / "results.jsonl", trial.results)
    return trials


def _subsets(dataset: Dataset, suite: Suite) -> Dataset:
    return dataclasses.replace(
        dataset,
        train=dataset.train.subset(suite.max_train, suite.seed),
        val=dataset.val.subset(suite.max_val, suite.seed),
    )
