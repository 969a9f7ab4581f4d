"""What works on this machine, and what each missing part would give.

Every check is independent and catches its own failure: a doctor who dies of the disease is of no use. Rendering is
the only part without which nothing works, so it alone decides the exit code.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import asdict, dataclass
from typing import Any, Literal

from procmem.errors import UserError
from procmem.files import cache_root, data_root
from procmem.provenance import code_version

State = Literal["ok", "missing", "note"]

OPTIONAL_PARTS = {
    "wandb": "live training curves (logger: wandb)",
    "faiss": "approximate search over large memories",
    "pymilvus": "memories beyond one machine: pip install 'procmem[milvus]'",
    "gradio": "the explorer in a browser: pip install 'procmem[explorer]'",
    "onnx": "exports to ONNX: pip install 'procmem[onnx]'",
    "submitit": "launching on a SLURM cluster: pip install 'procmem[cluster]'",
}
PACKAGE_OF_MODULE = {"faiss": "faiss-cpu"}
GIBIBYTE = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's page.

    Attributes:
        part: what was looked at.
        state: "ok", "missing" (something would work that does not) or "note".
        detail: what was found.
        gives: what a missing part would give, and how to get it; "" where nothing is missing.
    """

    part: str
    state: State
    detail: str
    gives: str = ""


def examine() -> list[Finding]:
    """All findings, in the order in which a person asks."""
    return [_machine(), *_opengl(), *_cuda(), *_data(), *_optional_parts()]


def render(findings: list[Finding]) -> str:
    """The findings as a page for a terminal."""
    width = max(len(finding.part) for finding in findings)
    mark = {"ok": "ok     ", "missing": "missing", "note": "note   "}
    lines = [f"procmem {code_version()}"]
    for finding in findings:
        first, *others = finding.detail.splitlines()
        lines.append(f"{mark[finding.state]}  {finding.part:<{width}}  {first}")
        lines += [" " * (width + 11) + line for line in [*others, *finding.gives.splitlines()]]
    return "\n".join(lines) + "\n"


def to_json(findings: list[Finding]) -> dict[str, Any]:
    """The findings as JSON types."""
    return {"version": code_version(), "findings": [asdict(finding) for finding in findings]}


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = "memory unknown"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GIBIBYTE:.0f} GiB"
    detail = f"{cores} cores, {memory}, Python {platform.python_version()}, cache {cache_root()}"
    return Finding(part="machine", state="ok", detail=detail)


def _opengl() -> list[Finding]:
    from procgen.context import describe_gl

    try:
        report = describe_gl()
    except UserError as error:
        return [
            Finding(part="opengl", state="missing", detail=str(error), gives="Without it no image can be rendered.")
        ]
    kind = "software: renders on the processor" if report.software else "hardware"
    detail = f"{report.renderer} ({kind}), OpenGL {report.version}"
    devices = [
        f"{device.index}: {device.file or ('software' if device.software else 'no device file')}"
        + (f", CUDA device {device.cuda_device}" if device.cuda_device is not None else "")
        + (" (in use)" if device.index == report.device_index else "")
        for device in report.devices
    ]
    return [
        Finding(part="opengl", state="ok", detail=detail),
        Finding(part="egl devices", state="ok" if devices else "note", detail="\n".join(devices) or "cannot be listed"),
    ]


def _cuda() -> list[Finding]:
    import torch

    if not torch.cuda.is_available():
        gives = "A CUDA device trains much faster; everything works without one."
        return [Finding(part="torch", state="note", detail=f"{torch.__version__}, no CUDA device", gives=gives)]
    names = [f"{index}: {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]
    return [Finding(part="torch", state="ok", detail="\n".join([f"{torch.__version__}, CUDA devices:", *names]))]


def _data() -> list[Finding]:
    gives = "Set PROCMEM_DATA to a folder of image sets (NAME/train/CLASS/*.jpg) to measure on them."
    try:
        root = data_root()
    except UserError as error:
        return [Finding(part="real images", state="missing", detail=str(error), gives=gives)]
    if root is None:
        return [Finding(part="real images", state="missing", detail="PROCMEM_DATA is not set", gives=gives)]
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    return [Finding(part="real images", state="ok", detail=f"{root}: {', '.join(names) or 'empty'}")]


def _optional_parts() -> list[Finding]:
    findings = []
    for module, gives in OPTIONAL_PARTS.items():
        try:
            version = importlib.metadata.version(PACKAGE_OF_MODULE.get(module, module))
            findings.append(Finding(part=module, state="ok", detail=version))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(part=module, state="missing", detail="not installed", gives=f"It gives {gives}"))
    return findings
