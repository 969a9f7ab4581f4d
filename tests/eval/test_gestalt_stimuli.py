"""Stimuli show groups that nothing but the principle tells apart. Run: pytest tests/eval/test_gestalt_stimuli.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from eval.gestalt_canvas import Canvas, Stimulus
from eval.gestalt_stimuli import PRINCIPLES, gestalt_stimulus
from procmem.errors import UserError


def ink_of(stimulus: Stimulus) -> np.ndarray:
    """(S, S) share of ink, 0 paper to 1: the paper is what the corners show."""
    grey = stimulus.image.astype(float).mean(axis=2)
    away = np.abs(grey - grey[0, 0])
    return away / away.max()


def elements(stimulus: Stimulus, least_ink: float = 0.5) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pixels of each connected piece of ink, and the groups they lie on."""
    pieces, count = ndimage.label(ink_of(stimulus) > least_ink)
    return [(pieces == number, stimulus.mask[pieces == number]) for number in range(1, count + 1)]


@pytest.mark.parametrize("principle", PRINCIPLES)
def test_a_stimulus_depends_on_its_number_alone_and_has_groups_in_paper_and_ink(principle: str) -> None:
    first, second = (gestalt_stimulus(principle, 0, number, 128) for number in (3, 4))
    again = gestalt_stimulus(principle, 0, 3, 128)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.image, second.image)
    assert not np.array_equal(first.image, gestalt_stimulus(principle, 1, 3, 128).image)
    for number in range(12):
        stimulus = gestalt_stimulus(principle, 0, number, 128)
        groups = np.unique(stimulus.mask[stimulus.mask > 0])
        assert 2 <= len(groups) <= 4
        assert groups.tolist() == list(range(1, len(groups) + 1))
        assert 0.01 < (ink_of(stimulus) > 0.5).mean() < 0.5
        border = np.concatenate([stimulus.image[:2].reshape(-1, 3), stimulus.image[-2:].reshape(-1, 3)])
        assert len(np.unique(border, axis=0)) == 1  # nothing is cut off


@pytest.mark.parametrize("principle", ["closure", "kanizsa"])
def test_inside_and_outside_are_of_one_colour_without_an_edge_between_them(principle: str) -> None:
    for number in range(6):
        stimulus = gestalt_stimulus(principle, 0, number, 256)
        ink = ink_of(stimulus)
        assert set(np.unique(stimulus.mask)) == {1, 2}
        assert np.median(ink[stimulus.mask == 1]) == np.median(ink[stimulus.mask == 2]) == 0
        # the paper inside and outside is one region: the outline has gaps
        paper, _ = ndimage.label(ink < 0.25)
        inside = np.bincount(paper[(stimulus.mask == 1) & (paper > 0)]).argmax()
        outside = np.bincount(paper[(stimulus.mask == 2) & (paper > 0)]).argmax()
        assert inside == outside
        if principle == "kanizsa":  # the implied figure holds no ink but the anti-aliased rim
            assert ink[ndimage.binary_erosion(stimulus.mask == 1, iterations=2)].max() < 0.05


def test_connected_sets_are_one_piece_of_ink_each_and_lone_dots_have_no_group() -> None:
    for number in range(8):
        stimulus = gestalt_stimulus("connection", 0, number, 256)
        pieces = elements(stimulus)
        smallest = min(piece.sum() for piece, _ in pieces)
        seen = []
        for piece, groups in pieces:
            assert len(np.unique(groups)) == 1
            assert (groups[0] > 0) or piece.sum() < 1.5 * smallest
            seen += [groups[0]] if groups[0] else []
        assert sorted(seen) == list(range(1, stimulus.mask.max() + 1))


@pytest.mark.parametrize("principle", ["enclosure", "proximity"])
def test_elements_of_different_groups_look_alike(principle: str) -> None:
    for number in range(8):
        stimulus = gestalt_stimulus(principle, 0, number, 256)
        dots = [(piece, groups) for piece, groups in elements(stimulus) if (groups > 0).all()]
        assert len(dots) >= 15
        sizes = np.asarray([piece.sum() for piece, _ in dots])
        assert sizes.max() < 1.6 * sizes.min()
        colors = np.asarray([np.median(stimulus.image[piece], axis=0) for piece, _ in dots])
        assert np.ptp(colors, axis=0).max() == 0
        assert all(len(np.unique(groups)) == 1 for _, groups in dots)


def test_an_outline_encloses_exactly_the_dots_of_the_first_group() -> None:
    for number in range(8):
        stimulus = gestalt_stimulus("enclosure", 0, number, 256)
        pieces = elements(stimulus)
        outline = max((piece for piece, _ in pieces), key=lambda piece: np.ptp(np.argwhere(piece), axis=0).sum())
        filled = ndimage.binary_fill_holes(outline)
        for piece, groups in pieces:
            if piece is not outline:
                assert filled[piece].all() == (groups[0] == 1)


def test_proximity_gaps_between_groups_are_wider_than_within() -> None:
    for number in range(8):
        stimulus = gestalt_stimulus("proximity", 0, number, 256)
        middles = {group: [] for group in range(1, stimulus.mask.max() + 1)}
        for piece, groups in elements(stimulus):
            middles[groups[0]].append(np.argwhere(piece).mean(axis=0))
        points = {group: np.stack(places) for group, places in middles.items()}
        for group, own in points.items():
            others = np.concatenate([places for other, places in points.items() if other != group])
            distances = np.linalg.norm(own[:, None] - own, axis=2) + 1e9 * np.eye(len(own))
            nearest = distances.min(axis=1)
            assert np.linalg.norm(own[:, None] - others, axis=2).min() > 1.5 * np.median(nearest)


def test_similar_elements_are_one_kind_and_the_kinds_lie_between_each_other() -> None:
    kinds = set()
    for number in range(10):
        stimulus = gestalt_stimulus("similarity", 0, number, 256)
        dots = [(piece, groups[0]) for piece, groups in elements(stimulus, 0.25)]
        assert {group for _, group in dots} == {1, 2}
        ink, pixels = ink_of(stimulus), stimulus.image.reshape(-1, 3)
        colors = {  # of each element, where it has most ink: a ring's rims are mixed with paper
            g: {tuple(pixels[(ink * piece).argmax()]) for piece, group in dots if group == g} for g in (1, 2)
        }
        assert len(colors[1]) == len(colors[2]) == 1
        kinds.add(colors[1] == colors[2])
        middles = {g: np.mean([np.argwhere(p).mean(axis=0) for p, group in dots if group == g], axis=0) for g in (1, 2)}
        assert np.abs(middles[1] - middles[2]).max() < 0.25 * 256  # place does not tell them apart
    assert kinds == {True, False}  # by colour, and by something else


def test_edges_are_smooth_and_marks_reach_beyond_the_ink() -> None:
    canvas = Canvas(100, (255, 255, 255), (0, 0, 0))
    canvas.disc((0.3, 0.5), 0.1, group=3)
    canvas.line([(0.6, 0.2), (0.6, 0.8)], 0.02)
    stimulus = canvas.finished()
    grey = stimulus.image[..., 0].astype(float)
    assert (255 - grey[:, :45]).sum() / 255 == pytest.approx(np.pi * 10**2, rel=0.03)
    assert ((grey > 20) & (grey < 235)).any()
    assert (stimulus.mask == 3).sum() == pytest.approx(np.pi * 13.5**2, rel=0.05)
    assert set(np.unique(stimulus.mask)) == {0, 3}
    assert (255 - grey[40:60, 50:70]).sum() / 255 / 20 == pytest.approx(2, abs=0.3)


def test_unknown_principles_and_tiny_stimuli_are_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'kanizsa'"):
        gestalt_stimulus("kanisza", 0, 0)
    with pytest.raises(UserError, match="at least 64 px, received 32"):
        gestalt_stimulus("closure", 0, 0, 32)
