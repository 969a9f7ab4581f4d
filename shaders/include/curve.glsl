// licence: Apache-2.0
// include: space
// Bent stems, spines and tendrils: quadratic Bezier curves from a to c, drawn towards b.

vec2 bend_point(vec2 a, vec2 b, vec2 c, float t) { return mix(mix(a, b, t), mix(b, c, t), t); }

// Unit vector along the curve.
vec2 bend_along(vec2 a, vec2 b, vec2 c, float t) { return normalize(mix(b - a, c - b, t) + 1e-6); }

// Nearest point of the curve: x distance, negative on the right hand side of the way from a to c; y its t in [0, 1].
// Newton steps from the best of five starts; good for curves that turn by less than half a circle.
vec2 bend(vec2 p, vec2 a, vec2 b, vec2 c) {
    float t = 0.0, best = 1e9;
    for (int i = ZERO; i < 5; i++) {
        vec2 r = bend_point(a, b, c, 0.25 * float(i)) - p;
        if (dot(r, r) < best) { best = dot(r, r); t = 0.25 * float(i); }
    }
    vec2 second = a - 2.0 * b + c;
    for (int i = ZERO; i < 3; i++) {
        vec2 r = bend_point(a, b, c, t) - p, first = mix(b - a, c - b, t);
        t = saturate(t - dot(r, first) / max(2.0 * dot(first, first) + dot(r, second), 0.2 * dot(first, first) + 1e-6));
    }
    vec2 r = p - bend_point(a, b, c, t), along = bend_along(a, b, c, t);
    return vec2(length(r) * (dot(r, vec2(-along.y, along.x)) < 0.0 ? -1.0 : 1.0), t);
}
