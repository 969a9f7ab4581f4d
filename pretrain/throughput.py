"""How fast, and how fast it could be: model-FLOP utilisation (MFU; Chowdhery et al. 2022, appendix B).

MFU = FLOPs that the step's mathematics needs / seconds / peak of the device. The FLOPs are counted once, on the real
network without memory or data (torch's "meta" device), so any backbone counts; what is computed twice to save memory
does not count twice. The peak is the maker's dense figure for a GPU in the table below; a processor's is measured with
one matrix product. Where the peak is unknown there is no MFU.

Letters: V views, G global views.
"""

from __future__ import annotations

import copy
import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pretrain.backbone import use_plain_attention
from pretrain.view_draws import MultiCropConfig

PEAK_TFLOPS: dict[str, tuple[float, float]] = {
    "B200": (2250.0, 75.0),
    "GH200": (989.0, 67.0),
    "H200": (989.0, 67.0),
    "H100 PCIe": (756.0, 51.0),
    "H100": (989.0, 67.0),
    "A100": (312.0, 19.5),
    "L40S": (362.0, 91.6),
    "L4": (121.0, 30.3),
    "A10": (125.0, 31.2),
    "RTX 4090": (165.2, 82.6),
    "RTX 3090": (71.0, 35.6),
}
"""Name in torch's name of the device -> dense TFLOP/s in bf16 and in float32 (without TF32), from the data sheets. The
first that fits counts, so longer names stand before their prefixes."""
PRODUCT_SIZE, PRODUCT_TRIES = 256, 10


@torch.no_grad()
def flops_per_image(student: nn.Module, crops: MultiCropConfig) -> float:
    """FLOPs of one image in a training step: student forward and backward on V views, teacher forward on G.

    Args:
        student: a `pretrain.module.Network`.
        crops: the views.
    """
    network = copy.deepcopy(student).to("meta").train()
    set_checkpointing = getattr(network.backbone, "set_grad_checkpointing", None)
    if callable(set_checkpointing):
        set_checkpointing(False)
    use_plain_attention(network)  # as products, which the counter knows on every device
    views = [torch.empty(2, 3, kind.size_px, kind.size_px, device="meta") for kind in crops.views()]
    with torch.enable_grad(), FlopCounterMode(display=False) as learning:
        network(views)[1].sum().backward()
    with FlopCounterMode(display=False) as teaching:
        network(views[: crops.num_global_crops])
    return float(learning.get_total_flops() + teaching.get_total_flops()) / 2


def peak_flops(device: torch.device, precision: torch.dtype) -> float | None:
    """FLOP/s that the device can do at best in this precision; None where nobody knows."""
    if device.type == "cpu":
        return _measured_peak(precision)
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for known, (bf16, float32) in PEAK_TFLOPS.items():
            if known in name:
                return 1e12 * (bf16 if precision == torch.bfloat16 else float32)
    return None


def _measured_peak(precision: torch.dtype) -> float:
    """Best of a few matrix products on this process's threads."""
    matrix = torch.ones(PRODUCT_SIZE, PRODUCT_SIZE, dtype=precision)
    seconds = []
    for _ in range(PRODUCT_TRIES):
        start = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return 2 * PRODUCT_SIZE**3 / min(seconds)
