// title: Fish in the water, scaled and striped, with fins and bubbles
// licence: Apache-2.0
// cost: medium
// include: noise, cells, shape
// parameter: colours palette
// parameter: marks palette
// parameter: water palette
// parameter: salt seed
// parameter: count integer 1 7
// parameter: size log_uniform 0.4 1.0
// parameter: deep uniform 0.28 0.62
// parameter: tail uniform 0.3 0.75
// parameter: fork uniform 0.0 0.6
// parameter: fins uniform 0.2 0.8
// parameter: heading uniform -0.5 0.5
// parameter: school uniform 0.0 1.0
// parameter: scales log_uniform 7.0 18.0
// parameter: stripes uniform -0.3 1.0
// parameter: stripe_count log_uniform 1.5 6.0
// parameter: stripe_turn uniform 0.0 1.6
// parameter: spots uniform -0.3 0.6
// parameter: belly uniform 0.2 0.9
// parameter: swim uniform -0.25 0.25
// parameter: rays uniform 0.0 0.7
// parameter: bed uniform -1.3 -0.5
// parameter: bubbles uniform -0.2 0.7

vec3 sea(vec2 p) {
    vec3 colour = water(0.45 + 0.4 * p.y + 0.25 * (fbm(vec2(0.8, 1.4) * p, 3, 0.5, salt + 40.0) - 0.5)) * (0.7 + 0.3 * p.y);
    float beam = noise(vec2(3.0 * (p.x + 0.35 * p.y), 0.3 * p.y), salt + 41.0);
    colour += rays * 0.5 * water_at(3) * smoothstep(0.4, 0.9, beam) * saturate(0.5 + 0.5 * p.y);
    float line = bed + 0.2 * fbm(vec2(1.5 * p.x, 2.0), 3, 0.5, salt + 42.0);
    vec3 gravel = mix(marks(0.3 + 0.4 * noise(14.0 * p, salt + 43.0)), water(0.4), 0.45) * (0.6 + 0.4 * noise(vec2(5.0, 12.0) * p, salt + 44.0));
    float weed = line + 0.35 * noise(vec2(7.0 * p.x + 1.2 * sin(3.0 * p.y), 2.0), salt + 45.0) * smoothstep(0.4, 0.8, noise(vec2(1.3 * p.x, 9.0), salt + 46.0)) * 2.0;
    colour = mix(colour, mix(water_at(0), marks_at(1), 0.25) * (0.7 + 0.3 * p.y), inside(p.y - weed, 0.04));
    colour = mix(colour, gravel, inside(p.y - line, 0.03));
    for (int k = ZERO; k < 2; k++) {
        float zoom_ = 3.0 + 3.0 * float(k);
        Cell bubble = cells(zoom_ * p + 7.0, 0.8, salt + 47.0 + float(k));
        float d = bubble.nearest - 0.1 - 0.13 * hash1(bubble.id, salt + 49.0);
        if (hash1(bubble.id, salt + 50.0) < 0.25 * bubbles) colour += 0.3 * (stroke(d, 0.02, 0.05) + 0.3 * inside(d, 0.05));
    }
    return colour;
}

vec3 shade(vec2 p) {
    vec3 colour = sea(p);
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt), g = hash3(i, salt + 1.0);
        float near = (float(i) + 1.0) / count, s = size * mix(0.4, 1.0, near) * (0.75 + 0.4 * h.z) * (count < 1.5 ? 1.15 : 1.0) * 0.75;
        vec2 q = (p - (count < 1.5 ? 0.25 : 0.85) * (2.0 * h.xy - 1.0) * vec2(1.0, 0.8)) / s;
        if (g.x > 0.5 * school + 0.5) q.x = -q.x;
        q = rotation(-heading - 0.5 * (1.0 - school) * (g.y - 0.5)) * q;
        q.y += swim * sin(2.2 * q.x + 6.0 * g.z);
        if (dot(q, q) > 3.6) continue;
        float half_deep = deep * (0.85 + 0.3 * g.y);
        float x01 = saturate((q.x + 0.95) / 1.95), height_ = half_deep * (pow(x01, 0.75) * pow(1.0 - x01, 0.45) * 1.75 + 0.1 * (1.0 - x01));
        float body = abs(q.x - 0.02) > 0.98 ? 1.0 : abs(q.y) - height_;
        vec2 v = q - vec2(-0.8, 0.0);
        float spread = abs(v.y) - tail * (0.12 + 0.9 * saturate(-v.x / 0.7)) * 0.75;
        float tail_d = max(max(spread, v.x), -v.x - 0.62 + fork * (0.5 - abs(v.y)));
        float ridge = half_deep + fins * 0.5 * smoothstep(-0.75, -0.1, q.x) * smoothstep(0.65, 0.2, q.x);
        float fin_d = q.y > 0.0 ? max(q.y - ridge, max(-q.x - 0.7, q.x - 0.6)) : max(-q.y - half_deep - 0.35 * fins * smoothstep(0.1, -0.5, q.x), max(-q.x - 0.65, q.x - 0.05));
        float web = min(tail_d, fin_d), ray_ = 0.5 + 0.5 * cos(55.0 * (web == tail_d ? atan(v.y, v.x - 0.3) : 0.6 * q.x + 0.3 * q.y));
        float haze_ = 0.65 * (1.0 - near);
        vec3 fin = mix(marks(0.35 + 0.3 * ray_), colours(0.5), 0.3) * (0.65 + 0.4 * ray_);
        colour = mix(colour, mix(fin, water(0.5), haze_), 0.85 * inside(web * s, 2.0 * PIXEL));
        if (body > 0.05) continue;
        float up = q.y / max(height_, 0.02);
        vec2 lattice = scales * vec2(q.x, 0.85 * asin(clamp(up, -1.0, 1.0)) * half_deep * 1.3) + 20.0;
        lattice.x += 0.5 * mod(floor(lattice.y), 2.0);
        vec2 f = fract(lattice) - 0.5;
        float scale_ = length(f * vec2(0.9, 0.75) + vec2(0.25, 0.0)), cover = smoothstep(0.62, 0.45, q.x);
        float tone = 0.45 - 0.4 * up * belly + 0.15 * (hash1(ivec2(floor(lattice)), salt + 3.0) - 0.5);
        vec3 skin = colours(saturate(tone + 0.3));
        float band = smoothstep(0.4, 0.6, zigzag(stripe_count * dot(q, unit_vector(stripe_turn)) + 0.3 * noise(3.0 * q, salt + 4.0) + g.z));
        skin = mix(skin, marks(0.2 + 0.3 * g.x), band * saturate(stripes));
        Cell dot_ = cells(4.5 * q + 9.0 * g.xy, 0.8, salt + 5.0);
        skin = mix(skin, marks_at(0), step(0.0, spots) * inside(dot_.nearest - spots * 0.6, 0.1) * step(-0.3, up));
        skin *= 1.0 - cover * 0.4 * smoothstep(0.3, 0.55, scale_);
        vec3 normal = normalize(vec3(0.35 * q.x, up * 0.95, sqrt(max(1.05 - up * up, 0.05))));
        skin = skin * (0.5 + 0.6 * max(dot(normal, normalize(vec3(0.2, 0.8, 0.7))), 0.0)) + 0.22 * cover * pow(max(normal.z, 0.0), 4.0) * smoothstep(0.4, 0.15, scale_) * (0.3 + 0.7 * saturate(up + 0.6));
        skin *= 1.0 - 0.35 * stroke(length(q - vec2(0.28, -0.02)) - 0.32, 0.02, 0.05) * step(0.3, q.x);
        vec2 e = q - vec2(0.72, 0.16 * half_deep / 0.4);
        skin = mix(skin, mix(marks_at(3), vec3(0.9), 0.5), inside(length(e) - 0.095, 0.02));
        skin = mix(skin, vec3(0.04), inside(length(e) - 0.055, 0.02)) + 0.8 * inside(length(e - vec2(0.02, 0.025)) - 0.015, 0.02);
        float pec = length((rotation(0.6) * (q - vec2(0.18, -0.22 * half_deep / 0.4))) * vec2(0.8, 1.7)) - 0.2;
        skin = mix(skin, fin * 1.1, 0.8 * inside(pec, 0.03));
        colour = mix(colour, mix(skin, water(0.5), haze_), inside(body * s, 2.0 * PIXEL));
    }
    return colour;
}
