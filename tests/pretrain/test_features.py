"""Embeddings made of patch tokens. Run: pytest tests/pretrain/test_features.py."""

from __future__ import annotations

import statistics

import pytest
import torch

from pretrain.encoder import load_encoder
from procmem.errors import UserError

NETWORK = "random:vit_tiny_patch16_224@64"


def images(size_px: int = 64) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, size_px, size_px), generator=random, dtype=torch.uint8)


def test_a_grid_holds_the_mean_of_each_cell_channel_by_channel() -> None:
    encoder, plain = load_encoder("pixels@32+grid2"), load_encoder("pixels@32")
    tokens = plain.patch_tokens(images(32)).double()  # (3, 8, 8, 3)
    for row, embedding in zip(tokens, encoder.embed(images(32)), strict=True):
        cells = [
            sum(float(row[y, x, channel]) for y in range(top, top + 4) for x in range(left, left + 4)) / 16
            for channel in range(3)
            for top in (0, 4)
            for left in (0, 4)
        ]
        expected = torch.tensor(cells) / torch.tensor(cells).norm()
        torch.testing.assert_close(embedding, expected, atol=1e-6, rtol=1e-5)
    assert encoder.dimension == 12


def test_a_grid_of_an_earlier_block_is_what_its_module_gave() -> None:
    vit, resnet = (load_encoder(f"random:{name}@64+grid2~1") for name in ("vit_tiny_patch16_224", "resnet10t"))
    assert (vit.dimension, resnet.dimension) == (4 * 192, 4 * 256)
    for encoder, module in ((vit, "blocks.10"), (resnet, "layer3")):
        kept: dict[str, torch.Tensor] = {}
        backbone = encoder.encoder._backbone  # type: ignore[attr-defined]
        hook = backbone.get_submodule(module).register_forward_hook(
            lambda _, __, output, kept=kept: kept.update(output=output)
        )
        embeddings = encoder.embed(images())
        hook.remove()
        maps = kept["output"] if kept["output"].ndim == 4 else kept["output"][:, 1:].mT.reshape(3, -1, 4, 4)
        half = maps.shape[-1] // 2
        cells = torch.stack(
            [maps[:, :, y : y + half, x : x + half].mean((2, 3)) for y in (0, half) for x in (0, half)], 2
        )
        torch.testing.assert_close(embeddings, torch.nn.functional.normalize(cells.flatten(1), dim=1))
    assert vit.card().fingerprint != load_encoder("random:vit_tiny_patch16_224@64+grid2").card().fingerprint


def test_mean_joins_the_embedding_and_the_mean_token_with_equal_weight() -> None:
    encoder, plain = load_encoder(f"{NETWORK}+mean"), load_encoder(NETWORK)
    mean = torch.nn.functional.normalize(plain.patch_tokens(images()).mean((1, 2)), dim=1)
    expected = torch.cat([plain.embed(images()), mean], dim=1) / 2**0.5
    torch.testing.assert_close(encoder.embed(images()), expected)
    assert encoder.dimension == 2 * plain.dimension


def test_features_are_in_the_name_and_the_fingerprint_and_nothing_else_changes() -> None:
    plain, grid, mean = (load_encoder(NETWORK + suffix) for suffix in ("", "+grid2", "+mean"))
    assert [encoder.card().name for encoder in (plain, grid, mean)] == [NETWORK, f"{NETWORK}+grid2", f"{NETWORK}+mean"]
    assert len({encoder.card().fingerprint for encoder in (plain, grid, mean)}) == 3
    assert grid.card().fingerprint == load_encoder(f"{NETWORK}+grid2").card().fingerprint
    assert grid.card().dimension == 4 * plain.dimension
    assert grid.provenance == plain.provenance
    assert torch.equal(grid.patch_tokens(images()), plain.patch_tokens(images()))


def test_std_is_the_spread_over_the_places_of_each_channel() -> None:
    tokens = load_encoder("pixels@32").patch_tokens(images(32)).double()  # (3, 8, 8, 3)
    for row, embedding in zip(tokens, load_encoder("pixels@32+std").embed(images(32)), strict=True):
        channels = [[float(row[y, x, channel]) for y in range(8) for x in range(8)] for channel in range(3)]
        expected = torch.tensor([statistics.pstdev(values) for values in channels])
        torch.testing.assert_close(embedding, expected / expected.norm())


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet10t", "convnext_atto"])
def test_parts_of_several_blocks_stand_side_by_side_with_equal_weight(name: str) -> None:
    """Computed in one pass, which stops early where the last block is not asked; the parts one by one take three."""
    network = f"random:{name}@64"
    parts = [load_encoder(network + part).embed(images()) for part in ("+grid2~2", "+std~1", "+grid1")]
    for suffix, chosen in (("+grid2~2+std~1+grid1", parts), ("+grid2~2+std~1", parts[:2])):
        encoder = load_encoder(network + suffix)
        torch.testing.assert_close(encoder.embed(images()), torch.cat(chosen, dim=1) / len(chosen) ** 0.5)
        assert encoder.dimension == sum(part.shape[1] for part in chosen)


def test_a_part_that_does_not_vary_says_nothing_and_the_others_count() -> None:
    flat = torch.full((1, 3, 32, 32), 200, dtype=torch.uint8)
    embedding = load_encoder("pixels@32+std+grid1").embed(flat)
    torch.testing.assert_close(embedding, torch.tensor([[0.0, 0, 0, *[3**-0.5] * 3]]))


def test_patch_tokens_are_those_of_the_blocks_that_the_parts_name() -> None:
    network = "random:resnet10t@64"
    earlier, last = (load_encoder(network + part).patch_tokens(images()) for part in ("+grid1~1", "+std"))
    assert (earlier.shape, last.shape) == ((3, 4, 4, 256), (3, 2, 2, 512))
    assert torch.equal(last, load_encoder(network).patch_tokens(images()))
    both = load_encoder(f"{network}+grid1~1+std~1+grid1").patch_tokens(images())
    unit = torch.nn.functional.normalize
    torch.testing.assert_close(both[..., :256], unit(earlier, dim=-1))
    assert both.shape == (3, 4, 4, 768)
    torch.testing.assert_close(both[:, 0, 0, 256:], unit(last, dim=-1)[:, 0, 0])  # a corner has one neighbour only


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (f"{NETWORK}+grid5", "gives 4 x 4 patch tokens for images of 64 px, too few for a grid of 5 x 5"),
        ("histogram+grid2", "has no patch tokens"),
        ("pixels+grid2~1", "encoder 'pixels' has no blocks, so no ~1"),
        (
            f"{NETWORK}+grid2~12",
            "~12 would be a block before the last of a network that has 12 to read from; valid: ~1 to ~11",
        ),
        ("pixels+grid0", "unknown encoder 'pixels.grid0'"),
        (
            "pixels+max",
            "unknown encoder 'pixels.max'.*@SIZE and features: .gridG.~N., .std.~N., "
            ".bilinear.~N., .mean, .shift, .white",
        ),
        ("random:resnet10t@32+std", "gives 1 x 1 patch tokens for images of 32 px, too few for a standard deviation"),
        ("pixels+shift+grid2", "come after all parts, received pixels.shift.grid2"),
        ("pixels+white+grid2", "come after all parts, received pixels.white.grid2"),
    ],
)
def test_features_that_cannot_be_are_refused(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_encoder(spec)
