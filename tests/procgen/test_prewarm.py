"""Prewarming: what is compiled, what is reported, and Mesa's own rules for its cache."""

import dataclasses

import pytest

from procgen.prewarm import compile_only, mesa_cache, prewarm, size_in_bytes
from procgen.programs import ShaderProgram, load_programs
from procgen.renderer import Renderer
from procgen.screening.probe import Probe
from procmem.errors import UserError

GOOD = load_programs()[0]
BAD = ShaderProgram(id="tests/bad", family="tests", title="t", source="nonsense")
GIBIBYTE = 1 << 30


@pytest.mark.opengl
def test_a_child_compiles_and_reports_time_or_message():
    renderer = Renderer()
    good, bad = (compile_only(program, Probe(), renderer, lambda: None) for program in (GOOD, BAD))
    assert (good.program_id, good.failure, renderer.num_resident_programs) == (GOOD.id, None, 1)
    assert good.cost_ms > 0
    assert bad.failure == "error"
    assert "'tests/bad' does not compile" in bad.message
    renderer.release()


@pytest.mark.opengl
def test_programs_land_in_the_drivers_cache_and_a_bad_one_does_not_stop_the_rest(tmp_path, monkeypatch):
    monkeypatch.setenv("MESA_SHADER_CACHE_DIR", str(tmp_path))
    assert mesa_cache().used_bytes == 0
    # A program of its own, lest the driver know it from elsewhere.
    fresh = dataclasses.replace(GOOD, id="tests/fresh", source=GOOD.source + "\n// fresh\nfloat fresh = 0.125;\n")
    findings = {each.program_id: each.failure for each in prewarm([BAD, fresh], num_children=1, time_limit_seconds=60)}
    assert findings == {"tests/bad": "error", "tests/fresh": None}
    cache = mesa_cache()
    assert cache.folder == tmp_path / "mesa_shader_cache"
    if cache.folder.exists():  # another vendor's driver keeps its programs elsewhere
        assert cache.used_bytes > 1000


@pytest.mark.parametrize(
    ("text", "size"),
    [("4G", 4 * GIBIBYTE), ("2", 2 * GIBIBYTE), ("512M", GIBIBYTE // 2), ("1024k", 1 << 20)],
)
def test_sizes_are_read_as_mesa_reads_them(text, size):
    assert size_in_bytes(text) == size


def test_a_size_that_is_none_is_refused():
    with pytest.raises(UserError, match="such as 4G, got 'much'"):
        size_in_bytes("much")


def test_the_limit_is_ours_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.delenv("MESA_SHADER_CACHE_MAX_SIZE", raising=False)
    assert mesa_cache().limit_bytes == 4 * GIBIBYTE
    monkeypatch.setenv("MESA_SHADER_CACHE_MAX_SIZE", "1G")
    assert mesa_cache().limit_bytes == GIBIBYTE
