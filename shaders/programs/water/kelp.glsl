// title: Kelp forest: swaying ribbons in shafts of light
// licence: Apache-2.0
// cost: medium
// include: noise, shape
// parameter: colours palette
// parameter: water palette
// parameter: salt seed
// parameter: layers integer 2 4
// parameter: density log_uniform 0.45 1.5
// parameter: stem uniform 0.02 0.06
// parameter: blade uniform 0.25 0.6
// parameter: spacing log_uniform 2.5 6.0
// parameter: sway uniform 0.0 0.5
// parameter: sway_scale log_uniform 0.8 2.5
// parameter: current uniform -0.6 0.6
// parameter: ruffle uniform 0.0 0.4
// parameter: rays uniform 0.2 1.0
// parameter: ray_lean uniform -0.7 0.7
// parameter: murk uniform 0.4 0.95
// parameter: shoal uniform -0.4 0.7
// parameter: bed uniform -1.4 -0.5
// parameter: glow_x uniform -0.7 0.7

vec3 sea(vec2 p) {
    vec2 gap = p - vec2(glow_x, 1.2);
    float glow = exp(-0.9 * dot(gap, gap)), x = (p.x - glow_x) / (2.6 - p.y) + ray_lean * 0.3 * p.y;
    vec3 colour = water(0.25 + 0.25 * p.y + 0.6 * glow) * (0.55 + 0.25 * p.y + 0.5 * glow);
    float beam = noise(vec2(9.0 * x, 0.3), salt + 40.0) * noise(vec2(21.0 * x, 2.0), salt + 41.0);
    return colour + rays * water_at(3) * smoothstep(0.12, 0.65, beam) * (0.15 + 0.6 * glow) * smoothstep(-1.2, 0.8, p.y);
}

vec3 shade(vec2 p) {
    vec3 open_water = sea(p), colour = open_water;
    if (shoal > 0.0) {
        vec2 s = 7.0 * rotation(0.3 * sin(salt)) * p + 0.5 * noise_offset(2.0 * p, salt + 42.0);
        s.x += 0.5 * mod(floor(s.y * 1.6), 2.0);
        ivec2 id = ivec2(floor(s * vec2(1.0, 1.6)));
        vec2 f = (fract(s * vec2(1.0, 1.6)) - 0.5 - 0.4 * (hash2(id, salt + 43.0) - 0.5)) * vec2(1.0, 0.625);
        float crowd = noise(1.1 * p + 6.0, salt + 44.0), fish = min(lens(f, 0.2, 0.06), max(abs(f.y) - 0.5 * (-f.x - 0.13), -f.x - 0.3 + abs(f.y)));
        colour = mix(colour, mix(water_at(0), open_water, 0.25) * (0.8 + 6.0 * f.y), inside(fish, 0.05) * step(1.0 - 0.75 * shoal, crowd));
    }
    for (int layer = ZERO; layer < int(layers); layer++) {
        float near = float(layer + 1) / layers, key = salt + 13.0 * float(layer), grown = mix(0.45, 1.15, near);
        float line = bed + 0.25 * (1.0 - near) + 0.15 * fbm(vec2(1.7 * p.x + 3.0 * float(layer), 1.0), 3, 0.5, key + 1.0);
        vec3 rock = mix(colours(0.15 + 0.35 * fbm(4.0 * p, 3, 0.6, key + 2.0)) * 0.55, open_water, murk * (1.0 - near));
        colour = mix(colour, rock, inside(p.y - line, 0.03));
        float drift = sway * (noise(vec2(sway_scale * p.y + 2.0 * float(layer), 1.0), key) - 0.5) * 1.6 + current * (p.y + 1.0) * (p.y + 1.0) * 0.22;
        float x = (p.x - drift) * density / grown + 7.3 * float(layer);
        for (int k = ZERO; k < 3; k++) {
            int id = int(floor(x)) + k - 1;
            vec3 h = hash3(ivec2(id, layer), salt + 3.0);
            float middle = float(id) + 0.5 + 0.55 * (h.x - 0.5), top = mix(0.2, 1.6, h.y);
            vec2 v = vec2((x - middle) * grown / density, p.y);
            v.x += 0.05 * sin(5.0 * p.y + 9.0 * h.z);
            if (p.y > top) continue;
            float stalk = abs(v.x) - stem * grown * 0.5;
            float s = spacing / grown * v.y + 9.0 * h.z, side = v.x < 0.0 ? -1.0 : 1.0;
            s = s + 0.5 * step(0.0, v.x) - 0.9 * abs(v.x) * spacing / grown * 0.8;
            float leaf_id = floor(s), f = (fract(s) - 0.5) * grown / spacing, l = blade * grown * (0.35 + 0.65 * hash1(ivec2(int(leaf_id), id), key + 5.0)) * saturate(1.5 * (top - p.y) + 0.25);
            float along = abs(v.x) / l, wave = ruffle * 0.06 * sin(22.0 * along + 6.0 * h.x) * grown;
            float d = along > 1.0 ? 1.0 : abs(f + wave) - 0.42 * grown / spacing * sqrt(along + 0.02) * (1.0 - along * along);
            float through = 0.55 + 0.7 * exp(-1.2 * dot(p - vec2(glow_x, 1.0), p - vec2(glow_x, 1.0)));
            float tone = 0.35 + 0.35 * hash1(ivec2(int(leaf_id), id), key + 6.0) + 0.25 * along;
            vec3 frond = colours(tone) * through * (0.75 + 0.35 * side * (f * spacing)) * (0.8 + 0.25 * noise(vec2(4.0 * along, 30.0 * f), key + 7.0));
            vec3 tinted = mix(frond * mix(1.0, 0.55, step(0.99, near) * step(0.5, murk)), open_water, murk * (1.0 - near) * 0.95);
            colour = mix(colour, tinted, inside(d, 2.0 * PIXEL));
            float bulb = length(vec2(abs(v.x) - 0.03 * grown, f)) - 0.028 * grown;
            colour = mix(colour, tinted * 0.7, inside(min(stalk, bulb), 2.0 * PIXEL));
        }
    }
    return colour;
}
