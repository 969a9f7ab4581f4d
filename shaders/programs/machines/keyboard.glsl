// title: Keyboard in perspective, caps with letters
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: caps palette
// parameter: desk palette
// parameter: salt seed
// parameter: scale log_uniform 1.2 3.2
// parameter: turn uniform -0.6 0.6
// parameter: tilt uniform 0.0 0.65
// parameter: far_edge uniform 0.2 1.3
// parameter: rounding uniform 0.05 0.22
// parameter: gap uniform 0.04 0.1
// parameter: cap_height uniform 0.06 0.16
// parameter: tone uniform 0.1 0.95
// parameter: accent uniform 0.0 0.35
// parameter: sun angle
// parameter: round_caps uniform -0.6 0.4
// parameter: lit uniform -0.6 0.6
// parameter: dirt uniform 0.0 0.5
// parameter: wide uniform 0.0 0.5

// Strokes of an invented letter in [-1, 1]^2: four of nine points joined.
float letter(vec2 v, vec3 h, float key) {
    float d = 9.0;
    int at = int(9.0 * h.x);
    for (int i = ZERO; i < 3; i++) {
        int next = int(9.0 * fract(h.y * 7.3 + h.z * float(i + 1) * 3.1));
        vec2 a = vec2(at % 3, at / 3) - 1.0, b = vec2(next % 3, next / 3) - 1.0;
        d = min(d, i == 1 && key < 0.4 ? abs(length(v - 0.5 * (a + b)) - 0.5) : segment(v, a, b));
        at = next;
    }
    return d - 0.14;
}

vec3 shade(vec2 p) {
    float depth = 1.0 / (1.0 - tilt * p.y);
    vec2 q = rotation(turn) * (vec2(p.x, 1.2 * p.y) * depth);
    vec2 light = rotation(turn) * unit_vector(sun);
    float edge = far_edge - q.y;
    vec3 wood = desk(0.3 + 0.5 * fbm(q * vec2(0.8, 4.0) + 3.0, 4, 0.55, salt + 9.0)) * (0.8 + 0.3 * dot(p, unit_vector(sun)));
    wood *= 1.0 - 0.6 * smoothstep(-0.3, 0.0, edge);
    if (edge < 0.0) return wood;
    if (edge < 0.16) return desk(0.15 + 0.7 * step(0.5, tone)) * (0.6 + 0.6 * smoothstep(0.16, 0.0, edge));
    vec2 s = scale * (q - vec2(0.0, far_edge - 0.16)) * vec2(1.0, 1.0);
    float row = floor(s.y);
    s.x += 0.27 * row + 5.0 * hash1(1, salt);
    float column = floor(s.x), first = hash1(ivec2(int(floor(0.5 * column)), int(row)), salt + 1.0);
    bool doubled = first < wide * (row < -3.5 ? 1.6 : 0.5);
    if (doubled) column = 2.0 * floor(0.5 * column);
    float w = doubled ? 2.0 : 1.0;
    ivec2 key = ivec2(int(column), int(row));
    vec3 h = hash3(key, salt + 2.0);
    vec2 v = vec2(s.x - column - 0.5 * w, s.y - row - 0.5), half_size = vec2(0.5 * w - gap, 0.5 - gap);
    bool disc = round_caps > 0.0 && !doubled;
    float base = disc ? length(v) - 0.5 + gap : box(v, half_size - rounding) - rounding;
    vec3 bed = mix(desk(0.1), desk(0.9), step(0.62, tone)) * (0.4 + 0.3 * noise(8.0 * s, salt + 4.0));
    if (lit > 0.0) bed = mix(bed, caps(0.8), lit * exp(-8.0 * max(base, 0.0)));
    vec3 colour = bed * (0.45 + 0.55 * smoothstep(-0.02, 0.13, base + 0.08 * dot(normalize(v + 1e-4), light)));
    vec2 up = v - vec2(0.0, cap_height * 0.6);  // the top stands above the base
    float top = disc ? length(up) - 0.36 : box(up, half_size - 0.13 - 0.5 * rounding) - 0.6 * rounding;
    vec3 skin = h.z < accent ? caps(0.95 - tone) : caps(tone + 0.12 * (h.x - 0.5));
    skin *= 1.0 - dirt * smoothstep(0.45, 0.8, fbm(1.5 * s, 4, 0.6, salt + 5.0));
    vec2 side = up / max(half_size, 0.1);
    vec2 n = abs(side.x) > abs(side.y) ? vec2(sign(side.x), 0.0) : vec2(0.0, sign(side.y));
    if (disc) n = normalize(up + 1e-4);
    vec3 wall = skin * (0.6 + 0.4 * dot(n, light));
    float dish = 0.5 * dot(up, light) / half_size.y;
    vec3 face = skin * (1.02 - 0.35 * dish + 0.25 * smoothstep(-0.05, 0.0, top));
    vec3 ink = dot(skin, vec3(0.33)) > 0.45 ? skin * 0.2 : mix(skin, vec3(1.0), 0.75);
    if (lit > 0.25) ink = mix(ink, vec3(1.0), 0.4);
    vec2 glyph = (up - vec2(doubled ? -0.3 : -0.06, 0.06)) / vec2(0.1, 0.125);
    if (h.y > 0.06) face = mix(face, ink, inside(letter(glyph, h.yzx, h.y), 0.4 + 12.0 * PIXEL * scale * 0.5));
    colour = mix(colour, wall, inside(base, 2.0 * PIXEL * scale));
    colour = mix(colour, face, inside(top, 2.5 * PIXEL * scale));
    return colour * (0.9 + 0.35 * dot(p, unit_vector(sun)));
}
