// title: Houses and boats at the waterside, doubled in the ripples
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: walls palette
// parameter: sky palette
// parameter: water palette
// parameter: salt seed
// parameter: shore uniform -0.25 0.45
// parameter: houses log_uniform 1.6 5.0
// parameter: tall uniform 0.25 0.8
// parameter: gables uniform 0.0 1.0
// parameter: windows log_uniform 6.0 16.0
// parameter: lamps uniform 0.0 0.7
// parameter: boats integer 0 4
// parameter: sails uniform 0.0 1.0
// parameter: ripple uniform 0.03 0.22
// parameter: ripple_scale log_uniform 5.0 16.0
// parameter: dusk uniform 0.0 0.75
// parameter: sun uniform 0.5 2.6
// parameter: hills uniform -0.1 0.6
// parameter: cloud_cover uniform 0.1 0.8

vec3 heaven(vec2 p) {
    vec3 colour = mix(sky(0.9), sky(0.4), saturate(0.8 * (p.y - shore)));
    float cloud = fbm(vec2(0.8, 2.0) * p + 3.0, 4, 0.52, salt + 40.0);
    colour = mix(colour, sky_at(3), smoothstep(1.0 - cloud_cover, 1.3 - cloud_cover, cloud));
    float ridge = shore + hills * (0.2 + 0.9 * fbm(vec2(1.2 * p.x, 5.0), 4, 0.5, salt + 41.0));
    return mix(colour, mix(walls(0.3), sky(0.6), 0.55), inside(p.y - ridge, 0.02));
}

// Two rows of houses; y above the shore.
vec3 town(vec3 colour, vec2 p) {
    for (int row = ZERO; row < 2; row++) {
        float key = salt + 20.0 * float(row), x = p.x * houses * (row == 0 ? 1.4 : 1.0) + 5.3 * float(row), y = p.y - shore;
        int id = int(floor(x));
        float f = fract(x);
        vec3 h = hash3(id, key), g = hash3(id, key + 1.0);
        if (h.z < 0.12 + 0.1 * float(row)) continue;
        float width_ = 0.5 - 0.06 * g.x, high = tall * (0.4 + 0.6 * h.x) * (row == 0 ? 1.15 : 0.8), from = abs(f - 0.5);
        float roof = high + (g.y < gables ? 0.5 * max(width_ - from, 0.0) / houses * 3.2 : 0.04 * step(width_ - 0.05, from));
        if (y < 0.0 || y > roof || from > width_) continue;
        vec3 wall = walls(0.25 + 0.7 * h.y) * (0.85 + 0.2 * cos(sun) * (f - 0.5) * 2.0) * (0.9 + 0.15 * fbm(9.0 * p, 3, 0.6, key + 2.0));
        vec2 s = vec2((f - 0.5) * windows / houses, y * windows * 0.8);
        vec2 w = abs(fract(s + vec2(0.0, 0.3)) - 0.5) / vec2(0.22, 0.3);
        bool lit = hash1(ivec2(floor(s + vec2(0.0, 0.3))) + 31 * id, key + 3.0) < lamps;
        vec3 pane = lit ? mix(vec3(0.98, 0.8, 0.45), sky_at(3), 0.25) : mix(walls_at(0), sky(0.4), 0.35) * 0.6;
        bool glazed = max(w.x, w.y) < 1.0 && y < high - 0.03 && from < width_ - 0.06;
        vec3 face = glazed ? pane : wall;
        if (y > high) face = walls(0.15 + 0.4 * g.z) * 0.75 * (0.9 + 0.2 * zigzag(40.0 * y));
        face *= 1.0 - dusk * 0.65 * (glazed && lit ? 0.0 : 1.0);
        colour = mix(face, sky(0.7), row == 0 ? 0.4 : 0.08) * (1.0 - 0.25 * smoothstep(0.04, 0.0, y));
    }
    return colour;
}

vec3 fleet(vec3 colour, vec2 p) {
    for (int i = ZERO; i < int(boats); i++) {
        vec3 h = hash3(i, salt + 60.0), g = hash3(i, salt + 61.0);
        float near = (float(i) + 0.5) / max(boats, 1.0), s = 0.1 + 0.2 * near;
        vec2 v = (p - vec2(1.9 * h.x - 0.95, shore - 0.05 - 0.4 * near)) / s;
        if (v.y < 0.0) v.y = -v.y * 1.15;  // below its waterline a boat is seen again
        if (abs(v.x) > 2.0 || v.y > 5.0) continue;
        float hull = max(abs(v.x) - 0.95 - 0.35 * v.y - 0.15 * v.x * v.y, v.y - 0.42 - 0.12 * v.x * v.x);
        vec3 paint = mix(walls(0.2 + 0.7 * g.x), vec3(0.9), 0.3 * g.y) * (0.75 + 0.3 * smoothstep(0.25, 0.4, v.y)) * (v.y < 0.1 ? 0.6 : 1.0);
        float mast = box(v - vec2(-0.1, 1.9), vec2(0.035, 1.6));
        float sail = max(max(-v.x, v.y - 3.3 + 1.9 * v.x), 0.7 - v.y), jib = max(max(v.x + 0.18, v.y - 2.9 - 2.3 * v.x), 0.75 - v.y);
        float cabin = box(v - vec2(-0.2, 0.6), vec2(0.4, 0.22));
        vec3 cloth = mix(vec3(0.94), walls(g.z), 0.35) * (0.85 + 0.15 * v.x) * (1.0 - 0.4 * dusk);
        if (g.y < sails) colour = mix(colour, cloth, inside(min(sail, jib), 0.06));
        else colour = mix(colour, paint * 1.15, inside(cabin, 0.06));
        colour = mix(colour, walls_at(0) * 0.7, inside(mast, 0.06));
        colour = mix(colour, paint * (1.0 - 0.4 * dusk), inside(hull, 0.06));
    }
    return colour;
}

vec3 shade(vec2 p) {
    if (p.y > shore) return fleet(town(heaven(p), p), p);
    float depth = shore - p.y, far = 1.0 / (0.1 + depth);
    vec2 wave = noise_offset(ripple_scale * vec2(0.5 * p.x * min(far, 4.0), 1.4 * log(0.1 + depth) * 3.0), salt + 50.0);
    wave += 0.5 * noise_offset(ripple_scale * vec2(1.3 * p.x * min(far, 4.0), 3.0 * log(0.1 + depth) * 3.0) + 5.0, salt + 51.0);
    vec2 bent = p + ripple * wave * vec2(0.5, 1.0) * smoothstep(0.0, 0.25, depth);
    vec2 mirror = vec2(bent.x, 2.0 * shore - bent.y);
    mirror.y = max(mirror.y, shore + 0.002);
    vec3 colour = town(heaven(mirror), mirror);
    colour = mix(colour, water(0.3 + 0.25 * wave.y), 0.22 + 0.35 * saturate(depth)) * (0.92 + 0.16 * wave.y);
    colour = fleet(colour, vec2(bent.x * 0.4 + p.x * 0.6, bent.y * 0.4 + p.y * 0.6));
    float stones = smoothstep(0.05, 0.0, depth - 0.015);
    return mix(colour, walls(0.3) * (0.5 + 0.3 * noise(30.0 * p, salt + 52.0)), 0.8 * stones);
}
