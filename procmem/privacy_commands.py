"""What the commands about private answers and attacks do; see `procmem.commands` for the conventions."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.audit.private_voting import Mechanism
from procmem.audit_output import print_subject, print_table
from procmem.commands import print_json
from procmem.errors import UserError
from procmem.progress import say

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from eval.images import LabelledImages
    from memory.neighbors import Neighbors
    from procmem.audit_subject import AuditSubject

DEFAULT_EPSILONS = (0.1, 0.3, 1.0, 3.0, 10.0)


def audit_private_voting(
    *,
    memory: Path,
    dataset: str,
    encoder: str | None = None,
    k: list[int] | None = None,
    epsilons: list[float] | None = None,
    delta: float = 1e-5,
    answers: int = 1,
    mechanisms: list[Mechanism] | None = None,
    sampling_rate: float = 1.0,
    max_queries: int | None = None,
    exclude_self: bool = False,
    seed: int | None = None,
    json: bool = False,
) -> None:
    """Measure the accuracy of differentially private answers against their privacy budget.

    Neighbouring memories differ in one entry, added or removed; only the predicted class is released. Queries and the
    encoder count as public: use an encoder that has not seen the memory's images.

    Args:
        memory: the memory's folder.
        dataset: its validation images are the queries.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote, unweighted. The default is 20.
        epsilons: budgets, each for all answers together.
        delta: of the budget; below 1 / entries by rule of thumb.
        answers: how many answers a budget must last for.
        mechanisms: gaussian (noisy counts) or exponential (report noisy max); the default is both.
        sampling_rate: each answer is made from a fresh Poisson sample of this share of the memory.
        max_queries: most queries, a seeded subset.
        exclude_self: leave out queries that are in the memory themselves, which are refused otherwise.
        seed: makes the noise repeatable, for simulations; without it noise is cryptographic.
        json: print everything as JSON.
    """
    import numpy as np

    from memory.audit.private_voting import calibrated, depth_for_sampling, private_vote, vote_counts
    from procgen.seeds import generator
    from procmem.audit_subject import begin_audit

    chosen: list[Mechanism] = mechanisms or ["gaussian", "exponential"]
    votings = [
        (epsilon, calibrated(each, epsilon=epsilon, delta=delta, num_answers=answers, sampling_rate=sampling_rate))
        for each in chosen
        for epsilon in epsilons or DEFAULT_EPSILONS
    ]
    subject, ks, _ = begin_audit(memory, dataset, encoder, k, None, max_queries, exclude_self)
    _warn_of_provenance(subject)
    neighbors = subject.search(depth_for_sampling(max(ks), sampling_rate))
    C, truth = len(subject.memory.class_names), subject.query_labels
    rows: list[dict[str, Any]] = []
    for each in ks:
        plain = vote_counts(neighbors, each, C).argmax(axis=1)
        rows.append({"mechanism": "none", "k": each, "epsilon": math.inf, "accuracy": float(np.mean(plain == truth))})
        for epsilon, voting in votings:
            chance = None if seed is None else generator(seed, "private voting", voting.mechanism, each, str(epsilon))
            found = private_vote(neighbors, each, num_classes=C, voting=voting, chance=chance)
            noise = {"noise_multiplier": voting.noise_multiplier} if voting.mechanism == "gaussian" else {}
            row: dict[str, Any] = {"mechanism": voting.mechanism, "k": each, "epsilon": epsilon, **noise}
            rows.append(row | {"accuracy": float(np.mean(found == truth))})
    description = subject.description() | {"delta": delta, "answers": answers, "sampling_rate": sampling_rate}
    if json:
        for row in rows:
            row["epsilon"] = None if math.isinf(row["epsilon"]) else row["epsilon"]  # JSON knows no infinity
        print_json(description | {"curve": rows})
        return
    print_subject(description)
    sys.stdout.write(f"budget: epsilon for {answers} answers together, delta {delta:g}, one entry added or removed\n")
    heads = {
        "mechanism": "mechanism",
        "k": "k",
        "epsilon": "epsilon",
        "noise_multiplier": "noise",
        "accuracy": "accuracy",
    }
    print_table(rows, heads)


def audit_membership(
    *,
    memory: Path,
    dataset: str,
    encoder: str | None = None,
    k: int = 20,
    epsilon: float = 1.0,
    delta: float = 1e-5,
    max_images: int = 2000,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Attack the memory's answers: can other views of its images be told from views of images that it does not hold?

    Half of the images are taken out of the memory for the attack (in RAM; nothing on disk changes), so that members
    and others are drawn alike.

    Args:
        memory: the memory's folder.
        dataset: the data set whose training images the memory was built from.
        encoder: the memory's encoder; the default is the specification that the memory was built with.
        k: neighbours that vote.
        epsilon: of each answer of the private voting that is attacked as well.
        delta: of the same.
        max_images: most images to ask about, members and others together.
        seed: fixes which images are members, and their views.
        json: print everything as JSON.
    """
    import numpy as np

    from eval.datasets import find_dataset
    from eval.extract import extract
    from eval.views import ViewedImages
    from memory.audit.private_voting import calibrated
    from memory.memory import VisualMemory
    from pretrain.encoder import load_encoder
    from procgen.seeds import generator
    from procmem.audit_subject import find_device

    device = find_device()
    opened = VisualMemory.open(memory)
    loaded = load_encoder(encoder or opened.card.name, device=device)
    opened.check_card(loaded.card())
    images, rows = _images_of_entries(opened, find_dataset(dataset).train)
    private = calibrated("gaussian", epsilon=epsilon, delta=delta, num_answers=1)
    chance = generator(seed, "membership")
    is_member = np.zeros(len(opened), bool)
    is_member[chance.permutation(len(opened))[: len(opened) // 2]] = True
    if not 1 <= k < is_member.sum():
        raise UserError(f"k is {k}; it must be at least 1 and below the {is_member.sum()} entries that stay")
    asked = np.sort(chance.permutation(len(rows))[:max_images])
    views = extract(loaded, ViewedImages.of(images.select(asked), seed), cache=False)
    attacks = _attacks(opened, is_member, views.values, rows[asked], k, private, chance)
    answer: dict[str, Any] = {
        "memory": str(memory),
        "version": opened.version,
        "encoder": opened.card.name,
        "num_entries": int(is_member.sum()),
        "k": k,
        "epsilon": epsilon,
        "delta": delta,
        "attacks": attacks,
    }
    if json:
        print_json(answer)
        return
    sys.stdout.write(
        f"{memory}, version {opened.version}: half of it, {is_member.sum()} entries, k = {k}; "
        f"views of {attacks[0]['num_members']} members and {attacks[0]['num_others']} others\n"
    )
    print_table([_flat(attack) for attack in attacks], _HEADS)


_HEADS = {
    "memory": "memory",
    "score": "attacker sees",
    "accuracy": "accuracy",
    "auc": "AUC",
    "interval": "95 %",
    "advantage": "advantage",
    "tpr_0.01": "TPR at 1 % false",
    "tpr_0.001": "TPR at 0.1 % false",
}


def _flat(attack: dict[str, Any]) -> dict[str, Any]:
    row = attack | {"interval": f"{attack['auc_low']:.3f} to {attack['auc_high']:.3f}"}
    for rate in attack["rates"]:
        text = f"{rate['true_positive_rate']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})"
        row[f"tpr_{rate['false_positive_rate']:g}"] = text
    return row


def _attacks(
    opened: Any,
    is_member: npt.NDArray[np.bool_],
    views: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    k: int,
    private: Any,
    chance: np.random.Generator,
) -> list[dict[str, Any]]:
    """Each score against the plain memory, the pruned one and private answers."""
    import numpy as np

    from memory.audit.membership import attack_scores, membership
    from memory.audit.private_voting import private_vote
    from memory.voting import vote

    truth, C = opened.entries.labels[rows], len(opened.class_names)
    plain: Neighbors = opened.search(views, k, allowed=is_member)
    pruned: Neighbors = opened.search(views, k, allowed=is_member & _agrees_with_neighbours(opened, is_member, k))
    answered = private_vote(plain, k, num_classes=C, voting=private)
    scores: list[tuple[str, str, npt.NDArray[np.float64], float]] = []
    for name, neighbors in (("plain", plain), ("pruned", pruned)):
        accuracy = float(np.mean(vote(neighbors, num_classes=C).predictions == truth))
        for score in ("similarity", "confidence", "true_class", "answer"):
            scores.append((name, score, attack_scores(neighbors, truth, score, num_classes=C), accuracy))
    is_right = (answered == truth).astype(np.float64)
    scores.append(("private", "answer", is_right, float(is_right.mean())))
    member = is_member[rows]
    return [
        {"memory": name, "accuracy": accuracy}
        | membership(values[member], values[~member], chance, score=score).to_dict()
        for name, score, values, accuracy in scores
    ]


def _agrees_with_neighbours(opened: Any, is_member: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.bool_]:
    """(N,) whether the other entries vote for an entry's own class; pruning drops the rest (Wilson 1972)."""
    import numpy as np

    from eval.knn import without_self
    from memory.voting import vote

    entries = opened.entries
    agrees = np.zeros(len(entries.ids), bool)
    own = np.flatnonzero(is_member)
    found = without_self(opened.search(entries.embeddings[own], k + 1, allowed=is_member), entries.ids[own])
    agrees[own] = vote(found, num_classes=len(opened.class_names)).predictions == entries.labels[own]
    return agrees


def _images_of_entries(opened: Any, images: LabelledImages) -> tuple[LabelledImages, npt.NDArray[np.int64]]:
    """The images of a set that are in the memory, and the row of each one's entry."""
    import numpy as np

    names = {name: row for row, name in enumerate(zip(opened.datasets(), opened.uris(), strict=True))}
    found = [(position, names.get((images.name, uri))) for position, uri in enumerate(images.uris)]
    kept = [(position, row) for position, row in found if row is not None]
    if len(kept) < 2:
        raise UserError(f"the memory holds {len(kept)} of the training images of {images.name}; give its data set")
    positions, rows = (np.array(column, np.int64) for column in zip(*kept, strict=True))
    return images.select(positions), rows


def _warn_of_provenance(subject: AuditSubject) -> None:
    real = subject.memory.card.provenance.real_images
    if real is not False:
        seen = "has seen real images" if real is True else "has an unknown history"
        say(f"warning: the encoder {seen}; the guarantee covers the memory, not what is in its weights")
