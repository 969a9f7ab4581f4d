"""What the demo found: plain records between the steps that make them and the page that tells them."""

from __future__ import annotations

import dataclasses

import torch

from eval.statistics import Difference
from eval.suite import Trial
from eval.tables import compare
from memory.audit.leave_one_out import LeaveOneOutResult
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
        trials: one for each data set and encoder, the trained encoder first, the untrained second.
        audit: leave-one-out on the first data set's memory, at the chosen k.
        change: the removal; None where no single entry changes any answer.
        receipt: of the erasure.
        seconds: step -> wall-clock seconds, in order.
        sheets: process -> uint8 (N, 3, H, W).
    """

    config: PretrainConfig
    training: PretrainResult
    trials: list[Trial]
    audit: LeaveOneOutResult
    change: DecisionChange | None
    receipt: Receipt
    seconds: dict[str, float]
    sheets: dict[str, torch.Tensor]

    def of_dataset(self, name: str) -> list[Trial]:
        """The trials of one data set, trained first."""
        return [trial for trial in self.trials if trial.dataset.name == name]

    def gains(self) -> dict[str, Difference]:
        """Data set -> accuracy of the trained encoder minus that of the untrained one, paired."""
        names = dict.fromkeys(trial.dataset.name for trial in self.trials)
        pairs = {name: self.of_dataset(name) for name in names}
        return {name: compare(trained, untrained) for name, (trained, untrained, *_) in pairs.items()}
