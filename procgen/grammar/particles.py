"""Particle, cellular and line fields: many small things whose crowd has a form.

Number, size and direction of the things follow coarse fields, which leaves clearings and gives the crowd an outline.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, backdrop, contrast, horizon_sky, surface
from procgen.grammar.draft import Draft
from procgen.grammar.fields import calm, field
from procgen.grammar.finishing import finish


def tissue(draft: Draft) -> str:
    """Cells with walls, bodies and cores, in a clearing or a cluster."""
    draft.include("cells")
    ground_tones, figure_tones = contrast(draft)
    ground, palette, accent = backdrop(draft, ground_tones), draft.palette("figure"), draft.palette("accent")
    crowd, scale, jitter = field(draft, 2.0, 1), draft.octaves("scale", 1.6, 4.5), draft.uniform("jitter", 0.4, 1.0)
    salt, wall, core = draft.salt(), draft.uniform("wall", 0.03, 0.14), draft.uniform("core", 0.0, 0.35)
    fill, bent = draft.uniform("fill", 0.25, 0.5), draft.uniform("bent", 0.0, 0.4)
    sun, round_ = draft.angle("sun"), draft.uniform("round", 0.2, 0.9)
    body = f"""vec2 x = {scale} * (p + {bent} * noise_offset(1.2 * p, {salt} + 9.0)) + 20.0;
        Cell cell = cells(x, {jitter}, {salt});
        float h = hash1(cell.id, {salt} + 3.0), crowd = {crowd}(p);
        vec3 colour = {ground}(p);
        float d = {wall} - cell.edge + 0.6 * max({fill} + 0.15 * h - crowd, 0.0);
        colour *= 1.0 - 0.4 * smoothstep(0.15, 0.0, d);
        vec3 inner = {palette}({figure_tones.low:.2f} + {figure_tones.high - figure_tones.low:.2f} * h);
        inner *= 0.8 + {round_} * (0.4 * dot(-cell.offset, unit_vector({sun})) - 0.25 * cell.nearest * cell.nearest);
        inner = mix(inner, {accent}(h), inside(cell.nearest - {core}, 0.1));
        return mix(colour, inner, inside(d, 0.06));"""
    finish(draft, draft.colour(body))
    return "cells in a crowd"


def balls(draft: Draft) -> str:
    """Lit balls, drops or discs in several layers, sharp in front and blurred behind."""
    ground_tones, figure_tones = contrast(draft)
    ground, palette = backdrop(draft, ground_tones), draft.palette("figure")
    layers, salt, crowd = draft.whole(2, 4), draft.salt(), calm(draft)
    density, size = draft.octaves("density", 1.2, 3.5), draft.uniform("size", 0.25, 0.46)
    blur, glass, sun = draft.octaves("blur", 0.02, 0.4), draft.uniform("glass", 0.0, 0.8), draft.angle("sun")
    number = draft.uniform("number", 0.35, 0.9)
    lit = draft.choose("lit", "flat", "rim")
    bulge = "vec3(q / r, sqrt(max(1.0 - dot(q, q) / (r * r), 0.0)))"
    volume = {
        "lit": f"(0.45 + 0.6 * max(dot({bulge}, normalize(vec3(unit_vector({sun}), 0.9))), 0.0))",
        "flat": "1.0",
        "rim": "(0.7 + 0.5 * smoothstep(0.6, 1.0, length(q) / r))",
    }[lit]
    body = f"""vec3 colour = {ground}(p);
        for (int layer = ZERO; layer < {layers}; layer++) {{
        float front = float(layer + 1) / {layers}.0, key = {salt} + 3.0 * float(layer);
        float soft = {blur} * (1.05 - front) + 0.03;
        vec2 x = {density} * (1.4 - 0.6 * front) * p + 5.3 * float(layer) + 30.0;
        ivec2 cell = ivec2(floor(x));
        for (int k = ZERO; k < 9; k++) {{
        ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
        vec3 h = hash3(id, key);
        vec2 q = x - vec2(id) - 0.5 - 0.6 * (h.xy - 0.5);
        float r = {size} * (0.35 + 0.9 * h.z);
        float crowd = {crowd}((vec2(id) - 5.3 * float(layer) - 30.0) / {density});
        if (hash1(id, key + 1.0) > 1.5 * {number} * crowd) continue;
        colour *= 1.0 - 0.35 * smoothstep(0.2, -0.1, length(q + 0.12 * unit_vector({sun})) - r);
        vec3 ball = {palette}({figure_tones.low:.2f} + {figure_tones.high - figure_tones.low:.2f} * h.x) * {volume};
        ball = mix(ball, {ground}(p - q / {density} * 1.6), {glass} * (1.0 - 0.5 * length(q) / r));
        colour = mix(colour, ball, inside(length(q) - r, soft) * mix(0.6, 1.0, front));
        }}
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return f"balls in layers, {lit}"


def strokes(draft: Draft) -> str:
    """Short strokes along the contours of a field: fur, grass, brushwork, needles."""
    ground_tones, figure_tones = contrast(draft)
    ground, under = surface(draft, 3.0, 1, ground_tones), surface(draft, 2.5, 1, figure_tones)
    flow, salt = field(draft, 1.4, 1), draft.salt()
    layers, density = draft.whole(3, 5), draft.octaves("density", 2.2, 6.0)
    long, thin = draft.uniform("long", 0.6, 1.1), draft.uniform("thin", 0.04, 0.16)
    turn, wild, number = draft.angle("turn"), draft.uniform("wild", 0.1, 0.8), draft.uniform("number", 0.5, 1.0)
    vary, crowd = draft.uniform("vary", 0.2, 0.7), calm(draft)
    body = f"""vec3 colour = {ground}(p);
        for (int layer = ZERO; layer < {layers}; layer++) {{
        float key = {salt} + 3.0 * float(layer);
        vec2 x = {density} * p + 5.3 * float(layer) + 30.0;
        ivec2 cell = ivec2(floor(x));
        for (int k = ZERO; k < 9; k++) {{
        ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
        vec3 h = hash3(id, key);
        vec2 centre = vec2(id) + h.xy, at = (centre - 5.3 * float(layer) - 30.0) / {density};
        if (h.z > {number} * 1.8 * {crowd}(at)) continue;
        float angle = {turn} + 4.0 * {flow}(at) + {wild} * (h.z - 0.5);
        vec2 q = rotation(-angle) * (x - centre);
        float d = segment(q, vec2(-0.5 * {long}, 0.0), vec2(0.5 * {long}, 0.0)) - {thin} * (1.0 - 0.7 * q.x / {long});
        vec3 stroke_ = {under}(at) * (1.0 - {vary} * h.z) * (0.85 + 0.4 * clamp(q.y / {thin}, -0.5, 0.5));
        colour = mix(colour, stroke_, inside(d, 1.5 * PIXEL * {density}));
        }}
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "strokes along a flow"


def contours(draft: Draft) -> str:
    """Level lines of a landscape, tinted by height, thinner and paler in places."""
    ground, figures = draft.palette("ground"), draft.palette("figure")
    height, tint, lines = field(draft, 3.0, 2), calm(draft), draft.uniform("lines", 5.0, 11.0)
    width, low, span = (
        draft.uniform("width", 0.06, 0.3),
        draft.uniform("low_tone", 0.0, 0.3),
        draft.uniform("span", 0.5, 1.0),
    )
    sun, relief = draft.angle("sun"), draft.uniform("relief", 0.0, 1.2)
    body = f"""float h = {height}(p), x = {lines} * h;
        float steep = {lines} * length(vec2({height}(p + vec2(0.01, 0.0)), {height}(p + vec2(0.0, 0.01))) - h) / 0.01;
        vec3 colour = {ground}({low} + {span} * floor(x) / {lines}) * mix(0.7, 1.05, {tint}(p));
        colour *= 1.0 + {relief} * clamp(({height}(p + 0.03 * unit_vector({sun})) - h) / 0.15, -0.5, 0.4);
        float d = abs(fract(x) - 0.5) - {width} * (0.3 + {tint}(p));
        float soft = max(2.0 * PIXEL * steep, 0.04);
        return mix(colour, {figures}(1.0 - {low} - 0.3 * h), inside(d, soft) * smoothstep(0.9, 0.3, PIXEL * steep));"""
    finish(draft, draft.colour(body))
    return "level lines"


def threads(draft: Draft) -> str:
    """A sheaf of long threads that wander, cross and cast shadows."""
    ground_tones, figure_tones = contrast(draft)
    ground, palette = backdrop(draft, ground_tones), draft.palette("figure")
    count, salt = draft.whole(8, 20), draft.salt()
    scale, sway, spread = (
        draft.octaves("scale", 0.4, 1.6),
        draft.uniform("sway", 0.3, 1.2),
        draft.uniform("spread", 0.4, 1.1),
    )
    thin, thick, turn = draft.octaves("thin", 0.01, 0.03), draft.uniform("thick", 0.03, 0.16), draft.angle("turn")
    shadow, fan = draft.uniform("shadow", 0.2, 0.6), draft.uniform("fan", -0.7, 0.7)
    body = f"""vec3 colour = {ground}(p);
        p = rotation({turn}) * p;
        for (int i = ZERO; i < {count}; i++) {{
        vec3 h = hash3(i, {salt});
        float y = {spread} * (2.0 * h.x - 1.0) * (1.0 + {fan} * p.x);
        y += {sway} * (noise(vec2({scale} * p.x + 20.0, 3.0 * h.y), {salt} + 1.0) - 0.5);
        float w = {thin} + {thick} * h.z * h.z, d = 0.8 * (abs(p.y - y) - w);
        colour *= 1.0 - {shadow} * smoothstep(0.1, 0.0, d + 0.02);
        float bow = clamp((p.y - y) / w, -1.0, 1.0);
        vec3 thread = {palette}({figure_tones.low:.2f} + {figure_tones.high - figure_tones.low:.2f} * h.y);
        thread *= 0.7 + 0.4 * sqrt(1.0 - bow * bow) + 0.15 * bow;
        colour = mix(colour, thread, inside(d, 1.5 * PIXEL));
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "threads"


def blades(draft: Draft) -> str:
    """Grass or reeds before a sky or a backdrop, row before row, bent by one wind."""
    back = horizon_sky(draft) if draft.chance(0.5) else backdrop(draft)
    palette, tips, layers, salt = draft.palette("figure"), draft.palette("accent"), draft.whole(4, 7), draft.salt()
    number, tall, thin = (
        draft.octaves("number", 1.5, 5.0),
        draft.uniform("tall", 0.6, 1.5),
        draft.uniform("thin", 0.06, 0.22),
    )
    wind, wild, low = (
        draft.uniform("wind", -0.5, 0.5),
        draft.uniform("wild", 0.1, 0.5),
        draft.uniform("floor", -1.0, -0.4),
    )
    ear, share = draft.uniform("ear", 0.0, 0.35), draft.uniform("share", 0.0, 0.7)
    body = f"""vec3 colour = {back}(p);
        for (int layer = ZERO; layer < {layers}; layer++) {{
        float front = float(layer + 1) / {layers}.0, key = {salt} + 3.0 * float(layer);
        float pitch = {number} * (2.2 - 1.4 * front), base = mix({low}, -1.5, front);
        float root = pitch * p.x + 5.3 * float(layer) + 40.0;
        for (int k = ZERO; k < 5; k++) {{
        int id = int(floor(root)) + k - 2;
        vec3 h = hash3(id, key);
        float top = {tall} * (0.5 + 0.7 * h.x), y = saturate((p.y - base) / top);
        float bend = ({wind} + {wild} * (h.y - 0.5)) * y * y * pitch + 0.8 * (h.z - 0.5);
        float d = abs(root - float(id) - 0.5 - bend) - {thin} * (0.6 + h.z) * (1.0 - y);
        float head = length(vec2(root - float(id) - 0.5 - bend, 2.5 * (p.y - base - 0.95 * top) * pitch)) - {ear};
        if (h.y < {share}) d = min(d, head);
        d = max(d, p.y - base - top * 1.1);
        vec3 blade = mix({palette}(0.1 + 0.5 * y + 0.2 * h.x), {tips}(0.3 + 0.5 * h.z), 0.6 * y) * (0.55 + 0.45 * y);
        colour = mix(colour, mix({back}(p), blade, 0.4 + 0.6 * front), inside(d, 1.5 * PIXEL * pitch));
        }}
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "blades before a sky"


def lights(draft: Draft) -> str:
    """Points of light of all sizes over dust and clouds, denser along a band: stars, sparks, a town at night."""
    dust, palette, accent = (
        surface(draft, 3.0, 1, Tones("ground", 0.0, 0.6)),
        draft.palette("figure"),
        draft.palette("accent"),
    )
    layers, salt, turn = draft.whole(3, 5), draft.salt(), draft.angle("turn")
    density, band, power = (
        draft.octaves("density", 1.2, 3.0),
        draft.uniform("band", 0.2, 0.9),
        draft.uniform("power", 0.5, 1.2),
    )
    size, long = draft.octaves("size", 0.03, 0.14), draft.uniform("long", 0.15, 1.0)
    off, bow = draft.uniform("off", -0.4, 0.4), draft.uniform("bow", -0.6, 0.6)
    body = f"""vec2 along = rotation({turn}) * p;
        float away = (along.y - {off} - {bow} * along.x * along.x) / {band};
        float crowd = exp(-away * away);
        vec3 colour = {dust}(p) * (0.45 + 0.6 * crowd);
        for (int layer = ZERO; layer < {layers}; layer++) {{
        float key = {salt} + 3.0 * float(layer), fine = {density} * (1.0 + 0.8 * float(layer));
        vec2 x = fine * along + 7.3 * float(layer) + 30.0;
        ivec2 cell = ivec2(floor(x));
        for (int k = ZERO; k < 9; k++) {{
        ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
        vec3 h = hash3(id, key);
        if (h.z > 0.25 + 0.75 * crowd) continue;
        vec2 q = (x - vec2(id) - 0.5 - 0.8 * (h.xy - 0.5)) * vec2({long}, 1.0);
        float g = hash1(id, key + 1.0), r = {size} * (0.4 + 2.5 * g * g * g);
        float glow = smoothstep(r, 0.5 * r, length(q)) + 0.4 * exp(-length(q) / r);
        vec3 light = mix({palette}(0.4 + 0.6 * h.x), {accent}(0.5 + 0.5 * h.y), step(0.7, g));
        colour += (1.0 - colour) * saturate({power} * glow) * light;
        }}
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "lights over dust"


VARIANTS: tuple[tuple[float, Callable[[Draft], str]], ...] = (
    (1.4, tissue),
    (1.6, balls),
    (1.5, strokes),
    (1.0, contours),
    (1.1, threads),
    (1.2, blades),
    (0.9, lights),
)


def write(draft: Draft) -> str:
    """Write `shade`; returns the program's title."""
    draft.include("space", "noise", "shape")
    return draft.weigh(VARIANTS)(draft)
