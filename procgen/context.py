"""The one OpenGL context of this process: headless, on EGL, made on first use, never shared across a fork.

Decisions, each paid for by a failure seen:

* torch's compiler stack (triton) is imported *before* the first context. Mesa's software driver and triton each carry
  an LLVM; the other order ended in a segmentation fault at the first AdamW step.
* A context is tied to the process and thread that made it. In a forked child it hangs, so there it is refused with
  the way out; data loaders must spawn.
* EGL's device order ignores ``CUDA_VISIBLE_DEVICES``: on a machine with CUDA the EGL device of the current CUDA device
  is looked up. ``PROCMEM_EGL_DEVICE`` overrides.
* A missing vendor driver falls back to software in silence, some hundred times slower: next to a CUDA device this is
  an error unless ``PROCMEM_ALLOW_SOFTWARE_GL=1``.
* The driver's cache of compiled shaders is allowed 4 GB (about 40 KB a program) unless the environment says otherwise.
* Other libraries that render make their own context current: ours is made current again before it is used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import moderngl
import torch

from procgen.egl import EglDevice, current_context, egl_devices, reset_status
from procmem.errors import UserError

GL_VERSION = 430  # first with compute shaders
CACHE_LIMIT_BYTES = 4 << 30
CACHE_LIMITS = {  # environment variables of Mesa's and NVIDIA's drivers
    "MESA_SHADER_CACHE_MAX_SIZE": f"{CACHE_LIMIT_BYTES >> 30}G",
    "__GL_SHADER_DISK_CACHE_SIZE": str(CACHE_LIMIT_BYTES),
}
SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swr", "software")

_NO_GL = """headless OpenGL {version} (EGL) does not answer: {reason}
Install Mesa's EGL and software driver:
  Debian, Ubuntu:  sudo apt-get install -y libegl1 libgl1 libgl1-mesa-dri
  Fedora, RHEL:    sudo dnf install -y mesa-libEGL mesa-libGL mesa-dri-drivers
  Arch:            sudo pacman -S --needed mesa libglvnd
On a machine with an NVIDIA GPU its driver brings EGL; in a container set NVIDIA_DRIVER_CAPABILITIES=all."""


@dataclass(frozen=True, kw_only=True)
class GlReport:
    """What renders here.

    Attributes:
        renderer: GL_RENDERER.
        vendor: GL_VENDOR.
        version: GL_VERSION.
        software: whether pixels are made by the processor.
        devices: all EGL devices in EGL's order.
        device_index: the EGL device in use.
        largest_storage_block_bytes: limit of one storage buffer as a shader sees it.
    """

    renderer: str
    vendor: str
    version: str
    software: bool
    devices: tuple[EglDevice, ...]
    device_index: int
    largest_storage_block_bytes: int


class ContextLostError(RuntimeError):
    """The context no longer answers, or answered with an error; `drop_context` and draw again."""


class _Owned(NamedTuple):
    """The context and who may use it."""

    context: Any
    handle: int
    device_index: int
    process_id: int
    thread_id: int


_owned: _Owned | None = None


def gl_context() -> Any:
    """The process's moderngl context, made on first use.

    Raises:
        UserError: if headless OpenGL 4.3 is missing, software would render beside a CUDA device, the process was
            forked from one that has a context, or another thread made the context.
        ContextLostError: if there is a context that cannot be used any more.
    """
    return _own().context


def describe_gl() -> GlReport:
    """Describe the context of this process; makes it if there is none.

    Raises:
        UserError: as `gl_context`.
    """
    owned = _own()
    info = owned.context.info
    return GlReport(
        renderer=info["GL_RENDERER"],
        vendor=info["GL_VENDOR"],
        version=info["GL_VERSION"],
        software=is_software(info["GL_RENDERER"]),
        devices=egl_devices(),
        device_index=owned.device_index,
        largest_storage_block_bytes=int(info["GL_MAX_SHADER_STORAGE_BLOCK_SIZE"]),
    )


def check_gl(context: Any) -> None:
    """Look whether all went well since the last look.

    Raises:
        UserError: if the device is out of memory.
        ContextLostError: on any other GL error, or if the device was reset.
    """
    error = context.error
    if error == "GL_OUT_OF_MEMORY":
        raise UserError("the OpenGL device is out of memory; render smaller batches or smaller images")
    if error != "GL_NO_ERROR" or reset_status():
        raise ContextLostError(f"OpenGL reports {error if error != 'GL_NO_ERROR' else 'a reset of the device'}")


def drop_context() -> None:
    """Give up this process's context, whatever state it is in; the next `gl_context` makes another.

    Everything that lived in it (programs, buffers) is dead and must not be released one by one.
    """
    global _owned
    if _owned is not None:
        with contextlib.suppress(Exception):  # it may be broken in any way: that is why it is dropped
            _owned.context.release()
    _owned = None


def is_software(renderer: str) -> bool:
    """Whether a GL_RENDERER string names a software driver."""
    return any(name in renderer.lower() for name in SOFTWARE_RENDERERS)


def _own() -> _Owned:
    global _owned
    if _owned is None:
        _owned = _make_context()
    if _owned.process_id != os.getpid():
        raise UserError(
            "this process was forked from one that has an OpenGL context, and the context does not survive a fork; "
            "start workers with the 'spawn' method (torch.multiprocessing.get_context('spawn'))"
        )
    if _owned.thread_id != threading.get_ident():
        raise UserError(
            "the OpenGL context belongs to the thread that made it; render in that thread, or in a spawned process"
        )
    if current_context() != _owned.handle:  # another library has made its own context current
        _make_current(_owned)
    return _owned


def _make_current(owned: _Owned) -> None:
    try:
        owned.context.__enter__()
    except AttributeError as error:  # what moderngl leaves of a released context
        raise ContextLostError("the OpenGL context was released") from error
    if current_context() != owned.handle:
        raise ContextLostError("the OpenGL context cannot be made current again")


def _make_context() -> _Owned:
    for name, value in CACHE_LIMITS.items():
        os.environ.setdefault(name, value)
    if importlib.util.find_spec("triton") is not None:
        importlib.import_module("triton")
    device_index = _device_index(os.environ.get("PROCMEM_EGL_DEVICE"))
    settings: dict[str, Any] = {"backend": "egl", "device_index": device_index}
    try:
        context = moderngl.create_context(require=GL_VERSION, standalone=True, **settings)
    except Exception as error:  # moderngl raises bare Exception and ValueError for a missing library or version
        raise UserError(_NO_GL.format(version=f"{GL_VERSION / 100:.1f}", reason=error)) from error
    _refuse_software_beside_cuda(context.info["GL_RENDERER"])
    return _Owned(context, current_context(), device_index, os.getpid(), threading.get_ident())


def _device_index(requested: str | None) -> int:
    """EGL device to use: the one requested, else the current CUDA device's, else the first."""
    if requested:
        if not requested.isdecimal():
            raise UserError(f"PROCMEM_EGL_DEVICE must be the index of an EGL device (0, 1, ...), got {requested!r}")
        num_devices = len(egl_devices())
        if num_devices and int(requested) >= num_devices:
            raise UserError(
                f"PROCMEM_EGL_DEVICE is {requested}, but EGL has {num_devices} devices (0 to {num_devices - 1})"
            )
        return int(requested)
    if torch.cuda.is_available():
        cuda_device = torch.cuda.current_device()
        for device in egl_devices():
            if device.cuda_device == cuda_device:
                return device.index
    return 0


def _refuse_software_beside_cuda(renderer: str) -> None:
    if not is_software(renderer) or not torch.cuda.is_available():
        return
    if os.environ.get("PROCMEM_ALLOW_SOFTWARE_GL") == "1":
        return
    raise UserError(
        f"this machine has a CUDA device, but OpenGL renders in software ({renderer}), some hundred times slower; "
        "install the vendor's OpenGL driver (in a container: NVIDIA_DRIVER_CAPABILITIES=all), or set "
        "PROCMEM_ALLOW_SOFTWARE_GL=1 to render on the processor"
    )
