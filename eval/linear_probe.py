"""Linear probe: a linear classifier on frozen embeddings, its settings chosen on a held-out fifth of the training set.

Two solvers. ``lbfgs`` minimises the convex problem to the end (scikit-learn's logistic regression), for sets that fit
in memory; ``sgd`` is DINO's recipe for large ones (momentum 0.9, cosine to 0, no weight decay), with all learning
rates of the grid trained at once on the same batches. Embeddings are standardised by the training set's means and
deviations (unit-length embeddings differ in the second digit, which no solver likes); that is folded into the weights,
so a probe is a plain ``embedding @ weight + bias``.

The grid point is chosen on a held-out fifth and fitted again on everything. Every grid point fitted on everything is
scored on the queries too, so that the papers' habit of reporting the best of them (DINOv2 calls it common practice)
can be replayed and is named as what it is.

Letters: N entries, Q queries, D embedding, C classes, G grid points, B batch.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from eval.held_out import held_out
from procgen.seeds import generator
from procmem.errors import UserError, unknown_name

Solver = Literal["auto", "lbfgs", "sgd"]

LBFGS_MOST_ENTRIES = 50_000
"""Above it ``auto`` takes SGD."""

MOMENTUM = 0.9
SMALL_PROBE_PRODUCTS = 100_000_000
"""N D C below which one BLAS thread is best: 648 x 256 x 81 took 0.24 s, with two on a busy machine 3 to 5 s."""

SMALLEST_DEVIATION = 1e-6
"""A dimension that varies less is constant but for rounding and is left as it is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """How a probe is fitted.

    Attributes:
        solver: "auto" takes lbfgs up to 50,000 entries, else sgd.
        l2: grid for lbfgs: loss = mean cross-entropy + l2 / 2 * |weights|^2 in standardised embeddings, strongest
            first (equals go to the earlier). Two classes have one column of weights.
        max_iterations: of lbfgs.
        learning_rates: grid for sgd, for batches of 256 (scaled linearly).
        epochs: of sgd.
        batch_size: of sgd.

    Raises:
        UserError: for an empty grid or a number out of range.
    """

    solver: Solver = "auto"
    l2: Sequence[float] = (1.0, 0.1, 1e-2, 1e-3, 1e-4)
    max_iterations: int = 300
    learning_rates: Sequence[float] = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3)
    epochs: int = 100
    batch_size: int = 256

    def __post_init__(self) -> None:
        if self.solver not in get_args(Solver):
            raise unknown_name("solver", self.solver, get_args(Solver))
        for name in ("l2", "learning_rates"):
            values = getattr(self, name)
            if not values or not all(0 < value < np.inf for value in values):
                raise UserError(f"{name} must be numbers above 0, received {values!r}")
        for name in ("max_iterations", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, received {getattr(self, name)}")

    def solver_for(self, num_entries: int) -> Literal["lbfgs", "sgd"]:
        """What "auto" means for so many entries."""
        if self.solver != "auto":
            return self.solver
        return "lbfgs" if num_entries <= LBFGS_MOST_ENTRIES else "sgd"

    def grid_for(self, num_entries: int) -> tuple[float, ...]:
        """The values that are tried."""
        return tuple(self.l2 if self.solver_for(num_entries) == "lbfgs" else self.learning_rates)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """A linear classifier.

    Attributes:
        weight: (D, C) float64; of a class without training images 0.
        bias: (C,); -inf for a class without training images.
        setting: its l2, or its learning rate.
        converged: whether lbfgs came to the end.
    """

    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    setting: float
    converged: bool = True

    def predict(self, embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """(Q,) classes of (Q, D)."""
        predictions: npt.NDArray[np.int64] = np.argmax(embeddings @ self.weight + self.bias, axis=1)
        return predictions


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProbeChoice:
    """Every grid point fitted on all entries, and which was chosen.

    Attributes:
        probes: G probes.
        held_out_accuracy: (G,) of the same settings fitted on four fifths, on the rest.
        chosen: position of the best there (the earlier of equals).
        solver: that was used.
    """

    probes: tuple[Probe, ...]
    held_out_accuracy: npt.NDArray[np.float64]
    chosen: int
    solver: str


def choose_probe(
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    num_classes: int,
    settings: ProbeSettings | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> ProbeChoice:
    """Choose the setting on a held-out fifth of each class, and fit on everything.

    Args:
        entries: (N, D) embeddings.
        labels: (N,) classes.
        num_classes: C.
        settings: grid and solver.
        seed: draws the held-out part and the batches.
        device: of SGD.

    Raises:
        UserError: for fewer than two classes, or embeddings that are not finite.
    """
    settings = settings or ProbeSettings()
    chance = generator(seed, "linear probe", "held out")
    is_held_out = held_out(labels, chance)
    grid, solver = settings.grid_for(len(labels)), settings.solver_for(len(labels))
    fixed = dataclasses.replace(settings, solver=solver)
    probes = fit_probes(entries, labels, num_classes=num_classes, settings=fixed, seed=seed, device=device)
    if len(grid) > 1 and is_held_out.any() and len(np.unique(labels[~is_held_out])) > 1:
        kept = ~is_held_out
        trial = fit_probes(
            entries[kept], labels[kept], num_classes=num_classes, settings=fixed, seed=seed, device=device
        )
        rest, truth = entries[is_held_out], labels[is_held_out]
        accuracy = np.array([np.mean(probe.predict(rest) == truth) for probe in trial])
        chosen = int(np.argmax(accuracy))
    else:  # one setting, or one image a class: nothing to choose by
        accuracy, chosen = np.full(len(grid), np.nan), len(grid) // 2
    return ProbeChoice(probes=tuple(probes), held_out_accuracy=accuracy, chosen=chosen, solver=solver)


def fit_probes(
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    num_classes: int,
    settings: ProbeSettings,
    seed: int = 0,
    device: str = "cpu",
) -> list[Probe]:
    """A probe for each value of the grid; arguments and errors as `choose_probe`."""
    labels = np.asarray(labels, np.int64)
    if entries.ndim != 2 or labels.shape != (len(entries),) or not np.isfinite(entries).all():
        raise UserError(
            f"a probe needs finite embeddings (N, D) with a label each, got {entries.shape}, {labels.shape}"
        )
    classes, own = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise UserError(f"a probe needs training images of at least two classes, received {len(classes)}")
    mean, deviation = entries.mean(axis=0, dtype=np.float64), entries.std(axis=0, dtype=np.float64)
    deviation[deviation < SMALLEST_DEVIATION] = 1.0
    grid = settings.grid_for(len(labels))
    if settings.solver_for(len(labels)) == "lbfgs":
        standard = (entries - mean) / deviation
        fits = [_lbfgs(standard, own, value, settings.max_iterations) for value in grid]
    else:  # of a large set, so no float64 copy of it
        standard32 = (entries - mean.astype(np.float32)) / deviation.astype(np.float32)
        fits = _sgd(standard32, own, grid, settings, seed, device)
    probes = []
    for value, (weight, bias, converged) in zip(grid, fits, strict=True):
        whole = np.zeros((entries.shape[1], num_classes))
        whole[:, classes] = weight / deviation[:, None]
        offsets = np.full(num_classes, -np.inf)
        offsets[classes] = bias - (mean / deviation) @ weight
        probes.append(Probe(weight=whole, bias=offsets, setting=float(value), converged=converged))
    return probes


_Fit = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], bool]
"""Weight (D, C) and bias (C,) in standardised embeddings, and whether the solver came to the end."""


def _lbfgs(standard: npt.NDArray[np.float64], own: npt.NDArray[np.int64], l2: float, max_iterations: int) -> _Fit:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    num_products = standard.size * (int(own.max()) + 1)
    threads = 1 if num_products < SMALL_PROBE_PRODUCTS else None
    # scikit-learn minimises C * sum of losses + |w|^2 / 2
    solver = LogisticRegression(C=1 / (l2 * len(own)), max_iter=max_iterations, tol=1e-5)
    with warnings.catch_warnings(), threadpool_limits(threads, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by `converged`
        warnings.filterwarnings("ignore", "The number of unique classes is greater")  # one image a class
        solver.fit(standard, own)
    weight, bias = solver.coef_.T, solver.intercept_
    if weight.shape[1] == 1:  # two classes: one logit, of the second
        weight, bias = np.concatenate([-weight, weight], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias, int(solver.n_iter_.max()) < max_iterations


def _sgd(
    standard: npt.NDArray[np.float32],
    own: npt.NDArray[np.int64],
    learning_rates: Sequence[float],
    settings: ProbeSettings,
    seed: int,
    device: str,
) -> list[_Fit]:
    """All learning rates at once: their losses add up, and each one's gradient is its own.

    ``for epoch: for batch: v = momentum v + gradient; weight -= rate(step) v``, rate by cosine from its start to 0
    """
    x, y = torch.from_numpy(standard).to(device), torch.from_numpy(own).to(device)
    N, D = x.shape
    G, C = len(learning_rates), int(own.max()) + 1
    weight = torch.zeros(G, D, C, device=device, requires_grad=True)
    bias = torch.zeros(G, 1, C, device=device, requires_grad=True)
    rates = x.new_tensor(list(learning_rates)).view(G, 1, 1) * (settings.batch_size / 256)
    speeds = [torch.zeros_like(weight), torch.zeros_like(bias)]
    num_steps = settings.epochs * -(-N // settings.batch_size)
    step = 0
    for epoch in range(settings.epochs):
        order = torch.from_numpy(generator(seed, "linear probe", "batches", epoch).permutation(N)).to(device)
        for rows in torch.split(order, settings.batch_size):
            logits = x[rows] @ weight + bias  # (G, B, C)
            loss = F.cross_entropy(logits.flatten(0, 1), y[rows].repeat(G), reduction="sum") / len(rows)
            gradients = torch.autograd.grad(loss, (weight, bias))
            rate = rates * (0.5 * (1 + np.cos(np.pi * step / num_steps)))
            with torch.no_grad():
                for parameter, speed, gradient in zip((weight, bias), speeds, gradients, strict=True):
                    speed.mul_(MOMENTUM).add_(gradient)
                    parameter -= rate * speed
            step += 1
    weights, biases = weight.detach().cpu().double().numpy(), bias.detach().cpu().double().numpy()
    return [(weights[g], biases[g, 0], True) for g in range(G)]
