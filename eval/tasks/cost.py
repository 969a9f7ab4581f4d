"""Cost on this machine: a linear classifier against a memory, in seconds and bytes.

"Separating Knowledge and Perception with Procedural Data" (2025), section 9: training the linear classifier took 64
times the compute of embedding the memory (its network runs over all images in each of 100 epochs), inference with the
memory twice that of the linear layer, and the memory of ImageNet is 2 GiB. Here both start from the same stored
embeddings, so the probe's own time is measured, and what training by epochs of forward passes would cost is
calculated from the time of one pass and marked as calculated. Times are medians of repeats on a quiet or busy machine
alike: compare ratios, not seconds.

Letters: N entries, Q queries, D embedding, C classes.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from eval.linear_probe import ProbeSettings, fit_probes
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import Embedded, embed_dataset
from memory.memory import VisualMemory
from memory.search import ExactSearch
from memory.voting import vote
from pretrain.encoder import Encoder
from procmem.errors import UserError

PAPER_EPOCHS = 100
"""Of the linear classifier in DINO's recipe, each a forward pass over all training images."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CostTask:
    """Time and memory of linear against memory-based classification.

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        k: neighbours that vote.
        repeats: of each timed step, after one that is not counted.
        l2: of the probe.
    """

    kind: ClassVar[str] = "cost"
    dataset: str
    k: int = 20
    repeats: int = 5
    l2: float = 0.01

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Time every step.

        Raises:
            UserError: as the data set and the encoder do, for fewer than two repeats, or one class only.
        """
        if self.repeats < 2:
            raise UserError(f"cost needs at least two repeats, received {self.repeats}")
        embedded = embed_dataset(self.dataset, encoder, conditions)
        machine = {
            "cores": os.cpu_count() or 1,
            "threads": torch.get_num_threads(),
            "device": conditions.device,
            "memory_size": len(embedded.train.labels),
            "queries": len(embedded.val.labels),
            "dimension": encoder.dimension,
            "classes": embedded.num_classes,
        }
        scores = [*self._times(embedded, machine, conditions.device), *self._sizes(embedded, encoder, machine)]
        return Outcome(dataset=embedded.description, scores=tuple(scores))

    def _times(self, embedded: Embedded, machine: dict[str, Any], device: str) -> list[Score]:
        train, val, C, Q = embedded.train, embedded.val, embedded.num_classes, len(embedded.val.labels)
        settings = ProbeSettings(solver="lbfgs", l2=(self.l2,))

        def fit() -> Any:
            return fit_probes(train.values, train.labels, num_classes=C, settings=settings)[0]

        probe = fit()
        ready = ExactSearch(train.values, labels=train.labels, device=device)
        k = min(self.k, len(train.labels))
        steps: dict[str, Callable[[], Any]] = {
            "probe_fit_seconds": fit,
            "memory_build_seconds": lambda: ExactSearch(train.values, labels=train.labels, device=device),
            "linear_seconds_per_query": lambda: probe.predict(val.values),
            "memory_seconds_per_query": lambda: vote(ready.search(val.values, k), num_classes=C),
        }
        scores = []
        for metric, step in steps.items():
            seconds = timed(step, self.repeats) / (Q if metric.endswith("query") else 1)
            config = machine | {"peak_bytes": peak_bytes(step), "probe": "lbfgs, one setting, stored embeddings"}
            scores.append(median_score(metric, seconds, config))
        a, b = scores[3], scores[2]
        relative = np.hypot(a.standard_error / a.value, b.standard_error / b.value)
        ratio = a.value / b.value
        scores.append(
            Score(
                metric="memory_over_linear_inference",
                value=ratio,
                n=self.repeats,
                standard_error=float(ratio * relative),
                config=machine | {"paper": 2.0, "embedding": "not included, the same for both"},
                is_headline=True,
            )
        )
        one_pass = train.seconds
        return [*scores, *self._training(one_pass, scores[0].value, scores[1].value, machine)]

    def _training(self, one_pass: float, fit: float, build: float, machine: dict[str, Any]) -> list[Score]:
        """What it takes to know the training images: embedding them once, and more of it for a linear classifier."""
        memory = one_pass + build
        ways = {
            "probe on stored embeddings": ((one_pass + fit) / memory, False),
            f"{PAPER_EPOCHS} epochs of forward passes": (PAPER_EPOCHS * one_pass / memory, True),
        }
        of_embedding = Score(
            metric="embedding_seconds", value=one_pass, n=1, standard_error=0.0, config=machine | {"timed": "once"}
        )
        return [
            of_embedding,
            *(
                Score(
                    metric="linear_over_memory_training",
                    value=ratio,
                    n=1,
                    standard_error=0.0,
                    config=machine | {"linear": way, "calculated": calculated, "paper": 64.0},
                )
                for way, (ratio, calculated) in ways.items()
                if memory > 0
            ),
        ]

    def _sizes(self, embedded: Embedded, encoder: Encoder, machine: dict[str, Any]) -> list[Score]:
        """Bytes of an image in the store on disk, of an embedding in RAM, and of the whole linear layer."""
        N, D, C = len(embedded.train.labels), embedded.train.values.shape[1], embedded.num_classes
        stored = store_bytes(embedded, encoder)
        sizes = {
            "store_bytes_per_image": (stored / N, {"what": "a memory on disk with labels and names, float32"}),
            "embedding_bytes_per_image": (4.0 * D, {"what": "float32 in RAM", "all_entries": 4 * N * D}),
            "linear_bytes": (4.0 * C * (D + 1), {"what": "weights and biases, float32, any number of images"}),
        }
        count = num_parameters(encoder)
        if count is not None:
            sizes["encoder_parameters"] = (float(count), {"what": "numbers, not bytes"})
        return [
            Score(metric=metric, value=value, n=N, standard_error=0.0, config=machine | facts)
            for metric, (value, facts) in sizes.items()
        ]


def timed(step: Callable[[], Any], repeats: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds (wall clock) of each repeat, after one that warms up."""
    step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return np.array(seconds)


def median_score(metric: str, seconds: np.ndarray[Any, np.dtype[np.float64]], config: dict[str, Any]) -> Score:
    """The median, with the standard error that a median has under normal noise: sqrt(pi / 2) that of the mean."""
    spread = float(seconds.std(ddof=1) * np.sqrt(np.pi / 2 / len(seconds)))
    return Score(metric=metric, value=float(np.median(seconds)), n=len(seconds), standard_error=spread, config=config)


def peak_bytes(step: Callable[[], Any]) -> int:
    """Largest memory that a step holds at once, beside what was there (numpy and Python; not torch's own)."""
    tracemalloc.start()
    try:
        step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def store_bytes(embedded: Embedded, encoder: Encoder) -> int:
    """Bytes on disk of a memory of the training images."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory"
        memory = VisualMemory.create(path, encoder.card(), class_names=embedded.dataset.train.class_names)
        memory.add(embedded.train.values, embedded.train.labels, uri=list(embedded.train.uris))
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def num_parameters(encoder: Encoder) -> int | None:
    """Weights of a network; None for a rule without weights."""
    count: int | None = getattr(encoder, "num_parameters", None)
    return count
