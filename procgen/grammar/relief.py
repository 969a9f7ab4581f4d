"""Lit height fields: ground seen from above or along it, with cast shadows, water, snow or paint.

The height is any field of the grammar, kept coarse, because light doubles the apparent frequency of what it strikes.
"""

from __future__ import annotations

from procgen.grammar.colours import Tones, horizon_sky
from procgen.grammar.draft import Draft, Field
from procgen.grammar.fields import field
from procgen.grammar.figures import figure
from procgen.grammar.finishing import finish

SHADOW_STEPS = 5


def _height(draft: Draft) -> Field:
    """Large forms, one or two layers, and a little roughness on them."""
    kind = draft.weigh(((3.0, "land"), (1.5, "cast"), (1.5, "stamped")))
    large = field(draft, draft.choose(4.0, 6.0, 9.0), 1)
    if kind == "land":
        rough, scale = draft.uniform("rough", 0.05, 0.35), draft.octaves("scale", 2.0, 5.0)
        return draft.field(f"return mix({large}(p), fbm({scale} * p, 3, 0.5, {draft.salt()}), {rough});")
    if kind == "cast":
        edge = draft.octaves("edge", 0.05, 0.4)
        level = draft.uniform("level", 0.35, 0.6)
        return draft.field(
            f"return 0.3 * {large}(p) + 0.6 * smoothstep({level} - {edge}, {level} + {edge}, {large}(p));"
        )
    shape, size = figure(draft), draft.uniform("size", 0.3, 0.6)
    pitch, edge = draft.uniform("pitch", 0.9, 1.6), draft.octaves("edge", 0.05, 0.4)
    body = f"""vec2 cell = floor(p / {pitch});
        vec2 q = rotation(TURN * hash1(ivec2(cell), {draft.salt()})) * (p - {pitch} * (cell + 0.5));
        float stamp = smoothstep({edge}, -{edge}, {size} * {shape}(q / {size}));
        return mix({large}(p), stamp, {draft.uniform("share", 0.3, 0.8)});"""
    return draft.field(body)


def _albedo(draft: Draft) -> str:
    """Statements that turn height h, slope and q into `albedo`."""
    ground, figures = draft.palette("ground"), draft.palette("figure")
    stain = field(draft, draft.choose(2.0, 6.0, 12.0), 1)
    kind = draft.choose("height", "steep", "painted", "veined")
    if kind == "height":
        return f"vec3 albedo = {ground}(0.15 + 0.8 * h + {draft.uniform('mottle', 0.1, 0.6)} * ({stain}(q) - 0.5));"
    if kind == "steep":
        flat = "smoothstep(0.75, 0.95, normal.z)"
        return f"vec3 albedo = mix({ground}(0.3 + 0.6 * {stain}(q)), {figures}(0.4 + 0.5 * h), {flat});"
    if kind == "painted":
        level = draft.uniform("level", 0.4, 0.6)
        part = f"smoothstep({level}, {level} + 0.06, {stain}(q))"
        return f"vec3 albedo = mix({ground}(0.3 + 0.6 * h), {figures}(0.6 * {stain}(q) + 0.3), {part});"
    return (
        f"vec3 albedo = {ground}(0.4 + 0.5 * {stain}(q)) * mix({draft.uniform('vein', 0.3, 0.7)}, 1.1, "
        f"smoothstep(0.0, 0.5, h));"
    )


def write(draft: Draft) -> str:
    """Write `relief` and `shade`; returns the program's title."""
    draft.include("space", "noise", "relief")
    height = draft.uniform("height", 0.3, 0.8)
    draft.define("relief", "float relief(vec2 q)", f"return {height} * {_height(draft)}(q);")
    sun, elevation = draft.angle("sun"), draft.uniform("elevation", 0.3, 0.9)
    gloss, sharp = draft.uniform("gloss", 0.0, 0.35), draft.octaves("sharp", 4.0, 30.0)
    ambient, soft = draft.uniform("ambient", 0.25, 0.5), draft.uniform("softness", 0.2, 0.6)
    lines = [
        f"float h = relief(q) / {height};",
        "vec3 normal = relief_normal(q, 0.02);",
        f"vec3 light = light_direction({sun}, {elevation});",
        f"float lit = relief_shadow(q, light, 0.5, {soft}, {SHADOW_STEPS});",
        _albedo(draft),
        f"vec3 colour = shine(albedo, normal, light, lit, {ambient}, {gloss}, {sharp});",
    ]
    cover = draft.weigh(((1.5, "bare"), (1.0, "water"), (0.6, "snow")))
    if cover == "water":
        water, level = draft.palette("accent"), draft.uniform("level", 0.25, 0.5)
        clear = draft.uniform("clear", 0.15, 0.4)
        lines.append(
            f"if (h < {level}) colour = mix(colour, {water}(0.75 - 1.2 * ({level} - h)), smoothstep(0.0, {clear}, "
            f"{level} - h + 0.1));"
        )
    if cover == "snow":
        line = draft.uniform("snow_line", 0.45, 0.7)
        lines.append(
            f"colour = mix(colour, vec3(0.55 + 0.4 * lit * max(dot(normal, light), 0.0)), smoothstep({line}, "
            f"{line} + 0.12, h) * smoothstep(0.5, 0.8, normal.z));"
        )
    ground = draft.colour("\n".join(["vec2 q = p;", *lines, "return colour;"]))
    scale, turn = draft.octaves("view_scale", 0.6, 1.5), draft.angle("view")
    if draft.chance(0.35):
        sky, horizon = horizon_sky(draft, Tones(draft.choose("accent", "ground"))), draft.uniform("horizon", 0.1, 0.6)
        eye, haze = draft.uniform("eye", 0.7, 1.3), draft.uniform("haze", 0.1, 0.35)
        body = f"""float down = {horizon} - p.y;
            vec3 far = {sky}(p - vec2(0.0, {horizon}));
            if (down < 0.02) return far;
            vec2 floor_ = {eye} * vec2(p.x, 1.0) / (down + 0.08);
            vec3 near = {ground}(rotation({turn}) * floor_ * {scale});
            return mix({sky}(vec2(p.x, 0.0)), near, exp(-{haze} * length(floor_)) * smoothstep(0.02, 0.15, down));"""
        finish(draft, draft.colour(body))
        return f"lit ground up to the horizon, {cover}"
    finish(draft, draft.colour(f"return {ground}({scale} * rotation({turn}) * p);"))
    return f"lit relief from above, {cover}"
