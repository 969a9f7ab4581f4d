"""The sheet of influential entries says of every query what the entry does there."""

import io

import numpy as np
import pytest
from PIL import Image

from eval import influence_sheet as module
from eval.influence_sheet import InfluenceRow, influence_sheet
from procmem.errors import UserError

PIXELS = np.zeros((4, 4, 3), np.uint8)


def row(*effects, num_queries=None):
    answers = [("a class with a very long name", "dog")] * len(effects)
    return InfluenceRow(
        entry=PIXELS,
        caption="cat",
        num_queries=num_queries or len(effects),
        queries=[PIXELS] * len(effects),
        answers=answers,
        effects=effects,
    )


def test_frames_and_captions_tell_helpful_from_harmful(monkeypatch):
    figures = []
    monkeypatch.setattr(module, "png_bytes", lambda figure: figures.append(figure) or b"")
    influence_sheet([row("helpful", "harmful", "neutral", num_queries=9), row("neutral")])
    first, second = np.reshape(figures[0].axes, (2, 4))
    captions = [axes.get_xlabel() for axes in first]
    assert captions[0] == "cat\ndecides 9 queries"
    assert [caption[0] for caption in captions[1:3]] == ["✓", "✗"]
    assert captions[3].startswith("a class")
    assert captions[1].endswith("\nelse dog")
    assert max(len(line) for caption in captions for line in caption.splitlines()) <= 20
    styles = [(axes.spines["top"].get_linestyle(), axes.spines["top"].get_linewidth()) for axes in first[1:]]
    assert styles[0][0] == styles[2][0] == "-"
    assert styles[1][0] != "-"
    assert styles[0][1] > styles[2][1]
    assert second[0].get_xlabel() == "cat\ndecides 1 query"
    assert [axes.axison for axes in second] == [True, True, False, False]


def test_a_row_is_cut_and_nothing_to_draw_is_refused():
    with Image.open(io.BytesIO(influence_sheet([row(*["helpful"] * 9)]))) as image:
        wide = image.width
    with Image.open(io.BytesIO(influence_sheet([row(*["helpful"] * 6)]))) as image:
        assert image.width == wide
    with pytest.raises(UserError, match="nothing to draw"):
        influence_sheet([])
