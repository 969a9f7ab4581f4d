"""Rendering speed: images a second by cost class, and batched against one image at a time.

    python benchmarks/render.py [--programs-per-class 4] [--rounds 5]

"One at a time" is the usual procedure of earlier work: set uniforms, draw a full-screen triangle, read the framebuffer,
flip, transpose to planes. "Batched" is `procgen.renderer`: 64 images in one dispatch, one read. Both render the same
programs with the same parameters; rounds are interleaved and medians are taken, so that a busy machine hurts both.

Processor time is the fairer ratio on a software driver: other work on the machine does not enter. On a GPU only wall
time means anything.

Measured on 2-core llvmpipe (Mesa 22.3.6, LLVM 15), quiet machine, 3 programs a class, 3 rounds:

    class    size  batched images/s  one at a time images/s  ratio of wall time  ratio of processor time
    light      64              6223                    2916        1.51 to 2.84             1.16 to 1.53
    light     128              2040                    1596        1.16 to 1.49             1.09 to 1.32
    medium     64              3342                    1484        2.19 to 2.36             1.17 to 1.21
    medium    128               887                     758        1.15 to 1.19             1.11 to 1.12
    heavy      64               949                     471        1.87 to 2.12             0.97 to 1.10
    heavy     128               249                     238        0.97 to 1.09             0.93 to 1.05

(Under a load of 6 the wall-time ratios fell to 0.6 to 1.6: several driver threads then wait for each other.)

Of a batch of 64 light images at 64 px, 99 % of the time is the dispatch itself; read, upload and checks are 0.2 ms.
Dead end: one pixel an invocation (each reads its 30 to 40 parameters) was 0.5 to 0.9 times one at a time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt

from procgen.context import describe_gl, gl_context
from procgen.glsl import SIZE_UNIFORM
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import shared_renderer

BATCH = 64
SIZES_PX = (64, 128)
COSTS = ("light", "medium", "heavy")

VERTEX = """#version 430
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }
"""


class OneAtATime:
    """The fragment path with one draw and one read an image."""

    def __init__(self, program: ShaderProgram, framebuffer: Any) -> None:
        context = gl_context()
        self.program = context.program(vertex_shader=VERTEX, fragment_shader=fragment_source(program))
        self.framebuffer = framebuffer
        self.corners = context.buffer(np.array([-1, -1, 3, -1, -1, 3], dtype=np.float32))
        self.triangle = context.vertex_array(self.program, [(self.corners, "2f", "corner")])
        self.size_px = framebuffer.width

    def render(self, parameters: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        images = np.empty((len(parameters), 3, self.size_px, self.size_px), dtype=np.uint8)
        self.framebuffer.use()
        for i, row in enumerate(parameters):
            self._set_uniforms(row)
            self.triangle.render(moderngl.TRIANGLES, vertices=3)
            frame = np.frombuffer(self.framebuffer.read(components=3), dtype=np.uint8)
            images[i] = frame.reshape(self.size_px, self.size_px, 3)[::-1].transpose(2, 0, 1)
        return images

    def _set_uniforms(self, row: npt.NDArray[np.float32]) -> None:
        if SIZE_UNIFORM in self.program:
            self.program[SIZE_UNIFORM] = (self.size_px, self.size_px)
        member: Any = self.program["_parameters"]
        member.write(np.ascontiguousarray(row[: member.array_length]))

    def release(self) -> None:
        for resource in (self.triangle, self.corners, self.program):
            resource.release()


def fragment_source(program: ShaderProgram) -> str:
    """The same program as a fragment shader: parameters in a uniform array, prelude and main exchanged."""
    lines = program.assembly.text.splitlines()
    (_, _), (first, _), *_, (main, _) = program.assembly.places
    prelude = [
        "#version 430",
        f"uniform float _parameters[{program.num_floats}];",
        f"uniform ivec2 {SIZE_UNIFORM};",
        "out vec4 _colour;",
        *(line for line in lines[: first - 1] if line.startswith("#define")),
    ]
    end = f"""void main() {{
        _load_parameters(0);
        vec2 p = (2.0 * gl_FragCoord.xy - vec2({SIZE_UNIFORM})) / float(min({SIZE_UNIFORM}.x, {SIZE_UNIFORM}.y));
        _colour = vec4(shade(p), 1.0);
    }}"""
    return "\n".join((*prelude, *lines[first - 1 : main - 1], end, ""))


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(program: ShaderProgram, framebuffer: Any, rounds: int) -> npt.NDArray[np.float64]:
    """Median seconds for one image: (batched, one at a time) x (wall, processor)."""
    parameters = program.draw_parameters(0, "benchmark", counters=np.arange(BATCH))
    peer, renderer, size_px = OneAtATime(program, framebuffer), shared_renderer(), framebuffer.width
    batched = renderer.render(program, parameters, size_px, size_px).numpy()
    difference = np.abs(batched.astype(int) - peer.render(parameters))
    assert (difference > 2).mean() < 0.01, f"{program.id}: the two paths draw different pictures"
    times = [
        (
            seconds(lambda: renderer.render(program, parameters, size_px, size_px)),
            seconds(lambda: peer.render(parameters)),
        )
        for _ in range(rounds)
    ]
    peer.release()
    return np.asarray(np.median(np.array(times), axis=0) / BATCH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs-per-class", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(describe_gl().renderer)
    framebuffers = {size: gl_context().simple_framebuffer((size, size), components=4) for size in SIZES_PX}
    print("class    size  batched images/s  one at a time images/s  ratio of wall time  ratio of processor time")
    for cost in COSTS:
        chosen = [program for program in load_programs() if program.cost == cost]
        chosen = chosen[:: max(1, len(chosen) // options.programs_per_class)][: options.programs_per_class]
        for size_px, framebuffer in framebuffers.items():
            times = np.array([compare(program, framebuffer, options.rounds) for program in chosen])
            ours, theirs = 1 / times[:, :, 0].mean(axis=0)
            wall, processor = (f"{ratio.min():.2f} to {ratio.max():.2f}" for ratio in (times[:, 1] / times[:, 0]).T)
            print(f"{cost:8} {size_px:4}  {ours:16.0f}  {theirs:22.0f}  {wall:>18}  {processor:>23}")


if __name__ == "__main__":
    main()
