"""The index of a data set: which blocks are there, whether they are whole, and all of them in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from procgen.exclusions import Exclusions
from procgen.shards.blocks import block_path, record_path
from procgen.shards.recipe import Recipe, read_recipe
from procmem.errors import UserError, WorkError
from procmem.files import file_fingerprint, fingerprint, read_json, write_json
from procmem.progress import progress
from procmem.provenance import Provenance, code_version

INDEX_FILE = "index.json"
SHOWN = 10  # missing blocks named in a message


def problem_of(folder: Path, recipe: Recipe, block_index: int) -> str | None:
    """What is wrong with a block, checksums included; None if it is whole."""
    path = record_path(folder, block_index)
    if not path.exists():
        return "is not there"
    try:
        record = read_json(path)
        file = folder / record["file"]
        if record["images"] != len(recipe.samples_of(block_index)) or file != block_path(folder, recipe, block_index):
            return "has the record of another data set"
        if not file.is_file():
            return f"has lost {record['file']}"
        if file_fingerprint(file) != record["sha256"]:
            return f"is damaged: {record['file']} ({file.stat().st_size} bytes) has another checksum than when written"
        return _problem_of_images(folder, file) if recipe.layout == "folder" else None
    except (UserError, KeyError, TypeError):
        return f"has a record that cannot be read: {path.name}"


def _problem_of_images(folder: Path, listed: Path) -> str | None:
    for line in listed.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        file = folder / entry["file"]
        if not file.is_file():
            return f"has lost {entry['file']}"
        if file_fingerprint(file) != entry["sha256"]:
            return f"is damaged: {entry['file']} has another checksum than when written"
    return None


def verify(folder: Path) -> list[str]:
    """Read every file of a data set and compare it with its checksum.

    Returns:
        One line for each block that is not whole and for each file that does not belong there.

    Raises:
        UserError: if the folder is no data set.
    """
    recipe = read_recipe(folder)
    problems = []
    for block_index in progress(range(recipe.num_blocks), "verifying", unit="block"):
        problem = problem_of(folder, recipe, block_index)
        if problem is not None:
            problems.append(f"block {block_index} {problem}")
    known = {block_path(folder, recipe, block_index) for block_index in range(recipe.num_blocks)}
    known |= {folder / entry["file"] for path in known for entry in _listed(path)}
    strangers = [path for path in data_files(folder) if path not in known]
    return problems + [f"{path.relative_to(folder)} does not belong to the data set" for path in strangers]


def data_files(folder: Path) -> Iterator[Path]:
    """Every file that holds images, or was about to."""
    yield from sorted(
        path for pattern in ("*.tar", ".*.partial", "index/.*.partial", "recipes/*") for path in folder.glob(pattern)
    )
    yield from sorted(path for path in folder.glob("images/*/*") if path.is_file())


def _listed(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".jsonl" and path.is_file():
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def merge(folder: Path) -> dict[str, Any]:
    """Join the records of all blocks in ``index.json``, and write the final provenance.

    Raises:
        UserError: if the folder is no data set.
        WorkError: if blocks are missing.
    """
    recipe = read_recipe(folder)
    missing = [index for index in range(recipe.num_blocks) if not record_path(folder, index).exists()]
    if missing:
        named = ", ".join(map(str, missing[:SHOWN])) + (", ..." if len(missing) > SHOWN else "")
        raise WorkError(f"{len(missing)} of {recipe.num_blocks} blocks are missing ({named}): generate them first")
    records = [read_json(record_path(folder, index)) for index in range(recipe.num_blocks)]
    index = {
        "images": recipe.images,
        "bytes": sum(record["bytes"] for record in records),
        "data_set_sha256": fingerprint([record["sha256"] for record in records]),
        "blocks": records,
    }
    write_json(folder / INDEX_FILE, index)
    write_json(folder / "provenance.json", provenance_of(folder, recipe, records).to_dict())
    return index


def provenance_of(folder: Path, recipe: Recipe, records: Iterable[dict[str, Any]] = ()) -> Provenance:
    """What went into a data set, in the form in which an encoder records it."""
    process, notes = recipe.process, Exclusions(folder).notes
    records = list(records)
    for name, what in (("code_version", "code"), ("renderer", "renderers")):
        found = sorted({record[name] for record in records if record[name]})
        if name == "renderer" or len(found) > 1:
            notes += (f"{what}: {', '.join(found)}",) if found else ()
    return Provenance(
        real_images=process.real_images,
        processes=(process.describe(),),
        program_set_hash=process.program_set_hash,
        seeds={"root": recipe.root_seed},
        images_seen=recipe.images,
        code_version=code_version(),
        notes=notes,
    )
