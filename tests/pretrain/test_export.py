"""Exports equal the encoder they come from. Run: pytest tests/pretrain/test_export.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors import safe_open

from pretrain import export_onnx, shipped
from pretrain.checkpoint import BackboneState
from pretrain.encoder import load_encoder, read_state
from pretrain.export import export_timm, read_export
from procmem.errors import UserError, WorkError
from procmem.provenance import Provenance

NAME = "vit_tiny_patch16_224"
TINY: dict[str, Any] = {"num_classes": 0, "img_size": 32, "patch_size": 8, "dynamic_img_size": True}
TINY |= {"depth": 1, "embed_dim": 24, "num_heads": 2}
POOLING: dict[str, dict[str, Any]] = {
    "class_token": {"global_pool": "token"},
    "mean": {"global_pool": "avg", "fc_norm": False},
}
RECORD = Provenance(
    real_images=False, images_seen=7, processes=({"squares": {}},), seeds={"root": 3}, notes=("a note",)
)


def make_state(pooling: Any = "class_token", **changes: Any) -> BackboneState:
    arguments = TINY | POOLING[pooling]
    with torch.random.fork_rng():
        torch.manual_seed(4)
        backbone = timm.create_model(NAME, **arguments)
    defaults: dict[str, Any] = {
        "model_name": NAME,
        "model_kwargs": arguments,
        "image_size_px": 32,
        "mean": (0.4, 0.5, 0.6),
        "std": (0.2, 0.25, 0.3),
        "pooling": pooling,
        "state_dict": backbone.state_dict(),
        "provenance": RECORD,
    }
    return BackboneState(**defaults | changes)


def save_checkpoint(state: BackboneState, path: Path) -> Path:
    entry = {
        "format": 1,
        "backbone": {"name": state.model_name, "kwargs": state.model_kwargs, "pooling": state.pooling},
        "image_size_px": state.image_size_px,
        "mean": list(state.mean),
        "std": list(state.std),
        "provenance": state.provenance.to_dict(),
    }
    weights = {f"teacher.backbone.{name}": tensor for name, tensor in state.state_dict.items()}
    torch.save({"state_dict": weights, "procmem": entry}, path)
    return path


def noise(count: int = 3, size: int = 32) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def by_timm(backbone: torch.nn.Module, state: BackboneState) -> torch.Tensor:
    """Embeddings as someone with timm alone computes them."""
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (state.mean, state.std))
    with torch.no_grad():
        return torch.nn.functional.normalize(backbone.eval()((noise() / 255 - mean) / std), dim=1)


@pytest.mark.parametrize("pooling", ["class_token", "mean"])
def test_timm_builds_the_encoder_from_the_printed_line_and_from_the_folder(pooling: str, tmp_path: Path) -> None:
    state = make_state(pooling)
    expected = load_encoder(str(save_checkpoint(state, tmp_path / "run.ckpt")))
    line = export_timm(state, tmp_path / "export")
    assert line.startswith(f"timm.create_model('{NAME}', checkpoint_path=")
    for backbone in (
        eval(line, {"timm": timm}),
        timm.create_model(f"local-dir:{tmp_path / 'export'}", pretrained=True),
    ):
        torch.testing.assert_close(by_timm(backbone, state), expected.embed(noise()), atol=1e-6, rtol=0)
    again = load_encoder(str(tmp_path / "export"))
    assert torch.equal(again.embed(noise()), expected.embed(noise()))
    assert torch.equal(again.patch_tokens(noise()), expected.patch_tokens(noise()))
    assert again.card().fingerprint == expected.card().fingerprint
    assert again.provenance == RECORD
    assert read_export(tmp_path / "export").pooling == pooling


def test_what_it_has_seen_stands_in_every_file(tmp_path: Path) -> None:
    export_timm(make_state(), tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert Provenance.from_dict(json.loads(file.metadata()["procmem"])["provenance"]) == RECORD
    config = json.loads((tmp_path / "config.json").read_text())
    assert Provenance.from_dict(config["procmem"]["provenance"]) == RECORD
    assert config["pretrained_cfg"]["input_size"] == [3, 32, 32]
    card = (tmp_path / "README.md").read_text()
    assert "| trained on real images | **no** |" in card
    assert "| images seen | 7 |" in card
    assert "a note" in card


def test_half_precision_halves_the_file_and_rounds_every_weight_once(tmp_path: Path) -> None:
    state = make_state()
    export_timm(state, tmp_path / "full")
    export_timm(state, tmp_path / "half", half=True)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    for name, tensor in read_export(tmp_path / "half").state_dict.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state.state_dict[name].half().float())
    full, half = (load_encoder(str(tmp_path / name)) for name in ("full", "half"))
    similarity = (full.embed(noise()) * half.embed(noise())).sum(1)
    assert similarity.min() > 1 - 1e-5
    assert full.card().fingerprint != half.card().fingerprint


def test_a_weight_that_float16_cannot_hold_is_named(tmp_path: Path) -> None:
    state = make_state()
    state.state_dict["norm.weight"][0] = 1e6
    with pytest.raises(UserError, match=r"weight 'norm.weight' does not fit into float16"):
        export_timm(state, tmp_path, half=True)
    assert not list(tmp_path.iterdir())


def test_damaged_and_foreign_folders_are_named(tmp_path: Path) -> None:
    export_timm(make_state(), tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"model.safetensors' cannot be read \(cut or damaged\?\)"):
        load_encoder(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="it is not an export of procmem"):
        load_encoder(str(tmp_path))


def test_an_export_can_be_exported_again_and_has_an_untrained_twin(tmp_path: Path) -> None:
    export_timm(make_state(), tmp_path / "one")
    export_timm(read_state(tmp_path / "one"), tmp_path / "two")
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    assert load_encoder(f"random:{tmp_path / 'one'}").provenance.images_seen == 0


# --- shipped encoders


def test_a_folder_in_weights_is_an_encoder_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped.importlib.resources, "files", lambda package: {"weights": tmp_path}[package])
    with pytest.raises(UserError, match="ships no encoder, so there is no 'shaders-small'"):
        load_encoder("procmem:shaders-small")
    export_timm(make_state(), tmp_path / "shaders-small", half=True)
    (tmp_path / "__pycache__").mkdir()
    encoder = load_encoder("procmem:shaders-small")
    assert (encoder.name, encoder.provenance) == ("procmem:shaders-small", RECORD)
    assert encoder.card().fingerprint == load_encoder(str(tmp_path / "shaders-small")).card().fingerprint
    assert load_encoder("procmem:shaders-small", image_size_px=48).image_size_px == 48
    with pytest.raises(UserError, match=r"did you mean 'shaders-small'\? valid: shaders-small"):
        load_encoder("procmem:shader-small")


# --- ONNX


@pytest.fixture(scope="module")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    export_onnx.export_onnx(make_state(), folder)
    return folder


def test_onnx_takes_pixels_of_any_batch_size_and_gives_the_encoders_embeddings(
    onnx_folder: Path, tmp_path: Path
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_folder / "model.onnx")
    encoder = load_encoder(str(save_checkpoint(make_state(), tmp_path / "run.ckpt")))
    for count in (1, 2, 5):
        images = noise(count)
        (ours,) = session.run(None, {"images": images.numpy().astype(np.float32) / 255})
        np.testing.assert_allclose(ours, encoder.embed(images).numpy(), atol=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    assert Provenance.from_dict(json.loads(metadata["procmem.provenance"])) == RECORD
    assert "normalisation is inside" in metadata["procmem.input"]


def test_onnx_in_half_precision_is_smaller_and_rounds_every_large_weight(onnx_folder: Path) -> None:
    import onnx

    whole = onnx.load(onnx_folder / "model.onnx")
    model = onnx.load(onnx_folder / "model.onnx")
    export_onnx._store_half(model, onnx)
    onnx.checker.check_model(model)
    before = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in whole.graph.initializer}
    halves = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name.endswith(".float16")}
    assert len(halves) > 5
    for name, values in halves.items():
        np.testing.assert_array_equal(values, before[name.removesuffix(".float16")].astype(np.float16))
    import onnxruntime

    pixels = {"images": noise(2).numpy().astype(np.float32) / 255}
    ours, theirs = (
        onnxruntime.InferenceSession(content.SerializeToString()).run(None, pixels)[0] for content in (model, whole)
    )
    assert 0 < np.abs(ours - theirs).max() < export_onnx.TOLERANCE[True]


def test_onnx_that_differs_is_not_written(onnx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx

    monkeypatch.setattr(export_onnx, "_converted", lambda *_: onnx.load(onnx_folder / "model.onnx"))
    state = make_state()
    state.state_dict["patch_embed.proj.weight"][0] += 1
    with pytest.raises(WorkError, match=r"differ by up to .*; nothing written"):
        export_onnx.export_onnx(state, tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


def test_without_the_extra_onnx_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"needs onnxruntime: pip install 'procmem\[onnx\]'"):
        export_onnx.export_onnx(make_state(), tmp_path)
