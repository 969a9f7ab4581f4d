"""The EGL devices of this machine and which CUDA device each belongs to, asked without making a context.

EGL counts devices in its own order, which ignores ``CUDA_VISIBLE_DEVICES``; the attribute EGL_CUDA_DEVICE_NV of the
extension EGL_NV_device_cuda joins the two. moderngl takes an EGL device index but cannot list devices, hence ctypes.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from dataclasses import dataclass

_EXTENSIONS = 0x3055
_DRM_DEVICE_FILE = 0x3233
_CUDA_DEVICE = 0x323A  # EGL_NV_device_cuda: value is the CUDA ordinal as the driver counts it in this process
_MOST_DEVICES = 64


@dataclass(frozen=True, kw_only=True)
class EglDevice:
    """One EGL device.

    Attributes:
        index: position in EGL's order, what ``PROCMEM_EGL_DEVICE`` names.
        file: device file, "" where there is none (software).
        software: whether it says that it is Mesa's software device.
        cuda_device: the CUDA device it belongs to, None where it belongs to none.
    """

    index: int
    file: str
    software: bool
    cuda_device: int | None


def current_context() -> int:
    """Handle of the EGL context that this thread draws into, 0 if there is none or EGL is missing."""
    egl = _egl()
    return 0 if egl is None else int(egl.eglGetCurrentContext() or 0)


def reset_status() -> int:
    """What OpenGL 4.5 says about the current context: 0, or why it was reset (glGetGraphicsResetStatus).

    Also 0 where the driver cannot say. Contexts here are made without reset notification, so that this is an addition
    to GL_CONTEXT_LOST and no replacement.
    """
    egl = _egl()
    address = egl.eglGetProcAddress(b"glGetGraphicsResetStatus") if egl is not None else None
    return int(ctypes.CFUNCTYPE(ctypes.c_uint)(address)()) if address else 0


@functools.cache
def _egl() -> ctypes.CDLL | None:
    """The EGL library with the types of its functions, None where it is missing."""
    name = ctypes.util.find_library("EGL")
    try:
        egl = ctypes.CDLL(name) if name else None
        if egl is not None:
            egl.eglGetProcAddress.restype, egl.eglGetProcAddress.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
            egl.eglGetCurrentContext.restype = ctypes.c_void_p
    except (OSError, AttributeError):
        return None
    return egl


def egl_devices() -> tuple[EglDevice, ...]:
    """All EGL devices in EGL's order; empty where EGL or its device extensions are missing."""
    egl = _egl()
    if egl is None:
        return ()
    addresses = [
        egl.eglGetProcAddress(f"eglQuery{what}EXT".encode()) for what in ("Devices", "DeviceString", "DeviceAttrib")
    ]
    if not all(addresses):
        return ()
    query_devices, query_string, query_attribute = (
        ctypes.CFUNCTYPE(result, *arguments)(address)
        for address, (result, arguments) in zip(
            addresses,
            (
                (ctypes.c_uint, (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)),
                (ctypes.c_char_p, (ctypes.c_void_p, ctypes.c_int)),
                (ctypes.c_uint, (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)),
            ),
            strict=True,
        )
    )
    handles, count = (ctypes.c_void_p * _MOST_DEVICES)(), ctypes.c_int()
    if not query_devices(_MOST_DEVICES, ctypes.byref(handles), ctypes.byref(count)):
        return ()
    devices = []
    for index, handle in enumerate(handles[: count.value]):
        extensions = (query_string(handle, _EXTENSIONS) or b"").decode().split()
        file = query_string(handle, _DRM_DEVICE_FILE) if "EGL_EXT_device_drm" in extensions else None
        cuda = ctypes.c_ssize_t()
        has_cuda = "EGL_NV_device_cuda" in extensions and query_attribute(handle, _CUDA_DEVICE, ctypes.byref(cuda))
        devices.append(
            EglDevice(
                index=index,
                file=(file or b"").decode(),
                software="EGL_MESA_device_software" in extensions,
                cuda_device=cuda.value if has_cuda else None,
            )
        )
    return tuple(devices)
