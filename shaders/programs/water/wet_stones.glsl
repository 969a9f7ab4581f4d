// title: Stream bed: stones dry, wet and drowned, with running water between
// licence: Apache-2.0
// cost: heavy
// include: noise, cells, space
// parameter: colours palette
// parameter: water palette
// parameter: salt seed
// parameter: slant uniform 0.0 0.6
// parameter: scale log_uniform 0.9 2.4
// parameter: stretch uniform 0.7 1.5
// parameter: turn angle
// parameter: small log_uniform 2.2 4.5
// parameter: level uniform 0.3 0.8
// parameter: unevenness uniform 0.1 0.7
// parameter: clear uniform 0.3 0.9
// parameter: flow uniform 0.2 1.0
// parameter: foam uniform 0.0 0.8
// parameter: banding uniform 0.0 0.8
// parameter: gloss uniform 0.2 0.9
// parameter: moss uniform 0.0 0.6
// parameter: sun angle
// parameter: elevation uniform 0.4 1.1

// Height of the bed, 0..1, and which stone stands there.
float bed(vec2 q, out vec3 who, out vec2 from) {
    vec2 s = q + 0.16 * noise_offset(2.2 * q, salt + 1.0);
    Cell big = cells(s, 0.9, salt), little = cells(small * s + 7.0, 0.95, salt + 2.0);
    who = hash3(big.id, salt + 3.0);
    from = -big.offset;
    float r = smooth_min(1.4 * big.edge, 0.35 + 0.3 * who.z - big.nearest, 0.1), tall_ = mix(1.0 - unevenness, 1.0, who.x);
    float stone = tall_ * sqrt(saturate(1.0 - pow(1.0 - saturate(r / 0.4), 2.2))), round_ = min(1.5 * little.edge, 0.42 - 0.6 * little.nearest);
    float pebble = 0.34 * sqrt(saturate(round_ / 0.3));
    if (pebble > stone) { who = hash3(little.id, salt + 4.0); from = -little.offset / small; return pebble; }
    return stone;
}

vec3 shade(vec2 p) {
    float far = 1.0 / (1.0 - slant * clamp(p.y, -1.1, 1.1));
    vec2 q = rotation(turn) * (scale * vec2(p.x, p.y * (1.0 + slant)) * far) * vec2(1.0, stretch) + 20.0;
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation)), who, other;
    vec2 from, unused, current = 0.5 * noise_offset(1.2 * q, salt + 20.0);
    float surface = level + 0.05 * (noise(2.0 * q, salt + 21.0) - 0.5), still = bed(q, who, from);
    bool drowned = still < surface;
    vec2 ripple = noise_offset(vec2(3.0, 8.0) * q + 2.0 * current, salt + 22.0) * flow;
    vec2 seen = drowned ? q + 0.09 * ripple * (surface - still) : q;
    float h = bed(seen, who, from), e = 0.035;
    float hx = bed(seen + vec2(e, 0.0), other, unused), hy = bed(seen + vec2(0.0, e), other, unused);
    vec3 normal = normalize(vec3(0.35 * (h - hx), 0.35 * (h - hy), e));
    vec2 lean = rotation(TURN * who.z) * from;
    float band = smoothstep(0.1, 0.03, abs(lean.y - 0.1 * (who.y - 0.5) + 0.05 * noise(5.0 * seen, salt + 5.0))) * step(0.55, who.y);
    float speck = noise(26.0 * seen, salt + 6.0), blotch = fbm(3.0 * seen + 9.0 * who.xy, 3, 0.55, salt + 7.0);
    vec3 stone = colours(0.15 + 0.65 * who.y + 0.3 * (blotch - 0.5) + 0.15 * (speck - 0.5));
    stone = mix(stone, colours_at(3), banding * band);
    float damp = smoothstep(surface + 0.3, surface + 0.02, h);
    stone = mix(stone, mix(colours_at(1), vec3(0.3, 0.42, 0.16), 0.6) * (0.5 + speck), moss * smoothstep(0.45, 0.7, blotch) * smoothstep(0.7, 0.95, h) * (1.0 - damp));
    float matte = max(dot(normal, light), 0.0);
    vec3 colour = stone * mix(1.0, 0.6, damp) * (0.25 + 0.9 * matte) * (0.4 + 0.6 * smoothstep(0.0, 0.4, h));
    colour += gloss * damp * 0.75 * pow(max(reflect(-light, normal).z, 0.0), 18.0);
    if (drowned) {
        float depth = saturate((surface - still) / max(level, 0.1)), net = smoothstep(0.5, 0.85, cell_distance(2.2 * seen + ripple * 0.4, 0.9, salt + 24.0));
        colour *= 1.0 + 0.9 * net * (1.0 - depth) * clear;
        colour = mix(colour, water(0.2 + 0.3 * (1.0 - depth)), depth * (1.05 - clear));
        float sheen = smoothstep(0.35, 0.9, ripple.y + 0.5 * ripple.x);
        colour = mix(colour, mix(water_at(3), vec3(0.95), 0.4), 0.55 * flow * sheen * (0.5 + 0.5 * slant * p.y));
        float edge = smoothstep(0.12, 0.0, surface - still), bubbles = noise(15.0 * q + 4.0 * current, salt + 25.0);
        colour = mix(colour, vec3(0.95), foam * (0.75 * edge * smoothstep(0.3, 0.6, bubbles) + 0.5 * smoothstep(0.7, 0.85, noise(vec2(2.5, 6.0) * q + 3.0 * current, salt + 26.0)) * bubbles));
    } else colour *= 1.0 - 0.3 * smoothstep(0.05, 0.0, still - surface);
    return colour;
}
