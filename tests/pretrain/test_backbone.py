"""Patches, position tables, registers, convolutional networks. Run: pytest tests/pretrain/test_backbone.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from pretrain.backbone import (
    BackboneConfig,
    check_crop_sizes,
    compile_backbone,
    create_backbone,
    embedding_dimension,
    patch_tokens,
    use_gradient_checkpointing,
)
from procmem.errors import UserError

SMALL = {"depth": 1, "embed_dim": 24, "num_heads": 2}


def make(image_size_px: int, **settings: Any) -> nn.Module:
    config = BackboneConfig(**settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_backbone(config.name, config.timm_arguments(image_size_px)).eval()


def vit(image_size_px: int, patch_size_px: int = 8, **options: Any) -> Any:
    return make(image_size_px, name="vit_tiny_patch16_224", patch_size_px=patch_size_px, options=SMALL | options)


def images(size_px: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size_px, size_px, generator=torch.Generator().manual_seed(size_px))


@pytest.mark.parametrize("patch_size_px", [4, 8, 14, 16])
def test_tokens_are_one_linear_map_of_every_patch(patch_size_px: int) -> None:
    backbone, batch = vit(4 * patch_size_px, patch_size_px), images(4 * patch_size_px)
    kernel = backbone.patch_embed.proj.weight.flatten(1)
    cut = F.unfold(batch, patch_size_px, stride=patch_size_px).transpose(1, 2)
    expected = cut @ kernel.T + backbone.patch_embed.proj.bias
    torch.testing.assert_close(backbone.patch_embed(batch).reshape(expected.shape), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("registers", "local_px"), [(0, 16), (0, 40), (4, 16)])
def test_a_local_crop_sees_the_position_table_as_pillow_resizes_it(registers: int, local_px: int) -> None:
    """A network built for the local size, whose table is the global one resized channel by channel, gives the same."""
    trained, built = vit(32, reg_tokens=registers), vit(local_px, reg_tokens=registers)
    with torch.no_grad():
        trained.pos_embed.normal_(generator=torch.Generator().manual_seed(1))
    state = trained.state_dict()
    prefix, grid = state["pos_embed"][:, : 1 + registers], state["pos_embed"][0, 1 + registers :]
    side = local_px // 8
    channels = [Image.fromarray(channel) for channel in grid.T.reshape(24, 4, 4).numpy().astype(np.float32)]
    resized = [np.asarray(channel.resize((side, side), Image.Resampling.BICUBIC)) for channel in channels]
    table = torch.from_numpy(np.stack(resized)).reshape(24, side * side).T[None]
    built.load_state_dict(state | {"pos_embed": torch.cat([prefix, table], dim=1)})
    torch.testing.assert_close(trained(images(local_px)), built(images(local_px)), atol=1e-4, rtol=1e-4)


def test_registers_are_tokens_that_no_pooling_reads() -> None:
    backbone = make(32, name="vit_tiny_patch16_224", patch_size_px=8, pooling="mean", options=SMALL | {"reg_tokens": 3})
    batch = images(32)
    tokens = backbone.forward_features(batch)  # type: ignore[operator]
    assert tokens.shape == (2, 1 + 3 + 16, 24)
    torch.testing.assert_close(backbone(batch), tokens[:, 4:].mean(1))
    torch.testing.assert_close(vit(32, reg_tokens=3)(batch), vit(32, reg_tokens=3).forward_features(batch)[:, 0])


@pytest.mark.parametrize(("name", "dimension"), [("resnet18", 512), ("convnext_atto", 320)])
def test_a_convolutional_network_is_read_as_the_mean_of_its_last_map(name: str, dimension: int) -> None:
    backbone, batch = make(64, name=name, pooling="mean"), images(64)
    assert embedding_dimension(backbone) == dimension
    check_crop_sizes(backbone, {"crops.global_crop_px": 64, "crops.local_crop_px": 32})
    feature_map = backbone.forward_features(batch)  # type: ignore[operator]
    expected = feature_map.mean((2, 3))
    if name == "convnext_atto":  # normalises after pooling
        expected = F.layer_norm(expected, (320,), eps=1e-6)
    torch.testing.assert_close(backbone(batch), expected, atol=1e-5, rtol=1e-4)


def test_the_dimension_is_what_comes_out_where_a_head_widens_it() -> None:
    backbone = make(32, name="mobilenetv3_small_050", pooling="mean")
    assert backbone(images(32)).shape == (2, embedding_dimension(backbone)) == (2, 1024)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnet18"}, "'resnet18' has no class token; set backbone.pooling: mean"),
        ({"name": "resnet18", "pooling": "mean", "patch_size_px": 8}, "'resnet18' has no patches"),
        ({"name": "vit_tiny_patch16_224", "options": SMALL | {"class_token": False}}, "cannot build.*class token"),
        ({"name": "resnet81", "pooling": "mean"}, "unknown backbone 'resnet81'; did you mean resnet18"),
        ({"name": "vgg11", "pooling": "mean", "options": {"drop_path_rate": 0.1}}, "cannot build.*multiple values"),
    ],
)
def test_what_a_network_lacks_is_said(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(32, **settings)


def test_recomputed_activations_give_the_same_gradients_under_drop_path() -> None:
    config = BackboneConfig(name="vit_tiny_patch16_224", patch_size_px=8, options=SMALL | {"depth": 3})
    gradients = []
    for is_checkpointed in (False, True):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            backbone = create_backbone(config.name, config.timm_arguments(32), drop_path_rate=0.5).train()
            if is_checkpointed:
                use_gradient_checkpointing(backbone)
            forwards: list[int] = []
            backbone.blocks[1].attn.register_forward_hook(lambda *_, calls=forwards: calls.append(1))  # type: ignore
            backbone(images(32, 8)).square().sum().backward()
        assert len(forwards) == 1 + is_checkpointed
        gradients.append([p.grad for p in backbone.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_network_that_cannot_recompute_says_so() -> None:
    with pytest.raises(UserError, match="gradient_checkpointing: Linear of timm does not offer it"):
        use_gradient_checkpointing(nn.Linear(2, 2))


def test_without_a_compiler_compilation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "absent-compiler")
    with pytest.raises(UserError, match=r"needs a C.. compiler on a processor, and there is no .absent-compiler"):
        compile_backbone(nn.Linear(2, 2))


def test_patch_tokens_are_the_spatial_ones_row_by_row() -> None:
    backbone, batch = vit(32, reg_tokens=2), images(32)
    expected = backbone.forward_features(batch)[:, 3:].reshape(2, 4, 4, 24)
    assert torch.equal(patch_tokens(backbone, batch), expected)
    resnet, large = make(64, name="resnet18", pooling="mean"), images(64)
    assert torch.equal(patch_tokens(resnet, large).permute(0, 3, 1, 2), resnet.forward_features(large))  # type: ignore


def test_crops_that_vanish_in_the_strides_are_refused_by_name_and_the_mode_is_left_alone() -> None:
    backbone = make(64, name="convnext_atto", pooling="mean").train()
    with pytest.raises(UserError, match=r"crops.local_crop_px is 16, which this backbone cannot take"):
        check_crop_sizes(backbone, {"crops.global_crop_px": 64, "crops.local_crop_px": 16})
    assert backbone.training
