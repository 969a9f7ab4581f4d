// title: Lily pads and flowers on dark water
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: pads palette
// parameter: blossom palette
// parameter: water palette
// parameter: salt seed
// parameter: slant uniform 0.1 0.75
// parameter: scale log_uniform 0.9 2.6
// parameter: cover uniform 0.35 0.95
// parameter: gather uniform 0.0 1.0
// parameter: pad_size uniform 0.38 0.68
// parameter: notch uniform 0.08 0.45
// parameter: veins integer 7 15
// parameter: upturn uniform 0.0 0.5
// parameter: flowers uniform 0.05 0.4
// parameter: petals integer 5 9
// parameter: reeds uniform -0.5 0.8
// parameter: sky_line uniform -0.3 1.2
// parameter: wind uniform 0.0 0.25
// parameter: sun angle

vec3 mirrored(vec2 p, vec2 q) {
    vec2 wave = wind * noise_offset(vec2(2.0, 7.0) * q, salt + 40.0);
    vec2 r = vec2(p.x, -p.y) + wave;
    float bank = fbm(vec2(1.6 * r.x, 1.0), 4, 0.55, salt + 41.0) - 0.5 + sky_line, leafy = fbm(4.0 * r, 3, 0.6, salt + 42.0);
    vec3 heaven = mix(water_at(3), water(0.6), smoothstep(0.35, 0.7, fbm(1.3 * r + 4.0, 4, 0.5, salt + 43.0))) * 0.85;
    vec3 colour = mix(heaven, mix(pads_at(0), water_at(0), 0.5) * (0.25 + 0.6 * leafy), smoothstep(-0.12, 0.12, bank - r.y * 0.8 - 0.25 * leafy));
    float stripe = noise(vec2(11.0 * r.x + 2.0 * wave.y, 0.3), salt + 44.0);
    return colour * (1.0 - 0.5 * saturate(reeds) * smoothstep(0.6, 0.75, stripe));
}

// A flower on the water, seen from the side as much as the pond is.
vec3 lily(vec3 colour, vec2 v, float r, vec3 h) {
    v.y = v.y * 1.15 - 0.12 * r;
    colour *= 1.0 - 0.45 * smoothstep(1.3, 0.5, length(v + vec2(0.0, 0.3 * r)) / r);
    for (int ring = ZERO; ring < 3; ring++) {
        float reach = r * (1.0 - 0.24 * float(ring)), wedge = TURN / petals, lift = 0.14 * r * float(ring);
        vec2 u = v - vec2(0.0, lift);
        float angle = atan(u.y, u.x) + h.x + 0.5 * wedge * float(ring), a = mod(angle, wedge) - 0.5 * wedge, x = length(u) / reach;
        float d = abs(a) - 0.62 * wedge * sqrt(max(1.0 - x, 0.0)) * smoothstep(-0.2, 0.3, x);
        vec3 petal = blossom(0.55 + 0.3 * x + 0.1 * float(ring) + 0.15 * (h.y - 0.5)) * (0.62 + 0.2 * float(ring) + 0.35 * dot(normalize(u + 1e-4), unit_vector(sun)) * x);
        petal *= 0.7 + 0.3 * smoothstep(0.0, 0.5 * wedge, abs(a) + 0.1);
        colour = mix(colour, petal, inside(d * length(u), 2.5 * PIXEL) * step(x, 1.0));
    }
    float core = length(v - vec2(0.0, 0.35 * r)) - 0.16 * r;
    return mix(colour, mix(blossom_at(1), vec3(0.85, 0.65, 0.2), 0.6) * (0.8 + 0.4 * noise(60.0 * v, salt)), inside(core, 0.03));
}

vec3 shade(vec2 p) {
    float far = 1.0 / (1.0 - slant * clamp(0.9 * p.y, -1.1, 1.0));
    vec2 q = scale * vec2(p.x, p.y * (1.0 + slant)) * far;
    vec3 colour = mirrored(p, q);
    vec2 s = q + 30.0;
    ivec2 base = ivec2(floor(s));
    for (int k = ZERO; k < 9; k++) {
        ivec2 id = base + ivec2(k % 3 - 1, 1 - k / 3);
        vec3 h = hash3(id, salt), g = hash3(id, salt + 1.0);
        vec2 centre = vec2(id) + 0.5 + 0.45 * (h.xy - 0.5);
        if (h.z > mix(cover, 1.6 * cover * smoothstep(0.35, 0.6, fbm(0.5 * centre, 2, 0.5, salt + 2.0)), gather)) continue;
        float r = pad_size * (0.6 + 0.6 * g.x);
        vec2 v = s - centre;
        float reach = length(v), angle = atan(v.y, v.x) + TURN * g.y;
        float cut = abs(mod(angle, TURN) - PI);
        float d = max(reach - r * (1.0 + 0.04 * sin(5.0 * angle + 9.0 * g.z)), (PI - cut) < notch ? (notch - (PI - cut)) * reach * 0.7 : -1.0);
        float under = length(v + vec2(0.03, 0.09)) - r;
        colour *= 1.0 - 0.4 * smoothstep(0.1, -0.05, under);
        float soft = 1.6 * PIXEL * scale * far;
        if (d < soft) {
            float vein = smoothstep(0.16, 0.02, abs(fract(veins * angle / TURN) - 0.5) * (0.3 + reach / r)), rim = smoothstep(0.82, 1.0, reach / r);
            float tone = 0.35 + 0.5 * g.z + 0.3 * (fbm(3.0 * v + 9.0 * g.xy, 3, 0.55, salt + 3.0) - 0.5);
            vec3 pad = pads(tone) * (0.78 + 0.25 * dot(v / r, unit_vector(sun)) + 0.18 * vein) * (1.0 - 0.25 * smoothstep(0.2, 0.0, reach));
            pad = mix(pad, mix(pads(0.85 - 0.6 * tone), blossom_at(1), 0.3) * (v.y < 0.0 ? 0.65 : 1.1), rim * upturn);
            pad += 0.12 * water_at(3) * smoothstep(0.55, 0.8, noise(1.7 * v + 7.0 * g.xy, salt + 4.0));
            colour = mix(colour, pad, inside(d, soft));
        }
    }
    for (int k = ZERO; k < 9; k++) {
        ivec2 id = base + ivec2(k % 3 - 1, 1 - k / 3);
        vec3 h = hash3(id, salt + 7.0);
        if (h.z > flowers) continue;
        vec2 v = s - vec2(id) - 0.5 - 0.4 * (h.xy - 0.5);
        float r = 0.3 + 0.14 * h.x;
        if (dot(v, v) < 2.0 * r * r) colour = lily(colour, v, r, h);
    }
    return colour;
}
