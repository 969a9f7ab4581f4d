"""Pattern and ornament: tilings with motifs, weaves, rosettes, panels, mosaics, printed dots and straps.

A tiling edge to edge is dull, so every pattern has a second scale: a border, a medallion, a worn or lit surface, a fold
of the cloth, or a floor that recedes.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, backdrop, surface
from procgen.grammar.coordinates import bulged, drifted, mirrored, receding, rolled, waved
from procgen.grammar.draft import Colour, Draft
from procgen.grammar.fields import calm, field
from procgen.grammar.figures import figure
from procgen.grammar.finishing import finish
from procgen.grammar.optics import view

STONES = 11.0  # most stones or dots in a unit of p
GRIDS = {
    "squares": "vec2 cell = floor(x); vec2 q = fract(x) - 0.5;",
    "bricks": "x.x += 0.5 * mod(floor(x.y), 2.0); vec2 cell = floor(x); vec2 q = fract(x) - 0.5;",
    "hexagons": """vec2 s = vec2(1.0, 1.7320508), u = mod(x, s) - 0.5 * s, v = mod(x - 0.5 * s, s) - 0.5 * s;
        vec2 q = dot(u, u) < dot(v, v) ? u : v;
        vec2 cell = floor(2.0 * (x - q) + 0.5);""",
    "diamonds": "x = rotation(0.785398) * x; vec2 cell = floor(x); vec2 q = rotation(-0.785398) * (fract(x) - 0.5);",
}


def tiled(draft: Draft) -> Colour:
    """A motif in each tile of a grid: turned, sized or coloured by place."""
    grid = GRIDS[draft.choose(*GRIDS)]
    motif, inner = figure(draft), figure(draft)
    ground, figures, accent = draft.palette("ground"), draft.palette("figure"), draft.palette("accent")
    scale, size, salt = draft.octaves("scale", 1.1, 3.0), draft.uniform("size", 0.3, 0.48), draft.salt()
    turns, core = draft.integer("turns", 0, 4), draft.uniform("core", 0.25, 0.6)
    a, b, vary = draft.uniform("tone", 0.0, 0.4), draft.uniform("tone", 0.5, 1.0), draft.uniform("vary", 0.1, 0.7)
    joint = draft.uniform("joint", 0.0, 0.06)
    body = f"""vec2 x = {scale} * p + 40.0;
        {grid}
        ivec2 id = ivec2(floor(cell + 0.5));
        float h = hash1(id, {salt}), width = 2.0 * PIXEL * {scale};
        q = rotation(floor({turns} * h) * TURN / 4.0) * q;
        float d = {size} * {motif}(q / {size}), e = {size} * {core} * {inner}(q / ({size} * {core}));
        vec3 colour = {ground}({a} + {vary} * (hash1(id, {salt} + 1.0) - 0.5));
        colour *= 1.0 - 0.5 * smoothstep({joint} + 0.02, {joint}, 0.5 - max(abs(q.x), abs(q.y)));
        colour = mix(colour, {figures}({b} + {vary} * (h - 0.5)), inside(d, width));
        return mix(colour, {accent}({a} + 0.5 * h), inside(max(d, e), width));"""
    return draft.colour(body)


def woven(draft: Draft) -> Colour:
    """Bands over and under each other."""
    ground, figures = draft.palette("ground"), draft.palette("figure")
    scale, width, salt = draft.octaves("scale", 1.4, 3.5), draft.uniform("width", 0.3, 0.46), draft.salt()
    twill, thread = draft.integer("twill", 2, 4), draft.octaves("thread", 2.0, 7.0)
    body = f"""vec2 x = {scale} * p + 40.0, cell = floor(x), q = fract(x) - 0.5;
        bool over = mod(cell.x + cell.y, {twill}) < 1.0;
        vec2 across = over ? q : q.yx;
        bool on = abs(across.y) < {width};
        if (!on) {{ over = !over; across = across.yx; }}
        float row = over ? cell.y : cell.x;
        if (abs(across.y) > {width}) return {ground}(0.1);
        vec2 bow = across * across;
        float rise = 1.0 - 0.6 * bow.y / ({width} * {width}) - (on ? 0.2 : 1.2) * bow.x;
        float fibre = 0.9 + 0.1 * sin(TURN * {thread} * across.y);
        float h = hash1(int(row), {salt} + (over ? 0.0 : 1.0));
        vec3 colour = over ? {ground}(0.3 + 0.7 * h) : {figures}(0.2 + 0.7 * h);
        return colour * rise * fibre;"""
    return draft.colour(body)


def rosette(draft: Draft) -> Colour:
    """Rings of figures around a centre."""
    ground, figures, shape = draft.palette("ground"), draft.palette("figure"), figure(draft)
    rings, first, grow = draft.whole(2, 4), draft.integer("number", 5, 12), draft.uniform("grow", 0.22, 0.36)
    size, salt = draft.uniform("size", 0.7, 1.2), draft.salt()
    body = f"""vec3 colour = {ground}(0.15 + 0.5 * saturate(length(p)));
        for (int i = ZERO; i < {rings}; i++) {{
        float k = {rings}.0 - 1.0 - float(i), radius = {grow} * (k + 0.6), wedge = TURN / ({first} + 3.0 * k);
        float angle = mod(atan(p.y, p.x) + 0.5 * wedge * k, wedge) - 0.5 * wedge;
        vec2 q = length(p) * unit_vector(angle) - vec2(radius, 0.0);
        float r = {size} * min(0.5 * {grow}, 0.5 * radius * wedge), d = r * {shape}(q / r);
        float disc = length(p) - radius - 0.5 * {grow};
        colour = mix(colour, {ground}(hash1(i, {salt} + 9.0)), inside(disc, 2.0 * PIXEL));
        vec3 petal = {figures}(0.25 + 0.75 * hash1(i, {salt})) * (1.0 - 0.3 * smoothstep(-0.5 * r, 0.0, d));
        colour = mix(colour, petal, inside(d, 2.0 * PIXEL));
        }}
        return colour;"""
    return draft.colour(body)


def looped(draft: Draft) -> Colour:
    """Truchet tiles: quarter circles that join into wandering bands, with an outline and a hollow."""
    ground, figures = draft.palette("ground"), draft.palette("figure")
    scale, width, salt = draft.octaves("scale", 1.2, 3.5), draft.uniform("width", 0.1, 0.24), draft.salt()
    rim, tone = draft.uniform("rim", 0.02, 0.07), draft.uniform("tone", 0.3, 0.9)
    tint = calm(draft)
    body = f"""vec2 x = {scale} * p + 40.0, q = fract(x) - 0.5;
        if (hash1(ivec2(floor(x)), {salt}) < 0.5) q.x = -q.x;
        float d = abs(min(length(q - 0.5), length(q + 0.5)) - 0.5 + step(length(q - 0.5), 0.0)) - {width};
        float soft = 2.0 * PIXEL * {scale};
        vec3 colour = {ground}(0.2 + 0.7 * {tint}(p)) * (1.0 - 0.45 * smoothstep(0.15, 0.0, d));
        colour = mix(colour, {figures}(0.05), inside(d - {rim}, soft));
        return mix(colour, {figures}({tone}) * (0.75 + 0.25 * smoothstep(0.0, -{width}, d)), inside(d, soft));"""
    return draft.colour(body)


def quilted(draft: Draft) -> Colour:
    """Panels by repeated halving, each with its colour or a stripe."""
    ground, figures, salt = draft.palette("ground"), draft.palette("figure"), draft.salt()
    cuts, seam = draft.whole(4, 7), draft.uniform("seam", 0.01, 0.04)
    uneven, stripe, striped = (
        draft.uniform("uneven", 0.0, 0.3),
        draft.octaves("stripe", 3.0, 9.0),
        draft.uniform("striped", 0.1, 0.6),
    )
    body = f"""vec2 low = vec2(-1.5), high = vec2(1.5);
        int id = 1;
        for (int i = ZERO; i < {cuts}; i++) {{
        vec2 size = high - low;
        float h = hash1(id, {salt}), at = 0.5 + {uneven} * (2.0 * h - 1.0);
        if (i > 2 && hash1(id, {salt} + 4.0) < 0.25) continue;
        int axis = size.x > size.y ? 0 : 1;
        float cut = mix(low[axis], high[axis], at);
        if (p[axis] < cut) {{ high[axis] = cut; id = 2 * id; }} else {{ low[axis] = cut; id = 2 * id + 1; }}
        }}
        vec3 h = hash3(id, {salt} + 2.0);
        vec2 q = min(p - low, high - p);
        vec3 colour = h.x < 0.5 ? {ground}(h.y) : {figures}(h.y);
        float line = sin(TURN * {stripe} * (h.z < 0.5 ? p.x : p.y));
        if (h.z < {striped}) colour = mix(colour, {figures}(h.x), smoothstep(-0.2, 0.2, line));
        return colour * (0.35 + 0.65 * smoothstep(0.5 * {seam}, {seam}, min(q.x, q.y)));"""
    return draft.colour(body)


def mosaic(draft: Draft) -> Colour:
    """A picture laid in small stones: squares, hexagons or broken pieces."""
    draft.include("cells")
    seen, scale, salt = view(draft), draft.octaves("stones", 5.0, STONES), draft.salt()
    draft.reach(STONES)
    joint, vary, mortar = draft.uniform("joint", 0.02, 0.1), draft.uniform("vary", 0.1, 0.5), draft.palette("ground")
    kind, dark = draft.choose("squares", "hexagons", "bricks", "broken"), draft.uniform("mortar", 0.0, 0.9)
    if kind == "broken":
        stone = f"""Cell piece = cells(x, 0.9, {salt});
            vec2 centre = x + piece.offset; float edge = piece.edge; ivec2 id = ivec2(floor(centre));"""
    else:
        reach = "max(abs(q.x), abs(q.y))" if kind != "hexagons" else "polygon(q, 6.0, 0.0)"
        stone = f"""{GRIDS[kind]}
            vec2 centre = x - q; float edge = 0.5 - {reach}; ivec2 id = ivec2(floor(cell + 0.5));"""
    body = f"""vec2 x = {scale} * p + 40.0, start = x;
        {stone}
        vec2 moved = x - start;
        vec3 colour = {seen}((centre - moved - 40.0) / {scale}) * (1.0 + {vary} * (hash1(id, {salt}) - 0.5));
        return mix(colour, {mortar}({dark}), smoothstep({joint} + 0.06, {joint}, edge));"""
    return draft.colour(body)


def dotted(draft: Draft) -> Colour:
    """A picture in one ink: dots or lines, thicker where it is dark."""
    seen, ground, ink = view(draft), draft.palette("ground"), draft.palette("figure")
    draft.reach(STONES)
    scale, turn, tone = (
        draft.octaves("screen", 5.0, STONES),
        draft.angle("screen_turn"),
        draft.uniform("tone", 0.0, 0.35),
    )
    paper, strong = draft.uniform("paper", 0.6, 1.0), draft.uniform("strong", 0.6, 0.8)
    shape = draft.choose("length(q)", "abs(q.y)", "0.7 * (abs(q.x) + abs(q.y))")
    body = f"""vec2 x = {scale} * rotation({turn}) * p, q = fract(x) - 0.5;
        vec3 colour = {seen}(rotation(-{turn}) * (x - q) / {scale});
        float dark = 1.0 - dot(colour, vec3(0.21, 0.72, 0.07));
        float d = {shape} - {strong} * (0.1 + 0.8 * dark * dark);
        return mix({ground}({paper}), {ink}({tone} + 0.3 * (1.0 - dark)), inside(d, 2.0 * PIXEL * {scale}));"""
    return draft.colour(body)


def starred(draft: Draft) -> Colour:
    """Straps that cross at the sides of tiles and close to stars (after Hankin's polygons in contact)."""
    grid, sides = draft.choose((GRIDS["squares"], 4), (GRIDS["hexagons"], 6))
    ground, figures, accent = draft.palette("ground"), draft.palette("figure"), draft.palette("accent")
    scale, angle, width = (
        draft.octaves("scale", 1.0, 2.4),
        draft.uniform("contact", 0.5, 1.25),
        draft.uniform("width", 0.02, 0.07),
    )
    a, b, c = draft.uniform("tone", 0.0, 1.0), draft.uniform("tone", 0.0, 1.0), draft.uniform("tone", 0.2, 0.9)
    body = f"""vec2 x = {scale} * p + 40.0;
        {grid}
        vec2 z = kaleidoscope(q, {sides}.0) - vec2(0.5, 0.0);
        float line = dot(z, vec2(sin({angle}), cos({angle})));
        float other = dot(vec2(z.x, -z.y), vec2(sin({angle}), cos({angle})));
        float d = min(abs(line), abs(other)) - {width}, soft = 2.0 * PIXEL * {scale};
        vec3 colour = line < 0.0 && other < 0.0 ? {figures}({a}) : line * other < 0.0 ? {accent}({b}) : {ground}({a});
        colour *= 1.0 - 0.5 * smoothstep(0.08, 0.0, d);
        vec3 strap = {ground}({c}) * (0.8 + 0.25 * smoothstep(0.0, -{width}, d));
        return mix(colour, strap, inside(d, soft));"""
    return draft.colour(body)


PATTERNS: tuple[tuple[float, Callable[[Draft], Colour]], ...] = (
    (2.2, tiled),
    (1.0, woven),
    (1.2, rosette),
    (0.8, looped),
    (1.2, quilted),
    (1.3, mosaic),
    (0.8, dotted),
    (1.0, starred),
)


def _painted(draft: Draft, tones: Tones) -> Colour:
    return surface(draft, 4.0, 1, tones)


def _seen(draft: Draft, tones: Tones) -> Colour:
    return view(draft)


def _setting(draft: Draft, pattern: Colour) -> str:
    """The second scale: expression of the picture at p."""
    kind = draft.weigh(((1.3, "cloth"), (1.4, "medallion"), (1.2, "worn"), (0.6, "border"), (0.8, "bare")))
    if kind == "bare":
        return f"{pattern}(p)"
    if kind == "cloth":
        folds, turn, depth = field(draft, 2.0, 1), draft.angle("turn"), draft.uniform("depth", 1.5, 4.0)
        return (
            f"{pattern}(p + 0.2 * {folds}(p)) * (0.85 + {depth} * clamp({folds}(p + 0.04 * "
            f"unit_vector({turn})) - {folds}(p), -0.12, 0.12))"
        )
    if kind == "worn":
        mask, level = field(draft, 4.0, 1), draft.uniform("level", 0.4, 0.65)
        ground = backdrop(draft, Tones("accent"))
        return f"mix({pattern}(p), {ground}(p), smoothstep({level}, {level} + 0.1, {mask}(p)))"
    shape, size = figure(draft), draft.uniform("medallion", 0.5, 1.0)
    x, y = draft.uniform("centre", -0.5, 0.5), draft.uniform("centre", -0.5, 0.5)
    ground = draft.weigh(((1.0, backdrop), (1.5, _painted), (1.2, _seen)))(draft, Tones("accent"))
    distance = f"{size} * {shape}((p - vec2({x}, {y})) / {size})"
    if kind == "border":
        distance = f"-0.15 + max(abs(p.x), abs(p.y)) - {draft.uniform('frame', 0.45, 0.75)}"
    inner, outer = (pattern, ground) if draft.chance(0.5) else (ground, pattern)
    rim = f"(1.0 - 0.35 * smoothstep({draft.uniform('rim', 0.03, 0.12)}, 0.0, abs({distance})))"
    return f"mix({outer}(p), {inner}(p), inside({distance}, 3.0 * PIXEL)) * {rim}"


def write(draft: Draft) -> str:
    """Write `shade`; returns the program's title."""
    draft.include("space", "noise", "shape")
    production = draft.weigh(PATTERNS)
    pattern = production(draft)
    if draft.chance(0.5):
        turned = draft.choose(drifted, mirrored, waved, receding, rolled, bulged)(draft)
        pattern = draft.colour(f"return {pattern}({turned.warp}(p));")
    light, dark = calm(draft), draft.uniform("dark", 0.45, 0.8)
    turn = draft.angle("view")
    lit = f"({_setting(draft, pattern)}) * mix({dark}, 1.1, {light}(p))"
    finish(draft, draft.colour(f"p = rotation({turn}) * p;\nreturn {lit};"))
    return f"ornament, {production.__name__}"
