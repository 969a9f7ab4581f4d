// title: One flower close up, rings of petals around a domed heart
// licence: Apache-2.0
// cost: medium
// include: noise, cells, space
// parameter: petals_colours palette
// parameter: heart_colours palette
// parameter: back palette
// parameter: salt seed
// parameter: centre_x uniform -0.6 0.6
// parameter: centre_y uniform -0.35 0.55
// parameter: size log_uniform 0.55 1.7
// parameter: squash uniform 0.45 1.0
// parameter: turn angle
// parameter: rings integer 1 5
// parameter: petals integer 5 14
// parameter: roundness uniform 0.25 1.6
// parameter: fullness uniform 0.6 1.25
// parameter: ruffle uniform 0.0 0.12
// parameter: heart uniform 0.12 0.34
// parameter: cup uniform -0.6 0.9
// parameter: veins uniform 0.0 0.5
// parameter: blaze uniform -0.3 0.8
// parameter: sun angle
// parameter: back_scale log_uniform 0.6 2.5

vec3 backdrop(vec2 p) {
    float tone = fbm(back_scale * p + 3.0, 2, 0.4, salt + 60.0);
    vec3 colour = back(0.1 + 0.7 * tone) * 0.8;
    Cell disc = cells(back_scale * 1.7 * p + 9.0, 0.9, salt + 61.0);
    float soft = smoothstep(0.42, 0.3, disc.nearest) * step(0.6, hash1(disc.id, salt + 62.0));
    return mix(colour, back_at(2), 0.3 * soft);
}

// Half width of a petal at x in [0, 1] of its length.
float profile(float x) { return pow(max(x, 1e-3), 0.55) * pow(max(1.0 - x, 0.0), 0.12 + 0.5 / (0.4 + 2.0 * roundness)); }

vec3 petal(vec2 v, float half_width, float x, float ring, vec3 h) {
    float y = clamp(v.y / half_width, -1.0, 1.0);
    float streak = noise(vec2(2.0 * x, 7.0 * y) + 40.0 * h.xy, salt + 5.0);
    vec3 colour = petals_colours(0.45 + 0.35 * x + 0.2 * (h.z - 0.5) + veins * (streak - 0.5) - 0.1 * ring);
    colour = mix(petals_colours_at(0), colour, smoothstep(-0.1, 0.75, x + 0.25 * (streak - 0.5) - blaze * (1.0 - abs(y)) * 0.5 + 0.2));
    vec3 normal = normalize(vec3(0.7 * (x - 0.6) * cup, -0.75 * y, 1.0));
    vec2 light = unit_vector(sun);
    float matte = 0.62 + 0.6 * dot(normal.xy, light * 0.75) + 0.25 * normal.z;
    return colour * matte * (0.45 + 0.55 * smoothstep(0.05, 0.6, x)) * (1.0 - 0.22 * smoothstep(0.12, 0.0, abs(y)));
}

vec3 shade(vec2 p) {
    vec3 colour = backdrop(p);
    vec2 c = vec2(centre_x, centre_y);
    float stem = abs(p.x - c.x - 0.25 * sin(1.5 * (p.y - c.y) + salt)) - 0.05 * size;
    if (p.y < c.y) colour = mix(colour, back(0.45) * (0.7 - 6.0 * stem), inside(stem, 0.06));
    vec2 q = (p - c) / size;
    q.y /= squash;
    float wedge = TURN / petals;
    for (int layer = ZERO; layer < 2 * int(rings); layer++) {
        float ring = float(layer / 2) / rings, parity = float(layer % 2);
        float reach = mix(1.0, 2.2 * heart, ring * 0.9) * (1.0 - 0.06 * parity);
        if (length(q) > reach * 1.2) continue;
        float angle = atan(q.y, q.x) - turn - 1.7 * ring * wedge * rings;
        float id = floor(angle / (2.0 * wedge) + 0.5 * parity + 0.5);
        float offset = angle - (id - 0.5 * parity) * 2.0 * wedge;
        vec3 h = hash3(ivec2(int(mod(id, floor(petals * 0.5))), layer), salt);
        offset += 0.18 * wedge * (h.x - 0.5);
        reach *= 0.9 + 0.14 * h.y;
        vec2 v = length(q) * unit_vector(offset);
        float x = v.x / reach;
        float wave = ruffle * (noise(vec2(9.0 * offset / wedge, 2.0 * x) + 30.0 * h.xy, salt + 3.0) - 0.5);
        float half_width = reach * fullness * wedge * profile(x + wave) * 0.95;
        float d = x > 1.0 || x < 0.0 ? 1.0 : abs(v.y) - half_width;
        colour *= 1.0 - 0.45 * exp(-9.0 * max(d, 0.0) / reach) * step(0.0, d) * step(x, 1.0);
        if (d < 0.02) colour = mix(colour, petal(v, max(half_width, 1e-3), x, ring, h), inside(d, 2.0 * PIXEL / size));
    }
    float r = length(q) / heart;
    colour *= 1.0 - 0.55 * smoothstep(1.6, 0.9, r);
    if (r < 1.15) {
        vec2 dome = q / heart * (1.0 + 0.5 * r * r);
        Cell grain = cells(6.0 * dome + 20.0, 0.6, salt + 7.0);
        float tone = hash1(grain.id, salt + 8.0);
        float lit = 0.65 + 0.5 * dot(q / heart, unit_vector(sun)) + 0.9 * (0.45 - grain.nearest);
        vec3 middle = heart_colours(0.3 + 0.5 * tone + 0.3 * (r - 0.6)) * lit * (1.1 - 0.4 * r * r);
        colour = mix(colour, middle, inside(r - 1.0 - 0.12 * (tone - 0.5), 3.0 * PIXEL / (size * heart)));
    }
    return colour;
}
