"""kNN classification as a task: the whole sweep, and k chosen in three ways side by side.

The headline's k is chosen on the memory alone (leave one out); beside it stand the k of a held-out fifth of train and
the papers' best k on the queries. Under ``protocol="paper"`` the last one is the headline and ties follow the paper's
notebook, so that its tables can be compared.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from PIL import Image

from eval.figures import neighbor_sheet, sheet_rows
from eval.knn import KnnOutcome, KnnScore, KnnSettings, evaluate_knn
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import Embedded, embed_dataset, mean_score, spread
from memory.sweep import PAPER_NUM_NEIGHBORS
from memory.voting import Rule
from pretrain.encoder import Encoder

PROTOCOL_NUM_NEIGHBORS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("imagenet", "cub200", "food101"), (10, 20, 100, 200)),
    **dict.fromkeys(
        (
            "flowers102", "pathmnist", "dermamnist", "octmnist", "pneumoniamnist", "breastmnist", "bloodmnist",
            "tissuemnist", "organamnist", "organcmnist", "organsmnist",
        ),
        PAPER_NUM_NEIGHBORS,
    ),
}  # fmt: skip
"""Values of k in "Separating Knowledge and Perception with Procedural Data" (2025), by data set."""

SHEET_ROWS = 3
"""Queries answered rightly, and as many answered wrongly, in the picture."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knn:
    """Classify queries by their nearest neighbours in a memory of the training images.

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        num_neighbors: values of k; None takes the papers' for the data set, or else those of `KnnSettings`.
        rules: voting rules; the first one is the headline's.
        temperature: of the softmax rule.
        protocol: "corrected" chooses the headline's k on the memory; "paper" on the queries, with the papers' ties.
        max_selection_queries: most entries that classify themselves when k is chosen.
    """

    kind: ClassVar[str] = "knn"
    dataset: str
    num_neighbors: Sequence[int] | None = None
    rules: Sequence[Rule] = ("softmax", "plurality", "distance", "rank")
    temperature: float = 0.07
    protocol: Literal["corrected", "paper"] = "corrected"
    max_selection_queries: int = 10_000

    def settings(self, seed: int) -> KnnSettings:
        """What is swept.

        Raises:
            UserError: for an empty or unknown value.
        """
        default = PROTOCOL_NUM_NEIGHBORS.get(re.split("[@_]", self.dataset)[0], KnnSettings.num_neighbors)
        return KnnSettings(
            num_neighbors=default if self.num_neighbors is None else self.num_neighbors,
            rules=self.rules,
            temperature=self.temperature,
            protocol="paper" if self.protocol == "paper" else "nearest",
            max_selection_queries=self.max_selection_queries,
            seed=seed,
        )

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Sweep; raises `UserError` as the data set, the encoder and `evaluate_knn` do."""
        settings = self.settings(conditions.seed)
        embedded = embed_dataset(self.dataset, encoder, conditions)
        found = evaluate_knn(
            embedded.train.values,
            embedded.train.labels,
            embedded.val.values,
            embedded.val.labels,
            num_classes=embedded.num_classes,
            settings=settings,
            device=conditions.device,
            is_correct=embedded.dataset.val.is_correct,
        )
        scores = self._scores(found, embedded)
        pictures = {"neighbours": neighbor_picture(found, embedded)} if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)

    def _scores(self, found: KnnOutcome, embedded: Embedded) -> list[Score]:
        """The chosen ones, headline first, then the papers' number for each rule, then every point of the sweep."""
        best = [max((s for s in found.scores if s.rule == rule), key=_accuracy) for rule in self.rules]
        ways: list[tuple[KnnScore, str]] = [(found.chosen, "leave_one_out")]
        if found.chosen_held_out is not None:
            ways.append((found.chosen_held_out, "held_out"))
        ways += [(score, "best_on_val") for score in best]
        if self.protocol == "paper":
            ways.sort(key=lambda way: way[1] != "best_on_val")
        ways += [(score, "none") for score in found.scores]
        facts = embedded.facts()
        return [
            mean_score(
                "top1_accuracy",
                score.correct,
                embedded.val.uris,
                {
                    "rule": score.rule,
                    "k": score.k,
                    "selection": selection,
                    "leave_one_out_accuracy": score.leave_one_out_accuracy,
                    "held_out_accuracy": score.held_out_accuracy,
                    **facts,
                },
                is_headline=position == 0,
            )
            for position, (score, selection) in enumerate(ways)
        ]


def neighbor_picture(found: KnnOutcome, embedded: Embedded) -> Image.Image:
    """Queries with their five nearest entries: some that are answered rightly, then some wrongly."""
    right, wrong = (spread(np.flatnonzero(found.correct == is_right), SHEET_ROWS) for is_right in (True, False))
    rows = sheet_rows(embedded.dataset.val, embedded.dataset.train, found.neighbors, [*right, *wrong])
    return Image.open(io.BytesIO(neighbor_sheet(rows)))


def _accuracy(score: Any) -> float:
    return float(score.top1_accuracy)
