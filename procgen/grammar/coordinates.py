"""Coordinates: warps of the plane. ``vec2 NAME(vec2 p)``, p and the result centred, about [-1, 1].

Each production knows how much it magnifies frequencies, so that what is drawn on the warped plane can be drawn coarser:
that is how the frequency budget goes down the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from procgen.grammar.draft import Draft, Warp


@dataclass(frozen=True)
class Bend:
    """A warp and the factor by which it raises frequencies."""

    warp: Warp
    magnifies: float


def placed(draft: Draft) -> Bend:
    """Turn and shift."""
    x, y = (draft.uniform("shift", -0.9, 0.9) for _ in range(2))
    return Bend(draft.warp(f"return rotation({draft.angle('turn')}) * p + vec2({x}, {y});"), 1.0)


def drifted(draft: Draft) -> Bend:
    """Displaced by a slow noise."""
    strength, scale = draft.uniform("drift", 0.15, 0.9), draft.octaves("drift_scale", 0.5, 1.6)
    return Bend(draft.warp(f"return p + {strength} * noise_offset({scale} * p, {draft.salt()});"), 1.5)


def swirled(draft: Draft) -> Bend:
    """Turned about a point, less with distance."""
    x, y = draft.uniform("centre", -0.6, 0.6), draft.uniform("centre", -0.6, 0.6)
    twist, reach = draft.uniform("twist", -4.0, 4.0), draft.octaves("reach", 0.8, 3.0)
    body = f"""vec2 c = vec2({x}, {y});
        return c + rotation({twist} * exp(-{reach} * dot(p - c, p - c))) * (p - c);"""
    return Bend(draft.warp(body), 1.6)


def mirrored(draft: Draft) -> Bend:
    """Mirrored into the wedges of a kaleidoscope, its centre off the middle."""
    x, y = draft.uniform("centre", -0.4, 0.4), draft.uniform("centre", -0.4, 0.4)
    wedges, shift = draft.integer("wedges", 2, 7), draft.uniform("shift", -0.7, 0.3)
    turned = f"rotation({draft.angle('turn')}) * (p - vec2({x}, {y}))"
    return Bend(draft.warp(f"return kaleidoscope({turned}, {wedges}) + vec2({shift}, {shift});"), 1.0)


def inverted(draft: Draft) -> Bend:
    """Inverted in a circle, softened at its centre."""
    x, y = draft.uniform("centre", -0.7, 0.7), draft.uniform("centre", -0.7, 0.7)
    power, soft = draft.uniform("power", 0.4, 0.9), draft.uniform("soft", 0.15, 0.5)
    body = f"vec2 q = p - vec2({x}, {y});\nreturn {power} * q / (dot(q, q) + {soft});"
    return Bend(draft.warp(body), 2.0)


def waved(draft: Draft) -> Bend:
    """Pushed by two sines."""
    a, b = draft.uniform("push", 0.05, 0.35), draft.uniform("push", 0.05, 0.35)
    m, n = draft.octaves("wave", 1.0, 5.0), draft.octaves("wave", 1.0, 5.0)
    phase = draft.angle("phase")
    return Bend(draft.warp(f"return p + vec2({a} * sin({m} * p.y + {phase}), {b} * sin({n} * p.x));"), 1.5)


def receding(draft: Draft) -> Bend:
    """A floor or a ceiling in perspective; the horizon lies near or outside the picture."""
    horizon, tilt = draft.uniform("horizon", 0.75, 1.3), draft.octaves("tilt", 0.6, 1.4)
    body = f"float depth = 1.0 / max({horizon} - p.y, 0.12);\nreturn {tilt} * vec2(p.x * depth, depth);"
    return Bend(draft.warp(body), 1.8)


def rolled(draft: Draft) -> Bend:
    """Around a point: angle and logarithm of the radius become x and y."""
    x, y = draft.uniform("centre", -0.5, 0.5), draft.uniform("centre", -0.5, 0.5)
    arms, growth = draft.integer("arms", 1, 4), draft.uniform("growth", 0.5, 1.5)
    body = f"""vec2 q = p - vec2({x}, {y});
        return vec2({arms} * abs(atan(q.y, q.x)) / PI * 1.5, {growth} * log(length(q) + 0.15));"""
    return Bend(draft.warp(body), 2.0)


def folded(draft: Draft) -> Bend:
    """Folded over itself a few times."""
    folds = draft.whole(2, 4)
    x, y, turn = draft.uniform("fold", 0.15, 0.6), draft.uniform("fold", 0.15, 0.6), draft.angle("turn")
    body = f"""for (int i = ZERO; i < {folds}; i++) {{
        p = rotation({turn} + float(i)) * (abs(p) - vec2({x}, {y}));
        }}
        return p;"""
    return Bend(draft.warp(body), 1.5)


def bulged(draft: Draft) -> Bend:
    """Seen through a round lens."""
    x, y = draft.uniform("centre", -0.5, 0.5), draft.uniform("centre", -0.5, 0.5)
    size, power = draft.uniform("size", 0.4, 1.0), draft.uniform("power", 0.3, 0.8)
    body = f"""vec2 q = p - vec2({x}, {y});
        return p - {power} * q * smoothstep({size}, 0.0, length(q));"""
    return Bend(draft.warp(body), 1.3)


WARPS: tuple[tuple[float, Callable[[Draft], Bend]], ...] = (
    (2.0, placed),
    (3.0, drifted),
    (1.2, swirled),
    (1.2, mirrored),
    (0.7, inverted),
    (1.0, waved),
    (0.8, receding),
    (0.5, rolled),
    (0.8, folded),
    (0.6, bulged),
)


def bend(draft: Draft) -> Bend:
    """Any warp."""
    draft.include("space", "noise")
    return draft.weigh(WARPS)(draft)
