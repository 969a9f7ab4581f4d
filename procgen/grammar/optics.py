"""Optical and atmospheric effects: water, blur, refraction, beams, films, mist, light on walls and in rooms."""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import Tones, backdrop, contrast, horizon_sky, surface
from procgen.grammar.draft import Colour, Draft
from procgen.grammar.fields import calm, field
from procgen.grammar.figures import figure
from procgen.grammar.finishing import finish


def view(draft: Draft) -> Colour:
    """A small scene to look at through something: a sky with land, or figures on a ground."""
    if draft.chance(0.5):
        sky, palette, line = horizon_sky(draft), draft.palette("figure"), draft.uniform("line", -0.4, 0.2)
        scale, rise = draft.octaves("scale", 0.8, 2.5), draft.uniform("rise", 0.2, 0.6)
        body = f"""float d = p.y - {line} - {rise} * (fbm(vec2({scale} * p.x, 2.0), 3, 0.5, {draft.salt()}) - 0.5);
            return mix({sky}(p - vec2(0.0, {line})), {palette}(0.3 + 0.4 * saturate(-d)), inside(d, 0.02));"""
        return draft.colour(body)
    ground_tones, figure_tones = contrast(draft)
    ground, paint, shape = backdrop(draft, ground_tones), surface(draft, 3.0, 1, figure_tones), figure(draft)
    size = draft.uniform("size", 0.4, 0.8)
    return draft.colour(f"return mix({ground}(p), {paint}(p), inside({size} * {shape}(p / {size}), 0.03));")


def over_water(draft: Draft) -> str:
    """A sky and its broken reflection, sometimes with land between."""
    sky, horizon = horizon_sky(draft), draft.uniform("horizon", -0.4, 0.4)
    water, deep = draft.palette("accent"), draft.uniform("deep", 0.2, 0.6)
    ripple, push, salt = draft.octaves("ripple", 1.5, 5.0), draft.uniform("push", 0.1, 0.5), draft.salt()
    land = ""
    if draft.chance(0.6):
        scale, rise, far = (
            draft.octaves("scale", 0.6, 2.0),
            draft.uniform("rise", 0.1, 0.4),
            draft.uniform("far", -0.3, 0.3),
        )
        land = f"""float shore = {rise} * (fbm(vec2({scale} * p.x, 2.0), 4, 0.5, {draft.salt()}) - 0.4 - {far} * p.x);
            colour = mix(colour, {draft.palette("figure")}(0.15 + 0.4 * p.y / {rise}), inside(p.y - shore, 0.02));"""
    above = draft.colour(f"vec3 colour = {sky}(p);\n{land}\nreturn colour;")
    body = f"""p.y -= {horizon};
        if (p.y > 0.0) return {above}(p);
        vec2 q = vec2(p.x, 1.0) / (0.06 - p.y);
        float wave = noise({ripple} * vec2(0.35 * q.x, q.y), {salt}) - 0.5;
        wave += 0.5 * (noise({ripple} * vec2(1.1 * q.x, 2.6 * q.y), {salt} + 1.0) - 0.5);
        wave *= smoothstep(0.0, 0.25, -p.y) + 0.1;
        vec3 seen = {above}(vec2(p.x + 0.2 * {push} * wave, -p.y * 0.8 + {push} * wave));
        return mix(seen, {water}(0.3 + 0.5 * wave), {deep} * smoothstep(0.0, 1.2, -p.y)) * (0.92 + 0.25 * wave);"""
    finish(draft, draft.colour(body))
    return "a sky over water"


def refracted(draft: Draft) -> str:
    """A scene through drops, ribbed, bubbled or figured glass."""
    seen = view(draft)
    kind = draft.weigh(((1.4, "drops"), (1.0, "ribs"), (1.2, "figured")))
    if kind == "drops":
        scale, salt, bend = draft.octaves("drops", 1.3, 3.5), draft.salt(), draft.uniform("bend", 0.8, 2.0)
        size, fog = draft.uniform("size", 0.2, 0.45), draft.uniform("fog", 0.2, 0.7)
        body = f"""vec2 x = {scale} * p + 30.0;
            ivec2 cell = ivec2(floor(x));
            vec3 colour = mix({seen}(p), {draft.palette("ground")}(0.75), {fog});
            for (int k = ZERO; k < 9; k++) {{
            ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
            vec3 h = hash3(id, {salt});
            vec2 q = (x - vec2(id) - 0.5 - 0.5 * (h.xy - 0.5)) * vec2(1.0, 0.75 + 0.25 * h.x);
            float r = {size} * (0.15 + h.z * h.z), d = length(q) - r;
            if (d > 0.1) continue;
            float rim = saturate(length(q) / r);
            vec3 drop = {seen}(p - {bend} * q * (1.0 + rim * rim)) * (1.05 - 0.6 * rim * rim * rim);
            drop += 0.4 * inside(length(q - r * vec2(-0.35, 0.4)) - 0.18 * r, 0.05);
            colour = mix(colour, drop, inside(d, 2.0 * PIXEL * {scale}));
            }}
            return colour;"""
    elif kind == "ribs":
        scale, bend, turn = draft.octaves("ribs", 2.0, 6.0), draft.uniform("bend", 0.1, 0.6), draft.angle("turn")
        body = f"""vec2 axis = unit_vector({turn});
            float x = fract({scale} * dot(p, axis)) - 0.5;
            return {seen}(p - {bend} * x * axis) * (1.0 - 1.2 * x * x) + 0.15 * exp(-60.0 * (x + 0.25) * (x + 0.25));"""
    else:
        glass, bend = field(draft, 3.0, 1), draft.uniform("bend", 0.2, 0.7)
        body = f"""float h = {glass}(p);
            vec2 rise = vec2({glass}(p + vec2(0.03, 0.0)), {glass}(p + vec2(0.0, 0.03))) - h;
            rise = clamp(rise / 0.12, -1.0, 1.0);
            return {seen}(p + {bend} * rise) * (1.0 + 0.25 * (rise.x + rise.y));"""
    finish(draft, draft.colour(body))
    return f"a view through glass, {kind}"


def out_of_focus(draft: Draft) -> str:
    """Discs of lights out of focus over a blurred scene."""
    seen, palette, count = view(draft), draft.palette("accent"), draft.whole(8, 22)
    salt, x, y = draft.salt(), draft.uniform("gather", -0.5, 0.5), draft.uniform("gather", -0.5, 0.5)
    spread, size, power = (
        draft.uniform("spread", 0.6, 1.2),
        draft.uniform("size", 0.1, 0.3),
        draft.uniform("power", 0.3, 0.7),
    )
    blades, rim = draft.integer("blades", 5, 9), draft.uniform("rim", 0.0, 0.5)
    dim = draft.uniform("dim", 0.35, 0.75)
    body = f"""vec3 colour = {dim} * {seen}(p);
        for (int i = ZERO; i < {count}; i++) {{
        vec3 h = hash3(i, {salt});
        vec2 q = p - vec2({x}, {y}) - {spread} * vec2(2.0 * h.x - 1.0, (2.0 * h.y - 1.0) * 0.7);
        float r = {size} * (0.4 + h.z), d = polygon(q, {blades}, r);
        float disc = inside(d, 0.03 + 0.15 * h.x * r) * (1.0 - {rim} + {rim} * smoothstep(-0.6 * r, 0.0, d));
        vec3 light = {palette}(0.4 + 0.6 * hash1(i, {salt} + 5.0));
        colour += (1.0 - colour) * {power} * disc * light;
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "lights out of focus"


def caustics(draft: Draft) -> str:
    """Light on a floor under water: a net of bright lines, depth below, a bright side."""
    floor_, water = surface(draft, 3.0, 1, Tones("figure", 0.2, 0.9)), draft.palette("ground")
    scale, salt, bend = draft.octaves("scale", 0.9, 2.6), draft.salt(), draft.uniform("bend", 0.2, 0.7)
    power, deep = draft.uniform("power", 0.6, 1.3), draft.uniform("deep", 0.3, 0.7)
    side, tilt = calm(draft), draft.uniform("tilt", 0.0, 0.5)
    body = f"""vec2 q = {scale} * p / (1.0 + {tilt} * p.y) + 20.0;
        float net = 1.0;
        for (int i = ZERO; i < 2; i++) {{
        q += {bend} * noise_offset(1.3 * q, {salt} + 3.0 * float(i));
        net = min(net, abs(2.0 * noise(1.2 * q, {salt} + 9.0 + float(i)) - 1.0));
        }}
        float beam = exp(-7.0 * net) * smoothstep(0.2, 0.8, {side}(p));
        vec3 colour = mix({floor_}(p + 0.1 * (net - 0.5)), {water}(0.35 + 0.4 * {side}(p)), {deep});
        return colour * (0.7 + {power} * beam);"""
    finish(draft, draft.colour(body))
    return "light through water"


def beams(draft: Draft) -> str:
    """Beams from a source behind something that stands in the way."""
    ground, shape = horizon_sky(draft), figure(draft)
    x, y, size = draft.uniform("source", -0.7, 0.7), draft.uniform("source", 0.0, 0.9), draft.uniform("size", 0.15, 0.4)
    salt, number, power = draft.salt(), draft.octaves("number", 1.5, 5.0), draft.uniform("power", 0.4, 0.9)
    front, top = draft.palette("figure"), draft.uniform("top", -0.7, -0.1)
    scale, rise = draft.octaves("scale", 0.8, 3.0), draft.uniform("rise", 0.2, 0.7)
    glow = draft.palette("accent")
    body = f"""vec2 q = p - vec2({x}, {y});
        float away = length(q), beam = fbm(vec2({number} * abs(atan(q.y, q.x)), 3.0), 3, 0.5, {salt});
        vec3 colour = {ground}(p) * 0.8;
        vec3 lamp = 0.5 + 0.5 * {glow}_at(3);
        colour += (1.0 - colour) * lamp * {power} * exp(-1.2 * away) * (0.35 + smoothstep(0.4, 0.7, beam));
        float d = {size} * {shape}(rotation({draft.angle("turn")}) * (q + vec2(0.0, 0.15)) / {size});
        float hill = p.y - {top} - {rise} * (fbm(vec2({scale} * p.x, 7.0), 4, 0.5, {salt} + 9.0) - 0.5);
        float stand = {draft.choose("hill", "min(d, hill)", "d")};
        return mix(colour, {front}(0.1 + 0.35 * exp(-away)), inside(stand, 2.0 * PIXEL));"""
    finish(draft, draft.colour(body))
    return "beams of light"


def mist(draft: Draft) -> str:
    """Trunks or towers that fade into mist, layer after layer."""
    air, figures = backdrop(draft, Tones("ground", 0.5, 1.0)), draft.palette("figure")
    layers, salt, level = draft.whole(3, 6), draft.salt(), draft.uniform("level", -0.7, 0.0)
    number, thin, lean = (
        draft.octaves("number", 1.0, 3.0),
        draft.uniform("thin", 0.05, 0.2),
        draft.uniform("lean", -0.2, 0.2),
    )
    tower, thick = draft.chance(0.5), draft.uniform("thick", 0.4, 0.9)
    top = "0.9 * h.y * front - 0.3" if tower else "9.0"
    width = (
        f"{thin} * (0.5 + h.z) * 2.0"
        if tower
        else f"{thin} * (0.5 + h.z) + 0.04 * (noise(vec2(x.x, 2.0 * p.y), key) - 0.5)"
    )
    body = f"""vec3 colour = {air}(p);
        for (int i = ZERO; i < {layers}; i++) {{
        float front = float(i + 1) / {layers}.0, key = {salt} + 4.0 * float(i);
        vec2 x = {number} * (2.2 - 1.4 * front) * vec2(p.x + {lean} * p.y, p.y) + vec2(3.7 * float(i), 0.0);
        vec3 h = hash3(int(floor(x.x)), key);
        float d = abs(fract(x.x) - 0.5 - 0.3 * (h.x - 0.5)) - {width};
        d = max(d, p.y - ({top}));
        float ground_ = p.y - {level} + 0.5 * front - 0.2 * (noise(vec2(1.5 * p.x + 9.0 * front, 1.0), key) - 0.5);
        vec3 near = {figures}(0.45 - 0.35 * front + 0.1 * h.y);
        colour = mix(colour, mix({air}(p), near, front * front), inside(min(d, ground_), 2.0 * PIXEL * {number}));
        float veil = noise(vec2(p.x + 5.0 * front, 2.0 * p.y), key + 2.0);
        colour = mix(colour, {air}(p), veil * {thick} * (1.0 - front) * smoothstep(0.6, -0.8, p.y));
        }}
        return colour;"""
    finish(draft, draft.colour(body))
    return "shapes in mist"


def films(draft: Draft) -> str:
    """Smoke, aurora and soap films: folded sheets of light before a ground."""
    ground, palette, accent = (
        backdrop(draft, Tones("ground", 0.0, 0.4)),
        draft.palette("figure"),
        draft.palette("accent"),
    )
    fold, salt = draft.uniform("fold", 0.5, 1.4), draft.salt()
    scale, stretch, turn = draft.octaves("scale", 0.6, 1.6), draft.uniform("stretch", 1.0, 3.0), draft.angle("turn")
    sharp, power = draft.uniform("sharp", 1.5, 4.0), draft.uniform("power", 0.5, 1.0)
    body = f"""vec2 q = {scale} * rotation({turn}) * p * vec2(1.0, {stretch});
        vec2 w = q + {fold} * noise_offset(q, {salt});
        vec2 v = w + {fold} * noise_offset(1.3 * w, {salt} + 3.0);
        float body = fbm(v, 3, 0.5, {salt} + 6.0);
        float sheet = pow(1.0 - abs(2.0 * noise(1.2 * v, {salt} + 12.0) - 1.0), {sharp});
        vec3 light = mix({palette}(0.3 + 0.7 * body), {accent}(sheet), 0.4 * sheet);
        float veil = {power} * saturate(sheet + smoothstep(0.35, 0.8, body) * 0.7);
        return mix({ground}(p), light, veil);"""
    finish(draft, draft.colour(body))
    return "sheets of light"


def shadow_play(draft: Draft) -> str:
    """Light on a wall, through blinds, a window or leaves; the shadow blurs with distance."""
    wall, shape = surface(draft, 5.0, 1, Tones("figure", 0.2, 1.0)), figure(draft)
    kind = draft.choose("blinds", "panes", "leaves")
    scale, turn, skew = (
        draft.octaves("bars", 1.2, 4.0),
        draft.uniform("turn", -0.6, 0.6),
        draft.uniform("skew", -0.6, 0.6),
    )
    thin, salt, size = draft.uniform("thin", 0.08, 0.3), draft.salt(), draft.uniform("size", 0.35, 0.6)
    blur, x, y = (
        draft.octaves("blur", 0.02, 0.2),
        draft.uniform("centre", -0.3, 0.3),
        draft.uniform("centre", -0.3, 0.3),
    )
    wide, tall = draft.uniform("wide", 0.5, 1.1), draft.uniform("tall", 0.5, 1.1)
    bars = {
        "blinds": f"(abs(fract({scale} * 2.0 * q.y) - 0.5) - 0.5 * {thin} - 0.1) / (2.0 * {scale})",
        "panes": f"(0.5 - {thin} * 0.3 - max(abs(cell.x), abs(cell.y))) / {scale}",
        "leaves": f"{size} * {shape}((rotation(TURN * hash1(id, {salt})) * cell) / {size}) / {scale}",
    }[kind]
    warm, dark = draft.uniform("warm", 0.0, 0.3), draft.uniform("dark", 0.25, 0.5)
    body = f"""vec2 q = rotation({turn}) * p + vec2({x}, {y});
        q.x += {skew} * q.y;
        q += 0.05 * noise_offset(2.0 * q, {salt} + 1.0);
        ivec2 id = ivec2(floor({scale} * q));
        vec2 cell = fract({scale} * q) - 0.5;
        float soft = {blur} * (0.4 + 0.8 * saturate(0.5 + 0.5 * q.x));
        float through = smoothstep(-soft, soft, {bars});
        float frame = smoothstep(soft, -soft, max(abs(q.x) - {wide}, abs(q.y) - {tall}));
        float light = through * frame * exp(-0.3 * length(p - vec2({x}, {y})));
        vec3 shade_ = vec3(1.0 - {warm}, 1.0, 1.0 + {warm}), sunlight = vec3(1.0 + {warm}, 1.0, 1.0 - {warm});
        return {wall}(p) * ({dark} * shade_ + light * sunlight);"""
    finish(draft, draft.colour(body))
    return f"light on a wall through {kind}"


def room(draft: Draft) -> str:
    """A room in perspective: floor, walls, a ceiling, a picture or a window, and the light that falls in."""
    floor_, wall = surface(draft, 5.0, 1, Tones("figure", 0.1, 0.8)), surface(draft, 3.0, 1, Tones("ground", 0.4, 1.0))
    seen, accent = view(draft), draft.palette("accent")
    x, y, depth = (
        draft.uniform("vanish", -0.6, 0.6),
        draft.uniform("vanish", -0.4, 0.4),
        draft.uniform("depth", 0.22, 0.8),
    )
    wide, tall = draft.uniform("wide", 0.25, 0.85), draft.uniform("tall", 0.25, 0.75)
    at, boards = draft.uniform("at", -0.3, 0.3), draft.octaves("boards", 1.0, 4.0)
    power, lean, soft = (
        draft.uniform("power", 0.3, 0.9),
        draft.uniform("lean", -0.9, 0.9),
        draft.octaves("soft", 0.05, 0.4),
    )
    bars = draft.choose("0.03", "0.015", "0.0")
    body = f"""vec2 q = p - vec2({x}, {y});
        q.y /= {draft.uniform("aspect", 0.7, 1.0)};
        float edge = max(abs(q.x), abs(q.y)), near = max(edge, {depth});
        bool is_back = edge < {depth}, is_side = !is_back && abs(q.x) > abs(q.y);
        float far = {depth} / near;
        vec2 on = is_back ? q / {depth} : is_side ? vec2(2.5 * far, q.y / near) : vec2(q.x / near, 2.5 * far);
        bool is_floor = !is_back && !is_side && q.y < 0.0;
        vec3 colour = is_floor ? {floor_}({boards} * on) : {wall}(on + (is_side ? sign(q.x) : 0.0));
        colour *= is_back ? 0.8 : is_side ? 0.7 + 0.1 * sign(q.x * {lean}) : q.y > 0.0 ? 0.95 : 0.85;
        colour *= 1.0 - 0.35 * smoothstep(0.12, 0.0, abs(abs(q.x) - abs(q.y)) / near) * (is_back ? 0.0 : 1.0);
        colour *= 1.0 - 0.3 * smoothstep(0.1, 0.0, abs(edge - {depth}) / {depth});
        vec2 w = abs(on - vec2({at}, 0.1)) - vec2({wide}, {tall});
        float pane = max(w.x, w.y), bar = min(abs(on.x - {at}), abs(on.y - 0.1));
        if (is_back) {{
        colour = mix(colour, {accent}(0.3), inside(pane - 0.08, 0.04));
        vec3 outside = {seen}((on - vec2({at}, 0.1)) / {tall}) * 1.15;
        colour = mix(colour, bar < {bars} ? {accent}(0.25) : outside, inside(pane, 0.03));
        }}
        float spot = max(abs(on.x - {at} - {lean} * (2.5 - on.y)) - {wide}, abs(on.y - 1.5) - {tall});
        if (is_floor) colour += {power} * colour * smoothstep({soft}, -{soft}, spot);
        return colour * (0.75 + 0.35 * far);"""
    finish(draft, draft.colour(body))
    return "a room with a window"


VARIANTS: tuple[tuple[float, Callable[[Draft], str]], ...] = (
    (1.5, over_water),
    (1.5, refracted),
    (1.0, out_of_focus),
    (0.8, caustics),
    (1.1, beams),
    (1.0, mist),
    (1.0, films),
    (1.3, shadow_play),
    (0.8, room),
)


def write(draft: Draft) -> str:
    """Write `shade`; returns the program's title."""
    draft.include("space", "noise", "shape")
    return draft.weigh(VARIANTS)(draft)
