"""Colours: pictures of the plane. ``vec3 NAME(vec2 p)``, display-referred.

A program has at most three palettes, by role, so that its colours belong together. A colour takes a window of tones of
its palette: ground and figure take different windows, so that one stands out from the other whatever the hues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from procgen.grammar.draft import Colour, Draft, Field
from procgen.grammar.fields import calm, field


@dataclass(frozen=True)
class Tones:
    """A role's palette and the part of it that is used.

    Attributes:
        role: ground, figure or accent.
        low: tone of a field's 0.
        high: tone of a field's 1.
    """

    role: str
    low: float = 0.0
    high: float = 1.0


FULL_GROUND, FULL_FIGURE = Tones("ground"), Tones("figure")


def contrast(draft: Draft) -> tuple[Tones, Tones]:
    """Tones of a ground and of the figures on it: one rather dark, the other rather light."""
    if draft.chance(0.5):
        return Tones("ground", 0.0, 0.5), Tones("figure", 0.35, 1.0)
    return Tones("ground", 0.55, 1.0), Tones("figure", 0.0, 0.75)


def ramp(draft: Draft, tones: Tones, source: Field) -> Colour:
    """A field through a palette."""
    palette = draft.palette(tones.role)
    return draft.colour(f"return {palette}({tones.low:.2f} + {tones.high - tones.low:.2f} * {source}(p));")


def backdrop(draft: Draft, tones: Tones = FULL_GROUND) -> Colour:
    """A calm ground: a slow field, with a light across it."""
    base = ramp(draft, tones, calm(draft))
    turn, power = draft.angle("turn"), draft.uniform("light", 0.05, 0.3)
    return draft.colour(f"return {base}(p) * (1.0 - {power} * (0.5 + 0.5 * dot(p, unit_vector({turn}))));")


def plain(draft: Draft, detail: float, depth: int, tones: Tones) -> Colour:
    """One field through the palette."""
    return ramp(draft, tones, field(draft, detail, depth))


def under_light(draft: Draft, detail: float, depth: int, tones: Tones) -> Colour:
    """A picture darkened by a coarser field."""
    base, light = plain(draft, detail, depth, tones), field(draft, 0.35 * detail, 0)
    dark = draft.uniform("dark", 0.35, 0.75)
    return draft.colour(f"return {base}(p) * mix({dark}, 1.1, {light}(p));")


def two_sided(draft: Draft, detail: float, depth: int, tones: Tones) -> Colour:
    """Two pictures parted by a coarse border, one of them calm."""
    busy, quiet, mask = (
        plain(draft, detail, depth, tones),
        backdrop(draft, Tones("accent")),
        field(draft, 0.25 * detail, 0),
    )
    soft, level = draft.octaves("soft", 0.01, 0.25), draft.uniform("level", 0.4, 0.6)
    part = f"smoothstep({level} - {soft}, {level} + {soft}, {mask}(p))"
    return draft.colour(f"return mix({quiet}(p), {busy}(p), {part});")


def embossed(draft: Draft, detail: float, depth: int, tones: Tones) -> Colour:
    """A picture on a surface that a light strikes from the side."""
    base, height = plain(draft, 0.5 * detail, depth, tones), field(draft, 0.6 * detail, 0)
    turn, relief = draft.angle("turn"), draft.uniform("relief", 0.5, 1.6)
    body = f"""float rise = {height}(p + 0.02 * unit_vector({turn})) - {height}(p);
        return {base}(p) * (0.85 + {relief} * clamp(rise / 0.08, -0.5, 0.5));"""
    return draft.colour(body)


def stained(draft: Draft, detail: float, depth: int, tones: Tones) -> Colour:
    """A picture with a second palette where another field is high."""
    base, stain = plain(draft, detail, depth, tones), field(draft, 0.6 * detail, 0)
    accent, level = draft.palette("accent"), draft.uniform("level", 0.5, 0.75)
    tone = draft.uniform("tone", 0.1, 0.9)
    return draft.colour(f"return mix({base}(p), {accent}({tone}), smoothstep({level}, {level} + 0.12, {stain}(p)));")


SURFACES: tuple[tuple[float, Callable[[Draft, float, int, Tones], Colour]], ...] = (
    (1.5, plain),
    (1.5, under_light),
    (1.0, two_sided),
    (1.5, embossed),
    (1.0, stained),
)


def surface(draft: Draft, detail: float, depth: int, tones: Tones) -> Colour:
    """Any picture of a surface."""
    return draft.weigh(SURFACES)(draft, detail, depth, tones)


def horizon_sky(draft: Draft, tones: Tones = FULL_GROUND) -> Colour:
    """A sky: a ramp from the horizon up, clouds on it or not, a sun or not. p.y = 0 is the horizon."""
    draft.include("space", "noise")
    palette = draft.palette(tones.role)
    low, span = draft.uniform("low_tone", 0.65, 0.95), draft.uniform("sky_span", 0.2, 0.55)
    lines = [f"vec3 colour = {palette}({low} - {span} * clamp(p.y, -0.3, 1.4));"]
    if draft.chance(0.65):
        scale, flat = draft.octaves("scale", 0.5, 1.8), draft.uniform("flat_clouds", 1.2, 3.5)
        cover, gain = draft.uniform("cover", 0.35, 0.62), draft.uniform("gain", 0.42, 0.6)
        lines += [
            f"float cloud = fbm({scale} * vec2(p.x, {flat} * p.y), 4, {gain}, {draft.salt()});",
            f"colour = mix(colour, {palette}_at(3) * (0.75 + 0.25 * cloud), smoothstep({cover}, {cover} + 0.3, "
            f"cloud));",
        ]
    if draft.chance(0.4):
        x, y = draft.uniform("sun", -0.8, 0.8), draft.uniform("sun", 0.1, 0.8)
        size, glow = draft.octaves("size", 0.05, 0.25), draft.uniform("glow", 0.1, 0.4)
        lines += [
            f"float away = length(p - vec2({x}, {y}));",
            f"colour += {glow} * exp(-3.0 * away) + 0.5 * smoothstep({size}, 0.9 * {size}, away);",
        ]
    return draft.colour("\n".join([*lines, "return colour;"]))
