// title: Rounded pebbles heaped up, speckled and banded
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: colours palette
// parameter: others palette
// parameter: salt seed
// parameter: density log_uniform 1.0 2.8
// parameter: layers integer 2 4
// parameter: size uniform 0.35 0.62
// parameter: lumps uniform 0.0 0.35
// parameter: sun angle
// parameter: elevation uniform 0.5 1.2
// parameter: speckle uniform 0.0 0.5
// parameter: bands uniform 0.0 10.0
// parameter: gloss uniform 0.0 0.5
// parameter: water uniform 0.0 0.5
// parameter: slant uniform -0.4 0.4
// parameter: coverage uniform 0.55 1.0

vec3 shade(vec2 p) {
    vec3 light = vec3(cos(elevation) * unit_vector(sun), sin(elevation));
    vec2 base = density * p * (1.0 + slant * p.y) + 20.0;
    vec3 colour = others(0.3 * fbm(2.0 * base, 3, 0.5, salt + 70.0)) * 0.8;
    for (int layer = ZERO; layer < int(layers); layer++) {
        vec2 q = base * (1.0 + 0.25 * float(layer)) + 3.7 * float(layer);
        ivec2 cell = ivec2(floor(q));
        for (int k = ZERO; k < 9; k++) {
            ivec2 id = cell + ivec2(k % 3, k / 3) - 1;
            float key = salt + 7.0 * float(layer);
            vec3 h = hash3(id, key);
            if (h.z > coverage) continue;
            float r = size * (0.55 + 0.45 * hash1(id, key + 1.0));
            vec2 v = rotation(TURN * h.z * 3.0) * (q - vec2(id) - 0.2 - 0.6 * h.xy) / r;
            v.y *= 1.0 + 0.6 * hash1(id, key + 2.0);
            float d = length(v) * (1.0 + lumps * (noise(1.7 * v + 9.0 * h.xy, key) - 0.5)) - 1.0;
            colour *= 1.0 - 0.6 * smoothstep(0.45, -0.05, d + 0.25 * dot(v, unit_vector(sun)));
            if (d > 0.1) continue;
            float up = sqrt(max(1.0 - (d + 1.0) * (d + 1.0), 0.0));
            vec3 normal = normalize(vec3(transpose(rotation(TURN * h.z * 3.0)) * v, 0.25 + up));
            float tone = hash1(id, key + 3.0), band = 0.5 + 0.5 * sin(bands * (v.x + 0.4 * noise(2.0 * v + h.xy, key)));
            vec3 stone = h.x < 0.7 ? colours(tone) : others(tone);
            stone = mix(stone, colours(band), bands > 4.0 && h.y > 0.6 ? 0.5 : 0.0);
            stone *= 1.0 + speckle * (noise(9.0 * v + 50.0 * h.xy, key) - 0.5);
            float lit = max(dot(normal, light), 0.0);
            vec3 shaded = stone * (0.3 + 0.85 * lit) + gloss * pow(max(reflect(-light, normal).z, 0.0), 20.0);
            colour = mix(colour, shaded, inside(d, PIXEL * density / r));
        }
    }
    return mix(colour, others(0.6), water * smoothstep(0.45, 0.75, fbm(1.2 * p + 5.0, 3, 0.5, salt + 90.0)));
}
