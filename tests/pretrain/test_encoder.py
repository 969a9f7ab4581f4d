"""Encoders: squares, determinism, provenance, wrong names. Run: pytest tests/pretrain/test_encoder.py."""

from __future__ import annotations

import dataclasses
import io
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torchvision import transforms

from pretrain.checkpoint import checkpoint_path
from pretrain.checkpoint_io import AtomicCheckpointIO
from pretrain.embedding import unit_length
from pretrain.encoder import load_encoder
from pretrain.preprocessing import to_rgb, to_square
from pretrain.timm_encoder import TimmEncoder, timm_settings, untrained_backbone
from procmem.errors import UserError
from procmem.provenance import Provenance

TINY = {"num_classes": 0, "img_size": 32, "patch_size": 8, "dynamic_img_size": True, "global_pool": "token"}
TINY |= {"depth": 1, "embed_dim": 24, "num_heads": 2}
RANDOM = "random:vit_tiny_patch16_224"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def save_checkpoint(folder: Path, step: int, weight: float = 0.5) -> Path:
    backbone = timm.create_model("vit_tiny_patch16_224", pretrained=False, **TINY)
    torch.nn.init.constant_(backbone.norm.bias, weight)
    content = {
        "state_dict": {f"teacher.backbone.{name}": value for name, value in backbone.state_dict().items()},
        "procmem": {
            "format": 1,
            "backbone": {"name": "vit_tiny_patch16_224", "kwargs": TINY, "pooling": "class_token"},
            "image_size_px": 32,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
            "provenance": Provenance(real_images=False, images_seen=step).to_dict(),
            "completed_steps": step,
        },
    }
    path = checkpoint_path(folder, step)
    AtomicCheckpointIO().save_checkpoint(content, path)
    return path


# --- from a picture to the square


@pytest.mark.parametrize("size", [(300, 200), (199, 401), (37, 53), (64, 64)])
def test_the_square_equals_torchvisions_resize_and_centre_crop(size: tuple[int, int]) -> None:
    image = Image.fromarray(noise(size[1], size[0], 3).numpy())
    peer = transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.PILToTensor(),
        ]
    )
    ours = to_square(image, 224)
    assert ours.dtype == torch.uint8
    assert torch.equal(ours, peer(image))


def test_a_photograph_stored_sideways_is_turned_upright() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = [255, 0, 0]  # red above
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: upside down
    Image.fromarray(pixels).save(file, "png", exif=exif)
    square = to_square(Image.open(file), 8)
    assert square[:, 0, 4].tolist() == [0, 0, 0]
    assert square[:, 7, 4].tolist() == [255, 0, 0]


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    levels = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert np.asarray(to_rgb(Image.fromarray(levels)))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_transparency_is_laid_over_white() -> None:
    image = Image.fromarray(np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 127]]], np.uint8))
    assert np.asarray(to_rgb(image))[0].tolist() == [[255, 255, 255], [10, 20, 30], [128, 128, 128]]
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 9, 9])
    palette.info["transparency"] = 0
    assert np.asarray(to_rgb(palette))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", 7, [7, 7, 7]),
        ("1", 1, [255, 255, 255]),
        ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
        ("LA", (7, 255), [7] * 3),
    ],
)
def test_other_colour_modes_become_rgb(mode: str, color: object, expected: list[int]) -> None:
    assert np.asarray(to_rgb(Image.new(mode, (1, 1), color)))[0, 0].tolist() == expected  # type: ignore[arg-type]


def test_a_mode_without_a_way_to_rgb_is_named() -> None:
    with pytest.raises(UserError, match="'La' cannot be made RGB"):
        to_rgb(Image.new("La", (1, 1)))


# --- pixels and histogram, by hand


def test_pixels_of_a_half_black_half_white_image_by_hand() -> None:
    images = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    images[:, :, :, 16:] = 255
    embedding = load_encoder("pixels", image_size_px=32).embed(images).reshape(3, 16, 16)
    component = 1 / (3 * 256) ** 0.5
    assert torch.allclose(embedding[:, :, :8], torch.tensor(-component))
    assert torch.allclose(embedding[:, :, 8:], torch.tensor(component))


def test_every_flat_image_has_a_direction() -> None:
    greys = torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)
    assert torch.allclose(load_encoder("pixels", image_size_px=16).embed(greys).norm(dim=1), torch.ones(256))


def test_an_image_that_averages_to_mid_grey_is_refused_by_name() -> None:
    checkers = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    checkers[1, :, ::2] = 255
    with pytest.raises(UserError, match=r"'pixels' gave zero embeddings for images \[1\]"):
        load_encoder("pixels", image_size_px=32).embed(checkers)


def test_pixel_tokens_are_the_mean_colours_of_four_by_four_patches() -> None:
    images = noise(2, 3, 16, 16)
    tokens = load_encoder("pixels", image_size_px=16).patch_tokens(images)
    assert tokens.shape == (2, 4, 4, 3)
    assert tokens[1, 2, 3].numpy() == pytest.approx(images[1, :, 8:12, 12:16].float().mean((1, 2)).numpy() / 255)


def test_histogram_of_two_colours_by_hand() -> None:
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    images[0, 0, :2] = 255  # a quarter is pure red
    embedding = load_encoder("histogram", image_size_px=8).embed(images)[0]
    assert embedding[0] == pytest.approx(0.75**0.5)
    assert embedding[7 * 64] == pytest.approx(0.25**0.5)
    assert embedding.count_nonzero() == 2


def test_the_histogram_ignores_where_pixels_are_and_has_no_patch_tokens() -> None:
    encoder = load_encoder("histogram", image_size_px=8)
    image = noise(1, 3, 8, 8)
    assert torch.equal(encoder.embed(image), encoder.embed(image.flip(3)))
    with pytest.raises(UserError, match="'histogram' has no patch tokens"):
        encoder.patch_tokens(image)


# --- timm backbones


def test_the_same_seed_gives_the_same_weights_and_leaves_torchs_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    images = noise(2, 3, 32, 32)
    first = load_encoder(RANDOM, image_size_px=32)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = load_encoder(f"{RANDOM}:0", image_size_px=32), load_encoder(f"{RANDOM}:1", image_size_px=32)
    assert torch.equal(first.embed(images), again.embed(images))
    assert first.card().fingerprint == again.card().fingerprint
    assert other.card().fingerprint != first.card().fingerprint
    assert not torch.allclose(first.embed(images), other.embed(images))


def test_an_embedding_is_the_normalised_class_token_after_the_last_norm() -> None:
    settings = timm_settings("vit_tiny_patch16_224", 32)
    backbone = untrained_backbone(settings, 0).eval()
    images = noise(3, 3, 32, 32)
    encoder = load_encoder(RANDOM, image_size_px=32)
    with torch.no_grad():
        tokens = backbone.forward_features((images / 255 - 0.5) / 0.5)  # type: ignore[operator]
    expected = tokens[:, 0] / tokens[:, 0].norm(dim=1, keepdim=True)
    assert torch.allclose(encoder.embed(images), expected, atol=1e-6)
    assert torch.allclose(encoder.patch_tokens(images).reshape(3, 4, -1), tokens[:, 1:], atol=1e-5)
    assert encoder.dimension == 192


def test_convolutional_tokens_keep_their_places() -> None:
    encoder = load_encoder("random:resnet18", image_size_px=64)
    images = noise(1, 3, 64, 64)
    tokens = encoder.patch_tokens(images)
    assert tokens.shape == (1, 2, 2, 512)
    pooled = tokens.mean((1, 2))
    assert torch.allclose(pooled / pooled.norm(), encoder.embed(images), atol=1e-6)


def test_the_card_changes_with_the_image_size_and_says_what_was_seen() -> None:
    small, large = load_encoder("pixels", image_size_px=16).card(), load_encoder("pixels").card()
    assert small.fingerprint != large.fingerprint
    assert (small.provenance.real_images, large.dimension) == (False, 768)
    card = load_encoder(f"{RANDOM}:7", image_size_px=32).card()
    assert card.provenance.real_images is False
    assert card.provenance.seeds == {"weights": 7}
    assert card.preprocessing["pooling"] == "token"


def test_embeddings_are_constants_and_the_network_is_in_evaluation_mode() -> None:
    encoder = load_encoder("random:resnet18", image_size_px=32)
    images = noise(4, 3, 32, 32)
    together = encoder.embed(images)
    assert not together.requires_grad
    assert torch.allclose(encoder.embed(images[:1]), together[:1], atol=1e-5)  # batch norm would see the batch


# --- checkpoints


def test_a_checkpoint_brings_weights_normalisation_and_provenance(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 4)
    encoder = load_encoder(str(path))
    assert isinstance(encoder, TimmEncoder)
    assert encoder.provenance == Provenance(real_images=False, images_seen=4)
    assert (encoder.image_size_px, encoder.dimension) == (32, 24)
    assert encoder.card().preprocessing["std"] == [0.25, 0.25, 0.25]
    stored = torch.load(path, weights_only=True)["state_dict"]
    backbone = timm.create_model("vit_tiny_patch16_224", pretrained=False, **TINY).eval()
    backbone.load_state_dict({name.removeprefix("teacher.backbone."): value for name, value in stored.items()})
    images = noise(2, 3, 32, 32)
    with torch.no_grad():
        expected = backbone((images / 255 - 0.5) / 0.25)
    assert torch.allclose(encoder.embed(images), expected / expected.norm(dim=1, keepdim=True), atol=1e-6)


def test_a_run_folder_gives_its_newest_readable_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(tmp_path / "checkpoints", 4)
    newest = save_checkpoint(tmp_path / "checkpoints", 8)
    assert load_encoder(str(tmp_path)).provenance.images_seen == 8
    newest.write_bytes(newest.read_bytes()[:1000])
    assert load_encoder(str(tmp_path)).provenance.images_seen == 4
    assert "step-000000008.ckpt" in capsys.readouterr().err


def test_the_untrained_twin_of_a_checkpoint_has_its_shape_and_none_of_its_weights(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 4)
    trained, untrained = load_encoder(str(path)), load_encoder(f"random:{path}")
    assert (untrained.dimension, untrained.image_size_px) == (24, 32)
    assert untrained.provenance.images_seen == 0
    assert untrained.card().fingerprint != trained.card().fingerprint
    assert load_encoder(f"random:{path}:0").card().fingerprint == untrained.card().fingerprint


def test_a_checkpoint_can_be_read_at_another_size(tmp_path: Path) -> None:
    encoder = load_encoder(str(save_checkpoint(tmp_path, 4)), image_size_px=48)
    assert encoder.patch_tokens(noise(1, 3, 48, 48)).shape == (1, 6, 6, 24)


def test_a_folder_without_checkpoints_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no readable checkpoint in run folder"):
        load_encoder(str(tmp_path))


# --- published weights


def test_weights_put_by_hand_are_used(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    backbone = timm.create_model("test_vit", pretrained=False)
    settings = timm.get_pretrained_cfg("test_vit")
    assert settings is not None
    path = tmp_path / "cache" / "weights" / f"test_vit.{settings.tag}.safetensors"
    path.parent.mkdir(parents=True)
    save_file(backbone.state_dict(), path)
    encoder = load_encoder("timm:test_vit")
    size = settings.input_size[-1]
    images = noise(2, 3, size, size)
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (settings.mean, settings.std))
    with torch.no_grad():
        pooled = backbone.eval().forward_head(backbone.forward_features((images / 255 - mean) / std), pre_logits=True)
    assert torch.allclose(encoder.embed(images), pooled / pooled.norm(dim=1, keepdim=True), atol=1e-5)
    assert encoder.provenance.real_images is True  # its tag names ImageNet


def test_without_network_the_error_names_the_file_and_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    place = str(tmp_path / "cache" / "weights" / "vit_small_patch16_224.dino.safetensors")
    with pytest.raises(UserError, match=r"huggingface\.co/timm/vit_small_patch16_224\.dino/") as caught:
        load_encoder("timm:vit_small_patch16_224.dino")
    assert place in str(caught.value)


# --- wrong requests


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pixel", "did you mean 'pixels'"),
        ("vit_smal_patch16_224", "'random:vit_small_patch16_224'"),
        ("random:vit_smal_patch16_224", "did you mean 'vit_small_patch16_224'"),
        ("timm:vit_small_patch16_224.dinn", "valid: .*dino"),
        ("runs/none/last.ckpt", "no checkpoint or run folder at 'runs/none/last.ckpt'"),
        ("random:runs/none", "no checkpoint or run folder at 'runs/none'"),
        ("zzzzzz", "an encoder is pixels, histogram, procmem:NAME, timm:NAME"),
    ],
)
def test_an_unknown_encoder_is_answered_with_the_nearest(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_encoder(spec)


def test_a_specification_may_name_the_size_and_an_argument_overrules_it(tmp_path: Path) -> None:
    for spec in ("random:vit_tiny_patch16_224:3", "pixels"):
        named, given = load_encoder(f"{spec}@64"), load_encoder(spec, image_size_px=64)
        assert named.image_size_px == 64
        assert named.card().fingerprint == given.card().fingerprint
        assert load_encoder(f"{spec}@64", image_size_px=32).image_size_px == 32
    for spec in ("random:vit_tiny_patch16_224@64", "pixels@64", "histogram", "histogram@16"):
        encoder = load_encoder(spec)
        assert (encoder.name, encoder.card().name) == (spec, spec)
    with pytest.raises(UserError, match="at least 1, received 0"):
        load_encoder("pixels@0")


def test_unusable_sizes_types_and_precisions_are_refused() -> None:
    with pytest.raises(UserError, match="image_size_px is 40, which the patch size 16 does not divide"):
        load_encoder(RANDOM, image_size_px=40)
    with pytest.raises(UserError, match="at least 1, received 0"):
        load_encoder("pixels", image_size_px=0)
    with pytest.raises(UserError, match="'float16' needs a CUDA device"):
        load_encoder(RANDOM, image_size_px=32, precision="float16")
    encoder = load_encoder("pixels", image_size_px=16)
    with pytest.raises(UserError, match=r"received torch.float32 \(1, 3, 16, 16\)"):
        encoder.embed(torch.zeros(1, 3, 16, 16))
    with pytest.raises(UserError, match=r"received torch.uint8 \(1, 3, 8, 8\)"):
        encoder.embed(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_nan_embeddings_are_an_error() -> None:
    with pytest.raises(UserError, match=r"NaN or infinite embeddings for images \[1\]"):
        unit_length(torch.tensor([[1.0, 0.0], [float("nan"), 0.0]]), "broken")


def test_weights_that_became_nan_are_an_error() -> None:
    settings = timm_settings("vit_tiny_patch16_224", 32)
    backbone = untrained_backbone(dataclasses.replace(settings), 0)
    torch.nn.init.constant_(backbone.norm.weight, float("nan"))  # type: ignore[union-attr, arg-type]
    encoder = TimmEncoder(backbone, settings, name="diverged", provenance=Provenance(real_images=False))
    with pytest.raises(UserError, match="'diverged' gave NaN or infinite"):
        encoder.embed(noise(1, 3, 32, 32))


@pytest.mark.parametrize("has_instructions", [True, False])
def test_bfloat16_is_for_processors_that_have_it(monkeypatch: pytest.MonkeyPatch, has_instructions: bool) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": has_instructions, "avx2": True})
    if not has_instructions:
        with pytest.raises(UserError, match="'bfloat16' needs AVX512-BF16 or AMX, which this processor has not"):
            load_encoder(RANDOM, image_size_px=32, precision="bfloat16")
        return
    plain, half = (load_encoder(RANDOM, image_size_px=32, precision=kind) for kind in ("float32", "bfloat16"))
    squares = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    first, second = plain.embed(squares), half.embed(squares)
    assert second.dtype == torch.float32
    assert not torch.equal(first, second)
    assert ((first * second).sum(1) > 0.99).all()
    assert half.patch_tokens(squares).dtype == torch.float32
    assert half.card().fingerprint != plain.card().fingerprint
