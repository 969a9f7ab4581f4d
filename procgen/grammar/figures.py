"""Figures: flat shapes. ``float NAME(vec2 p)``, a signed distance of a shape of radius about 1, negative inside."""

from __future__ import annotations

from procgen.grammar.draft import Draft, Figure

ROUND, SQUARE, REGULAR, PETALLED, RING, LEAF, PEBBLE, BAR, MOON, STAR = range(10)

SIMPLE: tuple[tuple[float, int], ...] = (
    (1.5, ROUND),
    (1.2, SQUARE),
    (1.2, REGULAR),
    (1.2, PETALLED),
    (0.6, RING),
    (1.5, LEAF),
    (2.5, PEBBLE),
    (0.9, BAR),
    (0.6, MOON),
    (0.6, STAR),
)


def simple(draft: Draft) -> Figure:
    """One closed shape."""
    draft.include("space", "shape", "noise")
    kind = draft.weigh(SIMPLE)
    return draft.figure(f"return {_distance(draft, kind)};")


def _distance(draft: Draft, kind: int) -> str:
    if kind == ROUND:
        return f"length(p * vec2(1.0, {draft.uniform('aspect', 0.9, 1.6)})) - 0.9"
    if kind == SQUARE:
        corner = draft.uniform("corner", 0.0, 0.35)
        return f"box(p, vec2(0.85, {draft.uniform('aspect', 0.4, 0.85)}) - {corner}) - {corner}"
    if kind == REGULAR:
        corner = draft.uniform("corner", 0.0, 0.3)
        return f"polygon(p, {draft.integer('sides', 3, 8)}, 0.75 - {corner}) - {corner}"
    if kind == PETALLED:
        return f"flower(p, {draft.integer('petals', 3, 9)}, 1.05, {draft.uniform('deep', 0.15, 0.65)})"
    if kind == RING:
        return f"abs(length(p) - 0.75) - {draft.uniform('thick', 0.06, 0.25)}"
    if kind == LEAF:
        return f"lens(p, 1.15, {draft.uniform('slender', 0.25, 0.7)})"
    if kind == BAR:
        return f"box(p, vec2(1.3, {draft.uniform('thick', 0.08, 0.3)}))"
    if kind == MOON:
        bite, at = draft.uniform("bite", 0.6, 0.9), draft.uniform("bitten", 0.3, 0.7)
        return f"max(length(p) - 0.9, {bite} - length(p - vec2({at}, 0.0)))"
    if kind == STAR:
        deep, points = draft.uniform("deep", 0.3, 0.7), draft.integer("points", 4, 9)
        return f"0.6 * (length(p) - 1.0 + {deep} * zigzag({points} * atan(p.y, p.x) / TURN))"
    rough = draft.uniform("rough", 0.2, 0.9)
    return f"0.8 * (length(p) - 0.8 + {rough} * (noise({draft.octaves('lumps', 0.8, 2.5)} * p, {draft.salt()}) - 0.5))"


def figure(draft: Draft) -> Figure:
    """A shape, or two joined, cut or nested."""
    first = simple(draft)
    kind = draft.weigh(((3.0, "plain"), (1.0, "joined"), (0.8, "cut"), (0.7, "hollow"), (0.6, "leaning")))
    if kind == "plain":
        return first
    if kind == "hollow":
        return draft.figure(f"return abs({first}(p) + 0.15) - {draft.uniform('thick', 0.05, 0.14)};")
    if kind == "leaning":
        return draft.figure(f"return 0.75 * {first}(p + vec2({draft.uniform('lean', -0.5, 0.5)} * p.y, 0.0));")
    second, x = simple(draft), draft.uniform("offset", 0.2, 0.8)
    other = f"0.7 * {second}(rotation({draft.angle('turn')}) * (p - vec2({x}, 0.3 * {x})) / 0.7)"
    if kind == "joined":
        return draft.figure(f"return smooth_min({first}(p), {other}, {draft.octaves('melt', 0.03, 0.3)});")
    return draft.figure(f"return max({first}(p), -{other});")
