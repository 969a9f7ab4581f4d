"""Lit height fields: ground from above, a floor up to the horizon, or land seen from a place in it.

The height is any field of the grammar, kept coarse, because light doubles the apparent frequency of what it strikes;
where it is rough, it is so in a part of the picture only. Sunlight is warm and shade is cool, or the other way round.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, horizon_sky
from procgen.grammar.draft import Colour, Draft, Field
from procgen.grammar.fields import calm, field
from procgen.grammar.figures import figure
from procgen.grammar.finishing import finish

SHADOW_STEPS = 5
LAND_STEPS, FAR = 26, 9.0


def land(draft: Draft, large: Field) -> Field:
    """Large forms, rough in places."""
    rough, scale, mask = draft.uniform("rough", 0.05, 0.35), draft.octaves("scale", 2.0, 5.0), calm(draft)
    part = f"{rough} * smoothstep(0.3, 0.6, {mask}(p))"
    return draft.field(f"return mix({large}(p), fbm({scale} * p, 3, 0.5, {draft.salt()}), {part});")


def cast(draft: Draft, large: Field) -> Field:
    """A raised and a low floor with a slope between them."""
    edge, level = draft.octaves("edge", 0.05, 0.4), draft.uniform("level", 0.35, 0.6)
    return draft.field(f"return 0.3 * {large}(p) + 0.6 * smoothstep({level} - {edge}, {level} + {edge}, {large}(p));")


def stamped(draft: Draft, large: Field) -> Field:
    """A figure pressed into the ground or standing on it, in each cell of a grid."""
    shape, size = figure(draft), draft.uniform("size", 0.3, 0.6)
    pitch, edge = draft.uniform("pitch", 0.9, 1.6), draft.octaves("edge", 0.05, 0.4)
    body = f"""vec2 cell = floor(p / {pitch});
        vec2 q = rotation(TURN * hash1(ivec2(cell), {draft.salt()})) * (p - {pitch} * (cell + 0.5));
        float stamp = smoothstep({edge}, -{edge}, {size} * {shape}(q / {size}));
        return mix({large}(p), stamp, {draft.uniform("share", 0.3, 0.8)});"""
    return draft.field(body)


def mounds(draft: Draft, large: Field) -> Field:
    """Domes, craters and pits of many sizes on a plain."""
    count, salt, rim = draft.whole(4, 9), draft.salt(), draft.uniform("rim", 0.0, 0.5)
    small, wide, base = (
        draft.uniform("small", 0.1, 0.2),
        draft.uniform("wide", 0.3, 0.7),
        draft.uniform("base", 0.2, 0.6),
    )
    body = f"""float h = {base} * {large}(0.6 * p), pits = step(0.5, hash1(99, {salt}));
        for (int i = ZERO; i < {count}; i++) {{
        vec3 g = hash3(i, {salt});
        float r = {small} + {wide} * g.z * g.z * g.z, x = length(p - 2.6 * (g.xy - 0.5)) / r;
        float dome = sqrt(max(1.0 - x * x, 0.0)), ring = {rim} * exp(-30.0 * (x - 1.0) * (x - 1.0));
        h += (0.2 + r) * (pits > 0.5 ? 0.8 * ring - 0.6 * dome : dome);
        }}
        return saturate(h);"""
    return draft.field(body)


def path(draft: Draft, large: Field) -> Field:
    """A smooth way or river bed that winds through the land."""
    sway, scale = draft.uniform("sway", 0.3, 1.0), draft.octaves("wind", 0.5, 1.3)
    width, deep, turn = draft.uniform("width", 0.1, 0.3), draft.uniform("bed", 0.0, 0.35), draft.angle("turn")
    body = f"""vec2 q = rotation({turn}) * p;
        float d = abs(q.y - {sway} * (2.0 * noise(vec2({scale} * q.x + 20.0, 3.0), {draft.salt()}) - 1.0));
        return mix({deep}, {large}(p), smoothstep(0.5 * {width}, 2.0 * {width}, d));"""
    return draft.field(body)


HEIGHTS: tuple[tuple[float, Callable[[Draft, Field], Field]], ...] = (
    (2.5, land),
    (1.2, cast),
    (1.2, stamped),
    (1.3, mounds),
    (1.3, path),
)


def _height(draft: Draft, details: tuple[float, ...]) -> tuple[Field, str]:
    """The height and the name of its production."""
    production = draft.weigh(HEIGHTS)
    return production(draft, field(draft, draft.choose(*details), 1)), production.__name__


def _albedo(draft: Draft) -> str:
    """Statements that turn height h, normal and q into `albedo`."""
    ground, figures = draft.palette("ground"), draft.palette("figure")
    stain = field(draft, draft.choose(2.0, 6.0, 12.0), 1)
    kind = draft.choose("height", "steep", "painted", "veined", "strata", "hollows")
    if kind == "height":
        return f"vec3 albedo = {ground}(0.15 + 0.8 * h + {draft.uniform('mottle', 0.1, 0.6)} * ({stain}(q) - 0.5));"
    if kind == "steep":
        flat = "smoothstep(0.75, 0.95, normal.z)"
        return f"vec3 albedo = mix({ground}(0.3 + 0.6 * {stain}(q)), {figures}(0.4 + 0.5 * h), {flat});"
    if kind == "painted":
        level = draft.uniform("level", 0.4, 0.6)
        part = f"smoothstep({level}, {level} + 0.06, {stain}(q))"
        return f"vec3 albedo = mix({ground}(0.3 + 0.6 * h), {figures}(0.6 * {stain}(q) + 0.3), {part});"
    if kind == "strata":
        layers, wobble = draft.uniform("layers", 3.0, 8.0), draft.uniform("wobble", 0.0, 0.25)
        return f"""float layer = {layers} * (h + {wobble} * ({stain}(q) - 0.5)), id = floor(layer);
            float other = step(0.5, hash1(int(id), 7.0));
            vec3 albedo = mix({ground}(hash1(int(id), 3.0)), {figures}(hash1(int(id), 5.0)), other);
            albedo *= 0.75 + 0.25 * smoothstep(0.0, 0.25, fract(layer));"""
    if kind == "hollows":
        level, soft = draft.uniform("level", 0.3, 0.6), draft.uniform("soft", 0.05, 0.3)
        part = f"smoothstep({level} + {soft}, {level} - {soft}, h + 0.2 * ({stain}(q) - 0.5))"
        return f"vec3 albedo = mix({ground}(0.3 + 0.5 * {stain}(q)), {figures}(0.25 + 0.6 * {stain}(q)), {part});"
    return (
        f"vec3 albedo = {ground}(0.4 + 0.5 * {stain}(q)) * mix({draft.uniform('vein', 0.3, 0.7)}, 1.1, "
        f"smoothstep(0.0, 0.5, h));"
    )


def _warmth(draft: Draft) -> str:
    """Statement that tints `colour` by how much sun it gets, `lit`."""
    warm = draft.uniform("warm", -0.08, 0.28)
    return (
        f"colour *= mix(vec3(1.0 - {warm}, 1.0, 1.0 + {warm}), vec3(1.0 + 0.6 * {warm}, 1.0, 1.0 - 0.8 * {warm}), lit);"
    )


def _covered(draft: Draft, cover: str) -> str:
    """Statements that put water or snow over `colour`."""
    if cover == "water":
        water, level, clear = (
            draft.palette("accent"),
            draft.uniform("level", 0.25, 0.5),
            draft.uniform("clear", 0.15, 0.4),
        )
        return (
            f"if (h < {level}) colour = mix(colour, {water}(0.75 - 1.2 * ({level} - h)), smoothstep(0.0, {clear}, "
            f"{level} - h + 0.1));"
        )
    if cover == "snow":
        line = draft.uniform("snow_line", 0.45, 0.7)
        return (
            f"colour = mix(colour, vec3(0.55 + 0.4 * lit * max(dot(normal, light), 0.0)), smoothstep({line}, "
            f"{line} + 0.12, h) * smoothstep(0.5, 0.8, normal.z));"
        )
    return ""


def _lit_ground(draft: Draft, cover: str) -> Colour:
    """The ground from above, as a picture."""
    height = draft.uniform("height", 0.3, 0.8)
    form, _ = _height(draft, (4.0, 6.0, 9.0))
    draft.define("relief", "float relief(vec2 q)", f"return {height} * {form}(q);")
    sun, elevation = draft.angle("sun"), draft.uniform("elevation", 0.3, 0.9)
    gloss, sharp = draft.uniform("gloss", 0.0, 0.35), draft.octaves("sharp", 4.0, 30.0)
    ambient, soft = draft.uniform("ambient", 0.25, 0.5), draft.uniform("softness", 0.2, 0.6)
    body = f"""vec2 q = p;
        float h = relief(q) / {height};
        vec3 normal = relief_normal(q, 0.02);
        vec3 light = light_direction({sun}, {elevation});
        float lit = relief_shadow(q, light, 0.5, {soft}, {SHADOW_STEPS});
        {_albedo(draft)}
        vec3 colour = shine(albedo, normal, light, lit, {ambient}, {gloss}, {sharp});
        {_warmth(draft)}
        {_covered(draft, cover)}
        return colour;"""
    return draft.colour(body)


def from_above(draft: Draft, cover: str) -> str:
    """Ground straight from above."""
    ground, scale, turn = _lit_ground(draft, cover), draft.octaves("view_scale", 0.6, 1.5), draft.angle("view")
    finish(draft, draft.colour(f"return {ground}({scale} * rotation({turn}) * p);"))
    return "lit relief from above"


def to_the_horizon(draft: Draft, cover: str) -> str:
    """The same ground, tilted away up to a sky."""
    ground, scale, turn = _lit_ground(draft, cover), draft.octaves("view_scale", 0.6, 1.5), draft.angle("view")
    sky, horizon = horizon_sky(draft, Tones(draft.choose("accent", "ground"))), draft.uniform("horizon", 0.1, 0.6)
    eye, haze = draft.uniform("eye", 0.7, 1.3), draft.uniform("haze", 0.1, 0.35)
    body = f"""float down = {horizon} - p.y;
        vec3 far = {sky}(p - vec2(0.0, {horizon}));
        if (down < 0.02) return far;
        vec2 floor_ = {eye} * vec2(p.x, 1.0) / (down + 0.08);
        vec3 near = {ground}(rotation({turn}) * floor_ * {scale});
        return mix({sky}(vec2(p.x, 0.0)), near, exp(-{haze} * length(floor_)) * smoothstep(0.02, 0.15, down));"""
    finish(draft, draft.colour(body))
    return "lit ground up to the horizon"


def from_within(draft: Draft, cover: str) -> str:
    """Hills and valleys from a place among them, one hiding the next, with water or snow."""
    height, scale = draft.uniform("height", 1.1, 2.4), draft.octaves("land_scale", 0.3, 0.7)
    form, name = _height(draft, (2.5, 4.0))
    draft.define("relief", "float relief(vec2 q)", f"return {height} * {form}({scale} * q);")
    sky, water = horizon_sky(draft, Tones(draft.choose("accent", "ground"))), draft.palette("accent")
    level = f"{height} * {draft.uniform('water_level', 0.2, 0.45)}" if cover == "water" else "-1.0"
    eye, tilt, zoom = (
        draft.uniform("eye", 0.2, 0.8),
        draft.uniform("tilt", -0.35, 0.05),
        draft.uniform("zoom", 1.0, 1.8),
    )
    sun, elevation, ambient = (
        draft.angle("sun"),
        draft.uniform("elevation", 0.25, 0.8),
        draft.uniform("ambient", 0.35, 0.55),
    )
    view, haze, x = draft.angle("view"), draft.octaves("haze", 0.004, 0.04), draft.uniform("place", -3.0, 3.0)
    body = f"""vec2 here = vec2({x}, 2.0);
        vec3 origin = vec3(here.x, max(relief(here), {level}) + {eye}, here.y);
        vec3 ray = normalize(vec3(p.x, p.y + {tilt}, {zoom}));
        ray.xz = rotation({view}) * ray.xz;
        vec3 air = {sky}(vec2(p.x, 0.02)), back = {sky}(p + vec2(0.0, {tilt}));
        float t = 0.15, gap = 0.0;
        for (int i = ZERO; i < {LAND_STEPS}; i++) {{
        vec3 at = origin + t * ray;
        gap = at.y - max(relief(at.xz), {level});
        if (gap < 0.002 * t || t > {FAR}) break;
        t += 0.55 * gap + 0.015 * t;
        }}
        if (t > {FAR} || gap > 0.05 * t + 0.02) return back;
        vec2 q = (origin + t * ray).xz;
        float h = relief(q) / {height};
        vec3 normal = relief_normal(q, 0.01 + 0.015 * t), light = light_direction({sun}, {elevation});
        float lit = relief_shadow(q, light, 0.8, 0.4, {SHADOW_STEPS}) * max(dot(normal, light), 0.0);
        {_albedo(draft)}
        vec3 colour = albedo * ({ambient} + (1.25 - {ambient}) * lit);
        {_warmth(draft)}
        {_covered(draft, cover if cover == "snow" else "bare")}
        float under = {level} - {height} * h;
        vec3 mirror = {sky}(vec2(p.x, abs(p.y) + 0.08 * noise(vec2(3.0, 9.0) * q, 4.0)));
        if (under > 0.0) colour = mix(mix({water}(0.6 - under), mirror, 0.5), colour, 0.5 * exp(-9.0 * under));
        return mix(air, colour, exp(-{haze} * t * t));"""
    finish(draft, draft.colour(body))
    return f"{name} from within"


VIEWS: tuple[tuple[float, Callable[[Draft, str], str]], ...] = (
    (2.6, from_above),
    (1.0, to_the_horizon),
    (2.2, from_within),
)


def write(draft: Draft) -> str:
    """Write `relief` and `shade`; returns the program's title."""
    draft.include("space", "noise", "shape", "relief")
    cover = draft.weigh(((1.5, "bare"), (1.0, "water"), (0.6, "snow")))
    return f"{draft.weigh(VIEWS)(draft, cover)}, {cover}"
