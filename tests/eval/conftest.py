"""Small image folders with known contents, a task with a known answer, and a cache folder of the test's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from eval import suite
from eval.task import Conditions, Outcome, Score
from eval.tasks.registry import task_class
from pretrain.encoder import Encoder
from procmem.errors import UserError

COLORS = {"blue": (20, 40, 220), "green": (30, 200, 60), "red": (220, 30, 20)}


@pytest.fixture(autouse=True)
def own_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PROCMEM_DATA", raising=False)


def save_image(path: Path, color: tuple[int, int, int], seed: int = 0) -> None:
    noise = np.random.Generator(np.random.Philox(seed)).integers(-15, 16, (24, 30, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.asarray(color) + noise).clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def color_folder(tmp_path: Path) -> Path:
    """Three classes told apart by colour: 4 training and 2 validation images each, 30 x 24 px."""
    folder = tmp_path / "data" / "colors"
    seed = 0
    for name, color in COLORS.items():
        for split, count in (("train", 4), ("val", 2)):
            for number in range(count):
                save_image(folder / split / name / f"{number}.png", color, seed := seed + 1)
    return folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy:
    """Four cases, of which an encoder gets as many right as its name has letters beyond four: pixels 2, histogram 4.

    Attributes:
        dataset: a name.
        metric: of the score.
        refuses: an encoder that it cannot measure.
        breaks_on: an encoder on which it fails unforeseen.
    """

    kind: ClassVar[str] = "toy"
    calls: ClassVar[list[tuple[str, str]]] = []
    dataset: str
    metric: str = "top1_accuracy"
    refuses: str = ""
    breaks_on: str = ""

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        self.calls.append((self.dataset, encoder.name))
        if encoder.name == self.refuses:
            raise UserError(f"{encoder.name} has no patch tokens")
        if encoder.name == self.breaks_on:
            raise RuntimeError("out of memory")
        num_right = min(4, len(encoder.name) - 4)
        cases = np.array([1.0] * num_right + [0.0] * (4 - num_right))
        score = Score(
            metric=self.metric,
            value=float(cases.mean()),
            n=4,
            standard_error=float(cases.std() / 2),
            config={"k": num_right},
            is_headline=True,
            per_case=cases,
            case_names=("a", "b", "c", "d"),
            case_members=np.arange(4)[:, None],
        )
        seconds = Score(metric="seconds", value=1.5, n=1, standard_error=0.0)
        pictures = {"grey": Image.new("RGB", (8, 8), (num_right, 7, 7))} if conditions.pictures else {}
        return Outcome(dataset=self.dataset, scores=(score, seconds), pictures=pictures)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Toy]:
    """The task of kind "toy", in the registry for one test, with no calls so far; "digits" and "cifar10" are here."""
    for split in ("train", "val"):
        save_image(tmp_path / "sets" / "cifar10" / split / "cat" / "0.png", (9, 9, 9))
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path / "sets"))
    monkeypatch.setattr(suite, "task_class", lambda kind: Toy if kind == "toy" else task_class(kind))
    Toy.calls.clear()
    return Toy
