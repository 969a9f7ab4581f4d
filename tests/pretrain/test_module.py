"""Wiring of student, teacher and backbone. Run: pytest tests/pretrain/test_module.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pretrain.backbone import BackboneConfig, create_backbone, use_plain_attention
from pretrain.config import PretrainConfig
from pretrain.module import Network, PretrainModule
from procgen.exclusions import Exclusions
from procgen.process import Process
from procgen.stream import Position
from procmem.errors import UserError
from procmem.provenance import Provenance


def provenance(images_seen: int) -> Provenance:
    return Provenance(real_images=False, images_seen=images_seen)


def make_module(config: PretrainConfig, process: Process, **backbone: Any) -> PretrainModule:
    config = dataclasses.replace(config, backbone=dataclasses.replace(config.backbone, **backbone))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PretrainModule(config, process, provenance, Exclusions(Path("nowhere")), Position())


class Spy(nn.Module):
    """Stands for a backbone: embeds an image as its mean colour and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(images.shape))
        return images.mean((2, 3))


def test_views_of_one_size_share_a_pass_and_keep_their_order() -> None:
    spy, head = Spy(), nn.Identity()
    views = [torch.full((2, 3, size, size), float(v)) for v, size in enumerate((24, 24, 16, 16, 16))]
    embeddings, logits = Network(spy, head)(views)  # type: ignore[arg-type]
    assert spy.seen == [(4, 3, 24, 24), (6, 3, 16, 16)]
    assert embeddings[:, :, 0].tolist() == [[v, v] for v in range(5)]
    assert torch.equal(embeddings, logits)


def test_drop_path_acts_in_the_student_only(tiny_config: PretrainConfig, squares: Process) -> None:
    module = make_module(tiny_config, squares, drop_path_rate=0.5).train()
    images = torch.rand(8, 3, 24, 24)
    for network, is_random in ((module.student, True), (module.teacher, False)):
        first, second = (network.backbone(images) for _ in range(2))
        assert torch.equal(first, second) != is_random


def test_convolutional_networks_keep_channels_last(tiny_config: PretrainConfig, squares: Process) -> None:
    small: dict[str, Any] = {"channels": [8, 8, 8, 8], "stem_width": 8}
    shape = {"name": "resnet10t", "patch_size_px": None, "pooling": "mean", "options": small}
    for network in (module := make_module(tiny_config, squares, **shape)).student, module.teacher:
        features = network.backbone.forward_features(torch.rand(2, 3, 64, 64))  # type: ignore[operator]
        assert features.is_contiguous(memory_format=torch.channels_last)


def test_teacher_and_student_start_equal(tiny_config: PretrainConfig, squares: Process) -> None:
    module = make_module(tiny_config, squares)
    for ours, theirs in zip(module.teacher.parameters(), module.student.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_embeddings_come_from_the_teacher_in_evaluation_mode(tiny_config: PretrainConfig, squares: Process) -> None:
    module = make_module(tiny_config, squares).train()
    images = torch.randint(0, 256, (5, 3, 24, 24), dtype=torch.uint8)
    embeddings = module.embed(images)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(5))
    with torch.no_grad():
        next(module.student.parameters()).zero_()
    assert torch.equal(module.embed(images), embeddings)
    assert torch.equal(module.embed(images[:2]), embeddings[:2]) or torch.allclose(
        module.embed(images[:2]), embeddings[:2]
    )
    assert module.teacher.training


def test_mean_pooling_averages_normalised_patch_tokens(tiny_config: PretrainConfig, squares: Process) -> None:
    backbone = make_module(tiny_config, squares, pooling="mean").teacher.backbone.eval()
    images = torch.rand(2, 3, 24, 24)
    tokens = backbone.forward_features(images)  # type: ignore[operator]
    torch.testing.assert_close(backbone(images), tokens[:, 1:].mean(1))
    torch.testing.assert_close(tokens.mean(-1), torch.zeros(2, 10), atol=1e-5, rtol=0)  # after the last norm


def test_plain_attention_equals_the_fused_kernel() -> None:
    arguments = BackboneConfig(options={"depth": 2}).timm_arguments(32)
    backbone = create_backbone("vit_tiny_patch16_224", arguments).eval()
    images = torch.rand(2, 3, 32, 32)
    fused = backbone(images)
    use_plain_attention(backbone)
    assert not any(getattr(module, "fused_attn", False) for module in backbone.modules())
    torch.testing.assert_close(backbone(images), fused, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (
            {"name": "vit_smal_patch16_224"},
            "unknown backbone 'vit_smal_patch16_224'; did you mean vit_small_patch16_224",
        ),
        ({"patch_size_px": 16}, "crops.global_crop_px is 24, which the patch size 16 does not divide; take 16 or 32"),
        ({"options": {"deepness": 3}}, "timm cannot build .*deepness"),
    ],
)
def test_a_backbone_that_does_not_fit_is_refused(
    tiny_config: PretrainConfig, squares: Process, backbone: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        make_module(tiny_config, squares, **backbone)
