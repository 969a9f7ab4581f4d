"""Finishing: what every picture of the grammar gets last, whatever its class.

Half of the pictures are seen through something or on something: a bent sheet, a canvas, haze, a blurred thing close to
the eye. It crosses the classes with each other, so that one class does not always look alike. The grade at the end
lifts the middle tones and steepens them by an S-curve that keeps black and white where they are.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, backdrop
from procgen.grammar.coordinates import bulged, drifted, mirrored, placed, swirled, waved
from procgen.grammar.draft import Colour, Draft
from procgen.grammar.fields import calm, field
from procgen.grammar.figures import figure


def untouched(draft: Draft, picture: Colour) -> Colour:
    """The picture itself."""
    return picture


def bent(draft: Draft, picture: Colour) -> Colour:
    """The picture on warped coordinates."""
    turned = draft.choose(drifted, bulged, waved, swirled, mirrored, placed)(draft)
    return draft.colour(f"return {picture}({turned.warp}(p));")


def on_canvas(draft: Draft, picture: Colour) -> Colour:
    """The picture painted on something rough, which a light strikes."""
    ground, power, turn = field(draft, 14.0, 1), draft.uniform("power", 0.5, 1.3), draft.angle("turn")
    body = f"""float rise = {ground}(p + 0.02 * unit_vector({turn})) - {ground}(p);
        return {picture}(p) * (1.0 + {power} * clamp(rise / 0.15, -0.35, 0.35));"""
    return draft.colour(body)


def hazed(draft: Draft, picture: Colour) -> Colour:
    """Light or mist over a part of the picture."""
    air, cover, power = backdrop(draft, Tones("accent", 0.4, 1.0)), calm(draft), draft.uniform("power", 0.4, 0.9)
    body = f"return mix({picture}(p), {air}(p), {power} * smoothstep(0.35, 0.85, {cover}(p)));"
    return draft.colour(body)


def behind(draft: Draft, picture: Colour) -> Colour:
    """Something large and out of focus stands before the picture, at its side."""
    shape, near = figure(draft), backdrop(draft, Tones("accent", 0.0, 0.7))
    angle, far = draft.angle("side"), draft.uniform("far", 0.9, 1.3)
    size, blur, turn = draft.uniform("size", 0.5, 1.0), draft.octaves("blur", 0.02, 0.4), draft.angle("turn")
    body = f"""vec2 q = rotation({turn}) * (p - {far} * unit_vector({angle}));
        float d = {size} * {shape}(q / {size});
        return mix({picture}(p) * (1.0 - 0.4 * smoothstep(0.25, 0.0, d)), {near}(p), inside(d, {blur}));"""
    return draft.colour(body)


def framed(draft: Draft, picture: Colour) -> Colour:
    """A part of the picture, larger, in a window on the picture, like a pane or a reflection."""
    shape, size, closer = figure(draft), draft.uniform("size", 0.35, 0.8), draft.uniform("closer", 0.4, 0.75)
    x, y = draft.uniform("centre", -0.6, 0.6), draft.uniform("centre", -0.6, 0.6)
    body = f"""vec2 c = vec2({x}, {y});
        float d = {size} * {shape}((p - c) / {size});
        vec3 pane = {picture}(p + {closer} * (c - p)) * 1.1;
        return mix({picture}(p) * (1.0 - 0.5 * smoothstep(0.15, 0.0, d)), pane, inside(d, 2.0 * PIXEL));"""
    return draft.colour(body)


FINISHES: tuple[tuple[float, Callable[[Draft, Colour], Colour]], ...] = (
    (5.0, untouched),
    (1.3, bent),
    (1.3, on_canvas),
    (0.9, hazed),
    (1.4, behind),
    (0.6, framed),
)


def finish(draft: Draft, picture: Colour) -> None:
    """Write `shade`: the picture, finished and graded."""
    draft.include("space", "noise", "shape")
    finished = draft.weigh(FINISHES)(draft, picture)
    lift, steep = draft.uniform("lift", 1.0, 1.35), draft.uniform("steep", 0.2, 1.0)
    body = f"""vec3 colour = clamp({lift} * {finished}(p), 0.0, 1.0);
        return mix(colour, colour * colour * (3.0 - 2.0 * colour), {steep});"""
    draft.define("shade", "vec3 shade(vec2 p)", body)
