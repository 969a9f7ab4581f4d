"""Files in DINO's layout, and what is wrong with others. Run: pytest tests/pretrain/test_foreign_checkpoint.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from pretrain.encoder import load_encoder
from pretrain.foreign_checkpoint import infer_architecture, read_foreign
from procmem.errors import UserError

NAME = "vit_small_patch16_224"
SMALL: dict[str, Any] = {"num_classes": 0, "img_size": 24, "patch_size": 8, "embed_dim": 384, "depth": 2}
"""DINO's ViT-S/8 (384 wide, 6 heads) with two blocks, for images of 24 px."""


def backbone_weights(seed: int = 0, **changes: Any) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        weights: dict[str, torch.Tensor] = timm.create_model(NAME, **SMALL | changes).state_dict()
    return weights


def dino_content(**changes: Any) -> dict[str, Any]:
    """What main_dino.py saves: student in DistributedDataParallel, teacher without, both in a MultiCropWrapper."""
    head = {"mlp.0.weight": torch.zeros(4, 384), "last_layer.weight_g": torch.ones(8, 1)}
    teacher = {f"backbone.{name}": tensor for name, tensor in backbone_weights(1).items()}
    student = {f"module.backbone.{name}": tensor for name, tensor in backbone_weights(2).items()}
    return {
        "student": student | {f"module.head.{name}": tensor for name, tensor in head.items()},
        "teacher": teacher | {f"head.{name}": tensor for name, tensor in head.items()},
        "optimizer": {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
        "epoch": 100,
        "args": argparse.Namespace(arch="vit_small", patch_size=8),
        "dino_loss": {"center": torch.zeros(1, 8)},
        "fp16_scaler": None,
    } | changes


def save(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(("entry", "seed"), [(None, 1), ("teacher", 1), ("student", 2)])
def test_dinos_file_gives_the_chosen_network_and_names_what_is_not_of_it(
    entry: str | None, seed: int, tmp_path: Path
) -> None:
    imported = read_foreign(save(dino_content(), tmp_path / "dino.pth"), entry=entry)
    assert imported.entry == (entry or "teacher")
    prefix = "module." if entry == "student" else ""
    assert imported.left_out == (f"{prefix}head.mlp.0.weight", f"{prefix}head.last_layer.weight_g")
    expected = backbone_weights(seed)
    assert imported.state.state_dict.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in imported.state.state_dict.items())


def test_the_encoder_of_dinos_file_equals_timms_and_its_history_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = load_encoder(str(save(dino_content(), tmp_path / "dino.pth")))
    assert "left out, not of the backbone: head.mlp.0.weight, head.last_layer.weight_g" in capsys.readouterr().err
    images = torch.randint(0, 256, (2, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    backbone = timm.create_model(NAME, **SMALL).eval()
    backbone.load_state_dict(backbone_weights(1))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = torch.nn.functional.normalize(backbone((images / 255 - mean) / std))
    torch.testing.assert_close(encoder.embed(images), expected, atol=1e-6, rtol=0)
    assert (encoder.image_size_px, encoder.dimension) == (24, 384)
    assert encoder.provenance.real_images == "unknown"
    assert "imported from dino.pth" in encoder.provenance.notes[0]
    assert load_encoder(str(tmp_path / "dino.pth"), image_size_px=48).patch_tokens(
        torch.zeros(1, 3, 48, 48, dtype=torch.uint8)
    ).shape == (1, 6, 6, 384)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.backbone."])
def test_plain_weights_are_found_under_every_usual_prefix(prefix: str, tmp_path: Path) -> None:
    weights = backbone_weights(3)
    renamed = {f"{prefix}{name}": tensor for name, tensor in weights.items()}
    save_file(renamed, tmp_path / "weights.safetensors")
    paths = [tmp_path / "weights.safetensors", save(renamed, tmp_path / "plain.pth")]
    paths.append(save({"state_dict": renamed, "epoch": 3}, tmp_path / "nested.pt"))
    for path in paths:
        imported = read_foreign(path, real_images=False)
        assert all(torch.equal(tensor, weights[name]) for name, tensor in imported.state.state_dict.items())
        assert imported.left_out == ()
        assert imported.state.provenance.real_images is False


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"depth": 2, "num_heads": 6, "patch_size": 8, "img_size": 24, "mlp_ratio": 4.0}),
        ({"mlp_ratio": 2.0, "qkv_bias": False}, {"mlp_ratio": 2.0, "qkv_bias": False}),
        ({"init_values": 1e-5, "patch_size": 4}, {"init_values": 1.0, "patch_size": 4}),
        ({"embed_dim": 192, "num_heads": 3}, {"embed_dim": 192, "num_heads": 3}),
    ],
)
def test_the_shapes_tell_the_architecture(options: dict[str, Any], expected: dict[str, Any]) -> None:
    weights = backbone_weights(**options)
    name, arguments = infer_architecture(weights, None)
    assert expected.items() <= arguments.items()
    assert name == ("vit_tiny_patch16_224" if "embed_dim" in options else NAME)
    timm.create_model(name, **arguments).load_state_dict(weights)


def test_a_width_of_ones_own_needs_the_number_of_heads(tmp_path: Path) -> None:
    path = save(backbone_weights(embed_dim=24, num_heads=2), tmp_path / "own.pth")
    with pytest.raises(UserError, match="heads of a network of width 24 cannot be known; give num_heads"):
        read_foreign(path)
    assert read_foreign(path, num_heads=2).state.model_kwargs["num_heads"] == 2


def test_every_missing_unexpected_and_misshapen_weight_is_listed(tmp_path: Path) -> None:
    weights = backbone_weights(4)
    del weights["norm.bias"], weights["blocks.1.attn.proj.weight"]
    weights["norm.weight"] = torch.zeros(5)
    weights["extra"] = torch.zeros(1)
    with pytest.raises(UserError) as caught:
        read_foreign(save(weights, tmp_path / "broken.pth"))
    for line in (
        "missing: norm.bias",
        "missing: blocks.1.attn.proj.weight",
        "shape: norm.weight is (5,), the architecture has (384,)",
        "unexpected: extra",
    ):
        assert line in str(caught.value)
    whole = backbone_weights(4) | {"norm.weight": torch.zeros(5)}
    with pytest.raises(UserError, match=r"shape: norm.weight is \(5,\)"):
        read_foreign(save(whole, tmp_path / "misshapen.pth"))
    complete = backbone_weights(4) | {"extra": torch.zeros(1)}
    assert read_foreign(save(complete, tmp_path / "more.pth")).left_out == ("extra",)


def test_an_architecture_by_name_is_taken_as_it_is(tmp_path: Path) -> None:
    weights = timm.create_model("resnet10t", num_classes=0).state_dict()
    path = save({"model": weights}, tmp_path / "resnet.pth")
    with pytest.raises(UserError, match="not the weights of a plain vision transformer"):
        read_foreign(path)
    state = read_foreign(path, architecture="resnet10t").state
    assert (state.model_name, state.pooling) == ("resnet10t", "mean")
    with pytest.raises(UserError, match="unknown backbone 'resnet10'"):
        read_foreign(path, architecture="resnet10")


@pytest.mark.parametrize(
    ("content", "entry", "message"),
    [
        ([1, 2], None, "holds no weights that procmem can find: list"),
        ({"procmem": {"format": 1}, "state_dict": {}}, None, "is a checkpoint of procmem pretrain"),
        ({"epoch": 3}, None, "holds no weights that procmem can find: epoch"),
        (dino_content(), "teachre", "did you mean 'teacher'"),
        ({"args": torch.nn.Linear(1, 1)}, None, "holds a torch.nn.modules.linear.Linear, which is code"),
    ],
)
def test_files_without_weights_are_refused(content: Any, entry: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read_foreign(save(content, tmp_path / "file.pth"), entry=entry)


def test_cut_and_missing_files_are_named(tmp_path: Path) -> None:
    path = save(dino_content(), tmp_path / "dino.pth")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"dino.pth' cannot be read \(cut or damaged\?\)"):
        load_encoder(str(path))
    (tmp_path / "x.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError, match=r"x.safetensors' cannot be read \(cut or damaged\?\)"):
        load_encoder(str(tmp_path / "x.safetensors"))
    with pytest.raises(UserError, match="there is no checkpoint"):
        read_foreign(tmp_path / "none.pth")
