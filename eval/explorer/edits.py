"""Changes that a person makes to a memory from the page: allowed by a flag, asked for twice, and written down.

Nothing here happens without ``--allow-edit``. Every change is a line of ``log.jsonl`` in the run folder, written to the
disk before the page says that it is done; every receipt of an erasure lies in ``receipts/`` beside it. Pictures that
were uploaded to teach a class lie in ``added/`` and are registered with the memory as made from their entry, so that
whatever erases the entry, this page or a command, takes the picture along and names it in the receipt.
"""

from __future__ import annotations

import datetime
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from eval.explorer.session import Session
from memory.hierarchy import complete_groups
from memory.memory import VisualMemory
from procmem.errors import UserError
from procmem.files import make_folder, write_json

LOG_NAME = "log.jsonl"
ADDED_DATASET = "explorer"
"""Data set of the entries that were taught on the page."""

PICTURE_KIND = "taught picture"
LONGEST_NAME = 80


class Editor:
    """Changes of one memory, with their log.

    Args:
        session: whose memory.
        run: the run folder.
        allow_edit: whether anything may be changed.
    """

    def __init__(self, session: Session, run: Path, *, allow_edit: bool) -> None:
        self.session, self.run, self.allow_edit = session, run, allow_edit
        self.receipts = make_folder(run / "receipts")
        self.added = make_folder(run / "added")
        self._log_lock = threading.Lock()

    def check_allowed(self) -> None:
        """Refuse where the explorer was started for looking only.

        Raises:
            UserError: saying what would allow it.
        """
        if not self.allow_edit:
            raise UserError("this explorer only looks; start it with --allow-edit to change the memory")

    def remove(self, entry_id: int, *, by: str = "") -> str:
        """Make an entry stop counting; earlier versions still hold it. Returns a sentence for the person.

        Raises:
            UserError: if changes are not allowed, or the entry is unknown.
        """
        self.check_allowed()
        with self.session.holding() as memory:
            before = memory.version
            memory.remove([entry_id])
            self._note("remove", by, ids=[entry_id], before=before)
        return f"Entry {entry_id} no longer counts. 'Restore' brings it back; 'Erase' makes it physically gone."

    def restore(self, entry_id: int, *, by: str = "") -> str:
        """Bring a removed entry back. Returns a sentence for the person.

        Raises:
            UserError: if changes are not allowed, the entry is there, or no version that is held has it.
        """
        self.check_allowed()
        with self.session.holding() as memory:
            before = memory.version
            memory.restore([entry_id])
            self._note("restore", by, ids=[entry_id], before=before)
        return f"Entry {entry_id} counts again."

    def erase(self, entry_id: int, *, by: str = "") -> tuple[str, Path]:
        """Make an entry physically gone. Returns a sentence for the person, and the receipt's file.

        Raises:
            UserError: if changes are not allowed, the entry is in no file, or versions are protected.
            ErasureError: if the proof fails.
        """
        self.check_allowed()
        with self.session.holding() as memory:
            before = memory.version
            self._note("erase begins", by, ids=[entry_id], before=before)
            receipt = memory.erase([entry_id])
            path = self.receipts / f"{receipt.time_utc.replace(':', '').replace('+0000', 'Z')}-entry-{entry_id}.json"
            write_json(path, receipt.to_dict())
            self._note("erase", by, ids=[entry_id], before=before, receipt=path.name)
        scanned, dropped = len(receipt.files_scanned), len(receipt.versions_dropped)
        said = (
            f"Entry {entry_id} is gone from every file: its bytes were found before and not after, in {scanned} files; "
            f"{dropped} earlier versions went with it."
        )
        return said, path

    def teach(
        self,
        class_name: str,
        images: Sequence[Image.Image],
        *,
        groups: Mapping[str, str] | None = None,
        by: str = "",
    ) -> list[int]:
        """Add images as entries of a class, which is named anew where the memory does not have it.

        Args:
            class_name: of the images.
            images: at least one.
            groups: level above the classes -> the new class's group there, known or new; what is not given is
                completed as `complete_groups` does. A class that the memory has keeps its groups.
            by: who asked.

        Returns:
            Ids of the entries.

        Raises:
            UserError: if changes are not allowed, a name is empty or too long, there is no image, the groups
                contradict those of the memory, or an image cannot be embedded.
        """
        self.check_allowed()
        name = _checked_name(class_name, "a class")
        given = {level: _checked_name(group, "a group") for level, group in (groups or {}).items() if group.strip()}
        if not images:
            raise UserError("give at least one image of the new class")
        encoder = self.session.encoder
        embeddings = encoder.embed(torch.stack([encoder.transform(image) for image in images])).cpu().numpy()
        with self.session.holding() as memory:
            before = memory.version
            if name not in memory.class_names:
                chosen = complete_groups(name, given, memory.levels)
                memory.add_classes([name], levels={level: [group] for level, group in chosen.items()})
            labels = np.full(len(images), memory.class_names.index(name))
            ids = self._add_with_pictures(memory, embeddings, labels, images)
            self._note("teach", by, ids=ids, before=before, class_name=name)
        return ids

    def log(self) -> list[dict[str, Any]]:
        """All changes made from pages with this run folder, newest first."""
        path = self.run / LOG_NAME
        if not path.is_file():
            return []
        return [json.loads(line) for line in reversed(path.read_text(encoding="utf-8").splitlines()) if line]

    def _add_with_pictures(
        self,
        memory: VisualMemory,
        embeddings: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64],
        images: Sequence[Image.Image],
    ) -> list[int]:
        """Entries and their pictures, which are registered before they are written: a kill leaves none unnamed."""
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
        names = [f"{stamp}-{position}.png" for position in range(len(images))]
        first = memory.store.ledger.next_id
        ids = list(range(first, first + len(images)))
        for entry_id, name, image in zip(ids, names, images, strict=True):
            memory.register_artefact(self.added / name, PICTURE_KIND, entries=[entry_id])
            image.save(self.added / name)
        try:
            card = self.session.encoder.card()
            memory.add(embeddings, labels, ids=ids, uri=names, dataset=ADDED_DATASET, card=card)
        except BaseException:
            for name in names:
                (self.added / name).unlink(missing_ok=True)
                memory.artefacts.forget(self.added / name)
            raise
        return ids

    def _note(self, action: str, by: str, **details: Any) -> None:
        """One line, on the disk before anybody is told."""
        memory = self.session.memory
        line = {
            "time_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "action": action,
            "by": by,
            "memory": memory.store.place.name,
            "after": memory.version,
        } | details
        self.session.changed_here()
        with self._log_lock, (self.run / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _checked_name(text: str, what: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise UserError(f"{what} needs a name of 1 to {LONGEST_NAME} letters")
    return name
