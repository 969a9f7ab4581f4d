"""The EGL devices of this machine and which CUDA device each belongs to, asked without making a context.

EGL counts devices in its own order, which ignores ``CUDA_VISIBLE_DEVICES``; the attribute EGL_CUDA_DEVICE_NV of the
extension EGL_NV_device_cuda joins the two. moderngl takes an EGL device index but cannot list devices, hence ctypes.
"""

from __future__ import annotations

import ctypes
import ctypes.util
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


def egl_devices() -> tuple[EglDevice, ...]:
    """All EGL devices in EGL's order; empty where EGL or its device extensions are missing."""
    name = ctypes.util.find_library("EGL")
    if name is None:
        return ()
    try:
        egl = ctypes.CDLL(name)
        get_address = egl.eglGetProcAddress
    except (OSError, AttributeError):
        return ()
    get_address.restype, get_address.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    addresses = [get_address(f"eglQuery{what}EXT".encode()) for what in ("Devices", "DeviceString", "DeviceAttrib")]
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
