// title: Snow crystals on dark wool
// licence: Apache-2.0
// cost: heavy
// include: noise, shape
// parameter: crystal palette
// parameter: ground palette
// parameter: salt seed
// parameter: count integer 1 6
// parameter: size log_uniform 0.55 1.3
// parameter: branches integer 3 6
// parameter: reach uniform 0.3 0.75
// parameter: twigs uniform 0.0 0.7
// parameter: thick uniform 0.018 0.05
// parameter: plate uniform 0.0 0.45
// parameter: tip uniform -0.2 0.3
// parameter: clear uniform 0.1 0.7
// parameter: relief uniform 0.4 1.5
// parameter: sun angle
// parameter: tilt uniform 0.6 1.0
// parameter: weave log_uniform 2.0 7.0
// parameter: weave_turn angle
// parameter: grains uniform 0.0 0.8

// Distance to a crystal of about radius 1: six mirrored arms with branches, and twigs on the branches.
float flake(vec2 q, int i) {
    q = kaleidoscope(q, 6.0);
    float d = segment(q, vec2(0.0), vec2(0.95, 0.0)) - thick * (1.3 - 0.6 * q.x);
    for (int k = ZERO; k < int(branches); k++) {
        vec2 h = hash2(10 * i + k, salt + 5.0);
        float x = (float(k) + 0.5 + 0.6 * (h.x - 0.5)) / branches * 0.85 + 0.08, l = reach * (0.35 + 0.65 * h.y) * (1.05 - x) * (0.4 + 1.1 * x);
        vec2 v = rotation(-PI / 3.0) * (q - vec2(x, 0.0));
        d = min(d, segment(v, vec2(0.0), vec2(l, 0.0)) - 0.75 * thick);
        if (twigs < 0.1) continue;
        for (int n = ZERO; n < 2; n++) {
            vec2 u = v - vec2(l * (0.4 + 0.35 * float(n)), 0.0);
            u.y = abs(u.y);
            d = min(d, segment(u, vec2(0.0), 0.35 * l * twigs * vec2(0.5, 0.866)) - 0.55 * thick);
        }
    }
    float hexagon = q.x * 0.9659 + q.y * 0.2588 - plate * (0.5 + 0.5 * hash1(i, salt + 6.0));
    d = min(d, hexagon);
    if (plate > 0.15) d = max(d, -(abs(hexagon + 0.45 * plate) - 0.012));
    return min(d, polygon(q - vec2(0.88, 0.0), 6.0, tip * 0.5));
}

vec3 wool(vec2 p) {
    vec2 q = rotation(weave_turn) * p * weave;
    q += 0.5 * noise_offset(0.4 * q, salt + 40.0);
    float thread = zigzag(2.0 * q.y), fibre = noise(vec2(3.0 * q.x + 4.0 * thread, 22.0 * q.y), salt + 41.0), fold = fbm(0.35 * q, 3, 0.5, salt + 42.0);
    return ground(0.15 + 0.4 * fold + 0.2 * (fibre - 0.5)) * (0.6 + 0.16 * smoothstep(0.0, 0.8, thread) + 0.2 * fibre) * (0.45 + 0.5 * fold);
}

vec3 shade(vec2 p) {
    vec3 colour = wool(p);
    vec2 light = unit_vector(sun), s = 16.0 * p + noise_offset(4.0 * p, salt + 43.0);
    vec2 f = fract(s) - 0.2 - 0.6 * hash2(ivec2(floor(s)), salt + 44.0);
    colour = mix(colour, crystal_at(3) * 0.9, 0.7 * smoothstep(0.16, 0.08, length(f)) * step(1.0 - 0.35 * grains, hash1(ivec2(floor(s)), salt + 45.0)));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float r = size * (i == int(count) - 1 ? 1.0 : 0.3 + 0.5 * h.z);
        vec2 c = (count < 1.5 ? 0.2 : 0.85) * (2.0 * h.xy - 1.0);
        mat2 turned = rotation(TURN * g.x);
        vec2 stretch = vec2(1.0, 1.0 / mix(tilt, 1.0, g.y)), q = turned * (p - c) / r * stretch;
        if (length(q) > 1.25) continue;
        float d = flake(q, i), e = 0.015, under = flake(turned * (p - c + 0.05 * light) / r * stretch, i);
        float slope = flake(turned * (p - c + e * r * light) / r * stretch, i) - d;
        colour *= 1.0 - 0.5 * inside(under, 0.12);
        float rise = smoothstep(0.0, -thick, d), lit = clamp(0.72 + relief * slope / e * 0.45 * (1.0 - 0.5 * rise), 0.25, 1.3);
        vec3 ice = crystal(0.55 + 0.3 * h.z + 0.2 * noise(6.0 * q, salt + 3.0)) * 0.4 + mix(vec3(0.62), crystal_at(3) * 0.7, 0.5);
        ice *= lit * (0.8 + 0.25 * length(q));
        colour = mix(colour, ice, inside(d, 3.0 * PIXEL / r) * mix(1.0 - 0.6 * clear, 1.0, 1.0 - 0.6 * rise * smoothstep(0.5, 0.1, length(q))));
    }
    return colour;
}
