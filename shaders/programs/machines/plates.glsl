// title: Riveted hull plates with portholes and streaks of rust
// licence: Apache-2.0
// cost: light
// include: noise, shape
// parameter: paint palette
// parameter: glass palette
// parameter: salt seed
// parameter: scale log_uniform 0.7 1.8
// parameter: aspect log_uniform 1.0 2.4
// parameter: rivets log_uniform 4.0 9.0
// parameter: slope uniform -0.25 0.25
// parameter: waterline uniform -1.2 0.8
// parameter: band uniform 0.05 0.35
// parameter: holes uniform 0.0 0.8
// parameter: hole_size uniform 0.16 0.3
// parameter: streaks uniform 0.2 1.0
// parameter: sun angle
// parameter: dents uniform 0.1 0.8
// parameter: lit uniform 0.0 1.0
// parameter: curve uniform 0.0 0.6

vec3 shade(vec2 p) {
    vec2 light = unit_vector(sun);
    vec2 q = rotation(slope) * p + vec2(0.0, 0.15 * curve * p.x * p.x);
    vec2 s = scale * q * vec2(1.0, aspect) + 4.0 * hash2(1, salt);
    float row = floor(s.y);
    s.x += 0.5 * mod(row, 2.0);
    ivec2 plate = ivec2(floor(s));
    vec2 f = fract(s), v = (f - 0.5) / vec2(1.0, aspect);
    vec2 gap = min(f, 1.0 - f) / vec2(1.0, aspect);
    vec3 h = hash3(plate, salt + 2.0);
    float above = q.y - waterline;
    vec3 coat = above > band ? paint(0.72) : above > 0.0 ? paint(0.98) : paint(0.25);
    float dent = fbm(1.3 * s + 5.0 * h.xy, 2, 0.5, salt + 3.0), dent2 = fbm(1.3 * (s + 0.06 * light) + 5.0 * h.xy, 2, 0.5, salt + 3.0);
    float light_ = 0.85 + 3.0 * dents * (dent - dent2) + 0.25 * (h.z - 0.5) + 0.4 * curve * p.y;
    float rim = smoothstep(0.012, 0.0, f.y / aspect) + smoothstep(0.01, 0.0, gap.x);
    light_ *= 1.0 - 0.5 * saturate(rim) - 0.25 * smoothstep(0.09, 0.0, (1.0 - f.y) / aspect);
    // rust runs down from seams and rivets
    float column = floor(7.0 * s.x), drip = hash1(ivec2(int(column), plate.y), salt + 4.0);
    float run = smoothstep(drip * 1.1, 0.0, 1.0 - f.y) * noise(vec2(26.0 * s.x, 1.5 * s.y), salt + 5.0);
    float patchy = smoothstep(0.55, 0.75, fbm(2.3 * s, 5, 0.62, salt + 6.0));
    float rust = saturate(streaks * (1.6 * run * step(0.4, drip) + patchy));
    vec3 rusty = mix(vec3(0.38, 0.2, 0.11), paint(0.1), 0.35) * (0.6 + 0.8 * noise(20.0 * s, salt + 7.0));
    vec3 colour = mix(coat * (0.93 + 0.14 * noise(9.0 * s, salt + 8.0)), rusty, rust) * light_;
    vec2 beside = min(f, 1.0 - f) / vec2(1.0, aspect) - 0.06;
    vec2 t = gap.x < gap.y ? vec2(beside.x, (fract(f.y * floor(rivets / aspect + 1.0)) - 0.5) / (rivets)) : vec2((fract(f.x * floor(rivets)) - 0.5) / rivets, beside.y);
    float stud = length(t) / 0.026;
    vec2 way = gap.x < gap.y ? vec2(f.x < 0.5 ? t.x : -t.x, t.y) : vec2(t.x, f.y < 0.5 ? t.y : -t.y);
    colour *= 1.0 - 0.4 * smoothstep(1.9, 1.0, length(way / 0.026 + 0.5 * light));
    colour = mix(colour, mix(coat, rusty, 0.5 * rust) * (0.75 + 0.45 * dot(way / 0.026, light)), inside(stud - 1.0, 0.5));
    if (hash1(plate, salt + 9.0) < holes && above > -0.2) {
        float r = length(v) / hole_size, ring = abs(r - 1.0) / 0.28;
        if (hole_size < 0.4 / aspect) {
            vec2 n = v / max(length(v), 1e-3);
            colour *= 1.0 - 0.5 * smoothstep(1.75, 1.2, length(v / hole_size + 0.25 * light));
            float edge = (r - 1.0) / 0.28;
            vec3 brass = mix(paint(0.8), vec3(0.7, 0.58, 0.38), 0.6) * (0.6 + 0.55 * edge * dot(n, light) + 0.35 * smoothstep(0.5, 0.0, abs(edge - 0.2)));
            float bolt = length(vec2(fract(atan(v.y, v.x) / TURN * 8.0) - 0.5, (r - 1.05) * 1.4));
            brass *= 1.0 - 0.5 * inside(bolt - 0.13, 0.08);
            bool glows = h.x < lit;
            vec3 pane = glows ? mix(vec3(1.0, 0.85, 0.55), glass(0.9), 0.4) * (1.0 - 0.4 * r * r) : glass(0.15 + 0.5 * saturate(0.5 + 2.0 * v.y + 0.6 * noise(4.0 * v + 9.0, salt + 10.0)));
            pane += 0.3 * smoothstep(0.1, 0.0, abs(length(v / hole_size - 0.25 * light) - 0.6) - 0.08) * saturate(dot(n, light));
            colour = mix(colour, pane * (0.55 + 0.45 * smoothstep(0.75, 0.5, length(v / hole_size - 0.15 * light))), inside((r - 0.72) * hole_size, 0.02));
            colour = mix(colour, brass, inside((ring - 1.0) * 0.28 * hole_size, 0.015));
        }
    }
    return colour * (0.9 + 0.3 * dot(p, light));
}
