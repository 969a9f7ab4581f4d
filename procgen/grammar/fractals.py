"""Fractals: iterated maps seen in several ways, self-similar figures on a ground, self-similar solids in light."""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, backdrop, contrast, horizon_sky, surface
from procgen.grammar.draft import Colour, Draft, Solid
from procgen.grammar.fields import calm, field
from procgen.grammar.figures import figure
from procgen.grammar.finishing import finish
from procgen.grammar.iterated_maps import iterated_map
from procgen.grammar.scenes import stage


def _plain(draft: Draft, tone: str) -> str:
    """One palette, along one of the orbit's numbers."""
    palette, share = draft.palette("figure"), draft.uniform("share", 0.0, 0.5)
    return f"vec3 colour = {palette}(mix({tone}, o.y, {share}));"


def _two_sided(draft: Draft, tone: str) -> str:
    """One palette where the orbit is slow, another one where it is fast."""
    ground, figures, level = draft.palette("ground"), draft.palette("figure"), draft.uniform("level", 0.35, 0.75)
    return f"""vec3 colour = {ground}(0.2 + 0.5 * o.x + 0.3 * o.y);
        colour = mix(colour, {figures}(0.15 + 0.8 * {tone}), smoothstep({level} - 0.04, {level} + 0.04, o.y));"""


def _filigree(draft: Draft, tone: str) -> str:
    """Bright or dark lines where the orbit comes near the trap, over a calm ground with a shadow."""
    ground_tones, figure_tones = contrast(draft)
    ground, figures = backdrop(draft, ground_tones), draft.palette("figure")
    thick, low = draft.uniform("thick", 0.15, 0.45), figure_tones.low
    return f"""float dim_ = smoothstep({thick} + 0.25, {thick}, orbit(q + vec2(-0.02, 0.03)).x);
        vec3 colour = {ground}(p) * (1.0 - 0.45 * dim_);
        vec3 line = {figures}({low:.2f} + {figure_tones.high - low:.2f} * fract(o.z + 0.5 * o.y));
        colour = mix(colour, line, smoothstep({thick} + 0.06, {thick} - 0.06, o.x));"""


def _papered(draft: Draft, tone: str) -> str:
    """The orbit's numbers as coordinates of another picture."""
    paper = surface(draft, 4.0, 1, Tones("figure"))
    x, y = draft.uniform("along", 0.6, 1.8), draft.uniform("across", 0.6, 1.8)
    around = draft.choose("o.y", "abs(2.0 * o.z - 1.0)")
    return f"vec3 colour = {paper}(vec2({x} * (2.0 * o.x - 1.0), {y} * (2.0 * {around} - 1.0)));"


def _set(draft: Draft, tone: str) -> str:
    """A figure of the fractal's inside, cut out and laid on a calm ground."""
    ground, figures, level = backdrop(draft), draft.palette("figure"), draft.uniform("level", 0.3, 0.6)
    return f"""float dim_ = smoothstep({level} - 0.15, {level}, orbit(q + vec2(-0.03, 0.05)).x);
        vec3 colour = {ground}(p) * (1.0 - 0.5 * dim_);
        colour = mix(colour, {figures}(0.1 + 0.9 * o.y), smoothstep({level}, {level} + 0.05, o.x));"""


STYLES: tuple[tuple[float, Callable[[Draft, str], str]], ...] = (
    (1.2, _plain),
    (1.6, _two_sided),
    (1.1, _filigree),
    (1.3, _papered),
    (1.0, _set),
)


def mapped(draft: Draft) -> str:
    """An iterated map of the plane, coloured by its orbits."""
    name, style = iterated_map(draft), draft.weigh(STYLES)
    tone = draft.choose("o.x", "o.x", "mix(o.x, abs(2.0 * o.z - 1.0), 0.5)")
    x, y, turn = draft.uniform("pan", -0.4, 0.4), draft.uniform("pan", -0.4, 0.4), draft.angle("view")
    light, zoom = calm(draft), draft.octaves("view_scale", 0.6, 1.3)
    carved = ""
    if draft.chance(0.4):
        sun, relief = draft.angle("sun"), draft.uniform("relief", 0.3, 0.9)
        carved = f"colour *= 0.95 + {relief} * clamp((orbit(q + 0.02 * unit_vector({sun})).x - o.x) / 0.1, -0.6, 0.6);"
    body = f"""vec2 q = {zoom} * rotation({turn}) * p + vec2({x}, {y});
        vec3 o = orbit(q);
        {style(draft, tone)}
        {carved}
        return colour * mix({draft.uniform("dark", 0.5, 0.8)}, 1.1, {light}(p));"""
    finish(draft, draft.colour(body))
    return f"iterated map, {name}, {style.__name__.strip('_').replace('_', ' ')}"


def _landscape(draft: Draft) -> Colour:
    """A sky over a ground, or a backdrop: what a figure stands before."""
    if draft.chance(0.35):
        return backdrop(draft)
    sky, line = horizon_sky(draft), draft.uniform("ground_line", -0.75, -0.35)
    land, scale = field(draft, 5.0, 1), draft.octaves("scale", 0.6, 2.0)
    palette, low = draft.palette("accent"), draft.uniform("land_tone", 0.1, 0.5)
    body = f"""float d = p.y - {line} - 0.25 * (noise(vec2({scale} * p.x + 9.0, 2.0), {draft.salt()}) - 0.5);
        vec3 land = {palette}({low} + 0.4 * {land}(vec2(p.x, 1.0) / max(0.3 - d, 0.2)));
        return mix({sky}(p - vec2(0.0, {line})), land * mix(1.0, 0.6, saturate(-d)), inside(d, 2.0 * PIXEL));"""
    return draft.colour(body)


def branching(draft: Draft) -> str:
    """Trees, ferns and corals: a stem that forks into smaller stems, with leaves at the ends or none."""
    draft.include("shape")
    back, bark, leaves = _landscape(draft), draft.palette("figure"), draft.palette("accent")
    steps, salt = draft.whole(6, 9), draft.salt()
    spread, lean, growth = (
        draft.uniform("fork", 0.25, 0.8),
        draft.uniform("lean", -0.3, 0.3),
        draft.uniform("growth", 1.25, 1.5),
    )
    length, thick = draft.uniform("stem", 0.4, 0.6), draft.octaves("thick", 0.03, 0.1)
    wind, x, count = draft.uniform("wind", 0.0, 0.3), draft.uniform("place", -0.5, 0.5), draft.whole(1, 3)
    leaf = draft.octaves("leaf", 0.04, 0.3) if draft.chance(0.6) else "0.0"
    body = f"""vec3 colour = {back}(p);
        for (int k = ZERO; k < {count}; k++) {{
        vec3 h = hash3(k, {salt});
        vec2 z = p - vec2({x} + float(k) * (h.x - 0.5) * 2.0, -1.1 + 0.1 * float(k));
        z *= 1.25 - 0.25 * float(k) / {count}.0;
        z += {wind} * (noise_offset(1.3 * p + 5.0 * h.x, {salt} + 2.0)) * smoothstep(-1.0, 1.0, p.y);
        float size = 1.0, stem = 9.0, crown = 9.0;
        for (int i = ZERO; i < {steps}; i++) {{
        stem = min(stem, (segment(z, vec2(0.0), vec2(0.0, {length} * 1.25)) - {thick} * (1.2 - 0.5 * z.y)) / size);
        z.y -= {length} * (1.1 + 0.25 * (h.y - 0.5));
        z = rotation({lean}) * z;
        z = {growth} * rotation({spread}) * vec2(abs(z.x), z.y);
        size *= {growth};
        if (i > 2) crown = min(crown, (length(z * vec2(1.0, 0.6)) - {leaf} * size) / size);
        }}
        vec3 wood = {bark}(0.15 + 0.25 * h.y + 0.4 * smoothstep(-1.0, 1.0, p.y)) * (0.8 + 0.4 * inside(stem, 0.05));
        colour = mix(colour, wood, inside(stem, 1.5 * PIXEL));
        vec3 green = {leaves}(0.2 + 0.7 * fbm(4.0 * p, 3, 0.6, {salt} + 4.0)) * (0.75 + 0.35 * saturate(p.y));
        if ({leaf} > 0.0) colour = mix(colour, green, inside(crown, 2.0 * PIXEL));
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "branching stems"


def coast(draft: Draft) -> str:
    """Islands and snowflakes: a polygon whose sides are broken again and again, on water, paper or sky."""
    draft.include("shape")
    ground, paint = _ground_and_paint(draft)
    steps, sides, bend = draft.whole(2, 4), draft.integer("sides", 3, 7), draft.uniform("bend", 0.2, 0.65)
    size, count, salt = draft.uniform("size", 0.45, 0.8), draft.whole(1, 5), draft.salt()
    rim, shadow, wobble = (
        draft.uniform("rim", 0.0, 0.3),
        draft.uniform("shadow", 0.2, 0.6),
        draft.uniform("wobble", 0.0, 0.25),
    )
    body = f"""vec3 colour = {ground}(p);
        for (int k = ZERO; k < {count}; k++) {{
        vec3 h = hash3(k, {salt});
        float r = {size} * (k == 0 ? 1.0 : 0.25 + 0.4 * h.z);
        vec2 z = p - (k == 0 ? 0.3 : 1.1) * (2.0 * h.xy - 1.0) + {wobble} * noise_offset(1.5 * p, {salt} + 3.0);
        z = rotation(TURN * h.x) * z / r;
        float wedge = TURN / {sides}, a = mod(atan(z.y, z.x), wedge) - 0.5 * wedge;
        float scale = 1.0 / (0.6 * tan(0.5 * wedge));
        z = scale * (length(z) * vec2(sin(a), cos(a)) - vec2(0.0, 0.6));
        vec2 crease = vec2(cos({bend}), -sin({bend}));
        for (int i = ZERO; i < {steps}; i++) {{
        z.x = abs(z.x) - 0.333333;
        z -= 2.0 * min(dot(z, crease), 0.0) * crease;
        z = 3.0 * (z - vec2(0.333333, 0.0)); scale *= 3.0;
        }}
        float d = r * sign(z.y) * length(vec2(max(abs(z.x) - 1.0, 0.0), z.y)) / scale;
        colour *= 1.0 - {shadow} * smoothstep(0.12, 0.0, d);
        colour = mix(colour, {paint}(p / r) * (1.0 - {rim} * smoothstep(-0.12, 0.0, d)), inside(d, 1.5 * PIXEL));
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "broken coast lines"


def carpet(draft: Draft) -> str:
    """Holes of all sizes: a sheet with a figure cut out of it, and again out of each smaller tile."""
    draft.include("shape")
    ground, paint = _ground_and_paint(draft)
    shape, parts, steps = figure(draft), draft.whole(2, 3), draft.whole(3, 4)
    hole, sparse, salt = draft.uniform("hole", 0.3, 0.48), draft.uniform("sparse", 0.0, 0.35), draft.salt()
    turn, shadow, deep = (
        draft.uniform("turned", 0.0, 1.0),
        draft.uniform("shadow", 0.3, 0.6),
        draft.uniform("deep", 0.0, 0.4),
    )
    body = f"""vec2 z = 0.5 * p + 0.5;
        float size = 0.5, d = 9.0, level = 0.0;
        for (int i = ZERO; i < {steps}; i++) {{
        vec2 cell = floor(z);
        vec2 q = rotation(TURN * {turn} * hash1(ivec2(cell), {salt} + float(i))) * (z - cell - 0.5) / {hole};
        float e = {hole} * {shape}(q) / size * 0.5;
        if (hash1(ivec2(cell), {salt} + 8.0 + float(i)) >= {sparse} && e < d) {{ d = e; level = float(i); }}
        z = (z - cell) * {parts}.0 + 7.0 * cell; size *= {parts}.0;
        }}
        vec3 under = {ground}(p) * (1.0 - {shadow} * smoothstep(-0.12, 0.0, d));
        vec3 sheet = {paint}(p) * (1.0 - {deep} * smoothstep(0.08, 0.0, d));
        return mix(sheet, under * (1.0 - 0.08 * level), inside(d, 1.5 * PIXEL));"""
    turned = draft.colour(body)
    view, zoom = draft.angle("view"), draft.octaves("view_scale", 0.6, 1.2)
    finish(draft, draft.colour(f"return {turned}({zoom} * rotation({view}) * p);"))
    return "holes of all sizes"


def _ground_and_paint(draft: Draft) -> tuple[Colour, Colour]:
    """A calm ground and the surface of what lies on it."""
    ground_tones, figure_tones = contrast(draft)
    return backdrop(draft, ground_tones), surface(draft, 5.0, 1, figure_tones)


def _sponge(draft: Draft) -> Solid:
    """A block with holes of all sizes (after Menger), turned a little between its scales."""
    a, b, wide = draft.uniform("turn", -0.5, 0.5), draft.uniform("turn", -0.5, 0.5), draft.uniform("hole", 0.7, 1.2)
    body = f"""vec3 w = abs(q) - 0.85;
        float d = min(max(w.x, max(w.y, w.z)), 0.0) + length(max(w, 0.0)), size = 1.0 / 0.85;
        q *= size;
        for (int i = ZERO; i < {draft.whole(2, 3)}; i++) {{
        vec3 a = mod(q * size, 2.0) - 1.0;
        size *= 3.0;
        vec3 r = abs(1.0 - 3.0 * abs(a));
        float hole = min(max(r.x, r.y), min(max(r.y, r.z), max(r.z, r.x))) - {wide};
        d = max(d, 0.85 * hole / size);
        q.xy = rotation({a}) * q.xy; q.yz = rotation({b}) * q.yz;
        }}
        return 0.6 * d;"""
    return draft.solid(body)


def _crystal(draft: Draft) -> Solid:
    """A brick or a ball under folds in space that shrink it: corals, crystals, buildings."""
    shift = ", ".join(draft.uniform("fold", 0.2, 0.75) for _ in range(3))
    a, b, growth = (
        draft.uniform("turn", -0.8, 0.8),
        draft.uniform("turn", -0.8, 0.8),
        draft.uniform("growth", 1.35, 1.8),
    )
    end = draft.choose("length(q) - 0.75", "length(max(abs(q) - 0.5, 0.0)) - 0.05", "length(q.xz) - 0.35 - 0.1 * q.y")
    body = f"""float size = 1.0;
        for (int i = ZERO; i < {draft.whole(4, 6)}; i++) {{
        q = abs(q) - vec3({shift});
        q.xy = rotation({a}) * q.xy; q.xz = rotation({b}) * q.xz;
        q *= {growth}; size *= {growth};
        }}
        return 0.7 * ({end}) / size;"""
    return draft.solid(body)


def _bulb(draft: Draft) -> Solid:
    """The power map in space (White and Nylander's bulb), in spherical coordinates."""
    power = draft.integer("power", 3, 8)
    body = f"""vec3 z = q;
        float slope = 1.0, r = length(z);
        for (int i = ZERO; i < {draft.whole(3, 4)}; i++) {{
        if (r > 1.6) break;
        float a = {power} * acos(clamp(z.z / max(r, 1e-4), -1.0, 1.0)), b = {power} * atan(z.y, z.x);
        slope = {power} * pow(r, {power} - 1.0) * slope + 1.0;
        z = pow(r, {power}) * vec3(sin(a) * cos(b), sin(a) * sin(b), cos(a)) + q;
        r = length(z);
        }}
        return 0.35 * log(max(r, 1e-3)) * r / slope;"""
    return draft.solid(body)


SOLIDS: tuple[tuple[float, Callable[[Draft], Solid]], ...] = ((0.7, _sponge), (2.2, _crystal), (1.0, _bulb))


def solid(draft: Draft) -> str:
    """A self-similar solid on a ground, in light."""
    draft.include("march")
    production = draft.weigh(SOLIDS)
    thing, size = production(draft), draft.uniform("size", 0.9, 1.4)
    turn, tip = draft.angle("turn"), draft.uniform("tip", -0.6, 0.6)
    placed = draft.solid(
        f"q.xz = rotation({turn}) * q.xz; q.xy = rotation({tip}) * q.xy;\nreturn {size} * {thing}(q / {size});"
    )
    ground = stage(draft, placed, None)
    return f"self-similar {production.__name__.strip('_')} on {ground}"


VARIANTS: tuple[tuple[float, Callable[[Draft], str]], ...] = (
    (4.0, mapped),
    (1.5, branching),
    (0.9, coast),
    (0.9, carpet),
    (1.8, solid),
)


def write(draft: Draft) -> str:
    """Write `shade`; returns the program's title."""
    draft.include("space", "noise")
    return draft.weigh(VARIANTS)(draft)
