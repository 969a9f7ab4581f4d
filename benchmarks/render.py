"""Rendering speed: against one image at a time, against pure shading, cold and warm starts, memory.

    python benchmarks/render.py speed [--programs-per-class 4] [--rounds 5]
    python benchmarks/render.py start [--programs 1000] [--sample 28]
    python benchmarks/render.py memory [--programs 10000] [--distinct 10000] [--resident 800]

"One at a time" is the usual procedure of earlier work: set uniforms, draw a full-screen triangle, read the framebuffer,
flip, transpose to planes. "Batched" is `procgen.renderer`: 64 images in one dispatch, one read. Both render the same
programs with the same parameters; rounds are interleaved and medians are taken, so that a busy machine hurts both.
Processor time is the fairer ratio on a software driver: other work on the machine does not enter. On a GPU only wall
time means anything.

"Overhead" is what the batched renderer takes beyond pure shading: the time of the same shader without its call of
``shade`` (equal parameters, equal pixels written and read), relative to the rest. An earlier measure, the time that a
second call of ``shade`` adds, was a difference of two noisy times (11 to 79 % for light programs at 128 px).

Measured on 2 free cores, llvmpipe (Mesa 22.3.6, LLVM 15), ``MESA_SHADER_CACHE_DISABLE=true``, three programs a class:

    class    size  images/s  one at a time  ratio: wall     processor time  overhead (processor)
    light      64     3,877          1,219  3.04 to 3.38    1.51 to 1.59      5 to 14 %, median 8 %
    light     128       981            626  1.49 to 1.74    1.23 to 1.48      3 to  9 %, median 7 %
    medium     64     2,067            820  2.37 to 2.77    1.42 to 1.74      3 to  9 %, median 6 %
    medium    128       605            383  1.54 to 1.64    1.35 to 1.48      2 to  5 %, median 4 %
    heavy      64       597            250  2.14 to 2.57    1.17 to 1.32      1 %
    heavy     128       169            125  1.28 to 1.42    1.16 to 1.24      1 %

The overhead was measured in a later run, on cores shared with ten processes. While 15 other processes wanted the two
cores, the wall ratio fell to 0.3 to 1.0: it then says who is scheduled, not who is faster.

Processor microseconds an image of the steps that led here, 32 images, best of 4 to 6 runs, light load; before and after
were measured one after the other (before = parameters in a storage buffer, groups of eight columns; after = uniform
block, tiles, lanes of 4 x 2 pixels: a prototype with today's shader text, and the same bytes):

    program             64 px: before  after  one at a time    128 px: before  after  one at a time
    light   lace                  358    195            359              1029    734           1010
    light   truchet               361    192            396              1099    740           1062
    medium  ridgelines           1094    890           1147              4044   3700           4611
    heavy   colonnade            2142   1890           1986              7675   7101           7558
    shading nothing, 40 parameters 177    12            231               374     56            416

So the prototype won 1.8 to 2.1 times at 64 px and 1.4 times at 128 px on these light programs, 1.2 to 1.3 times on the
medium and 1.05 times on the heavy one. The last line of the table bounds what is left: of 192 us 12 are not shading;
twice one-at-a-time is within reach only where what that procedure wastes (about 200 us an image) is as long as the
shading itself.

    cold start, 64 images a program, generated programs: 31 % of warm speed at 64 px, 66 % at 128 px, 85 % at
    224 px (330 to 350 ms of processor to compile one, whatever the size; 7 programs)
    warm start: 1,000 generated programs in 3.6 to 4.4 s by the clock on free cores (cold 422 s of processor), 21 KB
    each on disk
    memory: 714 MB resident after 1,000 and after 10,000 compilations (350 texts in turn, 20 resident, from the disk
    cache); 0.8 MB a resident program

Dead ends: parameters in shared memory behind a barrier (values then live in memory: twice the time of a trivial
program); a texture instead of the uniform block (the same speed, more code); work groups of 4 x 2 (the driver
fills vectors along x only: half of the lanes idle); the fragment path with or without a framebuffer of its own
(slower for 12 of 12 programs, by 1.25 to 1.5 times for the two measured with a uniform block); samples of a
pixel in a loop around the program (see `procgen.engine`); the driver's ``GALLIVM_PERF=nopt`` for images (screening
uses it): 64 cold images reach 49 to 54 % of warm speed at 64 px and 76 to 80 % at 128 px, but of a warm speed that is
two thirds of the usual one, so that at 128 px even the first 64 images take longer (1,235 ms against 1,040).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt

from procgen.context import describe_gl, gl_context
from procgen.glsl import SIZE_UNIFORM, Assembly, vectors_per_row
from procgen.grammar.synthesis import synthesize
from procgen.parameters import Parameter
from procgen.prewarm import mesa_cache
from procgen.program_sets import members_of
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import MAX_RESIDENT_PROGRAMS, Renderer, shared_renderer

BATCH = 64
SIZES_PX = (64, 128)
COSTS = ("light", "medium", "heavy")
START_SIZES_PX = (64, 128, 224)

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
        rows = np.zeros((len(parameters), vectors_per_row(parameters.shape[1]) * 4), dtype=np.float32)
        rows[:, : parameters.shape[1]] = parameters
        self.framebuffer.use()
        for i, row in enumerate(rows):
            self._set_uniforms(row)
            self.triangle.render(moderngl.TRIANGLES, vertices=3)
            frame = np.frombuffer(self.framebuffer.read(components=3), dtype=np.uint8)
            images[i] = frame.reshape(self.size_px, self.size_px, 3)[::-1].transpose(2, 0, 1)
        return images

    def _set_uniforms(self, row: npt.NDArray[np.float32]) -> None:
        if SIZE_UNIFORM in self.program:
            self.program[SIZE_UNIFORM] = (self.size_px, self.size_px)
        member: Any = self.program["_parameters"]
        member.write(np.ascontiguousarray(row[: 4 * member.array_length]))

    def release(self) -> None:
        for resource in (self.triangle, self.corners, self.program):
            resource.release()


def fragment_source(program: ShaderProgram) -> str:
    """The same program as a fragment shader: parameters in a uniform array, prelude and main exchanged."""
    lines = program.assembly.text.splitlines()
    (_, _), (first, _), *_, (main, _) = program.assembly.places
    prelude = [
        "#version 430",
        f"uniform vec4 _parameters[{vectors_per_row(program.num_floats)}];",
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


class Nothing(ShaderProgram):
    """A program with the parameters of another that gives grey: all that rendering costs besides shading."""

    @property
    def assembly(self) -> Assembly:
        whole = self.assembly_for("compute")
        head, _, rest = whole.text.rpartition("vec3 colour = shade(")
        _, _, tail = rest.partition(");\n")
        return Assembly(text=f"{head}vec3 colour = vec3(0.5);\n{tail}", places=whole.places)


def nothing(program: ShaderProgram) -> Nothing:
    return Nothing(**{name: getattr(program, name) for name in ShaderProgram.__dataclass_fields__})


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(program: ShaderProgram, framebuffer: Any, rounds: int) -> npt.NDArray[np.float64]:
    """Median seconds for one image: (batched, one at a time, batched without shading) x (wall, processor)."""
    parameters = program.draw_parameters(0, "benchmark", counters=np.arange(BATCH))
    peer, renderer, size_px = OneAtATime(program, framebuffer), shared_renderer(), framebuffer.width
    empty = nothing(program)
    batched = renderer.render(program, parameters, size_px, size_px).numpy()
    assert (renderer.render(empty, parameters, size_px, size_px).numpy() == 128).all()
    difference = np.abs(batched.astype(int) - peer.render(parameters))
    assert (difference > 2).mean() < 0.01, f"{program.id}: the two paths draw different pictures"
    times = [
        (
            seconds(lambda: renderer.render(program, parameters, size_px, size_px)),
            seconds(lambda: peer.render(parameters)),
            seconds(lambda: renderer.render(empty, parameters, size_px, size_px)),
        )
        for _ in range(rounds)
    ]
    peer.release()
    return np.asarray(np.median(np.array(times), axis=0) / BATCH)


def speed(programs_per_class: int, rounds: int) -> None:
    framebuffers = {size: gl_context().simple_framebuffer((size, size), components=4) for size in SIZES_PX}
    print("class    size  batched images/s  one at a time images/s  wall time  processor time  overhead (processor)")
    for cost in COSTS:
        chosen = [program for program in load_programs() if program.cost == cost]
        chosen = chosen[:: max(1, len(chosen) // programs_per_class)][:programs_per_class]
        for size_px, framebuffer in framebuffers.items():
            times = np.array([compare(program, framebuffer, rounds) for program in chosen])
            ours, theirs = 1 / times[:, :2, 0].mean(axis=0)
            wall, processor = (f"{ratio.min():.2f} to {ratio.max():.2f}" for ratio in (times[:, 1] / times[:, 0]).T)
            batched, _, empty = times[:, :, 1].T
            overhead = 100 * empty / (batched - empty)
            print(
                f"{cost:8} {size_px:4}  {ours:16.0f}  {theirs:22.0f}  {wall:>12}  {processor:>12}  "
                f"{overhead.min():4.0f} to {overhead.max():3.0f} %, median {np.median(overhead):.0f} %",
                flush=True,
            )


def generated(count: int) -> list[ShaderProgram]:
    return [synthesize(*member) for member in members_of(count, 0)]


def start(num_programs: int, num_sampled: int) -> None:
    """Cold and warm starts, each in a process of its own, against one empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MESA_SHADER_CACHE_DIR": folder}
        child = [sys.executable, __file__]
        for size_px in START_SIZES_PX:
            words = [*child, "cold", "--sample", str(num_sampled), "--size", str(size_px)]
            subprocess.run(words, env=environment | {"MESA_SHADER_CACHE_DISABLE": "true"}, check=True)
        for name in ("cold", "warm"):
            words = [*child, "compile", "--programs", str(num_programs), "--name", name]
            subprocess.run(words, env=environment, check=True)


def cold(num_sampled: int, size_px: int) -> None:
    """Speed of the first 64 images of a program, which compile it, against the next 64."""
    renderer = Renderer()
    renderer.render(load_programs()[0], load_programs()[0].draw_parameters(0, "x", counters=[0]), 8, 8)  # the driver
    first, next_ = 0.0, 0.0
    for program in generated(num_sampled):
        parameters = program.draw_parameters(0, "benchmark", counters=np.arange(BATCH))
        first += seconds(lambda p=program, q=parameters: renderer.render(p, q, size_px, size_px))[1]
        next_ += seconds(lambda p=program, q=parameters: renderer.render(p, q, size_px, size_px))[1]
    print(
        f"cold, {size_px} px: {BATCH} images a program reach {next_ / first:.0%} of warm speed "
        f"({1000 * (first - next_) / num_sampled:.0f} ms to compile, {1000 * next_ / num_sampled:.0f} ms to render)",
        flush=True,
    )


def compile_all(num_programs: int, name: str) -> None:
    programs = generated(num_programs)
    renderer = Renderer()
    wall, processor = seconds(lambda: [renderer.compile(program) for program in programs])
    used = mesa_cache().used_bytes / num_programs / 1024
    took = f"{wall:.1f} s ({processor:.1f} s of processor)"
    print(f"{name}: {num_programs} programs compiled in {took}, {used:.0f} KB each", flush=True)


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def memory(num_programs: int, num_distinct: int, num_resident: int) -> None:
    """Resident memory while many programs pass through the cache of compiled ones, each compiled anew every time."""
    renderer = Renderer(max_resident_programs=num_resident)
    for index in range(num_programs):
        name = index % num_distinct
        program = ShaderProgram(
            id=f"memory/{name}",
            family="memory",
            title="t",
            source=f"vec3 shade(vec2 p) {{ return vec3(p, value + {name}.0); }}",
            parameters=(Parameter(name="value", kind="uniform"),),
        )
        renderer.render(program, program.draw_parameters(0, "memory", counters=[0]), 16, 16)
        if (index + 1) % max(1, num_programs // 10) == 0:
            print(f"{index + 1:6} programs: {resident_megabytes():.0f} MB resident", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "start", "memory", "cold", "compile"], nargs="?", default="speed")
    parser.add_argument("--programs-per-class", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--distinct", type=int, default=10_000)
    parser.add_argument("--resident", type=int, default=MAX_RESIDENT_PROGRAMS)
    parser.add_argument("--sample", type=int, default=28)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--name", default="compiled")
    options = parser.parse_args(arguments)
    if options.what == "start":
        start(options.programs, options.sample)  # makes no context: its children do
    elif options.what == "cold":
        cold(options.sample, options.size)
    elif options.what == "compile":
        compile_all(options.programs, options.name)
    elif options.what == "memory":
        memory(options.programs, options.distinct, options.resident)
    else:
        print(describe_gl().renderer)
        speed(options.programs_per_class, options.rounds)


if __name__ == "__main__":
    main()
