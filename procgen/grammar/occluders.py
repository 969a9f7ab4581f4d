"""Layered occluders: things that lie before one another, each with its edge, its shadow and its surface.

After the dead leaves model (Matheron 1968; Lee, Mumford and Huang 2001, "Occlusion models for natural images"): sizes
follow a power law, later leaves hide earlier ones. Layers are few and grounds calm, so that figures stay legible.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, backdrop, contrast, horizon_sky, surface
from procgen.grammar.draft import Colour, Draft
from procgen.grammar.fields import calm, field
from procgen.grammar.figures import figure
from procgen.grammar.finishing import finish


def _ground(draft: Draft, tones: Tones) -> Colour:
    return backdrop(draft, tones) if draft.chance(0.6) else surface(draft, 8.0, 1, tones)


def _volume(draft: Draft) -> str:
    """How a leaf of distance d and radius r is shaded towards its rim, as a factor."""
    return draft.choose(
        "1.0",
        f"mix({draft.uniform('rim', 0.4, 0.8)}, 1.05, smoothstep(0.0, 0.7, -d / r))",
        f"(0.75 + {draft.uniform('light', 0.2, 0.5)} * dot(q, unit_vector({draft.angle('sun')})) / r)",
        f"(1.1 - {draft.uniform('crease', 0.2, 0.5)} * smoothstep(0.08, 0.0, abs(q.y) / r))",
    )


def scattered(draft: Draft) -> str:
    """Leaves of many sizes, scattered over a ground."""
    draft.include("space", "noise", "shape")
    ground_tones, figure_tones = contrast(draft)
    ground, shape = _ground(draft, ground_tones), figure(draft)
    other = figure(draft) if draft.chance(0.5) else shape
    texture, figures = field(draft, 8.0, 1), draft.palette("figure")
    count, salt, volume = draft.whole(6, 22), draft.salt(), _volume(draft)
    small, large = draft.uniform("small", 0.08, 0.2), draft.uniform("large", 0.3, 0.75)
    x, y = draft.uniform("gather", -0.4, 0.4), draft.uniform("gather", -0.4, 0.4)
    spread, turned = draft.uniform("spread", 0.6, 1.3), draft.uniform("turned", 0.0, 1.0)
    shadow, blur = draft.uniform("shadow", 0.2, 0.7), draft.octaves("blur", 0.03, 0.2)
    grain, low = draft.uniform("grain", 0.2, 0.8), figure_tones.low
    body = f"""vec3 colour = {ground}(p);
        for (int i = ZERO; i < {count}; i++) {{
        vec3 h = hash3(i, {salt});
        vec2 g = hash2(i, {salt} + 7.0);
        float r = {small} + {large} * h.z * h.z * h.z;
        vec2 q = rotation({turned} * TURN * g.x) * (p - vec2({x}, {y}) - {spread} * (2.0 * h.xy - 1.0));
        if (length(q) > 2.0 * r + {blur}) continue;
        float d = r * (g.y < 0.5 ? {shape}(q / r) : {other}(q / r));
        colour *= 1.0 - {shadow} * smoothstep({blur}, -0.5 * {blur}, d + 0.1 * q.y);
        float pattern = {texture}(q / (0.4 + r) + 3.0 * h.xy);
        float tone = {low:.2f} + {figure_tones.high - low:.2f} * mix(g.x, pattern, {grain});
        colour = mix(colour, {figures}(tone) * {volume}, inside(d, 1.5 * PIXEL));
        }}
        return colour;"""
    return _finish(draft, draft.colour(body), "scattered shapes over a ground")


def sheets(draft: Draft) -> str:
    """Torn or cut sheets on one another, each with its shadow."""
    draft.include("space", "noise")
    count = draft.whole(3, 5)
    tones = (Tones("ground", 0.5, 1.0), Tones("figure", 0.0, 0.7), Tones("accent", 0.3, 1.0))
    lines = [f"vec3 colour = {_ground(draft, Tones('ground'))}(p); float d, edge;"]
    shade_turn, rough = draft.angle("turn"), draft.chance(0.6)
    shadow, blur = draft.uniform("shadow", 0.3, 0.7), draft.octaves("blur", 0.05, 0.25)
    for i in range(count):
        paper = surface(draft, draft.choose(3.0, 6.0, 10.0), 1, tones[i % 3])
        border = field(draft, draft.choose(1.6, 3.0), 1) if draft.chance(0.4) else calm(draft)
        level, torn = draft.uniform("level", 0.35, 0.65), draft.uniform("torn", 0.01, 0.08)
        side, far = draft.angle("side"), draft.uniform("far", -0.1, 0.7)
        ragged = f" + {torn} * noise(9.0 * p, {draft.salt()})" if rough else ""
        lines += [
            f"edge = {level} - {border}(p) + 0.7 * (dot(p, unit_vector({side})) - {far}) {ragged};",
            f"colour *= 1.0 - {shadow} * smoothstep({blur}, 0.0, edge + 0.05 * dot(p, unit_vector({shade_turn})));",
            f"colour = mix(colour, {paper}(p), inside(edge, 3.0 * PIXEL));",
        ]
    return _finish(draft, draft.colour("\n".join([*lines, "return colour;"])), "sheets on one another")


def ranges(draft: Draft) -> str:
    """Silhouettes one behind the other, paler with distance, under a sky."""
    draft.include("space", "noise")
    sky, palette = horizon_sky(draft), draft.palette("figure")
    texture, count, salt = field(draft, 6.0, 1), draft.whole(3, 7), draft.salt()
    top, step_ = draft.uniform("top", 0.1, 0.6), draft.uniform("bottom", -0.9, -0.5)
    height, scale = draft.uniform("height", 0.25, 0.6), draft.octaves("scale", 0.6, 2.2)
    haze, grain = draft.uniform("haze", 0.4, 0.9), draft.uniform("grain", 0.1, 0.5)
    crest = draft.choose(
        "fbm(x, 4, 0.5, key)",
        "ridges(x, 4, 0.45, key)",
        "(0.6 * fbm(x, 2, 0.4, key) + 0.4 * floor(6.0 * hash1(int(floor(5.0 * x.x)), key)) / 6.0)",
    )
    body = f"""vec3 far = {sky}(p - vec2(0.0, {top})), colour = far;
        vec3 mist = {sky}(vec2(0.3 * p.x, 0.0));
        for (int i = ZERO; i < {count}; i++) {{
        float front = float(i + 1) / {count}.0, key = {salt} + 5.0 * float(i);
        vec2 x = {scale} * vec2(p.x * (1.6 - 0.9 * front) + 7.0 * float(i), 0.0);
        float d = p.y - mix({top}, {step_}, front) - {height} * (0.4 + 0.6 * front) * ({crest} - 0.5);
        float tone = 0.1 + 0.5 * hash1(i, key) + {grain} * ({texture}(p * (1.5 - front) + 3.0 * front) - 0.5);
        vec3 slope = mix(mist, {palette}(tone), 1.0 - {haze} * (1.0 - front));
        colour = mix(colour, mix(slope, mist, 0.5 * {haze} * smoothstep(0.0, -0.6, d)), inside(d, 2.0 * PIXEL));
        }}
        return colour;"""
    return _finish(draft, draft.colour(body), "silhouettes under a sky")


def overlapping(draft: Draft) -> str:
    """Rows of one figure, each row over the last: foliage, scales, pebbles, petals."""
    draft.include("space", "noise", "shape")
    ground_tones, figure_tones = contrast(draft)
    ground, shape, palette = _ground(draft, ground_tones), figure(draft), draft.palette("figure")
    layers, salt, volume = draft.whole(2, 3), draft.salt(), _volume(draft)
    density, size = draft.octaves("density", 1.6, 4.5), draft.uniform("size", 0.45, 0.8)
    cover, turned = draft.uniform("cover", 0.35, 0.8), draft.uniform("turned", 0.0, 0.6)
    crowd, lean = calm(draft) if draft.chance(0.6) else field(draft, 3.0, 1), draft.angle("lean")
    deep, shadow = draft.uniform("deep", 0.3, 0.7), draft.uniform("shadow", 0.1, 0.5)
    low, span = figure_tones.low, figure_tones.high - figure_tones.low
    body = f"""vec3 colour = {ground}(p);
        for (int layer = ZERO; layer < {layers}; layer++) {{
        float front = float(layer + 1) / {layers}.0, key = {salt} + 3.0 * float(layer);
        vec2 x = {density} * (1.3 - 0.4 * front) * p + 4.37 * float(layer) + 30.0;
        ivec2 cell = ivec2(floor(x));
        for (int k = ZERO; k < 9; k++) {{
        ivec2 id = cell + ivec2(k % 3, 2 - k / 3) - 1;
        vec3 h = hash3(id, key);
        vec2 centre = vec2(id) + 0.5 + 0.7 * (h.xy - 0.5);
        float crowd = {crowd}((centre - 4.37 * float(layer) - 30.0) / {density}) + 0.3 * (h.z - 0.5);
        if (abs(crowd - 0.5) > 0.5 * {cover}) continue;
        vec2 q = rotation({lean} + {turned} * TURN * (h.z - 0.5)) * (x - centre);
        float r = {size} * (0.7 + 0.5 * h.x), d = r * {shape}(q / r);
        colour *= 1.0 - {shadow} * smoothstep(0.25, -0.1, d + 0.2 * (x.y - centre.y));
        vec3 leaf = {palette}({low:.2f} + {span:.2f} * h.y) * mix({deep}, 1.1, front) * {volume};
        colour = mix(colour, leaf, inside(d, 1.5 * PIXEL * {density}));
        }}
        }}
        return colour;"""
    return _finish(draft, draft.colour(body), "rows of figures over one another")


def plants(draft: Draft) -> str:
    """Stems with leaves on both sides, some with a flower, before a backdrop or a sky."""
    draft.include("space", "noise", "shape")
    back = horizon_sky(draft) if draft.chance(0.4) else _ground(draft, Tones("ground"))
    figures, accent, salt = draft.palette("figure"), draft.palette("accent"), draft.salt()
    stems, leaves, petals = draft.whole(2, 5), draft.whole(4, 7), draft.integer("petals", 5, 12)
    top, spread, lean = (
        draft.uniform("top", 0.2, 0.9),
        draft.uniform("spread", 0.3, 0.9),
        draft.uniform("lean", 0.1, 0.6),
    )
    long, slender, up = (
        draft.uniform("long", 0.15, 0.4),
        draft.uniform("slender", 0.2, 0.5),
        draft.uniform("up", -0.2, 1.0),
    )
    thin, shadow, bloom = (
        draft.uniform("thin", 0.01, 0.04),
        draft.uniform("shadow", 0.1, 0.5),
        draft.uniform("bloom", 0.12, 0.4),
    )
    deep, blooming = draft.uniform("deep", 0.2, 0.7), draft.uniform("blooming", 0.0, 1.0)
    body = f"""vec3 colour = {back}(p);
        for (int i = ZERO; i < {stems}; i++) {{
        vec3 h = hash3(i, {salt});
        float high = {top} * (0.5 + 0.6 * h.y), bow = {lean} * (h.z - 0.5), root = {spread} * (2.0 * h.x - 1.0);
        float rise = p.y + 1.3, curve = root + bow * rise * rise, front = 0.65 + 0.35 * float(i + 1) / {stems}.0;
        vec3 wood = {figures}(0.15 + 0.2 * h.x) * front;
        colour = mix(colour, wood, inside(max(abs(p.x - curve) - {thin}, p.y - high), 1.5 * PIXEL));
        for (int k = ZERO; k < {leaves}; k++) {{
        float y = mix(-1.1, high, (float(k) + 0.6) / {leaves}.0), side = k % 2 == 0 ? 1.0 : -1.0;
        float l = {long} * (1.2 - 0.6 * float(k) / {leaves}.0), g = hash1(k, {salt} + 3.0 + float(i));
        vec2 q = (p - vec2(root + bow * (y + 1.3) * (y + 1.3), y)) * vec2(side, 1.0);
        q = rotation(-{up} - 0.5 * (g - 0.5)) * q - vec2(l, 0.0);
        float d = lens(q, l, l * {slender});
        colour *= 1.0 - {shadow} * smoothstep(0.08, -0.02, d + 0.03);
        vec3 leaf = {figures}(0.3 + 0.5 * g) * front * (q.y > 0.0 ? 1.05 : 0.85);
        colour = mix(colour, mix(leaf, wood, 0.4 * smoothstep(0.02, 0.0, abs(q.y))), inside(d, 1.5 * PIXEL));
        }}
        vec2 q = p - vec2(root + bow * (high + 1.3) * (high + 1.3), high);
        float r = {bloom} * (0.7 + 0.6 * h.z), d = flower(rotation(TURN * h.x) * q, {petals}, r, {deep});
        if (h.x > {blooming}) continue;
        vec3 petal = {accent}(0.35 + 0.5 * h.y + 0.3 * length(q) / r) * (0.75 + 0.3 * length(q) / r);
        colour = mix(colour * (1.0 - {shadow} * smoothstep(0.1, 0.0, d)), petal, inside(d, 1.5 * PIXEL));
        colour = mix(colour, {accent}(0.05) * 1.2, inside(length(q) - 0.28 * r, 2.0 * PIXEL));
        }}
        return colour;"""
    return _finish(draft, draft.colour(body), "plants")


def facades(draft: Draft) -> str:
    """Houses with windows, row before row, under a sky."""
    draft.include("space", "noise", "shape")
    sky, walls, panes = horizon_sky(draft), draft.palette("figure"), draft.palette("accent")
    plaster, salt, count = field(draft, 5.0, 1), draft.salt(), draft.whole(2, 4)
    top, step_, wide = (
        draft.uniform("top", 0.2, 0.7),
        draft.uniform("bottom", -0.9, -0.3),
        draft.octaves("wide", 0.8, 2.4),
    )
    rows, lit, haze = (
        draft.octaves("windows", 2.5, 6.0),
        draft.uniform("lit", 0.1, 0.8),
        draft.uniform("haze", 0.2, 0.8),
    )
    uneven, roof, sun = (
        draft.uniform("uneven", 0.2, 0.8),
        draft.uniform("roof", 0.0, 0.5),
        draft.uniform("sun", 0.55, 1.0),
    )
    wide_window, tall_window = draft.uniform("window_wide", 0.18, 0.4), draft.uniform("window_tall", 0.2, 0.42)
    body = f"""vec3 far = {sky}(p + vec2(0.0, 0.4)), colour = far, mist = {sky}(vec2(0.3 * p.x, 0.0));
        for (int i = ZERO; i < {count}; i++) {{
        float front = float(i + 1) / {count}.0, key = {salt} + 5.0 * float(i);
        float x = {wide} * (1.7 - 0.8 * front) * p.x + 3.7 * float(i);
        x += 0.3 * sin(2.0 * floor(x));
        int id = int(floor(x));
        float along = fract(x) - 0.5, h = hash1(id, key), pitched = step(0.5, hash1(id, key + 1.0));
        float high = mix({top}, {step_}, front) + {uneven} * (h - 0.3) * (0.5 + 0.5 * front);
        float d = max(p.y - high - {roof} * pitched * (0.5 - abs(along)), abs(along) - 0.5);
        bool is_roof = p.y > high;
        vec3 wall = {walls}(0.25 + 0.6 * hash1(id, key + 2.0) + 0.25 * ({plaster}(p * 1.5 + h) - 0.5));
        wall *= is_roof ? 0.55 : along > 0.25 * h ? {sun} : 1.0;
        vec2 w = vec2({rows} * along * 0.8, {rows} * (p.y - high) * 0.9) + 20.0;
        vec2 pane = abs(fract(w) - 0.5) - vec2({wide_window}, {tall_window});
        float lamp = hash1(ivec2(floor(w)) + 17 * id, key + 3.0);
        float pane_d = max(pane.x, pane.y) + (is_roof || abs(along) > 0.44 ? 1.0 : 0.0);
        vec3 glass = lamp < {lit} ? {panes}(0.55 + 0.45 * lamp / {lit}) : {walls}(0.0) * 0.7;
        wall = mix(wall, glass, inside(pane_d, 2.0 * PIXEL * {rows}));
        colour = mix(colour, mix(wall, mist, {haze} * (1.0 - front)), inside(d, 2.0 * PIXEL));
        }}
        return colour;"""
    return _finish(draft, draft.colour(body), "houses under a sky")


def _finish(draft: Draft, picture: Colour, title: str) -> str:
    turn = draft.uniform("tilt", -0.3, 0.3)
    finish(draft, draft.colour(f"return {picture}(rotation({turn}) * p);"))
    return title


VARIANTS: tuple[tuple[float, Callable[[Draft], str]], ...] = (
    (2.0, scattered),
    (1.5, sheets),
    (1.4, ranges),
    (1.6, overlapping),
    (1.3, plants),
    (1.1, facades),
)


def write(draft: Draft) -> str:
    """Write `shade`; returns the program's title."""
    return draft.weigh(VARIANTS)(draft)
