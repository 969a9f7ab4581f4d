"""Screening from end to end with programs of every fate: children, killing, resuming, the commands."""

import json
import multiprocessing
import time

import numpy as np
import pytest
from PIL import Image

from procgen.context import describe_gl
from procgen.parameters import Parameter
from procgen.program_sets import load_program_set, make_program_set, members_of
from procgen.programs import ShaderProgram, load_programs, program_set_hash
from procgen.screening import children
from procgen.screening.children import examine_all
from procgen.screening.probe import Finding, Probe
from procgen.screening.record import Record
from procgen.screening.report import write_sheets, yield_table
from procgen.screening.screen import screen
from procmem.errors import UserError, WorkError
from procmem.files import read_json
from procmem.program_commands import programs_list, programs_screen

HILLS = "float v = sin({} * p.x + 1.0) * cos(3.0 * p.y + 6.28 * phase); return mix(vec3(0.2), vec3(0.7), step(0.1, v));"
HASH = "return vec3(fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453));"
# The software driver ends any loop after 2^16 rounds, but 40 sines a round are half a minute for a probe's 4096 pixels.
FOREVER = f"float s = phase; for (int i = 0; i < 60000; i++) {{ {40 * 's = sin(7.0 * s + p.x);'} }} return vec3(s);"
BODIES = {
    "bad/black": "return vec3(0.01);",
    "bad/broken": "return undefined_colour;",
    "bad/empty": "return vec3(0.5 + 0.2 * p.x);",
    "bad/flat": "return vec3(0.5 + 0.02 * p.x);",
    "bad/noise": HASH,
    "bad/stripes": "return vec3(step(0.5, fract(16.0 * p.x)));",
    "bad/white": "return vec3(0.99);",
    "good/hills": HILLS.format("4.0"),
    "good/hills_again": HILLS.format("4.02"),
    "good/waves": HILLS.format("9.0"),
}
REASONS = {
    "bad/black": "black",
    "bad/broken": "error",
    "bad/empty": "empty",
    "bad/flat": "low_contrast",
    "bad/noise": "noise",
    "bad/stripes": "noise",
    "bad/white": "blown_out",
    "good/hills": None,
    "good/hills_again": "near_duplicate",
    "good/waves": None,
}


def make_program(program_id, body):
    return ShaderProgram(
        id=program_id,
        family=program_id.split("/")[0],
        title="t",
        source=f"vec3 shade(vec2 p) {{ {body} }}\n",
        parameters=(Parameter(name="phase", kind="uniform"),),
    )


PROGRAMS = [make_program(name, body) for name, body in BODIES.items()]
FOREVER_PROGRAM = make_program("bad/forever", FOREVER)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screening")
    return screen(PROGRAMS, folder / "record.jsonl"), folder / "record.jsonl"


def reasons(screening):
    return {verdict.program_id: verdict.reason for verdict in screening.verdicts}


@pytest.mark.opengl
def test_every_fate_is_recognised(uninterrupted):
    screening, _ = uninterrupted
    assert reasons(screening) == REASONS
    assert [program.id for program in screening.passed] == ["good/hills", "good/waves"]
    details = {verdict.program_id: verdict.detail for verdict in screening.verdicts}
    assert "undefined_colour" in details["bad/broken"]
    assert "shaders/programs/bad/broken.glsl:1:" in details["bad/broken"]
    assert details["good/hills_again"].endswith("levels from good/hills")


@pytest.mark.opengl
def test_two_children_and_another_order_give_the_same_result(uninterrupted, tmp_path):
    other = screen(PROGRAMS[::-1], tmp_path / "record.jsonl", num_children=2)
    assert other.to_dict() == uninterrupted[0].to_dict()


@pytest.mark.opengl
def test_a_resumed_screening_renders_only_the_rest_and_ends_the_same(uninterrupted, tmp_path):
    lines = uninterrupted[1].read_bytes().splitlines(keepends=True)
    record = tmp_path / "record.jsonl"
    record.write_bytes(b"".join(lines[:5]) + lines[5][:40])  # a header, four findings, and a line cut by an accident
    assert screen(PROGRAMS, record).to_dict() == uninterrupted[0].to_dict()
    resumed = record.read_bytes().splitlines(keepends=True)
    assert resumed[:5] == lines[:5]  # costs differ from run to run, so these were not rendered again
    assert len(resumed) == len(lines) == 1 + len(PROGRAMS)
    assert {json.loads(line)["program_id"] for line in resumed[1:]} == set(BODIES)  # nothing sticks to the cut line


def test_a_complete_record_needs_no_rendering_at_all(uninterrupted, monkeypatch):
    monkeypatch.setattr("procgen.screening.children._Child", None)
    assert screen(PROGRAMS, uninterrupted[1]).to_dict() == uninterrupted[0].to_dict()


@pytest.mark.opengl
def test_a_changed_program_is_examined_again(uninterrupted, tmp_path):
    record = tmp_path / "record.jsonl"
    record.write_bytes(uninterrupted[1].read_bytes())
    changed = [make_program("bad/black", HILLS.format("2.0")), *PROGRAMS[1:]]
    assert reasons(screen(changed, record)) == REASONS | {"bad/black": None}


@pytest.mark.opengl
def test_a_program_that_never_returns_costs_its_child_and_nothing_else(tmp_path):
    start = time.monotonic()
    programs = [FOREVER_PROGRAM, *PROGRAMS[-2:]]
    screening = screen(programs, tmp_path / "record.jsonl", time_limit_seconds=2.0)
    assert time.monotonic() - start < 60
    assert reasons(screening) == {"bad/forever": "killer", "good/hills_again": None, "good/waves": None}
    assert screening.verdicts[0].detail == "no answer for 2 seconds"
    assert not multiprocessing.active_children()


@pytest.mark.opengl
def test_a_program_whose_process_dies_is_a_killer_and_a_new_child_takes_the_next(monkeypatch):
    give = children._Child.give

    def give_and_kill(child, program):
        give(child, program)
        if program is FOREVER_PROGRAM:
            child._process.kill()

    monkeypatch.setattr(children._Child, "give", give_and_kill)
    found = list(examine_all([FOREVER_PROGRAM, PROGRAMS[-1]], Probe(), num_children=1, time_limit_seconds=60.0))
    assert [(finding.program_id, finding.failure) for finding in found] == [
        ("bad/forever", "killer"),
        ("good/waves", None),
    ]
    assert found[0].message == "the process that rendered it ended with code -9"


@pytest.mark.opengl
def test_closing_the_iterator_leaves_no_process_behind():
    examined = examine_all(PROGRAMS, Probe(), num_children=1, time_limit_seconds=60.0)
    next(examined)
    assert multiprocessing.active_children()
    examined.close()
    assert not multiprocessing.active_children()


def test_children_that_cannot_render_say_why(monkeypatch):
    monkeypatch.setenv("PROCMEM_EGL_DEVICE", "first")
    with pytest.raises(UserError, match="PROCMEM_EGL_DEVICE must be the index"):
        list(examine_all(PROGRAMS, Probe(), num_children=1, time_limit_seconds=60.0))
    assert not multiprocessing.active_children()


def test_a_child_that_dies_before_its_first_program_is_not_blamed_on_a_program(monkeypatch):
    monkeypatch.setattr("procgen.screening.children.START_LIMIT_SECONDS", 0.0)
    with pytest.raises(WorkError, match="before it could render anything"):
        list(examine_all(PROGRAMS, Probe(), num_children=1, time_limit_seconds=60.0))
    assert not multiprocessing.active_children()


def test_the_table_counts_families_and_leaves_out_reasons_that_nobody_met(uninterrupted):
    assert uninterrupted[0].yields()["good"]["near_duplicate"] == 1
    assert yield_table(uninterrupted[0]).splitlines() == [
        "family  programs  passed   yield  error  black  blown_out  low_contrast  noise  empty  near_duplicate",
        "bad            7       0   0.0 %      1      1          1             1      2      1               0",
        "good           3       2  66.7 %      0      0          0             0      0      0               1",
        "all           10       2  20.0 %      1      1          1             1      2      1               1",
    ]


def test_the_list_names_what_passed_and_both_hashes(uninterrupted):
    result = uninterrupted[0].to_dict()
    passed = [program for program in PROGRAMS if program.id in ("good/hills", "good/waves")]
    assert result["programs"] == [{"id": program.id, "fingerprint": program.fingerprint} for program in passed]
    assert result["program_set_hash_before"] == program_set_hash(PROGRAMS)
    assert result["program_set_hash"] == program_set_hash(passed)
    assert {entry["program_id"]: entry["reason"] for entry in result["rejected"]} == {
        name: reason for name, reason in REASONS.items() if reason
    }


@pytest.mark.opengl
def test_there_is_a_sheet_for_what_passed_and_for_each_reason_with_pictures(uninterrupted, tmp_path):
    names = [path.name for path in write_sheets(uninterrupted[0], tmp_path)]
    reasons_seen = ["black", "blown_out", "low_contrast", "noise", "empty", "near_duplicate"]
    assert names == [f"{name}.png" for name in ("passed", *reasons_seen)]
    noise = np.asarray(Image.open(tmp_path / "noise.png"))
    assert noise.shape == (64, 8 * 66 - 2, 3)  # two programs, four draws each, in one row
    assert (np.asarray(Image.open(tmp_path / "black.png"))[:, :64] == 3).all()  # 0.01 of 255


def test_a_finding_survives_the_file(tmp_path):
    failed = Finding(program_id="a/b", program_fingerprint="f", failure="error", message='two\nlines "quoted" \u2028')
    Record(tmp_path / "new" / "record.jsonl", {"x": 1}).add(failed)
    assert Record(tmp_path / "new" / "record.jsonl", {"x": 1}).get("a/b", "f") == failed
    assert Record(tmp_path / "new" / "record.jsonl", {"x": 1}).get("a/b", "g") is None


def test_a_record_that_does_not_belong_here_is_refused(tmp_path):
    record = tmp_path / "record.jsonl"
    Record(record, {"draws": 4})
    with pytest.raises(UserError, match=r'made with settings \{"draws":4\}, now they are \{"draws":5\}'):
        Record(record, {"draws": 5})
    record.write_text("some notes\n")
    with pytest.raises(UserError, match="holds no findings of a screening"):
        Record(record, {"draws": 4})
    assert record.read_text() == "some notes\n"
    record.unlink()
    Record(record, {"draws": 4})
    with record.open("a") as file:
        file.write('{"program_id": "a/b"}\n')
    with pytest.raises(UserError, match=r"record\.jsonl:2 is no finding"):
        Record(record, {"draws": 4})
    with pytest.raises(UserError, match="cannot write"):
        Record(tmp_path, {"draws": 4})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"programs": []}, "no programs to screen"),
        ({"programs": [*PROGRAMS, PROGRAMS[0]]}, "two programs are called 'bad/black'"),
        ({"num_children": 0}, "num_children=0"),
        ({"time_limit_seconds": 0.0}, "time_limit_seconds=0.0"),
    ],
)
def test_bad_requests_are_refused(arguments, message, tmp_path):
    with pytest.raises(UserError, match=message):
        screen(**({"programs": PROGRAMS, "record": tmp_path / "record.jsonl"} | arguments))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_draws": 0}, "num_draws must be at least 1, got 0"),
        ({"image_size_px": 30}, "image_size_px must be a positive multiple of 4, got 30"),
        ({"cost_size_px": 0}, "cost_size_px must be a positive multiple of 4, got 0"),
    ],
)
def test_a_bad_probe_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        Probe(**options)


@pytest.mark.opengl
def test_the_command_screens_a_sample_and_writes_list_and_sheets(tmp_path, capsys):
    output = tmp_path / "screened.json"
    programs_screen(families=["sky"], sample=3, output=output, sheets=tmp_path / "sheets", children=1)
    result = read_json(output)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["family", "programs", "passed", "yield"]
    assert printed[-1].split()[:3] == ["all", "3", "3"]
    assert len(result["programs"]) == 3
    assert {entry["id"] for entry in result["programs"]} < {program.id for program in load_programs(["sky"])}
    assert (tmp_path / "sheets" / "passed.png").exists()
    programs_screen(families=["sky"], sample=3, output=output, children=1, json=True)
    assert json.loads(capsys.readouterr().out) == result


@pytest.mark.opengl
def test_what_passes_of_a_program_set_is_a_program_set(tmp_path, capsys):
    whole, passed = tmp_path / "whole.json", tmp_path / "passed.json"
    make_program_set(members_of(7, 5)).write(whole)
    programs_screen(whole, families=["relief", "scenes"], output=tmp_path / "screened.json", passed_set=passed)
    result = read_json(tmp_path / "screened.json")
    assert result["programs"]
    assert [program.id for program in load_program_set(passed)] == [entry["id"] for entry in result["programs"]]
    assert program_set_hash(load_program_set(passed)) == result["program_set_hash"]
    record = read_json(passed)["screening"]
    assert (record["thresholds"], record["yields"]) == (result["thresholds"], result["yields"])
    assert record["driver"] == describe_gl().renderer
    programs_list(passed)
    assert len(capsys.readouterr().out.splitlines()) >= len(result["programs"])


def test_shipped_programs_are_no_program_set(tmp_path):
    with pytest.raises(UserError, match=r"passed_set needs a program set to screen"):
        programs_screen(output=tmp_path / "screened.json", passed_set=tmp_path / "passed.json")


def test_the_command_refuses_an_empty_sample(tmp_path):
    with pytest.raises(UserError, match="sample must be at least 1, got 0"):
        programs_screen(sample=0, output=tmp_path / "screened.json")


def test_the_list_of_programs_can_be_read_by_people_and_machines(capsys):
    programs_list(families=["sky"])
    lines = capsys.readouterr().out.splitlines()
    shipped = load_programs(["sky"])
    assert [line.split()[0] for line in lines] == [program.id for program in shipped]
    assert all(program.title in line for program, line in zip(shipped, lines, strict=True))
    programs_list(families=["sky"], json=True)
    entries = json.loads(capsys.readouterr().out)
    assert [entry["fingerprint"] for entry in entries] == [program.fingerprint for program in shipped]
    assert entries[0]["parameters"][0] == shipped[0].parameters[0].describe()
    with pytest.raises(UserError, match="unknown family of shader programs 'skyy'; did you mean 'sky'"):
        programs_list(families=["skyy"])


@pytest.mark.slow
@pytest.mark.opengl
def test_every_shipped_program_passes(tmp_path):
    screening = screen(load_programs(), tmp_path / "record.jsonl", num_children=2)
    assert [verdict for verdict in screening.verdicts if verdict.reason] == []
