"""Fields: brightness-like functions of the plane. ``float NAME(vec2 p)`` within [0, 1].

`detail` is the frequency budget: the highest frequency, in periods per unit of p, that a field may hold. Productions
that magnify hand less of it down, so a deep tree becomes calmer, not busier; where little is left,
    a calm leaf is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from procgen.grammar.coordinates import bend
from procgen.grammar.draft import Draft, Field
from procgen.grammar.figures import figure

CALM_DETAIL = 2.0  # a budget below this allows calm leaves only
FINEST_SCALE = 4.0  # of a leaf's first octave
MOST_OCTAVES = 5

Leaf = Callable[[Draft, float], Field]


def scale_of(draft: Draft, detail: float, share: float = 0.5) -> str:
    """A parameter for the scale of a leaf within the budget."""
    high = min(max(share * detail, 0.9), FINEST_SCALE)
    return draft.octaves("scale", 0.3 * high, high)


def octaves_of(detail: float, share: float = 0.5) -> int:
    """Octaves of a noise, so that the last stays within the budget."""
    high = min(max(share * detail, 0.9), FINEST_SCALE)
    return max(1, min(MOST_OCTAVES, 1 + int(math.log2(max(detail / high, 1.0)) + 1.0)))


def clouds(draft: Draft, detail: float) -> Field:
    """Sum of octaves of noise."""
    share = draft.choose(0.15, 0.3, 0.5)
    scale, gain = scale_of(draft, detail, share), draft.uniform("gain", 0.4, 0.62)
    return draft.field(f"return fbm({scale} * p, {octaves_of(detail, share)}, {gain}, {draft.salt()});")


def crests(draft: Draft, detail: float) -> Field:
    """Sharp crests of noise."""
    share = draft.choose(0.15, 0.25)
    scale, gain = scale_of(draft, detail, share), draft.uniform("gain", 0.35, 0.55)
    return draft.field(f"return ridges({scale} * p, {octaves_of(detail, share)}, {gain}, {draft.salt()});")


def cobbles(draft: Draft, detail: float) -> Field:
    """Rounded cells with dark joints."""
    draft.include("cells")
    scale, jitter = scale_of(draft, detail, 0.35), draft.uniform("jitter", 0.3, 1.0)
    joint = draft.uniform("joint", 0.08, 0.5)
    return draft.field(f"return smoothstep(0.01, {joint}, cells({scale} * p, {jitter}, {draft.salt()}).edge);")


def patches(draft: Draft, detail: float) -> Field:
    """Cells of one tone each."""
    draft.include("cells")
    scale, jitter = scale_of(draft, detail, 0.3), draft.uniform("jitter", 0.2, 1.0)
    salt = draft.salt()
    return draft.field(f"return hash1(cells({scale} * p, {jitter}, {salt}).id, {salt} + 5.0);")


def hollows(draft: Draft, detail: float) -> Field:
    """Distance to scattered points."""
    draft.include("cells")
    scale, jitter = scale_of(draft, detail, 0.4), draft.uniform("jitter", 0.4, 1.0)
    return draft.field(f"return saturate(1.1 * cell_distance({scale} * p, {jitter}, {draft.salt()}));")


def stripes(draft: Draft, detail: float) -> Field:
    """Straight stripes, soft or sharp, of uneven width."""
    scale, sharp = scale_of(draft, detail, 0.3), draft.octaves("sharp", 0.5, 6.0)
    uneven = draft.uniform("uneven", 0.0, 1.5)
    body = f"""float x = dot(p, unit_vector({draft.angle("turn")}));
        float wave = sin(TURN * {scale} * x + {uneven} * sin(2.3 * x + 1.0));
        float soft = 1.0 / ({sharp} * {sharp});
        return 0.5 + 0.5 * wave * sqrt((1.0 + soft) / (wave * wave + soft));"""
    return draft.field(body)


def swell(draft: Draft, detail: float) -> Field:
    """Two crossing waves."""
    a, b = scale_of(draft, detail, 0.25), scale_of(draft, detail, 0.25)
    bent = draft.uniform("bent", 0.3, 2.0)
    phase = draft.angle("phase")
    body = f"return 0.5 + 0.25 * (sin(4.0 * {a} * p.x + {phase}) + sin(4.0 * {b} * p.y + {bent} * sin(2.0 * p.x)));"
    return draft.field(body)


def rings(draft: Draft, detail: float) -> Field:
    """Lines at equal distances around a figure."""
    shape, scale = figure(draft), scale_of(draft, detail, 0.3)
    x, y = draft.uniform("centre", -0.7, 0.7), draft.uniform("centre", -0.7, 0.7)
    return draft.field(f"return 0.5 + 0.5 * sin(TURN * {scale} * {shape}(p - vec2({x}, {y})));")


def emblem(draft: Draft, detail: float) -> Field:
    """One large figure with a soft edge."""
    shape, soft = figure(draft), draft.octaves("soft", 0.02, 0.6)
    x, y = draft.uniform("centre", -0.5, 0.5), draft.uniform("centre", -0.5, 0.5)
    size = draft.uniform("size", 0.4, 0.9)
    return draft.field(f"return smoothstep({soft}, -0.02, {size} * {shape}((p - vec2({x}, {y})) / {size}));")


def slope(draft: Draft, detail: float) -> Field:
    """A calm ramp across the picture."""
    bow = draft.uniform("bow", -0.3, 0.3)
    turn = draft.angle("turn")
    return draft.field(f"return saturate(0.5 + 0.45 * dot(p, unit_vector({turn})) + {bow} * (dot(p, p) - 0.6));")


def haze(draft: Draft, detail: float) -> Field:
    """A calm, slow noise."""
    scale = draft.octaves("scale", 0.35, 1.1)
    return draft.field(f"return fbm({scale} * p, 2, 0.4, {draft.salt()});")


def spotlit(draft: Draft, detail: float) -> Field:
    """A calm glow from a point."""
    x, y = draft.uniform("centre", -1.0, 1.0), draft.uniform("centre", -1.0, 1.0)
    return draft.field(f"return exp(-{draft.uniform('fall', 0.5, 1.6)} * length(p - vec2({x}, {y})));")


CALM: tuple[tuple[float, Leaf], ...] = ((1.0, slope), (1.3, haze), (0.8, spotlit))
LEAVES: tuple[tuple[float, Leaf], ...] = (
    (3.0, clouds),
    (1.8, crests),
    (1.3, cobbles),
    (1.0, patches),
    (1.1, hollows),
    (0.9, stripes),
    (0.8, swell),
    (0.8, rings),
    (0.9, emblem),
    (0.5, slope),
    (0.6, haze),
)


def calm(draft: Draft) -> Field:
    """A field without detail, for grounds and light."""
    draft.include("space", "noise")
    return draft.weigh(CALM)(draft, 1.0)


def field(draft: Draft, detail: float, depth: int) -> Field:
    """Any field.

    Args:
        draft: the program.
        detail: highest frequency, in periods per unit.
        depth: productions that may stand above a leaf.
    """
    draft.include("space", "noise")
    if detail < CALM_DETAIL:
        return calm(draft)
    draft.reach(detail)
    if depth <= 0 or draft.chance(0.2):
        return draft.weigh(LEAVES)(draft, detail)
    return draft.weigh(COMBINATIONS)(draft, detail, depth - 1)


def bent(draft: Draft, detail: float, depth: int) -> Field:
    """A field on warped coordinates."""
    turned = bend(draft)
    inner = field(draft, detail / turned.magnifies, depth)
    return draft.field(f"return {inner}({turned.warp}(p));")


def shaded(draft: Draft, detail: float, depth: int) -> Field:
    """A fine field under a coarse light."""
    fine, coarse = field(draft, detail, depth), field(draft, 0.3 * detail, depth)
    share = draft.uniform("share", 0.3, 0.7)
    return draft.field(f"return mix({fine}(p), {coarse}(p), {share});")


def parted(draft: Draft, detail: float, depth: int) -> Field:
    """One field on one side of a coarse border, another one on the other."""
    here, there, mask = field(draft, detail, depth), calm(draft), field(draft, 0.25 * detail, 0)
    soft, level = draft.octaves("soft", 0.01, 0.2), draft.uniform("level", 0.4, 0.6)
    part = f"smoothstep({level} - {soft}, {level} + {soft}, {mask}(p))"
    return draft.field(f"return mix({there}(p), {here}(p), {part});")


def terraced(draft: Draft, detail: float, depth: int) -> Field:
    """Steps with soft edges."""
    inner, steps = field(draft, 0.4 * detail, depth), draft.uniform("steps", 2.5, 6.0)
    body = f"""float v = {steps} * {inner}(p);
        return (floor(v) + smoothstep(0.35, 0.65, fract(v))) / {steps};"""
    return draft.field(body)


def banded(draft: Draft, detail: float, depth: int) -> Field:
    """Contour bands of a coarse field."""
    inner, bands = field(draft, 0.25 * detail, depth), draft.uniform("bands", 1.5, 4.5)
    return draft.field(f"return 0.5 + 0.5 * sin(TURN * {bands} * {inner}(p));")


def pushed(draft: Draft, detail: float, depth: int) -> Field:
    """A field displaced by another."""
    inner, push = field(draft, 0.6 * detail, depth), field(draft, 0.3 * detail, 0)
    power, turn = draft.uniform("power", 0.2, 0.8), draft.angle("turn")
    return draft.field(f"return {inner}(p + {power} * ({push}(p) - 0.5) * unit_vector({turn}));")


def raised(draft: Draft, detail: float, depth: int) -> Field:
    """The higher of two fields."""
    first, second = field(draft, 0.7 * detail, depth), field(draft, 0.4 * detail, 0)
    return draft.field(f"return smooth_max({first}(p), 0.9 * {second}(p), 0.15);")


COMBINATIONS: tuple[tuple[float, Callable[[Draft, float, int], Field]], ...] = (
    (2.5, bent),
    (1.5, shaded),
    (2.0, parted),
    (1.0, terraced),
    (0.6, banded),
    (1.5, pushed),
    (1.0, raised),
)
