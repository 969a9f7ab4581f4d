"""What happens at the end of a step besides learning: metrics, progress bar, probe, checkpoints, and stopping.

A request to stop (Ctrl-C, or a signal of the cluster) is honoured at the end of the running step, where weights,
teacher and centre belong together, and leaves a checkpoint behind. It may reach one rank only or several ranks in
different steps: they agree after every step. A second Ctrl-C stops at once.
"""

from __future__ import annotations

import abc
import contextlib
import os
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
from pretrain.module import PretrainModule
from pretrain.monitor import CollapseMonitor, measure
from pretrain.throughput import flops_per_image, peak_flops
from procgen.stream import Batch
from procmem.errors import UserError, WorkError
from procmem.progress import DELAY_SECONDS, say

Embed = Callable[[torch.Tensor], torch.Tensor]
Probe = Callable[[Embed, int], dict[str, float]]
"""(embed, completed steps) -> named numbers; embed takes uint8 (B, 3, S, S) and gives L2-normalised (B, D)."""


TERMINAL_SECONDS, LOG_SECONDS = 0.1, 30.0
"""Between two updates of the progress bar: where a person watches, and where it goes to a log."""

SHOWN_WAITING_SHARE = 0.05
"""Of a step; where waiting for images takes more, the progress bar says so: more workers may help."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Ctrl-C; what ends a job; and what SLURM and submitit send some time before that (USR2; USR1 where so configured)."""
STDERR = 2


class StepCallback(Callback, abc.ABC):
    """Calls `on_step` once for each completed optimizer step, not for each micro-batch.

    Attributes:
        batch: the step's last micro-batch.
    """

    @abc.abstractmethod
    def on_step(self, trainer: Trainer, module: PretrainModule, step: int) -> None:
        """Step is the number of completed steps, so the first call has 1."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step > self._last_step:
            self._last_step = trainer.global_step
            self.batch: Batch = batch
            assert isinstance(pl_module, PretrainModule)
            self.on_step(trainer, pl_module, self._last_step)


class Recorder(StepCallback):
    """Writes a row of metrics every n steps and warns of a collapse.

    Attributes:
        warnings: all warnings given.
        images_per_second: over all devices, of the last interval.
        flop_limit: images a second that the devices could do at their peak (`pretrain.throughput`); None if unknown.
    """

    def __init__(self, metrics: MetricsFile, monitor: CollapseMonitor) -> None:
        self.metrics = metrics
        self.monitor = monitor
        self.warnings: list[str] = []
        self.images_per_second = 0.0
        self.flop_limit: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        assert isinstance(pl_module, PretrainModule)
        if trainer.is_global_zero:
            precision = torch.bfloat16 if trainer.precision == "bf16-mixed" else torch.float32
            peak = peak_flops(pl_module.device, precision)
            if peak is not None:
                flops = flops_per_image(pl_module.student, pl_module.config.crops)
                self.flop_limit = peak * trainer.world_size / flops
        self._since, self._since_step, self._waited = time.perf_counter(), trainer.global_step, pl_module.seconds_waited

    def on_step(self, trainer: Trainer, module: PretrainModule, step: int) -> None:
        observation, module.observation = module.observation, None
        if observation is None:
            return
        optimization = module.config.optimization
        now = time.perf_counter()
        images, seconds = (step - self._since_step) * optimization.batch_size, max(now - self._since, 1e-9)
        self.images_per_second = images / seconds
        waiting_share = (module.seconds_waited - self._waited) / seconds
        self._since, self._since_step, self._waited = now, step, module.seconds_waited
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
            "waiting_share": waiting_share,
        }
        if self.flop_limit is not None:
            values["model_flop_utilisation"] = self.images_per_second / self.flop_limit
        record(trainer, self.metrics, step, values)
        for warning in self.monitor.observe(step, measured["loss"], measured, len(observation.embeddings)):
            self.warnings.append(warning)
            say(f"warning: {warning}")


class ProbeCallback(StepCallback):
    """Calls the probe every n steps and after the last, on the first rank."""

    def __init__(self, probe: Probe, metrics: MetricsFile) -> None:
        self.probe = probe
        self.metrics = metrics

    def on_step(self, trainer: Trainer, module: PretrainModule, step: int) -> None:
        if step % module.config.probe_every_steps and step != module.config.optimization.total_steps:
            return
        if trainer.is_global_zero:
            values = {f"probe/{name}": float(value) for name, value in self.probe(module.embed, step).items()}
            record(trainer, self.metrics, step, values)
        trainer.strategy.barrier()


class ProgressBar(StepCallback):
    """Steps done and to come, images per second, model-FLOP utilisation, loss; tqdm adds the time that is left."""

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

    def on_step(self, trainer: Trainer, module: PretrainModule, step: int) -> None:
        row = self.recorder.metrics.rows.get(step)
        if row is not None and "loss" in row:
            mfu = f", MFU {row['model_flop_utilisation']:.0%}" if "model_flop_utilisation" in row else ""
            waiting = f", {row['waiting_share']:.0%} waiting" if row["waiting_share"] > SHOWN_WAITING_SHARE else ""
            speed = f"{row['images_per_second']:.0f} images/s{mfu}{waiting}"
            self.bar.set_postfix_str(f"{speed}, loss {row['loss']:.3f}", refresh=False)
        self.bar.update()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if hasattr(self, "bar"):
            self.bar.close()


class Checkpoints(StepCallback):
    """Saves every n steps, after the last step, and when asked to stop; then stops.

    A full disk does not end a run: what it has learned is in memory, and somebody may make room.

    Attributes:
        stop_signal: what asked to stop, the same on all ranks after a step; 0 while nothing did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stop_signal = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._take_over_signals()  # once more: Lightning has put its own on SIGTERM, which broadcasts where it stands

    def on_step(self, trainer: Trainer, module: PretrainModule, step: int) -> None:
        config = module.config
        is_last = step == config.optimization.total_steps
        if trainer.world_size > 1:
            asked = torch.tensor(self.stop_signal, device=module.device)
            torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
            self.stop_signal = int(asked)
        if self.stop_signal or is_last or step % config.checkpoint_every_steps == 0:
            module.finite_guard.check()  # a checkpoint must be good
            self._save(trainer, module, step, is_needed=bool(self.stop_signal) or is_last)
        if self.stop_signal:
            trainer.should_stop = True

    def _save(self, trainer: Trainer, module: PretrainModule, step: int, *, is_needed: bool) -> None:
        """Save; where there is no room, go on with the older checkpoints, unless the run ends here."""
        try:
            trainer.save_checkpoint(checkpoint_path(self.folder, step))
        except UserError as error:
            if is_needed:
                raise WorkError(
                    f"stopped at step {step} without a checkpoint of it ({error}); the earlier ones are whole: "
                    "make room and give the same command"
                ) from error
            trainer.strategy.barrier()  # where the others wait, since only the first rank writes
            say(f"warning: no checkpoint at step {step} ({error}); training goes on, the earlier ones are whole")
            return
        if trainer.is_global_zero:
            remove_old_checkpoints(self.folder, module.config.keep_checkpoints, module.config.keep_every_steps)

    @contextlib.contextmanager
    def stop_on_signal(self) -> Iterator[None]:
        """Turn signals into a request to stop; a second Ctrl-C acts as usual. Only the main thread can do this."""
        self._previous = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        self._take_over_signals()
        try:
            yield
        finally:
            if _is_main_thread():
                for number, handler in self._previous.items():
                    signal.signal(number, handler)

    def _take_over_signals(self) -> None:
        if _is_main_thread():
            for number in STOP_SIGNALS:
                signal.signal(number, self._request_stop)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_signal = self.stop_signal or number
        hint = ""
        if number == signal.SIGINT:
            signal.signal(number, self._previous[signal.SIGINT])
            hint = "; press Ctrl-C again to stop at once"
        line = f"{signal.Signals(number).name}: stopping after this step with a checkpoint{hint}\n"
        os.write(STDERR, line.encode())  # sys.stderr may be in the middle of a write


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def record(trainer: Trainer, metrics: MetricsFile, step: int, values: dict[str, float]) -> None:
    """Write values to metrics.csv and to the other loggers, on the first rank."""
    if trainer.is_global_zero:
        try:
            metrics.record(step, values)
        except (OSError, UserError) as error:
            say(f"warning: metrics of step {step} are not on disk ({error}); they are written with the next ones")
        for logger in trainer.loggers:
            logger.log_metrics(values, step=step)
