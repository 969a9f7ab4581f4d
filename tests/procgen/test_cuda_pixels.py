"""Pixels shared with CUDA: the order of calls and the bytes, with a stand-in for the binding that is as strict.

No test here proves that a GPU agrees; those that will are marked `gpu`.
"""

# ruff: noqa: N802, N815  (names of the CUDA runtime)

import contextlib
import ctypes
import enum
import types
import warnings

import numpy as np
import pytest
import torch

from procgen import cuda_pixels
from procgen.cuda_pixels import CudaPixels, HostPixels, SharingError, cuda_runtime
from procgen.parameters import Parameter
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import Renderer

pytestmark = pytest.mark.opengl

DEVICE = torch.device("cuda", 0)
STREAM = 7
PROGRAM = ShaderProgram(
    id="tests/tiny",
    family="tests",
    title="t",
    source="vec3 shade(vec2 p) { return vec3(p, value); }",
    parameters=(Parameter(name="value", kind="uniform"),),
)
VALUES = np.array([[0.2], [0.4], [0.9]], dtype=np.float32)


class Errors(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidResourceHandle = 400
    cudaErrorUnknown = 999


class StandIn:
    """The few functions of the CUDA runtime, with the states that its documentation describes. Memory is the host's."""

    cudaError_t = Errors
    cudaGLDeviceList = types.SimpleNamespace(cudaGLDeviceListAll=1)
    cudaGraphicsRegisterFlags = types.SimpleNamespace(cudaGraphicsRegisterFlagsReadOnly=1)
    cudaMemcpyKind = types.SimpleNamespace(cudaMemcpyDeviceToDevice=3)

    def __init__(self, fails=None, devices=(0,)):
        self.fails, self.devices = fails, list(devices)
        self.calls, self.registered, self.mapped, self.find_buffer = [], {}, {}, None

    def __getattribute__(self, name):
        attribute = object.__getattribute__(self, name)
        if not name.startswith("cuda") or not callable(attribute) or isinstance(attribute, type):
            return attribute

        def call(*arguments):
            self.calls.append(name)
            return (Errors.cudaErrorUnknown, None, None) if name == self.fails else attribute(*arguments)

        return call

    def cudaGLGetDevices(self, most, which):
        return Errors.cudaSuccess, len(self.devices), self.devices + [0] * (most - len(self.devices))

    def cudaGraphicsGLRegisterBuffer(self, name, flags):
        assert name not in self.registered.values(), "registered twice"
        resource = f"resource {len(self.calls)}"
        self.registered[resource] = name
        return Errors.cudaSuccess, resource

    def cudaGraphicsUnregisterResource(self, resource):
        if resource in self.mapped or self.registered.pop(resource, None) is None:
            return (Errors.cudaErrorInvalidResourceHandle,)
        return (Errors.cudaSuccess,)

    def cudaGraphicsMapResources(self, count, resource, stream):
        assert (count, stream) == (1, STREAM)
        if resource not in self.registered:
            return (Errors.cudaErrorInvalidResourceHandle,)
        if resource in self.mapped:
            return (Errors.cudaErrorUnknown,)
        self.mapped[resource] = np.frombuffer(self.find_buffer(self.registered[resource]).read(), dtype=np.uint8)
        return (Errors.cudaSuccess,)

    def cudaGraphicsResourceGetMappedPointer(self, resource):
        if resource not in self.mapped:
            return Errors.cudaErrorUnknown, None, None
        return Errors.cudaSuccess, self.mapped[resource].ctypes.data, self.mapped[resource].nbytes

    def cudaMemcpyAsync(self, to, source, num_bytes, kind, stream):
        assert (kind, stream) == (3, STREAM)
        assert source in [memory.ctypes.data for memory in self.mapped.values()], "copied from unmapped memory"
        ctypes.memmove(to, source, num_bytes)
        return (Errors.cudaSuccess,)

    def cudaGraphicsUnmapResources(self, count, resource, stream):
        assert (count, stream) == (1, STREAM)
        if self.mapped.pop(resource, None) is None:
            return (Errors.cudaErrorUnknown,)
        return (Errors.cudaSuccess,)


@pytest.fixture(autouse=True)
def pretended_cuda(monkeypatch):
    monkeypatch.setattr(cuda_pixels, "_warned", False)
    if torch.cuda.is_available():
        return
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: types.SimpleNamespace(cuda_stream=STREAM))


@pytest.fixture
def renderer():
    made = Renderer()
    yield made
    made.release()


def share(renderer, runtime):
    """Let the renderer bring its images through the stand-in; the tensors are the host's, as its memory is."""
    pixels = CudaPixels(renderer._engine.context, DEVICE, runtime)
    runtime.find_buffer = lambda name: next(each.buffer for each in pixels._ring if each.buffer.glo == name)
    renderer._pixels[torch.device("cpu")] = pixels
    return pixels


ONE_FETCH = [
    "cudaGraphicsMapResources",
    "cudaGraphicsResourceGetMappedPointer",
    "cudaMemcpyAsync",
    "cudaGraphicsUnmapResources",
]


def test_buffers_take_turns_are_registered_once_and_mapped_for_each_copy(renderer):
    expected = renderer.render(PROGRAM, VALUES, 4, 6)
    runtime = StandIn()
    share(renderer, runtime)
    for _ in range(4):
        assert torch.equal(renderer.render(PROGRAM, VALUES, 4, 6), expected)
    first_two = ["cudaGraphicsGLRegisterBuffer", *ONE_FETCH] * 2
    assert runtime.calls == ["cudaGLGetDevices", *first_two, *ONE_FETCH, *ONE_FETCH]
    assert not runtime.mapped


def test_a_larger_batch_is_registered_anew_and_a_smaller_one_is_not(renderer):
    runtime = StandIn()
    share(renderer, runtime)
    expected = Renderer()
    for size in ((4, 6), (4, 6), (9, 5), (2, 2)):
        images = renderer.render(PROGRAM, VALUES, *size)
        assert torch.equal(images, expected.render(PROGRAM, VALUES, *size))
    expected.release()
    # two sizes draw a first image alone, so that (9, 5) comes twice and (2, 2) twice
    assert runtime.calls.count("cudaGraphicsUnregisterResource") == 2
    assert runtime.calls.count("cudaGraphicsGLRegisterBuffer") == 4
    unregister = runtime.calls.index("cudaGraphicsUnregisterResource")
    assert runtime.calls[unregister + 1] == "cudaGraphicsGLRegisterBuffer"
    assert len(runtime.registered) == 2


@pytest.mark.parametrize("fails", ["cudaGraphicsGLRegisterBuffer", *ONE_FETCH])
def test_a_failing_call_sends_pixels_through_the_host_with_one_warning(renderer, fails):
    expected = renderer.render(PROGRAM, VALUES, 4, 6)
    runtime = StandIn(fails)
    share(renderer, runtime)
    with pytest.warns(RuntimeWarning, match=f"go through host memory: {fails} failed: cudaErrorUnknown"):
        assert torch.equal(renderer.render(PROGRAM, VALUES, 4, 6), expected)
    calls = len(runtime.calls)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(renderer.render(PROGRAM, VALUES, 4, 6), expected)
    assert len(runtime.calls) == calls  # never tried again
    if fails in ("cudaGraphicsResourceGetMappedPointer", "cudaMemcpyAsync"):
        assert "cudaGraphicsUnmapResources" in runtime.calls


def test_the_warning_comes_once_in_a_process(renderer):
    share(renderer, StandIn("cudaMemcpyAsync"))
    with pytest.warns(RuntimeWarning):
        renderer.render(PROGRAM, VALUES, 4, 6)
    share(renderer, StandIn("cudaMemcpyAsync"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        renderer.render(PROGRAM, VALUES, 4, 6)


def test_a_context_on_another_device_is_not_shared(renderer):
    with pytest.raises(SharingError, match=r"OpenGL runs on CUDA device \[1\], not on cuda:0"):
        share(renderer, StandIn(devices=[1]))


def test_releasing_unregisters(renderer):
    runtime = StandIn()
    pixels = share(renderer, runtime)
    renderer.render(PROGRAM, VALUES, 4, 6)
    renderer.render(PROGRAM, VALUES, 4, 6)
    assert len(runtime.registered) == 2
    pixels.release()
    assert not runtime.registered
    del renderer._pixels[torch.device("cpu")]


def test_a_missing_binding_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cuda.bindings.runtime", None)
    with pytest.raises(SharingError, match="cuda-bindings cannot be imported"):
        cuda_runtime()


def test_the_binding_has_every_name_that_is_used():
    runtime = pytest.importorskip("cuda.bindings.runtime")
    for name in (*ONE_FETCH, "cudaGraphicsGLRegisterBuffer", "cudaGraphicsUnregisterResource", "cudaGLGetDevices"):
        assert callable(getattr(runtime, name))
    assert runtime.cudaError_t.cudaSuccess.name == "cudaSuccess"
    for group, name in (
        (runtime.cudaGLDeviceList, "cudaGLDeviceListAll"),
        (runtime.cudaGraphicsRegisterFlags, "cudaGraphicsRegisterFlagsReadOnly"),
        (runtime.cudaMemcpyKind, "cudaMemcpyDeviceToDevice"),
    ):
        assert hasattr(group, name)


def test_host_pixels_fill_a_contiguous_part_of_a_batch(renderer):
    pixels = HostPixels(renderer._engine.context)
    pixels.buffer(16).write(bytes(range(16)))
    images = torch.full((3, 2, 2, 4), 99, dtype=torch.uint8)
    pixels.fetch(images[1:2])
    assert images[1].flatten().tolist() == list(range(16))
    assert images[[0, 2]].unique().tolist() == [99]
    pixels.release()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_bytes_of_the_way_through_the_host(renderer):
    for program in load_programs()[::40]:
        parameters = program.draw_parameters(0, "test", counters=np.arange(20))
        expected = renderer.render(program, parameters, 40, 24)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # no falling back
            for _ in range(5):
                images = renderer.render(program, parameters, 40, 24, device="cuda")
        assert images.device.type == "cuda"
        assert torch.equal(images.cpu(), expected)
