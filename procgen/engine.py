"""The engine: what lives in one OpenGL context and dies with it: compiled programs, buffers, and the draws themselves.

`procgen.renderer` holds one and makes another after a lost context. Nothing here checks requests or splits batches.

Supersampling is two dispatches without a host trip between: the program renders the n-times larger image as it renders
any image, then each pixel becomes the mean of n x n bytes, rounded half to even. So it is whole-number arithmetic, the
same on both paths and for every dialect, and the program knows nothing of it. A loop over samples around the program
in the same dispatch was tried: on llvmpipe code in a deeper loop is slower, 57 ns a sample against 4 ns for storing
and averaging it. Bytes are averaged as they stand (display values), like every resize of this field.

Letters: B images, P floats a row of parameters, H W image size.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt

from procgen.context import check_gl, gl_context, is_software
from procgen.fragment import FragmentProgram, make_area, make_stand_in, release_area, stride
from procgen.glsl import (
    CUT_SHORT_BINDING,
    GROUP_SIZE_PX,
    PARAMETER_BINDING,
    PARAMETER_VECTORS,
    PIXEL_BINDING,
    SIZE_UNIFORM,
    TILE_UNIFORM,
    compile_error_message,
    vectors_per_row,
)
from procgen.programs import ShaderProgram
from procmem.errors import UserError

PIXEL_BYTES = 4
LARGEST_SIDE_PX = 16384
VECTOR_BYTES = 16
# Sides of the tiles that a work group shades on a processor, largest first: on 2-core llvmpipe launching a group takes
# 5 us, and 128 against 8 made light programs 2.5 times as fast. A GPU wants one pixel an invocation.
PROCESSOR_TILES_PX = (128, 32, GROUP_SIZE_PX)

# The quotient comes from floats, with half a unit as margin against drivers whose division is a little off; ties are
# decided in whole numbers.
_AVERAGE = f"""#version 430
layout(local_size_x = {GROUP_SIZE_PX}, local_size_y = {GROUP_SIZE_PX}) in;
layout(std430, binding = 0) restrict readonly buffer _SampleBuffer {{ uint _samples[]; }};
layout(std430, binding = {PIXEL_BINDING}) restrict writeonly buffer _PixelBuffer {{ uint _pixels[]; }};
uniform int _side, _width, _num_rows;
void main() {{
    int column = int(gl_GlobalInvocationID.x);
    if (column >= _width) return;
    uint count = uint(_side * _side);
    for (int row = int(gl_GlobalInvocationID.y); row < _num_rows; row += int(gl_NumWorkGroups.y) * {GROUP_SIZE_PX}) {{
        int first = (row * _side * _width + column) * _side;
        uvec3 sum = uvec3(0u);
        for (int y = 0; y < _side; y++)
            for (int x = 0; x < _side; x++)
                sum += uvec3(_samples[first + y * _width * _side + x]) >> uvec3(0u, 8u, 16u) & 255u;
        uvec3 mean = uvec3((vec3(sum) + 0.5) / float(count));
        uvec3 twice = 2u * (sum - mean * count);
        mean += uvec3(greaterThan(twice, uvec3(count))) | uvec3(equal(twice, uvec3(count))) & mean & 1u;
        _pixels[row * _width + column] = mean.r | mean.g << 8 | mean.b << 16 | 255u << 24;
    }}
}}
"""
AVERAGE_GROUPS = 256  # in the second direction; each then takes several rows


@dataclass(kw_only=True)
class Compiled:
    """A program as the driver has it.

    Attributes:
        shader: compute shader or `FragmentProgram`.
        tiles: tile sides still to be tried, largest first; what a driver cut short is gone.
        seconds_per_image: measured, by (H, W) of the sampled image.
    """

    shader: Any
    tiles: tuple[int, ...]
    seconds_per_image: dict[tuple[int, int], float] = field(default_factory=dict)


class Engine:
    """Compiles and draws in this process's present context.

    Args:
        max_resident_programs: compiled programs that are kept.

    Attributes:
        context: the context; whatever belongs to another one is dead.
        largest_block_bytes: most bytes of one storage buffer.

    Raises:
        UserError: as `procgen.context.gl_context`.
    """

    def __init__(self, max_resident_programs: int) -> None:
        self.context = context = gl_context()
        self.max_resident_programs = max_resident_programs
        self.compiled: OrderedDict[str, Compiled] = OrderedDict()
        info = context.info
        self.largest_block_bytes = int(info["GL_MAX_SHADER_STORAGE_BLOCK_SIZE"])
        self._is_software = is_software(info["GL_RENDERER"])
        self._largest_dispatch = int(info["GL_MAX_COMPUTE_WORK_GROUP_COUNT"][2])
        self._largest_area_rows = min(int(info["GL_MAX_RENDERBUFFER_SIZE"]), LARGEST_SIDE_PX)
        self._resting_area = make_area(1, 1, 1)
        self._area: Any = None
        self._stand_in: Any = None
        self._averager: Any = None
        self._parameters = context.buffer(reserve=PARAMETER_VECTORS * VECTOR_BYTES, dynamic=True)
        self._cut_short = context.buffer(bytes(PIXEL_BYTES), dynamic=True)
        self._samples = context.buffer(reserve=PIXEL_BYTES, dynamic=True)

    def compile(self, program: ShaderProgram) -> Compiled:
        """The compiled program, from the cache or anew.

        Drivers put the larger part off until the first draw, so a first pixel is drawn here.

        Raises:
            UserError: if it does not compile; the driver's messages name file and line of the program.
            ContextLostError: if the context is lost.
        """
        if program.fingerprint in self.compiled:
            self.compiled.move_to_end(program.fingerprint)
            return self.compiled[program.fingerprint]
        # Globals of an imported program live for one pixel: there an invocation shades one.
        many = self._is_software and program.dialect == "native" and program.path == "compute"
        tiles = PROCESSOR_TILES_PX if many else (GROUP_SIZE_PX,)
        compiled = Compiled(shader=self._link(program), tiles=tiles)
        self.compiled[program.fingerprint] = compiled
        if len(self.compiled) > self.max_resident_programs:
            self.compiled.popitem(last=False)[1].shader.release()
        if program.stand_ins:
            self._use_stand_in()
        reserve(self._samples, PIXEL_BYTES)
        self._shade(compiled, np.zeros((1, program.num_floats), dtype=np.float32), 1, 1, self._samples)
        return compiled

    def most_images(self, program: ShaderProgram, height_px: int, width_px: int, batch_bytes: int) -> int:
        """Images of one size that fit into one draw; at least 1."""
        by_pixels = min(batch_bytes, self.largest_block_bytes) // (height_px * width_px * PIXEL_BYTES)
        by_parameters = PARAMETER_VECTORS // max(vectors_per_row(program.num_floats), 1)
        most = min(by_pixels, by_parameters, self._largest_dispatch)
        if program.path == "fragment":
            most = min(most, self._largest_area_rows // stride(height_px))
        return max(1, most)

    def draw(
        self,
        program: ShaderProgram,
        parameters: npt.NDArray[np.float32],
        size_px: tuple[int, int],
        samples_per_side: int,
        pixels: Any,
    ) -> None:
        """Render one image per row into a buffer, as packed RGBA bytes (B, H, W, 4).

        Args:
            program: a program that `compile` has just seen.
            parameters: (B, P) float32, with B at most `most_images` of the sampled size.
            size_px: H and W.
            samples_per_side: n; each pixel is the mean of n x n samples.
            pixels: buffer of at least B H W 4 bytes.
        """
        (H, W), n = size_px, samples_per_side
        compiled = self.compiled[program.fingerprint]
        if program.stand_ins:
            self._use_stand_in()
        samples = pixels
        if n > 1:
            samples = self._samples
            reserve(samples, len(parameters) * H * W * n * n * PIXEL_BYTES)
        self._shade(compiled, parameters, H * n, W * n, samples)
        if n > 1:
            self._average(samples, pixels, n, W, len(parameters) * H)

    def release(self) -> None:
        """Free everything, in a context that is alive."""
        self._resting_area.use()
        if self._area is not None:
            release_area(self._area)
        owned = (self._stand_in, self._averager, self._parameters, self._cut_short, self._samples)
        for resource in (*(each.shader for each in self.compiled.values()), *owned):
            if resource is not None:
                resource.release()
        self.compiled.clear()

    def _link(self, program: ShaderProgram) -> Any:
        assembly = program.assembly
        try:
            if program.path == "fragment":
                return FragmentProgram(assembly.text)
            return self.context.compute_shader(assembly.text)
        except moderngl.Error as error:
            check_gl(self.context)  # a lost context compiles nothing: that is not the program's fault
            message = compile_error_message(str(error), assembly)
            raise UserError(f"program {program.id!r} does not compile:\n{message}") from error

    def _shade(
        self, compiled: Compiled, parameters: npt.NDArray[np.float32], height_px: int, width_px: int, pixels: Any
    ) -> None:
        """Draw; what the driver cut short is drawn again in smaller tiles, the smallest as they come."""
        B, P = parameters.shape
        if P:
            rows = np.zeros((B, 4 * vectors_per_row(P)), dtype=np.float32)
            rows[:, :P] = parameters
            self._parameters.write(rows)
        self._parameters.bind_to_uniform_block(PARAMETER_BINDING)
        pixels.bind_to_storage_buffer(PIXEL_BINDING)
        self._cut_short.bind_to_storage_buffer(CUT_SHORT_BINDING)
        if isinstance(compiled.shader, FragmentProgram):
            # Discarded pixels are not written; a store before the program runs was tried, and Mesa's compiler drops it.
            pixels.clear(size=B * height_px * width_px * PIXEL_BYTES)
            compiled.shader.draw(self._area_for(B, height_px, width_px), B, height_px, width_px)
            self.context.memory_barrier(moderngl.BUFFER_UPDATE_BARRIER_BIT | moderngl.SHADER_STORAGE_BARRIER_BIT)
            return
        compiled.shader[SIZE_UNIFORM] = width_px, height_px
        while True:
            tile, *smaller = compiled.tiles
            if smaller:
                self._cut_short.clear()
            compiled.shader[TILE_UNIFORM] = tile, tile
            compiled.shader.run(-(-width_px // tile), -(-height_px // tile), B)
            self.context.memory_barrier(moderngl.BUFFER_UPDATE_BARRIER_BIT | moderngl.SHADER_STORAGE_BARRIER_BIT)
            if not smaller or self._cut_short.read() == bytes(PIXEL_BYTES):
                return
            compiled.tiles = tuple(smaller)

    def _average(self, samples: Any, pixels: Any, side: int, width_px: int, num_rows: int) -> None:
        """Replace squares of side x side samples by their mean; rows of all images are one long image."""
        if self._averager is None:
            self._averager = self.context.compute_shader(_AVERAGE)
        samples.bind_to_storage_buffer(0)
        pixels.bind_to_storage_buffer(PIXEL_BINDING)
        for name, value in {"_side": side, "_width": width_px, "_num_rows": num_rows}.items():
            self._averager[name] = value
        groups = -(-width_px // GROUP_SIZE_PX), min(-(-num_rows // GROUP_SIZE_PX), AVERAGE_GROUPS)
        self._averager.run(*groups)
        self.context.memory_barrier(moderngl.BUFFER_UPDATE_BARRIER_BIT)

    def _area_for(self, num_images: int, height_px: int, width_px: int) -> Any:
        """The framebuffer of the fragment path; kept while images of one width fit into it."""
        rows = num_images * stride(height_px)
        if self._area is None or self._area.width != width_px or self._area.height < rows:
            if self._area is not None:
                self._resting_area.use()  # after a bound one is freed, making the next is a GL error
                release_area(self._area)
            self._area = make_area(num_images, height_px, width_px)
        return self._area

    def _use_stand_in(self) -> None:
        if self._stand_in is None:
            self._stand_in = make_stand_in()
        self._stand_in.use(location=0)


def reserve(buffer: Any, num_bytes: int) -> None:
    """Make a buffer at least this large; it never shrinks, so a steady state allocates nothing."""
    if buffer.size < num_bytes:
        buffer.orphan(num_bytes)
