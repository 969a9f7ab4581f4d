// title: Romanesco: cones of cones of cones in spirals
// licence: Apache-2.0
// cost: heavy
// include: noise, spiral, shape
// parameter: colours palette
// parameter: leaf palette
// parameter: salt seed
// parameter: count integer 1 3
// parameter: size log_uniform 0.6 1.6
// parameter: arms integer 2 5
// parameter: others_more integer 2 4
// parameter: levels integer 2 3
// parameter: height uniform 0.3 0.9
// parameter: point uniform 0.5 1.3
// parameter: relief uniform 0.3 0.9
// parameter: sun angle
// parameter: tips uniform 0.0 0.7
// parameter: leaves integer 4 9
// parameter: leaf_reach uniform 1.05 1.5
// parameter: squash uniform 0.75 1.0
// parameter: variety uniform 0.0 0.4

// Height of the head at q; tone: which cone of the first level.
float cone(vec2 q, float spin, out float tone, out float deep) {
    float sum = 0.0, share = 1.0;
    vec2 v = q;
    tone = 0.0;
    deep = 0.0;
    for (int i = ZERO; i < int(levels); i++) {
        vec4 k = spiral_lattice(rotation(spin) * v, arms, arms + others_more);
        float size_ = saturate(length(v) * 2.2), off = length(k.xy);
        if (i == 0) { tone = hash1(ivec2(k.zw), salt + 2.0); size_ = saturate(length(v) * 1.6 + 0.1); }
        float rise = 1.0 - pow(min(off * 1.5, 1.0), point);
        sum += share * size_ * rise;
        deep = max(deep, share * size_ * smoothstep(0.42, 0.64, off));
        share *= 0.3;
        v = k.xy * 2.0;
    }
    return 0.17 * sum - height * 0.55 * dot(q, q);
}

vec3 shade(vec2 p) {
    vec2 light = unit_vector(sun);
    vec3 colour = leaf(0.2 + 0.4 * fbm(2.0 * p, 4, 0.55, salt + 40.0)) * 0.45;
    for (int n = ZERO; n < int(count); n++) {
        vec3 h = hash3(n, salt), g = hash3(n, salt + 1.0);
        bool front = n == int(count) - 1;
        float s = size * (front ? 1.0 : 0.55 + 0.35 * h.z);
        vec2 c = (front ? 0.35 : 1.0) * (2.0 * h.xy - 1.0), q = (p - c) / s;
        q.y /= mix(squash, 1.0, g.y);
        if (length(q) > leaf_reach * 1.15) continue;
        for (int k = ZERO; k < int(leaves); k++) {
            vec2 w = hash2(20 * n + k, salt + 3.0);
            vec2 v = rotation(-TURN * (float(k) + 0.5 * w.x) / leaves - g.z * TURN) * q - vec2(0.35, 0.0);
            float l = leaf_reach - 0.35, wave = 0.06 * sin(11.0 * v.x + 9.0 * w.y);
            float d = lens(v - vec2(0.0, wave), l, 0.48 * l), vein = max(smoothstep(0.05, 0.01, abs(v.y)), 0.7 * smoothstep(0.15, 0.03, abs(fract(6.0 * (v.x - 0.8 * abs(v.y))) - 0.5)));
            vec3 blade = leaf(0.35 + 0.4 * w.x + 0.2 * (noise(9.0 * v, salt + 4.0) - 0.5)) * (0.65 + 0.25 * sign(v.y) * sin(TURN * float(k) / leaves - sun) + 0.35 * v.x / l) + 0.12 * vein;
            colour *= 1.0 - 0.35 * smoothstep(0.12, -0.03, d);
            colour = mix(colour, blade, inside(d, 2.0 * PIXEL / s));
        }
        float r = length(q), outline = 1.0 + 0.07 * (noise(vec2(9.0 * atan(q.y, q.x) / TURN * 2.0, 1.0), salt + 5.0) - 0.5);
        colour *= 1.0 - 0.6 * smoothstep(1.3, 0.95, length(q + 0.08 * light));
        if (r > outline + 0.02) continue;
        float tone, other, deep, unused, e = 0.022;
        float here = cone(q, TURN * g.z, tone, deep), there = cone(q + e * light, TURN * g.z, other, unused);
        float slope = clamp((here - there) / e, -1.1, 1.1);
        float lit = clamp(0.62 + 0.55 * relief * slope, 0.12, 1.25);
        vec3 flesh = colours(0.45 + variety * (tone - 0.5) + 0.25 * (1.0 - r) + tips * (0.35 - deep));
        flesh *= lit * (1.0 - 0.7 * deep) * (0.6 + 0.4 * sqrt(max(1.0 - r * r, 0.0)));
        colour = mix(colour, flesh, inside((r - outline) * s, 2.5 * PIXEL));
    }
    return colour;
}
