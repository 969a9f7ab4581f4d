"""Ray-marched scenes: solids on a ground or in the open, with camera, sun, sky, shadows and materials.

Solids are signed distances (Hart 1996), scaled down where a warp makes them inexact. The steps of the march and of the
shadow are fixed by the grammar, which bounds the work of a pixel.
"""

from __future__ import annotations

from procgen.grammar.colours import Tones, horizon_sky
from procgen.grammar.draft import Draft, Solid
from procgen.grammar.fields import field
from procgen.grammar.finishing import finish

MARCH_STEPS, SHADOW_STEPS, FAR = 44, 10, 18.0
CLEARINGS = 4  # steps that take the eye out of a solid

PRIMITIVES = ("ball", "brick", "torus", "drum", "pillar", "capsule", "cone", "shell")


def _primitive(draft: Draft) -> Solid:
    kind = draft.choose(*PRIMITIVES)
    size, thin = draft.uniform("size", 0.4, 0.8), draft.uniform("thin", 0.1, 0.3)
    if kind == "ball":
        body = f"return (length(q * vec3(1.0, {draft.uniform('flat', 0.8, 1.5)}, 1.0)) - {size}) * 0.8;"
    elif kind == "brick":
        sides = ", ".join(draft.uniform("side", 0.2, 0.7) for _ in range(3))
        body = f"return length(max(abs(q) - vec3({sides}), 0.0)) - 0.4 * {thin};"
    elif kind == "torus":
        body = f"return length(vec2(length(q.xy) - {size}, q.z)) - {thin};"
    elif kind == "drum":
        body = (
            f"vec2 w = vec2(length(q.xz) - {size}, abs(q.y) - "
            f"{draft.uniform('tall', 0.2, 0.9)});\nreturn length(max(w, 0.0)) + min(max(w.x, w.y), 0.0) - 0.04;"
        )
    elif kind == "pillar":
        body = f"return max(length(q.xz) - {thin} * (1.4 + 0.5 * cos(3.0 * q.y)), abs(q.y) - 1.2);"
    elif kind == "capsule":
        body = f"q.y -= clamp(q.y, -{size}, {size});\nreturn length(q) - 1.3 * {thin};"
    elif kind == "cone":
        body = f"return max(0.85 * (length(q.xz) - 0.5 * ({size} - q.y)), -q.y - {size});"
    else:
        body = f"return max(abs(length(q) - {size}) - 0.06, q.y - {draft.uniform('cut', -0.1, 0.4)});"
    return draft.solid(body)


def _object(draft: Draft) -> Solid:
    """One or two primitives, joined, cut or melted, then twisted, folded or dented."""
    first = _primitive(draft)
    kind = draft.weigh(((1.2, "one"), (1.3, "melted"), (1.0, "cut"), (0.8, "both")))
    if kind != "one":
        second = _primitive(draft)
        offset = ", ".join(draft.uniform("offset", -0.5, 0.5) for _ in range(3))
        other = f"{second}(q - vec3({offset}))"
        joined = {
            "melted": f"smooth_min({first}(q), {other}, {draft.octaves('melt', 0.05, 0.4)})",
            "cut": f"max({first}(q), -{other})",
            "both": f"min({first}(q), {other})",
        }[kind]
        first = draft.solid(f"return {joined};")
    finish = draft.weigh(((2.0, "plain"), (0.9, "twisted"), (1.2, "folded"), (1.0, "dented"), (0.8, "grooved")))
    if finish == "twisted":
        return draft.solid(
            f"q.xz = rotation({draft.uniform('twist', -1.5, 1.5)} * q.y) * q.xz;\nreturn 0.7 * {first}(q);"
        )
    if finish == "folded":
        shift = ", ".join(draft.uniform("fold", 0.15, 0.5) for _ in range(3))
        a, b = draft.uniform("turn", -0.9, 0.9), draft.uniform("turn", -0.9, 0.9)
        body = f"""for (int i = ZERO; i < {draft.whole(2, 3)}; i++) {{
            q = abs(q) - vec3({shift});
            q.xy = rotation({a}) * q.xy; q.xz = rotation({b}) * q.xz;
            }}
            return {first}(1.4 * q) / 1.4;"""
        return draft.solid(body)
    if finish == "dented":
        scale, depth = draft.octaves("dent_scale", 2.5, 7.0), draft.uniform("dent", 0.02, 0.09)
        return draft.solid(
            f"vec3 w = {scale} * q;\nreturn 0.75 * ({first}(q) + {depth} * sin(w.x) * sin(w.y) * sin(w.z));"
        )
    if finish == "grooved":
        scale, depth = draft.octaves("grooves", 8.0, 25.0), draft.uniform("groove", 0.005, 0.03)
        return draft.solid(f"return 0.8 * ({first}(q) + {depth} * sin({scale} * q.{draft.choose('x', 'y')}));")
    return first


def _arrangement(draft: Draft) -> tuple[Solid, str]:
    """The objects of a scene: one, a field of them, a ring, a heap."""
    thing = _object(draft)
    kind = draft.weigh(((1.3, "one"), (1.3, "field"), (1.2, "heap"), (1.0, "ring"), (0.8, "stack")))
    salt = draft.salt()
    if kind == "field":
        pitch = draft.uniform("pitch", 1.7, 2.6)
        body = f"""vec2 cell = floor(q.xz / {pitch});
            vec3 h = hash3(ivec2(cell), {salt});
            float size = 0.6 + 0.5 * h.z;
            q.xz = rotation(TURN * h.x) * (q.xz - {pitch} * (cell + 0.5) - 0.3 * (h.xy - 0.5));
            return min(0.8 * size * {thing}(q / size), 0.5 * {pitch});"""
    elif kind == "heap":
        body = f"""float d = 20.0;
            for (int i = ZERO; i < {draft.whole(3, 6)}; i++) {{
            vec3 h = hash3(i, {salt});
            float size = 0.45 + 0.6 * hash1(i, {salt} + 1.0);
            vec3 w = q - {draft.uniform("spread", 0.9, 1.7)} * (2.0 * h - 1.0) * vec3(1.0, 0.5, 1.0);
            w.xz = rotation(TURN * h.x) * w.xz; w.xy = rotation(TURN * h.y) * w.xy;
            d = min(d, size * {thing}(w / size));
            }}
            return d;"""
    elif kind == "ring":
        body = f"""float wedge = TURN / {draft.integer("number", 4, 9)};
            float angle = mod(atan(q.z, q.x) + 0.5 * wedge, wedge) - 0.5 * wedge;
            q.xz = length(q.xz) * unit_vector(angle) - vec2({draft.uniform("radius", 1.1, 2.0)}, 0.0);
            return 0.8 * {thing}(q / 0.7) * 0.7;"""
    elif kind == "stack":
        body = f"""float d = 20.0;
            for (int i = ZERO; i < {draft.whole(2, 4)}; i++) {{
            float size = 1.0 - 0.2 * float(i);
            vec3 w = q - vec3(0.3 * (hash1(i, {salt}) - 0.5), {draft.uniform("rise", 0.5, 0.9)} * float(i), 0.0);
            w.xz = rotation(TURN * hash1(i, {salt} + 3.0)) * w.xz;
            d = min(d, size * {thing}(w / size));
            }}
            return d;"""
    else:
        body = f"q.xz = rotation({draft.angle('turn')}) * q.xz;\nreturn 0.8 * {thing}(q / 1.25) * 1.25;"
    return draft.solid(body), kind


def _ground(draft: Draft) -> tuple[str, str]:
    """Distance to the ground, as an expression of q, and its name."""
    kind = draft.weigh(((2.0, "floor"), (1.5, "hills"), (0.8, "corner"), (0.5, "steps")))
    level = draft.uniform("level", 0.5, 1.0)
    if kind == "floor":
        return f"q.y + {level}", kind
    if kind == "hills":
        scale, height = draft.octaves("hill_scale", 0.3, 0.9), draft.uniform("hills", 0.3, 1.0)
        return f"0.75 * (q.y + {level} - {height} * (noise({scale} * q.xz, {draft.salt()}) - 0.4))", kind
    if kind == "corner":
        return f"min(q.y + {level}, 4.5 - max(abs(q.x), abs(q.z)))", kind
    width = draft.uniform("step_width", 0.7, 1.4)
    return f"0.6 * (q.y + {level} + 0.15 * floor(length(q.xz) / {width}))", kind


def _material(draft: Draft, role: str) -> str:
    """Expression of the albedo of an object's point q with normal n."""
    palette, scale, salt = draft.palette(role), draft.octaves("pattern", 0.8, 3.5), draft.salt()
    low, span = draft.uniform("low_tone", 0.1, 0.5), draft.uniform("tone_span", 0.4, 0.7)
    tone = draft.choose(
        f"fbm({scale} * q, 3, 0.5, {salt})",
        f"smoothstep(0.45, 0.55, noise({scale} * q, {salt}))",
        f"(0.5 + 0.5 * sin(4.0 * {scale} * q.y + 3.0 * noise(q, {salt})))",
        f"(0.5 + 0.5 * normal.{draft.choose('x', 'y', 'z')})",
        f"mod(floor({scale} * q.x) + floor({scale} * q.y + 0.3) + floor({scale} * q.z), 2.0)",
        f"saturate(0.5 + 0.4 * q.y + 0.3 * (noise({scale} * q, {salt}) - 0.5))",
    )
    return f"{palette}({low} + {span} * {tone})"


def write(draft: Draft) -> str:
    """Write `scene` and `shade`; returns the program's title."""
    draft.include("space", "noise", "march")
    things, arrangement = _arrangement(draft)
    others, scattered = _arrangement(draft) if draft.chance(0.4) else (None, "alone")
    ground = stage(draft, things, others)
    return f"solids in light, {arrangement} and {scattered} on {ground}"


def stage(draft: Draft, things: Solid, others: Solid | None) -> str:
    """Write `scene` and `shade`: solids on a ground, with camera, sun, sky and materials; returns the ground's name."""
    ground, ground_name = _ground(draft)
    nearest = f"min({things}(q), {ground})"
    draft.define("scene", "float scene(vec3 q)", f"return {f'min({others}(q), {nearest})' if others else nearest};")
    material = _material(draft, "figure")
    if others:
        material = f"({others}(q) < {things}(q) ? {_material(draft, 'accent')} : {material})"
    sky, floor_paint = horizon_sky(draft, Tones("ground")), field(draft, draft.choose(2.5, 4.0, 6.0), 1)
    floor_palette = draft.palette(draft.choose("accent", "ground"))
    floor_low, floor_span = draft.uniform("floor_tone", 0.15, 0.6), draft.uniform("floor_span", 0.3, 0.7)
    view, up = draft.angle("view"), draft.uniform("eye_height", 0.3, 2.0)
    distance, zoom = draft.uniform("eye_distance", 2.4, 3.8), draft.uniform("zoom", 1.2, 2.2)
    sun, sun_height = draft.uniform("sun", -1.4, 1.4), draft.uniform("sun_height", 0.35, 1.2)
    aim = f"vec3({draft.uniform('aim', -0.4, 0.4)}, {draft.uniform('aim', -0.3, 0.3)}, 0.0)"
    gloss, sharp = draft.uniform("gloss", 0.0, 0.6), draft.octaves("sharp", 6.0, 50.0)
    mirror = draft.uniform("mirror", 0.0, 0.5) if draft.chance(0.45) else "0.0"
    warm, ambient, fog = (
        draft.uniform("warm", -0.08, 0.3),
        draft.uniform("ambient", 0.4, 0.65),
        draft.octaves("fog", 0.003, 0.02),
    )
    body = f"""vec3 eye = orbit({view}, {up}, {distance});
        vec3 away = normalize(eye + vec3(0.0, 1.5, 0.0));
        for (int i = ZERO; i < {CLEARINGS}; i++) eye += max(0.6 - scene(eye), 0.0) * away;
        vec3 ray = camera_ray(p, eye, {aim}, {zoom});
        float round_ = {view} + PI + {sun};
        vec3 light = normalize(vec3(cos(round_), {sun_height}, sin(round_)));
        vec3 back = {sky}(vec2(2.0 * sin(0.5 * atan(ray.z, ray.x)), 1.6 * ray.y));
        float t = march(eye, ray, {FAR}, {MARCH_STEPS});
        if (t < 0.0) return back;
        vec3 q = eye + ray * t, normal = scene_normal(q, 0.004);
        bool on_ground = {ground} < 0.006 * t;
        vec3 albedo = on_ground ? {floor_palette}({floor_low} + {floor_span} * {floor_paint}(0.6 * q.xz)) : {material};
        float lit = max(dot(normal, light), 0.0) * soft_shadow(q + 0.02 * normal, light, 7.0, {SHADOW_STEPS});
        float open = openness(q, normal, 0.5);
        vec3 shade_ = vec3(1.0 - 0.6 * {warm}, 1.0, 1.0 + 0.8 * {warm});
        vec3 sunlight = vec3(1.0 + {warm}, 1.0, 1.0 - {warm});
        vec3 colour = albedo * ({ambient} * (0.35 + 0.75 * open) * shade_ + lit * sunlight);
        vec3 bounce = reflect(ray, normal);
        float rim = {mirror} * (0.3 + 0.7 * pow(1.0 - max(dot(normal, -ray), 0.0), 3.0)) * (on_ground ? 0.4 : 1.0);
        vec3 mirrored = {sky}(vec2(2.0 * sin(0.5 * atan(bounce.z, bounce.x)), 1.6 * bounce.y));
        colour = mix(colour, mirrored * (0.4 + 0.6 * open), rim);
        colour += {gloss} * pow(max(dot(bounce, light), 0.0), {sharp}) * lit * (on_ground ? 0.25 : 1.0);
        return mix(back, colour, exp(-{fog} * t * t));"""
    finish(draft, draft.colour(body))
    return ground_name
