"""What happens at the end of a step besides learning: metrics, progress bar, probe, checkpoints, and stopping.

A request to stop (Ctrl-C) is honoured at the end of the running step, where weights, teacher and centre belong
together, and leaves a checkpoint behind. A second one stops at once.
"""

from __future__ import annotations

import abc
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

from pretrain.checkpoint import checkpoint_path, remove_old_checkpoints
from pretrain.metrics import MetricsFile
from pretrain.module import DINOModule
from pretrain.monitor import CollapseMonitor, measure
from procmem.progress import DELAY_SECONDS, say

Embed = Callable[[torch.Tensor], torch.Tensor]
Probe = Callable[[Embed, int], dict[str, float]]
"""(embed, completed steps) -> named numbers; embed takes uint8 (B, 3, S, S) and gives L2-normalised (B, D)."""


TERMINAL_SECONDS, LOG_SECONDS = 0.1, 30.0
"""Between two updates of the progress bar: where a person watches, and where it goes to a log."""


class StepCallback(Callback, abc.ABC):
    """Calls `on_step` once for each completed optimizer step, not for each micro-batch."""

    @abc.abstractmethod
    def on_step(self, trainer: Trainer, module: DINOModule, step: int) -> None:
        """Step is the number of completed steps, so the first call has 1."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step > self._last_step:
            self._last_step = trainer.global_step
            assert isinstance(pl_module, DINOModule)
            self.on_step(trainer, pl_module, self._last_step)


class Recorder(StepCallback):
    """Writes a row of metrics every n steps and warns of a collapse.

    Attributes:
        warnings: all warnings given.
        images_per_second: over all devices, of the last interval.
    """

    def __init__(self, metrics: MetricsFile, monitor: CollapseMonitor) -> None:
        self.metrics = metrics
        self.monitor = monitor
        self.warnings: list[str] = []
        self.images_per_second = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._since, self._since_step = time.perf_counter(), trainer.global_step

    def on_step(self, trainer: Trainer, module: DINOModule, step: int) -> None:
        observation, module.observation = module.observation, None
        if observation is None:
            return
        optimization = module.config.optimization
        now = time.perf_counter()
        images = (step - self._since_step) * optimization.batch_size
        self.images_per_second = images / max(now - self._since, 1e-9)
        self._since, self._since_step = now, step
        measured = {"loss": float(observation.loss)}
        measured |= measure(observation.teacher_probabilities, observation.embeddings)
        measured = {name: float(trainer.strategy.reduce(torch.tensor(v))) for name, v in measured.items()}
        values = measured | {
            "images": step * optimization.batch_size,
            "gradient_norm": float(module.gradient_norm),
            "learning_rate": optimization.learning_rate_at(step - 1),
            "weight_decay": optimization.weight_decay_at(step - 1),
            "teacher_momentum": optimization.teacher_momentum_at(step - 1),
            "images_per_second": self.images_per_second,
        }
        record(trainer, self.metrics, step, values)
        for warning in self.monitor.observe(step, measured["loss"], measured, len(observation.embeddings)):
            self.warnings.append(warning)
            say(f"warning: {warning}")


class ProbeCallback(StepCallback):
    """Calls the probe every n steps and after the last, on the first rank."""

    def __init__(self, probe: Probe, metrics: MetricsFile) -> None:
        self.probe = probe
        self.metrics = metrics

    def on_step(self, trainer: Trainer, module: DINOModule, step: int) -> None:
        if step % module.config.probe_every_steps and step != module.config.optimization.total_steps:
            return
        if trainer.is_global_zero:
            values = {f"probe/{name}": float(value) for name, value in self.probe(module.embed, step).items()}
            record(trainer, self.metrics, step, values)
        trainer.strategy.barrier()


class ProgressBar(StepCallback):
    """Steps done and to come, images per second, loss; tqdm adds the time that is left."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self.bar = tqdm(
            desc="pretrain",
            total=trainer.max_steps,
            initial=trainer.global_step,
            unit="step",
            delay=DELAY_SECONDS,
            dynamic_ncols=True,
            mininterval=TERMINAL_SECONDS if sys.stderr.isatty() else LOG_SECONDS,
            disable=not trainer.is_global_zero,
        )

    def on_step(self, trainer: Trainer, module: DINOModule, step: int) -> None:
        row = self.recorder.metrics.rows.get(step)
        if row is not None and "loss" in row:
            self.bar.set_postfix_str(f"{row['images_per_second']:.0f} images/s, loss {row['loss']:.3f}", refresh=False)
        self.bar.update()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if hasattr(self, "bar"):
            self.bar.close()


class Checkpoints(StepCallback):
    """Saves every n steps, after the last step, and when asked to stop; then stops."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_stop_requested = False

    def on_step(self, trainer: Trainer, module: DINOModule, step: int) -> None:
        config = module.config
        is_last = step == config.optimization.total_steps
        if self.is_stop_requested or is_last or step % config.checkpoint_every_steps == 0:
            trainer.save_checkpoint(checkpoint_path(self.folder, step))
            if trainer.is_global_zero:
                remove_old_checkpoints(self.folder, config.keep_checkpoints)
        if self.is_stop_requested:
            trainer.should_stop = True

    @contextlib.contextmanager
    def stop_on_interrupt(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a stop request; the second acts as usual. Only the main thread can do this."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.getsignal(signal.SIGINT)

        def request(number: int, frame: FrameType | None) -> None:
            self.is_stop_requested = True
            signal.signal(signal.SIGINT, previous)
            say("stopping after this step with a checkpoint; press Ctrl-C again to stop at once")

        signal.signal(signal.SIGINT, request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)


def record(trainer: Trainer, metrics: MetricsFile, step: int, values: dict[str, float]) -> None:
    """Write values to metrics.csv and to the other loggers, on the first rank."""
    if trainer.is_global_zero:
        metrics.record(step, values)
        for logger in trainer.loggers:
            logger.log_metrics(values, step=step)
