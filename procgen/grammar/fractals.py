"""Fractals and iterated maps: escape times, orbit traps, folds and inversions, coloured by slow quantities.

An escape count alone gives bands of noise at the border; orbit traps and smooth counts give large calm regions beside
the fine border, so every map here is coloured by one of those.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.colours import FULL_FIGURE, backdrop
from procgen.grammar.draft import Draft, Field
from procgen.grammar.fields import calm
from procgen.grammar.finishing import finish

TRAPS = (
    "abs(z.x)",
    "abs(z.y)",
    "length(z - vec2({a}, {b}))",
    "abs(length(z) - 0.6 - 0.4 * {a})",
    "abs(z.x + z.y - {b})",
    "min(abs(z.x - {a}), abs(z.y - {b}))",
)


def _trap(draft: Draft) -> str:
    a, b = draft.uniform("trap", -0.6, 0.6), draft.uniform("trap", -0.6, 0.6)
    return draft.choose(*TRAPS).format(a=a, b=b)


def _toned(draft: Draft) -> str:
    """Expression of the tone from the trap's distance `near` and the smooth count `count` in [0, 1]."""
    power = draft.uniform("power", 0.35, 0.8)
    return draft.choose(
        f"pow(saturate(near), {power})",
        f"mix(pow(saturate(near), {power}), count, {draft.uniform('share', 0.2, 0.7)})",
        f"saturate(0.8 * pow(saturate(near), {power}) + 0.5 * (count - 0.3))",
    )


def escaping(draft: Draft) -> Field:
    """Julia sets of z^2 + c and kin, and the burning ship; c near the border of the Mandelbrot set."""
    steps, trap = draft.whole(24, 48), _trap(draft)
    turn, reach = draft.uniform("c_angle", 0.0, 6.28), draft.uniform("reach", 0.98, 1.06)
    kind = draft.weigh(((2.5, "julia"), (1.0, "ship"), (1.0, "cubic")))
    power = {
        "julia": "vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y)",
        "ship": "vec2(z.x * z.x - z.y * z.y, -2.0 * abs(z.x * z.y))",
        "cubic": "vec2(z.x * (z.x * z.x - 3.0 * z.y * z.y), z.y * (3.0 * z.x * z.x - z.y * z.y))",
    }[kind]
    body = f"""vec2 z = {draft.uniform("zoom", 0.7, 1.2)} * p, w = unit_vector({turn});
        vec2 c = {reach} * (0.5 * w - 0.25 * vec2(w.x * w.x - w.y * w.y, 2.0 * w.x * w.y));
        float near = 9.0, count = 1.0;
        for (int i = ZERO; i < {steps}; i++) {{
        z = {power} + c;
        near = min(near, {trap});
        if (dot(z, z) > 64.0) {{ count = saturate((float(i) + 1.0 - log2(log2(dot(z, z)) / 6.0)) / {steps}.0); break; }}
        }}
        return saturate({_toned(draft)});"""
    return draft.field(body)


def inverted(draft: Draft) -> Field:
    """Folds and inversions in a circle, |z| / z.z - c: webs and chambers."""
    steps, trap = draft.whole(4, 6), _trap(draft)
    x, y = draft.uniform("cx", 0.55, 1.0), draft.uniform("cy", 0.4, 0.9)
    body = f"""vec2 z = {draft.uniform("zoom", 0.5, 1.1)} * p + vec2({draft.uniform("pan", -0.4, 0.4)}, 0.2);
        float near = 9.0, sum = 0.0, weight = 1.0;
        for (int i = ZERO; i < {steps}; i++) {{
        z = abs(z) / max(dot(z, z), 0.02) - vec2({x}, {y});
        near = min(near, {trap} + 0.1 * float(i));
        weight *= 0.7;
        sum += weight * exp(-2.0 * length(z));
        }}
        float count = saturate(sum);
        return saturate({_toned(draft)});"""
    return draft.field(body)


def folded(draft: Draft) -> Field:
    """Kaleidoscopic iterated function systems: distance to a figure folded many times."""
    steps, growth = draft.whole(4, 8), draft.uniform("growth", 1.3, 1.75)
    x, y, turn = draft.uniform("fold", 0.2, 0.8), draft.uniform("fold", 0.1, 0.6), draft.angle("turn")
    body = f"""vec2 z = 1.2 * p;
        float size = 1.0, near = 9.0;
        for (int i = ZERO; i < {steps}; i++) {{
        z = rotation({turn}) * abs(z) - vec2({x}, {y});
        z *= {growth}; size *= {growth};
        near = min(near, abs(length(z) - {draft.uniform("ring", 0.3, 0.9)} * {growth}) / size * 3.0 + 0.06 * float(i));
        }}
        float count = saturate(length(z) / size);
        return saturate({_toned(draft)});"""
    return draft.field(body)


def rooted(draft: Draft) -> Field:
    """Newton's method for z^n = 1, relaxed: basins with knotted borders."""
    steps, relax = draft.whole(12, 20), draft.uniform("relax", 0.7, 1.2)
    power = draft.whole(3, 5)
    body = f"""vec2 z = {draft.uniform("zoom", 0.8, 1.6)} * p + vec2(0.001);
        float sum = 0.0;
        for (int i = ZERO; i < {steps}; i++) {{
        float r = length(z), a = atan(z.y, z.x);
        vec2 step_ = (z - pow(max(r, 0.05), {1 - power}.0) * unit_vector({1 - power}.0 * a)) / {power}.0;
        z -= {relax} * step_;
        sum += exp(-4.0 * length(step_));
        }}
        float basin = fract(0.5 + {power}.0 * atan(z.y, z.x) / TURN / {power}.0);
        return saturate(mix(basin, 1.2 - 1.1 * sum / {steps}.0, {draft.uniform("share", 0.3, 0.7)}));"""
    return draft.field(body)


def sown(draft: Draft) -> Field:
    """Circles packed by repeated tiling and inversion: chains of discs of all sizes."""
    steps = draft.whole(4, 6)
    scale = draft.uniform("scale", 1.0, 1.25)
    body = f"""vec2 z = {draft.uniform("zoom", 0.6, 1.1)} * p;
        float size = 1.0, near = 9.0;
        for (int i = ZERO; i < {steps}; i++) {{
        z = 2.0 * fract(0.5 * z + 0.5) - 1.0;
        float k = {scale} / max(dot(z, z), 0.05);
        z *= k; size *= k;
        near = min(near, abs({draft.choose("z.y", "length(z) - 1.1")}) / size * 4.0 + 0.04 * float(i));
        }}
        float count = saturate(0.25 * log(size) / {steps}.0 * 3.0);
        return saturate({_toned(draft)});"""
    return draft.field(body)


MAPS: tuple[tuple[float, Callable[[Draft], Field]], ...] = (
    (2.2, escaping),
    (1.5, inverted),
    (1.5, folded),
    (0.8, rooted),
    (1.2, sown),
)


def write(draft: Draft) -> str:
    """Write `shade`; returns the program's title."""
    draft.include("space", "noise")
    production = draft.weigh(MAPS)
    tone, light = production(draft), calm(draft)
    palette, accent = draft.palette(FULL_FIGURE.role), draft.palette("accent")
    x, y, turn = draft.uniform("pan", -0.5, 0.5), draft.uniform("pan", -0.5, 0.5), draft.angle("view")
    zoom = draft.octaves("view_scale", 0.6, 1.3)
    lines = [
        f"vec2 q = {zoom} * rotation({turn}) * p + vec2({x}, {y});",
        f"float tone = {tone}(q);",
        f"vec3 colour = {palette}(tone);",
    ]
    style = draft.weigh(((1.5, "plain"), (1.6, "carved"), (1.2, "set")))
    if style == "carved":
        sun, relief = draft.angle("sun"), draft.uniform("relief", 0.3, 1.0)
        lines.append(
            f"colour *= 0.9 + {relief} * clamp(({tone}(q + 0.02 * unit_vector({sun})) - tone) / 0.1, -0.6, 0.6);"
        )
    if style == "set":
        level = draft.uniform("level", 0.3, 0.7)
        lines.append(f"colour = mix({backdrop(draft)}(p), colour, smoothstep({level}, {level} + 0.06, tone));")
    if draft.chance(0.4):
        lines.append(
            f"colour = mix(colour, {accent}({light}(p)), {draft.uniform('veil', 0.1, 0.5)} * smoothstep(0.4, 0.8, "
            f"{light}(p)));"
        )
    lines.append(f"return colour * mix({draft.uniform('dark', 0.5, 0.8)}, 1.1, {light}(p));")
    finish(draft, draft.colour("\n".join(lines)))
    return f"iterated map, {production.__name__}, {style}"
