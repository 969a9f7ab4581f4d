"""Program files: headers, mistakes in them, fingerprints, and the shipped set. No OpenGL."""

import dataclasses

import numpy as np
import pytest

from procgen.programs import Parameter, ShaderProgram, load_programs, parse_program, program_set_hash
from procmem.errors import UserError

GOOD = """// title: Test card
// cost: medium
// include: hash, noise
// a free remark
// parameter: scale log_uniform 1.0 6.0
// parameter: colours palette
vec3 shade(vec2 p) { return colours(0.5); }
"""


def test_a_header_is_the_programs_record():
    program = parse_program("tests/card", GOOD)
    assert (program.id, program.family, program.title, program.cost) == ("tests/card", "tests", "Test card", "medium")
    assert (program.licence, program.dialect, program.includes) == ("Apache-2.0", "native", ("hash", "noise"))
    assert program.parameters == (
        Parameter(name="scale", kind="log_uniform", low=1.0, high=6.0),
        Parameter(name="colours", kind="palette"),
    )
    assert program.num_floats == 13
    assert program.source == GOOD
    assert program.detail is None, "nobody said"
    assert parse_program("tests/card", GOOD.replace("cost: medium", "detail: fine")).detail == "fine"


@pytest.mark.parametrize(
    ("line", "number", "message"),
    [
        ("// parameter: x uniformly 0 1", 2, "unknown parameter kind 'uniformly'; did you mean 'uniform'"),
        ("// parameter: x uniform 1 0", 2, "needs low < high, got 1.0 to 0.0"),
        ("// parameter: x uniform nan 1", 2, "needs a finite range"),
        ("// parameter: x uniform one 2", 2, "must be two numbers, got 'one 2'"),
        ("// parameter: x uniform 0", 2, "takes 2 numbers after it, got 1"),
        ("// parameter: x angle 0 1", 2, "takes 0 numbers after it, got 2"),
        ("// parameter: x", 2, "a parameter is 'name kind"),
        ("// parameter: x angle\n// parameter: x seed", 3, "'x' is already there"),
        ("// cost: cheap", 2, "unknown cost 'cheap'"),
        ("// detail: finer", 2, "unknown detail 'finer'; did you mean 'fine'"),
        ("// title: again", 2, "a second title"),
        ("// parameters: x angle", 2, "unknown header field 'parameters'; did you mean 'parameter'"),
    ],
)
def test_a_mistake_in_a_header_names_file_and_line(line, number, message):
    source = f"// title: Test\n{line}\nvec3 shade(vec2 p) {{ return vec3(0.0); }}\n"
    with pytest.raises(UserError) as caught:
        parse_program("tests/bad", source)
    assert str(caught.value).startswith(f"shaders/programs/tests/bad.glsl:{number}: ")
    assert message in str(caught.value)


def test_a_missing_title_is_refused():
    with pytest.raises(UserError, match=r"tests/bad\.glsl:1: the header needs a title"):
        parse_program("tests/bad", "// cost: light\nvec3 shade(vec2 p) { return vec3(0.0); }\n")


def test_two_parameters_of_one_name_are_refused_outside_files_too():
    twice = (Parameter(name="x", kind="angle"), Parameter(name="x", kind="seed"))
    with pytest.raises(UserError, match="two parameters named 'x'"):
        ShaderProgram(id="t/t", family="t", title="t", source="", parameters=twice)


def test_a_fingerprint_sees_source_includes_and_table_and_nothing_else():
    program = parse_program("tests/card", GOOD)
    wider = dataclasses.replace(program.parameters[0], high=7.0)
    changed = [
        dataclasses.replace(program, source=program.source + " "),
        dataclasses.replace(program, includes=("hash",)),
        dataclasses.replace(program, parameters=(wider, program.parameters[1])),
    ]
    assert len({p.fingerprint for p in (program, *changed)}) == 4
    assert parse_program("tests/card", GOOD).fingerprint == program.fingerprint
    assert len(program.fingerprint) == 64


def test_a_set_hash_ignores_order_and_sees_every_program():
    a, b = parse_program("t/a", GOOD), parse_program("t/b", GOOD)
    assert program_set_hash([a, b]) == program_set_hash([b, a])
    assert len({program_set_hash(s) for s in ([a], [b], [a, b], [a, a])}) == 4
    assert len(program_set_hash([a])) == 64


def test_the_shipped_set_is_sorted_open_and_broad():
    programs = load_programs()
    assert [p.id for p in programs] == sorted(p.id for p in programs)
    assert len(programs) >= 120
    assert len({p.family for p in programs}) >= 16
    assert {p.licence for p in programs} == {"Apache-2.0"}
    assert all("// licence: Apache-2.0" in p.source for p in programs)
    assert all(any(parameter.kind == "palette" for parameter in p.parameters) for p in programs)
    assert len({p.fingerprint for p in programs}) == len(programs)


def test_families_are_chosen_by_name_and_a_wrong_name_gets_the_nearest():
    chosen = load_programs(["sky", "strata"])
    assert {p.family for p in chosen} == {"sky", "strata"}
    with pytest.raises(UserError, match="unknown family of shader programs 'skyes'; did you mean 'sky'"):
        load_programs(["skyes"])


def test_drawn_parameters_fit_the_program():
    for program in load_programs(["relief"]):
        table = program.draw_parameters(1, "x", counters=[0, 1])
        assert table.shape == (2, program.num_floats)
        assert np.isfinite(table).all()
