"""Pixels against hand-computed bytes, independence of the batch, bad input, and every shipped program, small."""

import moderngl
import numpy as np
import pytest
import torch

from procgen.context import ContextLostError, drop_context, gl_context
from procgen.glsl import PARAMETER_VECTORS
from procgen.parameters import Parameter
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import Renderer, shared_renderer
from procmem.errors import UserError, WorkError
from procmem.files import fingerprint

pytestmark = pytest.mark.opengl

VALUE = (Parameter(name="value", kind="uniform"),)
SHIPPED = load_programs()

# Made with Mesa 22.3.6 by test_bytes_are_pinned_for_a_known_driver itself; a change means other pixels for a same seed.
GOLDEN = {"llvmpipe (LLVM 15.0.6, 256 bits)": "2e51c03bfa299c0d"}


def make_program(body, parameters=(), program_id="tests/tiny", includes=()):
    return ShaderProgram(
        id=program_id, family="tests", title="t", source=body, parameters=parameters, includes=tuple(includes)
    )


def rows(*values):
    return np.array(values, dtype=np.float32).reshape(len(values), -1)


NO_PARAMETERS = np.empty((1, 0), dtype=np.float32)


def test_row_0_is_the_top_x_goes_right_and_p_is_the_pixel_centre():
    program = make_program("vec3 shade(vec2 p) { return vec3(0.5 + 0.5 * p, 0.0); }")
    image = shared_renderer().render(program, NO_PARAMETERS, 4, 4)[0]
    # pixel centres of 4 pixels on [-1, 1]: -0.75, -0.25, 0.25, 0.75 -> 0.125, 0.375, 0.625, 0.875 -> times 255
    expected = [32, 96, 159, 223]  # 31.875, 95.625, 159.375, 223.125
    assert image[0].tolist() == [expected] * 4
    assert image[1].tolist() == [[value] * 4 for value in reversed(expected)]
    assert image[2].tolist() == [[0] * 4] * 4


def test_the_shorter_side_spans_minus_one_to_one():
    program = make_program("vec3 shade(vec2 p) { return vec3(abs(p) / 4.0, 0.0); }")
    image = shared_renderer().render(program, NO_PARAMETERS, 2, 6)[0]
    assert image.shape == (3, 2, 6)
    # x centres: +-0.5, +-1.5, +-2.5, y centres: +-0.5; a quarter of it times 255
    assert image[0].tolist() == [[159, 96, 32, 32, 96, 159]] * 2  # 159.375, 95.625, 31.875
    assert image[1].tolist() == [[32] * 6] * 2
    upright = shared_renderer().render(program, NO_PARAMETERS, 6, 2)[0]
    assert torch.equal(upright[[1, 0, 2]].transpose(1, 2), image)


def test_values_are_clamped_and_rounded_half_to_even():
    k = np.arange(255)
    values = ((k + 0.5) / 255).astype(np.float32)
    tie = values * np.float32(255) == k + np.float32(0.5)  # where float32 arithmetic meets the tie exactly
    assert tie.sum() > 50
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    images = shared_renderer().render(program, rows(*values[tie], -0.1, 1.5, 0.0, 1.0), 1, 1)
    expected = [*np.where(k[tie] % 2 == 0, k[tie], k[tie] + 1), 0, 255, 0, 255]
    assert images[:, 0, 0, 0].tolist() == expected


@pytest.mark.parametrize("bad", ["0.0 / (value - 1.0)", "1.0 / (value - 1.0)", "-1.0 / (value - 1.0)", "sqrt(-value)"])
def test_nan_and_infinity_become_0(bad):
    program = make_program(f"vec3 shade(vec2 p) {{ return vec3(1.0, {bad}, 0.2); }}", VALUE)
    assert shared_renderer().render(program, rows(1.0), 1, 1).flatten().tolist() == [255, 0, 51]


def test_each_image_takes_its_own_row_of_parameters():
    table = (*VALUE, Parameter(name="colours", kind="palette"), Parameter(name="salt", kind="seed"))
    body = "vec3 shade(vec2 p) { return vec3(value, colours(0.5).g, salt == 16777215.0 ? 1.0 : 0.0); }"
    palette = np.zeros(12)
    palette[[4, 7]] = 0.2, 0.6  # green of the second and third colour; t = 0.5 lies halfway
    parameters = rows([0.2, *palette, 16777215.0], [0.4, *palette, 16777214.0])
    images = shared_renderer().render(make_program(body, table), parameters, 1, 1)
    assert images.flatten().tolist() == [51, 102, 255, 102, 102, 0]


def test_a_palette_is_linear_between_its_colours():
    table = (*VALUE, Parameter(name="colours", kind="palette"))
    program = make_program(
        "vec3 shade(vec2 p) { return vec3(colours(value).r, colours_at(int(value * 3.0)).rg); }", table
    )
    palette = np.zeros(12)
    palette[0::3] = 0.0, 0.6, 0.2, 1.0
    t = [-1.0, 0.0, 1 / 6, 1 / 3, 0.5, 1.0, 2.0]
    images = shared_renderer().render(program, rows(*([x, *palette] for x in t)), 1, 1)
    assert images[:, 0, 0, 0].tolist() == [0, 0, 76, 153, 102, 255, 255]  # 76.5 is a tie: to even


def test_an_image_is_the_same_alone_in_any_batch_split_or_after_eviction():
    program = next(p for p in SHIPPED if p.id == "scenes/solids")
    parameters = program.draw_parameters(5, "batch", counters=np.arange(7))
    renderer = Renderer(max_resident_programs=1)
    together = renderer.render(program, parameters, 16, 16)
    assert torch.equal(renderer.render(program, parameters[3:4], 16, 16)[0], together[3])
    assert torch.equal(renderer.render(program, parameters[::-1], 16, 16).flip(0), together)
    split = Renderer(batch_memory_bytes=3 * 16 * 16 * 4)
    assert torch.equal(split.render(program, parameters, 16, 16), together)
    renderer.render(make_program("vec3 shade(vec2 p) { return vec3(0.0); }"), NO_PARAMETERS, 4, 4)
    assert renderer.num_resident_programs == 1
    assert torch.equal(renderer.render(program, parameters, 16, 16), together)
    renderer.release()
    split.release()


@pytest.mark.parametrize("tile", [8, 16, 128])
def test_the_cut_into_tiles_changes_no_byte(tile):
    program = make_program("vec3 shade(vec2 p) { return vec3(0.5 + 0.3 * p, value); }", VALUE)
    renderer = Renderer()
    expected = renderer.render(program, rows(0.1, 0.9), 37, 21)
    renderer._engine.compiled[program.fingerprint].tiles = (tile,)
    assert torch.equal(renderer.render(program, rows(0.1, 0.9), 37, 21), expected)
    y, x = torch.meshgrid(torch.arange(37.0), torch.arange(21.0), indexing="ij")
    assert (expected[0, 0] - 255 * (0.5 + 0.3 * (2 * x + 1 - 21) / 21)).abs().max() <= 0.51
    assert (expected[0, 1] - 255 * (0.5 + 0.3 * (36 - 2 * y) / 21)).clamp(-1, 1).abs()[9:28].max() <= 0.51
    renderer.release()


def test_loops_that_the_driver_would_cut_short_in_a_large_tile_are_rendered_whole():
    # 1,000 turns a pixel: llvmpipe allows an invocation 65,536, and 256 pixels of a tile would share them.
    body = "vec3 shade(vec2 p) { float n = 0.0; for (int i = ZERO; i < 1000; i++) n += 1.0; return vec3(n / 1275.0); }"
    program = make_program(body)
    renderer = Renderer()
    assert renderer.render(program, NO_PARAMETERS, 128, 128).unique().tolist() == [200]
    if renderer._engine._is_software:
        assert renderer._engine.compiled[program.fingerprint].tiles == (32, 8)
    renderer.release()


def test_a_supersampled_image_is_the_larger_one_averaged_with_ties_to_even():
    # one pixel of 2 x 2 samples with bytes 10, 11, 10, 11: the mean 10.5 goes to 10; 11, 12, ..: 11.5 goes to 12
    program = make_program("vec3 shade(vec2 p) { return vec3(value + (p.x > 0.0 ? 1.0 : 0.0)) / 255.0; }", VALUE)
    images = shared_renderer().render(program, rows(10, 11, 254), 1, 1, samples_per_side=2)
    assert images[:, 0].flatten().tolist() == [10, 12, 254]


@pytest.mark.parametrize("samples_per_side", [2, 3, 5, 16])
def test_supersampling_equals_numpy_on_the_larger_image(samples_per_side):
    program = next(p for p in SHIPPED if p.id == "scenes/solids")
    n, H, W = samples_per_side, 5, 9
    parameters = program.draw_parameters(5, "samples", counters=np.arange(3))
    larger = shared_renderer().render(program, parameters, n * H, n * W).numpy().astype(np.float64)
    expected = np.rint(larger.reshape(3, 3, H, n, W, n).mean(axis=(3, 5)))
    images = shared_renderer().render(program, parameters, H, W, samples_per_side=n)
    assert np.array_equal(images.numpy(), expected)
    split = Renderer(batch_memory_bytes=1)
    assert torch.equal(split.render(program, parameters, H, W, samples_per_side=n), images)
    split.release()


def test_draws_are_split_by_measured_time_which_changes_no_byte(monkeypatch):
    program = make_program("vec3 shade(vec2 p) { return vec3(p, value); }", VALUE)
    renderer = Renderer()
    values = rows(*np.linspace(0, 1, 10))
    expected = renderer.render(program, values, 4, 6)
    sizes = []
    draw = renderer._engine.draw
    monkeypatch.setattr(
        renderer._engine,
        "draw",
        lambda program, parameters, *rest: (sizes.append(len(parameters)), draw(program, parameters, *rest)),
    )
    ticks = iter(np.arange(1000.0))  # every look at the clock is a second later: a draw of one image takes one second
    monkeypatch.setattr("procgen.renderer.time.perf_counter", lambda: next(ticks))
    monkeypatch.setattr("procgen.renderer.CALL_SECONDS", 3.0)
    renderer._engine.compiled[program.fingerprint].seconds_per_image.clear()
    assert torch.equal(renderer.render(program, values, 4, 6), expected)
    # alone; then 3 at 1 s each; they took 1/3 s each, so 9 would fit, and the rest is 6
    assert sizes == [1, 3, 6]
    renderer.release()


def test_a_program_beyond_the_time_budget_is_named_with_time_and_budget(monkeypatch):
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE, "tests/slow")
    renderer = Renderer(time_budget_seconds=2.5)
    assert renderer.render(program, rows(0.2), 4, 4).unique().tolist() == [51]
    times = iter([0, 9, 9, 13, 20, 22])  # 9 seconds, once more 4; then 2
    monkeypatch.setattr("procgen.renderer.time.perf_counter", lambda: float(next(times)))
    with pytest.raises(
        UserError, match=r"'tests/slow' takes 4 seconds .* 4 x 4 samples, but the budget is 2\.5 seconds"
    ):
        renderer.render(program, rows(0.2), 4, 4)
    assert renderer.render(program, rows(0.4), 4, 4).unique().tolist() == [102]
    renderer.release()


def test_a_hiccup_is_not_held_against_a_program(monkeypatch):
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    renderer = Renderer(time_budget_seconds=2.5)
    times = iter([0, 9, 9, 10])
    monkeypatch.setattr("procgen.renderer.time.perf_counter", lambda: float(next(times)))
    assert renderer.render(program, rows(0.2), 4, 4).unique().tolist() == [51]
    renderer.release()


def release_context():
    gl_context().release()


def release_pixels():
    shared_renderer()._pixels[torch.device("cpu")].release()


def forget_the_program():
    for compiled in shared_renderer()._engine.compiled.values():
        compiled.shader.release()


def leave_a_gl_error():
    gl_context().viewport = (0, 0, -1, -1)


def fail_in_the_driver():
    def draw(*arguments):
        raise moderngl.Error("cannot map the buffer")

    shared_renderer()._engine.draw = draw  # goes with the engine, which goes with the context


@pytest.mark.parametrize(
    "break_it",
    [fail_in_the_driver, release_context, release_pixels, forget_the_program, leave_a_gl_error, drop_context],
)
def test_a_broken_context_is_replaced_and_the_images_rendered_again(break_it):
    program = make_program("vec3 shade(vec2 p) { return vec3(value, p); }", VALUE)
    expected = shared_renderer().render(program, rows(0.2, 0.4), 4, 5)
    broken = gl_context()
    break_it()
    assert torch.equal(shared_renderer().render(program, rows(0.2, 0.4), 4, 5), expected)
    assert gl_context() is not broken
    shared_renderer().compile(program)


def test_another_librarys_context_does_no_harm():
    program = make_program("vec3 shade(vec2 p) { return vec3(value, p); }", VALUE)
    expected = shared_renderer().render(program, rows(0.2, 0.4), 4, 5)
    ours = gl_context()
    theirs = moderngl.create_context(require=430, standalone=True, backend="egl")
    assert torch.equal(shared_renderer().render(program, rows(0.2, 0.4), 4, 5), expected)
    assert gl_context() is ours
    theirs.release()
    assert torch.equal(shared_renderer().render(program, rows(0.2, 0.4), 4, 5), expected)


def test_a_program_that_breaks_every_context_is_named(monkeypatch):
    program = make_program("vec3 shade(vec2 p) { return vec3(value, p); }", VALUE, "tests/killer")
    contexts = []

    def lose(context):
        contexts.append(context)
        raise ContextLostError("OpenGL reports GL_CONTEXT_LOST")

    monkeypatch.setattr("procgen.renderer.check_gl", lose)
    with pytest.raises(
        WorkError, match=r"'tests/killer' broke the OpenGL context.*GL_CONTEXT_LOST; leave this program"
    ):
        shared_renderer().render(program, rows(0.2), 4, 4)
    assert len({id(context) for context in contexts}) == 2
    monkeypatch.undo()
    assert shared_renderer().render(program, rows(0.2), 1, 1)[0, 0].item() == 51


def test_memory_that_ran_out_is_said_so_and_costs_no_context(monkeypatch):
    program = make_program("vec3 shade(vec2 p) { return vec3(value, p); }", VALUE)
    context = gl_context()
    renderer = Renderer()

    def draw(*arguments):
        raise moderngl.Error("cannot map the buffer")

    def check_gl(context):
        raise UserError("the OpenGL device is out of memory")

    monkeypatch.setattr(renderer._engine, "draw", draw)
    monkeypatch.setattr("procgen.renderer.check_gl", check_gl)
    with pytest.raises(UserError, match="out of memory"):
        renderer.render(program, rows(0.2), 4, 4)
    monkeypatch.undo()
    assert gl_context() is context
    renderer.release()


def test_a_program_that_cannot_compile_is_not_blamed_on_the_context():
    context = gl_context()
    with pytest.raises(UserError, match="does not compile"):
        shared_renderer().compile(make_program("nonsense"))
    assert gl_context() is context


def test_an_error_of_our_own_is_no_lost_context(monkeypatch):
    def fail(program):
        raise AttributeError("'int' object has no attribute 'colour'")

    renderer = Renderer()
    monkeypatch.setattr(renderer._engine, "compile", fail)
    with pytest.raises(AttributeError, match="colour"):
        renderer.compile(SHIPPED[0])
    monkeypatch.undo()
    renderer.release()


def test_the_least_recently_used_program_is_evicted():
    a, b, c = (make_program(f"vec3 shade(vec2 p) {{ return vec3({v}); }}") for v in (0.1, 0.2, 0.3))
    renderer = Renderer(max_resident_programs=2)
    for program in (a, b, a, c):
        renderer.render(program, NO_PARAMETERS, 1, 1)
    assert set(renderer._engine.compiled) == {a.fingerprint, c.fingerprint}
    renderer.release()


def test_more_parameters_than_one_uniform_block_holds_are_split():
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    values = np.arange(PARAMETER_VECTORS + 300) % 256
    images = shared_renderer().render(program, rows(*values / 255), 1, 1)
    assert images[:, 0, 0, 0].tolist() == values.tolist()


def test_an_earlier_result_is_not_overwritten_by_the_next_batch():
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    first = shared_renderer().render(program, rows(0.2), 2, 2)
    shared_renderer().render(program, rows(0.8), 2, 2)
    assert first.unique().tolist() == [51]


def test_whoever_listens_hears_of_a_program_before_the_driver_does():
    program, broken = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE), make_program("nonsense")
    heard = []
    renderer = Renderer()
    renderer.on_program = heard.append
    renderer.render(program, rows(0.2, 0.4, 0.6), 2, 2)
    renderer.render(program, np.empty((0, 1), np.float32), 2, 2)
    with pytest.raises(UserError, match="does not compile"):
        renderer.compile(broken)
    renderer.render(program, rows(0.2), 2, 2)
    assert heard == [program.fingerprint, broken.fingerprint, program.fingerprint]
    renderer.on_program = None
    renderer.render(program, rows(0.2), 2, 2)
    assert len(heard) == 3
    renderer.release()


def test_an_empty_batch_gives_no_images():
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    assert shared_renderer().render(program, np.empty((0, 1), np.float32), 5, 7).shape == (0, 3, 5, 7)


def test_a_compile_error_names_our_file_and_line():
    program = make_program("// title: x\nvec3 shade(vec2 p) {\n    return vec3(undefined_name);\n}\n")
    with pytest.raises(
        UserError, match=r"(?s)'tests/tiny' does not compile.*shaders/programs/tests/tiny\.glsl:3:.*undefined_name"
    ):
        shared_renderer().render(program, NO_PARAMETERS, 4, 4)


@pytest.mark.parametrize(
    ("parameters", "size", "message"),
    [
        (rows(0.5).astype(np.float64), (4, 4), r"float32 parameters \(B, 1\), got float64"),
        (rows([0.5, 0.5]), (4, 4), r"got float32 \(1, 2\)"),
        (rows(0.5)[0], (4, 4), r"got float32 \(1,\)"),
        (rows(0.5, np.nan), (4, 4), "row 1, column 0 is not"),
        (rows(np.inf), (4, 4), "must be finite"),
        (rows(0.5), (0, 4), r"height_px must be within 1\.\.16384, got 0"),
        (rows(0.5), (4, -1), "width_px must be within"),
        (rows(0.5), (4, 20000), "width_px must be within"),
    ],
)
def test_bad_requests_are_refused(parameters, size, message):
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    with pytest.raises(UserError, match=message):
        shared_renderer().render(program, parameters, *size)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples_per_side": 0}, r"samples_per_side must be within 1\.\.16, got 0"),
        ({"samples_per_side": 17}, "got 17"),
        (
            {"samples_per_side": 16, "width_px": 1025},
            r"width_px must be within 1\.\.1024, got 1025 \(samples_per_side=16\)",
        ),
        ({"device": "nowhere"}, "unknown device 'nowhere'"),
        ({"device": "meta"}, "wanted on 'meta'"),
        ({"device": "cuda:99"}, "wanted on 'cuda:99'"),
    ],
)
def test_bad_options_are_refused(options, message):
    program = make_program("vec3 shade(vec2 p) { return vec3(value); }", VALUE)
    with pytest.raises(UserError, match=message):
        shared_renderer().render(program, rows(0.5), **({"height_px": 4, "width_px": 4} | options))


@pytest.mark.parametrize(
    "options",
    [
        {"max_resident_programs": 0},
        {"batch_memory_bytes": 0},
        {"time_budget_seconds": 0.0},
        {"time_budget_seconds": float("nan")},
    ],
)
def test_a_renderer_refuses_limits_that_are_not_positive(options):
    with pytest.raises(UserError, match="must be positive"):
        Renderer(**options)


def test_an_image_beyond_the_storage_limit_is_refused(monkeypatch):
    renderer = Renderer()
    monkeypatch.setattr(renderer._engine, "largest_block_bytes", 1024)
    with pytest.raises(UserError, match="takes 4096 bytes, but a storage buffer of this device holds 1024"):
        renderer.render(make_program("vec3 shade(vec2 p) { return vec3(1.0); }"), NO_PARAMETERS, 32, 32)
    renderer.release()


def test_bytes_are_pinned_for_a_known_driver():
    name = gl_context().info["GL_RENDERER"]
    if name not in GOLDEN:
        pytest.skip(f"no golden bytes for {name}: floating point differs between drivers")
    program = make_program(
        "vec3 shade(vec2 p) {"
        " return vec3(fbm(3.0 * p, 4, 0.5, 77.0), hash1(ivec2(9.0 * p), 5.0), cells(2.0 * p, 0.9, 3.0).edge); }",
        includes=("noise", "cells"),
    )
    image = shared_renderer().render(program, NO_PARAMETERS, 32, 32)
    assert fingerprint(image.numpy().tobytes())[:16] == GOLDEN[name]


@pytest.mark.parametrize("program", SHIPPED, ids=lambda program: program.id)
def test_a_shipped_program_gives_varied_pictures_and_no_noise(program):
    images = shared_renderer().render(program, program.draw_parameters(8, "check", counters=np.arange(24)), 32, 32)
    luma = (images.double() / 255).mul(torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64).view(3, 1, 1)).sum(1)
    mean, spread = luma.flatten(1).mean(1), luma.flatten(1).std(1)
    assert (spread < 12 / 255).double().mean() <= 0.1
    assert ((mean < 0.06) | (mean > 0.94)).double().mean() <= 0.05
    centred = luma - mean[:, None, None]
    neighbours = (centred[:, :, 1:] * centred[:, :, :-1]).flatten(1).mean(1) / centred.square().flatten(1).mean(1)
    assert neighbours.median() > 0.35  # at 32 px; 0.6 at 64 px
    thumbnails = torch.nn.functional.adaptive_avg_pool2d(images.double(), 4).flatten(1)
    assert torch.pdist(thumbnails).median() > 100  # parameters change the picture, not just its details
