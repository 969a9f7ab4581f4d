"""Iterated maps of the plane. Each writes ``vec3 orbit(vec2 p)``: (trap, depth, turn), all within [0, 1].

trap is how near the orbit came to a curve, depth how long it took (smoothed), turn where it ended, as an angle. An
escape count alone gives bands of noise at the border of a set; the three together give large calm regions beside it.
A distance is squeezed as x / (x + half) rather than clamped, since a clamp leaves most of the plane in one tone.
"""

from __future__ import annotations

from collections.abc import Callable

from procgen.grammar.draft import Draft

TRAPS = (
    "abs(z.x)",
    "abs(z.y)",
    "length(z - vec2({a}, {b}))",
    "abs(length(z) - 0.6 - 0.4 * {a})",
    "abs(z.x + z.y - {b})",
    "min(abs(z.x - {a}), abs(z.y - {b}))",
)
POWERS = {
    "square": "vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y)",
    "ship": "vec2(z.x * z.x - z.y * z.y, -2.0 * abs(z.x * z.y))",
    "cubic": "vec2(z.x * (z.x * z.x - 3.0 * z.y * z.y), z.y * (3.0 * z.x * z.x - z.y * z.y))",
}
POWER_CHOICES = ((2.5, "square"), (1.0, "ship"), (1.0, "cubic"))


def _trap(draft: Draft) -> str:
    a, b = draft.uniform("trap", -0.6, 0.6), draft.uniform("trap", -0.6, 0.6)
    return draft.choose(*TRAPS).format(a=a, b=b)


def _define(draft: Draft, body: str, depth: str) -> None:
    """Write `orbit` from statements that leave z and near, and an expression of the depth."""
    half = draft.octaves("half", 0.08, 0.5)
    turn = "0.5 + atan(z.y, z.x) / TURN"
    result = f"return vec3(near / (near + {half}), saturate({depth}), {turn});"
    draft.define("orbit", "vec3 orbit(vec2 p)", f"{body}\n{result}")


def _escape(draft: Draft, start: str, steps: int, power: str) -> None:
    """Iterate z -> power + c until z is far away."""
    body = f"""{start}
        float near = 9.0, count = 1.0;
        for (int i = ZERO; i < {steps}; i++) {{
        z = {POWERS[power]} + c;
        near = min(near, {_trap(draft)});
        if (dot(z, z) > 64.0) {{ count = (float(i) + 1.0 - log2(log2(dot(z, z)) / 6.0)) / {steps}.0; break; }}
        }}"""
    _define(draft, body, "sqrt(max(count, 0.0))")


def escaping(draft: Draft) -> None:
    """Julia sets of z^2 + c and kin; c near the border of the Mandelbrot set."""
    turn, reach = draft.uniform("c_angle", 0.0, 6.28), draft.uniform("reach", 0.97, 1.05)
    start = f"""vec2 z = {draft.uniform("zoom", 0.7, 1.2)} * p, w = unit_vector({turn});
        vec2 c = {reach} * (0.5 * w - 0.25 * vec2(w.x * w.x - w.y * w.y, 2.0 * w.x * w.y));"""
    _escape(draft, start, draft.whole(24, 48), draft.weigh(POWER_CHOICES))


def mandelbrot(draft: Draft) -> None:
    """The Mandelbrot set from close by, around a point of its main border."""
    angle, zoom = draft.uniform("border", 0.3, 3.1), draft.octaves("close", 0.04, 0.5)
    start = f"""vec2 w = unit_vector({angle});
        vec2 c = 1.01 * (0.5 * w - 0.25 * vec2(w.x * w.x - w.y * w.y, 2.0 * w.x * w.y)) + {zoom} * p, z = vec2(0.0);"""
    _escape(draft, start, draft.whole(48, 72), "square")


def inverted(draft: Draft) -> None:
    """Folds and inversions in a circle, |z| / z.z - c: webs and chambers."""
    x, y = draft.uniform("cx", 0.55, 1.0), draft.uniform("cy", 0.4, 0.9)
    body = f"""vec2 z = {draft.uniform("zoom", 0.5, 1.1)} * p + vec2({draft.uniform("pan", -0.4, 0.4)}, 0.2);
        float near = 9.0, sum = 0.0, weight = 1.0;
        for (int i = ZERO; i < {draft.whole(4, 6)}; i++) {{
        z = abs(z) / max(dot(z, z), 0.02) - vec2({x}, {y});
        near = min(near, {_trap(draft)} + 0.1 * float(i));
        weight *= 0.7;
        sum += weight * exp(-2.0 * length(z));
        }}"""
    _define(draft, body, "sum")


def folded(draft: Draft) -> None:
    """Kaleidoscopic iterated function systems: distance to a ring folded many times."""
    x, y, turn = draft.uniform("fold", 0.2, 0.8), draft.uniform("fold", 0.1, 0.6), draft.angle("turn")
    growth, ring = draft.uniform("growth", 1.3, 1.75), draft.uniform("ring", 0.3, 0.9)
    body = f"""vec2 z = 1.2 * p;
        float size = 1.0, near = 9.0;
        for (int i = ZERO; i < {draft.whole(4, 8)}; i++) {{
        z = rotation({turn}) * abs(z) - vec2({x}, {y});
        z *= {growth}; size *= {growth};
        near = min(near, abs(length(z) - {ring} * {growth}) / size * 3.0 + 0.06 * float(i));
        }}"""
    _define(draft, body, "length(z) / size")


def rooted(draft: Draft) -> None:
    """Newton's method for z^n = 1, relaxed: basins with knotted borders."""
    steps, power = draft.whole(12, 20), draft.whole(3, 5)
    body = f"""vec2 z = {draft.uniform("zoom", 0.8, 1.6)} * p + vec2(0.001);
        float sum = 0.0, near = 9.0;
        for (int i = ZERO; i < {steps}; i++) {{
        float r = length(z), a = atan(z.y, z.x);
        vec2 step_ = (z - pow(max(r, 0.05), {1 - power}.0) * unit_vector({1 - power}.0 * a)) / {power}.0;
        z -= {draft.uniform("relax", 0.7, 1.2)} * step_;
        near = min(near, {_trap(draft)});
        sum += exp(-4.0 * length(step_));
        }}"""
    _define(draft, body, f"1.2 - 1.1 * sum / {steps}.0")


def sown(draft: Draft) -> None:
    """Circles packed by repeated tiling and inversion: chains of discs of all sizes."""
    steps = draft.whole(4, 6)
    body = f"""vec2 z = {draft.uniform("zoom", 0.5, 1.0)} * p + vec2({draft.uniform("pan", -0.5, 0.5)}, 0.1);
        float size = 1.0, near = 9.0;
        for (int i = ZERO; i < {steps}; i++) {{
        z = 2.0 * fract(0.5 * z + 0.5) - 1.0;
        float k = {draft.uniform("scale", 1.0, 1.25)} / max(dot(z, z), 0.05);
        z *= k; size *= k;
        near = min(near, abs({draft.choose("z.y", "length(z) - 1.1")}) / size * 4.0 + 0.04 * float(i));
        }}"""
    _define(draft, body, f"0.75 * log(size) / {steps}.0")


def hyperbolic(draft: Draft) -> None:
    """A disc tiled by mirrors and one circle: tiles that shrink towards the rim (after Poincaré's disc)."""
    sides, across = draft.integer("sides", 3, 8), draft.uniform("across", 0.2, 1.0)
    centre = draft.uniform("mirror", 1.12, 1.45)
    body = f"""vec2 z = p;
        float r = dot(p, p), near = 9.0, flips = 0.0;
        z = (r > 1.0 ? z / r : z) - {across} * vec2(0.0, 0.3) * (1.0 - min(r, 1.0 / r));
        for (int i = ZERO; i < {draft.whole(6, 10)}; i++) {{
        z = kaleidoscope(z, {sides});
        vec2 q = z - vec2({centre}, 0.0);
        float k = ({centre} * {centre} - 1.0) / dot(q, q);
        if (k > 1.0) {{ z = vec2({centre}, 0.0) + k * q; flips += 1.0; }}
        near = min(near, abs(k - 1.0) + 0.05 * flips);
        }}"""
    _define(draft, body, "0.12 * flips + 0.3 * length(z) + (r > 1.0 ? 0.3 : 0.0)")


def poles(draft: Draft) -> None:
    """A rational function, seen by angle and size of its values: currents around sources and sinks."""
    salt, spread = draft.salt(), draft.uniform("spread", 0.6, 1.3)
    body = f"""vec2 z = vec2(1.0, 0.0);
        float near = 9.0, size = 0.0;
        for (int i = ZERO; i < {draft.whole(3, 6)}; i++) {{
        vec2 q = p - {spread} * (2.0 * hash2(i, {salt}) - 1.0);
        q.y = i % 2 == 0 ? q.y : -q.y;
        z = normalize(vec2(z.x * q.x - z.y * q.y, z.x * q.y + z.y * q.x) + 1e-6);
        size += (i % 2 == 0 ? 1.0 : -1.0) * log2(length(q) + 0.02);
        near = min(near, length(q));
        }}
        near *= 0.6 + 0.4 * zigzag({draft.uniform("bands", 0.4, 1.4)} * size);"""
    _define(draft, body, "0.5 + 0.18 * size")


MAPS: tuple[tuple[float, Callable[[Draft], None]], ...] = (
    (1.8, escaping),
    (1.2, mandelbrot),
    (1.1, inverted),
    (1.0, folded),
    (0.8, rooted),
    (1.0, sown),
    (1.0, hyperbolic),
    (0.9, poles),
)


def iterated_map(draft: Draft) -> str:
    """Write `orbit` by any map; returns its name."""
    production = draft.weigh(MAPS)
    production(draft)
    return production.__name__
