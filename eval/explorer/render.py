"""From what is on the desk to HTML: one template a view, every text escaped, every picture by its own address.

The templates hold all words of the page; this module only hands them plain values.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from importlib import resources
from typing import Any

from eval.explorer.answers import Answer
from eval.explorer.browse import Wanted, browse
from eval.explorer.desk import Desk, View
from eval.explorer.pictures import media_type
from eval.explorer.study import Study, neighbors_help
from memory.receipt import Receipt, verify_receipt
from procmem.errors import UserError
from procmem.files import read_json

PICKS_SHOWN = 12


def answer_html(desk: Desk, view: View) -> str:
    """The answer to the question on the desk, or why there is none."""
    problem = ""
    answer: Answer | None = None
    try:
        answer = desk.answer(view)
    except UserError as error:
        problem = str(error)
    return fill("answer", answer=answer, view=view, problem=problem, num_off=len(view.choice.off))


def picks_html(desk: Desk, positions: Sequence[int]) -> str:
    """Queries to pick from."""
    queries = desk.queries
    picks = [] if queries is None else [(position, queries.true_class(position)) for position in positions]
    return fill("picks", picks=picks)


def entry_html(desk: Desk, view: View) -> str:
    """The drawer of the entry that is looked at; empty without one."""
    if view.selected is None:
        return ""
    texts, memory = desk.session.texts(), desk.session.memory
    row = texts.rows.get(view.selected)
    facts: dict[str, Any] = {}
    decided = None
    if row is not None:
        facts = {
            "class": memory.class_names[texts.labels[row]],
            "owner": texts.owners[row],
            "image": texts.uris[row],
            "data set": texts.datasets[row],
        }
        if desk.queries is not None:
            decided = desk.queries.decided_by(view.selected, view.choice.k, view.choice.rule)
    return fill(
        "entry",
        view=view,
        facts=facts,
        is_there=row is not None,
        decided=decided,
        num_queries=0 if desk.queries is None else len(desk.queries),
        allow_edit=desk.editor.allow_edit,
    )


def shelf_html(desk: Desk, view: View, wanted: Wanted) -> str:
    """A page of entries."""
    problem, shelf = "", None
    try:
        shelf = browse(desk.session, desk.queries, wanted, view.choice)
    except UserError as error:
        problem = str(error)
    num_queries = 0 if desk.queries is None else len(desk.queries)
    return fill("shelf", shelf=shelf, problem=problem, num_queries=num_queries, choice=view.choice)


def compare_html(desk: Desk, view: View) -> str:
    """The answers of both memories to the question on the desk."""
    problem, sides = "", []
    try:
        answers = desk.compare(view)
        for place, session, answer, common in answers:
            sides.append({"place": place, "encoder": session.encoder.name, "answer": answer, "common": common})
    except UserError as error:
        problem = str(error)
    return fill("compare", sides=sides, problem=problem, choice=view.choice)


def study_html(study: Study | None, problem: str = "") -> str:
    """The trial at hand, or the results."""
    results = [] if study is None or study.current is not None else study.results()
    return fill("study", study=study, problem=problem, results=results, help_p=neighbors_help(results))


def changes_html(desk: Desk, receipt_name: str = "") -> str:
    """The log of changes, and one receipt with what its signature says."""
    receipt, problem = None, ""
    path = desk.editor.receipts / receipt_name
    if receipt_name and path.parent == desk.editor.receipts and path.is_file():
        receipt = Receipt.from_dict(read_json(path))
        try:
            verify_receipt(receipt)
        except UserError as error:
            problem = str(error)
    return fill("changes", log=desk.editor.log(), receipt=receipt, receipt_name=receipt_name, receipt_problem=problem)


def said_html(view: View) -> str:
    """The sentence about what just happened."""
    return fill("said", view=view)


def header_html(desk: Desk) -> str:
    """What is open, in one line."""
    memory = desk.session.memory
    return fill(
        "header",
        name=memory.store.place.name,
        card=memory.card,
        num_entries=len(memory),
        num_classes=len(memory.class_names),
        second=None if desk.second is None else desk.second.memory,
        allow_edit=desk.editor.allow_edit,
    )


def fill(template: str, **values: Any) -> str:
    """One template with its values."""
    return str(_environment().get_template(f"{template}.html.jinja").render(values))


def data_address(picture: bytes) -> str:
    """A picture inside the page itself."""
    return f"data:{media_type(picture)};base64,{base64.b64encode(picture).decode()}"


def percent(share: float) -> str:
    """A share in whole percent, but never a rounded 0 or 100."""
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{share:.0%}".replace("%", " %")


@functools.cache
def _environment() -> Any:
    import jinja2

    folder = resources.files("eval.explorer") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"percent": percent, "data_address": data_address}
    return environment
