"""The fragment path: for programs with derivatives, discard or textures sampled at the level that the driver finds.

One instanced draw renders a column of images; each writes to the same storage buffer as the compute path, so pixels
come back in the same one read, row 0 at the top, and the bytes are the compute path's own wherever both can run. The
framebuffer only gives the rasteriser an area. Images stand an even number of rows apart, since derivatives are taken
in squares of 2 x 2 pixels: at any place in any batch an image has the same bytes. A discarded pixel is black.

Data-centre GPUs run fragment shaders on a few of their units only: the same arithmetic was seen about 30 times slower
there than in compute shaders. That is why this path is only for programs that need it.
"""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np

from procgen.context import gl_context
from procgen.dialects.uniforms import STAND_IN_SIDE_PX
from procgen.glsl import SIZE_UNIFORM, STRIDE_UNIFORM
from procgen.seeds import generator

_VERTEX_SHADER = f"""#version 430
uniform ivec2 {SIZE_UNIFORM};
uniform int {STRIDE_UNIFORM};
uniform int _area_rows;
flat out int _image;
void main() {{
    _image = gl_InstanceID;
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    float row = float(gl_InstanceID * {STRIDE_UNIFORM}) + corner.y * float({SIZE_UNIFORM}.y);
    gl_Position = vec4(2.0 * corner.x - 1.0, 2.0 * row / float(_area_rows) - 1.0, 0.0, 1.0);
}}
"""


class FragmentProgram:
    """A compiled fragment shader and the draw that runs it.

    Args:
        text: the complete fragment shader.

    Raises:
        moderngl.Error: if it does not compile.
    """

    def __init__(self, text: str) -> None:
        context = gl_context()
        self.program = context.program(vertex_shader=_VERTEX_SHADER, fragment_shader=text)
        self._vertices = context.vertex_array(self.program, [])

    def draw(self, area: Any, num_images: int, height_px: int, width_px: int) -> None:
        """Draw images into the bound storage buffer.

        Args:
            area: framebuffer of at least ``num_images * stride(height_px)`` rows and exactly `width_px` columns.
            num_images: how many.
            height_px: rows of an image.
            width_px: columns of an image.
        """
        values = {
            SIZE_UNIFORM: (width_px, height_px),
            STRIDE_UNIFORM: stride(height_px),
            "_area_rows": area.height,
        }
        for name, value in values.items():
            self.program[name] = value
        area.use()
        self._vertices.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=num_images)

    def release(self) -> None:
        """Free it; it cannot be used afterwards."""
        self._vertices.release()
        self.program.release()


def stride(height_px: int) -> int:
    """Rows from one image to the next: even, so that squares of 2 x 2 pixels lie alike in every image."""
    return height_px + height_px % 2


def make_area(num_images: int, height_px: int, width_px: int) -> Any:
    """A framebuffer for so many images; its content does not matter."""
    context = gl_context()
    rows = num_images * stride(height_px)
    return context.framebuffer(color_attachments=[context.renderbuffer((width_px, rows), components=1)])


def release_area(area: Any) -> None:
    """Free a framebuffer that is not bound, and what it draws into, which moderngl would keep."""
    attachments = area.color_attachments
    area.release()
    for attachment in attachments:
        attachment.release()


def make_stand_in() -> Any:
    """The noise texture that stands in for missing ones: 256 x 256 RGBA bytes, smooth, repeating, with mipmaps."""
    context = gl_context()
    side = STAND_IN_SIDE_PX
    noise = generator(0, "dialects", "stand-in texture").integers(0, 256, (side, side, 4), dtype=np.uint8)
    texture = context.texture((side, side), 4, noise.tobytes())
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
    texture.repeat_x = texture.repeat_y = True
    return texture
