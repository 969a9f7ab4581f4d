"""Grad-CAM against its closed form and against shifted tokens. Run: pytest tests/eval/test_grad_cam.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from eval.grad_cam import grad_cam, overlay_sheet
from eval.linear_probe import Probe
from pretrain.encoder import load_encoder
from pretrain.timm_encoder import TimmEncoder
from procgen.seeds import generator
from procmem.errors import UserError


class MeanOfTokens:
    """Tokens that stand still; the embedding is their mean, without normalisation."""

    name = "mean"

    def __init__(self, tokens: torch.Tensor) -> None:
        self.tokens = tokens

    def embed_from_tokens(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = self.tokens.clone().requires_grad_()
        return tokens, tokens.mean(dim=(1, 2))


def probe_of(weight: np.ndarray) -> Probe:
    return Probe(weight=weight, bias=np.zeros(weight.shape[1]), setting=1.0)


def test_with_averaged_tokens_it_is_the_class_activation_map() -> None:
    chance = generator(0, "cam")
    tokens = torch.from_numpy(chance.normal(size=(2, 3, 3, 5)).astype(np.float32))
    weight = chance.normal(size=(5, 4))
    maps = grad_cam(
        MeanOfTokens(tokens), torch.zeros(2, 3, 6, 6, dtype=torch.uint8), probe_of(weight), np.array([1, 3])
    )  # type: ignore[arg-type]
    for b, label in enumerate((1, 3)):
        for y in range(3):
            for x in range(3):
                activation = sum(float(tokens[b, y, x, d]) * weight[d, label] for d in range(5)) / 9
                assert maps[b, y, x] == pytest.approx(max(0.0, activation), abs=1e-6)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet10t"])
def test_importance_is_what_shifting_a_channel_everywhere_does_to_the_logit(name: str) -> None:
    encoder = load_encoder(f"random:{name}", image_size_px=32)
    assert isinstance(encoder, TimmEncoder)
    images = torch.from_numpy(generator(1, "images").integers(0, 256, (2, 3, 32, 32)).astype(np.uint8))
    tokens, embeddings = encoder.embed_from_tokens(images)
    assert torch.allclose(embeddings, encoder.embed(images), atol=1e-5)
    weight = generator(2, "weights").normal(size=(encoder.dimension, 3))
    maps = grad_cam(encoder, images, probe_of(weight), np.array([2, 0]))
    column = torch.from_numpy(weight[:, [2, 0]].T).float()
    (gradient,) = torch.autograd.grad((embeddings * column).sum(), tokens)
    importance = gradient.sum(dim=(1, 2))  # of shifting a channel at every place
    shift = 1e-2 * importance / importance.norm(dim=1, keepdim=True)
    logits = [
        (encoder_with(encoder, images, tokens.detach() + s * shift[:, None, None]) * column).sum(1) for s in (1, -1)
    ]
    measured = (logits[0] - logits[1]) / 2
    assert measured.tolist() == pytest.approx((1e-2 * importance.norm(dim=1)).tolist(), rel=0.02)
    L = tokens.shape[1] * tokens.shape[2]
    expected = ((importance / L)[:, None, None] * tokens.detach()).sum(3).clamp(min=0)
    assert maps == pytest.approx(expected.numpy(), abs=1e-6)


def encoder_with(encoder: TimmEncoder, images: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Embeddings where the last block (or the head) is given other tokens."""
    backbone = encoder._backbone
    normalised = encoder._normalised(images)
    with torch.no_grad():
        if not hasattr(backbone, "blocks"):
            pooled = backbone.forward_head(tokens.permute(0, 3, 1, 2))  # type: ignore[operator]
        else:
            swap = backbone.blocks[
                -1
            ].norm1.register_forward_hook(  # type: ignore[index, union-attr]
                lambda module, inputs, output: torch.cat([output[:, :1], tokens.flatten(1, 2)], dim=1)
            )
            pooled = backbone(normalised)
            swap.remove()
    return torch.nn.functional.normalize(pooled, dim=1)


def test_an_encoder_without_patch_tokens_is_refused() -> None:
    images = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    with pytest.raises(UserError, match="'histogram' is none: use a checkpoint"):
        grad_cam(load_encoder("histogram"), images, probe_of(np.zeros((512, 2))), np.array([0]))


def test_the_picture_is_dark_where_nothing_speaks_for_the_answer() -> None:
    images = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    maps = np.zeros((1, 2, 2), np.float32)
    maps[0, 0, 0] = 3.0
    sheet = np.asarray(overlay_sheet(images, maps, [("cat", "cat")]).convert("L")).astype(float)
    bottom = sheet[sheet.shape[0] // 2 : int(sheet.shape[0] * 0.9)]
    dark = bottom[:, bottom.shape[1] // 2 :]
    assert (dark < 80).mean() > 0.4
    assert (bottom > 200).any()
