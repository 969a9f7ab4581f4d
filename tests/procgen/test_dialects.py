"""Imported programs: exact pixels in every dialect, rewrites as text, folders, and what cannot run."""

import json

import numpy as np
import pytest
import torch

from procgen.dialects.importing import import_folder, load_imported, write_imported
from procgen.dialects.text import take_uniforms, without_comments, zero_initialised
from procgen.dialects.twigl_modes import read_mode
from procgen.dialects.uniforms import TIME
from procgen.programs import ShaderProgram
from procgen.renderer import shared_renderer
from procmem.errors import UserError

LEFT_TO_RIGHT = [32, 96, 159, 223]  # pixel centres 0.125, 0.375, 0.625, 0.875 times 255
BOTTOM_TO_TOP = [223, 159, 96, 32]  # our row 0 is the top


def make_program(source, dialect):
    return ShaderProgram(id="tests/tiny", family="tests", title="t", source=source, parameters=(TIME,), dialect=dialect)


def render(source, dialect, height_px=4, width_px=4, times=(2.0,)):
    parameters = np.array(times, dtype=np.float32).reshape(-1, 1)
    return shared_renderer().render(make_program(source, dialect), parameters, height_px, width_px)


# Red and green are the fragment coordinate over the resolution, blue is time / 4.
COORDINATES = {
    "shadertoy": "void mainImage(out vec4 o, in vec2 c) { o = vec4(c / iResolution.xy, iTime / 4.0, 1.0); }",
    "plain": "uniform float time; uniform vec2 resolution;\n"
    "void main() { gl_FragColor = vec4(gl_FragCoord.xy / resolution, time / 4.0, 1.0); }",
    "twigl_classic": "precision highp float; uniform vec2 resolution; uniform float time;\n"
    "void main(){gl_FragColor=vec4(gl_FragCoord.xy/resolution,time/4.,1);}",
    "twigl_classic_300es": "#version 300 es\nprecision highp float; uniform vec2 resolution; uniform float time;\n"
    "out vec4 outColor; void main(){outColor=vec4(gl_FragCoord.xy/resolution,time/4.,1);}",
    "twigl_classic_mrt": "#version 300 es\nprecision highp float; uniform vec2 resolution; uniform float time;\n"
    "layout(location=0) out vec4 outColor0; layout(location=1) out vec4 outColor1;\n"
    "void main(){outColor0=vec4(gl_FragCoord.xy/resolution,time/4.,1);outColor1=vec4(1);}",
    "twigl_geek": "precision highp float;uniform vec2 r;uniform float t;\n"
    "void main(){gl_FragColor=vec4(gl_FragCoord.xy/r,t/4.,1);}",
    "twigl_geek_300es": "precision highp float;uniform vec2 r;uniform float t;out vec4 o;\n"
    "void main(){o=vec4(gl_FragCoord.xy/r,t/4.,1);}",
    "twigl_geek_mrt": "precision highp float;uniform vec2 r;uniform float t;\n"
    "layout(location=0)out vec4 o0;layout(location=1)out vec4 o1;\n"
    "void main(){o1=vec4(1);o0=vec4(gl_FragCoord.xy/r,t/4.,1);}",
    "twigl_geeker": "void main(){gl_FragColor=vec4(gl_FragCoord.xy/r,t/4.,1);}",
    "twigl_geeker_300es": "void main(){o=vec4(gl_FragCoord.xy/r,t/4.,1);}",
    "twigl_geeker_mrt": "void main(){o1=vec4(1);o0=vec4(gl_FragCoord.xy/r,t/4.,1);}",
    "twigl_geekest": "gl_FragColor=vec4(FC.xy/r,t/4.,1);",
    "twigl_geekest_300es": "o=vec4(FC.xy/r,t/4.,1); // the end",
    "twigl_geekest_mrt": "o1=vec4(1);o0=vec4(FC.xy/r,t/4.,1);",
}


@pytest.mark.opengl
@pytest.mark.parametrize("dialect", COORDINATES)
def test_every_dialect_sees_coordinates_resolution_and_time(dialect):
    image = render(COORDINATES[dialect], dialect)[0]
    assert image[0].tolist() == [LEFT_TO_RIGHT] * 4
    assert image[1].T.tolist() == [BOTTOM_TO_TOP] * 4
    assert image[2].unique().tolist() == [128]  # 127.5, half to even


@pytest.mark.opengl
def test_coordinates_are_exact_in_images_of_any_size():
    source = (
        "void mainImage(out vec4 o, vec2 c) { vec2 k = c - 0.5; o = vec4(k == floor(k), mod(k, 256.0) / 255.0, 1); }"
    )
    image = render(source, "shadertoy", 300, 7)[0]
    assert image[0].unique().tolist() == [255]
    assert image[1, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert image[2, :, 0].tolist() == [k % 256 for k in reversed(range(300))]


@pytest.mark.opengl
def test_shadertoy_uniforms_have_their_documented_types_and_values():
    condition = (
        "iFrame == 120 && iTimeDelta == 1.0 / 60.0 && iFrameRate == 60.0 && iMouse == vec4(0.0)"
        " && iSampleRate == 44100.0 && iResolution.z == 1.0 && iDate.w > 43200.0 && iChannelResolution[3].x == 256.0"
        " && iChannelTime[0] == iTime"
    )
    source = f"void mainImage(out vec4 o, in vec2 c) {{ o = vec4({condition}); }}"
    assert render(source, "shadertoy", 1, 1).flatten().tolist() == [255, 255, 255]


@pytest.mark.opengl
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("vec3(rotate2D(PI2 / 4.) * vec2(1, 0) * vec2(1, .2), 1.)", [0, 51, 255]),
        ("rotate3D(PI / 2., vec3(0, 0, 1)) * vec3(.2, 0, .4)", [0, 51, 102]),
        ("rotate3D(PI / 2., vec3(5, 0, 0)) * vec3(.4, .2, 0)", [102, 0, 51]),
        ("hsv(0., 1., 1.)", [255, 0, 0]),
        ("hsv(1. / 3., 1., .6)", [0, 153, 0]),
        ("hsv(.5, .5, .8)", [102, 204, 204]),
        ("vec3(fsnoise(vec2(0)), snoise2D(vec2(0)), snoise3D(vec3(0)))", [0, 0, 0]),
        ("vec3(m, f / 255.)", [0, 0, 120]),
    ],
)
def test_geekest_functions_follow_their_formulas(expression, expected):
    assert render(f"o.rgb={expression};", "twigl_geekest_300es", 1, 1).flatten().tolist() == expected


@pytest.mark.opengl
@pytest.mark.parametrize("noise", ["snoise2D(q.xy)", "snoise3D(q)", "snoise4D(q.xyzx*vec4(1,1,1,.7))"])
def test_simplex_noise_is_smooth_balanced_and_fills_its_range(noise):
    values, near = (
        render(f"vec3 q=vec3(FC.xy/{scale}.,t);o=vec4(.5+.5*{noise});", "twigl_geekest_300es", 256, 256)[0, 0].double()
        / 127.5
        - 1
        for scale in (8, 128)
    )
    assert abs(values.mean()) < 0.05
    assert 0.2 < values.std() < 0.5
    assert -1 <= values.min() < -0.6
    assert 0.6 < values.max() <= 1
    assert (values.abs() == 1).double().mean() < 0.001
    assert max((near[1:] - near[:-1]).abs().max(), (near[:, 1:] - near[:, :-1]).abs().max()) < 0.07


@pytest.mark.opengl
def test_globals_of_a_program_start_anew_at_every_pixel():
    source = "float count = 0.0; void mainImage(out vec4 o, in vec2 c) { count += 0.2; o = vec4(count); }"
    assert render(source, "shadertoy", 40, 9, (1.0, 2.0)).unique().tolist() == [51]


@pytest.mark.opengl
def test_variables_without_a_value_are_zero():
    assert render("for(float i,k;i++<3.;)o+=.2+k;", "twigl_geekest_300es", 1, 1).flatten().tolist() == [153] * 3


@pytest.mark.opengl
def test_names_that_only_desktop_reserves_and_names_of_ours_are_free():
    source = (
        "#define row 3.0\n#define t iTime\nfloat time_seconds = 0.2; vec3 shade(vec2 p) { return vec3(0.4); }\n"
        "float round(float x) { return 0.6; }\n"
        "void mainImage(out vec4 o, in vec2 c) { float sample = time_seconds, ZERO = 0.0;\n"
        "  o = vec4(sample, shade(c).x, round(row), ZERO); }"
    )
    assert render(source, "shadertoy", 1, 1).flatten().tolist() == [51, 102, 153]


@pytest.mark.opengl
def test_the_drivers_message_names_the_line_of_the_program():
    program = make_program(
        "// one\n/* two\nthree */\nvoid mainImage(out vec4 o, in vec2 c) {\n  o = vec4(nowhere);\n}", "shadertoy"
    )
    with pytest.raises(UserError, match=r"does not compile:\n(?s:.*)tests/tiny:5:.*nowhere"):
        shared_renderer().compile(program)


def test_zero_values_go_to_plain_variables_only():
    code = "struct S { float a; };\nfloat f(float x) { float a, b = 1., c[2]; for (int i; i < 2; i++) ; return a; }"
    assert zero_initialised(code) == (
        "struct S { float a; };\n"
        "float f(float x) { float a=float(0), b = 1., c[2]; for (int i=int(0); i < 2; i++) ; return a; }"
    )


def test_prototypes_keep_their_form():
    assert zero_initialised("float f(vec2 p);\nvec3 g;") == "float f(vec2 p);\nvec3 g=vec3(0);"


def test_comments_and_uniforms_go_and_lines_stay():
    code = "#version 300 es\n// uniform float no;\nuniform highp float a, b;\nuniform vec3 c[4]; /* x\n */ float d;"
    rest, uniforms = take_uniforms(without_comments(code))
    assert uniforms == {"a": "float", "b": "float", "c": "vec3[]"}
    assert [line.strip() for line in rest.split("\n")] == ["", "", "", "", "float d;"]


@pytest.mark.parametrize(
    ("source", "dialect", "message"),
    [
        ("uniform float tiem; void main() {}", "plain", "unknown uniform 'tiem'; did you mean 'time'"),
        ("uniform float resolution; void main() {}", "plain", "declared as float, but it is a vec2"),
        ("void main() {}", "shadertoy", "no void mainImage"),
        ("float x;", "twigl_geek", "no void main"),
        ("// nothing\n", "plain", "empty"),
        ("out ivec4 o; void main() {}", "twigl_geek_300es", "output 'o' is a ivec4"),
    ],
)
def test_what_a_source_lacks_is_said(source, dialect, message):
    with pytest.raises(UserError, match=message):
        _ = make_program(source, dialect).assembly


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("classic\nFalse\nFalse\nFalse\n", "twigl_classic"),
        ("geeker\nTrue\nFalse\nTrue", "twigl_geeker_300es"),
        ("geekest\nTrue\nTrue\nFalse", "twigl_geekest_mrt"),
    ],
)
def test_a_mode_file_names_a_dialect(text, expected):
    assert read_mode(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("geekiest\nTrue\nTrue\nTrue", "unknown TwiGL mode 'geekiest'; did you mean 'geekest'"),
        ("geek\nTrue\n", "4 lines .* got 2"),
        ("geek\nTrue\n1\nFalse", "True or False, got '1'"),
    ],
)
def test_a_bad_mode_file_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        read_mode(text)


def shadertoy_json(code, num_passes=1, inputs=()):
    return json.dumps(
        {"info": {"name": "A title"}, "renderpass": [{"code": code, "inputs": list(inputs)}] * num_passes}
    )


def accept(program):
    _ = program.assembly


def test_a_shadertoy_folder_gives_programs_and_reasons(tmp_path):
    good = COORDINATES["shadertoy"]
    (tmp_path / "good.json").write_text(shadertoy_json(good))
    (tmp_path / "wrapped.json").write_text(json.dumps([{"Shader": json.loads(shadertoy_json(good))}]))
    (tmp_path / "corrupt.json").write_text('{"renderpass": [')
    (tmp_path / "two.json").write_text(shadertoy_json(good, num_passes=2))
    (tmp_path / "cube.json").write_text(shadertoy_json(good, inputs=[{"ctype": "cubemap"}]))
    (tmp_path / "none.json").write_text('{"renderpass": []}')
    found = import_folder(tmp_path, "shadertoy", accept)
    assert [(program.id, program.title) for program in found.programs] == [
        ("shadertoy/good", "A title"),
        ("shadertoy/wrapped", "A title"),
    ]
    assert found.programs[0].parameters[0].describe() == ["time_seconds", "uniform", 0.1, 10.0]
    reasons = dict(found.skipped)
    assert list(reasons) == ["corrupt.json", "cube.json", "none.json", "two.json"]
    assert "not valid JSON" in reasons["corrupt.json"]
    assert "reads a cubemap" in reasons["cube.json"]
    assert "needs renderpass[0].code" in reasons["none.json"]
    assert "2 passes" in reasons["two.json"]


def test_a_twigl_folder_needs_a_mode_file_for_each_fragment(tmp_path):
    for name in ("fragments", "modes"):
        (tmp_path / name).mkdir()
    for name in ("good", "lost"):
        (tmp_path / "fragments" / f"{name}.fragment").write_text(COORDINATES["twigl_geekest_300es"])
    (tmp_path / "modes" / "good.fragment").write_text("geekest\nTrue\nFalse\nFalse\n")
    found = import_folder(tmp_path, "twigl", accept)
    assert [(program.id, program.dialect) for program in found.programs] == [("twigl/good", "twigl_geekest_300es")]
    assert found.skipped == (("fragments/lost.fragment", "its mode file modes/lost.fragment is missing"),)


def test_a_plain_folder_takes_both_entry_functions(tmp_path):
    (tmp_path / "a.frag").write_text(COORDINATES["plain"])
    (tmp_path / "a.glsl").write_text(COORDINATES["plain"])
    (tmp_path / "b.glsl").write_text(COORDINATES["shadertoy"])
    found = import_folder(tmp_path, "plain", accept)
    assert [program.id for program in found.programs] == ["plain/a", "plain/b"]
    assert found.skipped == (("a.glsl", "another file gives 'plain/a', too"),)


def test_a_folder_without_programs_or_an_unknown_dialect_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no programs: the twigl layout is fragments/\*.fragment"):
        import_folder(tmp_path, "twigl", accept)
    with pytest.raises(UserError, match="is no folder"):
        import_folder(tmp_path / "missing", "plain", accept)
    with pytest.raises(UserError, match="unknown dialect 'shadertoi'; did you mean 'shadertoy'"):
        import_folder(tmp_path, "shadertoi", accept)


def test_a_written_set_reads_back_and_an_edited_one_is_refused(tmp_path):
    (tmp_path / "a.frag").write_text(
        "uniform sampler2D backbuffer; void main() { gl_FragColor = texture2D(backbuffer, vec2(0)); }"
    )
    found = import_folder(tmp_path, "plain", accept)
    path = tmp_path / "set.json"
    set_hash = write_imported(path, found)
    assert load_imported(path) == found.programs
    content = json.loads(path.read_text())
    assert content["hash"] == set_hash
    assert (content["programs"][0]["path"], content["programs"][0]["stand_ins"]) == ("fragment", ["backbuffer"])
    path.write_text(path.read_text().replace("vec2(0)", "vec2(1)"))
    with pytest.raises(UserError, match="the file was edited"):
        load_imported(path)
    path.write_text("{}")
    with pytest.raises(UserError, match="is no set of imported programs"):
        load_imported(path)


@pytest.mark.opengl
def test_the_command_lists_what_cannot_run_and_writes_the_rest(tmp_path, capsys):
    from procmem.program_commands import programs_import

    (tmp_path / "bad.frag").write_text("void main() {\n gl_FragColor = vec4(1)\n}")
    (tmp_path / "good.frag").write_text(COORDINATES["plain"])
    programs_import(tmp_path, out=tmp_path / "set.json", dialect="plain")
    output = capsys.readouterr().out
    assert "cannot run bad.frag: program 'plain/bad' does not compile:\nplain/bad:3:" in output
    (program,) = load_imported(tmp_path / "set.json")
    image = shared_renderer().render(program, np.full((1, 1), 2, dtype=np.float32), 4, 4)
    assert torch.equal(image, render(COORDINATES["plain"], "plain"))


@pytest.mark.opengl
def test_a_folder_in_which_nothing_runs_writes_no_set(tmp_path):
    from procmem.program_commands import programs_import

    (tmp_path / "bad.frag").write_text("void main() { nothing }")
    with pytest.raises(UserError, match=r"no program can run(?s:.*)bad.frag"):
        programs_import(tmp_path, out=tmp_path / "set.json")
    assert not (tmp_path / "set.json").exists()
