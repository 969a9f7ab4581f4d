// title: Waterfall between rocks, with spray and a pool
// licence: Apache-2.0
// cost: heavy
// include: noise, space
// parameter: rock palette
// parameter: water palette
// parameter: green palette
// parameter: salt seed
// parameter: fall_x uniform -0.5 0.5
// parameter: width uniform 0.12 0.5
// parameter: spread uniform -0.1 0.35
// parameter: top uniform 0.25 1.3
// parameter: pool uniform -0.85 -0.25
// parameter: falls integer 1 3
// parameter: ledges uniform 0.0 0.22
// parameter: strands log_uniform 5.0 16.0
// parameter: torn uniform 0.2 0.8
// parameter: rock_scale log_uniform 1.2 3.5
// parameter: strata uniform 0.0 1.0
// parameter: moss uniform 0.0 0.7
// parameter: spray uniform 0.2 1.0
// parameter: sun angle
// parameter: boulders uniform 0.0 0.8

float stone(vec2 q) {
    vec2 s = rock_scale * q * mix(vec2(1.0), vec2(0.6, 1.8), strata) + 7.0;
    s += 0.3 * noise_offset(1.5 * s, salt + 1.0);
    return 0.7 * ridges(s, 4, 0.5, salt + 2.0) + 0.5 * fbm(0.6 * s, 2, 0.5, salt + 3.0);
}

vec3 cliff(vec2 p) {
    vec2 light = unit_vector(sun);
    float h = stone(p), slope = h - stone(p + 0.04 * light);
    vec3 colour = rock(0.15 + 0.6 * h + 0.15 * (noise(20.0 * p, salt + 4.0) - 0.5)) * clamp(0.62 + 1.9 * slope, 0.2, 1.2) * (0.55 + 0.5 * h);
    float wet = smoothstep(width + 0.35, width, abs(p.x - fall_x));
    colour *= 1.0 - 0.4 * wet;
    float grown = smoothstep(1.0 - moss, 1.15 - moss, fbm(2.2 * p + 3.0, 4, 0.6, salt + 5.0) + 0.25 * h - 0.1 * wet);
    return mix(colour, green(0.25 + 0.6 * fbm(9.0 * p, 3, 0.6, salt + 6.0)) * (0.5 + 0.7 * fbm(6.0 * p, 3, 0.6, salt + 7.0)), grown);
}

vec3 shade(vec2 p) {
    vec3 colour = cliff(p);
    float lip = top + 0.1 * (noise(vec2(2.0 * p.x, 1.0), salt + 10.0) - 0.5);
    vec3 above = mix(water_at(3), green(0.6), 0.35) * (0.7 + 0.4 * fbm(1.3 * p, 3, 0.5, salt + 11.0));
    float trees = top + 0.14 + 0.4 * (fbm(vec2(2.5 * p.x, 3.0), 4, 0.6, salt + 12.0) - 0.35);
    above = mix(above, green(0.15 + 0.5 * fbm(7.0 * p, 3, 0.6, salt + 13.0)) * 0.7, inside(p.y - trees, 0.03));
    colour = mix(above, colour, inside(p.y - lip, 0.02));
    float mist = 0.0;
    for (int i = ZERO; i < int(falls); i++) {
        vec2 h = hash2(i, salt + 20.0);
        float x0 = fall_x + (i == 0 ? 0.0 : (h.x - 0.5) * 1.8), w = width * (i == 0 ? 1.0 : 0.2 + 0.5 * h.y);
        float drop = saturate((lip - p.y) / (lip - pool));
        float step_ = ledges * (floor(3.0 * drop) + smoothstep(0.0, 0.25, fract(3.0 * drop))) / 3.0;
        float x = p.x - x0 - step_ * (h.x - 0.3) - 0.06 * (noise(vec2(3.0 * p.y, float(i)), salt + 21.0) - 0.5);
        float wide = w * (1.0 + 2.0 * spread * drop + ledges * 2.0 * smoothstep(0.0, 0.3, fract(3.0 * drop)) * step(0.01, drop));
        float u = x / wide;
        float strand = fbm(vec2(strands * w * 2.5 * u + 0.6 * noise(vec2(2.0 * u, 5.0 * p.y), salt + 22.0), 1.1 * p.y + 0.8 * drop), 4, 0.62, salt + 23.0 + 5.0 * float(i));
        float cover = smoothstep(0.0, 0.3, 1.0 - abs(u) - torn * 0.9 * (0.75 - strand) * (0.4 + 0.6 * drop));
        cover *= inside(p.y - lip, 0.03) * smoothstep(pool - 0.1, pool + 0.03, p.y);
        float shade_ = 0.5 + 0.55 * smoothstep(0.25, 0.75, strand) + 0.15 * dot(vec2(u, 0.3), unit_vector(sun));
        vec3 white = mix(water(0.45 + 0.55 * strand), vec3(0.95), 0.35 + 0.45 * smoothstep(0.4, 0.8, strand)) * shade_;
        colour = mix(colour, white, cover * (0.7 + 0.3 * strand));
        vec2 foot = (p - vec2(x0 + ledges * (h.x - 0.3), pool)) / vec2(1.5 * wide + 0.15, 0.2 + 0.4 * w);
        mist += spray * exp(-1.6 * dot(foot, foot)) * (0.6 + 0.8 * fbm(3.0 * p + 5.0, 4, 0.55, salt + 25.0));
    }
    float line = pool + 0.03 * (noise(vec2(4.0 * p.x, 1.0), salt + 30.0) - 0.5);
    if (p.y < line + 0.02) {
        float depth = line - p.y, far = 1.0 / (0.12 + max(depth, 0.0));
        vec2 q = vec2((p.x - fall_x) * far, 3.5 * far);
        float wave = fbm(0.8 * q + vec2(0.0, 9.0), 3, 0.55, salt + 31.0), froth = smoothstep(0.35, 0.8, wave + 0.5 * exp(-abs(p.x - fall_x) / (width + 0.2)) - 1.1 * depth);
        vec3 mirror = cliff(vec2(p.x + 0.12 * (wave - 0.5), 2.0 * line - p.y + 0.25 * (wave - 0.5))) * 0.55;
        vec3 surface = mix(mirror, water(0.25 + 0.4 * wave), 0.5) + 0.12 * smoothstep(0.6, 0.8, wave);
        surface = mix(surface, vec3(0.92), 0.8 * froth);
        colour = mix(colour, surface, inside(p.y - line, 0.02));
    }
    for (int i = ZERO; i < 5; i++) {
        vec3 h = hash3(i, salt + 40.0);
        if (h.z > boulders) continue;
        vec2 c = vec2(2.2 * h.x - 1.1, mix(pool - 0.02, -0.95, float(i) / 4.0)), v = (p - c) / ((0.12 + 0.2 * h.y) * vec2(1.3, 0.85));
        v += 0.12 * noise_offset(3.0 * p + 9.0 * h.xy, salt + 41.0);
        float r2 = dot(v, v), lit = 0.5 + 0.55 * dot(v, unit_vector(sun));
        vec3 face = rock(0.2 + 0.5 * fbm(5.0 * p, 4, 0.6, salt + 42.0)) * (0.25 + 0.8 * lit) + 0.25 * smoothstep(0.7, 0.95, lit) * noise(12.0 * p, salt + 43.0);
        colour = mix(colour, vec3(0.85), 0.5 * smoothstep(0.35, 0.05, abs(r2 - 1.1)) * step(v.y, 0.0));
        colour = mix(colour, face, inside((sqrt(r2) - 1.0) * 0.2, 0.02));
    }
    return mix(colour, mix(water_at(3), vec3(0.93), 0.5), saturate(0.8 * mist));
}
