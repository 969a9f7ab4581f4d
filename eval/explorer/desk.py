"""The desk: what one person has before him on the page, and what each of his actions makes of it.

A page's state is one frozen `View`; an action takes a view and gives the next one. All of it is plain Python, so the
way through the explorer is tested without a browser, and the page only wires buttons to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from PIL import Image

from eval.explorer.answers import Answer, Choice, Question
from eval.explorer.edits import Editor
from eval.explorer.pictures import Pictures
from eval.explorer.queries import Queries
from eval.explorer.session import Session
from eval.explorer.uploads import take_upload
from memory.voting import Rule
from procmem.errors import UserError, WorkError, unknown_name

RULES: tuple[Rule, ...] = get_args(Rule)


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """What one person sees.

    Attributes:
        question: the image he asks about; None before the first.
        image: its pixels, for a second encoder and for patches.
        choice: how the memory is to answer.
        selected: the entry that he looks at.
        asking: "remove" or "erase" while the page asks whether he means it; "" otherwise.
        said: one sentence about what just happened.
        is_problem: whether that sentence tells of something that did not work.
    """

    question: Question | None = None
    image: Image.Image | None = None
    choice: Choice = dataclasses.field(default_factory=Choice)
    selected: int | None = None
    asking: str = ""
    said: str = ""
    is_problem: bool = False

    def saying(self, sentence: str, *, problem: bool = False) -> View:
        """The same with a sentence for the person."""
        return dataclasses.replace(self, said=sentence, is_problem=problem, asking="")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything that the page works on; one for all visitors.

    Attributes:
        session: the memory.
        second: another memory, to compare encoders; None without one.
        pictures: of the entries.
        queries: to pick from; None where none were found.
        editor: changes.
        uploads: folder in which uploads arrive.
    """

    session: Session
    second: Session | None
    pictures: Pictures
    queries: Queries | None
    editor: Editor
    uploads: Path

    def begin(self) -> View:
        """What a visitor sees first: the first query, asked."""
        k = min(10, max(1, len(self.session.memory)))
        view = View(choice=Choice(k=k))
        return self.pick(view, 0) if self.queries is not None and len(self.queries) else view

    def upload(self, view: View, path: str) -> View:
        """Ask about an uploaded file.

        Raises:
            UserError: for a file that is no picture, too large, or cannot be embedded.
        """
        image = take_upload(Path(path), self.uploads)
        return self._asked(view, self.session.question(image, Path(path).name), image)

    def pick(self, view: View, position: int) -> View:
        """Ask about one of the queries.

        Raises:
            UserError: if there is none at this place, or its image cannot be read.
        """
        if self.queries is None or not 0 <= position < len(self.queries):
            raise UserError(f"there is no query number {position}")
        return self._asked(view, self.queries.question(position), self.queries.images.image(position))

    def ask_about_entry(self, view: View, entry_id: int) -> View:
        """Ask about an entry's own image, with the entry itself left out.

        Raises:
            UserError: if its image cannot be found.
        """
        texts = self.session.texts()
        row = self._row(entry_id)
        image = self.pictures.find(texts.datasets[row], texts.uris[row])
        if image is None:
            raise UserError(f"the image of entry {entry_id} is not here; name its folder with --images")
        own_class = self.session.memory.class_names[texts.labels[row]]
        question = self.session.question(
            image, f"entry {entry_id}, itself left out", true_class=own_class, hidden_id=entry_id
        )
        return dataclasses.replace(self._asked(view, question, image), selected=None)

    def choose(self, view: View, k: float, rule: str) -> View:
        """Change the number of neighbours and the rule.

        Raises:
            UserError: for an unknown rule.
        """
        if rule not in RULES:
            raise unknown_name("voting rule", rule, RULES)
        return dataclasses.replace(view, choice=dataclasses.replace(view.choice, k=int(k), rule=rule), said="")

    def answer(self, view: View) -> Answer | None:
        """The memory's answer to the question on the desk."""
        return None if view.question is None else self.session.ask(view.question, view.choice)

    def compare(self, view: View) -> list[tuple[str, Session, Answer, set[int]]]:
        """The question on the desk to both memories.

        Returns:
            For each: where its pictures are, its session, its answer with all entries on, and the entries whose image
            is in the other's list as well. Nothing without a question or a second memory.

        Raises:
            UserError: as `Session.ask`.
        """
        question, image, second = view.question, view.image, self.second
        if question is None or image is None or second is None:
            return []
        choice = dataclasses.replace(view.choice, off=frozenset())
        first = self.session.ask(question, choice)
        own = self.session.texts()
        hidden = None
        if question.hidden_id is not None and question.hidden_id in own.rows:
            hidden = second.texts().ids_by_image.get(own.image(question.hidden_id))
        asked = second.question(image, question.name, true_class=question.true_class, hidden_id=hidden)
        other = second.ask(asked, choice)
        images = [
            {session.texts().image(one.id): one.id for one in answer.neighbors}
            for session, answer in ((self.session, first), (second, other))
        ]
        shared = {image for image in images[0].keys() & images[1].keys() if image[1]}
        return [
            ("entry", self.session, first, {images[0][image] for image in shared}),
            ("second", second, other, {images[1][image] for image in shared}),
        ]

    def act(self, view: View, sent: Mapping[str, object], by: str = "") -> View:
        """What a button of the page does; a `UserError` becomes a sentence on the page.

        Args:
            view: before.
            sent: the button's name under "send", an entry's number under "id".
            by: who asked, for the log.
        """
        try:
            return self._act(dataclasses.replace(view, said="", is_problem=False), sent, by)
        except (UserError, WorkError) as error:
            return view.saying(_sentence(error), problem=True)

    def _act(self, view: View, sent: Mapping[str, object], by: str) -> View:
        action = str(sent.get("send", ""))
        if action == "all-on":
            return dataclasses.replace(view, choice=dataclasses.replace(view.choice, off=frozenset()))
        if action == "close":
            return dataclasses.replace(view, selected=None, asking="")
        number = _number(sent.get("id"))
        if action == "switch":
            return dataclasses.replace(view, choice=view.choice.switched(number))
        if action == "pick":
            return self.pick(view, number)
        if action == "select":
            self._row(number)
            return dataclasses.replace(view, selected=number, asking="")
        if action == "ask-entry":
            return self.ask_about_entry(view, number)
        if action in ("remove", "erase"):
            self.editor.check_allowed()
            return dataclasses.replace(view, selected=number, asking=action)
        if action == "keep":
            return dataclasses.replace(view, asking="")
        return self._change(view, action, number, by)

    def _change(self, view: View, action: str, number: int, by: str) -> View:
        """What was asked about and confirmed."""
        choice = dataclasses.replace(view.choice, off=view.choice.off - {number})
        if action == "restore":
            return view.saying(self.editor.restore(number, by=by))
        if action == "remove-confirmed" and (view.asking, view.selected) == ("remove", number):
            said = self.editor.remove(number, by=by)
        elif action == "erase-confirmed" and (view.asking, view.selected) == ("erase", number):
            said, receipt = self.editor.erase(number, by=by)
            self.pictures.forget()
            said += f" The receipt is {receipt.name}, listed under Changes."
            if view.question is not None and view.question.hidden_id == number:
                view = dataclasses.replace(view, question=None, image=None)  # the page must not show it any longer
        else:
            raise UserError(f"unknown action {action!r}")
        return dataclasses.replace(view, choice=choice).saying(said)

    def _asked(self, view: View, question: Question, image: Image.Image) -> View:
        choice = dataclasses.replace(view.choice, off=frozenset())
        return dataclasses.replace(view, question=question, image=image, choice=choice, said="", is_problem=False)

    def _row(self, entry_id: int) -> int:
        row = self.session.texts().rows.get(entry_id)
        if row is None:
            raise UserError(f"the memory holds no entry {entry_id} any more")
        return row


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise UserError(f"an entry's number is wanted, received {value!r}") from None


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
