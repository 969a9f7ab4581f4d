"""Panels can be read without colour. Run: pytest tests/eval/test_panels.py."""

from __future__ import annotations

import numpy as np
import pytest

from eval.panels import Panel, label_color, label_panel, panel_sheet
from procmem.errors import UserError

NAMES = ("unlabelled", "sky", "grass", "tree")


def test_large_regions_carry_their_name_inside_and_edges_are_white() -> None:
    mask = np.zeros((120, 120), np.int64)
    mask[:60] = 1
    mask[60:, :50] = 2
    mask[100:104, 100:104] = 3  # too small for a name
    panel = label_panel(mask, NAMES)
    assert [name for _, _, name in panel.names] == ["sky", "grass"]
    for row, column, name in panel.names:
        assert NAMES[mask[row, column]] == name
    assert (panel.pixels[60, 10:40] == 1).all()
    assert (panel.pixels[30, 30] == label_color(1)).all()
    mask[110:, 60:] = -1  # ignored
    assert (label_panel(mask, NAMES).pixels[115, 80] == 1).all()
    small = label_panel(mask[::10, ::10], NAMES)
    assert min(small.pixels.shape[:2]) >= 100
    assert (small.pixels == 1).all(axis=2).mean() < 0.1


def test_a_name_near_an_edge_is_written_away_from_it() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    empty = np.asarray(panel_sheet([[Panel(white)]]).convert("L")).astype(int)
    widths = []
    for column in (1, 50, 98):
        sheet = np.asarray(panel_sheet([[Panel(white, names=((50, column, "a long name"),))]]).convert("L"))
        widths.append(np.ptp(np.flatnonzero((abs(sheet - empty) > 60).any(axis=0))))
    assert max(widths) - min(widths) <= 2  # cut, it would be half as long


def test_colours_of_many_labels_differ() -> None:
    colors = np.asarray([label_color(label) for label in range(28)])
    distances = np.abs(colors[:, None] - colors).max(axis=2) + np.eye(28)
    assert distances.min() > 0.04


def test_a_sheet_needs_rows_of_one_length_and_a_wrong_answer_is_dashed() -> None:
    grey = np.full((20, 20, 3), 128, np.uint8)
    with pytest.raises(UserError, match=r"lengths \[1, 2\]"):
        panel_sheet([[Panel(grey)], [Panel(grey)] * 2])
    with pytest.raises(UserError, match=r"lengths \[\]"):
        panel_sheet([])
    dark = [
        (np.asarray(panel_sheet([[Panel(grey, is_marked=flag)]]).convert("L")) < 90).sum() for flag in (True, False)
    ]
    assert dark[0] > 1.2 * dark[1] > 0
