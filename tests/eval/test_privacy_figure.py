"""The picture of privacy shows every audit once: a line for each encoder, a panel for each rule."""

import io

import numpy as np
import pytest
from PIL import Image

from eval import privacy_figure as module
from eval.privacy_figure import privacy_figure
from procmem.errors import UserError


def audit(rule, k, share, accuracy):
    return {"rule": rule, "k": k, "fraction_non_private": share, "top1_accuracy": accuracy}


AUDITS = {
    "pixels": [audit("softmax", 5, 0.02, 0.4), audit("softmax", 1, 0.05, 0.3), audit("rank", 5, 0.03, 0.41)],
    "mine": [audit("softmax", 1, 0.08, 0.6), audit("rank", 5, 0.06, 0.65)],
}


def test_lines_are_the_numbers_in_percent_by_k(monkeypatch):
    figures = []
    monkeypatch.setattr(module, "png_bytes", lambda figure: figures.append(figure) or b"")
    privacy_figure(AUDITS)
    softmax, rank = figures[0].axes
    assert [axes.get_title(loc="left") for axes in (softmax, rank)] == ["softmax voting", "rank voting"]
    lines = {line.get_label(): line for line in softmax.lines}
    np.testing.assert_allclose(lines["pixels"].get_xydata(), [[5, 30], [2, 40]])  # k = 1, then 5
    np.testing.assert_allclose(lines["mine"].get_xydata(), [[8, 60]])
    assert [text.get_text() for text in softmax.texts] == ["1", "5", "1"]
    assert lines["pixels"].get_marker() != lines["mine"].get_marker()
    assert softmax.get_xlim() == rank.get_xlim()  # rules can be compared by eye
    assert softmax.get_ylim() == rank.get_ylim()
    assert softmax.get_xlim()[0] == 0 < 8 < softmax.get_xlim()[1]
    assert softmax.get_ylim()[1] > 65


def test_the_picture_is_the_same_bytes_again():
    first = privacy_figure(AUDITS)
    assert first == privacy_figure(AUDITS)
    with Image.open(io.BytesIO(first)) as image:
        assert image.width > image.height > 200


def test_nothing_or_too_much_to_draw_is_refused():
    for audits in ({}, {"x": []}, {str(i): AUDITS["mine"] for i in range(7)}):
        with pytest.raises(UserError, match="audits of 1 to 6 encoders"):
            privacy_figure(audits)
