"""What `procmem export` and `procmem import` do; see `procmem.commands` for the conventions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from procmem.commands import print_json
from procmem.errors import UserError
from procmem.progress import say


def export(
    run: Path,
    *,
    output: Path,
    format: Literal["timm", "onnx"] = "timm",  # noqa: A002 (the option's usual name)
    half: bool = False,
    image_size_px: int | None = None,
    notes: list[str] | None = None,
    json: bool = False,
) -> None:
    """Write a trained encoder for use elsewhere: safetensors and config.json for timm, or ONNX.

    What it has seen (its provenance) travels in the file. An export folder is an encoder for every other command too.

    Args:
        run: a run folder, a checkpoint or an export folder.
        output: folder to write.
        format: timm (model.safetensors, config.json, README.md) or onnx (model.onnx, from images in 0..1 to
            embeddings of length 1, any batch size; checked with onnxruntime).
        half: store the weights in float16.
        image_size_px: size at which the export shows images; the default is that of the training crops.
        notes: sentences to add to what it has seen, for example which choices looked at real images.
        json: print what was written as JSON.
    """
    import dataclasses

    from pretrain.encoder import load_encoder, read_state
    from pretrain.export import CONFIG, WEIGHTS, export_timm
    from pretrain.export_onnx import FILE, export_onnx

    if not run.exists():
        raise UserError(f"no checkpoint, run or export at {str(run)!r}")
    state = read_state(run)
    if image_size_px is not None:
        load_encoder(str(run), image_size_px=image_size_px)  # which says if the network cannot take it
        state = dataclasses.replace(state, image_size_px=image_size_px)
    if notes:
        provenance = dataclasses.replace(state.provenance, notes=(*state.provenance.notes, *notes))
        state = dataclasses.replace(state, provenance=provenance)
    if format == "onnx":
        difference = export_onnx(state, output, half=half)
        say(f"wrote {output / FILE}; largest difference in onnxruntime {difference:.1e}")
        if json:
            print_json({"files": [str(output / FILE)], "largest_difference": difference})
        return
    line = export_timm(state, output, half=half)
    files = [str(output / name) for name in (WEIGHTS, CONFIG, "README.md")]
    say(f"wrote {', '.join(files)}")
    if json:
        print_json({"files": files, "timm": line})
    else:
        sys.stdout.write(f"{line}\n")


def import_(
    file: Path,
    *,
    output: Path,
    entry: str | None = None,
    architecture: str | None = None,
    num_heads: int | None = None,
    real_images: Literal["true", "false", "unknown"] = "unknown",
    half: bool = False,
    json: bool = False,
) -> None:
    """Make an export folder of a checkpoint from elsewhere: DINO's files, plain weights of vision transformers.

    The architecture is read from the shapes. Every weight that is not of the backbone is named; a missing one, or one
    of another shape, is an error that lists all of them.

    Args:
        file: what torch.save wrote (no code in it is run), or .safetensors.
        output: folder to write.
        entry: which network of the file: teacher, student or another key; the default is the first that is there.
        architecture: timm's name, where the shapes do not tell.
        num_heads: attention heads, where the width does not tell.
        real_images: whether it was trained on real images, for its provenance.
        half: store the weights in float16.
        json: print what was found as JSON.
    """
    from pretrain.export import export_timm
    from pretrain.foreign_checkpoint import read_foreign

    imported = read_foreign(
        file,
        entry=entry,
        architecture=architecture,
        num_heads=num_heads,
        real_images={"true": True, "false": False, "unknown": "unknown"}[real_images],  # type: ignore[arg-type]
    )
    line = export_timm(imported.state, output, half=half)
    state = imported.state
    say(
        f"{len(state.state_dict)} weights of {imported.entry or 'the file'} fill timm's {state.model_name!r} "
        f"({state.image_size_px} px); encoder: {output}"
    )
    for name in imported.left_out:
        say(f"left out: {name}")
    if json:
        found = {"entry": imported.entry, "architecture": state.model_name, "arguments": state.model_kwargs}
        print_json(found | {"left_out": imported.left_out, "timm": line})
    else:
        sys.stdout.write(f"{line}\n")
