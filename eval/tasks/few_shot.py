"""Few-shot classification: support sets of 1 to 16 images a class, drawn several times.

One draw of five images a class can be lucky by more than two encoders differ. So every size is drawn several times
(the larger support sets of a draw contain its smaller ones), all encoders get the same draws, and the standard error
covers both draws and queries.

Letters: R draws, Q queries.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from eval.linear_probe import ProbeSettings, fit_probes
from eval.statistics import mean_standard_error
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import Embedded, embed_dataset
from memory.lifelong import ranks_in_class
from memory.search import exact_search
from memory.voting import Rule, vote
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

Classifier = Literal["knn", "linear"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FewShot:
    """Accuracy with a handful of images a class; a class with fewer gives all it has.

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        shots_per_class: sizes of the support set.
        draws: support sets of each size.
        classifiers: "knn" votes over `shots_per_class` neighbours, "linear" fits a probe; the first is the headline's.
        rule: of voting.
        l2: of the probe; one value, since a handful of images leaves none to choose by.
    """

    kind: ClassVar[str] = "few_shot"
    dataset: str
    shots_per_class: Sequence[int] = (1, 2, 4, 8, 16)
    draws: int = 5
    classifiers: Sequence[Classifier] = ("knn", "linear")
    rule: Rule = "softmax"
    l2: float = 0.01

    def __post_init__(self) -> None:
        shots = list(self.shots_per_class)
        if not shots or shots[0] < 1 or sorted(set(shots)) != shots or self.draws < 2:
            raise UserError(f"few_shot needs ascending shots_per_class from 1 and 2 draws, got {shots}, {self.draws}")
        for name in self.classifiers:
            if name not in get_args(Classifier):
                raise unknown_name("classifier", name, get_args(Classifier))

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Classify the queries from every support set.

        Raises:
            UserError: as the data set and the encoder do, or if train has a single class.
        """
        embedded = embed_dataset(self.dataset, encoder, conditions)
        correct: dict[tuple[Classifier, int], list[npt.NDArray[np.bool_]]] = {}
        for draw in range(self.draws):
            chance = generator(conditions.seed, "few_shot", embedded.dataset.name, draw)
            ranks = ranks_in_class(embedded.train.labels, chance)
            for shots in self.shots_per_class:
                rows = np.flatnonzero(ranks < shots)
                for name in self.classifiers:
                    predictions = self._predict(name, embedded, rows, shots, conditions.device)
                    correct.setdefault((name, shots), []).append(embedded.dataset.val.is_correct(predictions))
        smallest = int(np.bincount(embedded.train.labels)[np.unique(embedded.train.labels)].min())
        headline = (self.classifiers[0], self.shots_per_class[-1])
        scores = [
            self._score(name, shots, np.stack(correct[name, shots]), embedded, smallest, (name, shots) == headline)
            for name in self.classifiers
            for shots in reversed(self.shots_per_class)
        ]
        return Outcome(dataset=embedded.description, scores=tuple(scores))

    def _predict(
        self, classifier: Classifier, embedded: Embedded, rows: npt.NDArray[np.int64], shots: int, device: str
    ) -> npt.NDArray[np.int64]:
        entries, labels = embedded.train.values[rows], embedded.train.labels[rows]
        if classifier == "linear":
            settings = ProbeSettings(solver="lbfgs", l2=(self.l2,))
            return fit_probes(entries, labels, num_classes=embedded.num_classes, settings=settings)[0].predict(
                embedded.val.values
            )
        found = exact_search(embedded.val.values, entries, min(shots, len(rows)), labels=labels, device=device)
        return vote(found, num_classes=embedded.num_classes, voting=self.rule).predictions

    def _score(
        self,
        classifier: Classifier,
        shots: int,
        correct: npt.NDArray[np.bool_],
        embedded: Embedded,
        smallest_class: int,
        is_headline: bool,
    ) -> Score:
        of_draws, of_queries = correct.mean(axis=1), correct.mean(axis=0)
        over_draws = float(of_draws.std(ddof=1) / math.sqrt(len(of_draws)))
        over_queries = mean_standard_error(of_queries)
        return Score(
            metric="top1_accuracy",
            value=float(of_queries.mean()),
            n=len(of_queries),
            standard_error=math.hypot(over_draws, over_queries),
            config={
                "classifier": classifier,
                "shots_per_class": shots,
                "smallest_class": smallest_class,
                "draws": self.draws,
                "accuracy_of_each_draw": of_draws.tolist(),
                "standard_error_over_draws": over_draws,
                "standard_error_over_queries": over_queries,
            },
            is_headline=is_headline,
            per_case=of_queries,
            case_names=embedded.val.uris,
        )
