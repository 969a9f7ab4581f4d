"""Everything that decides a pretraining run, as one frozen dataclass that is written beside its results.

Lengths are counted in images, not in steps or epochs, so a recipe keeps its meaning when the batch size changes; the
steps are derived. The learning rate follows the linear rule (`pretrain.schedules.scaled_learning_rate`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from pretrain.backbone import BackboneConfig
from pretrain.head import HeadConfig
from pretrain.loss import LossConfig
from pretrain.optimizer import ClipRule
from pretrain.schedules import scaled_learning_rate, warmup_cosine
from pretrain.view_draws import MultiCropConfig
from procmem.errors import UserError
from procmem.files import fingerprint, write_text
from procmem.strict_yaml import ABOVE_ZERO, build, check_range, plain, read_yaml, with_overrides

HOW_NOT_WHAT = frozenset(
    {
        "devices",
        "num_nodes",
        "strategy",
        "num_workers",
        "log_every_steps",
        "checkpoint_every_steps",
        "keep_checkpoints",
        "keep_every_steps",
        "probe_every_steps",
        "pictures_every_steps",
        "logger",
        "compile",
        "gradient_checkpointing",
    }
)
"""Settings that may change when a run is continued: they do not decide its weights (compile: but for rounding; devices:
but for rounding, batch norm on processors, and which images share a batch where `blocks_per_batch` is left open)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """AdamW and its schedules; the defaults are the paper's (SKP appendix A: DINO, 100 epochs of 1.3 M images).

    Attributes:
        images: images to train on, with repetition.
        batch_size: images in one optimizer step, over all devices and micro-batches.
        accumulation: micro-batches in one optimizer step.
        base_learning_rate: for a batch of 256; the peak is ``base_learning_rate * batch_size / 256``.
        final_learning_rate: end of the cosine.
        warmup_images: images during the linear warm-up of the learning rate.
        weight_decay: at the start.
        final_weight_decay: end of the cosine.
        teacher_momentum: at the start.
        final_teacher_momentum: end of the cosine.
        frozen_prototypes_images: images during which the head's last layer does not move.
        clip_rule: ``per_parameter`` (DINO's code), ``global`` or ``none``.
        clip_norm: largest gradient norm.
    """

    images: int = 130_000_000
    batch_size: int = 512
    accumulation: int = 1
    base_learning_rate: float = 5e-4
    final_learning_rate: float = 1e-6
    warmup_images: int = 13_000_000
    weight_decay: float = 0.04
    final_weight_decay: float = 0.4
    teacher_momentum: float = 0.996
    final_teacher_momentum: float = 1.0
    frozen_prototypes_images: int = 1_300_000
    clip_rule: ClipRule = "per_parameter"
    clip_norm: float = 3.0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.accumulation < 1 or self.batch_size % self.accumulation:
            raise UserError(
                f"batch_size must be a multiple of accumulation, both at least 1, "
                f"got {self.batch_size} and {self.accumulation}"
            )
        check_range(self, ["images"], self.batch_size)
        check_range(self, ["warmup_images", "frozen_prototypes_images"], 0, self.images)
        check_range(self, ["teacher_momentum", "final_teacher_momentum"], 0, 1)
        check_range(self, ["final_learning_rate", "weight_decay", "final_weight_decay"], 0)
        check_range(self, ["base_learning_rate", "clip_norm"], ABOVE_ZERO)

    @property
    def total_steps(self) -> int:
        """Optimizer steps in the whole run; images that do not fill a batch are left out."""
        return self.images // self.batch_size

    @property
    def warmup_steps(self) -> int:
        """Optimizer steps of the learning rate's warm-up."""
        return self.warmup_images // self.batch_size

    @property
    def frozen_prototypes_steps(self) -> int:
        """Optimizer steps during which the last layer waits."""
        return self.frozen_prototypes_images // self.batch_size

    @property
    def peak_learning_rate(self) -> float:
        """Learning rate after the warm-up."""
        return scaled_learning_rate(self.base_learning_rate, self.batch_size)

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return warmup_cosine(
            step,
            peak=self.peak_learning_rate,
            final=self.final_learning_rate,
            total_steps=self.total_steps,
            warmup_steps=self.warmup_steps,
        )

    def weight_decay_at(self, step: int) -> float:
        """Weight decay of a step."""
        return warmup_cosine(step, peak=self.weight_decay, final=self.final_weight_decay, total_steps=self.total_steps)

    def teacher_momentum_at(self, step: int) -> float:
        """Teacher momentum of a step."""
        return warmup_cosine(
            step, peak=self.teacher_momentum, final=self.final_teacher_momentum, total_steps=self.total_steps
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """One pretraining run.

    Attributes:
        process: where images come from: a name, or a composition (see `procgen.registry`).
        image_size_px: side of the images before cropping.
        block_size: images that the process makes at a time.
        images_per_program: images of a block that share a shader program.
        root_seed: fixes images, views, initial weights and drop path.
        backbone: the network.
        crops: the views.
        head: the projection head.
        loss: temperatures and centre.
        optimization: optimizer and schedules.
        precision: ``bf16`` is mixed precision; ``auto`` takes it on GPUs and processors that
            compute with it.
        compile: compile the backbones with torch.compile; a minute or more at the start of every process, so for long
            runs on GPUs.
        gradient_checkpointing: compute the student's activations twice instead of keeping them: one forward pass more,
            a fraction of the memory, the same weights.
        blocks_per_batch: blocks that a batch is cut from, a multiple of the devices; the default is one for each
            device. With 8, 1 to 8 devices see the same batches (see `procgen.stream`).
        devices: GPUs (or CPU processes) on each machine.
        num_nodes: machines, each with a process for each of its devices. What starts the processes (torchrun, srun)
            decides both (see `pretrain.ranks`).
        strategy: how devices share the work: every one holds the whole network and a part of the batch (``ddp``).
            ``fsdp``, which would cut the network, is refused with the reason.
        num_workers: processes that make images; 0 makes them in the training process.
        log_every_steps: steps between two rows of metrics.csv.
        checkpoint_every_steps: steps between two checkpoints; the last step always has one.
        keep_checkpoints: how many of the newest checkpoints stay.
        keep_every_steps: checkpoints at multiples of this stay as well; None keeps the newest only.
        probe_every_steps: steps between two calls of the probe, if there is one; the last step always has one.
        pictures_every_steps: steps between two pictures of views and features; the last step always has one.
        logger: where metrics go besides metrics.csv: nowhere (``csv``), Weights & Biases without an account or a
            network (``wandb_offline``), with both (``wandb``), or TensorBoard.
    """

    process: str | dict[str, Any] = "shaders_kml_mixup"
    image_size_px: int = 256
    block_size: int = 1024
    images_per_program: int = 16
    root_seed: int = 0
    backbone: BackboneConfig = dataclasses.field(default_factory=BackboneConfig)
    crops: MultiCropConfig = dataclasses.field(default_factory=MultiCropConfig)
    head: HeadConfig = dataclasses.field(default_factory=HeadConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    optimization: OptimizationConfig = dataclasses.field(default_factory=OptimizationConfig)
    precision: Literal["auto", "float32", "bf16"] = "auto"
    compile: bool = False
    gradient_checkpointing: bool = False
    blocks_per_batch: int | None = None
    devices: int = 1
    num_nodes: int = 1
    strategy: Literal["ddp", "fsdp"] = "ddp"
    num_workers: int = 0
    log_every_steps: int = 50
    checkpoint_every_steps: int = 1000
    keep_checkpoints: int = 2
    keep_every_steps: int | None = None
    probe_every_steps: int = 5000
    pictures_every_steps: int = 5000
    logger: Literal["csv", "wandb_offline", "wandb", "tensorboard"] = "csv"

    def __post_init__(self) -> None:
        check_range(self, ["devices", "num_nodes", "log_every_steps", "checkpoint_every_steps"], 1)
        check_range(self, ["keep_checkpoints", "probe_every_steps", "pictures_every_steps"], 1)
        check_range(self, ["block_size", "images_per_program"], 1)
        check_range(self, ["num_workers", "root_seed"], 0)
        every = self.keep_every_steps
        if every is not None and (every < 1 or every % self.checkpoint_every_steps):
            raise UserError(
                f"keep_every_steps must be a multiple of checkpoint_every_steps ({self.checkpoint_every_steps}), "
                f"got {every}"
            )
        if self.strategy == "fsdp":
            raise UserError(
                "strategy: fsdp is not offered: up to ViT-L, cutting the network would save a device less memory than "
                "the activations of eleven images take. Take strategy: ddp, and where memory is short "
                "gradient_checkpointing: true or a larger optimization.accumulation (see docs/training.md)"
            )
        micro_batches = self.optimization.accumulation * self.world_size
        if self.optimization.batch_size % micro_batches:
            raise UserError(
                f"batch_size must be a multiple of devices * num_nodes * accumulation = {micro_batches}, "
                f"got {self.optimization.batch_size}"
            )
        self.crops.check_image_size(self.image_size_px)

    @classmethod
    def from_yaml(cls, path: Path, overrides: Mapping[str, Any] | None = None) -> PretrainConfig:
        """Read a recipe.

        Args:
            path: the YAML file.
            overrides: dotted key -> value, laid over the file.

        Raises:
            UserError: if the file, a key or a value is wrong; the message names file, key and what would be right.
        """
        try:
            return cls.from_dict(with_overrides(read_yaml(path), overrides or {}))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> PretrainConfig:
        """Inverse of `to_dict`; missing keys take their defaults."""
        return build(cls, value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, every key present."""
        result: dict[str, Any] = plain(self)
        return result

    def to_yaml(self, path: Path) -> None:
        """Write the resolved configuration, every key present."""
        write_text(path, yaml.safe_dump(self.to_dict(), sort_keys=False))

    @property
    def world_size(self) -> int:
        """Processes that train together."""
        return self.devices * self.num_nodes

    @property
    def num_targets(self) -> int:
        """What the teacher's output is spread over: prototypes, or (contrastive) a device's images of a micro-batch."""
        if self.loss.objective == "contrastive":
            return self.optimization.batch_size // (self.optimization.accumulation * self.world_size)
        return self.head.num_prototypes

    @property
    def what(self) -> dict[str, Any]:
        """The settings that decide the weights."""
        return {key: value for key, value in self.to_dict().items() if key not in HOW_NOT_WHAT}

    @property
    def fingerprint(self) -> str:
        """64 hex digits over `what`."""
        return fingerprint(self.what)
