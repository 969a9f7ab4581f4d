// title: Coils of a snake: scales in a pattern along a winding body
// licence: Apache-2.0
// cost: medium
// include: noise, cells, space
// parameter: colours palette
// parameter: marks palette
// parameter: ground palette
// parameter: salt seed
// parameter: count integer 1 4
// parameter: girth uniform 0.16 0.42
// parameter: wave uniform 0.1 0.6
// parameter: waves log_uniform 1.0 3.2
// parameter: turn angle
// parameter: disorder uniform 0.2 3.1
// parameter: scales log_uniform 4.0 9.0
// parameter: saddles log_uniform 0.6 2.5
// parameter: saddle_kind integer 0 3
// parameter: contrast uniform 0.3 1.0
// parameter: keel uniform 0.0 0.6
// parameter: gloss uniform 0.0 0.5
// parameter: taper uniform 0.0 0.5
// parameter: sun angle
// parameter: litter log_uniform 1.2 5.0
// parameter: ground_kind integer 0 1

vec3 soil(vec2 p) {
    vec2 light = unit_vector(sun);
    if (ground_kind < 0.5) {
        float h = fbm(litter * p, 5, 0.6, salt + 40.0), slope = h - fbm(litter * p + 0.08 * light, 5, 0.6, salt + 40.0);
        return ground(0.3 + 0.55 * h) * clamp(0.75 + 3.5 * slope, 0.3, 1.3);
    }
    Cell stone = cells(litter * p + 9.0, 0.95, salt + 41.0);
    float bump = saturate(2.4 * stone.edge);
    return ground(0.15 + 0.75 * hash1(stone.id, salt + 42.0)) * (0.3 + 0.6 * bump) * (1.0 - 0.6 * dot(stone.offset, light)) * (0.85 + 0.3 * noise(20.0 * p, salt + 43.0));
}

// Tone of the pattern at s along and v in [-1, 1] across the back.
float pattern(float s, float v, float key) {
    float x = saddles * s + 0.12 * noise(vec2(5.0 * s, 2.0 * v), key), f = zigzag(x);
    if (saddle_kind < 0.5) return smoothstep(0.12, 0.0, abs(v) + f - 0.95) - 0.6 * smoothstep(0.1, 0.0, abs(abs(v) + f - 0.95));
    if (saddle_kind < 1.5) return smoothstep(0.45, 0.55, f + 0.15 * abs(v));
    if (saddle_kind < 2.5) return smoothstep(0.3, 0.2, abs(abs(v) - 0.45)) * (0.5 + 0.5 * smoothstep(0.3, 0.5, f));
    return smoothstep(0.12, 0.0, abs(v - 0.55 * (2.0 * f - 1.0)) - 0.22);
}

vec3 shade(vec2 p) {
    vec3 colour = soil(p), light = normalize(vec3(unit_vector(sun), 0.8));
    for (int i = ZERO; i < int(count); i++) {
        vec3 h = hash3(i, salt);
        mat2 turned = rotation(turn + disorder * (2.0 * h.x - 1.0));
        float amp = wave * (0.7 + 0.6 * h.y), k = waves * (0.8 + 0.4 * h.z), shift = 1.1 * (hash1(i, salt + 1.0) - 0.5) * (count < 1.5 ? 0.4 : 1.3), phase = TURN * h.z;
        vec2 q = turned * p - vec2(0.0, shift), u = turned * (p + 0.35 * girth * light.xy) - vec2(0.0, shift);
        float x = q.x;
        for (int n = ZERO; n < 3; n++) {  // foot of the perpendicular on the wave
            float y = amp * sin(k * x + phase), dy = amp * k * cos(k * x + phase), ddy = -amp * k * k * sin(k * x + phase);
            x -= clamp(((x - q.x) + (y - q.y) * dy) / max(1.0 + dy * dy + (y - q.y) * ddy, 0.5), -0.5, 0.5);
        }
        float slope = amp * k * cos(k * x + phase), r = girth * (1.0 - taper * smoothstep(-1.5, 1.5, x));
        vec2 tangent = normalize(vec2(1.0, slope)), off = q - vec2(x, amp * sin(k * x + phase));
        float across = dot(off, vec2(-tangent.y, tangent.x)) / r;
        float us = amp * k * cos(k * u.x + phase), under = abs(u.y - amp * sin(k * u.x + phase)) / sqrt(1.0 + us * us) - r;
        colour *= 1.0 - 0.55 * smoothstep(0.12, -0.1, under);
        float d = length(off) - r;
        if (d > 0.02) continue;
        across = clamp(across, -0.995, 0.995);
        float s = (x + 0.25 * amp * amp * k * sin(2.0 * (k * x + phase))) * (1.0 + 0.2 * amp * k), v = asin(across) / 1.5708;
        vec2 lattice = scales * vec2(s / (girth * 3.0), v);
        lattice = vec2(lattice.x + lattice.y, lattice.x - lattice.y);
        ivec2 id = ivec2(floor(lattice));
        vec2 f = fract(lattice) - 0.5;
        vec2 cell_centre = (vec2(id) + 0.5);
        float cs = 0.5 * (cell_centre.x + cell_centre.y) / scales * girth * 3.0, cv = 0.5 * (cell_centre.x - cell_centre.y) / scales;
        float mark = saturate(pattern(cs, cv, salt + 5.0 + float(i)) + 0.25 * (hash1(id, salt + 6.0) - 0.5));
        vec3 flesh = mix(colours(0.55 + 0.3 * (hash1(id, salt + 7.0) - 0.5) - 0.2 * abs(v)), marks(0.2 + 0.3 * abs(cv)), contrast * mark);
        flesh = mix(flesh, colours_at(3), 0.6 * smoothstep(0.7, 0.95, abs(v)));
        float gap = max(abs(f.x), abs(f.y)), ridge = smoothstep(0.12, 0.0, abs(f.x - f.y));
        vec2 side = transpose(turned) * vec2(-tangent.y, tangent.x), along = transpose(turned) * tangent;
        vec3 normal = normalize(vec3(side * across + 0.25 * along * (f.x + f.y), sqrt(max(1.0 - across * across, 0.03))));
        float matte = max(dot(normal, light), 0.0);
        flesh *= (0.25 + 0.9 * matte) * (1.0 - 0.55 * smoothstep(0.36, 0.5, gap)) * (1.0 + keel * (ridge - 0.3));
        flesh += gloss * pow(max(reflect(-light, normal).z, 0.0), 10.0) * smoothstep(0.5, 0.3, gap);
        colour = mix(colour, flesh, inside(d, 1.5 * PIXEL));
    }
    return colour;
}
