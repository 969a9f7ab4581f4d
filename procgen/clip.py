"""A clip of one program: its parameters wander through a few random draws and come back, so that the clip loops.

Continuous parameters are interpolated (log-uniform ones geometrically, angles the shorter way round), eased so that
nothing jerks at a draw. Seeds and integers keep the value of the first draw: they would jump.

Letters: F frames, S stops (draws passed through), P floats a row of parameters.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from procgen.parameters import Parameter
from procgen.programs import ShaderProgram
from procmem.errors import UserError
from procmem.files import atomic_write

FRAMES_A_SECOND = 20
SUFFIXES = (".gif", ".mp4")
CONSTANT_RATE_FACTOR = 18  # of H.264: hardly to be told from the original


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
    """Write a looping GIF, or an MP4 (H.264), atomically.

    Args:
        frames: uint8 (F, 3, H, W).
        path: the file, with the suffix .gif or .mp4.

    Raises:
        UserError: if the suffix is another, the file cannot be written, or an MP4 is asked for where PyAV is missing
            or with an odd height or width.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"a clip is saved as {' or '.join(SUFFIXES)}, got {path.name!r}")
    rows = frames.permute(0, 2, 3, 1).contiguous().numpy()
    content = _gif(rows) if path.suffix.lower() == ".gif" else _mp4(rows)
    with atomic_write(path) as file:
        file.write(content)


def _gif(frames: npt.NDArray[np.uint8]) -> bytes:
    """A looping GIF of frames (F, H, W, 3)."""
    first, *others = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=1000 // FRAMES_A_SECOND, loop=0)
    return buffer.getvalue()


def _mp4(frames: npt.NDArray[np.uint8]) -> bytes:
    """An MP4 of frames (F, H, W, 3)."""
    try:
        import av
    except ImportError as error:
        raise UserError("an MP4 needs PyAV: pip install 'procmem[video]', or save the clip as .gif") from error
    _, H, W, _ = frames.shape
    if H % 2 or W % 2:
        raise UserError(f"an MP4 needs an even height and width, got {H} x {W}; choose another size, or save a .gif")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"crf": str(CONSTANT_RATE_FACTOR)})
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


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
