"""The renderer: batches of images of one program, in one dispatch and one read.

On the compute path z of the dispatch is the image, parameters lie in a storage buffer, pixels come back packed from
another. Imported programs that compute shaders cannot run take the fragment path (`procgen.fragment`), with the same
buffers. Against the usual one-image-at-a-time procedure (uniforms, draw, read, flip, transpose) it saves
what is not shading; see ``benchmarks/render.py``. Compiled programs are kept in a least-recently-used cache: beyond
about 1,000 resident programs drivers start to compile anew on every use.

An image is a function of its program and its row of parameters only, never of the batch around it.

Letters: B images, P floats a row of parameters, H W image size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt
import torch

from procgen.context import gl_context, is_software
from procgen.fragment import FragmentProgram, make_area, make_stand_in, release_area, stride
from procgen.glsl import (
    GROUP_SIZE_PX,
    PARAMETER_BINDING,
    PIXEL_BINDING,
    ROWS_UNIFORM,
    SIZE_UNIFORM,
    compile_error_message,
)
from procgen.programs import ShaderProgram
from procmem.errors import UserError

MAX_RESIDENT_PROGRAMS = 800
PIXEL_BYTES = 4
BATCH_MEMORY_BYTES = 1 << 28  # of one dispatch's pixels; a larger batch is split
LARGEST_SIDE_PX = 16384


class Renderer:
    """Renders programs in this process's OpenGL context.

    Args:
        max_resident_programs: compiled programs that are kept.
        batch_memory_bytes: pixels of one dispatch; larger batches are split, which changes no byte.

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
        self, max_resident_programs: int = MAX_RESIDENT_PROGRAMS, batch_memory_bytes: int = BATCH_MEMORY_BYTES
    ) -> None:
        if max_resident_programs < 1 or batch_memory_bytes < 1:
            raise UserError(f"must be positive: {max_resident_programs=}, {batch_memory_bytes=}")
        self.max_resident_programs = max_resident_programs
        context = gl_context()
        self._largest_block_bytes = int(context.info["GL_MAX_SHADER_STORAGE_BLOCK_SIZE"])
        # On a processor, reading the parameters cost light programs half their time: a group takes whole columns there.
        # A GPU wants many small groups.
        self._rows_per_group = LARGEST_SIDE_PX if is_software(context.info["GL_RENDERER"]) else GROUP_SIZE_PX
        self._largest_dispatch = int(context.info["GL_MAX_COMPUTE_WORK_GROUP_COUNT"][2])
        self._batch_bytes = min(batch_memory_bytes, self._largest_block_bytes)
        self._compiled: OrderedDict[str, Any] = OrderedDict()
        self._largest_area_rows = min(int(context.info["GL_MAX_RENDERBUFFER_SIZE"]), LARGEST_SIDE_PX)
        self._area: Any = None  # the fragment path's framebuffer
        self._stand_in: Any = None
        self._parameter_buffer = context.buffer(reserve=PIXEL_BYTES, dynamic=True)
        self._pixel_buffer = context.buffer(reserve=PIXEL_BYTES, dynamic=True)

    def render(
        self, program: ShaderProgram, parameters: npt.NDArray[np.float32], height_px: int, width_px: int
    ) -> torch.Tensor:
        """Render one image per row of parameters.

        Args:
            program: the program; compiled on first use.
            parameters: (B, P) float32, see `ShaderProgram.draw_parameters`.
            height_px: H.
            width_px: W.

        Returns:
            uint8 (B, 3, H, W), row 0 at the top: clamped, times 255, rounded half to even; a channel that is NaN or
            infinite is 0. It is a view of memory laid out as (B, H, W, 4): call ``.contiguous()`` where planes are
            needed.

        Raises:
            UserError: if the parameters do not fit the program or are not finite, the size is not positive or beyond
                the device's limits, the program does not compile, or the device is out of memory.
        """
        context = gl_context()
        _check_parameters(program, parameters)
        self._check_size(height_px, width_px)
        B = len(parameters)
        images = np.empty((B, height_px, width_px, PIXEL_BYTES), dtype=np.uint8)
        if B:
            shader = self._shader(program)
            if program.stand_ins:
                self._use_stand_in()
            step = self._images_per_dispatch(height_px * width_px * PIXEL_BYTES, parameters.shape[1] * PIXEL_BYTES)
            if program.path == "fragment":
                step = min(step, self._largest_area_rows // stride(height_px))
            # Globals of an imported program live for one pixel: there an invocation shades one.
            rows = self._rows_per_group if program.dialect == "native" else GROUP_SIZE_PX
            for start in range(0, B, step):
                self._dispatch(shader, parameters[start : start + step], images[start : start + step], rows)
            _check_gl(context, program)
        return torch.from_numpy(images)[..., :3].permute(0, 3, 1, 2)

    def compile(self, program: ShaderProgram) -> None:
        """Compile a program without rendering it.

        Raises:
            UserError: if it does not compile; the driver's messages name file and line of the program.
        """
        self._shader(program)

    @property
    def num_resident_programs(self) -> int:
        """Compiled programs kept now."""
        return len(self._compiled)

    def release(self) -> None:
        """Free the compiled programs and buffers; the renderer cannot be used afterwards."""
        for resource in (*self._compiled.values(), self._parameter_buffer, self._pixel_buffer):
            resource.release()
        if self._area is not None:
            release_area(self._area)
        if self._stand_in is not None:
            self._stand_in.release()
        self._compiled.clear()

    def _dispatch(
        self, shader: Any, parameters: npt.NDArray[np.float32], images: npt.NDArray[np.uint8], rows_per_group: int
    ) -> None:
        H, W = images.shape[1:3]
        if parameters.size:
            _reserve(self._parameter_buffer, parameters.nbytes)
            self._parameter_buffer.write(np.ascontiguousarray(parameters))
        _reserve(self._pixel_buffer, images.nbytes)
        self._parameter_buffer.bind_to_storage_buffer(PARAMETER_BINDING)
        self._pixel_buffer.bind_to_storage_buffer(PIXEL_BINDING)
        if isinstance(shader, FragmentProgram):
            # Discarded pixels are not written; a store before the program runs was tried, and Mesa's compiler drops it.
            self._pixel_buffer.clear(size=images.nbytes)
            shader.draw(self._area_for(len(images), H, W), len(images), H, W)
        else:
            shader[SIZE_UNIFORM], shader[ROWS_UNIFORM] = (W, H), rows_per_group
            shader.run(-(-W // GROUP_SIZE_PX), -(-H // rows_per_group), len(images))
        gl_context().memory_barrier(moderngl.BUFFER_UPDATE_BARRIER_BIT)
        self._pixel_buffer.read_into(images, size=images.nbytes)

    def _shader(self, program: ShaderProgram) -> Any:
        """The compiled program, from the cache or anew."""
        if self.on_program is not None:
            self.on_program(program.fingerprint)
        if program.fingerprint in self._compiled:
            self._compiled.move_to_end(program.fingerprint)
            return self._compiled[program.fingerprint]
        shader = _compile(program)
        self._compiled[program.fingerprint] = shader
        if len(self._compiled) > self.max_resident_programs:
            self._compiled.popitem(last=False)[1].release()
        return shader

    def _area_for(self, num_images: int, height_px: int, width_px: int) -> Any:
        """The framebuffer of the fragment path; kept while images of one width fit into it."""
        rows = num_images * stride(height_px)
        if self._area is None or self._area.width != width_px or self._area.height < rows:
            if self._area is not None:
                release_area(self._area)
            self._area = make_area(num_images, height_px, width_px)
        return self._area

    def _use_stand_in(self) -> None:
        if self._stand_in is None:
            self._stand_in = make_stand_in()
        self._stand_in.use(location=0)

    def _images_per_dispatch(self, image_bytes: int, row_bytes: int) -> int:
        by_parameters = self._largest_block_bytes // max(row_bytes, 1)
        return max(1, min(self._batch_bytes // image_bytes, by_parameters, self._largest_dispatch))

    def _check_size(self, height_px: int, width_px: int) -> None:
        for name, value in (("height_px", height_px), ("width_px", width_px)):
            if not 1 <= value <= LARGEST_SIDE_PX:
                raise UserError(f"{name} must be within 1..{LARGEST_SIDE_PX}, got {value}")
        image_bytes = height_px * width_px * PIXEL_BYTES
        if image_bytes > self._largest_block_bytes:
            raise UserError(
                f"an image of {height_px} x {width_px} takes {image_bytes} bytes, "
                f"but a storage buffer of this device holds {self._largest_block_bytes}; render a smaller one"
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


def _compile(program: ShaderProgram) -> Any:
    try:
        if program.path == "fragment":
            return FragmentProgram(program.assembly.text)
        return gl_context().compute_shader(program.assembly.text)
    except moderngl.Error as error:
        message = compile_error_message(str(error), program.assembly)
        raise UserError(f"program {program.id!r} does not compile:\n{message}") from error


def _reserve(buffer: Any, num_bytes: int) -> None:
    """Make a buffer at least this large; it never shrinks, so a steady state allocates nothing."""
    if buffer.size < num_bytes:
        buffer.orphan(num_bytes)


def _check_parameters(program: ShaderProgram, parameters: npt.NDArray[np.float32]) -> None:
    expected = program.num_floats
    if parameters.dtype != np.float32 or parameters.ndim != 2 or parameters.shape[1] != expected:
        received = f"{parameters.dtype} {tuple(parameters.shape)}"
        raise UserError(f"program {program.id!r} takes float32 parameters (B, {expected}), got {received}")
    bad = np.argwhere(~np.isfinite(parameters))
    if len(bad):
        row, column = (int(value) for value in bad[0])
        raise UserError(f"parameters of program {program.id!r} must be finite; row {row}, column {column} is not")


def _check_gl(context: Any, program: ShaderProgram) -> None:
    error = context.error
    if error == "GL_OUT_OF_MEMORY":
        raise UserError(f"the OpenGL device is out of memory for program {program.id!r}; render smaller batches")
    if error != "GL_NO_ERROR":
        raise RuntimeError(f"OpenGL reports {error} after program {program.id!r}")
