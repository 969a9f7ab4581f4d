"""`pretrain`: from a configuration to a run folder with a trained encoder; the same call continues a stopped run.

The run folder holds ``config.yaml`` (resolved), ``provenance.json``, ``metrics.csv``, ``pictures/`` and
``checkpoints/``. A folder is one run: another configuration or other shader programs are refused, with what changed.

Batches, views and drop path are functions of the completed steps, so a continued run is bit-exact on the same
machine. On another number of devices it goes on too, without an image twice or left out; the provenance says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from pretrain.allocator import keep_freed_memory
from pretrain.callbacks import Checkpoints, Probe, ProbeCallback, ProgressBar, Recorder
from pretrain.checkpoint import checkpoint_path, newest_readable
from pretrain.checkpoint_io import AtomicCheckpointIO
from pretrain.config import PretrainConfig
from pretrain.loggers import make_loggers
from pretrain.metrics import MetricsFile
from pretrain.module import SEED_BITS, PretrainModule
from pretrain.monitor import CollapseMonitor
from pretrain.pictures import PictureCallback, TokenColors
from pretrain.ranks import cluster_environment, placed
from procgen.exclusions import Exclusions
from procgen.process import Process
from procgen.registry import make_process
from procgen.seeds import derive_key
from procgen.stream import Position
from procmem.errors import StoppedError, UserError
from procmem.files import make_folder, write_json
from procmem.progress import say
from procmem.provenance import Provenance, code_version
from procmem.strict_yaml import differences, read_yaml


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainResult:
    """What a finished run left behind.

    Attributes:
        run_folder: the run folder.
        checkpoint: its last checkpoint.
        completed_steps: optimizer steps done in all.
        resumed_from_step: completed steps found in the folder; 0 for a new run.
        images_per_second: of the last recorded interval, 0 if nothing was left to do.
        metrics: step -> name -> value, the content of metrics.csv.
        warnings: what the collapse monitor said.
        provenance: of the encoder.
    """

    run_folder: Path
    checkpoint: Path
    completed_steps: int
    resumed_from_step: int
    images_per_second: float
    metrics: dict[int, dict[str, float]]
    warnings: tuple[str, ...]
    provenance: Provenance


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Start:
    """Where a run begins or goes on: the checkpoint to continue from, the steps and the images that it completes."""

    checkpoint: Path | None = None
    completed_steps: int = 0
    position: Position = dataclasses.field(default_factory=Position)
    notes: tuple[str, ...] = ()


def pretrain(
    config: PretrainConfig,
    run_folder: Path,
    *,
    probe: Probe | None = None,
    token_colors: TokenColors | None = None,
    process: Process | None = None,
    allow_changed_config: bool = False,
) -> PretrainResult:
    """Train with DINO or the contrastive objective, or continue where the run folder stopped.

    Args:
        config: the run.
        run_folder: made if missing; continued if it holds a checkpoint.
        probe: called every ``config.probe_every_steps`` steps with the teacher's embed function and the step.
        token_colors: colours of patch tokens, for the pictures that are drawn every ``config.pictures_every_steps``
            steps; without it they show the views only.
        process: the images, instead of the one that ``config.process`` names.
        allow_changed_config: continue a folder of another configuration all the same; noted in the provenance.

    Returns:
        What the run left in its folder.

    Raises:
        UserError: if the configuration is wrong, or the folder belongs to another one or cannot be written.
        DivergedError: if the loss or a gradient is not finite; the last checkpoint is good.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint of the last completed step.
        StoppedError: after another signal, likewise.
    """
    config = placed(config)
    process = process or make_process(
        config.process,
        image_size_px=config.image_size_px,
        block_size=config.block_size,
        images_per_program=config.images_per_program,
    )
    checkpoints = make_folder(make_folder(run_folder) / "checkpoints")
    start = _find_start(config, process, run_folder, allow_changed_config)
    exclusions = Exclusions(run_folder)
    provenance = _Provenances(config, process, start.notes, exclusions)
    metrics = MetricsFile(run_folder / "metrics.csv", start.completed_steps)
    optimization = config.optimization
    recorder = Recorder(metrics, CollapseMonitor(config.num_targets, optimization.warmup_steps))
    if start.completed_steps < optimization.total_steps:
        with _seeded(config.root_seed), _quiet_lightning():
            module = PretrainModule(config, process, provenance, exclusions, start.position)
            config.to_yaml(run_folder / "config.yaml")
            write_json(
                run_folder / "provenance.json", provenance(start.completed_steps * optimization.batch_size).to_dict()
            )
            probes: list[Callback] = [ProbeCallback(probe, metrics)] if probe else []
            _fit(module, run_folder, start, recorder, [*probes, PictureCallback(run_folder, token_colors)])
    final = provenance(optimization.total_steps * optimization.batch_size)
    write_json(run_folder / "provenance.json", final.to_dict())
    return PretrainResult(
        run_folder=run_folder,
        checkpoint=checkpoint_path(checkpoints, optimization.total_steps),
        completed_steps=optimization.total_steps,
        resumed_from_step=start.completed_steps,
        images_per_second=recorder.images_per_second,
        metrics=metrics.rows,
        warnings=tuple(recorder.warnings),
        provenance=final,
    )


def _fit(module: PretrainModule, run_folder: Path, start: _Start, recorder: Recorder, further: list[Callback]) -> None:
    config, optimization = module.config, module.config.optimization
    checkpoints = Checkpoints(run_folder / "checkpoints")
    if not torch.cuda.is_available():
        keep_freed_memory()
    trainer = Trainer(
        accelerator="auto",
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy=config.strategy if config.world_size > 1 else "auto",
        precision=_precision(config),
        max_steps=optimization.total_steps,
        max_epochs=-1,  # the stream has no end: one epoch
        accumulate_grad_batches=optimization.accumulation,
        # Torch synchronises batch norm on GPUs only; several CPU processes normalise each by itself.
        sync_batchnorm=config.world_size > 1 and torch.cuda.is_available(),
        use_distributed_sampler=False,  # the stream deals blocks to ranks by itself
        plugins=[AtomicCheckpointIO(), cluster_environment()],
        callbacks=[recorder, *further, ProgressBar(recorder), checkpoints],
        logger=make_loggers(config, run_folder),
        default_root_dir=run_folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    say(
        f"learning rate {optimization.peak_learning_rate:g} = {optimization.base_learning_rate:g} * batch "
        f"{optimization.batch_size} / 256; {optimization.total_steps} steps, {start.completed_steps} done"
    )
    with checkpoints.stop_on_signal():
        trainer.fit(module, ckpt_path=start.checkpoint)
    if not checkpoints.stop_signal or trainer.global_step == optimization.total_steps:
        return
    if checkpoints.stop_signal == signal.SIGINT:
        raise KeyboardInterrupt
    received = signal.Signals(checkpoints.stop_signal)
    raise StoppedError(
        f"{received.name} after step {trainer.global_step} of {optimization.total_steps}, with a checkpoint in "
        f"{str(run_folder)!r}; the same command continues",
        received,
    )


def _find_start(config: PretrainConfig, process: Process, run_folder: Path, allow_changed_config: bool) -> _Start:
    """Where to go on, after checking that the folder belongs to this run."""
    found = newest_readable(run_folder / "checkpoints")
    old_config = run_folder / "config.yaml"
    if found is None and not old_config.exists():
        return _Start()
    entry: dict[str, Any] = found[1] if found else {"config": read_yaml(old_config)}
    changed = differences(PretrainConfig.from_dict(entry["config"]).what, config.what)
    if entry.get("process_fingerprint", process.fingerprint) != process.fingerprint and not changed:
        changed = ["the images are not those it was started with: its process or shader programs have changed"]
    if changed and not allow_changed_config:
        raise UserError(
            f"run folder {str(run_folder)!r} belongs to another configuration ({'; '.join(changed)}); "
            "take another folder, or allow the change (--allow-changed-config)"
        )
    if found is None:
        return _Start()
    return _Start(
        checkpoint=found[0],
        completed_steps=entry["completed_steps"],
        position=Position.from_dict(entry["stream"]),
        notes=_continued_notes(entry, changed, config.world_size),
    )


def _continued_notes(entry: dict[str, Any], changed: list[str], world_size: int) -> tuple[str, ...]:
    """Notes of the earlier parts of the run, and what is different from now on."""
    notes = tuple(entry["provenance"]["notes"])
    step, earlier_code = entry["completed_steps"], entry["provenance"]["code_version"]
    if changed:
        notes += (f"configuration changed after step {step}: {'; '.join(changed)}",)
    if entry["world_size"] != world_size:
        notes += (f"devices up to step {step}: {entry['world_size']}, then {world_size}",)
    if earlier_code != code_version():
        notes += (f"code up to step {step}: {earlier_code}",)
    return notes


class _Provenances:
    """Images seen -> the run's provenance."""

    def __init__(
        self, config: PretrainConfig, process: Process, notes: tuple[str, ...], exclusions: Exclusions
    ) -> None:
        self._exclusions = exclusions
        self._record = Provenance(
            real_images=process.real_images,
            processes=(process.describe(),),
            program_set_hash=process.program_set_hash,
            seeds={"root": config.root_seed},
            code_version=code_version(),
            notes=notes,
        )

    def __call__(self, images_seen: int) -> Provenance:
        notes = (*self._record.notes, *(note for note in self._exclusions.notes if note not in self._record.notes))
        return dataclasses.replace(self._record, images_seen=images_seen, notes=notes)


def _precision(config: PretrainConfig) -> Any:
    """Lightning's name of the precision."""
    if config.precision == "auto":
        return "bf16-mixed" if _has_fast_bf16() else "32-true"
    return {"bf16": "bf16-mixed", "float32": "32-true"}[config.precision]


def _has_fast_bf16() -> bool:
    """Whether bf16 is worth it: on GPUs that have it, and on processors with bf16 products (measured: 2x and more)."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return "amx_bf16" in flags or "avx512_bf16" in flags
    return False


@contextlib.contextmanager
def _seeded(root_seed: int) -> Iterator[None]:
    """Seed torch for the initial weights; the caller's random state comes back afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(derive_key(root_seed, "initial weights") % 2**SEED_BITS)
        yield


@contextlib.contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence what does not concern our caller: hardware lines, tips, and hints about a loader that we do not use."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Lightning 2.6 subclasses a type that torch is about to retire.
            warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
            warnings.filterwarnings("ignore", message="GPU available but not used")
            warnings.filterwarnings("ignore", message="The `srun` command is available")  # on a login node, say
            yield
    finally:
        logger.setLevel(level)
