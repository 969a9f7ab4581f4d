"""The doctor names what works, what is missing and what it would give, and never dies of what it finds."""

import json
import os
import subprocess
import sys

import pytest

from procmem.cli import main
from procmem.doctor import examine, render


@pytest.mark.opengl
def test_the_doctor_names_renderer_torch_and_data(monkeypatch, tmp_path, capsys):
    (tmp_path / "flowers").mkdir()
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path))
    assert main(["doctor"]) == 0
    page = capsys.readouterr().out
    assert "flowers" in page
    assert "OpenGL" in page
    assert "torch" in page


@pytest.mark.opengl
def test_the_doctor_speaks_json(monkeypatch, capsys):
    monkeypatch.delenv("PROCMEM_DATA", raising=False)
    assert main(["doctor", "--json"]) == 0
    findings = {f["part"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["opengl"]["state"] == "ok"
    assert findings["real images"]["state"] == "missing"
    assert "PROCMEM_DATA" in findings["real images"]["gives"]


def test_a_machine_without_opengl_gets_the_fix_and_exit_code_1(tmp_path):
    without_drivers = os.environ | {"__EGL_VENDOR_LIBRARY_DIRS": str(tmp_path), "__EGL_VENDOR_LIBRARY_FILENAMES": ""}
    command = [sys.executable, "-m", "procmem", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, env=without_drivers, check=False)
    assert done.returncode == 1, done.stderr
    assert "apt-get install" in done.stdout
    assert "torch" in done.stdout  # the other findings are there all the same


def test_missing_optional_parts_say_what_they_give(monkeypatch):
    monkeypatch.setattr("procmem.doctor.OPTIONAL_PARTS", {"no_such_module": "wings"})
    monkeypatch.setattr("procmem.doctor._opengl", list)
    page = render(examine())
    assert "no_such_module" in page
    assert "It gives wings" in page
