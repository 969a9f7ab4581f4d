// title: Jellyfish with glowing bells and trailing arms in deep water
// licence: Apache-2.0
// cost: medium
// include: noise, curve
// parameter: colours palette
// parameter: water palette
// parameter: salt seed
// parameter: count integer 1 6
// parameter: size log_uniform 0.25 0.75
// parameter: dome uniform 0.6 1.3
// parameter: flare uniform 0.0 0.35
// parameter: arms integer 3 7
// parameter: trail uniform 1.2 3.5
// parameter: drift uniform -0.8 0.8
// parameter: curl uniform 0.1 0.8
// parameter: frill uniform 0.0 0.12
// parameter: lean uniform -0.9 0.9
// parameter: ribs integer 4 12
// parameter: clear uniform 0.2 0.8
// parameter: glow uniform 0.2 0.9
// parameter: above uniform 0.0 1.0
// parameter: motes uniform 0.0 0.8
// parameter: beam uniform -0.6 0.6

vec3 sea(vec2 p) {
    float deep_ = 0.42 + 0.45 * p.y * (0.4 + above) + 0.4 * (fbm(0.9 * p + 3.0, 3, 0.45, salt + 40.0) - 0.5);
    vec3 colour = water(deep_) * mix(0.45, 0.9, saturate(0.5 + 0.5 * p.y));
    float ray_ = noise(vec2(3.0 * (p.x - beam * p.y), 0.5), salt + 41.0) * noise(vec2(7.0 * (p.x - beam * p.y), 2.5), salt + 42.0);
    colour += above * water_at(3) * smoothstep(0.15, 0.6, ray_) * saturate(0.4 + 0.6 * p.y) * 0.5;
    vec2 q = 14.0 * p + noise_offset(3.0 * p, salt + 43.0);
    vec2 f = fract(q) - 0.2 - 0.6 * hash2(ivec2(floor(q)), salt + 44.0);
    return colour + motes * 0.35 * smoothstep(0.16, 0.04, length(f)) * step(0.6, hash1(ivec2(floor(q)), salt + 45.0));
}

vec3 shade(vec2 p) {
    vec3 colour = sea(p);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = (float(i) + 1.0) / count, r = size * mix(0.35, 1.0, near) * (0.75 + 0.5 * g.z);
        vec2 c = vec2(0.8, 0.6) * (2.0 * h.xy - 1.0) * (count < 1.5 ? 0.4 : 1.0) + vec2(0.0, 0.25);
        vec2 q = rotation(lean * (0.4 + 0.8 * h.z)) * (p - c) / r;
        if (abs(q.x) > 2.2 || q.y > 1.5 || q.y < -trail - 0.5) continue;
        float dim = mix(0.55, 1.0, near);
        colour += glow * 0.3 * dim * colours(0.8) * exp(-2.2 * dot(q - vec2(0.0, 0.3), q - vec2(0.0, 0.3)));
        for (int k = ZERO; k < int(arms); k++) {
            vec3 w = hash3(10 * i + k, salt + 2.0);
            float x = (float(k) + 0.5) / arms * 1.5 - 0.75, l = trail * (0.55 + 0.45 * w.x);
            vec2 a = vec2(x, 0.05), b = vec2(x + curl * (2.0 * w.y - 1.0), -0.5 * l), e = vec2(x + drift + curl * 1.4 * (2.0 * w.z - 1.0), -l);
            vec2 n = bend(q + vec2(0.05 * sin(7.0 * q.y + 9.0 * w.x), 0.0), a, b, e);
            float broad = (k % 2 == 0 ? 0.03 : 0.07 + frill * noise(vec2(9.0 * n.y, float(k)), salt + 3.0) * 1.6) * (1.15 - n.y);
            float strand = inside(abs(n.x) - broad, 0.05) * (1.0 - 0.85 * n.y);
            colour = mix(colour, colours(0.55 + 0.4 * w.z) * dim * (0.7 + 0.5 * noise(vec2(14.0 * n.y, 20.0 * n.x), salt + 4.0)), 0.75 * strand);
        }
        float wave = 0.05 * cos(ribs * 2.0 * q.x + 5.0 * g.x), wide = 1.0 + flare * smoothstep(0.35, -0.1, q.y);
        vec2 v = vec2(q.x / wide, q.y / dome);
        float reach = length(v), d = max(reach - 1.0, -q.y - 0.1 + wave);
        if (d > 0.1) continue;
        float up = sqrt(max(1.0 - reach * reach, 0.0)), around = q.x / max(sqrt(max(1.0 - v.y * v.y, 0.0)) * wide, 0.1);
        float rib = 0.5 + 0.5 * cos(ribs * asin(clamp(around, -1.0, 1.0)) * 2.0), rim = smoothstep(0.45, 1.0, reach);
        vec3 flesh = colours(0.35 + 0.35 * rim + 0.25 * rib * smoothstep(1.0, 0.2, v.y)) * (0.55 + 0.3 * rib + 0.4 * saturate(v.y));
        flesh += glow * 0.5 * colours_at(3) * (rim * rim + 0.6 * exp(-9.0 * (q.y + 0.05) * (q.y + 0.05)));
        float organ = length(vec2(abs(v.x) - 0.28, v.y - 0.32) * vec2(1.0, 1.5)) - 0.2;
        flesh = mix(flesh, colours_at(3) * 0.95, 0.6 * stroke(organ, 0.06, 0.1));
        flesh += 0.35 * smoothstep(0.35, 0.0, length((v - vec2(-0.35, 0.6)) * vec2(1.0, 1.8)));
        float body = mix(1.0 - clear, 1.0, max(0.9 * rim, 0.35 * rib));
        colour = mix(colour, flesh * dim, saturate(body) * inside(d * r, 3.0 * PIXEL));
    }
    return colour;
}
