"""Pixels that stay on the GPU: OpenGL's storage buffers shared with CUDA, copied device to device into torch tensors.

Two buffers take turns: the next draw need not wait for the copy of the one before. Each is registered with CUDA once
(cudaGraphicsGLRegisterBuffer) and mapped for every copy. No waiting is written here because the calls promise the
order themselves (CUDA runtime API, section "OpenGL interoperability"): what OpenGL was given before a map is complete
before CUDA work issued after it in the same stream, and what CUDA was given before an unmap is complete before OpenGL
work issued after it. The stream is torch's current one, so tensors are ordered like any other result of torch.

Where sharing fails (no `cuda.bindings`, the context on another device, a driver without interoperability), pixels go
through pinned host memory instead, and a warning says so once.

State of proof: the order of calls is tested with a stand-in for the binding, the fallback with its errors. This module
has not run on a GPU yet; `tests/procgen/test_cuda_pixels.py` holds the tests that will (marker `gpu`).
"""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import torch

BUFFERS = 2
MOST_DEVICES = 16


class SharingError(RuntimeError):
    """OpenGL's buffers cannot be shared with CUDA here."""


def cuda_runtime() -> Any:
    """The CUDA runtime as Python functions that return (error, *results).

    Raises:
        SharingError: if the package cuda-bindings is missing (torch's CUDA wheels bring it).
    """
    try:
        return importlib.import_module("cuda.bindings.runtime")
    except ImportError as error:
        raise SharingError(f"the package cuda-bindings cannot be imported ({error})") from error


class HostPixels:
    """Pixels read into host memory, and copied from there where they are wanted on a GPU.

    Args:
        context: the OpenGL context.
    """

    def __init__(self, context: Any) -> None:
        self._buffer = context.buffer(reserve=4, dynamic=True)

    def buffer(self, num_bytes: int) -> Any:
        """The buffer to draw into next; its earlier content is gone."""
        if self._buffer.size < num_bytes:
            self._buffer.orphan(num_bytes)
        return self._buffer

    def fetch(self, images: torch.Tensor) -> None:
        """Copy the buffer's pixels into a contiguous uint8 tensor on any device."""
        if images.device.type == "cpu":
            self._buffer.read_into(images.numpy(), size=images.nbytes)
            return
        pinned = torch.empty(images.shape, dtype=torch.uint8, pin_memory=True)
        self._buffer.read_into(pinned.numpy(), size=images.nbytes)
        images.copy_(pinned, non_blocking=True)  # torch's pinned allocator keeps the memory until the copy is done

    def release(self) -> None:
        """Free the buffer."""
        self._buffer.release()


@dataclass
class _Shared:
    """A buffer of OpenGL and its registration with CUDA."""

    buffer: Any
    resource: Any = None


class CudaPixels:
    """Pixels copied from OpenGL to CUDA on the same GPU.

    Args:
        context: the OpenGL context.
        device: the CUDA device, with its index.
        runtime: the binding, see `cuda_runtime`.

    Raises:
        SharingError: if the context does not run on this device.
    """

    def __init__(self, context: Any, device: torch.device, runtime: Any) -> None:
        self._cuda = runtime
        self._device = device
        count, found = self._call("cudaGLGetDevices", MOST_DEVICES, runtime.cudaGLDeviceList.cudaGLDeviceListAll)
        if device.index not in list(found)[:count]:
            raise SharingError(f"OpenGL runs on CUDA device {list(found)[:count]}, not on {device}")
        self._ring = [_Shared(context.buffer(reserve=4, dynamic=True)) for _ in range(BUFFERS)]
        self._turn = 0

    def buffer(self, num_bytes: int) -> Any:
        """The buffer to draw into next. A larger one is registered anew, an equal or smaller one stays registered.

        Raises:
            SharingError: if CUDA refuses it.
        """
        self._turn = (self._turn + 1) % len(self._ring)
        shared = self._ring[self._turn]
        if shared.buffer.size < num_bytes:
            self._unregister(shared)
            shared.buffer.orphan(num_bytes)
        if shared.resource is None:
            flags = self._cuda.cudaGraphicsRegisterFlags.cudaGraphicsRegisterFlagsReadOnly
            shared.resource = self._call("cudaGraphicsGLRegisterBuffer", shared.buffer.glo, int(flags))[0]
        return shared.buffer

    def fetch(self, images: torch.Tensor) -> None:
        """Copy the pixels of the buffer last given out into a contiguous uint8 tensor of the device.

        Raises:
            SharingError: if CUDA refuses.
        """
        resource, stream = self._ring[self._turn].resource, torch.cuda.current_stream(self._device).cuda_stream
        self._call("cudaGraphicsMapResources", 1, resource, stream)
        try:
            pointer, size = self._call("cudaGraphicsResourceGetMappedPointer", resource)
            if size < images.nbytes:
                raise SharingError(f"the mapped buffer has {size} bytes, the images {images.nbytes}")
            kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToDevice
            self._call("cudaMemcpyAsync", images.data_ptr(), pointer, images.nbytes, kind, stream)
        finally:
            self._call("cudaGraphicsUnmapResources", 1, resource, stream)

    def release(self) -> None:
        """Unregister and free the buffers."""
        for shared in self._ring:
            self._unregister(shared)
            shared.buffer.release()

    def _unregister(self, shared: _Shared) -> None:
        if shared.resource is not None:
            resource, shared.resource = shared.resource, None
            self._call("cudaGraphicsUnregisterResource", resource)

    def _call(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        """Results of a call to the runtime, made for this object's device."""
        with torch.cuda.device(self._device):
            error, *results = getattr(self._cuda, name)(*arguments)
        if error != self._cuda.cudaError_t.cudaSuccess:
            raise SharingError(f"{name} failed: {getattr(error, 'name', error)}")
        return tuple(results)


_warned = False


def warn_once(error: SharingError) -> None:
    """Say that pixels take the longer way, once in a process."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(f"images go through host memory: {error}", RuntimeWarning, stacklevel=3)
