"""Tests that need OpenGL: skipped where headless OpenGL does not answer, and checked to leave no GL error behind."""

import pytest

from procgen.context import gl_context
from procmem.errors import UserError


@pytest.fixture(autouse=True)
def clean_gl_error_flag(request):
    if request.node.get_closest_marker("opengl") is None:
        yield
        return
    try:
        context = gl_context()
    except UserError as error:
        pytest.skip(f"headless OpenGL is missing: {str(error).splitlines()[0]}")
    assert context.error == "GL_NO_ERROR", "an earlier test left a GL error"
    yield
    # asked for again: a test may have replaced the context
    assert gl_context().error == "GL_NO_ERROR", "this test left a GL error"
