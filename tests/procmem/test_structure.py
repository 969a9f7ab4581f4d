"""The shape of the house: imports point one way, rooms stand alone, and importing does nothing."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("procmem", "procgen", "shaders", "pretrain", "memory", "eval", "configs", "weights")
ROOF = {
    "procmem.audit_commands",
    "procmem.audit_output",
    "procmem.audit_subject",
    "procmem.change_studies",
    "procmem.cli",
    "procmem.cluster_commands",
    "procmem.commands",
    "procmem.demo",
    "procmem.demo_findings",
    "procmem.demo_report",
    "procmem.doctor",
    "procmem.exchange_commands",
    "procmem.explore_commands",
    "procmem.generate_commands",
    "procmem.index_commands",
    "procmem.knowledge_commands",
    "procmem.memory_change_commands",
    "procmem.memory_commands",
    "procmem.memory_images",
    "procmem.memory_study",
    "procmem.privacy_commands",
    "procmem.program_commands",
    "procmem.report_commands",
    "procmem.study_findings",
    "procmem.study_subject",
    "procmem.value_commands",
    "procmem.__main__",
}
"""Modules of `procmem` that may import every room and are imported by none; the rest of it is the ground floor."""

MAY_IMPORT = {
    "procmem": set(),
    "shaders": set(),
    "configs": set(),
    "weights": set(),
    "procgen": {"procmem"},
    "memory": {"procmem"},
    "pretrain": {"procmem", "procgen"},
    "eval": {"procmem", "procgen", "pretrain", "memory"},
}


def modules():
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return list(zip(names, paths, strict=True))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node


def targets(node):
    """Every name that an import statement may mean by a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_one_way(name, path):
    room = name.split(".")[0]
    for target, node in imported(path):
        other = target.split(".")[0]
        if other not in ROOMS:
            continue
        assert target not in ROOF or name in ROOF, f"{name} imports the front door's {target}"
        assert other == room or name in ROOF or other in MAY_IMPORT[room], f"{name} must not import {target}"
        if isinstance(node, ast.Import):
            pytest.fail(f"{name}: write 'from {target} import ...', so that names like eval stay Python's own")


@pytest.mark.parametrize("room", ["procgen", "pretrain"])
def test_rooms_that_render_and_train_import_without_the_heavy_parts(room):
    heavy = ("faiss", "lance", "pymilvus", "wandb", "gradio", "ray", "jinja2")
    names = [name for name, _ in modules() if name.split(".")[0] == room]
    code = (
        f"import sys, importlib\nfor m in {heavy!r}: sys.modules[m] = None\n"
        f"for m in {names!r}: importlib.import_module(m)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_package_is_listed_and_nothing_else_enters_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for room in ROOMS for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(settings["packages"]) == found
    data = {ROOT / room / path for room, patterns in settings["package-data"].items() for path in patterns}
    shipped = {path for pattern in data for path in ROOT.glob(str(pattern.relative_to(ROOT)))}
    wanted = {p for room in ROOMS for p in (ROOT / room).rglob("*.*") if p.suffix in (".glsl", ".yaml", ".jinja")}
    wanted |= {p for p in (ROOT / "weights").glob("*/*") if p.parent.name != "__pycache__"}
    assert shipped >= wanted


def test_loading_an_encoder_imports_neither_the_trainer_nor_lightning():
    paths = dict(modules())
    waiting, reached, others = ["pretrain.encoder"], set(), set()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for node in ast.parse(paths[name].read_text()).body:  # what is imported inside functions is not reached
            for target in targets(node):
                if target in paths:
                    waiting.append(target)
                else:
                    others.add(target)
    assert {"pretrain.checkpoint", "pretrain.timm_encoder"} <= reached
    assert "pretrain.train" not in reached
    assert not {name for name in others if name.split(".")[0] in ("lightning", "submitit", "onnx", "wandb")}


def test_importing_everything_makes_no_context_and_changes_no_random_state():
    names = [name for name, _ in modules() if not name.endswith("__main__")]
    code = (
        "import importlib, moderngl, multiprocessing, numpy, torch\n"
        "moderngl.create_context = multiprocessing.Process.start = None\n"
        "state = lambda: (*torch.random.get_rng_state(), *numpy.random.get_state()[1], torch.get_num_threads())\n"
        "before = state()\n"
        f"for m in {names!r}: importlib.import_module(m)\n"
        "assert state() == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
