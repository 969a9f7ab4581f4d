"""Mean shift of patch tokens. Run: pytest tests/pretrain/test_mean_shift.py."""

from __future__ import annotations

import math

import pytest
import torch

from pretrain.encoder import load_encoder
from pretrain.mean_shift import STEPS, TEMPERATURE, mean_shift, places


def test_every_step_is_a_mean_with_the_weights_of_the_definition() -> None:
    """Token by token in float64."""
    tokens = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shifted = mean_shift(tokens)
    for image, result in zip(tokens, shifted, strict=True):
        current = [row.tolist() for row in image.flatten(0, 1)]
        for _ in range(STEPS):
            mean = [sum(column) / len(current) for column in zip(*current, strict=True)]
            centred = [[x - m for x, m in zip(row, mean, strict=True)] for row in current]
            unit = [[x / math.hypot(*row) for x in row] for row in centred]
            following = []
            for a in unit:
                weights = [math.exp(sum(p * q for p, q in zip(a, b, strict=True)) / TEMPERATURE) for b in unit]
                following.append([sum(w * row[i] for w, row in zip(weights, current, strict=True)) for i in range(5)])
                following[-1] = [x / sum(weights) for x in following[-1]]
            current = following
        torch.testing.assert_close(result.flatten(0, 1), torch.tensor(current, dtype=torch.float64))


def test_tokens_of_one_thing_meet_and_two_things_stay_apart() -> None:
    things = torch.tensor([[3.0, 0, 0], [0, 3.0, 0]])
    noise = 0.5 * torch.randn(1, 4, 4, 3, generator=torch.Generator().manual_seed(1))
    is_second = torch.arange(4) > 1
    tokens = things[is_second.long()].expand(1, 4, 4, 3) + noise  # left half, right half
    shifted = mean_shift(tokens)[0]
    halves = shifted[:, ~is_second], shifted[:, is_second]
    within = max(float((half - half.mean((0, 1))).norm(dim=2).max()) for half in halves)
    between = float((halves[0].mean((0, 1)) - halves[1].mean((0, 1))).norm())
    assert within < 0.1 * between
    assert float((tokens[0, :, is_second] - tokens[0, :, is_second].mean((0, 1))).norm(dim=2).max()) > 0.1 * between


def test_an_image_does_not_see_the_others_and_one_without_difference_stays() -> None:
    tokens = torch.randn(3, 4, 4, 6, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(mean_shift(tokens)[1:2], mean_shift(tokens[1:2]))
    flat = torch.full((1, 4, 4, 6), 0.25)
    torch.testing.assert_close(mean_shift(flat), flat)


@pytest.mark.parametrize(("side", "expected"), [(1, 1), (14, 14), (32, 32), (33, 17), (56, 28), (112, 28), (224, 32)])
def test_places_are_a_whole_fraction_of_at_most_32(side: int, expected: int) -> None:
    assert places(side) == expected


def test_shift_changes_patch_tokens_alone_on_at_most_32_places() -> None:
    images = torch.randint(0, 256, (2, 3, 144, 144), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    for spec in ("random:resnet10t@144", "random:resnet10t@144+grid1~3+grid1~1"):
        plain, shifted = load_encoder(spec), load_encoder(f"{spec}+shift")
        assert torch.equal(plain.embed(images), shifted.embed(images))
        assert plain.card().fingerprint != shifted.card().fingerprint
    tokens = plain.patch_tokens(images)  # 36 x 36, of the first of the two stages
    assert tokens.shape == (2, 36, 36, 64 + 256)
    got = shifted.patch_tokens(images)
    first = load_encoder("random:resnet10t@144+grid1~3").patch_tokens(images)
    second = load_encoder("random:resnet10t@144+grid1~1").patch_tokens(images)
    unit = [torch.nn.functional.normalize(block, dim=3).permute(0, 3, 1, 2) for block in (first, second)]
    halved = torch.nn.functional.avg_pool2d(unit[0], 2)
    up = torch.nn.functional.interpolate(unit[1], size=(18, 18), mode="bilinear", align_corners=False)
    expected = mean_shift(torch.cat([halved, up], dim=1).permute(0, 2, 3, 1))
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
    assert "mean shift" in str(shifted.card().preprocessing["features"])
