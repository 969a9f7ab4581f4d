"""Where metrics go besides metrics.csv. No logger may end a run that learns.

Weights & Biases works offline unless asked otherwise: no account, no network, `wandb sync` uploads later. Online, a
server that cannot be reached is a warning and the run goes on offline. Each is imported where it is asked for.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger

from pretrain.config import PretrainConfig
from procmem.errors import UserError
from procmem.files import short_fingerprint
from procmem.progress import say

CONNECT_SECONDS = 30.0
"""How long W&B may take to answer before the run goes on without it."""


def make_loggers(config: PretrainConfig, run_folder: Path) -> list[Logger]:
    """The loggers of a run; none for ``csv``, which `pretrain.metrics.MetricsFile` writes in any case.

    Raises:
        UserError: if the logger's package is not installed.
    """
    if config.logger == "tensorboard":
        _require("tensorboard", "pip install 'procmem[tensorboard]'")
        return [TensorBoardLogger(run_folder, name="tensorboard", version="")]
    if config.logger in ("wandb_offline", "wandb"):
        _require("wandb", "pip install wandb")
        return [_wandb(run_folder, is_offline=config.logger == "wandb_offline")]
    return []


def _wandb(run_folder: Path, *, is_offline: bool) -> Logger:
    import wandb
    from lightning.pytorch.loggers import WandbLogger

    settings: dict[str, Any] = {
        "project": "procmem",
        "name": run_folder.name,
        "save_dir": run_folder,
        "id": short_fingerprint(str(run_folder.resolve())),  # one run there, however often it is continued here
        "resume": "allow",
    }
    if is_offline:
        return WandbLogger(**settings, offline=True)
    logger = WandbLogger(**settings, settings=wandb.Settings(init_timeout=CONNECT_SECONDS))
    try:
        _ = logger.experiment
    except wandb.errors.Error as error:
        reason = " ".join(str(error).split())
        say(f"warning: Weights & Biases cannot be used ({reason}); the run goes on offline, 'wandb sync' uploads it")
        # Under another id: the client holds the first one until the process ends.
        return WandbLogger(**settings | {"id": f"{settings['id']}-offline"}, offline=True)
    return logger


def _require(package: str, command: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise UserError(f"logger {package!r} needs the package {package}: {command}, or set logger: csv")
