// licence: Apache-2.0
// include: space
// Signed distances of flat shapes, negative inside.

float box(vec2 p, vec2 half_size) {
    vec2 q = abs(p) - half_size;
    return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0);
}

float segment(vec2 p, vec2 a, vec2 b) {
    vec2 pa = p - a, ba = b - a;
    return length(pa - ba * saturate(dot(pa, ba) / max(dot(ba, ba), 1e-9)));
}

// Regular polygon of n sides and inner radius r, a side at the right.
float polygon(vec2 p, float n, float r) {
    float wedge = TURN / n, angle = atan(p.y, p.x);
    return cos(floor(0.5 + angle / wedge) * wedge - angle) * length(p) - r;
}

// n rounded petals; depth in [0, 1). Not an exact distance.
float flower(vec2 p, float n, float r, float depth) {
    float angle = atan(p.y, p.x);
    return (length(p) - r * (1.0 - depth * (0.5 - 0.5 * cos(n * angle)))) * (1.0 - 0.4 * depth);
}

// Pointed oval along x between two circle arcs: a leaf of half length `l` and half width `w`, w < l.
float lens(vec2 p, float l, float w) {
    p = abs(p);
    float centre = (l * l - w * w) / (2.0 * w), radius = centre + w;
    return p.x > l ? length(p - vec2(l, 0.0)) : length(p + vec2(0.0, centre)) - radius;
}

// One of seven shapes of about radius r.
float any_shape(vec2 p, int kind, float r) {
    if (kind == 0) return length(p) - r;
    if (kind == 1) return box(p, vec2(r, 0.6 * r));
    if (kind == 2) return polygon(p, 3.0, 0.6 * r);
    if (kind == 3) return polygon(p, 6.0, 0.85 * r);
    if (kind == 4) return flower(p, 5.0, 1.1 * r, 0.55);
    if (kind == 5) return abs(length(p) - 0.75 * r) - 0.22 * r;
    return lens(p, 1.3 * r, 0.5 * r);
}
