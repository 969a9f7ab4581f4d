"""How a memory's answers change as it does: growing and shrinking, pruning, wrong labels, size.

The maths is `memory.lifelong`, `memory.pruning`, `memory.corruption` and `memory.scaling`; here are data, standard
errors, values per query and pictures.

Letters: N entries, Q queries, S steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from eval.figures import CurvePanel
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import Embedded, embed_dataset, mean_score
from eval.tasks.memory_quality import DEEPEST, bootstrap_error, curve_picture, search
from memory.corruption import PAPER_SHARES, corrupted_answers
from memory.lifelong import LifelongCurve, by_group, by_sample, follow
from memory.mask import Mask, excluding
from memory.neighbors import Neighbors
from memory.pruning import NUM_NEIGHBORS, Harm, count_harm, hard_mask, prune, soft_weights
from memory.scaling import ScalingLaw, fit_scaling_law, follow_sizes, spread_sizes
from memory.search import ExactSearch
from memory.sweep import sweep
from memory.voting import Rule
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

Schedule = Literal["classes", "samples"]
SAMPLE_SIZES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)
CLASS_STEPS = 20
"""Steps of a class-incremental curve."""

PAPER_KNEE = 0.6
"""Share of wrong labels up to which accuracy is flat in the paper; the share nearest to it is the headline's."""
NEW_SHARE = 10
"""One class in so many comes into the memory of the others (64 NINCO classes into 1,000 in the paper)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LifelongTask:
    """A memory that grows; read backwards, shrinks (Doerrich et al. 2024; Geirhos et al. 2024, section 3.1).

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        schedule: "classes" one after the other, or "samples" of every class.
        k: neighbours that vote.
        rule: how they vote.
    """

    kind: ClassVar[str] = "lifelong"
    dataset: str
    schedule: Schedule = "classes"
    k: int = 20
    rule: Rule = "softmax"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Answer all queries after each step.

        Raises:
            UserError: as the data set and the encoder do, for an unknown schedule, or fewer than two classes.
        """
        if self.schedule not in get_args(Schedule):
            raise unknown_name("schedule", self.schedule, get_args(Schedule))
        embedded = embed_dataset(self.dataset, encoder, conditions)
        if len(np.unique(embedded.train.labels)) < 2:
            raise UserError(f"lifelong change on {self.dataset} needs two classes or more")
        chance = generator(conditions.seed, "lifelong", self.schedule)
        if self.schedule == "samples":
            scores, panels = self._samples(embedded, chance, conditions.device)
        else:
            scores, panels = self._classes(embedded, chance, conditions)
        pictures = {"lifelong": curve_picture(panels)} if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)

    def _follow(self, embedded: Embedded, steps: npt.NDArray[np.int64], device: str) -> LifelongCurve:
        train, val = embedded.train, embedded.val
        return follow(
            val.values, val.labels, train.values, train.labels, steps, k=self.k, voting=self.rule, device=device
        )

    def _samples(
        self, embedded: Embedded, chance: np.random.Generator, device: str
    ) -> tuple[list[Score], list[CurvePanel]]:
        labels = embedded.train.labels
        sizes = [size for size in SAMPLE_SIZES if size < np.bincount(labels).max()]
        steps = by_sample(labels, chance, sizes=sizes or None)
        curve = self._follow(embedded, steps, device)
        most = [int(np.bincount(labels[steps <= step]).max()) for step in range(len(curve.num_entries))]
        right = curve.predictions == curve.query_labels
        scores = [
            mean_score(
                "top1_accuracy",
                right[step],
                embedded.val.uris,
                {"most_entries_a_class": most[step], "memory_size": int(curve.num_entries[step])},
                is_headline=step == len(most) - 1,
            )
            for step in reversed(range(len(most)))
        ]
        panel = CurvePanel(
            title="accuracy as every class grows",
            x_label="most entries a class",
            series={"accuracy": ([float(m) for m in most], curve.accuracy().tolist())},
        )
        return scores, [panel]

    def _classes(
        self, embedded: Embedded, chance: np.random.Generator, conditions: Conditions
    ) -> tuple[list[Score], list[CurvePanel]]:
        labels, names = embedded.train.labels, embedded.val.uris
        order = chance.permutation(np.unique(labels)).tolist()
        curve = self._follow(
            embedded, by_group(labels, order, at_once=max(1, len(order) // CLASS_STEPS)), conditions.device
        )
        num_new = max(1, len(order) // NEW_SHARE)
        insertion = self._follow(embedded, by_group(labels, order[:num_new]), conditions.device)
        old = np.isin(embedded.val.labels, order[num_new:])
        new = np.isin(embedded.val.labels, order[:num_new])
        right = insertion.predictions == insertion.query_labels
        sizes = {"new_classes": num_new, "old_classes": len(order) - num_new}
        scores = [self._incremental(curve, conditions.seed)]
        if old.any():
            change = right[-1, old].astype(float) - right[0, old]
            scores.append(mean_score("drift_of_old_classes", change, _chosen(names, old), sizes, is_headline=True))
        if new.any():
            scores.append(mean_score("accuracy_of_new_classes", right[-1, new], _chosen(names, new), sizes))
        x = curve.num_classes.astype(float).tolist()
        known, every = (np.nan_to_num(values).tolist() for values in (curve.known_accuracy(), curve.accuracy()))
        panel = CurvePanel(
            title="accuracy as classes come",
            x_label="classes in memory",
            series={"known classes": (x, known), "all queries": (x, every)},
        )
        return scores, [panel]

    def _incremental(self, curve: LifelongCurve, seed: int) -> Score:
        """Accuracy over the classes known at each step, averaged over steps (Rebuffi et al. 2017)."""

        def average(rows: npt.NDArray[np.int64]) -> float:
            part = dataclasses.replace(
                curve,
                predictions=curve.predictions[:, rows],
                is_known=curve.is_known[:, rows],
                query_labels=curve.query_labels[rows],
            )
            return float(np.nanmean(part.known_accuracy()))

        Q = len(curve.query_labels)
        return Score(
            metric="average_incremental_accuracy",
            value=average(np.arange(Q)),
            n=Q,
            standard_error=bootstrap_error(average, Q, generator(seed, "lifelong", "bootstrap")),
            config={"steps": len(curve.num_entries), "classes": curve.num_classes.tolist()},
            is_headline=True,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PruningTask:
    """Entries that led the memory astray count less, or not at all (Geirhos et al. 2024, section 3.6).

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        k: neighbours that vote; the best k up to 100, picked on the queries as in the paper, comes beside it.
        rule: how they vote; by rank in the paper.
    """

    kind: ClassVar[str] = "pruning"
    dataset: str
    k: int = 20
    rule: Rule = "rank"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Count harm once for each definition, and vote anew; raises `UserError` as data set and encoder do."""
        embedded = embed_dataset(self.dataset, encoder, conditions)
        labels, N = embedded.train.labels, len(embedded.train.labels)
        if N < 2:
            raise UserError(f"pruning on {self.dataset} needs two entries or more, received {N}")
        ids = np.arange(N)
        ready = ExactSearch(embedded.train.values, labels=labels, device=conditions.device)
        deepest = min(NUM_NEIGHBORS, N - 1)
        own = ready.search(embedded.train.values, deepest, allowed=Mask(exclusions=[excluding(ids, ids)]))
        found = ready.search(embedded.val.values, deepest)
        scores = self._scores({"pruning": "none"}, found, 0, embedded)
        for harm in get_args(Harm):
            counts = count_harm(own, ids, labels, harm=harm, voting=self.rule)
            kept, weights = hard_mask(counts), soft_weights(counts)
            hard, soft = ({"pruning": way, "harm": harm} for way in ("hard", "soft"))
            scores += self._scores(hard, prune(found, ids, kept), int((~kept).sum()), embedded)
            scores += self._scores(soft, found.weighted(ids, weights), int((weights < 1).sum()), embedded)
        return Outcome(dataset=embedded.description, scores=tuple(scores))

    def _scores(self, pruning: dict[str, str], neighbors: Neighbors, touched: int, embedded: Embedded) -> list[Score]:
        K = neighbors.num_neighbors
        rows = sweep(neighbors, embedded.val.labels, num_neighbors=list(range(1, K + 1)), votings=[self.rule])
        right = [embedded.dataset.val.is_correct(row.predictions) for row in rows]
        best = int(np.argmax([flags.mean() for flags in right]))  # of equals the smallest k
        chosen = min(self.k, K) - 1
        return [
            mean_score(
                "top1_accuracy",
                right[place],
                embedded.val.uris,
                {**pruning, "touched": touched, "k": rows[place].k, "selection": selection, **embedded.facts()},
                is_headline=selection == "fixed" and pruning.get("harm") != "text",
            )
            for place, selection in ((chosen, "fixed"), (best, "best_on_val"))
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelCorruptionTask:
    """A share of the memory's labels is drawn at random (Geirhos et al. 2024, appendix D: flat to about 60 %).

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        shares: of the labels.
        k: neighbours that vote.
        rule: how they vote; by rank in the paper.
    """

    kind: ClassVar[str] = "label_corruption"
    dataset: str
    shares: Sequence[float] = PAPER_SHARES
    k: int = DEEPEST
    rule: Rule = "rank"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Search once, vote for each share; raises `UserError` as data set and encoder do."""
        embedded = embed_dataset(self.dataset, encoder, conditions)
        labels = embedded.train.labels
        neighbors = search(embedded, self.k, conditions.device)
        answers = corrupted_answers(
            neighbors,
            embedded.val.labels,
            np.arange(len(labels)),
            labels,
            num_classes=embedded.num_classes,
            rng=generator(conditions.seed, "label_corruption"),
            shares=self.shares,
            voting=self.rule,
        )
        told = min(self.shares, key=lambda share: abs(share - PAPER_KNEE))
        scores = [
            mean_score(
                "top1_accuracy",
                answers[row],
                embedded.val.uris,
                {"corrupted_share": share, "k": neighbors.num_neighbors, **embedded.facts()},
                is_headline=share == told,
            )
            for row, share in enumerate(self.shares)
        ]
        panel = CurvePanel(
            title="accuracy by share of wrong labels",
            x_label="share of labels drawn at random",
            series={f"k = {neighbors.num_neighbors}": (list(self.shares), answers.mean(axis=1).tolist())},
        )
        pictures = {"label_corruption": curve_picture([panel])} if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScalingTask:
    """Error against the size of the memory, and the law through it (Geirhos et al. 2024, appendix F).

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        sizes: entries, ascending; None takes eight, evenly spread by their logarithm.
        k: neighbours that vote.
        rule: how they vote; by rank in the paper.
    """

    kind: ClassVar[str] = "scaling"
    dataset: str
    sizes: Sequence[int] | None = None
    k: int = 20
    rule: Rule = "rank"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Let the memory grow; raises `UserError` as the data set, the encoder and the sizes do."""
        embedded = embed_dataset(self.dataset, encoder, conditions)
        train, val = embedded.train, embedded.val
        sizes = list(self.sizes) if self.sizes is not None else spread_sizes(len(train.labels))
        curve = follow_sizes(
            val.values, val.labels, train.values, train.labels,
            sizes=sizes, k=self.k, rng=generator(conditions.seed, "scaling"), voting=self.rule,
            device=conditions.device,
        )  # fmt: skip
        right = curve.predictions == curve.query_labels
        law = fit_scaling_law(sizes, 100 * (1 - curve.accuracy()))
        scores: list[Score] = []
        if law.line is not None:

            def slope(rows: npt.NDArray[np.int64]) -> float:
                line = fit_scaling_law(sizes, 100 * (1 - right[:, rows].mean(axis=1))).line
                return 0.0 if line is None else line.slope

            chance = generator(conditions.seed, "scaling", "bootstrap")
            scores.append(
                Score(
                    metric="scaling_slope",
                    value=law.line.slope,
                    n=len(val.labels),
                    standard_error=bootstrap_error(slope, len(val.labels), chance),
                    config={"sizes": sizes, **dataclasses.asdict(law.line)},
                    is_headline=True,
                )
            )
        scores += [
            mean_score(
                "top1_accuracy",
                right[step],
                val.uris,
                {"memory_size": size, "k": self.k},
                is_headline=size == sizes[-1],
            )
            for step, size in enumerate(sizes)
        ]
        pictures = {"scaling": scaling_picture(law)} if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)


def scaling_picture(law: ScalingLaw) -> Image.Image:
    """Error by size on the law's axes, and the law."""
    x, shown = np.log10(np.log10(law.sizes)), law.error_percent > 0
    series = {"measured": (x[shown].tolist(), np.log10(law.error_percent[shown]).tolist())}
    if law.line is not None:
        series["law"] = (x.tolist(), law.line.at(x).tolist())
    panel = CurvePanel(title="log10(error %) by memory size", x_label="log10(log10(entries))", series=series)
    return curve_picture([panel])


def _chosen(names: tuple[str, ...], flags: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(names[row] for row in np.flatnonzero(flags))
