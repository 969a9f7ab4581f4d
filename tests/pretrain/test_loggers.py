"""Loggers that are missing or cannot be reached. Run: pytest tests/pretrain/test_loggers.py.

No server is asked: W&B's client is replaced where it would connect.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import lightning.pytorch.loggers
import pytest

from pretrain.config import PretrainConfig
from pretrain.loggers import make_loggers
from pretrain.train import pretrain
from procgen.process import Process
from procmem.errors import UserError


class FakeWandb:
    """Fails where the real one would talk to its server."""

    made: list[dict[str, Any]]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.made.append(settings)

    @property
    def experiment(self) -> Any:
        import wandb

        raise wandb.errors.CommError("Run initialization has timed out after 30.0 sec.\nPlease refer to the manual")


@pytest.fixture
def wandb_runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr(FakeWandb, "made", [], raising=False)
    monkeypatch.setattr(lightning.pytorch.loggers, "WandbLogger", FakeWandb)
    return FakeWandb.made


def test_wandb_that_cannot_be_reached_becomes_offline_with_a_warning(
    tiny_config: PretrainConfig, tmp_path: Path, wandb_runs: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    make_loggers(dataclasses.replace(tiny_config, logger="wandb"), tmp_path)
    online, offline = wandb_runs
    assert "offline" not in online
    assert online["settings"].init_timeout == 30
    assert offline["offline"] is True
    assert offline["id"] == f"{online['id']}-offline"  # the client refuses an id that it has tried
    said = capsys.readouterr().err
    assert "Weights & Biases cannot be used (Run initialization has timed out" in said
    assert "the run goes on offline" in said


def test_offline_asks_nobody_and_csv_loads_nothing(
    tiny_config: PretrainConfig, tmp_path: Path, wandb_runs: list[dict[str, Any]]
) -> None:
    for _ in range(2):
        make_loggers(dataclasses.replace(tiny_config, logger="wandb_offline"), tmp_path)
    first, continued = wandb_runs
    assert first == continued  # one run there, however often it is continued
    assert (first["offline"], first["resume"]) == (True, "allow")
    assert make_loggers(tiny_config, tmp_path) == []


@pytest.mark.parametrize(("logger", "package"), [("tensorboard", "tensorboard"), ("wandb", "wandb")])
def test_a_logger_that_is_not_installed_is_named_with_the_command_that_installs_it(
    tiny_config: PretrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logger: Any, package: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"needs the package {package}: pip install .*{package}"):
        make_loggers(dataclasses.replace(tiny_config, logger=logger), tmp_path)


def test_tensorboard_gets_the_metrics(tiny_config: PretrainConfig, squares: Process, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    result = pretrain(dataclasses.replace(tiny_config, logger="tensorboard"), tmp_path, process=squares)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    logged = {event.step: event.value for event in events.Scalars("loss")}
    assert logged == {step: pytest.approx(row["loss"]) for step, row in result.metrics.items()}
