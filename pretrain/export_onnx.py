"""ONNX: one file from pixels in 0..1 to a unit-length embedding, for any batch size.

Normalisation (mean, standard deviation) and the L2 norm are inside, so that nobody can leave them out; resizing and
cropping are not, since ONNX runtimes differ in how they resize. In half precision the weights are stored as float16 and
cast back inside: a file half as large whose arithmetic every runtime has. What was written is compared with the encoder
by onnxruntime before it counts as done.

    images     float32 (B, 3, S, S), RGB in 0..1
    embedding  float32 (B, D), of length 1
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pretrain import preprocessing
from pretrain.backbone import create_backbone
from pretrain.checkpoint import BackboneState
from procmem.errors import UserError, WorkError
from procmem.files import atomic_write, make_folder
from procmem.provenance import code_version

FILE = "model.onnx"
OPSET = 18
TOLERANCE = {False: 1e-5, True: 5e-3}
"""Half precision? -> largest difference of a component of an embedding of length 1 from the encoder's."""
CHECKED_BATCHES = (1, 3)
SMALLEST_CAST_WEIGHT = 64
"""Weights with fewer numbers stay float32: nothing to gain."""


class Embedder(nn.Module):
    """Backbone between normalisation and L2 norm."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, state: BackboneState) -> None:
        super().__init__()
        self.backbone = create_backbone(state.model_name, state.model_kwargs)
        self.backbone.load_state_dict(state.state_dict)
        self.register_buffer("mean", torch.tensor(state.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(state.std).view(3, 1, 1))
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Unit-length embeddings (B, D) of images (B, 3, S, S) in 0..1."""
        return nn.functional.normalize(self.backbone((images - self.mean) / self.std), dim=1)


def export_onnx(state: BackboneState, folder: Path, *, half: bool = False) -> float:
    """Write ``model.onnx``.

    Args:
        state: what is exported.
        folder: made if missing.
        half: store weights in float16.

    Returns:
        The largest difference from the encoder's embeddings that onnxruntime showed.

    Raises:
        UserError: if the extra ``onnx`` is missing, or the folder cannot be written.
        WorkError: if onnxruntime's embeddings differ by more than `TOLERANCE`.
    """
    onnx, onnxruntime = _onnx()
    make_folder(folder)
    embedder = Embedder(state)
    model = _converted(embedder, state.image_size_px)
    if half:
        _store_half(model, onnx)
    metadata = {
        "procmem.provenance": json.dumps(state.provenance.to_dict(), sort_keys=True),
        "procmem.input": "images: float32 (B, 3, S, S), RGB in 0..1; normalisation is inside",
        "procmem.output": "embedding: float32 (B, D) of unit length",
        "procmem.preprocessing": preprocessing.DESCRIPTION,
        "procmem.image_size_px": str(state.image_size_px),
        "procmem.exported_by": code_version(),
    }
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    difference = _difference(onnxruntime, content, embedder, state.image_size_px)
    if not difference <= TOLERANCE[half]:
        raise WorkError(
            f"onnxruntime's embeddings differ by up to {difference:.2g} (allowed: {TOLERANCE[half]:g}); nothing written"
        )
    with atomic_write(folder / FILE) as file:
        file.write(content)
    return difference


def _converted(embedder: Embedder, size_px: int) -> Any:
    """The network as an ONNX model with a free batch size."""
    import onnx

    example = (torch.zeros(2, 3, size_px, size_px),)
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's exporter warns of its own deprecations
            path = Path(place) / FILE
            torch.onnx.export(
                embedder,
                example,
                path,
                input_names=["images"],
                output_names=["embedding"],
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
            return onnx.load(path)
    except torch.onnx.errors.OnnxExporterError as error:
        raise WorkError(f"torch cannot write this network as ONNX: {str(error).splitlines()[0]}") from error
    finally:
        exporter.setLevel(level)


def _store_half(model: Any, onnx: Any) -> None:
    """Replace each large float32 weight by a float16 one and a cast."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST_CAST_WEIGHT:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.float16"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.float16"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _difference(onnxruntime: Any, content: bytes, embedder: Embedder, size_px: int) -> float:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for count in CHECKED_BATCHES:
        images = torch.rand(count, 3, size_px, size_px, generator=generator)
        (theirs,) = session.run(["embedding"], {"images": images.numpy()})
        largest = max(largest, float((embedder(images) - torch.from_numpy(theirs)).abs().max()))
    return largest


def _onnx() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401 (torch's exporter needs it)
    except ImportError as error:
        raise UserError(f"writing ONNX needs {error.name}: pip install 'procmem[onnx]'") from error
    return onnx, onnxruntime
