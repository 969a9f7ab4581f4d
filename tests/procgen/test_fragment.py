"""The fragment path: exact derivatives, discard, textures, independence of the batch, bytes of the compute path."""

import ctypes

import numpy as np
import pytest
import torch

from procgen.dialects.uniforms import TIME
from procgen.egl import _egl
from procgen.fragment import stride
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import Renderer, shared_renderer

pytestmark = pytest.mark.opengl

TIMES = np.array([[0.5], [2.0], [9.75]], dtype=np.float32)
TOY = "void mainImage(out vec4 o, in vec2 c) {{ {} }}"
BOTH = TOY.format("vec2 q = c / iResolution.xy; o = vec4(0.5 + 0.5 * sin(9.0 * q.xyx + iTime), 1.0);")
EDGE = TOY.format(
    "float d = length(c - 0.5 * iResolution.xy) - iTime;"
    " o = vec4(fwidth(d), smoothstep(0.0, fwidth(d), d), dFdy(d), 1.0);"
)


class OnFragmentPath(ShaderProgram):
    """A program that the compute path could run, sent the other way."""

    path = "fragment"


def toy(source, kind=ShaderProgram):
    return kind(id="tests/toy", family="tests", title="t", source=source, parameters=(TIME,), dialect="shadertoy")


def on_fragment_path(program):
    fields = {name: getattr(program, name) for name in ShaderProgram.__dataclass_fields__}
    return OnFragmentPath(**fields)


@pytest.mark.parametrize(("height_px", "width_px"), [(16, 16), (7, 5), (1, 1), (3, 64)])
def test_both_paths_give_the_same_bytes(height_px, width_px):
    compute, fragment = toy(BOTH), toy(BOTH, OnFragmentPath)
    assert (compute.path, fragment.path) == ("compute", "fragment")
    first, second = (shared_renderer().render(program, TIMES, height_px, width_px) for program in (compute, fragment))
    assert torch.equal(first, second)


def test_a_native_program_gives_the_same_bytes_on_both_paths():
    program = load_programs()[0]
    parameters = program.draw_parameters(0, "test", counters=np.arange(3))
    expected = shared_renderer().render(program, parameters, 24, 17)
    assert torch.equal(shared_renderer().render(on_fragment_path(program), parameters, 24, 17), expected)


@pytest.mark.parametrize(("height_px", "width_px", "samples_per_side"), [(9, 14, 2), (5, 3, 3), (16, 16, 4)])
def test_supersampled_bytes_are_the_same_on_both_paths(height_px, width_px, samples_per_side):
    compute, fragment = toy(BOTH), toy(BOTH, OnFragmentPath)
    size = height_px, width_px
    first, second = (
        shared_renderer().render(program, TIMES, *size, samples_per_side=samples_per_side)
        for program in (compute, fragment)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, shared_renderer().render(compute, TIMES, *size))


def test_derivatives_of_samples_are_those_of_the_larger_image():
    # y goes up inside, in pixels of the sampled image: one step is one sample
    program = toy(TOY.format("o = vec4(dFdx(c.x) / 4.0, dFdy(c.y) / 5.0, c.x / 255.0, 1.0);"))
    image = shared_renderer().render(program, TIMES[:1], 3, 2, samples_per_side=2)[0]
    assert image[:2].flatten(1).unique(dim=1).tolist() == [[64], [51]]
    # centres 0.5 1.5 | 2.5 3.5 round half to even to 0 2 | 2 4; their means are 1 and 3
    assert image[2].tolist() == [[1, 3]] * 3


def test_derivatives_have_their_sign_and_size():
    # y goes up inside: dFdy of it is +1; x doubled has dFdx 2
    image = shared_renderer().render(
        toy(TOY.format("o = vec4(dFdx(2.0 * c.x) / 4.0, dFdy(c.y) / 5.0, fwidth(c.x + c.y) / 8.0, 1.0);")), TIMES, 5, 3
    )
    assert image.flatten(2).unique(dim=2).tolist() == [[[128], [51], [64]]] * 3


def test_a_discarded_pixel_is_black_even_where_an_earlier_image_was_not():
    renderer = Renderer()
    renderer.render(toy(TOY.format("o = vec4(1.0);")), TIMES, 4, 4)
    image = renderer.render(toy(TOY.format("if (c.x < 2.0) discard; o = vec4(0.2);")), TIMES, 4, 4)
    renderer.release()
    assert image.tolist() == [[[[0, 0, 51, 51]] * 4] * 3] * 3


def test_an_image_does_not_depend_on_its_batch_or_its_place_in_it():
    program = toy(EDGE)
    for height_px in (7, 8):
        together = shared_renderer().render(program, TIMES, height_px, 9)
        split = Renderer(batch_memory_bytes=1)
        alone = torch.cat([split.render(program, TIMES[i : i + 1], height_px, 9) for i in range(3)])
        assert torch.equal(together, alone)
        assert torch.equal(split.render(program, TIMES, height_px, 9), together)
        split.release()


def test_more_images_than_one_framebuffer_holds_are_split():
    times = np.linspace(0.1, 10, 40, dtype=np.float32)[:, None]
    program = toy(TOY.format("o = vec4(iTime / 10.0, dFdx(c.x), 0.0, 1.0);"))
    image = shared_renderer().render(program, times, 1001, 2)
    assert image[:, 0, 500, 0].tolist() == np.rint(times[:, 0] / 10 * 255).astype(int).tolist()


def test_framebuffers_of_other_sizes_leave_nothing_behind():
    renderer = Renderer()
    names = []
    for width_px in range(3, 8):
        renderer.render(toy(EDGE), TIMES, 4, width_px)
        names.append(renderer._engine._area.color_attachments[0].glo)
    is_renderbuffer = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)(_egl().eglGetProcAddress(b"glIsRenderbuffer"))
    assert [is_renderbuffer(name) for name in names] == [0, 0, 0, 0, 1]
    renderer.release()
    assert is_renderbuffer(names[-1]) == 0


def test_images_stand_an_even_number_of_rows_apart():
    assert [stride(height_px) for height_px in (1, 2, 7, 224)] == [2, 2, 8, 224]


def test_the_stand_in_texture_repeats_varies_and_is_recorded():
    program = toy(
        TOY.format(
            "o = texture(iChannel0, c / 256.0) * step(c.x, 8.0) + texture(iChannel2, c / 256.0 + 3.0) * step(8.0, c.x);"
        )
    )
    assert (program.path, program.stand_ins) == ("fragment", ("iChannel0", "iChannel2"))
    image = shared_renderer().render(program, TIMES[:1], 16, 16)[0]
    assert image.double().std() > 40
    same = toy(TOY.format("o = texture(iChannel1, c / 256.0 + 7.0);"))
    assert torch.equal(shared_renderer().render(same, TIMES[:1], 16, 16)[0], image)


def test_a_texture_read_at_a_given_level_stays_on_the_compute_path():
    program = toy(TOY.format("o = texelFetch(iChannel0, ivec2(c), 0);"))
    assert (program.path, program.stand_ins) == ("compute", ("iChannel0",))
    sampled = toy(TOY.format("o = texture(iChannel0, c / 256.0);"))
    images = [shared_renderer().render(each, TIMES[:1], 8, 8) for each in (program, sampled)]
    assert torch.equal(*images)
