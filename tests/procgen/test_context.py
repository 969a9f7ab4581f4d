"""The context's rules, each tried in a process of its own: no GL, forks, threads, and triton beside Mesa."""

import os
import subprocess
import sys
import threading
import types

import pytest

from procgen import context as context_module
from procgen.context import describe_gl, gl_context, is_software
from procgen.egl import current_context, reset_status
from procmem.errors import UserError


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.opengl
def test_there_is_one_context_and_the_report_describes_it():
    assert gl_context() is gl_context()
    report = describe_gl()
    assert report.renderer == gl_context().info["GL_RENDERER"]
    assert report.software == is_software(report.renderer)
    assert report.largest_storage_block_bytes >= 1 << 24  # the least that GL 4.3 allows
    assert [device.index for device in report.devices] == list(range(len(report.devices)))


@pytest.mark.opengl
def test_the_context_is_refused_in_another_thread():
    gl_context()
    caught = []

    def use():
        try:
            gl_context()
        except UserError as error:
            caught.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert "belongs to the thread that made it" in caught[0]


@pytest.mark.opengl
def test_the_context_is_refused_after_a_fork():
    code = """
import os
from procgen.context import gl_context
from procmem.errors import UserError
gl_context()
child = os.fork()
if child == 0:
    try:
        gl_context()
    except UserError as error:
        os._exit(7 if "spawn" in str(error) else 8)
    os._exit(9)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    result = run_python(code, PYTHONWARNINGS="ignore")
    assert result.returncode == 7, result.stderr


@pytest.mark.slow
@pytest.mark.opengl
@pytest.mark.parametrize("order", ["context first", "optimizer first"])
def test_rendering_and_training_share_a_process_in_either_order(order):
    code = f"""
import torch
def optimize():
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
def render():
    from procgen.programs import load_programs
    from procgen.renderer import shared_renderer
    program = load_programs(["ornament"])[0]
    shared_renderer().render(program, program.draw_parameters(0, counters=[0]), 8, 8)
steps = [render, optimize, render] if {order!r} == "context first" else [optimize, render, optimize]
for step in steps:
    step()
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr


def test_without_opengl_the_message_says_how_to_install_it(tmp_path):
    code = "from procgen.context import gl_context\ngl_context()"
    result = run_python(code, __EGL_VENDOR_LIBRARY_DIRS=str(tmp_path))
    assert result.returncode == 1
    assert "UserError: headless OpenGL 4.3 (EGL) does not answer" in result.stderr
    for line in ("apt-get install", "dnf install", "pacman -S"):
        assert line in result.stderr


@pytest.mark.parametrize(("value", "message"), [("first", "must be the index of an EGL device"), ("99", "but EGL has")])
def test_a_bad_device_index_is_refused(value, message):
    if value == "99" and not context_module.egl_devices():
        pytest.skip("EGL does not list devices here")
    with pytest.raises(UserError, match=message):
        context_module._device_index(value)


def test_software_beside_cuda_is_an_error_unless_allowed(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.delenv("PROCMEM_ALLOW_SOFTWARE_GL", raising=False)
    with pytest.raises(UserError, match=r"renders in software \(llvmpipe"):
        context_module._refuse_software_beside_cuda("llvmpipe (LLVM 15.0.6, 256 bits)")
    context_module._refuse_software_beside_cuda("NVIDIA H100/PCIe/SSE2")
    monkeypatch.setenv("PROCMEM_ALLOW_SOFTWARE_GL", "1")
    context_module._refuse_software_beside_cuda("llvmpipe (LLVM 15.0.6, 256 bits)")


@pytest.mark.parametrize(
    ("gl_error", "reset", "kind", "message"),
    [
        ("GL_OUT_OF_MEMORY", 0, UserError, "out of memory; render smaller"),
        ("GL_CONTEXT_LOST", 0, context_module.ContextLostError, "reports GL_CONTEXT_LOST"),
        ("GL_INVALID_OPERATION", 0, context_module.ContextLostError, "reports GL_INVALID_OPERATION"),
        ("GL_NO_ERROR", 0x8254, context_module.ContextLostError, "reports a reset of the device"),
    ],
)
def test_errors_of_the_driver_become_errors_of_ours(monkeypatch, gl_error, reset, kind, message):
    monkeypatch.setattr(context_module, "reset_status", lambda: reset)
    with pytest.raises(kind, match=message):
        context_module.check_gl(types.SimpleNamespace(error=gl_error))


@pytest.mark.opengl
def test_a_healthy_context_is_current_and_was_not_reset():
    context = gl_context()
    assert current_context() != 0
    assert reset_status() == 0
    context_module.check_gl(context)
