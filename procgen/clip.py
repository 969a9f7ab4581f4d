"""A clip of one program: its parameters wander through a few random draws and come back, so that the clip loops.

Continuous parameters are interpolated (log-uniform ones geometrically, angles the shorter way round), eased so that
nothing jerks at a draw. Seeds and integers keep the value of the first draw: they would jump.

Letters: F frames, S stops (draws passed through), P floats a row of parameters.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from procgen.parameters import Parameter
from procgen.programs import ShaderProgram
from procmem.errors import UserError
from procmem.files import atomic_write

FRAMES_A_SECOND = 20


def clip_parameters(
    program: ShaderProgram, root_seed: int, *, num_frames: int, num_stops: int = 4
) -> npt.NDArray[np.float32]:
    """Parameters of the frames of a looping clip.

    Args:
        program: the program.
        root_seed: fixes the draws that the clip passes through.
        num_frames: F.
        num_stops: S.

    Returns:
        (F, P) float32; frame 0 is the first draw, and frame F would be it again.

    Raises:
        UserError: if there are no frames or no stops.
    """
    if num_frames < 1 or num_stops < 1:
        raise UserError(f"a clip needs at least one frame and one stop, got {num_frames} and {num_stops}")
    stops = program.draw_parameters(root_seed, "clip", program.id, counters=np.arange(num_stops)).astype(np.float64)
    position = np.arange(num_frames) * num_stops / num_frames
    index = position.astype(int)
    share = position - index
    eased = (share * share * (3 - 2 * share))[:, None]
    here, there = stops[index], stops[(index + 1) % num_stops]
    frames = np.empty((num_frames, stops.shape[1]), dtype=np.float32)
    column = 0
    for parameter in program.parameters:
        part = slice(column, column + parameter.width)
        frames[:, part] = _between(parameter, here[:, part], there[:, part], eased, stops[0, part])
        column += parameter.width
    return frames


def save_clip(frames: torch.Tensor, path: Path) -> None:
    """Write a looping GIF, atomically.

    Args:
        frames: uint8 (F, 3, H, W).
        path: the file, with the suffix .gif.

    Raises:
        UserError: if the suffix is another or the file cannot be written.
    """
    if path.suffix.lower() != ".gif":
        raise UserError(f"a clip is saved as .gif, got {path.name!r}")
    first, *others = [Image.fromarray(frame) for frame in frames.permute(0, 2, 3, 1).contiguous().numpy()]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=1000 // FRAMES_A_SECOND, loop=0)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _between(
    parameter: Parameter,
    here: npt.NDArray[np.float64],
    there: npt.NDArray[np.float64],
    share: npt.NDArray[np.float64],
    held: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    if parameter.kind in ("seed", "integer"):
        return np.broadcast_to(held, here.shape)
    if parameter.kind == "log_uniform":
        return np.asarray(here * (there / here) ** share)
    if parameter.kind == "angle":
        turn = (there - here + np.pi) % (2 * np.pi) - np.pi
        return np.asarray((here + share * turn) % (2 * np.pi))
    return here + share * (there - here)
