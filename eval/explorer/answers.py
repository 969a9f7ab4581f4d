"""Answers: a question, how it is asked, and everything that a page shows of what the memory says.

Switching entries off needs no new search: a list that was searched deeper by as many entries as are off, without them,
is the very list that the memory would give if they were removed (a test holds it).

Letters: N entries, K neighbours, D embedding.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import leave_one_out
from memory.neighbors import Neighbors
from memory.voting import Rule, Voting, vote

MOST_NEIGHBORS = 100
CLASSES_SHOWN = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """One image, ready to be asked.

    Attributes:
        embedding: (1, D) float32.
        picture: JPEG or PNG for the page.
        name: of the file or data set image.
        true_class: where it is known.
        hidden_id: an entry that may not answer, because the question is its own image.
    """

    embedding: npt.NDArray[np.float32]
    picture: bytes
    name: str
    true_class: str | None = None
    hidden_id: int | None = None

    @property
    def hidden_ids(self) -> frozenset[int]:
        """`hidden_id` as a set of at most one."""
        return frozenset() if self.hidden_id is None else frozenset({self.hidden_id})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """How the memory is to answer.

    Attributes:
        k: neighbours that vote.
        rule: how they vote, with the papers' numbers.
        off: ids of entries that are switched off.
    """

    k: int = 10
    rule: Rule = "softmax"
    off: frozenset[int] = frozenset()

    def switched(self, entry_id: int) -> Choice:
        """The same with one entry switched over."""
        return dataclasses.replace(self, off=self.off ^ {entry_id})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neighbor:
    """One neighbour as a person sees it.

    Attributes:
        id: of the entry.
        class_name: its class.
        owner: whose it is, or None.
        similarity: cosine, -1..1.
        share: of all votes, 0..1; 0 while it is off.
        is_on: whether it may answer.
        without_it: the answer if it went, where that is another one; else None.
    """

    id: int
    class_name: str
    owner: str | None
    similarity: float
    share: float
    is_on: bool
    without_it: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a memory answers.

    Attributes:
        prediction: the class; None where nobody is left to vote.
        whole_prediction: the class with nothing switched off.
        scores: class and share of the votes, largest first, at most `CLASSES_SHOWN`.
        neighbors: nearest first; those that are off keep their place.
        question: what was asked.
        choice: how.
        version: of the memory.
        num_entries: N.
        note: what the person should know, for example that the memory was changed by someone else; "" for nothing.
        seconds: that the answer took.
    """

    prediction: str | None
    whole_prediction: str | None
    scores: tuple[tuple[str, float], ...]
    neighbors: tuple[Neighbor, ...]
    question: Question
    choice: Choice
    version: int
    num_entries: int
    note: str
    seconds: float

    @property
    def confidence(self) -> float:
        """Share of the votes for the answer, 0..1."""
        return dict(self.scores).get(self.prediction or "", 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Texts:
    """What one version says of its entries beside their embeddings, by ascending id; each (N,)."""

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    owners: list[str | None]
    uris: list[str | None]
    datasets: list[str | None]

    @functools.cached_property
    def rows(self) -> dict[int, int]:
        """Row of each id."""
        return {int(entry_id): row for row, entry_id in enumerate(self.ids)}

    @functools.cached_property
    def ids_by_image(self) -> dict[tuple[str | None, str | None], int]:
        """Entry of each image, by data set and name."""
        return {self.image(entry_id): entry_id for entry_id in self.rows}

    def image(self, entry_id: int) -> tuple[str | None, str | None]:
        """Data set and name of an entry's image."""
        return self.datasets[self.rows[entry_id]], self.uris[self.rows[entry_id]]


def make_answer(
    found: Neighbors,
    question: Question,
    choice: Choice,
    *,
    texts: Texts,
    names: tuple[str, ...],
    version: int,
    note: str,
) -> Answer:
    """The answer that a deep enough list gives.

    Args:
        found: (1, K) neighbours in the whole memory; K is at least k + 1 + the entries that are off, or all there are.
        question: what was asked.
        choice: how.
        texts: of the entries.
        names: (C,) of the classes.
        version: of the memory.
        note: for the person.
    """
    voting, num_entries = Voting.of(choice.rule), len(texts.ids)
    hidden = question.hidden_ids
    active = _without(found, choice.off | hidden, num_entries)
    votes = vote(_first(active, choice.k), num_classes=len(names), voting=voting)
    whole = vote(_first(_without(found, hidden, num_entries), choice.k), num_classes=len(names), voting=voting)
    return Answer(
        prediction=_name(names, int(votes.predictions[0])),
        whole_prediction=_name(names, int(whole.predictions[0])),
        scores=_largest(names, votes.shares()[0]),
        neighbors=_listed(found, active, question, choice, texts, names),
        question=question,
        choice=choice,
        version=version,
        num_entries=num_entries,
        note=note,
        seconds=0.0,
    )


def _name(names: tuple[str, ...], label: int) -> str | None:
    return names[label] if label >= 0 else None


def _without(found: Neighbors, off: frozenset[int], num_entries: int) -> Neighbors:
    """The list of a memory without some entries; exact as far as it reaches, since it was searched deeper by them."""
    is_off = np.isin(found.ids, list(off)) if off else np.zeros(found.ids.shape, bool)
    kept = found.keeping(~is_off) if off else found
    return dataclasses.replace(kept, memory_size=num_entries - int(is_off.sum()))


def _first(neighbors: Neighbors, k: int) -> Neighbors:
    return neighbors.first(min(k, neighbors.num_neighbors))


def _largest(names: tuple[str, ...], shares: npt.NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-shares, kind="stable")[:CLASSES_SHOWN]
    return tuple((names[label], float(shares[label])) for label in order if shares[label] > 0)


def _listed(
    found: Neighbors, active: Neighbors, question: Question, choice: Choice, texts: Texts, names: tuple[str, ...]
) -> tuple[Neighbor, ...]:
    voting = Voting.of(choice.rule)
    voters = _first(active, choice.k)
    weights = (voting.own_weights(voters) * voting.rank_weights(voters.num_neighbors))[0]
    total = weights.sum()
    shares = dict(zip(voters.ids[0].tolist(), (weights / total if total else weights).tolist(), strict=True))
    turns = _turns(active, choice.k, voting, names)
    order = found.ids[0].tolist()
    end = order.index(voters.ids[0][voters.ids[0] >= 0][-1]) + 1 if shares.keys() - {-1} else len(order)
    listed = []
    for one, label, similarity in zip(order[:end], found.labels[0], found.similarities[0], strict=False):
        if one < 0 or one in question.hidden_ids:
            continue
        listed.append(
            Neighbor(
                id=one,
                class_name=names[label],
                owner=texts.owners[texts.rows[one]],
                similarity=float(similarity),
                share=shares.get(one, 0.0),
                is_on=one not in choice.off,
                without_it=turns.get(one),
            )
        )
    return tuple(listed)


def _turns(active: Neighbors, k: int, voting: Voting, names: tuple[str, ...]) -> dict[int, str]:
    """What the answer turns into without each voter that decides it alone."""
    if not active.memory_size or active.ids[0, 0] < 0:
        return {}
    audit = leave_one_out(active, k, voting=voting)
    after = audit.to_classes.tolist()
    return {
        entry_id: _name(names, label) or "nothing"
        for entry_id, label in zip(audit.entry_ids.tolist(), after, strict=True)
    }
