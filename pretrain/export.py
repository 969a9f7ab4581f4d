"""Exports: a folder that timm and its hub understand, with the provenance in it.

    model.safetensors   weights with timm's names; the provenance in the file's metadata
    config.json         timm's hub layout (architecture, arguments, normalisation) and the entry "procmem"
    README.md           model card

``timm.create_model("local-dir:FOLDER", pretrained=True)`` builds the backbone, and `pretrain.encoder.load_encoder`
the encoder. In half precision a file is half as large; the numbers are rounded once, and computed in float32 all the
same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pretrain import preprocessing
from pretrain.checkpoint import BackboneState
from procmem.errors import UserError
from procmem.files import atomic_write, make_folder, read_json, write_json, write_text
from procmem.provenance import Provenance, code_version

FORMAT = 1
ENTRY = "procmem"
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
TIMM_CROP_SHARE = 224 / 256
"""Ours resizes the shorter side to S * 256 / 224 before the crop; timm's name for the inverse is crop_pct."""


def export_timm(state: BackboneState, folder: Path, *, half: bool = False) -> str:
    """Write an export folder.

    Args:
        state: what is exported.
        folder: made if missing; earlier exports in it are replaced.
        half: store weights in float16.

    Returns:
        The line of Python that loads it with timm.

    Raises:
        UserError: if the folder cannot be written, or a weight is too large for float16.
    """
    make_folder(folder)
    tensors = {name: _stored(name, tensor, half) for name, tensor in state.state_dict.items()}
    record = {"format": FORMAT, "provenance": state.provenance.to_dict(), "exported_by": code_version()}
    with atomic_write(folder / WEIGHTS) as file:
        file.write(save(tensors, {ENTRY: json.dumps(record, sort_keys=True)}))  # two keys would come in any order
    write_json(folder / CONFIG, _config(state, half))
    line = _timm_line(state, folder)
    write_text(folder / CARD, _card(state, folder.name, half))
    return line


def is_export(path: Path) -> bool:
    """Whether a folder is an export of ours."""
    return (path / WEIGHTS).is_file() and (path / CONFIG).is_file()


def read_export(folder: Path) -> BackboneState:
    """Read an export folder; half precision comes back as float32.

    Raises:
        UserError: if a file is missing, cut, or not one of ours.
    """
    config = read_json(folder / CONFIG)
    entry = config.get(ENTRY) if isinstance(config, dict) else None
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        raise UserError(
            f"{str(folder / CONFIG)!r} has no {ENTRY!r} entry of format {FORMAT}: it is not an export of procmem"
        )
    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{str(folder / WEIGHTS)!r} cannot be read (cut or damaged?): {error}") from error
    settings = config["pretrained_cfg"]
    return BackboneState(
        model_name=config["architecture"],
        model_kwargs={"num_classes": 0} | config["model_args"],
        image_size_px=entry["image_size_px"],
        mean=tuple(settings["mean"]),
        std=tuple(settings["std"]),
        pooling=entry["pooling"],
        state_dict={name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()},
        provenance=Provenance.from_dict(entry["provenance"]),
    )


def _stored(name: str, tensor: torch.Tensor, half: bool) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if not half or not tensor.is_floating_point():
        return tensor
    stored = tensor.to(torch.float16)
    if not torch.isfinite(stored).all():
        raise UserError(f"weight {name!r} does not fit into float16; export without half precision")
    return stored


def _config(state: BackboneState, half: bool) -> dict[str, Any]:
    """The layout of timm's hub; what timm reads as the input size is the size of the training crops."""
    arguments = {key: value for key, value in state.model_kwargs.items() if key != "num_classes"}
    size = state.image_size_px
    return {
        "architecture": state.model_name,
        "num_classes": 0,
        "model_args": arguments,
        "pretrained_cfg": {
            "input_size": [3, size, size],
            "fixed_input_size": "img_size" in arguments and not arguments.get("dynamic_img_size", False),
            "mean": list(state.mean),
            "std": list(state.std),
            "interpolation": "bicubic",
            "crop_pct": TIMM_CROP_SHARE,
            "crop_mode": "center",
            "num_classes": 0,
            "custom_load": False,
        },
        ENTRY: {
            "format": FORMAT,
            "image_size_px": size,
            "pooling": state.pooling,
            "precision": "float16" if half else "float32",
            "preprocessing": preprocessing.DESCRIPTION,
            "provenance": state.provenance.to_dict(),
        },
    }


def _timm_line(state: BackboneState, folder: Path) -> str:
    arguments = {"num_classes": 0} | state.model_kwargs
    written = "".join(f", {key}={value!r}" for key, value in arguments.items())
    return f"timm.create_model({state.model_name!r}, checkpoint_path={str(folder / WEIGHTS)!r}{written})"


def _card(state: BackboneState, name: str, half: bool) -> str:
    record = state.provenance
    real = {True: "yes", False: "**no**", "unknown": "unknown"}[record.real_images]
    rows = {
        "architecture": f"`{state.model_name}` (timm), arguments in config.json",
        "image size": f"{state.image_size_px} px; {preprocessing.DESCRIPTION}",
        "normalisation": f"mean {list(state.mean)}, standard deviation {list(state.std)}, of images in 0..1",
        "embedding": f"{state.pooling}, L2-normalised by procmem (not by timm)",
        "stored as": "float16 (compute in float32)" if half else "float32",
        "trained on real images": real,
        "trained on": f"`{json.dumps(list(record.processes))}`" if record.processes else "not recorded",
        "images seen": f"{record.images_seen:,}" if record.images_seen else "not recorded",
        "program set": f"`{record.program_set_hash}`" if record.program_set_hash else "none",
        "seeds": f"`{json.dumps(record.seeds)}`",
        "code": record.code_version or "not recorded",
        **({"notes": "; ".join(record.notes)} if record.notes else {}),
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    return (
        f"# {name}\n\nA vision encoder exported by procmem.\n\n| | |\n| --- | --- |\n{table}\n\n"
        "```python\nfrom pretrain.encoder import load_encoder\n"
        'encoder = load_encoder("FOLDER")  # this folder\n\n'
        'import timm\nbackbone = timm.create_model("local-dir:FOLDER", pretrained=True).eval()\n```\n'
    )
