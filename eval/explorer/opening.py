"""Opening: from folders and names on a command line to the desk of the explorer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from eval.datasets import find_dataset
from eval.explorer.desk import Desk
from eval.explorer.edits import ADDED_DATASET, Editor
from eval.explorer.pictures import Pictures
from eval.explorer.queries import Queries
from eval.explorer.session import Session
from memory.memory import VisualMemory
from pretrain.encoder import load_encoder
from procmem.errors import UserError
from procmem.files import make_folder
from procmem.progress import say


def open_session(memory: Path, encoder: str | None, device: str = "cpu") -> Session:
    """A memory with its encoder.

    Args:
        memory: its folder.
        encoder: its encoder; None takes the specification that the memory was built with.
        device: of the encoder.

    Raises:
        UserError: if there is no such memory, it is empty, or the encoder is not its own (with both fingerprints).
    """
    opened = VisualMemory.open(memory)
    if not len(opened):
        raise UserError(f"the memory in {str(memory)!r} is empty; add entries before exploring it")
    session = Session(opened, load_encoder(encoder or opened.card.name, device=device))
    session.warm_up()
    return session


def open_desk(
    session: Session,
    *,
    second: Session | None = None,
    queries: str | None = None,
    num_queries: int = 500,
    images: Sequence[Path] = (),
    run: Path,
    allow_edit: bool = False,
) -> Desk:
    """Everything that the page works on.

    Args:
        session: the memory.
        second: another one to compare with.
        queries: data set whose validation images are the queries; None looks for that of the memory's images.
        num_queries: at most so many, drawn by class with a fixed seed.
        images: folders in which images of entries are looked up, beside PROCMEM_DATA.
        run: folder of uploads, receipts, the log and answers of studies.
        allow_edit: whether the page may change the memory.

    Raises:
        UserError: if a folder or the named data set is not there.
    """
    make_folder(run)
    editor = Editor(session, run, allow_edit=allow_edit)
    pictures = Pictures(images, own={ADDED_DATASET: editor.added})
    return Desk(
        session=session,
        second=second,
        pictures=pictures,
        queries=_find_queries(session, queries, num_queries),
        editor=editor,
        uploads=make_folder(run / "uploads"),
    )


def _find_queries(session: Session, name: str | None, count: int) -> Queries | None:
    """The named queries; or, unless that fails, those beside the images that most entries come from."""
    if name is not None:
        return Queries(session, find_dataset(name).val.subset(count))
    known = Counter(dataset for dataset in session.texts().datasets if dataset not in (None, ADDED_DATASET))
    if not known:
        return None
    guess = str(known.most_common(1)[0][0])
    try:
        return Queries(session, find_dataset(guess).val.subset(count))
    except UserError as error:
        say(f"no queries to pick from ({error}); name some with --queries")
        return None
