"""The renderer: batches of images of one program, in one dispatch and one read.

On the compute path z of the dispatch is the image, parameters lie in a uniform block, pixels come back packed from a
storage buffer. Imported programs that compute shaders cannot run take the fragment path (`procgen.fragment`), with the
same buffers; nothing else does: on llvmpipe it was slower for 12 of 12 programs measured. Against the usual
one-image-at-a-time procedure (uniforms, draw, read, flip, transpose) it saves what is not shading; see
``benchmarks/render.py``. Compiled programs are kept in a least-recently-used cache: beyond about 1,000 resident
programs drivers start to compile anew on every use.

An image is a function of its program and its row of parameters only, never of the batch around it, of how batches are
split, or of a context that was lost on the way.

Letters: B images, P floats a row of parameters, H W image size.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

import moderngl
import numpy as np
import numpy.typing as npt
import torch

from procgen.context import ContextLostError, check_gl, drop_context, gl_context
from procgen.cuda_pixels import CudaPixels, HostPixels, SharingError, cuda_runtime, warn_once
from procgen.engine import LARGEST_SIDE_PX, PIXEL_BYTES, Engine
from procgen.programs import ShaderProgram
from procmem.errors import UserError, WorkError

MAX_RESIDENT_PROGRAMS = 800
BATCH_MEMORY_BYTES = 1 << 28  # of one dispatch's pixels; a larger batch is split
CALL_SECONDS = 0.5  # wanted at most for one call into the driver: watchdogs reset a GPU after about 2 seconds
MAX_SAMPLES_PER_SIDE = 16
CPU = torch.device("cpu")

T = TypeVar("T")


class Renderer:
    """Renders programs in this process's OpenGL context.

    Args:
        max_resident_programs: compiled programs that are kept.
        batch_memory_bytes: pixels of one dispatch; larger batches are split, which changes no byte.
        time_budget_seconds: most time that an image may take, compilation aside; None sets no limit.

    Attributes:
        on_program: None, or a callable that is given a program's fingerprint (`ShaderProgram.fingerprint`) before
            the program first touches the driver in a call of `render` or `compile`. Whoever watches over this process
            learns from it which program hangs or kills it. It is called once a call and not for an empty batch, must
            return at once, and what it raises ends the call; it may be set and replaced at any time.

    Raises:
        UserError: if an argument is not positive or OpenGL is missing.
    """

    on_program: Callable[[str], None] | None = None

    def __init__(
        self,
        max_resident_programs: int = MAX_RESIDENT_PROGRAMS,
        batch_memory_bytes: int = BATCH_MEMORY_BYTES,
        time_budget_seconds: float | None = None,
    ) -> None:
        if max_resident_programs < 1 or batch_memory_bytes < 1:
            raise UserError(f"must be positive: {max_resident_programs=}, {batch_memory_bytes=}")
        if time_budget_seconds is not None and not time_budget_seconds > 0:
            raise UserError(f"time_budget_seconds must be positive, got {time_budget_seconds}")
        self.max_resident_programs = max_resident_programs
        self.batch_memory_bytes = batch_memory_bytes
        self.time_budget_seconds = time_budget_seconds
        self._engine = Engine(max_resident_programs)
        self._pixels: dict[torch.device, HostPixels | CudaPixels] = {}

    def render(
        self,
        program: ShaderProgram,
        parameters: npt.NDArray[np.float32],
        height_px: int,
        width_px: int,
        *,
        samples_per_side: int = 1,
        device: torch.device | str = CPU,
    ) -> torch.Tensor:
        """Render one image per row of parameters.

        Args:
            program: the program; compiled on first use.
            parameters: (B, P) float32, see `ShaderProgram.draw_parameters`.
            height_px: H.
            width_px: W.
            samples_per_side: n; each pixel is the mean of n x n: the image n times as large, made smaller.
            device: where the images are wanted; on the GPU that renders they never leave it.

        Returns:
            uint8 (B, 3, H, W), row 0 at the top: clamped, times 255, rounded half to even; a channel that is NaN or
            infinite is 0. It is a view of memory laid out as (B, H, W, 4): call ``.contiguous()`` where planes are
            needed.

        Raises:
            UserError: if the parameters do not fit the program or are not finite, the size is not positive or beyond
                the device's limits, the program does not compile or takes longer than the budget, or the device is
                missing or out of memory.
            WorkError: if the program breaks the OpenGL context, and a fresh one too.
        """
        device = _check_device(device)
        _check_parameters(program, parameters)
        self._check_size(height_px, width_px, samples_per_side)
        images = torch.empty((len(parameters), height_px, width_px, PIXEL_BYTES), dtype=torch.uint8, device=device)
        if len(parameters):
            self._guarded(program, lambda: self._render_all(program, parameters, images, samples_per_side))
        return images[..., :3].permute(0, 3, 1, 2)

    def compile(self, program: ShaderProgram) -> None:
        """Compile a program completely, which leaves it in the driver's cache on disk, and render one pixel of it.

        Raises:
            UserError: if it does not compile; the driver's messages name file and line of the program.
            WorkError: as `render`.
        """
        self._guarded(program, lambda: self._engine.compile(program))

    @property
    def num_resident_programs(self) -> int:
        """Compiled programs kept now."""
        return len(self._engine.compiled)

    def release(self) -> None:
        """Free the compiled programs and buffers; the renderer cannot be used afterwards."""
        if gl_context() is not self._engine.context:
            return  # all of it went with the context
        for pixels in self._pixels.values():
            pixels.release()
        self._pixels.clear()
        self._engine.release()

    def _guarded(self, program: ShaderProgram, work: Callable[[], T]) -> T:
        """Do the work; if the context turns out to be lost, once more in a new one."""
        if self.on_program is not None:
            self.on_program(program.fingerprint)
        try:
            return self._in_context(work)
        except ContextLostError:
            drop_context()
        try:
            return self._in_context(work)
        except ContextLostError as error:
            drop_context()
            raise WorkError(
                f"program {program.id!r} broke the OpenGL context, and again after a new one was made: {error}; "
                "leave this program out, or look at the driver's log"
            ) from error

    def _in_context(self, work: Callable[[], T]) -> T:
        try:
            if gl_context() is not self._engine.context:  # somebody had to drop the one we knew
                self._engine = Engine(self.max_resident_programs)
                self._pixels = {}
            result = work()
        except moderngl.Error as error:
            check_gl(self._engine.context)  # memory that ran out is no lost context
            raise ContextLostError(str(error)) from error
        except AttributeError as error:
            if "InvalidObject" not in str(error):  # what moderngl leaves of a released object
                raise
            raise ContextLostError("an object of OpenGL was released") from error
        check_gl(self._engine.context)
        return result

    def _render_all(
        self, program: ShaderProgram, parameters: npt.NDArray[np.float32], images: torch.Tensor, samples_per_side: int
    ) -> None:
        """Render in as many draws as memory and time ask for."""
        seconds_per_image = self._engine.compile(program).seconds_per_image
        H, W = images.shape[1:3]
        sampled = H * samples_per_side, W * samples_per_side
        most = self._engine.most_images(program, *sampled, self.batch_memory_bytes)
        start = 0
        while start < len(images):
            expected = seconds_per_image.get(sampled)
            # Nothing is known of the first image of a size, so it is drawn alone.
            count = 1 if expected is None else max(1, min(most, int(CALL_SECONDS / expected)))
            part = slice(start, start + count)
            began = time.perf_counter()
            self._draw(program, parameters[part], images[part], samples_per_side)
            if images.device == CPU or expected is None or self.time_budget_seconds is not None:
                self._engine.context.finish()  # otherwise the GPU may still be at it
                seconds_per_image[sampled] = max(time.perf_counter() - began, 1e-9) / len(images[part])
            if self.time_budget_seconds is not None and seconds_per_image[sampled] > self.time_budget_seconds:
                first = slice(start, start + 1)  # once more: the machine may have been busy with something else
                began = time.perf_counter()
                self._draw(program, parameters[first], images[first], samples_per_side)
                self._engine.context.finish()
                seconds_per_image[sampled] = min(seconds_per_image[sampled], time.perf_counter() - began)
                self._check_budget(program, seconds_per_image[sampled], sampled)
            start = part.stop

    def _draw(
        self, program: ShaderProgram, parameters: npt.NDArray[np.float32], images: torch.Tensor, samples_per_side: int
    ) -> None:
        H, W = images.shape[1:3]
        try:
            pixels = self._pixels_for(images.device)
            self._engine.draw(program, parameters, (H, W), samples_per_side, pixels.buffer(images.nbytes))
            pixels.fetch(images)
        except SharingError as error:
            warn_once(error)
            failed = self._pixels.pop(images.device, None)
            if failed is not None:
                with contextlib.suppress(SharingError):
                    failed.release()
            self._pixels[images.device] = HostPixels(self._engine.context)
            self._draw(program, parameters, images, samples_per_side)

    def _pixels_for(self, device: torch.device) -> HostPixels | CudaPixels:
        if device not in self._pixels:
            context = self._engine.context
            shared = device.type == "cuda"
            self._pixels[device] = CudaPixels(context, device, cuda_runtime()) if shared else HostPixels(context)
        return self._pixels[device]

    def _check_budget(self, program: ShaderProgram, seconds: float, sampled: tuple[int, int]) -> None:
        budget = self.time_budget_seconds
        if budget is not None and seconds > budget:
            raise UserError(
                f"program {program.id!r} takes {seconds:.3g} seconds for an image of {sampled[0]} x {sampled[1]} "
                f"samples, but the budget is {budget:g} seconds; leave it out, render smaller, or raise the budget"
            )

    def _check_size(self, height_px: int, width_px: int, samples_per_side: int) -> None:
        if not 1 <= samples_per_side <= MAX_SAMPLES_PER_SIDE:
            raise UserError(f"samples_per_side must be within 1..{MAX_SAMPLES_PER_SIDE}, got {samples_per_side}")
        most = LARGEST_SIDE_PX // samples_per_side
        for name, value in (("height_px", height_px), ("width_px", width_px)):
            if not 1 <= value <= most:
                raise UserError(f"{name} must be within 1..{most}, got {value} ({samples_per_side=})")
        image_bytes = height_px * width_px * PIXEL_BYTES * samples_per_side**2
        largest = self._engine.largest_block_bytes
        if image_bytes > largest:
            raise UserError(
                f"an image of {height_px} x {width_px} with {samples_per_side**2} samples a pixel takes {image_bytes} "
                f"bytes, but a storage buffer of this device holds {largest}; render a smaller one"
            )


_shared: Renderer | None = None


def shared_renderer() -> Renderer:
    """The process's renderer, made on first use, so that everybody shares one cache of compiled programs.

    Raises:
        UserError: as `procgen.context.gl_context`.
    """
    global _shared
    if _shared is None:
        _shared = Renderer()
    return _shared


def _check_device(device: torch.device | str) -> torch.device:
    """The device with its index."""
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"unknown device {device!r}; use cpu, cuda or cuda:0") from error
    if found.type == "cuda" and torch.cuda.is_available():
        index = torch.cuda.current_device() if found.index is None else found.index
        if index < torch.cuda.device_count():
            return torch.device("cuda", index)
    if found.type != "cpu":
        raise UserError(
            f"images are wanted on {str(device)!r}, but this machine has {torch.cuda.device_count()} CUDA "
            "devices that torch can use; use device='cpu'"
        )
    return CPU


def _check_parameters(program: ShaderProgram, parameters: npt.NDArray[np.float32]) -> None:
    expected = program.num_floats
    if parameters.dtype != np.float32 or parameters.ndim != 2 or parameters.shape[1] != expected:
        received = f"{parameters.dtype} {tuple(parameters.shape)}"
        raise UserError(f"program {program.id!r} takes float32 parameters (B, {expected}), got {received}")
    bad = np.argwhere(~np.isfinite(parameters))
    if len(bad):
        row, column = (int(value) for value in bad[0])
        raise UserError(f"parameters of program {program.id!r} must be finite; row {row}, column {column} is not")
