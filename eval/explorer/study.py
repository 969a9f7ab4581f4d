"""Study mode: forced-choice trials that measure whether neighbours help a person, and whether a label is right.

Two studies of Geirhos et al., "Towards flexible perception with visual memory" (2024, arXiv 2408.08172):

* ``predict`` (appendix L): what will the memory say about this image? Four labels to choose from, the true and the
  predicted one among them; half of the trials show the four nearest images, without labels, the other half none.
* ``labels`` (appendix N): of images where answer and data set disagree: which of the two labels fits better?

Trials, conditions, the order of trials and of labels come from one seed. The other labels of ``predict`` are the
classes with the most votes among the 100 nearest entries (theirs: the best classes of CLIP), filled up by chance. Each
answer is a line of a CSV file, on the disk before the next trial is shown.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import os
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from eval.explorer.answers import MOST_NEIGHBORS, Choice
from eval.explorer.queries import Queries
from memory.voting import vote
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

Kind = Literal["predict", "labels"]
NUM_LABELS = 4
NEIGHBORS_SHOWN = 4
COLUMNS = (
    "time_utc", "study", "seed", "memory_version", "k", "rule", "trial", "query", "condition", "labels",
    "true_label", "memory_says", "answered", "agrees", "seconds",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One forced choice.

    Attributes:
        position: of the query.
        query: its name.
        labels: to choose from, in the order shown.
        true_label: of the data set.
        memory_says: the memory's answer.
        neighbors: ids of the entries shown; empty where none are.
        condition: "with neighbours" or "without"; "two labels" in the study of labels.
    """

    position: int
    query: str
    labels: tuple[str, ...]
    true_label: str
    memory_says: str
    neighbors: tuple[int, ...]
    condition: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """A study under way; answering gives the next one.

    Attributes:
        kind: which one.
        seed: fixes everything that is random.
        choice: k and rule of the memory's answers.
        version: of the memory.
        trials: in the order shown.
        answers: given so far.
        path: the CSV file.
    """

    kind: Kind
    seed: int
    choice: Choice
    version: int
    trials: tuple[Trial, ...]
    answers: tuple[str, ...] = ()
    path: Path

    @property
    def current(self) -> Trial | None:
        """The trial to be answered; None when all are."""
        return self.trials[len(self.answers)] if len(self.answers) < len(self.trials) else None

    def answer(self, label: str, seconds: float) -> Study:
        """Write one answer down and go on.

        Args:
            label: one of the trial's labels.
            seconds: that the person took.

        Raises:
            UserError: for another label, or if all trials are answered.
        """
        trial = self.current
        if trial is None:
            raise UserError("all trials of this study are answered")
        if label not in trial.labels:
            raise unknown_name("label of this trial", label, trial.labels)
        self._write(trial, label, seconds)
        return dataclasses.replace(self, answers=(*self.answers, label))

    def results(self) -> list[Result]:
        """Accuracy by condition, over the trials answered so far."""
        by_condition: dict[str, list[bool]] = {}
        for trial, label in zip(self.trials, self.answers, strict=False):
            by_condition.setdefault(trial.condition, []).append(label == trial.memory_says)
        chance = 1 / len(self.trials[0].labels) if self.trials else 0.0
        return [
            make_result(condition, sum(agrees), len(agrees), chance, two_sided=self.kind == "labels")
            for condition, agrees in sorted(by_condition.items())
        ]

    def _write(self, trial: Trial, label: str, seconds: float) -> None:
        is_new = not self.path.exists()
        row = (
            datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), self.kind, self.seed, self.version,
            self.choice.k, self.choice.rule, len(self.answers) + 1, trial.query, trial.condition,
            "|".join(trial.labels), trial.true_label, trial.memory_says, label, int(label == trial.memory_says),
            f"{seconds:.2f}",
        )  # fmt: skip
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(COLUMNS)
            writer.writerow(_harmless(str(cell)) for cell in row)
            file.flush()
            os.fsync(file.fileno())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """How often a person's choice was the memory's answer.

    Attributes:
        condition: of the trials.
        num_agreeing: trials in which it was.
        num_trials: of this condition.
        chance: share that guessing would give.
        p_value: exact binomial: of so many or more by guessing; two-sided in the study of labels.
    """

    condition: str
    num_agreeing: int
    num_trials: int
    chance: float
    p_value: float

    @property
    def accuracy(self) -> float:
        """Share of trials, 0..1."""
        return self.num_agreeing / self.num_trials


def make_result(condition: str, num_agreeing: int, num_trials: int, chance: float, *, two_sided: bool) -> Result:
    """Count against guessing."""
    from scipy.stats import binomtest

    side = "two-sided" if two_sided else "greater"
    p_value = float(binomtest(num_agreeing, num_trials, chance, alternative=side).pvalue)
    return Result(condition=condition, num_agreeing=num_agreeing, num_trials=num_trials, chance=chance, p_value=p_value)


def neighbors_help(results: list[Result]) -> float | None:
    """Fisher's exact p-value that neighbours raise the accuracy; None unless both conditions have trials."""
    from scipy.stats import fisher_exact

    by_condition = {result.condition: result for result in results}
    if not {"with neighbours", "without"} <= by_condition.keys():
        return None
    table = [
        [by_condition[name].num_agreeing, by_condition[name].num_trials - by_condition[name].num_agreeing]
        for name in ("with neighbours", "without")
    ]
    return float(fisher_exact(table, alternative="greater").pvalue)


def begin_study(queries: Queries, kind: str, *, num_trials: int, seed: int, choice: Choice, folder: Path) -> Study:
    """Draw the trials of a study.

    Args:
        queries: to draw from.
        kind: ``"predict"`` or ``"labels"``.
        num_trials: at most so many.
        seed: fixes everything that is random.
        choice: k and rule of the memory's answers.
        folder: of the CSV file.

    Raises:
        UserError: for an unknown study, no trials, or a memory that is never wrong about the queries (labels).
    """
    if kind not in get_args(Kind):
        raise unknown_name("study", kind, get_args(Kind))
    if num_trials < 1:
        raise UserError(f"a study needs at least 1 trial, received {num_trials}")
    names = queries.session.memory.class_names
    neighbors = queries.neighbors()
    votes = vote(neighbors.first(min(choice.k, neighbors.num_neighbors)), num_classes=len(names), voting=choice.rule)
    plausible = vote(neighbors.first(min(MOST_NEIGHBORS, neighbors.num_neighbors)), num_classes=len(names))
    says = [names[label] for label in votes.predictions]
    positions = generator(seed, "study", kind).permutation(len(queries))
    if kind == "labels":
        positions = np.array([p for p in positions if says[p] != queries.true_class(int(p))], np.int64)
        if not len(positions):
            raise UserError("the memory agrees with the data set about every query; there is no label to judge")
    trials = []
    for number, position in enumerate(positions[:num_trials].tolist()):
        truth, said = queries.true_class(position), says[position]
        labels = [truth] if said == truth else [truth, said]
        chance = generator(seed, "study", kind, "trial", number)
        with_neighbors = kind == "predict" and number % 2 == 1
        if kind == "predict":
            labels += _other_labels(plausible.scores[position], names, labels, chance)
        near = [int(i) for i in neighbors.ids[position, :NEIGHBORS_SHOWN] if i >= 0]
        trials.append(
            Trial(
                position=position,
                query=queries.images.uris[position],
                labels=tuple(labels[i] for i in chance.permutation(len(labels))),
                true_label=truth,
                memory_says=said,
                neighbors=tuple(near) if with_neighbors else (),
                condition="two labels" if kind == "labels" else "with neighbours" if with_neighbors else "without",
            )
        )
    order = generator(seed, "study", kind, "order").permutation(len(trials))
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    folder.mkdir(parents=True, exist_ok=True)
    return Study(
        kind="predict" if kind == "predict" else "labels",
        seed=seed,
        choice=choice,
        version=queries.session.memory.version,
        trials=tuple(trials[i] for i in order),
        path=folder / f"{stamp}-{kind}-seed{seed}.csv",
    )


def _other_labels(
    scores: npt.NDArray[np.float64], names: tuple[str, ...], taken: list[str], chance: np.random.Generator
) -> list[str]:
    """The classes with the most votes, ties and those without any by chance, until there are `NUM_LABELS`."""
    ranked = np.lexsort((chance.permutation(len(names)), -scores))
    others = [names[label] for label in ranked if names[label] not in taken]
    return others[: NUM_LABELS - len(taken)]


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and not cell.lstrip("-").replace(".", "", 1).isdigit() else cell
