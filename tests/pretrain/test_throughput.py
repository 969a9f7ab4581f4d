"""FLOPs against a count by hand, and what they are compared with. Run: pytest tests/pretrain/test_throughput.py."""

from __future__ import annotations

import pytest
import torch

from pretrain import throughput
from pretrain.backbone import BackboneConfig, create_backbone, use_gradient_checkpointing
from pretrain.head import HeadConfig, ProjectionHead
from pretrain.module import Network
from pretrain.throughput import flops_per_image, peak_flops
from pretrain.view_draws import MultiCropConfig

D, DEPTH = 24, 2


@pytest.fixture
def network() -> Network:
    options = {"depth": DEPTH, "embed_dim": D, "num_heads": 2}
    config = BackboneConfig(name="vit_tiny_patch16_224", patch_size_px=8, options=options)
    head = HeadConfig(hidden_size=32, bottleneck_size=16, num_prototypes=40)
    return Network(create_backbone(config.name, config.timm_arguments(24)), ProjectionHead(D, head))


def forward_by_hand(size_px: int) -> int:
    """Two FLOPs for each multiply-add of every matrix product of one view."""
    patches = (size_px // 8) ** 2
    tokens = patches + 1
    attention = 2 * tokens * tokens * D  # scores, and their product with the values
    block = tokens * (3 * D * D + D * D + 4 * D * D + 4 * D * D) + attention
    head = D * 32 + 32 * 32 + 32 * 16 + 16 * 40
    return 2 * (patches * 3 * 64 * D + DEPTH * block + head)


@pytest.mark.parametrize("is_checkpointed", [False, True])
def test_flops_of_an_image_equal_the_count_by_hand(network: Network, is_checkpointed: bool) -> None:
    """A backward pass has two products for each of the forward pass, but none for the gradient of the pixels."""
    crops = MultiCropConfig(global_crop_px=24, local_crop_px=16, num_local_crops=3)
    student = 2 * forward_by_hand(24) + 3 * forward_by_hand(16)
    pixels = 2 * 3 * 64 * D * (2 * 9 + 3 * 4)
    if is_checkpointed:
        use_gradient_checkpointing(network.backbone)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert flops_per_image(network, crops) == 3 * student - pixels + 2 * forward_by_hand(24)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "bf16", "float32"),
    [
        ("NVIDIA H200", 989e12, 67e12),
        ("NVIDIA H100 PCIe", 756e12, 51e12),
        ("NVIDIA A100-SXM4-80GB", 312e12, 19.5e12),
        ("NVIDIA L40S", 362e12, 91.6e12),
        ("Somebody's GPU", None, None),
    ],
)
def test_the_peak_is_the_makers_or_unknown(
    monkeypatch: pytest.MonkeyPatch, name: str, bf16: float | None, float32: float | None
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    for precision, expected in ((torch.bfloat16, bf16), (torch.float32, float32)):
        assert peak_flops(torch.device("cuda", 0), precision) == (expected and pytest.approx(expected))


def test_a_processors_peak_is_its_best_measured_product(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 9.0, 9.0, 10.0, 10.0, 14.0])
    monkeypatch.setattr(throughput, "PRODUCT_TRIES", 3)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(ticks))
    assert peak_flops(torch.device("cpu"), torch.float32) == 2 * 256**3
