"""What the demo found: plain records between the steps that make them and the page that tells them."""

from __future__ import annotations

import dataclasses

import torch

from eval.comparison import compare
from eval.findings import Finding
from eval.statistics import Difference
from eval.tasks.embedded import Embedded
from memory.audit.leave_one_out import LeaveOneOutResult
from memory.neighbors import Neighbors
from memory.receipt import Receipt
from pretrain.config import PretrainConfig
from pretrain.train import PretrainResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecisionChange:
    """One entry whose removal changes the answer to one query.

    Attributes:
        entry_id: the entry.
        entry_uri: where its image comes from.
        query_row: the query's position in val.
        query_uri: where its image comes from.
        true_class: the query's class.
        before: class answered with the entry.
        after: class answered without it, measured after the removal.
        predicted_after: class that the audit had foretold.
        queries_changed: how many queries of val changed their answer when it was removed.
    """

    entry_id: int
    entry_uri: str
    query_row: int
    query_uri: str
    true_class: str
    before: str
    after: str
    predicted_after: str
    queries_changed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """All that the demo found, for the page.

    Attributes:
        config: of the training.
        training: what it left.
        numbers: of the comparison; on each data set the trained encoder first, the untrained second, shipped ones last.
        num_classes: of each data set.
        embedded: the first data set as the trained encoder sees it, which is audited.
        neighbors: of its queries, before the removal.
        audit: leave-one-out on its memory.
        change: the removal; None where no single entry changes any answer.
        receipt: of the erasure.
        seconds: step -> wall-clock seconds, in order.
        sheets: process -> uint8 (N, 3, H, W).
    """

    config: PretrainConfig
    training: PretrainResult
    numbers: list[Finding]
    num_classes: dict[str, int]
    embedded: Embedded
    neighbors: Neighbors
    audit: LeaveOneOutResult
    change: DecisionChange | None
    receipt: Receipt
    seconds: dict[str, float]
    sheets: dict[str, torch.Tensor]

    def headlines(self, dataset: str | None = None) -> list[Finding]:
        """The headline numbers, of one data set or of all."""
        own = [number for number in self.numbers if number.result.headline]
        return [number for number in own if dataset in (None, number.result.settings["dataset"])]

    def shipped(self, dataset: str) -> list[Finding]:
        """Those of the encoders that come with procmem."""
        return [number for number in self.headlines(dataset) if number.result.encoder.startswith("procmem:")]

    def datasets(self) -> list[str]:
        """Names of the data sets, in order."""
        return list(dict.fromkeys(number.result.settings["dataset"] for number in self.headlines()))

    def gains(self) -> dict[str, Difference]:
        """Data set -> accuracy of the trained encoder minus that of the untrained one, paired."""
        pairs = {name: self.headlines(name) for name in self.datasets()}
        return {
            name: compare(trained.score(), untrained.score()).difference
            for name, (trained, untrained, *_) in pairs.items()
        }
