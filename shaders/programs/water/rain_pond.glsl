// title: Rain rings on a still pond that mirrors sky and trees
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: sky palette
// parameter: bank palette
// parameter: leaf palette
// parameter: salt seed
// parameter: slant uniform 0.0 0.75
// parameter: rings log_uniform 0.5 1.5
// parameter: share uniform 0.25 0.9
// parameter: ring_waves uniform 20.0 40.0
// parameter: strength uniform 0.5 1.2
// parameter: wind uniform 0.0 0.15
// parameter: trees uniform -0.6 0.9
// parameter: tree_scale log_uniform 1.2 4.0
// parameter: leaves uniform -0.2 0.55
// parameter: leaf_size uniform 0.1 0.3
// parameter: depth uniform 0.1 0.6
// parameter: cloud_scale log_uniform 0.6 2.2
// parameter: turn angle

vec3 mirrored(vec2 r) {
    float cloud = fbm(cloud_scale * r * vec2(1.0, 1.4) + 3.0, 4, 0.5, salt + 40.0);
    vec3 colour = mix(sky(0.55 + 0.3 * r.y), sky_at(3), smoothstep(0.42, 0.72, cloud));
    float crowns = trees + 0.5 * (fbm(vec2(tree_scale * r.x, 2.0), 4, 0.6, salt + 41.0) - 0.5);
    float leafy = fbm(5.0 * r, 3, 0.6, salt + 42.0);
    float trunk = smoothstep(0.08, 0.03, abs(fract(1.3 * tree_scale * r.x + 0.3 * noise(vec2(2.0 * r.y, 1.0), salt + 43.0)) - 0.5));
    colour = mix(colour, bank(0.15 + 0.4 * leafy) * 0.6, smoothstep(-0.06, 0.06, crowns - 0.3 * leafy - r.y * 0.9) * 0.95);
    return mix(colour, bank_at(0) * 0.4, 0.6 * trunk * smoothstep(0.3, 0.0, r.y - crowns - 0.3));
}

// Slope of the water: rings of drops on three lattices, and wind.
vec2 slope_at(vec2 q) {
    vec2 slope = wind * 0.35 * noise_offset(vec2(3.0, 6.0) * q, salt);
    for (int layer = ZERO; layer < 3; layer++) {
        float key = salt + 5.0 * float(layer), zoom_ = rings * (0.8 + 0.45 * float(layer));
        vec2 s = rotation(turn + 1.1 * float(layer)) * q * zoom_ + 20.0;
        ivec2 base = ivec2(floor(s));
        for (int k = ZERO; k < 4; k++) {
            ivec2 id = base + ivec2(k % 2, k / 2) - ivec2(lessThan(fract(s), vec2(0.5)));
            vec3 h = hash3(id, key + 1.0);
            if (h.z > share) continue;
            vec2 v = s - vec2(id) - 0.5 - 0.35 * (h.xy - 0.5);
            float r = length(v), age = hash1(id, key + 2.0) * 0.62 + 0.06, off = r - age;
            float wave = cos(ring_waves * off) * exp(-off * off * (120.0 - 80.0 * age)) * (1.0 - 1.1 * age) * smoothstep(0.75, 0.6, r);
            slope += transpose(rotation(turn + 1.1 * float(layer))) * v / max(r, 0.02) * wave * strength;
        }
    }
    return slope;
}

vec3 shade(vec2 p) {
    float far = 1.0 / (1.0 - slant * clamp(p.y, -1.2, 1.1));
    vec2 q = vec2(p.x, p.y * (1.0 + slant)) * far;
    vec2 slope = slope_at(q);
    vec2 view = vec2(p.x, -p.y) + 0.3 * slope * vec2(0.6, 1.0);
    vec3 colour = mirrored(view);
    float grazing = saturate(0.62 + 0.3 * slant * p.y - 0.4 * slope.y);
    vec3 below = bank(0.2 + 0.5 * fbm(1.6 * q + 0.2 * slope, 4, 0.55, salt + 44.0)) * 0.55;
    colour = mix(colour, below, depth * (1.2 - grazing));
    float glint = dot(slope, vec2(0.3, 0.95));
    colour = mix(colour * (1.0 - 0.45 * smoothstep(0.12, 0.6, -glint)), mix(sky_at(3), vec3(0.95), 0.3), 0.6 * smoothstep(0.15, 0.7, glint));
    vec2 s = 1.6 * q + 31.0;
    ivec2 cell = ivec2(floor(s));
    for (int k = ZERO; k < 9; k++) {
        ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
        vec3 h = hash3(id, salt + 45.0);
        if (h.z > leaves) continue;
        vec2 v = rotation(TURN * hash1(id, salt + 46.0)) * (s - vec2(id) - h.xy);
        float l = leaf_size * 1.6 * (0.6 + 0.6 * h.x), d = lens(v + vec2(0.0, 0.12 * v.x * v.x / l), l, 0.42 * l);
        vec3 blade = leaf(0.2 + 0.7 * h.y + 0.3 * (noise(6.0 * v, salt + 47.0) - 0.5)) * (0.85 + 0.12 * sign(v.y)) * (1.0 - 0.4 * smoothstep(0.03, 0.0, abs(v.y)));
        colour *= 1.0 - 0.45 * smoothstep(0.12, 0.0, d);
        colour = mix(colour, blade, inside(d, 3.0 * PIXEL * far));
    }
    return colour;
}
