"""Assembly as text: order of the parts, includes, and driver messages brought back to our files. No OpenGL."""

import re

import pytest

from procgen import glsl
from procgen.glsl import Assembly, assemble, compile_error_message, resolve_includes
from procgen.parameters import Parameter
from procgen.programs import load_programs
from procmem.errors import UserError

BODY = "vec3 shade(vec2 p) { return vec3(scale); }"


@pytest.fixture
def includes(monkeypatch):
    texts = {
        "base": "// include:\nfloat base;",
        "left": "// include: base\nfloat left;",
        "right": "// include: base, left\nfloat right;",
        "loop_a": "// include: loop_b",
        "loop_b": "// include: loop_a",
    }
    monkeypatch.setattr(glsl, "include_source", texts.__getitem__)


def test_parts_stand_in_order_and_each_line_knows_its_file():
    parameters = (Parameter(name="scale", kind="angle"), Parameter(name="colours", kind="palette"))
    assembly = assemble(source=f"// title: x\n{BODY}\n\n", file="x.glsl", includes=["hash"], parameters=parameters)
    assert assembly.text.startswith("#version 430\n")
    order = ("uint hash_word", "float scale;", BODY, "void main()")
    places = [assembly.text.index(part) for part in order]
    assert places == sorted(places)
    lines = assembly.text.splitlines()
    assert assembly.place(lines.index(BODY) + 1) == "x.glsl:2"
    assert assembly.place(lines.index("// licence: Apache-2.0") + 1) == "shaders/include/hash.glsl:1"
    assert assembly.place(1) == "assembled prelude:1"
    assert assembly.place(len(lines)).startswith("assembled main:")
    assert "scale = _parameters[row + 0].x;" in assembly.text
    assert "_colours_1 = vec3(_parameters[row + 1].x, _parameters[row + 1].y, _parameters[row + 1].z);" in assembly.text
    assert "int row = image * 4;" in assembly.text


def test_an_include_comes_once_and_after_what_it_needs(includes):
    assert resolve_includes(["right", "base", "left"]) == ("base", "left", "right")


def test_an_include_that_includes_itself_is_refused(includes):
    with pytest.raises(UserError, match="includes itself: loop_a -> loop_b -> loop_a"):
        resolve_includes(["loop_a"])


def test_an_unknown_include_gets_the_nearest_name():
    with pytest.raises(UserError, match="unknown include 'noize'; did you mean 'noise'"):
        assemble(source=BODY, file="x.glsl", includes=["noize"], parameters=())


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("0:7(3): error: bad\n1:12(30): warning: odd", "prelude:7: error: bad\nx.glsl:3: warning: odd"),
        ("0(12) : error C1503: undefined variable", "x.glsl:3: error C1503: undefined variable"),
        ("ERROR: 0:10: 'foo' : undeclared", "x.glsl:1: 'foo' : undeclared"),
        ("GLSL Compiler failed\n=====\n0:9(1): error: bad", "prelude:9: error: bad"),
        ("link failed", "link failed"),
    ],
)
def test_a_drivers_message_is_brought_back_to_our_files(driver, expected):
    assembly = Assembly(text="", places=((1, "prelude"), (10, "x.glsl")))
    assert compile_error_message(driver, assembly) == expected


def test_shipped_code_uses_no_sine_hash_and_bounds_every_loop():
    for program in load_programs():
        text = program.assembly.text.partition("void main()")[0]
        assert not re.search(r"fract\(\s*sin\(", text), program.id
        assert "while" not in text, program.id
        for loop in re.findall(r"for \(([^;]*);([^;]*);", text):
            assert re.match(r"int \w+ = (ZERO|0) ; \w+ < [\w()]+", f"{loop[0]} ;{loop[1]}"), (program.id, loop)
