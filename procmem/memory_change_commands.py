"""What the commands that change a memory's entries do; see `procmem.commands` for the conventions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from procmem.commands import print_json
from procmem.errors import UserError, unknown_name
from procmem.files import write_json
from procmem.memory_commands import as_version, open_memory
from procmem.progress import say

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from memory.memory import VisualMemory


def memory_remove(
    memory: Path,
    *,
    ids: list[int] | None = None,
    label: str | None = None,
    owner: str | None = None,
    dataset: str | None = None,
    where: str | None = None,
    json: bool = False,
) -> None:
    """Take entries out of every answer at once; earlier versions still hold them.

    Args:
        memory: the memory's folder.
        ids: the entries; or name them by the options below, which hold together.
        label: a class, or a group on any level.
        owner: exactly this owner.
        dataset: exactly this data set.
        where: an SQL clause over id, label, owner, uri, dataset, time, weight.
        json: print the ids as JSON.
    """
    opened = open_memory(memory)
    chosen = _chosen(opened, ids, removed=False, label=label, owner=owner, dataset=dataset, where=where)
    opened.remove(chosen)
    _tell_change("removed", chosen, opened, json)
    say(f"{memory}: 'memory restore' brings them back, 'memory erase' makes them physically gone")


def memory_restore(
    memory: Path, *, ids: list[int] | None = None, version: str | None = None, json: bool = False
) -> None:
    """Bring removed entries back, or make an earlier version the latest again.

    Args:
        memory: the memory's folder.
        ids: removed entries.
        version: number or protected name of a version; instead of ids.
        json: print the change as JSON.
    """
    opened = open_memory(memory)
    if (ids is None) == (version is None):
        raise UserError("give either the ids of removed entries or a version")
    if ids is not None:
        opened.restore(ids)
    else:
        opened.restore_version(as_version(str(version)))
    _tell_change("restored", ids or [], opened, json)


def memory_relabel(
    memory: Path,
    *,
    to: str,
    ids: list[int] | None = None,
    label: str | None = None,
    owner: str | None = None,
    dataset: str | None = None,
    where: str | None = None,
    json: bool = False,
) -> None:
    """Give entries another class.

    Args:
        memory: the memory's folder.
        to: the class that they get.
        ids: the entries; or name them by the options below, which hold together.
        label: a class, or a group on any level.
        owner: exactly this owner.
        dataset: exactly this data set.
        where: an SQL clause over id, label, owner, uri, dataset, time, weight.
        json: print the ids as JSON.
    """
    opened = open_memory(memory)
    if to not in opened.class_names:
        raise unknown_name("class", to, opened.class_names)
    chosen = _chosen(opened, ids, removed=False, label=label, owner=owner, dataset=dataset, where=where)
    opened.relabel(chosen, opened.class_names.index(to))
    _tell_change("relabelled", chosen, opened, json)


def memory_erase(
    memory: Path,
    *,
    ids: list[int] | None = None,
    label: str | None = None,
    owner: str | None = None,
    dataset: str | None = None,
    where: str | None = None,
    resume: bool = False,
    receipt: Path | None = None,
    json: bool = False,
) -> None:
    """Make entries physically gone from every file of the store, with a signed receipt.

    Earlier versions of the memory go too, and files derived from it. The store keeps a copy of the receipt.

    Args:
        memory: the memory's folder.
        ids: the entries; or name them by the options below, which hold together and find removed entries as well.
        label: a class, or a group on any level.
        owner: exactly this owner.
        dataset: exactly this data set.
        where: an SQL clause over id, label, owner, uri, dataset, time, weight.
        resume: complete an erasure that was cut short.
        receipt: file to write the receipt to as well.
        json: print the receipt as JSON.
    """
    opened = open_memory(memory)
    if resume:
        if any(option is not None for option in (ids, label, owner, dataset, where)):
            raise UserError("an erasure is resumed with the entries that it began with; give --resume alone")
        record = opened.resume_erasure().to_dict()
    else:
        chosen = _chosen(opened, ids, removed=True, label=label, owner=owner, dataset=dataset, where=where)
        record = opened.erase(chosen).to_dict()
    if receipt is not None:
        write_json(receipt, record)
    if json:
        print_json(record)
    say(
        f"{memory}: erased {len(record['erased'])} entries, {len(record['files_scanned'])} files scanned, "
        f"{len(record['versions_dropped'])} versions dropped, signed with key {record['public_key'][:16]}"
    )


def _chosen(
    opened: VisualMemory, ids: list[int] | None, *, removed: bool, **conditions: str | None
) -> npt.NDArray[np.int64]:
    """The entries that a command is about: by ids, or by conditions."""
    import numpy as np

    if ids is None:
        return opened.select(removed=removed, **conditions)
    if any(value is not None for value in conditions.values()):
        raise UserError("give either ids or conditions (label, owner, dataset, where), not both")
    return np.asarray(ids, np.int64)


def _tell_change(verb: str, ids: Any, opened: VisualMemory, json: bool) -> None:
    if json:
        print_json({verb: [int(i) for i in ids], "version": opened.version, "entries": len(opened)})
    say(f"{verb} {len(ids)} entries; the memory is at version {opened.version} with {len(opened)} entries")
