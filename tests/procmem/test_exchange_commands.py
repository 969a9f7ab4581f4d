"""Encoders out and in again, by the commands."""

import json

import pytest
import timm
import torch

from pretrain.encoder import load_encoder
from procmem.cli import main
from procmem.provenance import Provenance

pytestmark = pytest.mark.usefixtures("workplace")

SMALL = {"num_classes": 0, "img_size": 16, "patch_size": 8, "embed_dim": 192, "depth": 1, "num_heads": 3}


def test_a_dino_checkpoint_becomes_an_encoder_that_is_exported_for_timm(tmp_path, capsys):
    weights = timm.create_model("vit_tiny_patch16_224", **SMALL).state_dict()
    content = {"teacher": {f"backbone.{name}": tensor for name, tensor in weights.items()}, "epoch": 3}
    content["teacher"]["head.mlp.0.weight"] = torch.zeros(2)
    torch.save(content, tmp_path / "dino.pth")
    assert main(["import", "dino.pth", "--output", "encoder", "--real-images", "true", "--json"]) == 0
    output = capsys.readouterr()
    found = json.loads(output.out)
    assert (found["entry"], found["architecture"], found["left_out"]) == (
        "teacher",
        "vit_tiny_patch16_224",
        ["head.mlp.0.weight"],
    )
    assert "left out: head.mlp.0.weight" in output.err
    encoder = load_encoder("encoder")
    assert encoder.provenance.real_images is True
    assert main(["export", "encoder", "--output", "half", "--half"]) == 0
    line = capsys.readouterr().out
    backbone = eval(line, {"timm": timm})
    assert all(torch.equal(value, weights[name].half().float()) for name, value in backbone.state_dict().items())
    assert load_encoder("half").provenance == encoder.provenance
    assert isinstance(encoder.provenance, Provenance)


def test_an_export_may_show_images_at_another_size_and_say_more_of_what_it_saw(capsys):
    torch.save(timm.create_model("vit_tiny_patch16_224", **SMALL, dynamic_img_size=True).state_dict(), "plain.pth")
    words = ["export", "plain.pth", "--output", "larger", "--image-size-px", "32", "--notes", "k was chosen on photos"]
    assert main(words) == 0
    larger = load_encoder("larger")
    assert larger.image_size_px == 32
    assert larger.provenance.notes[-1] == "k was chosen on photos"
    assert larger.card().fingerprint == load_encoder("plain.pth@32").card().fingerprint
    assert main(["export", "plain.pth", "--output", "odd", "--image-size-px", "20"]) == 2
    assert "20" in capsys.readouterr().err


def test_an_onnx_export_says_how_near_it_is(tmp_path, capsys, monkeypatch):
    weights = timm.create_model("vit_tiny_patch16_224", **SMALL).state_dict()
    torch.save(weights, tmp_path / "plain.pth")
    asked = []
    monkeypatch.setattr(
        "pretrain.export_onnx.export_onnx", lambda state, folder, half: asked.append((folder.name, half)) or 2e-7
    )
    assert main(["export", "plain.pth", "--output", "onnx", "--format", "onnx", "--half", "--json"]) == 0
    output = capsys.readouterr()
    assert asked == [("onnx", True)]
    assert json.loads(output.out) == {"files": ["onnx/model.onnx"], "largest_difference": 2e-7}
    assert "largest difference in onnxruntime 2.0e-07" in output.err
