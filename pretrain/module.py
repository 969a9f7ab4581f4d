"""Pretraining as a Lightning module: who feeds whom, and in which order things move.

One micro-batch: views on the device -> global crops through the teacher (beside the contrastive loss only where it is
observed), all crops through the student (one pass for each size) -> loss. One optimizer step: schedules, finite check,
clipping, AdamW, then the teacher, then the centre.

Everything that chance decides is a function of (root seed, completed steps, micro-batch, rank): images, views and,
by seeding torch at every micro-batch, drop path.

Letters: B images, V views, G global views, D embedding, P prototypes, S view size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import nn

from pretrain.backbone import (
    check_crop_sizes,
    compile_backbone,
    create_backbone,
    embedding_dimension,
    is_transformer,
    patch_tokens,
    use_gradient_checkpointing,
    use_plain_attention,
)
from pretrain.checkpoint import ENTRY, FORMAT
from pretrain.color import IMAGENET_MEAN, IMAGENET_STD, normalize_
from pretrain.config import PretrainConfig
from pretrain.contrast import ContrastiveLoss
from pretrain.head import ProjectionHead
from pretrain.loss import DINOLoss
from pretrain.monitor import FiniteGuard
from pretrain.optimizer import clip_gradients, drop_gradients, make_optimizer, set_schedule
from pretrain.teacher import copy_buffers, start_teacher, update_teacher
from pretrain.view_draws import draw_views
from pretrain.views import make_views
from procgen.exclusions import Exclusions
from procgen.process import Process
from procgen.seeds import derive_key
from procgen.stream import Batch, Position, Stream
from procmem.provenance import Provenance

SEED_BITS = 63


class Observation(NamedTuple):
    """What the last micro-batch showed, for the monitor.

    Attributes:
        loss: scalar.
        teacher_probabilities: (G * B, P); of the contrastive loss (G * B, B).
        embeddings: (G * B, D) of the teacher.
    """

    loss: torch.Tensor
    teacher_probabilities: torch.Tensor
    embeddings: torch.Tensor


class Network(nn.Module):
    """Backbone and projection head."""

    def __init__(self, backbone: nn.Module, projection_head: ProjectionHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection_head = projection_head

    def forward(self, views: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """One backbone pass for each run of equally large views, one head pass for all.

        Args:
            views: V tensors float32 (B, 3, S, S), equal sizes next to each other.

        Returns:
            embeddings (V, B, D) and the head's outputs: logits float32 (V, B, P).
        """
        groups = [torch.cat(list(group)) for _, group in itertools.groupby(views, key=lambda view: view.shape[-1])]
        embeddings = torch.cat([self.backbone(group) for group in groups])
        logits = self.projection_head(embeddings)
        V, B = len(views), len(views[0])
        return embeddings.view(V, B, -1), logits.view(V, B, -1)


def make_loss(config: PretrainConfig) -> DINOLoss | ContrastiveLoss:
    """The loss that a configuration names."""
    if config.loss.objective == "contrastive":
        return ContrastiveLoss(config.loss.contrast_temperature)
    return DINOLoss(config.head.num_prototypes, config.loss)


class PretrainModule(LightningModule):
    """Student, teacher, loss and their moves.

    Args:
        config: the run.
        process: where images come from.
        provenance: of the run, for a given number of images seen.
        exclusions: shader programs that are not run, and where new ones are noted.
        position: what earlier parts of the run have used of the stream.

    Raises:
        UserError: if the backbone is unknown, or its patch size does not divide a crop size.
    """

    def __init__(
        self,
        config: PretrainConfig,
        process: Process,
        provenance: Callable[[int], Provenance],
        exclusions: Exclusions,
        position: Position,
    ) -> None:
        super().__init__()
        self.config = config
        self.process = process
        self.provenance = provenance
        self.exclusions = exclusions
        self.position = position
        self.model_kwargs = config.backbone.timm_arguments(config.crops.global_crop_px)
        self.student = self._make_network(config.backbone.drop_path_rate)
        self.teacher = self._make_network(0.0)
        start_teacher(self.teacher, self.student)
        self.loss = make_loss(config)
        self.observation: Observation | None = None
        self.finite_guard = FiniteGuard()
        self.gradient_norm = torch.zeros(())
        self._step_loss = torch.zeros(())

    def _make_network(self, drop_path_rate: float) -> Network:
        crops = self.config.crops
        backbone = create_backbone(self.config.backbone.name, self.model_kwargs, drop_path_rate=drop_path_rate)
        sizes_px = {"crops.global_crop_px": crops.global_crop_px}
        if crops.num_local_crops:
            sizes_px["crops.local_crop_px"] = crops.local_crop_px
        check_crop_sizes(backbone, sizes_px)
        if not is_transformer(self.config.backbone.name):
            backbone.to(memory_format=torch.channels_last)  # convolutions: a quarter less time on a processor
        has_prototypes = self.config.loss.objective == "dino"
        head = ProjectionHead(embedding_dimension(backbone), self.config.head, has_prototypes=has_prototypes)
        return Network(backbone, head)

    @property
    def completed_steps(self) -> int:
        """Optimizer steps done, earlier parts of the run included."""
        return self.trainer.global_step

    @property
    def seconds_waited(self) -> float:
        """What this process has spent so far until its images were there."""
        return self._stream.seconds_waited

    # Data -------------------------------------------------------------------------------------------------------------

    def train_dataloader(self) -> Stream:
        """This rank's part of the stream, from the first image that no completed step has used."""
        optimization, world_size = self.config.optimization, self.trainer.world_size
        self._first_step = self.completed_steps
        self._stream = Stream(
            self.process.excluding(self.exclusions.programs),
            root_seed=self.config.root_seed,
            batch_size=optimization.batch_size // (optimization.accumulation * world_size),
            rank=self.trainer.global_rank,
            world_size=world_size,
            num_workers=self.config.num_workers,
            position=self.position,
            blocks_per_batch=self.config.blocks_per_batch,
            on_exclusion=self.exclusions.add,
        )
        return self._stream

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Images to the device; the sample indices stay on the host, where the views are drawn."""
        return Batch(batch.images.to(device, non_blocking=True), batch.sample_indices)

    # Learning ---------------------------------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Choose the attention that trains fastest on this device; checkpointing and compilation, where asked for."""
        if self.device.type == "cpu":
            use_plain_attention(self)
        if self.config.gradient_checkpointing:
            use_gradient_checkpointing(self.student.backbone)
        if self.config.compile:
            for network in (self.student, self.teacher):
                compile_backbone(network.backbone)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return make_optimizer(self.student)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Loss of one micro-batch."""
        step, config = self.completed_steps, self.config
        self._seed_torch(step, batch_idx % config.optimization.accumulation)
        draws = draw_views(
            config.crops,
            root_seed=config.root_seed,
            step=step,
            sample_indices=batch.sample_indices,
            image_height_px=batch.images.shape[2],
            image_width_px=batch.images.shape[3],
        )
        views = make_views(batch.images, config.crops, draws)
        is_observed = (step + 1) % config.log_every_steps == 0 or step + 1 == config.optimization.total_steps
        if isinstance(self.loss, DINOLoss) or is_observed:
            with torch.no_grad():
                teacher_embeddings, teacher_outputs = self.teacher(views[: config.crops.num_global_crops])
        _, outputs = self.student(views)
        loss: torch.Tensor
        if isinstance(self.loss, DINOLoss):
            loss = self.loss(outputs, teacher_outputs)
        else:
            loss = self.loss(outputs, config.crops.num_global_crops)
        self._step_loss = self._step_loss.to(loss.device) + loss.detach() / config.optimization.accumulation
        if is_observed:
            probabilities = self.loss.teacher_probabilities(teacher_outputs)
            self.observation = Observation(loss.detach(), probabilities.flatten(0, 1), teacher_embeddings.flatten(0, 1))
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Schedules, finite check, clipping, frozen prototypes: what happens between the gradients and the step."""
        step, optimization = self.completed_steps, self.config.optimization
        set_schedule(optimizer, optimization.learning_rate_at(step), optimization.weight_decay_at(step))
        self.gradient_norm = clip_gradients(self.student.parameters(), optimization.clip_rule, optimization.clip_norm)
        self.finite_guard.observe(step, self._step_loss, self.gradient_norm)
        self._step_loss = torch.zeros_like(self._step_loss)
        prototypes = self.student.projection_head.prototypes
        if prototypes is not None and step < optimization.frozen_prototypes_steps:
            drop_gradients(prototypes)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """The optimizer's step, then the teacher's and the centre's: once a step, however many micro-batches it has."""
        teacher_momentum = self.config.optimization.teacher_momentum_at(self.completed_steps)
        super().optimizer_step(*args, **kwargs)
        update_teacher(self.teacher, self.student, teacher_momentum)
        if isinstance(self.loss, DINOLoss):
            self.loss.update_center()
        else:
            copy_buffers(self.teacher, self.student)

    def _seed_torch(self, step: int, micro_batch: int) -> None:
        """Seed torch's random state, which drop path uses: nothing of it need be saved."""
        key = derive_key(self.config.root_seed, "torch", step, micro_batch, self.trainer.global_rank)
        torch.manual_seed(key % 2**SEED_BITS)

    # Use --------------------------------------------------------------------------------------------------------------

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of the teacher as it is now.

        Args:
            images: uint8 (B, 3, S, S), S the global crops' size.

        Returns:
            float32 (B, D), L2-normalised, on the images' device.
        """
        embeddings = self._with_teacher(lambda backbone, normalised: backbone(normalised), images)
        return nn.functional.normalize(embeddings, dim=-1)

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Patch tokens of the teacher as it is now: float32 (B, h, w, D) of images like those of `embed`."""
        return self._with_teacher(patch_tokens, images)

    @torch.no_grad()
    def _with_teacher(
        self, use: Callable[[nn.Module, torch.Tensor], torch.Tensor], images: torch.Tensor
    ) -> torch.Tensor:
        was_training = self.teacher.training
        self.teacher.eval()
        try:
            result = use(self.teacher.backbone, normalize_(images.to(self.device).float() / 255))
        finally:
            self.teacher.train(was_training)
        return result.float().to(images.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the "procmem" entry."""
        config, images_seen = self.config, self.completed_steps * self.config.optimization.batch_size
        # Of the completed steps, not of the batches that the loader has fetched ahead.
        batches = (self.completed_steps - self._first_step) * config.optimization.accumulation
        checkpoint[ENTRY] = {
            "format": FORMAT,
            "backbone": {
                "name": config.backbone.name,
                "kwargs": self.model_kwargs,
                "pooling": config.backbone.pooling,
            },
            "image_size_px": config.crops.global_crop_px,
            "mean": list(IMAGENET_MEAN),
            "std": list(IMAGENET_STD),
            "provenance": self.provenance(images_seen).to_dict(),
            "config": config.to_dict(),
            "config_fingerprint": config.fingerprint,
            "process_fingerprint": self.process.fingerprint,
            "completed_steps": self.completed_steps,
            "stream": self._stream.position_after(batches).to_dict(),
            "world_size": self.trainer.world_size,
        }
