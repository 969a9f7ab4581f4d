// title: Rosettes of thick leaves, one over the other, among gravel
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, spiral
// parameter: colours palette
// parameter: tips palette
// parameter: ground palette
// parameter: salt seed
// parameter: count integer 1 3
// parameter: size log_uniform 0.45 1.3
// parameter: leaves integer 12 24
// parameter: open uniform 0.5 1.1
// parameter: leaf_width uniform 0.32 0.6
// parameter: point uniform 0.0 0.5
// parameter: blush uniform 0.0 0.9
// parameter: bloom uniform 0.0 0.5
// parameter: keel uniform 0.0 0.7
// parameter: sun angle
// parameter: elevation uniform 0.4 1.1
// parameter: stones log_uniform 2.5 8.0
// parameter: hatch uniform -0.5 0.6

vec3 gravel(vec2 p) {
    Cell stone = cells(stones * p + 10.0, 0.95, salt + 40.0);
    vec3 h = hash3(stone.id, salt + 41.0);
    float round_ = saturate(2.5 * stone.edge);
    return ground(0.2 + 0.6 * h.x + 0.2 * noise(30.0 * p, salt + 42.0)) * (0.3 + 0.7 * round_) * (0.85 - 0.8 * dot(stone.offset, unit_vector(sun)) * 0.6);
}

vec3 shade(vec2 p) {
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation));
    vec3 colour = gravel(p);
    for (int n = ZERO; n < int(count); n++) {
        int i = int(count) - 1 - n;  // the largest lies on top
        vec3 h = hash3(i, salt);
        float s = size * (i == 0 ? 1.0 : 0.45 + 0.5 * h.z);
        vec2 q = (p - (i == 0 ? 0.45 : 1.0) * (2.0 * h.xy - 1.0)) / s;
        float r = length(q), covered = 0.0;
        if (r > 1.5) continue;
        vec3 plant = colour * (1.0 - 0.55 * smoothstep(1.35, 0.6, length(q + 0.12 * light.xy)));
        for (int k = ZERO; k < int(leaves); k++) {
            float age = (float(k) + 0.6) / leaves, l = open * mix(0.22, 1.15, sqrt(age));
            if (r > l * 1.05) continue;
            vec2 v = rotation(-GOLDEN_ANGLE * float(k) - TURN * h.z) * q;
            float x = v.x / l, wide = leaf_width * l * pow(saturate(x * 1.05), 0.6) * pow(max(1.0 - x, 0.0), 0.25 + point) * 1.25;
            if (x < 0.02 || x > 1.0) continue;
            float y = abs(v.y) / max(wide, 1e-3), d = abs(v.y) - wide;
            if (d > 0.0) { covered = max(covered, exp(-d * 14.0) * step(x, 0.97)); continue; }
            float across = v.y / max(wide, 1e-3);
            float tone = 0.35 + 0.3 * age + 0.2 * (hash1(k, salt + 2.0 + float(i)) - 0.5) + 0.25 * x;
            float bend_ = hatch > 0.0 ? smoothstep(0.25, 0.45, abs(fract(7.0 * x) - 0.5)) * 0.2 * hatch : 0.0;
            vec3 flesh = colours(tone - bend_);
            flesh = mix(flesh, tips(0.35 + 0.5 * x), blush * max(smoothstep(0.75, 1.0, x), smoothstep(0.75, 1.0, y)));
            flesh = mix(flesh, mix(flesh, vec3(0.85), 0.45), bloom * noise(5.0 * v + float(k), salt + 3.0));
            vec3 normal = normalize(vec3(1.5 * x - 1.2 + 0.5 * age, across * (0.7 + keel * (1.0 - x)) + keel * sign(across) * 0.25, 0.9));
            normal.xy = rotation(GOLDEN_ANGLE * float(k) + TURN * h.z) * normal.xy;
            float matte = max(dot(normal, light), 0.0), shine_ = pow(max(reflect(-light, normal).z, 0.0), 12.0);
            flesh = flesh * (0.3 + 0.85 * matte) * mix(0.4, 1.0, smoothstep(0.1, 0.7, x)) + 0.14 * shine_;
            plant = flesh * (1.0 - 0.6 * covered);
            break;
        }
        colour = plant;
    }
    return colour;
}
