"""A session: what a person can ask a memory, as plain Python, without any page.

Before each answer the session looks whether someone else has changed the memory, moves to the newest version and says
so: an entry that was erased meanwhile must not answer any more. Costs a few milliseconds; reading again only then.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from PIL import Image

from eval.explorer.answers import MOST_NEIGHBORS, Answer, Choice, Question, Texts, make_answer
from eval.explorer.pictures import QUERY_PX, small_picture
from memory.memory import VisualMemory
from pretrain.encoder import Encoder
from procmem.errors import UserError

_TRIES, _PAUSE_SECONDS = 4, 0.15

T = TypeVar("T")


class Session:
    """A memory, its encoder, and questions to them; safe to share between the threads of a server.

    Raises:
        UserError: if the encoder is not the memory's (with both fingerprints).
    """

    def __init__(self, memory: VisualMemory, encoder: Encoder) -> None:
        memory.check_card(encoder.card())
        self.memory, self.encoder = memory, encoder
        self._lock = threading.RLock()
        self._texts: tuple[int, Texts] | None = None
        self._seen_version = memory.version

    @contextmanager
    def holding(self) -> Iterator[VisualMemory]:
        """The memory at its newest version, for one thread at a time.

        Raises:
            UserError: if it cannot be read, for example because it is being erased from right now.
        """
        with self._lock:
            self._patiently(self.memory.refresh)
            yield self.memory

    def warm_up(self) -> None:
        """Read the entries, so that the first question does not wait for it."""
        with self.holding() as memory:
            if len(memory):
                self._patiently(lambda: memory.search(memory.entries.embeddings[:1], 1))
            self.texts()

    def texts(self) -> Texts:
        """Owners and names of the entries of the version that answers."""
        with self._lock:
            memory = self.memory
            if self._texts is None or self._texts[0] != memory.version:
                entries = memory.entries
                texts = Texts(
                    ids=entries.ids,
                    labels=entries.labels,
                    owners=memory.owners(),
                    uris=memory.uris(),
                    datasets=memory.datasets(),
                )
                self._texts = memory.version, texts
            return self._texts[1]

    def question(
        self, image: Image.Image, name: str, *, true_class: str | None = None, hidden_id: int | None = None
    ) -> Question:
        """Make a question of an image.

        Raises:
            UserError: if the encoder cannot embed it, for example an image that is nothing but mid-grey.
        """
        square = self.encoder.transform(image)
        embedding = self.encoder.embed(torch.unsqueeze(square, 0)).cpu().numpy()
        return Question(
            embedding=embedding,
            picture=small_picture(image, QUERY_PX),
            name=name,
            true_class=true_class,
            hidden_id=hidden_id,
        )

    def ask(self, question: Question, choice: Choice) -> Answer:
        """What the memory answers.

        Raises:
            UserError: for an empty memory, or k out of range.
        """
        if not 1 <= choice.k <= MOST_NEIGHBORS:
            raise UserError(f"k is {choice.k}; it must be within 1..{MOST_NEIGHBORS}")
        began = time.perf_counter()
        with self.holding() as memory:
            note = self._change_note()
            texts = self._patiently(self.texts)
            deep = min(choice.k + 1 + len(choice.off | question.hidden_ids), len(memory))
            found = self._patiently(lambda: memory.search(question.embedding, max(deep, 1)))
            names, version = memory.class_names, memory.version
        answer = make_answer(found, question, choice, texts=texts, names=names, version=version, note=note)
        return dataclasses.replace(answer, seconds=time.perf_counter() - began)

    def changed_here(self) -> None:
        """This session has changed the memory itself, which needs no warning."""
        with self._lock:
            self._seen_version = self.memory.version

    def _change_note(self) -> str:
        before, now = self._seen_version, self.memory.version
        self._seen_version = now
        if before == now:
            return ""
        return (
            f"The memory was changed by another program (version {before} to {now}); this answer is from version {now}."
        )

    def _patiently(self, work: Callable[[], T]) -> T:
        """Files of a version may vanish while another process erases; the version after it is there in a moment."""
        for left in reversed(range(_TRIES)):
            try:
                return work()
            except (UserError, OSError) as error:
                if not self._is_moving():
                    raise
                if not left:
                    raise _being_changed(error) from error
                time.sleep(_PAUSE_SECONDS)
        raise AssertionError("unreachable")

    def _is_moving(self) -> bool:
        try:
            version = self.memory.version
            self.memory.refresh()
            return self.memory.version != version or self.memory.store.erasure_is_pending
        except (UserError, OSError):
            return True


def _being_changed(error: Exception) -> UserError:
    return UserError(f"the memory is being changed by another program right now; ask again in a moment ({error})")
